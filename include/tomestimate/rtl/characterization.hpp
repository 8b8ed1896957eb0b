// SPDX-License-Identifier: Apache-2.0
// What banks and arithmetic units take in a technology: area, leakage and energy of gates that
// yosys maps to a library, evaluated 64 streams at a time. Cells only, unplaced.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <tomestimate/rtl/cells.hpp>
#include <tomestimate/rtl/datapath.hpp>
#include <tomestimate/rtl/law.hpp>
#include <tomestimate/rtl/netlist.hpp>
#include <tomestimate/rtl/tile.hpp>
#include <tomestimate/rtl/verilog.hpp>

namespace tomestimate::rtl {

// Every height is crossed with every zero share; fit and held out apart.
struct BankGrid {
  std::vector<std::size_t> heights;  // words
  std::vector<double> zero_shares;   // of weights
  std::vector<std::size_t> held_out_heights;
  std::vector<double> held_out_zero_shares;
  std::size_t weights = 64;  // of a word
  double zero_blocks = 0;    // share of blocks of 16 weights that are zero throughout
  std::uint64_t seed = 1;    // bank i of the grid, held-out ones last, is drawn with seed + i
  RomForm form = RomForm::lookup;
};

struct Plan {
  BankGrid banks;
  std::vector<Tile> given;  // banks of weights from elsewhere: held out
  std::vector<Unit> units;
  std::size_t lanes = 128;  // of units that have lanes
  double slew = 20;         // ps, of the clock of registers, where the library has delays
  std::string kept;         // file of what was measured, a line each; "" for none
};

// Energy of a step in fJ. A wire to a sink has the capacitance that the total is asked for.
struct Energy {
  double pins = 0;
  double wires = 0;  // for each fF a sink
  double internal = 0;
  double clock_pins = 0;   // of flip-flops, two edges: pins and internal
  double clock_wires = 0;  // for each fF a sink
  double glitches = 1;     // edges' energy with a unit of delay a gate, over that without; no clock

  double clock(double wire) const { return clock_pins + wire * clock_wires; }
  double total(double wire) const { return pins + wire * wires + internal + clock(wire); }
};

struct Gates {
  double area = 0;     // um^2
  double leakage = 0;  // pW
  double cells = 0;    // flip-flops are among them
  double flip_flops = 0;
  double depth = 0;  // gates from an input or flip-flop
};

// From a register's clock to the next one's setup, by the delays of the cells; before and after
// ports stands the smallest flip-flop of the library.
struct PathFacts {
  double mapped = 0;    // ps, with nets of as many sinks as there are; 0: cells without delays
  double buffered = 0;  // ps, with trees of buffers on nets of more than `most_sinks`; 0: no buffer
  double buffers = 0;   // um^2 of those trees
};
inline constexpr std::size_t most_sinks = 16;

struct BankFacts {
  TileShape shape;
  WeightCounts counts;
  bool held_out = false;
  bool given = false;
  Gates gates;
  PathFacts path;
  Energy in_order;  // of an access; what a bank takes too if its address toggles and nobody reads
  Energy random;

  double zero_share() const;
  double ones_share() const;
};

struct UnitActivity {
  std::string stimulus;
  Energy energy;  // of a cycle
};

struct UnitFacts {
  Unit unit;
  std::size_t lanes;  // 1 of a unit without
  Gates gates;
  PathFacts path;
  std::vector<UnitActivity> activities;
};

struct Characterization {
  Plan plan;
  std::string library;  // name and variant
  double voltage = 0;
  double temperature = 0;
  std::string yosys;
  bool delays = false;  // whether the library has any
  double nand2_area = 0;
  std::optional<std::string> flip_flop_name;  // the smallest
  Cell flip_flop;
  std::optional<std::string> buffer_name;  // of the trees of paths
  std::vector<BankFacts> banks;
  std::vector<UnitFacts> units;
  double wire = 0;  // fF a sink, of laws and paths
  std::vector<Law> laws;
};

using Progress = std::function<void(std::size_t done, std::size_t all)>;

// Measures the plan, at most `threads` syntheses at a time, the largest first; what the kept file
// has of this library, yosys and plan (and wire, where the library has delays) is not measured
// again. The result does not hang on `threads`. `progress` is called by one thread at a time.
// `file` is where the cells are from. Throws spec::SpecError for bad cells or a bad kept file,
// std::runtime_error if yosys is missing or fails.
Characterization characterize(const Cells& cells, const std::string& file, const Plan& plan,
                              double wire, unsigned threads, const Progress& progress);

// The values as tables of TOM's specs, each with its unit, grade "derived", source and range; a
// piece for a technology spec.
std::string technology_toml(const Characterization& characterization);

}  // namespace tomestimate::rtl
