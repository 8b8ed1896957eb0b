// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/study.hpp>

#include <cmath>
#include <filesystem>
#include <span>
#include <sstream>

#include <fmt/format.h>
#include <range/v3/algorithm/contains.hpp>
#include <range/v3/algorithm/find.hpp>
#include <range/v3/algorithm/stable_sort.hpp>

#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/spec/toml.hpp>
#include <tomestimate/study/evaluation.hpp>

namespace tomestimate::study {
namespace {

constexpr std::size_t most_values = 10'000'000;  // on one axis

// A TOML value as an override takes it.
std::string as_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return **text;
  if (node.is_integer()) return fmt::format("{}", **node.as_integer());
  if (node.is_floating_point()) return fmt::format("{}", **node.as_floating_point());
  if (node.is_boolean()) return **node.as_boolean() ? "true" : "false";
  std::ostringstream out;
  if (const auto* list = node.as_array()) out << *list;
  return out.str();
}

class Loader {
 public:
  Loader(const std::string& path, Regions regions)
      : path_(path), text_(spec::read_file(path)), regions_(regions) {}

  Study load() {
    const auto root = spec::parse_toml(text_, path_);
    if (root["kind"].value_or(std::string{}) != "study") fail(root, "expected kind = \"study\"");
    known_keys(root, study_keys);
    collect([&] { study_.name = text(root, "name"); });
    if (!collect([&] { read_specs(root); })) throw_errors();  // nothing else can be looked up
    const bool set = collect([&] { read_set(root); });
    collect([&] { read_axes(root); });
    bool columns = false;
    collect([&] { columns = read_columns(root); });
    collect([&] { read_targets(root); });
    if (root.contains("where")) collect([&] { study_.where = text(root, "where"); });
    if (columns) {
      collect([&] { read_order(root); });
      collect([&] { read_objectives(root); });
    }
    if (set && columns) check_formulas(root);
    throw_errors();
    return std::move(study_);
  }

 private:
  spec::Place place(const toml::node& node) const { return spec::place_of(node, path_); }

  [[noreturn]] void fail(const toml::node& node, std::string message, std::string hint = "") const {
    throw spec::SpecError({{place(node), std::move(message), std::move(hint)}});
  }

  // Reads a part of the study. What is wrong with it waits for what is wrong with the others, and
  // the result is false.
  template <class Part>
  bool collect(Part part) try {
    part();
    return true;
  } catch (const spec::SpecError& e) {
    errors_.insert(errors_.end(), e.diagnostics().begin(), e.diagnostics().end());
    return false;
  }

  void throw_errors() {
    ranges::stable_sort(errors_, {}, [](const spec::Diagnostic& d) {
      return std::pair(d.place.line, d.place.column);
    });
    if (!errors_.empty()) throw spec::SpecError(std::move(errors_));
  }

  void known_keys(const toml::table& table, std::span<const spec::Key> keys) const {
    std::vector<std::string_view> known;
    for (const auto& key : keys) known.push_back(key.name);
    std::vector<spec::Diagnostic> unknown;
    for (const auto& [key, node] : table) {
      if (ranges::contains(known, key.str())) continue;
      const auto near = units::nearest(key.str(), known);
      unknown.push_back({{path_, key.source().begin.line, key.source().begin.column},
                         fmt::format("unknown key \"{}\"", spec::shortened(key.str())),
                         near ? fmt::format("did you mean \"{}\"?", *near)
                              : fmt::format("known: {}", fmt::join(known, ", "))});
    }
    if (!unknown.empty()) throw spec::SpecError(std::move(unknown));
  }

  std::string text(const toml::table& table, std::string_view key) const {
    const auto* node = table.get(key);
    if (node == nullptr) fail(table, fmt::format("missing \"{}\"", key));
    const auto* value = node->as_string();
    if (value == nullptr || (**value).empty())
      fail(*node, fmt::format("expected text for \"{}\"", key));
    return **value;
  }

  void read_specs(const toml::table& root) {
    const auto folder = std::filesystem::path(path_).parent_path();
    const auto hardware = spec::find_spec(text(root, "hardware"), folder);
    const auto model = spec::find_spec(text(root, "model"), folder);
    study_.hardware = hardware;
    study_.model = model;
    study_.specs = {spec::load_hardware(hardware), spec::load_model(model)};
    for (const auto& name : {hardware, model})
      for (auto& file : spec::files_of(name)) study_.files.push_back(std::move(file));
    // Each text ends with a byte that TOML doesn't have, so that no two studies run together.
    const auto add = [this](std::string_view text) {
      study_.fingerprint = hash(std::string_view("\0", 1), hash(text, study_.fingerprint));
    };
    add(TOMESTIMATE_VERSION);
    add(text_);
    for (const auto& file : study_.files) add(spec::read_file(file));
  }

  void read_set(const toml::table& root) {
    const auto* node = root.get("set");
    if (node == nullptr) return;
    if (!node->is_table()) fail(*node, "expected a table of spec values for \"set\"");
    std::vector<spec::Override> all;
    for (const auto& [key, value] : *node->as_table()) {
      all.push_back({std::string(key.str()), as_text(value), place(value)});
      study_.set.emplace_back(all.back().path, all.back().text);
    }
    spec::override_values(study_.specs.hardware, study_.specs.model, std::move(all));
  }

  void read_axes(const toml::table& root) {
    const auto* list = root.get_as<toml::array>("vary");
    if (list == nullptr || list->empty()) fail(root, "expected [[vary]] tables");
    for (const auto& node : *list) note_companions(node);
    for (const auto& node : *list)
      collect([&] {
        auto axis = read_axis(node);
        add_varied(axis, node);
        study_.axes.push_back(std::move(axis));
      });
    auto halves = spec::half_given_tables(study_.specs.hardware.sourced, varied_);
    if (!halves.empty()) throw spec::SpecError(std::move(halves));
  }

  void add_varied(const Axis& axis, const toml::node& node) {
    for (const auto& v : axis.members) {
      if (ranges::contains(varied_, v.parameter.path, &spec::Sourced::path))
        fail(node, fmt::format("{} varies twice", v.parameter.path));
      varied_.emplace_back().path = v.parameter.path;
      varied_.back().place = place(node);
    }
  }

  // Values of weights.code, and of shares that go with one code only, of one [[vary]] table: what
  // one of them may be hangs on the others at the same point.
  struct Companion {
    const toml::node* axis;
    std::string path;
    Varied::Texts texts;
  };

  void note_companions(const toml::node& node) {
    const auto* axis = node.as_table();
    const auto* zip = axis == nullptr ? nullptr : axis->get_as<toml::array>("zip");
    const auto note = [&](const toml::node& member) {
      const auto* table = member.as_table();
      const auto* path = table == nullptr ? nullptr : table->get_as<std::string>("path");
      const auto* values = path == nullptr ? nullptr : table->get_as<toml::array>("values");
      if (path == nullptr || !is_of_code(spec::resolve(**path))) return;
      Companion found{&node, spec::resolve(**path), {}};
      if (values != nullptr)
        for (const auto& value : *values) found.texts.push_back(as_text(value));
      else
        for (const auto* kind : {"range", "log"})
          if (const auto* from = (*table)[kind]["from"].node()) found.texts = {as_text(*from)};
      if (!found.texts.empty()) companions_.push_back(std::move(found));
    };
    if (zip == nullptr) return note(node);
    for (const auto& member : *zip) note(member);
  }

  // The specs with one value of an axis, the i-th, set; where it is of the weights' code, with the
  // others of that point, and with the code that it goes with. Of other axes the first values.
  Specs with_value(const toml::node& axis, std::size_t i, const std::string& path,
                   const std::string& text, const toml::node& node) const {
    std::vector<spec::Override> all{{path, text, place(node)}};
    if (is_of_code(path))
      for (const auto& c : companions_) {
        const auto at = c.axis == &axis ? i : 0;
        if (c.path == path || at >= c.texts.size()) continue;
        all.push_back({c.path, c.texts[at], place(node)});
        if (c.path == "weights.code" && path != "weights.code")
          all.back().text = path == "weights.zero_bit_ratio" ? "integer" : "ternary";
      }
    leave_out_other_shares(all);
    auto specs = study_.specs;
    // Tables that a spec leaves out are whole only with all axes: read_axes looks at them.
    if (all.size() == 1)
      spec::override_value(specs.hardware, specs.model, path, text, place(node));
    else
      spec::override_values(specs.hardware, specs.model, std::move(all));
    return specs;
  }

  Axis read_axis(const toml::node& node) const {
    if (!node.is_table()) fail(node, "expected a [[vary]] table");
    const auto& table = *node.as_table();
    Axis axis;
    const auto* zip = table.get_as<toml::array>("zip");
    if (zip == nullptr) {
      axis.region = is_region(table);
      axis.members.push_back(read_varied(table, node));
      return axis;
    }
    known_keys(table, std::span(vary_keys).last(1));
    for (const auto& member : *zip) {
      if (!member.is_table()) fail(member, "expected a table with path and values in \"zip\"");
      if (is_region(*member.as_table()))
        fail(member, "a range in \"zip\" has \"points\" or \"step\"");
      axis.members.push_back(read_varied(*member.as_table(), node));
    }
    if (axis.members.empty()) fail(*zip, "\"zip\" is empty");
    for (const auto& v : axis.members)
      if (v.size() != axis.size())
        fail(*zip,
             fmt::format("zipped values differ in number: {} has {}, {} has {}",
                         axis.members[0].parameter.path, axis.size(), v.parameter.path, v.size()));
    return axis;
  }

  // { from, to } alone, where that is taken.
  bool is_region(const toml::table& axis) const {
    const auto* range = axis.get_as<toml::table>("range");
    return regions_ == Regions::taken && range != nullptr && !range->contains("points") &&
           !range->contains("step");
  }

  // The parameter of a path; of a share that does not go with the weights' code, as it is where it
  // does.
  Parameter parameter_of(const std::string& name, const toml::node& axis,
                         const toml::node& node) const {
    const auto found = ranges::find(companions_, spec::resolve(name), &Companion::path);
    const bool has_code = ranges::contains(companions_, "weights.code", &Companion::path);
    if (found == companions_.end() || !has_code)
      return find_parameter(study_.specs, name, place(node));
    return find_parameter(with_value(axis, 0, found->path, found->texts[0], node), name,
                          place(node));
  }

  Varied read_varied(const toml::table& table, const toml::node& axis) const {
    known_keys(table, std::span(vary_keys).first(4));
    Varied v;
    const auto name = text(table, "path");
    v.parameter = parameter_of(name, axis, *table.get("path"));
    const int ways = static_cast<int>(table.contains("values") + table.contains("range") +
                                      table.contains("log"));
    if (ways != 1) fail(table, "expected one of values, range and log");
    if (const auto* node = table.get("values")) {
      const auto* list = node->as_array();
      if (list == nullptr || list->empty()) fail(*node, "expected a list for \"values\"");
      v.values = read_values(v.parameter, *list, axis);
    } else {
      v.values = read_range(v.parameter, table, table.contains("log"), axis);
    }
    return v;
  }

  double checked(const Parameter& p, const std::string& value, const toml::node& node,
                 const toml::node& axis, std::size_t i) const {
    return find_parameter(with_value(axis, i, p.path, value, node), p.path, place(node)).value;
  }

  // Numbers, unless one of them is a per-layer list: then the whole axis is recorded by value.
  Varied::Values read_values(const Parameter& p, const toml::array& list,
                             const toml::node& axis) const {
    Varied::Texts texts;
    Varied::Numbers numbers;
    for (const auto& item : list) {
      const auto text = as_text(item);
      const double number = checked(p, text, item, axis, texts.size());
      texts.push_back(text);
      if (p.number && !text.starts_with("[")) numbers.push_back(in_display_unit(p, number));
    }
    if (numbers.size() == texts.size()) return numbers;
    return texts;
  }

  Varied::Values read_range(const Parameter& p, const toml::table& table, bool log,
                            const toml::node& axis) const {
    const auto* range = table.get_as<toml::table>(log ? "log" : "range");
    if (range == nullptr) fail(table, "expected { from, to, points } or { from, to, step }");
    known_keys(*range, range_keys);
    if (!p.number) fail(*range, fmt::format("{} is not a plain number: list its values", p.path));
    for (const auto* key : {"from", "to"})
      if (!range->contains(key)) fail(*range, fmt::format("missing \"{}\"", key));
    const auto end = [&](std::string_view key) {
      const auto& node = *range->get(key);
      return in_display_unit(p, checked(p, as_text(node), node, axis, 0));
    };
    const double from = end("from");
    const double to = end("to");
    if (!(from < to)) fail(*range, "expected from < to");
    if (log && from <= 0) fail(*range, "a log range starts above 0");
    if (!log && is_region(table)) return Varied::Numbers{from, to};
    if (range->contains("points") == range->contains("step") || (log && range->contains("step")))
      fail(*range, log ? "expected \"points\"" : "expected either \"points\" or \"step\"",
           log || range->contains("points") ? "" : "all from one to the other is for solve");
    const auto few_enough = [&](double points) {
      if (!(points <= static_cast<double>(most_values)))
        fail(*range, fmt::format("more than {} values on one axis", most_values));
    };
    if (const auto* node = range->get("step")) {
      const double step = read_step(p, *node);
      few_enough((to - from) / step);
      return Range::steps(from, to, step, p.whole);
    }
    const double points = range->at("points").value_or(0.0);
    if (points < 2 || points != std::floor(points)) fail(*range, "expected 2 or more points");
    few_enough(points);
    const auto n = static_cast<std::uint64_t>(points);
    if (!log) return Range::spread(from, to, n, p.whole);
    const auto ratios = Range::ratios(from, to, n);
    if (!p.whole) return ratios;
    // Near whole numbers, each once: no range gives these.
    Varied::Numbers numbers;
    for (std::uint64_t i = 0; i < n; ++i)
      if (const double x = std::round(ratios.at(i)); numbers.empty() || x != numbers.back())
        numbers.push_back(x);
    return numbers;
  }

  // In the parameter's display unit; it need not be a legal value of it.
  double read_step(const Parameter& p, const toml::node& node) const {
    const auto parsed = units::parse_quantity(as_text(node));
    const auto* good = std::get_if<units::ParsedQuantity>(&parsed);
    const bool bare = p.unit.empty() && node.is_number();
    if (!bare && (good == nullptr || good->dimension != p.dimension))
      fail(node, fmt::format("expected {} for \"step\"", units::kind(p.dimension)));
    const double step = bare ? node.value_or(0.0) : in_display_unit(p, good->value);
    if (!(step > 0)) fail(node, "expected a step above 0");
    return step;
  }

  // Whether all of them are good.
  bool read_columns(const toml::table& root) {
    const auto* list = root.get_as<toml::array>("columns");
    if (list == nullptr || list->empty()) fail(root, "expected \"columns\", a list");
    bool good = true;
    for (const auto& node : *list)
      good = collect([&] { study_.columns.push_back(read_column(node)); }) && good;
    return good;
  }

  Column read_column(const toml::node& node) const {
    Column column;
    if (const auto* table = node.as_table()) {
      known_keys(*table, column_keys);
      column = {text(*table, "name"), "", text(*table, "formula")};
      if (table->contains("unit")) column.unit = text(*table, "unit");
      const auto unit = units::parse_unit(column.unit);
      if (const auto* bad = std::get_if<units::UnitError>(&unit))
        fail(*table->get("unit"), bad->message, bad->hint);
    } else if (const auto* name = node.as_string()) {
      const auto unit =
          require_metric(**name, place(node),
                         "a formula is { name = \"...\", formula = \"...\", unit = \"...\" }");
      column = {**name, unit, **name};
    } else {
      fail(node, "expected a metric or { name, formula, unit } in \"columns\"");
    }
    if (ranges::contains(study_.columns, column.name, &Column::name))
      fail(node, fmt::format("two columns are called \"{}\"", column.name));
    return column;
  }

  std::size_t column(const std::string& name, const toml::node& node) const {
    const auto found = ranges::find(study_.columns, name, &Column::name);
    if (found != study_.columns.end())
      return static_cast<std::size_t>(found - study_.columns.begin());
    std::vector<std::string_view> known;
    for (const auto& c : study_.columns) known.push_back(c.name);
    fail(node, fmt::format("\"{}\" is not one of the columns", name),
         fmt::format("columns: {}", fmt::join(known, ", ")));
  }

  void read_order(const toml::table& root) {
    if (const auto* node = root.get("limit")) {
      const auto limit = node->value<std::int64_t>();
      if (!limit || *limit < 1) fail(*node, "expected a whole number of 1 or more for \"limit\"");
      study_.limit = static_cast<std::uint64_t>(*limit);
    }
    if (!root.contains("order")) return;
    const auto& node = *root.get("order");
    const auto words = text(root, "order");
    const auto space = words.rfind(' ');
    const auto direction = space == std::string::npos ? "asc" : words.substr(space + 1);
    if (direction != "asc" && direction != "desc") fail(node, "expected \"COLUMN asc|desc\"");
    study_.order = Order{column(words.substr(0, space), node), direction == "desc"};
    double points = 1;
    for (const auto& axis : study_.axes) points *= static_cast<double>(axis.size());
    if (study_.limit == 0 && points > 1e6)
      fail(node, "ordering more than a million points needs a limit",
           "add limit = N: only N rows are kept in memory");
    if (study_.limit > 1'000'000)
      fail(node, "an ordered study keeps a million rows at most", "lower the limit");
  }

  void read_objectives(const toml::table& root) {
    const auto* node = root.get("objectives");
    if (node == nullptr) return;
    const auto* list = node->as_array();
    if (list == nullptr || list->empty()) fail(*node, "expected a list for \"objectives\"");
    for (const auto& item : *list)
      collect([&] { study_.objectives.push_back(read_objective(item)); });
  }

  void read_targets(const toml::table& root) {
    const auto* node = root.get("targets");
    if (node == nullptr) return;
    const auto* list = node->as_array();
    if (list == nullptr || list->empty()) fail(*node, "expected a list for \"targets\"");
    for (const auto& item : *list)
      collect([&] {
        try {
          study_.targets.push_back(parse_target(as_text(item)));
        } catch (const spec::SpecError& e) {
          const auto& d = e.diagnostics().front();
          fail(item, d.message, d.hint);
        }
      });
  }

  Objective read_objective(const toml::node& item) const {
    const auto words = as_text(item);
    const bool maximize = words.starts_with("max ");
    if (!maximize && !words.starts_with("min "))
      fail(item, "expected \"max COLUMN\" or \"min COLUMN\"");
    return {column(words.substr(4), item), maximize};
  }

  // Evaluates every formula at the specs' own point, which finds what a run would trip over.
  void check_formulas(const toml::table& root) {
    const auto& list = *root.get_as<toml::array>("columns");
    for (std::size_t i = 0; i < study_.columns.size(); ++i)
      collect([&] { check_formula(study_.columns[i].formula, list[i], &study_.columns[i].unit); });
    if (!study_.where.empty())
      collect([&] { check_formula(study_.where, *root.get("where"), nullptr); });
  }

  // `unit` is that of a column; a condition has none.
  void check_formula(const std::string& formula, const toml::node& node,
                     const std::string* unit) const try {
    const Space space(study_.specs, {}, {formula});
    const auto& dimension = space.outputs()[0].dimension;
    const auto wanted = unit == nullptr
                            ? units::Dimension{}
                            : std::get<units::ParsedUnit>(units::parse_unit(*unit)).dimension;
    if (dimension != wanted)
      fail(
          node,
          fmt::format("\"{}\" is {}, not {}", formula, units::kind(dimension), units::kind(wanted)),
          unit == nullptr ? "a condition compares" : "give its unit = \"...\"");
  } catch (const FormulaError& e) {
    fail(node, fmt::format("in \"{}\" at character {}: {}", formula, e.offset + 1, e.what()));
  }

  std::string path_;
  std::string text_;
  Regions regions_;
  Study study_;
  std::vector<spec::Sourced> varied_;  // paths and places
  std::vector<Companion> companions_;
  std::vector<spec::Diagnostic> errors_;
};

// Calls visit for every metric; only names and units matter.
template <class Visit>
void visit_metric_names(Visit visit) {
  static const spec::Hardware<double> hw{};
  static const Evaluation<double> none{};
  visit_metrics(hw, none, [&](const Metric& metric, const auto&) { visit(metric); });
}

}  // namespace

std::vector<std::string> Study::formulas() const {
  std::vector<std::string> out;
  for (const auto& c : columns) out.push_back(c.formula);
  if (!where.empty()) out.push_back(where);
  return out;
}

Study load_study(const std::string& path, Regions regions) { return Loader(path, regions).load(); }

std::vector<std::string> metric_names() {
  std::vector<std::string> out;
  visit_metric_names([&](const Metric& m) { out.emplace_back(m.name); });
  return out;
}

std::optional<std::string> metric_unit(std::string_view name) {
  std::optional<std::string> unit;
  visit_metric_names([&](const Metric& m) {
    if (m.name == name) unit = std::string(m.unit);
  });
  return unit;
}

std::string require_metric(std::string_view name, const spec::Place& place,
                           const std::string& hint) {
  if (auto unit = metric_unit(name)) return *unit;
  std::vector<std::string_view> names;
  visit_metric_names([&](const Metric& m) { names.push_back(m.name); });
  const auto near = units::nearest(name, names);
  throw spec::SpecError({{place, fmt::format("no metric \"{}\"", name),
                          near           ? fmt::format("did you mean \"{}\"?", *near)
                          : hint.empty() ? fmt::format("metrics: {}", fmt::join(names, ", "))
                                         : hint}});
}

std::uint64_t hash(std::string_view text, std::uint64_t seed) {
  for (const unsigned char c : text) seed = (seed ^ c) * 1099511628211u;
  return seed;
}

}  // namespace tomestimate::study
