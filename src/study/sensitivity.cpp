#include <tomestimate/study/sensitivity.hpp>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/study/dual.hpp>
#include <tomestimate/study/evaluation.hpp>
#include <tomestimate/study/lift.hpp>

namespace tomestimate::study {
namespace {

constexpr std::size_t directions = 8;  // a cache line of slopes
using Slopes = Dual<directions>;

template <class T>
T metric_of(const spec::Hardware<T>& hw, const spec::Model<T>& m, const std::string& name) {
  T out{};
  visit_metrics(hw, evaluate(hw, m), [&](const Metric& metric, const auto& value) {
    if (metric.name == name) out = raw(value);
  });
  return out;
}

// Derivatives of the metric by parameters [first, first + directions).
Slopes derivatives(const Specs& specs, const std::vector<Parameter>& all, std::size_t first,
                   const std::string& metric) {
  const auto number = [&](const spec::Field& f, double x) {
    const auto at = static_cast<std::size_t>(
        ranges::find(all, f.path, &Parameter::path) - all.begin());
    return at >= first && at < first + directions ? Slopes(x, at - first) : Slopes(x);
  };
  return metric_of(lift<Slopes>(specs.hardware.values, number),
                   lift<Slopes>(specs.model.values, number), metric);
}

const spec::Sourced* sourced(const Specs& specs, const std::string& path) {
  for (const auto* list : {&specs.hardware.sourced, &specs.model.sourced})
    for (const auto& s : *list)
      if (s.path == path) return &s;
  return nullptr;
}

// The two ends a parameter is moved to.
std::pair<double, double> ends(const Parameter& p, const std::optional<std::array<double, 2>>& own) {
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
  const Space space(specs, {Axis{{varied(p, values)}}}, {metric});
  Space::Worker worker(space);
  Space::Chunk chunk;
  worker.evaluate(0, values.size(), chunk);
  std::vector<std::optional<double>> out(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    if (chunk.status[i] == 0) out[i] = chunk.values[0][i];
  return out;
}

// ln-ln slope of the metric over the widest of (half, twice), (half, here), (here, twice).
std::optional<double> arc_elasticity(const Specs& specs, const Parameter& p,
                                     const std::string& metric, double here) {
  if (p.value <= 0) return std::nullopt;
  const auto [half, twice] = ends(p, std::nullopt);
  const auto at = metric_at(specs, p, metric, {half, twice});
  const double m1 = half > 0 && at[0] ? *at[0] : here;
  const double x1 = half > 0 && at[0] ? half : p.value;
  const double m2 = at[1] ? *at[1] : here;
  const double x2 = at[1] ? twice : p.value;
  if (x1 == x2 || m1 <= 0 || m2 <= 0) return std::nullopt;
  return std::log(m2 / m1) / std::log(x2 / x1);
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
  require_metric(metric, {metric, 1, 1});
  return metric_of(specs.hardware.values, specs.model.values, metric);
}

std::vector<Sensitivity> sensitivity(const Specs& specs, const std::string& metric) {
  const double here = metric_value(specs, metric);
  const auto all = parameters(specs);
  std::vector<Sensitivity> out;
  Slopes slopes;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % directions == 0) slopes = derivatives(specs, all, i, metric);
    const auto& p = all[i];
    if (!p.number) continue;
    Sensitivity s;
    s.parameter = p;
    if (p.whole) {
      s.elasticity = arc_elasticity(specs, p, metric, here);
    } else {
      s.derivative = slopes.slope[i % directions];
      if (here != 0) s.elasticity = *s.derivative * p.value / here;
    }
    const auto* source = sourced(specs, p.path);
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
