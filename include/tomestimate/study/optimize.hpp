// SPDX-License-Identifier: Apache-2.0
// The best design of a region, by branch and bound: what is found is a design, and beside it stands
// what no design of the region can beat.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <tomestimate/study/solve.hpp>

namespace tomestimate::study {

// A parameter that may be chosen: of a number all values from low to high (whole ones, if it is
// whole) or the listed ones; of anything else the listed texts.
struct Searched {
  Parameter parameter;
  double low = 0, high = 0;        // base units
  std::vector<double> values;      // base units, rising; empty: all from low to high
  std::vector<std::string> texts;  // of no number
};

// What the axes of a study leave to choose: regions, listed numbers and texts. Throws
// spec::SpecError for values that move together, and a region of what is no plain number.
std::vector<Searched> searched_of(const Study& study);

// The ends between which a number is searched where nobody says: of the range that its spec states,
// or else from a quarter of its value to four times that, as far as legal. Throws spec::SpecError
// for what is no plain number, and where there is nothing between.
Searched usual_region(const Specs& specs, const std::string& path, const spec::Place& place);

// What is wanted: the least (or most) of a metric where targets and `where` hold; or without a
// metric a design that meets the targets.
struct Wanted {
  std::string metric;
  bool maximize = false;
  std::vector<Target> targets;
  std::string where;             // a formula; "" for none
  double tolerance = 1e-3;       // share of the best within which the bound has to come
  std::uint64_t boxes = 50'000;  // parts of the region that are looked at, at most
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

// A condition, target or rule at the design that was found.
struct Kept {
  std::string text;
  bool binds;  // it holds with no more room than a 10,000th of what the region moves it
};

// A condition or target by itself, where no design was found that meets all.
struct Clash {
  std::string text;
  bool alone = false;    // some design of the region meets it
  bool proved = false;   // where none was found: none does
  bool without = false;  // where each is met alone: all others are met once this is left out
  // Metrics in it, in base units, at the design that comes nearest to it: of all, or of those that
  // meet all else, if `without`. Empty if there is none.
  std::vector<std::pair<std::string, double>> nearest;
};

struct Optimum {
  bool found = false;  // a design that meets everything; else, without a metric, the nearest
  // Whether nothing is left to look at: the bound is within the tolerance of what was found, or
  // there is no design that meets everything.
  bool closed = false;
  std::vector<std::string> sets;  // "PATH=VALUE", by parameter; empty if there is no design
  Specs specs;                    // with these
  // In base units of the metric; without one the largest share by which a target is missed.
  double best = 0;
  double bound = 0;  // no design of the region is better than this
  bool grid_found = false;
  double grid_best = 0;  // of an even grid over the region, for comparison
  std::uint64_t grid_points = 0;
  std::uint64_t evaluations = 0;  // of designs, by the recorded engine
  std::uint64_t boxes = 0;        // parts of the region that were bounded
  std::vector<Kept> kept;
  std::vector<Clash>
      clashes;  // of each condition and target, where not found; rules of a spec apart
};

// An equality target counts as met within a 10,000th of it where there is a metric, and within a
// millionth where there is none. The bound holds for the numbers as computed, as far as the
// library's log2 and exp2 don't fall where they should rise. The same on every run. Throws
// spec::SpecError for an unknown metric or a parameter that can't be searched, FormulaError for a
// bad formula.
Optimum optimize(const Specs& specs, const std::vector<Searched>& searched, const Wanted& wanted);

}  // namespace tomestimate::study
