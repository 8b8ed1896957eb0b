// SPDX-License-Identifier: Apache-2.0
// Facts of standard cells: what synthesis and gate-level evaluation have to know of them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tomestimate/rtl/delay.hpp>

namespace tomestimate::rtl {

// What an edge of a signal costs inside a cell, in fJ.
struct EdgeEnergy {
  double rise = 0;
  double fall = 0;
};

struct InputPin {
  std::string name;
  double capacitance = 0;  // fF
  EdgeEnergy energy;
  bool clock = false;
  std::vector<Setup> setups;  // of a flip-flop's data; of several the longest counts
};

// A Boolean function as operations on a stack: an input's index, or one of the operators.
class Function {
 public:
  enum Operator : std::int16_t {
    negation = -1,
    conjunction = -2,
    disjunction = -3,
    difference = -4,
    low = -5,
    high = -6
  };

  // `text` in Liberty's grammar: ! ' & * blank | + ^ ( ) 0 1. An unknown name, or text that is no
  // function, throws std::invalid_argument.
  Function(std::string_view text, const std::vector<std::string>& inputs);

  // 64 evaluations at once; `input(i)` is the word of input i.
  template <class Input>
  std::uint64_t operator()(Input input) const {
    std::array<std::uint64_t, deepest> stack;
    std::size_t top = 0;
    for (const auto op : operations_) switch (op) {
        case negation:
          stack[top - 1] = ~stack[top - 1];
          break;
        case conjunction:
          --top;
          stack[top - 1] &= stack[top];
          break;
        case disjunction:
          --top;
          stack[top - 1] |= stack[top];
          break;
        case difference:
          --top;
          stack[top - 1] ^= stack[top];
          break;
        case low:
          stack[top++] = 0;
          break;
        case high:
          stack[top++] = ~std::uint64_t{0};
          break;
        default:
          stack[top++] = input(static_cast<std::size_t>(op));
      }
    return stack[0];
  }

 private:
  static constexpr std::size_t deepest = 32;
  std::vector<std::int16_t> operations_;
};

struct Cell {
  double area = 0;     // um^2
  double leakage = 0;  // pW, mean over states
  std::vector<InputPin> inputs;
  std::string output;    // the only one
  std::string function;  // of the output; of a flip-flop, what it is after the clock's edge
  EdgeEnergy energy;     // an edge of the output
  bool flip_flop = false;
  std::vector<TimingArc> arcs;  // none where the library has no delays

  std::vector<std::string> input_names() const;
};

struct CellLibrary {
  std::string name;
  double voltage = 0;      // V
  double temperature = 0;  // degrees Celsius
  std::map<std::string, Cell, std::less<>> cells;
};

// A library, and the Liberty text that synthesis maps with.
struct Cells {
  CellLibrary library;
  std::string liberty;
};

// A Liberty file, and its cells of one output that are gates or edge-triggered flip-flops without
// set and reset; others are left out. Energies and capacitances that depend on slope, load or state
// are means; delays, slews and setups are read as tables. Throws spec::SpecError with the place of
// what is wrong.
Cells parse_liberty(std::string text, const std::string& file);

// One variant ("rvt-tt") of a file of cells such as specs/technology/asap7-cells.toml; "" is its
// first. Throws spec::SpecError.
Cells parse_cells(std::string_view text, const std::string& file, const std::string& variant);

}  // namespace tomestimate::rtl
