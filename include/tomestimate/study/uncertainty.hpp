// SPDX-License-Identifier: Apache-2.0
// What the ranges in the specs do to the metrics.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tomestimate/study/study.hpp>

namespace tomestimate::study {

enum class Sampling { latin_hypercube, monte_carlo };
enum class Spread { triangular, uniform };  // triangular peaks at the spec's value

// A figure that is known: draws count by how near the metric comes to it, as a normal distribution
// around `value` says.
struct Given {
  std::string name;  // for messages: "power=5.33 W", "tom.power.gated"
  std::string metric;
  double value = 0;                                      // in base units
  double deviation = 0;                                  // in base units, above 0
  std::vector<std::pair<std::string, std::string>> set;  // spec values that the figure is told at
};

inline constexpr double usual_tolerance = 0.05;  // of a figure

// Reads "power=5.33 W", with a deviation of 5 %, or "power=5.33 W +- 0.3 W" (or +- 6 %: of the
// value). Throws spec::SpecError.
Given parse_given(const std::string& text);

// "ID" or "METRIC=VALUE" and, if there is one, what follows "+-".
std::pair<std::string, std::optional<std::string>> split_tolerance(const std::string& text);

// Sets the deviation from text. Throws spec::SpecError.
void set_tolerance(Given& given, const std::string& tolerance);

struct UncertaintyOptions {
  std::uint64_t samples = 10000;
  std::uint64_t seed = 1;
  Sampling sampling = Sampling::latin_hypercube;
  Spread spread = Spread::triangular;
  bool choices = false;  // draw also what a designer picks
  std::vector<Given> given;
};

// Whether a value is what a designer or user picks (widths, counts, supply, workload), rather than
// what is not known (physics, latencies of a circuit, links, shares of zeros).
bool is_choice(std::string_view path);

inline constexpr std::array<double, 5> quantile_levels{0.05, 0.25, 0.5, 0.75, 0.95};

// A parameter that the specs have at one end of what it does to a metric.
struct OneSided {
  std::size_t parameter;  // of Uncertainty::parameters
  double share = 0;       // of its draws, all else as in the specs, on the side of the band
  double median = 0;      // of the metric in these, in base units
};

struct MetricSpread {
  std::string metric;
  double here = 0;  // with the specs' values; this and what follows in base units
  double mean = 0, deviation = 0;
  std::array<double, 5> quantiles{};
  std::vector<double> rank_correlation;  // Spearman's rho with each parameter
  // First-order share of the variance, from the same draws: Var(E[metric | parameter]) /
  // Var(metric). What is left of 1 lies in combinations of parameters.
  std::vector<double> share;
  // Where `here` is outside of the quantiles of 5 and 95 %, and no figure is given: those that
  // alone put three quarters of their draws and more on the band's side of it, what moves it most
  // first.
  std::vector<OneSided> one_sided;
};

struct Uncertainty {
  struct Ranged {
    Parameter parameter;
    double low, high;  // in base units
  };
  std::vector<Ranged> parameters;  // that are drawn
  std::vector<Ranged> fixed;       // choices with a range, which stay as they are
  std::vector<MetricSpread> metrics;
  std::uint64_t samples = 0;  // drawn
  std::uint64_t used = 0;     // that are designs
  double effective = 0;       // sample size that the weights of what is given leave; `used` without
  std::map<std::string, std::uint64_t> no_design;
};

// Draws every number that has a `range` in its spec and is not a choice, independently, and by
// ratio where its ends are a factor of ten apart; the same seed draws the same on every machine.
// With figures given, draws are weighed by these, and as many drawn again by their weights. A whole
// parameter takes the values of its range that make a design with all others as they are. Draws
// that are no design are counted and left out. Throws spec::SpecError if no spec value has a range,
// no draw is a design, or what is given leaves fewer than 10 draws' worth.
Uncertainty uncertainty(const Specs& specs, const std::vector<std::string>& metrics,
                        const UncertaintyOptions& options);

}  // namespace tomestimate::study
