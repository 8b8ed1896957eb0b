// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/sensitivity.hpp>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/number/dual.hpp>
#include <tomestimate/number/lift.hpp>
#include <tomestimate/study/evaluation.hpp>

namespace tomestimate::study {
namespace {

constexpr std::size_t directions = 8;  // a cache line of slopes
using Jet = Dual<directions>;

template <class T>
std::vector<T> metrics_of(const spec::Hardware<T>& hw, const Evaluation<T>& all,
                          const std::vector<std::string>& names) {
  std::vector<T> out(names.size());
  visit_metrics(hw, all, [&](const Metric& metric, const auto& value) {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (metric.name == names[i]) out[i] = raw(value);
  });
  return out;
}

// Metrics with their derivatives by parameters [first, first + directions).
std::vector<Jet> derivatives(const Specs& specs, const std::vector<Parameter>& all,
                             std::size_t first, const std::vector<std::string>& metrics) {
  const auto number = [&](const spec::Field& f, double x) {
    const auto at =
        static_cast<std::size_t>(ranges::find(all, f.path, &Parameter::path) - all.begin());
    return at >= first && at < first + directions ? Jet(x, at - first) : Jet(x);
  };
  const auto hw = lift<Jet>(specs.hardware.values, number);
  return metrics_of(hw, evaluate(hw, lift<Jet>(specs.model.values, number)), metrics);
}

// Metrics with one parameter at another value; empty where that is no design.
std::vector<double> metrics_if(const Specs& specs, const Parameter& p, double value,
                               const std::vector<std::string>& metrics) {
  const auto number = [&](const spec::Field& f, double x) { return f.path == p.path ? value : x; };
  const auto hw = lift<double>(specs.hardware.values, number);
  const auto m = lift<double>(specs.model.values, number);
  const auto all = evaluate(hw, m);
  bool good = true;
  visit_rules(hw, m, all.base, [&good](std::string_view, double excess) {
    good = good && excess <= 0;  // NaN is no design
  });
  return good ? metrics_of(hw, all, metrics) : std::vector<double>{};
}

// The two ends a parameter is moved to.
std::pair<double, double> ends(const Parameter& p,
                               const std::optional<std::array<double, 2>>& own) {
  if (own) return {(*own)[0], (*own)[1]};
  const double unit = unit_factor(p.unit);
  const double low = p.whole ? std::floor(p.value / 2 / unit) * unit : 0.9 * p.value;
  const double high = p.whole ? 2 * p.value : 1.1 * p.value;
  return {std::max(low, p.min * unit), std::min(high, p.max * unit)};
}

// The metric with one parameter at each of some values; none where that is no design.
std::vector<std::optional<double>> metric_at(const Specs& specs, const Parameter& p,
                                             const std::string& metric,
                                             const std::vector<double>& values) {
  const Space space(specs, {Axis{{varied(p, p.value)}}}, {metric});
  Space::Worker worker(space);
  Space::Chunk chunk;
  worker.evaluate_numbers({values}, chunk);
  std::vector<std::optional<double>> out(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    if (chunk.status[i] == 0) out[i] = chunk.values[0][i];
  return out;
}

// ln-ln slopes over the widest of (half, twice), (half, here), (here, twice).
std::vector<Slope> arc_slopes(const Specs& specs, const Parameter& p,
                              const std::vector<std::string>& metrics,
                              const std::vector<Jet>& here) {
  std::vector<Slope> out(metrics.size());
  if (p.value <= 0) return out;
  const auto [half, twice] = ends(p, std::nullopt);
  const auto low = half > 0 ? metrics_if(specs, p, half, metrics) : std::vector<double>{};
  const auto high = metrics_if(specs, p, twice, metrics);
  const double x1 = low.empty() ? p.value : half;
  const double x2 = high.empty() ? p.value : twice;
  if (x1 == x2) return out;
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const double m1 = low.empty() ? here[i].value : low[i];
    const double m2 = high.empty() ? here[i].value : high[i];
    if (m1 > 0 && m2 > 0) out[i].elasticity = std::log(m2 / m1) / std::log(x2 / x1);
  }
  return out;
}

Slope exact_slope(const Jet& metric, std::size_t direction, double parameter) {
  Slope slope;
  slope.derivative = metric.slope[direction];
  if (metric.value != 0) slope.elasticity = *slope.derivative * parameter / metric.value;
  return slope;
}

}  // namespace

double Sensitivity::swing(double metric) const {
  double most = 0;
  for (const auto& end : {at_low, at_high})
    if (end) most = std::max(most, std::abs(*end - metric));
  if (at_low && at_high) most = std::max(most, std::abs(*at_high - *at_low));
  return most;
}

double metric_value(const Specs& specs, const std::string& metric) {
  require_metric(metric, {metric, 0, 0});
  const auto& hw = specs.hardware.values;
  return metrics_of(hw, evaluate(hw, specs.model.values), {metric})[0];
}

std::vector<Slopes> slopes(const Specs& specs, const std::vector<std::string>& metrics) {
  for (const auto& metric : metrics) require_metric(metric, {metric, 0, 0});
  const auto all = parameters(specs);
  std::vector<Slopes> out;
  std::vector<Jet> jets;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % directions == 0) jets = derivatives(specs, all, i, metrics);
    const auto& p = all[i];
    // A value of a table that the machine does not use is not there to be changed.
    if (!p.number || p.value < p.min * unit_factor(p.unit)) continue;
    out.push_back({p, {}});
    if (p.whole) {
      out.back().by_metric = arc_slopes(specs, p, metrics, jets);
    } else {
      for (const auto& jet : jets)
        out.back().by_metric.push_back(exact_slope(jet, i % directions, p.value));
    }
  }
  return out;
}

std::vector<Sensitivity> sensitivity(const Specs& specs, const std::string& metric) {
  const double here = metric_value(specs, metric);
  std::vector<Sensitivity> out;
  for (const auto& [p, by_metric] : slopes(specs, {metric})) {
    Sensitivity s;
    s.parameter = p;
    s.slope = by_metric[0];
    const auto* source = find_sourced(specs, p.path);
    s.own_range = source != nullptr && source->range.has_value();
    std::tie(s.low, s.high) = ends(p, s.own_range ? source->range : std::nullopt);
    const auto at = metric_at(specs, p, metric, {s.low, s.high});
    s.at_low = at[0];
    s.at_high = at[1];
    out.push_back(std::move(s));
  }
  std::stable_sort(out.begin(), out.end(), [here](const Sensitivity& a, const Sensitivity& b) {
    return a.swing(here) > b.swing(here);
  });
  return out;
}

}  // namespace tomestimate::study
