// SPDX-License-Identifier: Apache-2.0
#include "recorded.hpp"

#include <range/v3/algorithm/find.hpp>

#include <tomestimate/number/lift.hpp>
#include <tomestimate/study/evaluation.hpp>

namespace tomestimate::study {

Recorded::Recorded(const Specs& specs, const std::vector<std::pair<std::string, double>>& varied)
    : parameters_(parameters(specs)) {
  using Input = std::pair<std::string, Symbol>;
  for (const auto& [path, value] : varied) inputs_.emplace_back(path, recording_.input(value));
  const auto number = [&](const spec::Field& f, double x) {
    const auto found = ranges::find(inputs_, f.path, &Input::first);
    return found == inputs_.end() ? Symbol(x) : found->second;
  };
  const auto hw = lift<Symbol>(specs.hardware.values, number);
  const auto m = lift<Symbol>(specs.model.values, number);
  const auto all = evaluate(hw, m);
  visit_metrics(hw, all, [&](const Metric& metric, const auto& value) {
    metrics_.emplace_back(metric.name, Value{raw(value), dimension_of_value(value)});
  });
  visit_rules(hw, m, all.base, [&](std::string_view reason, const Symbol& excess) {
    rules_.emplace_back(reason, excess);
  });
  for (const auto& [name, value] : metrics_) scope_.names.push_back(name);
  for (const auto& p : parameters_) scope_.names.push_back(p.path);
  scope_.find = [this](std::string_view name) -> std::optional<Value> {
    for (const auto& [metric, value] : metrics_)
      if (metric == name) return value;
    const auto p = ranges::find(parameters_, spec::resolve(std::string(name)), &Parameter::path);
    if (p == parameters_.end()) return std::nullopt;
    return parameter(*p);
  };
}

Value Recorded::parameter(const Parameter& p) const {
  for (const auto& [path, input] : inputs_)
    if (path == p.path) return {input, p.dimension};
  return {Symbol(p.value), p.dimension};
}

}  // namespace tomestimate::study
