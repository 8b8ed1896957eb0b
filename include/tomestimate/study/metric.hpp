// SPDX-License-Identifier: Apache-2.0
// Results of the engine by name, for who needs none of its equations: a changed equation compiles
// none of the files that include only this.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <tomestimate/spec/hardware.hpp>
#include <tomestimate/spec/model.hpp>

namespace tomestimate::study {

// What a quantity is to a metric it goes into.
enum class Role {
  metric,  // a metric itself
  part,    // a term that metrics are sums of: cycles of an op, energy of a component, an area
  step,    // anything else between spec values and metrics
  detail,  // a step that needs no name where another has its equation
};

struct Metric {
  std::string_view name;
  std::string_view unit;  // display unit; "" for a bare number
  std::string_view doc;
};

struct MetricValue {
  Metric metric;
  double value;  // in base units
};

// Every metric of a design, in the order of visit_metrics. The specs must go together.
std::vector<MetricValue> metrics_of(const spec::Hardware<double>& hw, const spec::Model<double>& m);

// A layer in names of quantities: "decode.layer3", whose metrics are "decode.layer3.energy" and so
// on.
std::string layer_name(std::string_view pass, std::size_t layer);

// Names of the metrics of a layer ("energy" of "decode.layer3.energy").
std::vector<std::string_view> layer_metric_names(const spec::Hardware<double>& hw);

}  // namespace tomestimate::study
