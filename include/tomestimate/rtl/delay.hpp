// SPDX-License-Identifier: Apache-2.0
// Delays of cells, as Liberty's tables have them.
#pragma once

#include <cstddef>
#include <vector>

namespace tomestimate::rtl {

// A time in ps over two quantities: of delays and slews the slew at the input in ps and the load of
// the output in fF, of setups the slews of clock and data in ps.
struct LookupTable {
  std::vector<double> first;   // ascending; empty if the quantity does not matter
  std::vector<double> second;  // likewise
  std::vector<double> values;  // at first[i] and second[j], j fastest; empty: no table

  // Bilinear between the points; beyond them on with the slope of the last two.
  double operator()(double a, double b) const;
};

// What an edge of the output takes after one of the input.
struct EdgeDelay {
  LookupTable delay;  // from half the supply to half the supply
  LookupTable slew;   // of the output, as the library measures it
};

enum class Sense { positive, negative, any };

// From one input of a cell to its output; of a flip-flop, from its clock's edge. An input may have
// several, for states of the others: the slowest counts.
struct TimingArc {
  std::size_t input;  // of the cell's inputs
  Sense sense;        // which edge of the input makes a rise of the output
  EdgeDelay rise;     // of the output
  EdgeDelay fall;
};

// How long data have to be stable before a clock's edge, for their rise and fall.
struct Setup {
  LookupTable rise;
  LookupTable fall;
};

}  // namespace tomestimate::rtl
