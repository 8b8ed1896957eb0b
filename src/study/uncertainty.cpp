// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/uncertainty.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include <fmt/format.h>

#include <tomestimate/study/sensitivity.hpp>

namespace tomestimate::study {
namespace {

// The standard library's distributions differ between implementations; these do not.
double uniform01(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

std::uint64_t below(std::mt19937_64& random, std::uint64_t n) {
  return static_cast<std::uint64_t>(uniform01(random) * static_cast<double>(n));
}

// Inverse of the cumulative distribution.
double drawn(double u, double low, double mode, double high, Spread spread) {
  if (spread == Spread::uniform || low == high) return low + u * (high - low);
  const double width = high - low;
  const double at_mode = (mode - low) / width;
  if (u < at_mode) return low + std::sqrt(u * width * (mode - low));
  return high - std::sqrt((1 - u) * width * (high - mode));
}

// The whole values of a range that make a design with everything else as it is.
std::vector<double> candidates(const Specs& specs, const Uncertainty::Ranged& r) {
  const double unit = unit_factor(r.parameter.unit);
  std::vector<std::vector<double>> xs(1);
  for (double x = r.low; x <= r.high * (1 + 1e-12) && xs[0].size() < 1'000'000; x += unit)
    xs[0].push_back(x);
  const Space space(specs, {Axis{{varied(r.parameter, r.parameter.value)}}}, {});
  Space::Worker worker(space);
  Space::Chunk chunk;
  worker.evaluate_numbers(xs, chunk);
  std::vector<double> good;
  for (std::size_t i = 0; i < xs[0].size(); ++i)
    if (chunk.status[i] == 0) good.push_back(xs[0][i]);
  return good;
}

double nearest_to(double x, const std::vector<double>& sorted) {
  const auto above = std::lower_bound(sorted.begin(), sorted.end(), x);
  if (above == sorted.begin()) return *above;
  if (above == sorted.end()) return sorted.back();
  return x - *(above - 1) <= *above - x ? *(above - 1) : *above;
}

// Draws of one parameter.
std::vector<double> column(const Specs& specs, const Uncertainty::Ranged& r,
                           const UncertaintyOptions& options, std::mt19937_64& random) {
  const auto n = options.samples;
  std::vector<double> u(n);
  for (std::uint64_t i = 0; i < n; ++i) {
    const double x = uniform01(random);
    u[i] = options.sampling == Sampling::monte_carlo
               ? x
               : (static_cast<double>(i) + x) / static_cast<double>(n);
  }
  if (options.sampling == Sampling::latin_hypercube)
    for (std::uint64_t i = n; i > 1; --i) std::swap(u[i - 1], u[below(random, i)]);
  const auto& p = r.parameter;
  const auto good = p.whole ? candidates(specs, r) : std::vector<double>{};
  for (auto& x : u) {
    x = drawn(x, r.low, std::clamp(p.value, r.low, r.high), r.high, options.spread);
    if (!good.empty()) x = nearest_to(x, good);
  }
  return u;
}

// Ranks from 0; equal values share the mean of theirs.
std::vector<double> ranks(const std::vector<double>& x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&x](auto a, auto b) { return x[a] < x[b]; });
  std::vector<double> rank(x.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t j = i;
    while (j + 1 < order.size() && x[order[j + 1]] == x[order[i]]) ++j;
    for (std::size_t k = i; k <= j; ++k) rank[order[k]] = static_cast<double>(i + j) / 2;
    i = j + 1;
  }
  return rank;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const double middle = static_cast<double>(a.size() - 1) / 2;  // mean of ranks
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - middle) * (b[i] - middle);
    aa += (a[i] - middle) * (a[i] - middle);
    bb += (b[i] - middle) * (b[i] - middle);
  }
  return aa == 0 || bb == 0 ? 0 : ab / std::sqrt(aa * bb);
}

// Between the two neighbours in rank.
double quantile(const std::vector<double>& sorted, double level) {
  const double at = level * static_cast<double>(sorted.size() - 1);
  const auto i = static_cast<std::size_t>(at);
  const auto j = std::min(i + 1, sorted.size() - 1);
  return sorted[i] + (at - static_cast<double>(i)) * (sorted[j] - sorted[i]);
}

MetricSpread summarize(std::string metric, double here, std::vector<double> values,
                       const std::vector<std::vector<double>>& input_ranks) {
  MetricSpread out;
  out.metric = std::move(metric);
  out.here = here;
  const auto mine = ranks(values);
  double sum = 0;
  for (const auto& r : input_ranks) {
    out.rank_correlation.push_back(correlation(r, mine));
    sum += out.rank_correlation.back() * out.rank_correlation.back();
  }
  for (const double rho : out.rank_correlation) out.share.push_back(sum == 0 ? 0 : rho * rho / sum);
  const auto n = static_cast<double>(values.size());
  out.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double v : values) squares += (v - out.mean) * (v - out.mean);
  out.deviation = n > 1 ? std::sqrt(squares / (n - 1)) : 0;
  std::sort(values.begin(), values.end());
  for (std::size_t q = 0; q < quantile_levels.size(); ++q)
    out.quantiles[q] = quantile(values, quantile_levels[q]);
  return out;
}

// The values of draws that are designs.
std::vector<double> designs_only(std::vector<double> x, const std::vector<std::uint8_t>& status) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (status[i] == 0) x[kept++] = x[i];
  x.resize(kept);
  return x;
}

std::vector<Uncertainty::Ranged> ranged(const Specs& specs) {
  std::vector<Uncertainty::Ranged> out;
  const auto all = parameters(specs);
  const auto add = [&](const std::vector<spec::Sourced>& list) {
    for (const auto& s : list) {
      if (!s.range) continue;
      const auto p = std::find_if(all.begin(), all.end(),
                                  [&s](const Parameter& q) { return q.path == s.path; });
      if (p != all.end() && p->number) out.push_back({*p, (*s.range)[0], (*s.range)[1]});
    }
  };
  add(specs.hardware.sourced);
  add(specs.model.sourced);
  return out;
}

}  // namespace

Uncertainty uncertainty(const Specs& specs, const std::vector<std::string>& metrics,
                        const UncertaintyOptions& options) {
  Uncertainty out;
  out.parameters = ranged(specs);
  if (out.parameters.empty())
    throw spec::SpecError({{{"uncertainty", 0, 0},
                            "no spec value has a range",
                            "add range = [low, high] to the values that are not sure"}});
  std::mt19937_64 random(options.seed);
  Axis together;
  std::vector<std::vector<double>> inputs;
  for (const auto& r : out.parameters) {
    together.members.push_back(varied(r.parameter, r.parameter.value));
    inputs.push_back(column(specs, r, options, random));
  }
  const Space space(specs, {std::move(together)}, metrics);
  Space::Worker worker(space);
  Space::Chunk chunk;
  worker.evaluate_numbers(inputs, chunk);
  out.samples = options.samples;
  for (const auto status : chunk.status) {
    if (status == 0)
      ++out.used;
    else
      ++out.no_design[space.reason(status)];
  }
  if (out.used == 0)
    throw spec::SpecError({{{"uncertainty", 0, 0},
                            "no draw is a design",
                            "the ranges lead to: " + out.no_design.begin()->first}});
  // A column at a time, in place: the draws are most of the memory.
  for (auto& x : inputs) x = ranks(designs_only(std::move(x), chunk.status));
  for (std::size_t m = 0; m < metrics.size(); ++m)
    out.metrics.push_back(summarize(metrics[m], metric_value(specs, metrics[m]),
                                    designs_only(std::move(chunk.values[m]), chunk.status),
                                    inputs));
  return out;
}

}  // namespace tomestimate::study
