// SPDX-License-Identifier: Apache-2.0
// Banks and units through yosys and the evaluation of gates: mapped by hand with tiny.lib (INV 1,
// BUF 2, NAND2 2, NOR2 3), and with the shipped ASAP7 cells.
#include <tomestimate/rtl/characterization.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <tomestimate/rtl/synthesis.hpp>
#include <tomestimate/spec/diagnostic.hpp>

#include "catch.hpp"
#include "folder.hpp"
#include "text.hpp"

using namespace tomestimate;
using rtl::Delay;

namespace {

const std::string tiny_file = std::string(TOMESTIMATE_TESTS) + "/rtl/tiny.lib";
const std::string asap7_file = std::string(TOMESTIMATE_SPECS) + "/technology/asap7-cells.toml";

const rtl::Cells& tiny() {
  static const auto cells = rtl::parse_liberty(read(tiny_file), tiny_file);
  return cells;
}

const rtl::Cells& asap7() {
  static const auto cells = rtl::parse_cells(read(asap7_file), asap7_file, "");
  return cells;
}

rtl::Plan small_plan() {
  rtl::Plan plan;
  plan.banks = {{8, 16, 32}, {0.2, 0.5, 0.8}, {24}, {0.4}, 4, 0, 5, rtl::RomForm::lookup};
  plan.units = {rtl::Unit::mvu, rtl::Unit::int8_multiply};
  plan.lanes = 2;
  return plan;
}

const auto quiet = [](std::size_t, std::size_t) {};

// The netlist with a unit of delay a gate, taken through the addresses; prints the edges of all
// gates' outputs.
std::string timed_verilog(const rtl::Netlist& netlist, const std::vector<std::size_t>& addresses) {
  std::string out = "`timescale 1ns/1ns\nmodule t;\n  reg [63:0] address;\n  integer edges, on;\n";
  const auto wire = [](rtl::Net n) { return fmt::format("n{}", n); };
  for (std::size_t i = 0; i < netlist.inputs.size(); ++i)
    out += fmt::format("  wire {} = address[{}];\n", wire(netlist.inputs[i]), i);
  for (const auto& gate : netlist.gates) {
    std::string function;
    const auto& text = gate.cell->function;
    for (std::size_t at = 0; at < text.size();) {
      auto end = at;
      while (end < text.size() && std::isalnum(static_cast<unsigned char>(text[end])) != 0) ++end;
      const auto word = text.substr(at, std::max<std::size_t>(1, end - at));
      const auto names = gate.cell->input_names();
      const auto input = std::find(names.begin(), names.end(), word);
      if (input != names.end())
        function += wire(gate.inputs[static_cast<std::size_t>(input - names.begin())]);
      else
        function += word == "!" ? "~" : word == "*" ? "&" : word == "+" ? "|" : word;
      at += word.size();
    }
    out += fmt::format("  wire {0};\n  assign #1 {0} = {1};\n", wire(gate.output), function);
    out += fmt::format("  always @({}) if (on) edges = edges + 1;\n", wire(gate.output));
  }
  out += fmt::format(
      "  initial begin\n    on = 0;\n    edges = 0;\n    address = {};\n    #1000 on = 1;\n",
      addresses[0]);
  for (std::size_t i = 1; i < addresses.size(); ++i)
    out += fmt::format("    address = {};\n    #1000;\n", addresses[i]);
  return out + "    $display(\"edges %0d\", edges);\n    $finish;\n  end\nendmodule\n";
}

}  // namespace

TEST_CASE("areas of tiles that can be mapped by hand") {
  const rtl::Synthesizer synthesizer(tiny(), tiny_file);
  CHECK(has(synthesizer.version(), "Yosys 0."));
  CHECK(synthesizer.nand2_area() == 2);
  for (const auto form : {rtl::RomForm::lookup, rtl::RomForm::minterms}) {
    const auto area = [&](const rtl::Tile& tile) {
      return synthesizer.synthesize(rtl::rom_verilog(tile, "rom", form, ""), "rom", "t").area();
    };
    CHECK(area({{2, 1, 1}, {0, 0}}) == 0);        // constant: no cell
    CHECK(area({{2, 1, 1}, {0, 1}}) == 0);        // word[0] is the address: a wire
    CHECK(area({{2, 1, 1}, {1, 0}}) == 1);        // word[0] is its inverse: INV
    CHECK(area({{2, 1, 1}, {1, -1}}) == 1);       // word[0] the inverse, word[1] the address
    CHECK(area({{4, 1, 1}, {1, 0, 0, 0}}) == 3);  // neither address line: NOR2
  }
}

TEST_CASE("a library that maps no NAND is refused, and temporary folders are gone") {
  auto cells = tiny();
  cells.liberty = "library (bad) { }";
  CHECK_THROWS_AS(rtl::Synthesizer(cells, "bad.lib"), spec::SpecError);
  std::filesystem::path kept;
  {
    const spec::TemporaryFolder temporary;
    kept = temporary.path();
    CHECK(std::filesystem::exists(kept));
  }
  CHECK(!std::filesystem::exists(kept));
}

TEST_CASE("the gates of a ROM answer as its weights, all addresses at once") {
  const rtl::Synthesizer synthesizer(asap7(), asap7_file);
  const auto tile = rtl::random_tile({64, 1, 8}, 0.4, 3);
  const auto netlist =
      synthesizer.synthesize(rtl::rom_verilog(tile, "rom", rtl::RomForm::lookup, ""), "rom", "t");
  rtl::Evaluator evaluator(netlist, Delay::none);
  std::vector<std::uint64_t> address(netlist.inputs.size(), 0);
  for (std::size_t a = 0; a < 64; ++a)
    for (std::size_t i = 0; i < address.size(); ++i) address[i] |= std::uint64_t(a >> i & 1) << a;
  evaluator.step(address);
  for (std::size_t w = 0; w < 64; ++w)
    for (std::size_t i = 0; i < 8; ++i) {
      const auto bit = [&](std::size_t b) { return evaluator.value(netlist.outputs[b]) >> w & 1; };
      CHECK(int(bit(2 * i)) - int(bit(2 * i + 1)) == tile.word(w)[i]);
    }
}

TEST_CASE("edges with a unit of delay a gate are those of an event simulator") {
  const rtl::Synthesizer synthesizer(asap7(), asap7_file);
  const auto netlist = synthesizer.synthesize(
      rtl::rom_verilog(rtl::random_tile({64, 1, 8}, 0.4, 3), "rom", rtl::RomForm::lookup, ""),
      "rom", "t");
  std::vector<std::size_t> addresses;
  for (std::size_t i = 0; i < 200; ++i) addresses.push_back(i * 37 % 64);
  rtl::Evaluator evaluator(netlist, Delay::unit);
  std::vector<std::uint64_t> inputs(netlist.inputs.size());
  for (const auto a : addresses) {
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = a >> i & 1;  // the first stream
    evaluator.step(inputs);
  }
  std::set<rtl::Net> outputs;
  for (const auto& gate : netlist.gates) outputs.insert(gate.output);
  std::uint64_t edges = 0;
  for (const auto n : outputs)
    edges += evaluator.activity().rises[n] + evaluator.activity().falls[n];

  const Folder folder;
  std::ofstream(folder.file("t.v")) << timed_verilog(netlist, addresses);
  const auto command = "iverilog -g2001 -o " + folder.file("sim") + " " + folder.file("t.v") +
                       " && vvp -n " + folder.file("sim");
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  unsigned long simulated = 0;
  CHECK(std::fscanf(pipe, "edges %lu", &simulated) == 1);
  pclose(pipe);
  // Where two inputs change at once the simulator may see a moment between them, or none.
  CHECK(static_cast<double>(edges) == Approx(static_cast<double>(simulated)).epsilon(0.02));
}

TEST_CASE("a characterization is the same for any number of threads, and goes on where it was") {
  const Folder folder;
  auto plan = small_plan();
  plan.kept = folder.file("kept");
  std::vector<std::size_t> done;
  const auto count = [&](std::size_t n, std::size_t all) {
    done.push_back(n);
    CHECK(all == 12);
  };
  const auto one = rtl::characterize(asap7(), asap7_file, plan, 0.3, 1, count);
  CHECK(done.front() == 0);
  CHECK(done.back() == 12);
  REQUIRE(one.banks.size() == 10);
  CHECK(one.banks[9].held_out);
  // 8 words of 4 weights, round(0.2 x 32) = 6 zeros.
  CHECK(one.banks[0].counts.zero == 6);
  CHECK(one.banks[0].ones_share() == Approx(26.0 / 64));
  CHECK(one.banks[0].gates.area > 0);
  CHECK(one.banks[0].random.total(0.3) > 0);
  CHECK(one.banks[0].in_order.glitches >= 1);
  REQUIRE(one.units.size() == 2);
  CHECK(one.units[0].gates.flip_flops > 2 * 30);
  CHECK(one.units[0].activities.size() == 4);
  CHECK(one.units[1].gates.flip_flops == 0);
  CHECK(one.flip_flop_name == "DFFHQNx1");
  REQUIRE(one.laws.size() > 3);

  plan.kept = "";
  const auto two = rtl::characterize(asap7(), asap7_file, plan, 0.3, 3, quiet);
  CHECK(rtl::technology_toml(two) == rtl::technology_toml(one));

  // The file is cut within its last line, as if the program had been killed: that one is measured
  // again, and all else is taken.
  plan.kept = folder.file("kept");
  const auto lines = read(plan.kept);
  std::ofstream(plan.kept) << lines.substr(0, lines.size() - 5);
  done.clear();
  const auto again = rtl::characterize(asap7(), asap7_file, plan, 0.3, 2, count);
  CHECK(done == std::vector<std::size_t>{11, 12});
  CHECK(rtl::technology_toml(again) == rtl::technology_toml(one));
  CHECK(read(plan.kept).size() == lines.size());

  std::ofstream(plan.kept) << "something else\n";
  CHECK_THROWS_AS(rtl::characterize(asap7(), asap7_file, plan, 0.3, 1, quiet), spec::SpecError);
}

TEST_CASE("wire goes into energy, not into area") {
  auto plan = small_plan();
  plan.units = {};
  const Folder folder;
  plan.kept = folder.file("kept");
  const auto thin = rtl::characterize(asap7(), asap7_file, plan, 0, 2, quiet);
  const auto thick = rtl::characterize(asap7(), asap7_file, plan, 1, 2, quiet);
  const auto& bank = thick.banks[3];
  CHECK(bank.gates.area == thin.banks[3].gates.area);
  CHECK(bank.random.total(1) == Approx(bank.random.total(0) + bank.random.wires));
  CHECK(thick.laws[0].coefficients == thin.laws[0].coefficients);
  CHECK(rtl::technology_toml(thin) != rtl::technology_toml(thick));
}
