// SPDX-License-Identifier: Apache-2.0
// Cells, netlists and their activity by hand, on gates small enough to follow.
#include <tomestimate/rtl/netlist.hpp>

#include <array>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include <tomestimate/spec/diagnostic.hpp>

#include "catch.hpp"
#include "text.hpp"

using namespace tomestimate;
using rtl::Delay;
using rtl::Function;

namespace {

// An inverter, a NAND and a flip-flop whose numbers are round; 1 pF is 1,000 fF, 2 nW 2,000 pW.
const std::string library_text = R"(/* for tests */ library ("hand") {
  nom_voltage : 1.0; nom_temperature : 25; leakage_power_unit : "1nW"; capacitive_load_unit (1, pf);
  cell (INV) { area : 1; cell_leakage_power : 2;
    pin (A) { direction : input; capacitance : 0.001; internal_power () { rise_power (scalar) {
      values ("0.0001, 0.0003"); } fall_power (scalar) { values ("0.0004"); } } }
    pin (Y) { direction : output; function : "!A"; internal_power () { rise_power (scalar) {
      values ("0.001"); } fall_power (scalar) { values ("0.002"); } } } }
  cell (NAND) { area : 2; leakage_power () { value : 1; } leakage_power () { value : 3; }
    pin (A) { direction : input; rise_capacitance : 0.002; fall_capacitance : 0.004; }
    pin (B) { direction : input; capacitance : 0.003; }
    pin (Y) { direction : output; function : "(A B)'"; } }
  cell (DFF) { area : 5; ff (IQ, IQN) { clocked_on : "C"; next_state : "D"; }
    pin (C) { direction : input; clock : true; capacitance : 0.001; internal_power () {
      rise_power (scalar) { values ("0.0005"); } fall_power (scalar) { values ("0.0007"); } } }
    pin (D) { direction : input; capacitance : 0.002; }
    pin (Q) { direction : output; function : "IQN"; } }
  cell (LATCH) { area : 1; latch (IQ, IQN) { enable : "G"; data_in : "D"; }
    pin (Q) { direction : output; function : "IQ"; } }
  cell (TWO) { area : 1; pin (A) { direction : input; } pin (X) { direction : output; function : "A"; }
    pin (Y) { direction : output; function : "A"; } }
})";

std::uint64_t of(const std::string& function, std::array<std::uint64_t, 3> words) {
  return Function(function, {"A", "B", "C"})([&](std::size_t i) { return words[i]; });
}

}  // namespace

TEST_CASE("functions of cells, 64 at once") {
  const std::uint64_t a = 0b11110000, b = 0b11001100, c = 0b10101010;
  const std::array<std::uint64_t, 3> in{a, b, c};
  CHECK(of("A & B | C", in) == ((a & b) | c));
  CHECK(of("A B + C", in) == ((a & b) | c));
  CHECK(of("!(A*B)", in) == ~(a & b));
  CHECK(of("(A^B)'", in) == ~(a ^ b));
  CHECK(of("A & B ^ C", in) == (a & (b ^ c)));  // Liberty ranks ^ above &
  CHECK(of("1", in) == ~std::uint64_t{0});
  CHECK(of("!0 & C", in) == c);
  for (const auto* bad : {"", "A &", "A B)", "D", "(A", "A ! "})
    CHECK_THROWS_AS(Function(bad, {"A", "B", "C"}), std::invalid_argument);
}

TEST_CASE("cells of a Liberty file, in um^2, pW, fF and fJ") {
  const auto library = rtl::parse_liberty(library_text, "hand.lib").library;
  CHECK(library.name == "hand");
  CHECK(library.voltage == 1);
  CHECK(library.cells.size() == 3);  // no latch, nothing with two outputs
  const auto& inverter = library.cells.at("INV");
  CHECK(inverter.leakage == Approx(2000));
  CHECK(inverter.inputs[0].capacitance == Approx(1));
  CHECK(inverter.inputs[0].energy.rise == Approx(0.2));  // the mean of the table
  CHECK(inverter.energy.fall == Approx(2));
  const auto& nand = library.cells.at("NAND");
  CHECK(nand.leakage == Approx(2000));  // the mean over states
  CHECK(nand.inputs[0].capacitance == Approx(3));
  const auto& flip_flop = library.cells.at("DFF");
  CHECK(flip_flop.flip_flop);
  CHECK(flip_flop.function == "!(D)");  // the output is the inverse of the state
  CHECK(flip_flop.inputs[0].clock);

  const auto fails = [](const std::string& text) {
    try {
      rtl::parse_liberty(text, "x.lib");
    } catch (const spec::SpecError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(fails("library (a) {\n  cell (b) {").find("x.lib:2:") != std::string::npos);
  CHECK(fails("library (a) { area 3; }").find("expected \":\" or \"(\"") != std::string::npos);
  CHECK(fails("hello").find("x.lib:1:") != std::string::npos);
  CHECK(fails("library (a) { b : 1; }").find("no cell that is a gate") != std::string::npos);
  CHECK(fails("library (a) { cell (b) { pin (Y) { direction : output; function : \"Z\"; } } }")
            .find("cell b: \"Z\" is no function") != std::string::npos);
}

TEST_CASE("the shipped cells of ASAP7") {
  const std::string file = std::string(TOMESTIMATE_SPECS) + "/technology/asap7-cells.toml";
  const auto text = read(file);
  const auto cells = rtl::parse_cells(text, file, "");
  CHECK(cells.library.name == "asap7 rvt-tt");
  CHECK(cells.library.voltage == 0.7);
  const auto& nand = cells.library.cells.at("NAND2xp5");
  CHECK(nand.area == Approx(0.05832));
  CHECK(cells.library.cells.at("DFFHQNx1").flip_flop);
  const auto hot = rtl::parse_cells(text, file, "slvt-ss");
  CHECK(hot.library.temperature == 100);
  CHECK(hot.library.cells.at("NAND2xp5").leakage > 100 * nand.leakage);
  // What synthesis maps with reads back as the same cells.
  const auto again = rtl::parse_liberty(cells.liberty, "text").library;
  CHECK(again.cells.size() == cells.library.cells.size());
  for (const auto& [name, cell] : cells.library.cells) {
    CHECK(again.cells.at(name).area == cell.area);
    CHECK(again.cells.at(name).flip_flop == cell.flip_flop);
  }
  CHECK_THROWS_AS(rtl::parse_cells(text, file, "hvt-tt"), spec::SpecError);
  CHECK_THROWS_AS(rtl::parse_cells("kind = \"study\"", file, ""), spec::SpecError);
  CHECK_THROWS_AS(rtl::parse_cells("kind = ", file, ""), spec::SpecError);
}

TEST_CASE("activity and energy of an inverter behind a NAND, by hand") {
  const auto library = rtl::parse_liberty(library_text, "hand.lib").library;
  // y = a & b, through a net n; z is y by another name.
  const auto netlist = rtl::parse_blif(
      ".model m\n.inputs a \\\n  b\n.outputs y z\n.names $false\n.names $true\n1\n"
      ".subckt INV A=n Y=y\n.subckt NAND A=a B=b Y=n\n.names y z\n1 1\n.end\n",
      library);
  CHECK(netlist.area() == 3);
  CHECK(netlist.leakage() == Approx(4000));
  CHECK(netlist.depth() == 2);
  CHECK(netlist.outputs[0] == netlist.outputs[1]);
  rtl::Evaluator e(netlist, Delay::none);
  const std::array<std::uint64_t, 2> low{0, ~0ull}, high{~0ull, ~0ull};
  e.step(low);
  CHECK(e.value(netlist.outputs[0]) == 0);
  e.step(high);  // a and y rise, n falls
  CHECK(e.value(netlist.outputs[0]) == ~0ull);
  e.step(low);  // and back
  CHECK(e.activity().steps == 128);
  CHECK(toggle_share(netlist, e.activity()) == Approx(3.0 / 4));  // b stays
  // An edge of a costs 3/2 fJ at the NAND's pin, of n 1/2 at the inverter's; at 1 fF a sink, a, n
  // and both outputs cost 1/2 each. Inside: rise and fall of n at INV's pin 0.2 + 0.4, of y 1 + 2;
  // half of that a step.
  const auto energy = switching_energy(netlist, e.activity(), 1, 1);
  CHECK(energy.pins == Approx(2));
  CHECK(energy.wires == Approx(2));
  CHECK(energy.internal == Approx(1.8));
  CHECK(energy.clock_pins == 0);
}

TEST_CASE("a flip-flop takes what it was given, and its clock costs two edges a step") {
  const auto library = rtl::parse_liberty(library_text, "hand.lib").library;
  const auto netlist = rtl::parse_blif(
      ".model m\n.inputs clock d\n.outputs q\n.subckt DFF C=clock D=d Q=q\n.end\n", library);
  rtl::Evaluator e(netlist, Delay::none);
  const auto step = [&](std::uint64_t d) {
    e.step(std::array<std::uint64_t, 2>{0, d});
    return e.value(netlist.outputs[0]);
  };
  step(5);
  CHECK(step(7) == ~5ull);
  CHECK(step(0) == ~7ull);
  const auto energy = switching_energy(netlist, e.activity(), 2, 1);
  CHECK(energy.clock_pins == Approx(4 + 1.2));  // C V^2 = 1 fF (2 V)^2, and inside
  CHECK(energy.clock_wires == Approx(4));
}

TEST_CASE("with a unit of delay a gate, a hazard glitches") {
  const auto library = rtl::parse_liberty(library_text, "hand.lib").library;
  // y = !(a & !a): settled it never moves; for a unit after a rises both NAND inputs are high.
  const auto netlist = rtl::parse_blif(
      ".model m\n.inputs a\n.outputs y\n.subckt INV A=a Y=n\n.subckt NAND A=a B=n Y=y\n.end\n",
      library);
  const auto edges = [&](Delay delay) {
    rtl::Evaluator e(netlist, delay);
    e.step(std::array<std::uint64_t, 1>{0});
    e.step(std::array<std::uint64_t, 1>{~0ull});
    const auto y = netlist.outputs[0];
    return e.activity().rises[y] + e.activity().falls[y];
  };
  CHECK(edges(Delay::none) == 0);
  CHECK(edges(Delay::unit) == 128);  // down and up, in 64 streams
}

TEST_CASE("netlists that are not of the library's gates are refused") {
  const auto library = rtl::parse_liberty(library_text, "hand.lib").library;
  for (const auto* bad :
       {".inputs a\n.subckt XOR A=a Y=y\n", ".inputs a\n.subckt INV A Y=y\n", ".latch a b\n",
        ".names a b c\n11 1\n", ".subckt INV A=y Y=n\n.subckt INV A=n Y=y\n"})
    CHECK_THROWS_AS(rtl::parse_blif(bad, library), std::runtime_error);
}
