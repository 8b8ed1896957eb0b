// SPDX-License-Identifier: Apache-2.0
#include "figures.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <span>

#include <fmt/format.h>
#include <range/v3/algorithm/contains.hpp>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/spec/toml.hpp>
#include <tomestimate/study/metric.hpp>
#include <tomestimate/study/study.hpp>
#include <tomestimate/units/unit_text.hpp>

namespace tomestimate::evidence {
namespace {

void refuse_unknown(const toml::table& table, const std::string& file,
                    std::span<const spec::Key> keys, std::vector<spec::Diagnostic>& errors) {
  std::vector<std::string_view> known;
  for (const auto& key : keys) known.push_back(key.name);
  for (const auto& [key, node] : table)
    if (!ranges::contains(known, key.str()))
      errors.push_back({spec::place_of(node, file),
                        fmt::format("unknown key \"{}\"", spec::shortened(key.str())),
                        spec::did_you_mean(key.str(), known)});
}

// Reads one [[figure]] table, and collects what is wrong with it.
class FigureReader {
 public:
  FigureReader(const toml::table& table, const std::string& file,
               std::vector<spec::Diagnostic>& errors)
      : table_(table), file_(file), errors_(errors) {}

  Figure read() {
    refuse_unknown(table_, file_, figure_keys, errors_);
    Figure f;
    f.id = text("id");
    f.what = text("what").text;
    f.grade = text("grade").text;
    if (!f.grade.empty())
      one_of("grade", {spec::grade_names.begin(), spec::grade_names.end()}, f.grade);
    f.source = text("source").text;
    f.compared = !table_.contains("not_compared");
    f.note = optional_text(f.compared ? "note" : "not_compared");
    if (f.compared) read_estimate(f);
    read_value(f);
    return f;
  }

 private:
  void fail(const spec::Place& place, std::string message, std::string hint = "") {
    errors_.push_back({place, std::move(message), std::move(hint)});
  }
  spec::Place place(const toml::node& node) const { return spec::place_of(node, file_); }

  Text text_of(const toml::node& node, std::string_view key) {
    const auto* value = node.as_string();
    if (value != nullptr && !(**value).empty()) return {**value, place(node)};
    fail(place(node), fmt::format("expected text for \"{}\"", key));
    return {"", place(node)};
  }

  Text text(std::string_view key) {
    if (const auto* node = table_.get(key)) return text_of(*node, key);
    fail(place(table_), fmt::format("figure has no \"{}\"", key));
    return {"", place(table_)};
  }

  std::string optional_text(std::string_view key) {
    return table_.contains(key) ? text(key).text : "";
  }

  std::vector<Text> texts(std::string_view key) {
    const auto* node = table_.get(key);
    if (node == nullptr) return {};
    std::vector<Text> out;
    if (!node->is_array())
      fail(place(*node), fmt::format("expected an array of text for \"{}\"", key));
    else
      for (const auto& item : *node->as_array()) out.push_back(text_of(item, key));
    return out;
  }

  void one_of(std::string_view key, const std::vector<std::string_view>& known,
              const std::string& word) {
    if (ranges::contains(known, word)) return;
    fail(place(*table_.get(key)),
         fmt::format("expected one of {} for \"{}\"", fmt::join(known, ", "), key),
         spec::did_you_mean(word, known));
  }

  void read_estimate(Figure& f) {
    f.hardware = text("hardware").text;
    f.model = text("model").text;
    f.metric = text("metric");
    if (table_.contains("bound")) {
      f.bound = text("bound").text;
      if (!f.bound->empty()) one_of("bound", {"upper", "lower"}, *f.bound);
    }
    f.follows = texts("follows");
    f.given_by = texts("given_by");
    if (table_.contains("tolerance")) f.tolerance = text("tolerance");
    read_choices(f);
    const auto* set = table_.get("set");
    if (set == nullptr) return;
    if (!set->is_table()) return fail(place(*set), "expected a table of overrides for \"set\"");
    read_overrides(*set->as_table(), f.set);
  }

  void read_overrides(const toml::table& table, Figure::Overrides& out) {
    for (const auto& [key, value] : table)
      out.emplace_back(std::string(key.str()), text_of(value, key.str()));
  }

  void read_choices(Figure& f) {
    const auto* node = table_.get("choices");
    if (node == nullptr) return;
    const auto* list = node->as_array();
    if (list == nullptr || list->empty())
      return fail(place(*node), "expected an array of tables of overrides for \"choices\"",
                  "choices = [{ \"vector.width\" = \"64\" }, { \"vector.width\" = \"128\" }]");
    for (const auto& item : *list) {
      if (const auto* table = item.as_table())
        read_overrides(*table, f.choices.emplace_back());
      else
        fail(place(item), "expected a table of overrides in \"choices\"");
    }
  }

  // The number, and its unit, which must be one of what the metric measures.
  void read_value(Figure& f) {
    const auto [written, where] = text("value");
    if (written.empty()) return;
    std::string metric_unit;
    if (f.compared && !f.metric.text.empty()) try {
        metric_unit = study::require_metric(f.metric.text, f.metric.place);
      } catch (const spec::SpecError& e) {
        return fail(f.metric.place, e.diagnostics()[0].message, e.diagnostics()[0].hint);
      }
    const auto parsed = units::parse_quantity(written, metric_unit);
    if (const auto* bad = std::get_if<units::UnitError>(&parsed)) {
      auto at = where;
      at.column += static_cast<std::uint32_t>(bad->offset) + 1;  // 1 for the quote
      return fail(at, fmt::format("{}: {}", spec::shortened(written), bad->message), bad->hint);
    }
    const auto& value = std::get<units::ParsedQuantity>(parsed);
    const auto wanted = std::get<units::ParsedUnit>(units::parse_unit(metric_unit)).dimension;
    if (f.compared && !f.metric.text.empty() && value.dimension != wanted)
      return fail(
          where,
          fmt::format("{} is {}, but {} is {}", written, units::kind(value.dimension),
                      f.metric.text, units::kind(wanted)),
          metric_unit.empty() ? "without a unit" : fmt::format("a value in {}", metric_unit));
    // As it is written: 15.0 GB/s shall not become 1.2e11 bit/s and back.
    const auto* end = written.data() + written.size();
    const auto* unit = std::from_chars(written.data(), end, f.value).ptr;
    f.unit.assign(std::find_if(unit, end, [](char c) { return c != ' '; }), end);
  }

  const toml::table& table_;
  const std::string& file_;
  std::vector<spec::Diagnostic>& errors_;
};

// Ids are used once, and those that others name are there.
void check_ids(const std::vector<Figure>& figures, std::vector<spec::Diagnostic>& errors) {
  std::vector<std::string_view> ids;
  for (const auto& f : figures) {
    if (ranges::contains(ids, f.id.text) && !f.id.text.empty())
      errors.push_back({f.id.place, fmt::format("id \"{}\" is used twice", f.id.text), ""});
    ids.push_back(f.id.text);
  }
  for (const auto& f : figures)
    for (const auto* list : {&f.follows, &f.given_by})
      for (const auto& other : *list)
        if (!other.text.empty() && !ranges::contains(ids, other.text))
          errors.push_back({other.place,
                            fmt::format("no figure \"{}\"", spec::shortened(other.text)),
                            spec::did_you_mean(other.text, ids)});
}

// A figure that follows itself, by way of others or not, would vouch for itself. (One that is an
// input of its own estimate is given by itself, which is said.)
class Cycles {
 public:
  Cycles(const std::vector<Figure>& figures, std::vector<spec::Diagnostic>& errors)
      : errors_(errors) {
    for (const auto& f : figures) by_id_.emplace(f.id.text, &f);
    for (const auto& f : figures) visit(f);
  }

 private:
  void visit(const Figure& f) {
    if (!seen_.insert(f.id.text).second) return;
    path_.push_back(f.id.text);
    for (const auto& other : f.follows) follow(other);
    path_.pop_back();
  }

  void follow(const Text& other) {
    const auto start = ranges::find(path_, other.text);
    if (start != path_.end())
      errors_.push_back({other.place,
                         fmt::format("figures that follow each other: {} -> {}",
                                     fmt::join(start, path_.end(), " -> "), other.text),
                         "one of them has to stand alone"});
    else if (const auto next = by_id_.find(other.text); next != by_id_.end())
      visit(*next->second);
  }

  std::map<std::string, const Figure*> by_id_;
  std::set<std::string> seen_;
  std::vector<std::string> path_;
  std::vector<spec::Diagnostic>& errors_;
};

}  // namespace

std::vector<Figure> read_figures(const std::string& path) {
  return parse_figures(spec::read_file(path), path);
}

std::vector<Figure> parse_figures(std::string_view text, const std::string& path) {
  const auto root = spec::parse_toml(text, path);
  std::vector<spec::Diagnostic> errors;
  refuse_unknown(root, path, published_keys, errors);
  if (const auto* kind = root.get("kind");
      kind != nullptr && kind->value_or(std::string{}) != "published")
    errors.push_back({spec::place_of(*kind, path), "expected kind = \"published\"", ""});
  const auto* list = root.get_as<toml::array>("figure");
  if (list == nullptr || list->empty())
    throw spec::SpecError({{{path, 1, 1}, "expected [[figure]] tables", ""}});
  std::vector<Figure> figures;
  for (const auto& node : *list) {
    if (const auto* table = node.as_table())
      figures.push_back(FigureReader(*table, path, errors).read());
    else
      errors.push_back({spec::place_of(node, path), "expected a [[figure]] table", ""});
  }
  check_ids(figures, errors);
  [[maybe_unused]] const Cycles looked_for(figures, errors);
  if (!errors.empty()) throw spec::SpecError(std::move(errors));
  return figures;
}

std::string spec_file(const Figure& figure, const std::string& name,
                      const std::filesystem::path& folder) try {
  return spec::find_spec(name, folder);
} catch (const spec::SpecError& e) {
  const auto& d = e.diagnostics().at(0);
  throw spec::SpecError(
      {{figure.id.place, fmt::format("names {}: {}", d.place.file, d.message), d.hint}});
}

study::Specs specs_of(const Figure& figure, const std::filesystem::path& folder) {
  return {spec::load_hardware(spec_file(figure, figure.hardware, folder)),
          spec::load_model(spec_file(figure, figure.model, folder))};
}

void set_values(const Figure::Overrides& set, HardwareSpec& hardware, ModelSpec& model) {
  std::vector<spec::Override> all;
  for (const auto& [path, value] : set) all.push_back({path, value.text, value.place});
  spec::override_values(hardware, model, std::move(all));
}

std::vector<std::string> fitted_to(const std::string& id, const study::Specs& specs) {
  std::vector<std::string> out;
  for (const auto* list : {&specs.hardware.sourced, &specs.model.sourced})
    for (const auto& value : *list)
      if (ranges::contains(value.fits, id)) out.push_back(value.path);
  return out;
}

double metric_value(const std::string& name, const HardwareSpec& hardware, const ModelSpec& model,
                    const std::string& unit) {
  double base = 0;
  for (const auto& [metric, value] : study::metrics_of(hardware.values, model.values))
    if (metric.name == name) base = value;
  return unit.empty() ? base : units::from_base(base, unit);
}

}  // namespace tomestimate::evidence
