// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/published.hpp>

#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>

#include <fmt/format.h>
#include <toml++/toml.h>
#include <range/v3/algorithm/contains.hpp>

#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/study/evaluation.hpp>
#include <tomestimate/units/unit_text.hpp>

namespace tomestimate::evidence {

using study::Metric;
namespace {

using HardwareSpec = spec::Spec<spec::Hardware<double>>;
using ModelSpec = spec::Spec<spec::Model<double>>;

// Reads one [[figure]], collecting nothing: the first error is thrown with its place.
class Figure {
 public:
  Figure(const toml::table& table, std::string file) : table_(table), file_(std::move(file)) {
    static const std::set<std::string_view> keys{
        "id",     "what", "value", "grade",        "source", "hardware", "model",
        "metric", "set",  "note",  "not_compared", "bound",  "follows",  "given_by"};
    for (const auto& [key, node] : table)
      if (!keys.contains(key.str())) fail(node, fmt::format("unknown key \"{}\"", key.str()));
  }

  bool has(std::string_view key) const { return table_.contains(key); }

  std::string text(std::string_view key) const {
    const auto* node = table_.get(key);
    if (node == nullptr) fail(table_, fmt::format("figure has no \"{}\"", key));
    const auto value = node->value<std::string>();
    if (!value || value->empty()) fail(*node, fmt::format("expected text for \"{}\"", key));
    return *value;
  }

  std::string text_or_empty(std::string_view key) const { return has(key) ? text(key) : ""; }

  std::vector<std::string> texts(std::string_view key) const {
    const auto* node = table_.get(key);
    if (node == nullptr) return {};
    std::vector<std::string> out;
    if (!node->is_array()) fail(*node, fmt::format("expected an array of text for \"{}\"", key));
    for (const auto& item : *node->as_array()) {
      const auto text = item.value<std::string>();
      if (!text) fail(item, fmt::format("expected text in \"{}\"", key));
      out.push_back(*text);
    }
    return out;
  }

  // The `set` overrides, applied to whichever spec knows the path.
  void apply_overrides(HardwareSpec& hardware, ModelSpec& model) const {
    const auto* node = table_.get("set");
    if (node == nullptr) return;
    if (!node->is_table()) fail(*node, "expected a table of overrides for \"set\"");
    for (const auto& [key, value] : *node->as_table()) {
      const auto new_value = value.value<std::string>();
      if (!new_value) fail(value, "expected text for an override");
      spec::override_value(hardware, model, std::string(key.str()), *new_value, place(value));
    }
  }

  spec::Place place(const toml::node& node) const {
    const auto at = node.source().begin;
    return {file_, at.line, at.column};
  }

  [[noreturn]] void fail(const toml::node& node, std::string message) const {
    throw spec::SpecError({{place(node), std::move(message), ""}});
  }

  const toml::node& node(std::string_view key) const { return *table_.get(key); }

 private:
  const toml::table& table_;
  std::string file_;
};

// The number and unit of "3306 token/s"; a bare number has no unit.
std::pair<double, std::string> split(const std::string& value) {
  std::size_t end = 0;
  const double number = std::stod(value, &end);
  while (end < value.size() && value[end] == ' ') ++end;
  return {number, value.substr(end)};
}

// Value of the named metric in `unit`.
double metric_value(const Figure& figure, const std::string& name, const HardwareSpec& hardware,
                    const ModelSpec& model, const std::string& unit) {
  std::optional<double> found;
  study::visit_metrics(hardware.values, study::evaluate(hardware.values, model.values),
                       [&](const Metric& metric, const auto& value) {
                         if (metric.name != name) return;
                         double base = 0;
                         if constexpr (std::is_same_v<std::decay_t<decltype(value)>, double>)
                           base = value;
                         else
                           base = value.value();
                         found = unit.empty() ? base : units::from_base(base, unit);
                       });
  if (!found) figure.fail(figure.node("metric"), fmt::format("unknown metric \"{}\"", name));
  return *found;
}

template <class S>
void collect_fits(const spec::Spec<S>& s, const std::string& id, std::vector<std::string>& out) {
  for (const auto& value : s.sourced)
    if (ranges::contains(value.fits, id)) out.push_back(value.path);
}

// The figures that a value of the specs is fitted to.
std::vector<std::string> still_fitted(std::vector<std::string> ids, const HardwareSpec& hardware,
                                      const ModelSpec& model) {
  std::erase_if(ids, [&](const std::string& id) {
    std::vector<std::string> values;
    collect_fits(hardware, id, values);
    collect_fits(model, id, values);
    return values.empty();
  });
  return ids;
}

Comparison compare(const Figure& figure, const std::filesystem::path& folder) {
  Comparison c;
  c.id = figure.text("id");
  c.figure = figure.text("what");
  try {
    std::tie(c.published, c.unit) = split(figure.text("value"));
  } catch (const std::logic_error&) {
    figure.fail(figure.node("value"), "expected a number and a unit");
  }
  c.grade = figure.text("grade");
  c.source = figure.text("source");
  if (figure.has("not_compared")) {
    c.note = figure.text("not_compared");
    return c;
  }
  c.note = figure.text_or_empty("note");
  c.hardware = figure.text("hardware");
  c.model = figure.text("model");
  c.metric = figure.text("metric");
  auto hardware = spec::load_hardware((folder / c.hardware).string());
  auto model = spec::load_model((folder / c.model).string());
  collect_fits(hardware, c.id, c.calibrated_by);
  collect_fits(model, c.id, c.calibrated_by);
  c.follows = still_fitted(figure.texts("follows"), hardware, model);
  for (auto& id : figure.texts("given_by")) c.follows.push_back(std::move(id));
  figure.apply_overrides(hardware, model);
  spec::check_pair(hardware.values, model.values);
  c.estimate = metric_value(figure, c.metric, hardware, model, c.unit);
  c.relation = c.calibrated_by.empty() ? Relation::predicted : Relation::calibrated;
  if (!c.follows.empty() && c.calibrated_by.empty()) c.relation = Relation::follows;
  if (figure.has("bound")) {
    const auto bound = figure.text("bound");
    if (bound != "upper" && bound != "lower")
      figure.fail(figure.node("bound"), "expected \"upper\" or \"lower\" for \"bound\"");
    const bool keeps = bound == "upper" ? *c.estimate <= c.published : *c.estimate >= c.published;
    c.relation = keeps ? Relation::within_bound : Relation::out_of_bound;
  }
  return c;
}

}  // namespace

std::optional<double> Comparison::error() const {
  const bool bound = relation == Relation::within_bound || relation == Relation::out_of_bound;
  if (!estimate || published == 0 || bound) return std::nullopt;
  return (*estimate - published) / published;
}

std::vector<Comparison> compare_published(const std::string& path) try {
  const auto text = spec::read_file(path);
  spec::bound_nesting(text, path);
  const auto root = toml::parse(text, path);
  const auto* figures = root.get_as<toml::array>("figure");
  if (figures == nullptr) throw spec::SpecError({{{path, 1, 1}, "expected [[figure]] tables", ""}});
  std::vector<Comparison> out;
  std::set<std::string> ids;
  for (const auto& node : *figures) {
    if (!node.is_table())
      throw spec::SpecError({{{path, node.source().begin.line, node.source().begin.column},
                              "expected a [[figure]] table",
                              ""}});
    const Figure figure(*node.as_table(), path);
    out.push_back(compare(figure, std::filesystem::path(path).parent_path()));
    if (!ids.insert(out.back().id).second)
      figure.fail(figure.node("id"), fmt::format("id \"{}\" is used twice", out.back().id));
  }
  return out;
} catch (const toml::parse_error& e) {
  const auto at = e.source().begin;
  throw spec::SpecError({{{path, at.line, at.column}, std::string(e.description()), ""}});
}

}  // namespace tomestimate::evidence
