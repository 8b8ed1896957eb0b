// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include <tomestimate/number/lift.hpp>
#include <tomestimate/report/reports.hpp>
#include <tomestimate/study/evaluation.hpp>

#include "cells.hpp"

namespace tomestimate::report {

std::vector<DesignMetric> metric_values(const HardwareSpec& hardware, const ModelSpec& model) {
  const auto& hw = hardware.values;
  const auto& m = model.values;
  spec::check_pair(hw, m);
  const auto all = study::evaluate(hw, m);
  bool good = true;
  study::visit_rules(hw, m, all.base,
                     [&good](std::string_view, double excess) { good = good && excess <= 0; });
  if (!good)
    throw std::domain_error(
        does_not_fit(hardware, model).value_or("no design: a number is out of all bounds"));
  std::vector<DesignMetric> out;
  study::visit_metrics(hw, all, [&out](const study::Metric& metric, const auto& value) {
    const double factor = metric.unit.empty() ? 1 : study::unit_factor(metric.unit);
    out.push_back({metric.name, metric.unit, printed(metric.name, number::raw(value) / factor)});
  });
  return out;
}

}  // namespace tomestimate::report
