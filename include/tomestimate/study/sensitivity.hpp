// SPDX-License-Identifier: Apache-2.0
// What a metric hangs on: derivatives, elasticities, and swings over the specs' ranges.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tomestimate/study/study.hpp>

namespace tomestimate::study {

// How a metric moves with a parameter.
struct Slope {
  // d metric / d parameter in base units, exact, by dual numbers. None for a whole parameter: there
  // it would be the slope between steps, which is 0.
  std::optional<double> derivative;
  // d ln metric / d ln parameter; of a whole parameter ln(m2 / m1) / ln(x2 / x1) between half and
  // twice its value, or the one of them that is a design. None if neither is.
  std::optional<double> elasticity;
};

struct Slopes {
  Parameter parameter;
  std::vector<Slope> by_metric;
};

// Slopes of metrics by every number of both specs, in visiting order. Throws spec::SpecError for an
// unknown metric.
std::vector<Slopes> slopes(const Specs& specs, const std::vector<std::string>& metrics);

struct Sensitivity {
  Parameter parameter;
  Slope slope;
  // The metric, in base units, with the parameter at the ends of its range: the spec's, or else
  // 10 % around its value (half and twice it, for a whole one). None where that is no design.
  double low = 0, high = 0;  // those ends, in base units
  bool own_range = false;
  std::optional<double> at_low, at_high;

  double swing(double metric) const;  // largest change of the metric over the range
};

// For every number of both specs, largest swing first. Throws spec::SpecError for an unknown
// metric.
std::vector<Sensitivity> sensitivity(const Specs& specs, const std::string& metric);

// A metric of one design, in base units. Throws spec::SpecError for an unknown metric.
double metric_value(const Specs& specs, const std::string& metric);

}  // namespace tomestimate::study
