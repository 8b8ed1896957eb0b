// SPDX-License-Identifier: Apache-2.0
// What a recorded computation can give over a box of inputs: interval arithmetic on the record.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <tomestimate/number/symbol.hpp>

namespace tomestimate::number {

// All numbers from low to high. An infinite end stands for "any finite number".
struct Interval {
  double low = 0, high = 0;
};

// Ends are rounded to nearest, as replay rounds: every operation is monotone in each operand, and
// so is its rounding. So an interval holds what replay gives at any point of the box (log2 and exp2
// as far as the library's are monotone), and over a box of one point it is that number. Where
// slopes make an interval tighter, a share of 1e-12 is added for their rounding.
class Bounds {
 public:
  // Of what `outputs` take from the recording's inputs. The recording isn't needed afterwards.
  Bounds(const Recording& recording, std::span<const Symbol> outputs);

  // Works out all bounds over a box, one interval for each input of the recording.
  void over(std::span<const Interval> box);

  // Of output o over that box.
  Interval value(std::size_t o) const { return values_[outputs_[o]]; }
  // All (y(b) - y(a)) / (b - a) of output o, for a < b that differ in one input alone: holds its
  // derivatives, but needs none. Not below 0: the output does not fall as that input grows.
  Interval slope(std::size_t o, std::size_t input) const {
    return slopes_[outputs_[o] * inputs_ + input];
  }
  std::size_t inputs() const { return inputs_; }

 private:
  void bound_slopes(std::size_t n);
  void tighten(std::size_t n, std::span<const Interval> box);

  std::vector<Node> nodes_;  // only those needed, renumbered
  std::vector<std::size_t> outputs_;
  std::size_t inputs_;
  std::vector<double> centers_;   // by node: its value at the middle of the box
  std::vector<Interval> values_;  // by node
  std::vector<Interval> slopes_;  // by node, then input
};

}  // namespace tomestimate::number
