// SPDX-License-Identifier: Apache-2.0
// What each published figure, taken as given, says of each value that has a range.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tomestimate/study/axis.hpp>

namespace tomestimate::evidence {

// One figure and one value that its estimate hangs on.
struct Implied {
  std::string id;        // of the figure, "tom.power"
  std::string hardware;  // that it is told of, as the file says
  double published = 0;  // in `unit`
  double estimate = 0;   // with the specs as they are, in `unit`
  std::string unit;
  study::Parameter parameter;
  double low = 0, high = 0;  // its range, in base units
  bool choice = false;       // what a designer picks (study::is_choice), or an unknown
  // The value that makes the estimate the published figure, all else as it is, in base units: the
  // nearest in the range, or else the nearest that is legal. None: no legal value does.
  std::optional<double> value;
  bool within = false;  // in the range
  double at = 0;        // the estimate there; of a whole value the nearest that a step leaves
  double lowest = 0, highest = 0;  // that the estimate reaches over the range, in `unit`
};

// Of every figure of the file that is a value to compare with, in its order, and every number with
// a range that its metric hangs on, in the order of the specs. Throws spec::SpecError.
std::vector<Implied> implied(const std::string& path);

}  // namespace tomestimate::evidence
