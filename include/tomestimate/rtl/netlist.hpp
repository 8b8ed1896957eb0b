// SPDX-License-Identifier: Apache-2.0
// Gate-level netlists, and what their signals do: 64 streams of inputs at once, a bit of a word
// each.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tomestimate/rtl/cells.hpp>

namespace tomestimate::rtl {

using Net = std::uint32_t;

struct Gate {
  const Cell* cell;  // of the library the netlist was read with, which has to outlive it
  std::vector<Net> inputs;
  Net output;
};

struct Netlist {
  std::size_t nets = 0;
  std::vector<Net> inputs;   // ports in the order of the module, a vector's bit 0 first
  std::vector<Net> outputs;  // likewise
  std::vector<std::string> input_names;
  std::vector<std::string> output_names;
  std::vector<Gate> gates;           // each after those that drive it
  std::vector<Gate> flip_flops;      // inputs as the cell's, with its clock
  std::vector<std::uint32_t> level;  // of a net: gates from an input or flip-flop, at most
  Net low = 0;                       // constants
  Net high = 0;

  double area() const;     // um^2
  double leakage() const;  // pW
  std::size_t depth() const;
};

// A flat BLIF model of the library's cells, as yosys writes it. Throws std::runtime_error.
Netlist parse_blif(std::string_view blif, const CellLibrary& library);

// Edges of every net.
struct Activity {
  std::vector<std::uint64_t> rises;
  std::vector<std::uint64_t> falls;
  std::uint64_t steps = 0;  // of all streams together
};

// Whether signals settle at once, or every gate takes one unit of time, so that glitches count.
enum class Delay { none, unit };

class Evaluator {
 public:
  Evaluator(const Netlist& netlist, Delay delay);

  // The next cycle of every stream: flip-flops take what they were given, inputs change, signals
  // settle. A word for each input of the netlist; clocks are ignored. Edges count from the second
  // cycle on.
  void step(std::span<const std::uint64_t> inputs);

  std::uint64_t value(Net net) const { return values_[net]; }
  const Activity& activity() const { return activity_; }
  void forget_activity();  // of a warm-up

 private:
  void set(Net net, std::uint64_t value);
  void settle_at_once();
  void settle_by_units();
  std::uint64_t evaluate(const Gate& gate, std::size_t function) const;

  const Netlist& netlist_;
  Delay delay_;
  std::vector<Function> functions_;     // of the cells in use
  std::vector<std::uint32_t> of_gate_;  // index of a gate's function
  std::vector<std::uint32_t> of_flip_flop_;
  std::vector<std::uint64_t> values_;
  std::vector<std::uint64_t> next_;
  Activity activity_;
  bool started_ = false;
};

// Energy of the recorded edges, in fJ for each step of a stream.
struct SwitchingEnergy {
  double pins = 0;         // C V^2 of input pins of cells
  double wires = 0;        // C V^2 of wires
  double internal = 0;     // in cells
  double clock_pins = 0;   // of flip-flops, two edges of the clock a step: pins and internal
  double clock_wires = 0;  // likewise
};

// `wire` is the capacitance of the wire to one sink, in fF; an output port is one sink more.
SwitchingEnergy switching_energy(const Netlist& netlist, const Activity& activity, double voltage,
                                 double wire);

// Share of nets that toggle in a step.
double toggle_share(const Netlist& netlist, const Activity& activity);

}  // namespace tomestimate::rtl
