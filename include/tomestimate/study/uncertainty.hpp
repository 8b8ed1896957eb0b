// SPDX-License-Identifier: Apache-2.0
// What the ranges in the specs do to the metrics.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include <tomestimate/study/study.hpp>

namespace tomestimate::study {

enum class Sampling { latin_hypercube, monte_carlo };
enum class Spread { triangular, uniform };  // triangular peaks at the spec's value

struct UncertaintyOptions {
  std::uint64_t samples = 10000;
  std::uint64_t seed = 1;
  Sampling sampling = Sampling::latin_hypercube;
  Spread spread = Spread::triangular;
};

inline constexpr std::array<double, 5> quantile_levels{0.05, 0.25, 0.5, 0.75, 0.95};

struct MetricSpread {
  std::string metric;
  double here = 0;  // with the specs' values; this and what follows in base units
  double mean = 0, deviation = 0;
  std::array<double, 5> quantiles{};
  std::vector<double> rank_correlation;  // Spearman's rho with each parameter
  std::vector<double> share;             // rho^2 over the sum of rho^2
};

struct Uncertainty {
  struct Ranged {
    Parameter parameter;
    double low, high;  // in base units
  };
  std::vector<Ranged> parameters;
  std::vector<MetricSpread> metrics;
  std::uint64_t samples = 0;  // drawn
  std::uint64_t used = 0;     // that are designs
  std::map<std::string, std::uint64_t> no_design;
};

// Draws every number that has a `range` in its spec, independently; the same seed draws the same on
// every machine. A whole parameter takes the values of its range that make a design with all others
// as they are. Draws that are no design are counted and left out. Throws spec::SpecError if no spec
// value has a range or no draw is a design.
Uncertainty uncertainty(const Specs& specs, const std::vector<std::string>& metrics,
                        const UncertaintyOptions& options);

}  // namespace tomestimate::study
