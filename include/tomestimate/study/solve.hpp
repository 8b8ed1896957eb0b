// SPDX-License-Identifier: Apache-2.0
// Goal seek: the values of one parameter at which a metric meets a target.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tomestimate/study/study.hpp>

namespace tomestimate::study {

struct Solution {
  double parameter;  // in base units
  double metric;
};

struct Solved {
  Parameter parameter;
  double low = 0, high = 0;  // searched, in base units
  std::uint64_t looked_at = 0;
  std::uint64_t no_design = 0;  // of those
  // Where the metric crosses the target: for an equality the crossings (a step that jumps over the
  // target gives the side nearer to it, and its metric says by how much it misses); for the others
  // the ends of the stretches that meet it. Nearest to the present value first; empty: no solution.
  std::vector<Solution> solutions;
  double lowest = 0, highest = 0;  // reach of the metric over the range; lowest > highest: none
};

// Looks at every value of a whole parameter (or at 65,537 spread over the range, if there are more)
// and at 65,537 of any other, then bisects between neighbours down to rounding. A solution narrower
// than that spacing can be missed. Throws spec::SpecError for a parameter that is not a number.
Solved solve(const Specs& specs, const std::string& parameter, double low, double high,
             const Target& target);

}  // namespace tomestimate::study
