// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/published.hpp>

#include <cmath>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <range/v3/algorithm/contains.hpp>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/spec/toml.hpp>

#include "figures.hpp"

namespace tomestimate::evidence {
namespace {

namespace fs = std::filesystem;

Relation relation_of(const Figure& figure, const Comparison& c) {
  if (figure.bound) {
    const bool keeps =
        *figure.bound == "upper" ? *c.estimate <= c.published : *c.estimate >= c.published;
    return keeps ? Relation::within_bound : Relation::out_of_bound;
  }
  if (!c.calibrated_by.empty()) return Relation::calibrated;
  return c.follows.empty() ? Relation::predicted : Relation::follows;
}

// The estimate for each of the choices.
std::vector<ChoicePoint> compare_choices(const Figure& figure, const HardwareSpec& hardware,
                                         const ModelSpec& model, const Comparison& c) {
  std::vector<ChoicePoint> out;
  for (const auto& choice : figure.choices) {
    auto h = hardware;
    auto m = model;
    ChoicePoint point;
    for (const auto& [path, value] : choice) point.values.emplace_back(path, value.text);
    set_values(choice, h, m);
    // What is tried need not be a design: then it has no estimate.
    try {
      spec::check_pair(h.values, m.values);
      point.estimate = metric_value(c.metric, h, m, c.unit);
      point.error = (*point.estimate - c.published) / c.published;
    } catch (const spec::SpecError& e) {
      point.why_not = e.diagnostics().at(0).message;
    }
    out.push_back(std::move(point));
  }
  return out;
}

// What a figure says of itself.
Comparison stated(const Figure& figure) {
  Comparison c;
  c.id = figure.id.text;
  c.figure = figure.what;
  c.published = figure.value;
  c.unit = figure.unit;
  c.grade = figure.grade;
  c.source = figure.source;
  c.note = figure.note;
  if (!figure.compared) return c;
  c.hardware = figure.hardware;
  c.model = figure.model;
  c.metric = figure.metric.text;
  for (const auto& [path, value] : figure.set) c.set.emplace_back(path, value.text);
  return c;
}

}  // namespace

Comparison compare(const Figure& figure, study::Specs specs) {
  auto c = stated(figure);
  auto& [hardware, model] = specs;
  c.calibrated_by = fitted_to(c.id, specs);
  for (const auto& other : figure.follows)
    if (!fitted_to(other.text, specs).empty()) c.follows.push_back(other.text);
  for (const auto& other : figure.given_by) c.follows.push_back(other.text);
  set_values(figure.set, hardware, model);
  spec::check_pair(hardware.values, model.values);
  c.estimate = metric_value(c.metric, hardware, model, c.unit);
  c.relation = relation_of(figure, c);
  c.choices = compare_choices(figure, hardware, model, c);
  return c;
}

std::optional<double> Comparison::error() const {
  const bool bound = relation == Relation::within_bound || relation == Relation::out_of_bound;
  if (!estimate || published == 0 || bound) return std::nullopt;
  return (*estimate - published) / published;
}

std::vector<Comparison> compare_published(const std::string& path) {
  std::vector<Comparison> out;
  const auto folder = fs::path(path).parent_path();
  for (const auto& figure : read_figures(path))
    out.push_back(figure.compared ? compare(figure, specs_of(figure, folder)) : stated(figure));
  return out;
}

study::Given given_figure(const std::string& path, const std::string& id,
                          const study::Specs& specs) {
  const auto figures = read_figures(path);
  const auto f = ranges::find(figures, id, [](const Figure& figure) { return figure.id.text; });
  std::vector<std::string_view> ids;
  for (const auto& figure : figures) ids.push_back(figure.id.text);
  const auto refuse = [&](std::string message, std::string hint = "") {
    throw spec::SpecError({{{"--given " + id, 0, 0}, std::move(message), std::move(hint)}});
  };
  if (f == figures.end())
    refuse(fmt::format("no figure \"{}\" in {}", spec::shortened(id), path),
           spec::did_you_mean(id, ids));
  if (!f->compared || f->bound) refuse("is not a value that a metric can be compared with");
  const auto [hardware, model] = specs_of(*f, fs::path(path).parent_path());
  if (hardware.name != specs.hardware.name || model.name != specs.model.name)
    refuse(fmt::format("is a figure of {} running {}", hardware.name, model.name),
           "give it as METRIC=VALUE if it is to hold here");
  study::Given given{id, f->metric.text, f->value, 0, {}};
  if (!f->unit.empty()) given.value = study::unit_factor(f->unit) * f->value;
  for (const auto& [name, value] : f->set) given.set.emplace_back(name, value.text);
  given.deviation = study::usual_tolerance * std::abs(given.value);
  if (f->tolerance) study::set_tolerance(given, f->tolerance->text);
  given.name = fmt::format("{} ({}={} {})", id, f->metric.text, f->value, f->unit);
  return given;
}

std::vector<std::string> files_of_published(const std::string& path) {
  std::set<std::string> files{path};
  for (const auto& figure : read_figures(path))
    for (const auto* name : {&figure.hardware, &figure.model})
      if (!name->empty())
        for (auto& file : spec::files_of(spec_file(figure, *name, fs::path(path).parent_path())))
          files.insert(std::move(file));
  return {files.begin(), files.end()};
}

}  // namespace tomestimate::evidence
