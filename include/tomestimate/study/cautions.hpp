// SPDX-License-Identifier: Apache-2.0
// What a reader of a design's numbers has to be told: values without effect, values outside the
// range that their spec states, and numbers that are used away from where they hold.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <tomestimate/study/study.hpp>

namespace tomestimate::study {

// What hangs on a spec value, in a design as it is.
struct Reach {
  std::vector<std::string> metrics;  // of all metrics, those that hang on it
  bool rules = false;                // whether it decides what is a design
};

// Of a number: what its equations lead to, at any value. Of a switch or name: what another choice
// would change, all else as it is. Layer counts and lists of names are taken to reach everything.
// Throws spec::SpecError for an unknown path.
Reach reach(const Specs& specs, const std::string& path);

// The range that the spec of a value states, in base units, also once it was set for this run.
std::optional<std::array<double, 2>> stated_range(const Specs& specs, const std::string& path);

// Whether `value`, in base units, is outside the range that its spec states; false if it states
// none.
bool beyond_range(const Specs& specs, const std::string& path, double value);

// Values of a technology, or fitted ones, that are used away from where they were told.
struct Carried {
  std::string why;                 // "chip.voltage is 0.8 V, the technology is told at 0.7 V: ..."
  std::vector<std::string> paths;  // of those values
  // Elasticity of each metric to all of them together: the share of it that hangs on them.
  std::vector<double> shares;
};
std::vector<Carried> carried(const Specs& specs, const std::vector<std::string>& metrics);

// Sentences on numbers that move nothing, by the value and the switches, names and lists that were
// set: for many designs that differ from the same specs in what was set.
using KnownIdle = std::map<std::string, std::string>;

// All of it as sentences, for a design whose printed numbers are all metrics. `metrics` are those
// whose shares are told. `known`, if given, is read and added to.
std::vector<std::string> cautions(const Specs& specs,
                                  const std::vector<std::string>& metrics = {"throughput", "power",
                                                                             "area"},
                                  KnownIdle* known = nullptr);

// Of a design with values that were set, beside the one before: those without which every metric
// would be the same, though some hang on them (something else binds).
std::vector<std::string> without_effect(const Specs& before, const Specs& after);

// Of a study: what varies, and no column or condition hangs on it; axes that leave the ranges of
// their specs; what is carried at the first and the last point. `space` is the study's, as who
// evaluates it has recorded it.
std::vector<std::string> cautions(const Study& study, const Space& space);

// That weights.zero_share is not used, where the spec has the shares of all projections; else "".
std::string shadowed_share(const Specs& specs);

// Of a value that is sought or set for one metric: "" if the metric hangs on it.
std::string no_effect(const Specs& specs, const std::string& path, const std::string& metric);

}  // namespace tomestimate::study
