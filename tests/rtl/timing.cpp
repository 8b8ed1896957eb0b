// SPDX-License-Identifier: Apache-2.0
// Longest paths by hand on a library whose tables are planes, and by OpenSTA on a real one.
#include <tomestimate/rtl/timing.hpp>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <tomestimate/rtl/datapath.hpp>
#include <tomestimate/rtl/synthesis.hpp>
#include <tomestimate/rtl/tile.hpp>
#include <tomestimate/rtl/verilog.hpp>
#include <tomestimate/spec/diagnostic.hpp>

#include "catch.hpp"
#include "folder.hpp"
#include "text.hpp"

using namespace tomestimate;

namespace {

// Of slew s (ps) and load l (fF), in a library of ns and pF. INV: rise 10 + 2 l + 0.1 s, fall
// 8 + l + 0.05 s, slews 5 + 4 l and 4 + 2 l. NAND from A: rise 12 + 3 l + 0.2 s, fall
// 14 + 2 l + 0.1 s, slews 6 + 2 l and 5 + 2 l + 0.5 s, its tables by load and then slew; from B
// 30, 10, 7 and 9. DFF: clock to output 40 and 50, slews 10 and 12, setups 15 and 25.
const std::string timed_library = R"lib(library (hand) {
  time_unit : "1ns"; capacitive_load_unit (1, pf);
  lu_table_template (by_slew) { variable_1 : input_net_transition;
    variable_2 : total_output_net_capacitance; index_1 ("0, 0.1"); index_2 ("0, 0.01"); }
  lu_table_template (by_load) { variable_1 : total_output_net_capacitance;
    variable_2 : input_net_transition; index_1 ("7, 8"); index_2 ("7, 8"); }
  cell (INV) { area : 1;
    pin (A) { direction : input; capacitance : 0.001; }
    pin (Y) { direction : output; function : "!A"; timing () { related_pin : "A";
      timing_sense : negative_unate;
      cell_rise (by_slew) { values ("0.010, 0.030", "0.020, 0.040"); }
      cell_fall (by_slew) { values ("0.008, 0.018", "0.013, 0.023"); }
      rise_transition (by_slew) { values ("0.005, 0.045", "0.005, 0.045"); }
      fall_transition (by_slew) { values ("0.004, 0.024", "0.004, 0.024"); } } } }
  cell (NAND) { area : 2;
    pin (A) { direction : input; capacitance : 0.002; }
    pin (B) { direction : input; capacitance : 0.002; }
    pin (Y) { direction : output; function : "!(A B)";
      timing () { related_pin : "A"; timing_sense : negative_unate;
        cell_rise (by_load) { index_1 ("0, 0.01"); index_2 ("0, 0.1");
          values ("0.012, 0.032", "0.042, 0.062"); }
        cell_fall (by_load) { index_1 ("0, 0.01"); index_2 ("0, 0.1");
          values ("0.014, 0.024", "0.034, 0.044"); }
        rise_transition (by_load) { index_1 ("0, 0.01"); index_2 ("0, 0.1");
          values ("0.006, 0.006", "0.026, 0.026"); }
        fall_transition (by_load) { index_1 ("0, 0.01"); index_2 ("0, 0.1");
          values ("0.005, 0.055", "0.025, 0.075"); } }
      timing () { related_pin : "B"; timing_sense : negative_unate;
        cell_rise (scalar) { values ("0.030"); } cell_fall (scalar) { values ("0.010"); }
        rise_transition (scalar) { values ("0.007"); }
        fall_transition (scalar) { values ("0.009"); } } } }
  cell (BUF) { area : 2;
    pin (A) { direction : input; capacitance : 0.001; }
    pin (Y) { direction : output; function : "A"; timing () { related_pin : "A";
      timing_sense : positive_unate;
      cell_rise (scalar) { values ("0.020"); } cell_fall (scalar) { values ("0.020"); }
      rise_transition (scalar) { values ("0.010"); }
      fall_transition (scalar) { values ("0.010"); } } } }
  cell (DFF) { area : 5; ff (IQ, IQN) { clocked_on : "C"; next_state : "D"; }
    pin (C) { direction : input; clock : true; capacitance : 0.001; }
    pin (D) { direction : input; capacitance : 0.002; timing () { related_pin : "C";
      timing_type : hold_rising; rise_constraint (scalar) { values ("9"); } }
      timing () { related_pin : "C"; timing_type : setup_rising;
        rise_constraint (scalar) { values ("0.015"); }
        fall_constraint (scalar) { values ("0.025"); } } }
    pin (Q) { direction : output; function : "IQ"; timing () { related_pin : "C";
      timing_type : rising_edge; timing_sense : non_unate;
      cell_rise (scalar) { values ("0.040"); } cell_fall (scalar) { values ("0.050"); }
      rise_transition (scalar) { values ("0.010"); }
      fall_transition (scalar) { values ("0.012"); } } } }
})lib";

const rtl::CellLibrary& hand() {
  static const auto library = rtl::parse_liberty(timed_library, "hand.lib").library;
  return library;
}

const std::string nand_inv =
    ".model m\n.inputs a b\n.outputs y\n.subckt NAND A=a B=b Y=n\n.subckt INV A=n Y=y\n.end\n";

// The netlist as Verilog of the library's cells.
std::string structural(const rtl::Netlist& netlist, const rtl::CellLibrary& library) {
  const auto wire = [](rtl::Net n) { return fmt::format("n{}", n); };
  const auto name_of = [&](const rtl::Cell* cell) {
    for (const auto& [name, c] : library.cells)
      if (&c == cell) return name;
    return std::string();
  };
  std::string ports, body;
  for (std::size_t i = 0; i < netlist.inputs.size(); ++i) {
    const bool clock = netlist.input_names[i] == "clock";
    const auto port = clock ? std::string("clock") : fmt::format("i{}", i);
    ports += fmt::format("{}{}", i == 0 ? "" : ", ", port);
    body += fmt::format("  input {};\n  wire {};\n  assign {} = {};\n", port,
                        wire(netlist.inputs[i]), wire(netlist.inputs[i]), port);
  }
  for (std::size_t i = 0; i < netlist.outputs.size(); ++i) {
    ports += fmt::format(", o{}", i);
    body += fmt::format("  output o{};\n  assign o{} = {};\n", i, i, wire(netlist.outputs[i]));
  }
  std::size_t number = 0;
  for (const auto* gates : {&netlist.gates, &netlist.flip_flops})
    for (const auto& g : *gates) {
      body += fmt::format("  wire {};\n  {} g{} (.{}({})", wire(g.output), name_of(g.cell),
                          number++, g.cell->output, wire(g.output));
      for (std::size_t i = 0; i < g.inputs.size(); ++i)
        body += fmt::format(", .{}({})", g.cell->inputs[i].name, wire(g.inputs[i]));
      body += ");\n";
    }
  return fmt::format("module m ({});\n{}endmodule\n", ports, body);
}

// ps by OpenSTA: ideal clock and inputs with a slew of 20 ps, nothing behind the outputs.
double by_opensta(const rtl::Netlist& netlist, const rtl::CellLibrary& library,
                  const std::string& liberty) {
  const Folder folder;
  std::ofstream(folder.file("m.v")) << structural(netlist, library);
  const bool clocked = !netlist.flip_flops.empty();
  std::ofstream(folder.file("run.tcl"))
      << "read_liberty " << liberty << "\nread_verilog " << folder.file("m.v")
      << "\nlink_design m\ncreate_clock -name c -period 1000 "
      << (clocked ? "[get_ports clock]" : "")
      << "\nset_clock_transition 0.02 [get_clocks c]\nset_input_transition 0.02 [all_inputs]\n"
         "set_input_delay 0 -clock c [all_inputs -no_clocks]\nset_output_delay 0 -clock c "
         "[all_outputs]\nputs \"SLACK [format %.6f [worst_slack]]\"\nexit\n";
  const auto command =
      "sta -no_splash -exit " + folder.file("run.tcl") + " 2>&1 | grep -a -o 'SLACK .*'";
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  double slack = 0;
  CHECK(std::fscanf(pipe, "SLACK %lf", &slack) == 1);
  pclose(pipe);
  return (1000 - slack) * 1000;
}

}  // namespace

TEST_CASE("a table between and beyond its points") {
  const rtl::LookupTable table{{0, 10}, {0, 2}, {0, 1, 2, 5}};
  CHECK(table(0, 0) == 0);
  CHECK(table(10, 2) == 5);
  CHECK(table(5, 1) == Approx(2));     // the mean of the four
  CHECK(table(10, 4) == Approx(8));    // 5 + (5 - 2)
  CHECK(table(-10, 0) == Approx(-2));  // 0 - 2
  const rtl::LookupTable line{{}, {1, 2, 4}, {10, 20, 60}};
  CHECK(line(99, 1.5) == Approx(15));
  CHECK(line(99, 3) == Approx(40));
  CHECK(line(99, 5) == Approx(80));
  CHECK(rtl::LookupTable{{}, {}, {7}}(1, 2) == 7);
}

TEST_CASE("the longest path of two gates, by hand") {
  const auto netlist = rtl::parse_blif(nand_inv, hand());
  // n drives 1 fF and 0.5 of wire. From A with slew 20: rise 12 + 3 1.5 + 0.2 20 = 20.5 with slew
  // 6 + 3 = 9, fall 14 + 3 + 2 = 19 with slew 5 + 3 + 10 = 18; from B rise 30 with slew 7, fall 10
  // with slew 9. So n rises at 30 with slew 9 and falls at 19 with slew 18. y drives 0.5 of wire:
  // it rises at 19 + 10 + 2 0.5 + 0.1 18 = 31.8 and falls at 30 + 8 + 0.5 + 0.05 9 = 38.95.
  CHECK(longest_path(netlist, {20, 0.5, nullptr}).value() == Approx(38.95));
  // From a flip-flop (rise 40 with slew 10, fall 50 with slew 12) to another, 2 fF more at y. n
  // from A: rise 50 + 12 + 4.5 + 2.4 = 68.9 with slew 9, fall 40 + 14 + 3 + 1 = 58 with slew 5 + 3
  // + 5 = 13; from B rise 80, fall 50. y rises at 58 + 10 + 5 + 1.3 = 74.3, + 15 of setup; it falls
  // at 80 + 8 + 2.5 + 0.45 = 90.95, + 25.
  CHECK(longest_path(netlist, {20, 0.5, &hand().cells.at("DFF")}).value() == Approx(115.95));
}

TEST_CASE("from a flip-flop to its own setup, by hand") {
  const auto netlist = rtl::parse_blif(
      ".model m\n.inputs clock\n.outputs q\n.subckt DFF C=clock D=d Q=q\n.subckt INV A=q Y=d\n"
      ".end\n",
      hand());
  // d drives 2 fF and 0.5 of wire. It rises at 50 + 10 + 5 + 1.2 = 66.2, + 15 of setup; it falls at
  // 40 + 8 + 2.5 + 0.5 = 51, + 25.
  CHECK(longest_path(netlist, {20, 0.5, nullptr}).value() == Approx(81.2));
}

TEST_CASE("without delays there is no path") {
  auto library = hand();
  library.cells.at("INV").arcs.clear();
  CHECK(!longest_path(rtl::parse_blif(nand_inv, library), {}));
  library.cells.at("BUF").arcs.clear();
  CHECK(rtl::best_buffer(library, 2, {}) == nullptr);
}

TEST_CASE("trees of buffers: the same logic, no net with more sinks") {
  // Five inverters on n, and n a port: six sinks. Pairs make 3 buffers, and those 2.
  std::string blif = ".model m\n.inputs a b\n.outputs n y0 y1 y2 y3 y4\n.subckt NAND A=a B=b Y=n\n";
  for (int i = 0; i < 5; ++i) blif += fmt::format(".subckt INV A=n Y=y{}\n", i);
  const auto netlist = rtl::parse_blif(blif + ".end\n", hand());
  const auto* buffer = rtl::best_buffer(hand(), 2, {});
  REQUIRE(buffer == &hand().cells.at("BUF"));
  const auto trees = rtl::buffered(netlist, *buffer, 2);
  CHECK(trees.area() == netlist.area() + 5 * 2);
  CHECK(trees.depth() == 4);
  std::vector<int> sinks(trees.nets, 0);
  for (const auto& g : trees.gates)
    for (const auto n : g.inputs) ++sinks[n];
  for (const auto n : trees.outputs) ++sinks[n];
  for (const int s : sinks) CHECK(s <= 2);
  rtl::Evaluator before(netlist, rtl::Delay::none), after(trees, rtl::Delay::none);
  const std::array<std::uint64_t, 2> in{0b0011, 0b0101};
  before.step(in);
  after.step(in);
  for (std::size_t i = 0; i < netlist.outputs.size(); ++i)
    CHECK(before.value(netlist.outputs[i]) == after.value(trees.outputs[i]));
  // n has 2 buffers of 1 fF: at most max(12, 30) + the two buffers' 40 and INV with slew 10: from a
  // fall of n, 14 + 2 2 + 0.1 20 = 20, then 40, then 10 + 0.1 10; from a rise, 30 + 40 + 8 + 0.5.
  CHECK(longest_path(trees, {20, 0, nullptr}).value() == Approx(78.5));
}

TEST_CASE("a table over what is not known here is none, and its cell has no delays") {
  for (const std::string other : {"variable_2 : output_net_length", "variable_3 : anything;"}) {
    auto text = timed_library;
    const std::string from = "variable_2 : total_output_net_capacitance";
    text.replace(text.find(from), from.size(),
                 other[9] == '2' ? other : other + " variable_2 : total_output_net_capacitance");
    const auto library = rtl::parse_liberty(text, "x.lib").library;
    CHECK(library.cells.at("INV").arcs.empty());
    CHECK(library.cells.at("NAND").arcs.size() == 2);
    CHECK(!longest_path(rtl::parse_blif(nand_inv, library), {}));
  }
}

TEST_CASE("tables that are none are refused with their place") {
  const auto with = [](const std::string& from, const std::string& to) {
    auto text = timed_library;
    text.replace(text.find(from), from.size(), to);
    try {
      rtl::parse_liberty(text, "x.lib");
    } catch (const spec::SpecError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(with("\"0.020, 0.040\"", "\"0.020\"")
            .find("x.lib:11:7: error: expected 2 x 2 values, got 3") != std::string::npos);
  CHECK(with("index_1 (\"0, 0.1\")", "index_1 (\"0.1, 0\")").find("index_1 does not ascend") !=
        std::string::npos);
  CHECK(with("cell_rise (by_slew)", "cell_rise (nothing)").find("a table without its template") !=
        std::string::npos);
}

TEST_CASE("longest paths are OpenSTA's") {
  const std::string liberty = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";
  if (!std::filesystem::exists(liberty) || std::system("sta -version > /dev/null 2>&1") != 0) {
    WARN("SKIPPED: no " + liberty + " or no sta (packages qflow-tech-osu018, opensta)");
    return;
  }
  // Without the capacitances of edges, which OpenSTA takes where they are: up to 0.5 % apart here.
  const Folder folder;
  const auto file = folder.file("osu018.lib");
  {
    std::ifstream in(liberty);
    std::ofstream out(file);
    for (std::string line; std::getline(in, line);)
      if (line.find("rise_capacitance") == std::string::npos &&
          line.find("fall_capacitance") == std::string::npos)
        out << line << "\n";
  }
  const auto cells = rtl::parse_liberty(read(file), file);
  const rtl::Synthesizer synthesizer(cells, file);
  const auto check = [&](const std::string& verilog, const char* what) {
    CAPTURE(what);
    const auto netlist = synthesizer.synthesize(verilog, "unit", "t");
    const auto ours = longest_path(netlist, {20, 0, nullptr});
    REQUIRE(ours);
    CHECK(*ours == Approx(by_opensta(netlist, cells.library, file)).epsilon(1e-4));
  };
  check(rtl::rom_verilog(rtl::random_tile({64, 1, 8}, 0.4, 3), "unit", rtl::RomForm::lookup, ""),
        "bank");
  check(rtl::unit_verilog(rtl::Unit::mvu, 2, "unit", ""), "mvu");
  check(rtl::unit_verilog(rtl::Unit::int8_multiply, 1, "unit", ""), "int8 multiplier");
}
