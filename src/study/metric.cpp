// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/metric.hpp>

#include <fmt/format.h>

#include <tomestimate/number/lift.hpp>
#include <tomestimate/study/quantities.hpp>

namespace tomestimate::study {

std::vector<MetricValue> metrics_of(const spec::Hardware<double>& hw,
                                    const spec::Model<double>& m) {
  std::vector<MetricValue> out;
  visit_metrics(hw, evaluate(hw, m), [&out](const Metric& metric, const auto& value) {
    out.push_back({metric, number::raw(value)});
  });
  return out;
}

std::string layer_name(std::string_view pass, std::size_t layer) {
  return fmt::format("{}.layer{}", pass, layer);
}

std::vector<std::string_view> layer_metric_names(const spec::Hardware<double>& hw) {
  std::vector<std::string_view> names;
  visit_layer_metrics(
      hw, engine::LayerEstimate<double>{}, {},  // only the names are used
      [&](const LayerMetric& metric, const auto&) { names.push_back(metric.name); });
  return names;
}

}  // namespace tomestimate::study
