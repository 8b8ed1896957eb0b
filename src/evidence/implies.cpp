// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/implies.hpp>

#include <cmath>
#include <filesystem>
#include <utility>

#include <range/v3/algorithm/find.hpp>

#include <tomestimate/study/solve.hpp>
#include <tomestimate/study/space.hpp>
#include <tomestimate/study/uncertainty.hpp>

#include "figures.hpp"

namespace tomestimate::evidence {
namespace {

using study::Specs;

// Numbers with a range that the metric hangs on.
std::vector<Implied> open_values(const Specs& specs, const std::string& metric) {
  std::vector<Implied> out;
  study::Axis together;
  const auto all = study::parameters(specs);
  const auto add = [&](const std::vector<spec::Sourced>& list) {
    for (const auto& s : list) {
      const auto p = ranges::find(all, s.path, &study::Parameter::path);
      if (!s.range || p == all.end() || !p->number) continue;
      together.members.push_back(study::varied(*p, p->value));
      Implied open;
      open.parameter = *p;
      open.low = (*s.range)[0];
      open.high = (*s.range)[1];
      open.choice = study::is_choice(p->path);
      out.push_back(std::move(open));
    }
  };
  add(specs.hardware.sourced);
  add(specs.model.sourced);
  if (out.empty()) return out;
  const study::Space space(specs, {std::move(together)}, {metric});
  std::erase_if(out, [&](const Implied& i) { return !space.hangs_on(0, i.parameter.path); });
  return out;
}

void solve_for(const Specs& specs, const study::Target& target, double factor, Implied& open) {
  const auto& p = open.parameter;
  const auto in_range = study::solve(specs, p.path, open.low, open.high, target);
  open.lowest = in_range.lowest / factor;
  open.highest = in_range.highest / factor;
  auto found = in_range.solutions;
  open.within = !found.empty();
  if (found.empty()) {
    const double unit = study::unit_factor(p.unit);
    found = study::solve(specs, p.path, p.min * unit, p.max * unit, target).solutions;
  }
  if (found.empty()) return;
  open.value = found[0].parameter;
  open.at = found[0].metric / factor;
}

}  // namespace

std::vector<Implied> implied(const std::string& path) {
  std::vector<Implied> out;
  for (const auto& figure : read_figures(path)) {
    if (!figure.compared || figure.bound) continue;
    auto specs = specs_of(figure, std::filesystem::path(path).parent_path());
    set_values(figure.set, specs.hardware, specs.model);
    spec::check_pair(specs.hardware.values, specs.model.values);
    const double factor = figure.unit.empty() ? 1 : study::unit_factor(figure.unit);
    const study::Target target{figure.metric.text, study::Goal::equal, figure.value * factor};
    for (auto& open : open_values(specs, figure.metric.text)) {
      open.id = figure.id.text;
      open.hardware = figure.hardware;
      open.published = figure.value;
      open.unit = figure.unit;
      open.estimate = metric_value(figure.metric.text, specs.hardware, specs.model, figure.unit);
      solve_for(specs, target, factor, open);
      out.push_back(std::move(open));
    }
  }
  return out;
}

}  // namespace tomestimate::evidence
