// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/load.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>
#include <set>
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <range/v3/algorithm/find.hpp>
#include <range/v3/algorithm/find_if.hpp>
#include <range/v3/algorithm/none_of.hpp>
#include <range/v3/algorithm/stable_sort.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/transform.hpp>

#include <tomestimate/spec/changes.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/keys.hpp>
#include <tomestimate/spec/rules.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/spec/toml.hpp>
#include <tomestimate/units/unit_text.hpp>

#include "compose.hpp"

namespace tomestimate::spec {
namespace {

namespace rv = ranges::views;

// Collects the errors of one file.
struct Errors {
  std::string file;
  std::vector<Diagnostic> all;

  void add(const toml::source_region& where, std::string message, std::string hint = "") {
    // A node made by toml++ itself has no place; the file's start is better than line 0. One that
    // was inherited has another file's.
    all.push_back({{file_of(where), std::max(1u, static_cast<unsigned>(where.begin.line)),
                    std::max(1u, static_cast<unsigned>(where.begin.column))},
                   std::move(message),
                   std::move(hint)});
  }
  void add(const toml::node& node, std::string message, std::string hint = "") {
    add(node.source(), std::move(message), std::move(hint));
  }
  const std::string& file_of(const toml::source_region& where) const {
    return where.path ? *where.path : file;
  }
};

std::string display(double value, const Field& field) {
  return field.unit.empty() ? fmt::format("{}", value) : fmt::format("{} {}", value, field.unit);
}

// ---- one scalar ----

// A bare number that is written as text for its ending: "4k" tokens, "30 %" of weights.
std::optional<double> number_in_text(std::string_view text, Whole whole) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text.back())) != 0)
    return std::nullopt;
  if (whole == Whole::yes) return units::parse_count(text);
  const auto parsed = units::parse_quantity(text);
  const auto* good = std::get_if<units::ParsedQuantity>(&parsed);
  return good != nullptr && good->dimension == units::Dimension{} ? std::optional(good->value)
                                                                  : std::nullopt;
}

// A value in base units, if node is a good value of a field with this dimension.
std::optional<double> read_number(const toml::node& node, const Field& field,
                                  const units::Dimension& dimension, Errors& errors) {
  double base = 0;
  const double unit = field.unit.empty() ? 1 : 1 / units::from_base(1, field.unit);
  if (const auto* text = node.as_string(); text != nullptr && field.unit.empty()) {
    const auto number = number_in_text(**text, field.whole);
    if (!number) {
      errors.add(
          node,
          fmt::format("expected a number for {}, got text \"{}\"", field.path, shortened(**text)),
          units::parse_count(**text)  ? "without quotes"
          : field.whole == Whole::yes ? "such as 4096 or \"4k\""
                                      : "such as 0.3 or \"30 %\"");
      return std::nullopt;
    }
    base = *number;
  } else if (text != nullptr) {
    const auto parsed = units::parse_quantity(**text, field.unit);
    if (const auto* bad = std::get_if<units::UnitError>(&parsed)) {
      auto where = node.source();
      where.begin.column += static_cast<toml::source_index>(bad->offset) + 1;  // 1 for the quote
      errors.add(where, fmt::format("{} for {}: {}", shortened(**text), field.path, bad->message),
                 bad->hint);
      return std::nullopt;
    }
    const auto& good = std::get<units::ParsedQuantity>(parsed);
    if (good.dimension != dimension) {
      errors.add(node, fmt::format("expected {} for {}, such as \"{}\"; got {} (\"{}\")",
                                   units::kind(dimension), field.path,
                                   display(std::max(field.min, 1.0), field),
                                   units::kind(good.dimension), shortened(**text)));
      return std::nullopt;
    }
    base = good.value;
  } else if (node.is_number() && field.unit.empty()) {
    base =
        node.is_integer() ? static_cast<double>(**node.as_integer()) : **node.as_floating_point();
  } else {
    errors.add(node, fmt::format("expected {} for {}",
                                 field.unit.empty()
                                     ? std::string("a number")
                                     : fmt::format("text with a unit, such as \"{}\",",
                                                   display(std::max(field.min, 1.0), field)),
                                 field.path));
    return std::nullopt;
  }
  const double shown = base / unit;
  // Written so that NaN fails.
  if (!(shown >= field.min * (1 - 1e-12) && shown <= field.max * (1 + 1e-12))) {
    errors.add(node, fmt::format("{} of {} is out of range", field.path, display(shown, field)),
               fmt::format("from {} to {}", display(field.min, field), display(field.max, field)));
    return std::nullopt;
  }
  if (field.whole == Whole::yes && shown != std::floor(shown)) {
    errors.add(node, fmt::format("expected a whole number for {}, got {}", field.path, shown));
    return std::nullopt;
  }
  return base;
}

// Index of an enumerator; Switch is a TOML boolean.
template <std::size_t N>
std::optional<std::size_t> read_name(const toml::node& node, const Field& field,
                                     const Names<N>& names, Errors& errors) {
  if constexpr (N == 2) {
    if (names == switch_names) {
      if (const auto* flag = node.as_boolean()) return **flag ? 1 : 0;
      const auto* word = node.as_string();
      if (word != nullptr && (**word == "on" || **word == "true")) return 1;
      if (word != nullptr && (**word == "off" || **word == "false")) return 0;
      errors.add(node, fmt::format("expected true or false for {}", field.path),
                 "\"on\" and \"off\" are the same");
      return std::nullopt;
    }
  }
  const auto* text = node.as_string();
  const auto found = text == nullptr ? names.end() : ranges::find(names, **text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const std::vector<std::string_view> known(names.begin(), names.end());
  std::string hint = text == nullptr ? "" : did_you_mean(**text, known);
  errors.add(node, fmt::format("expected one of {} for {}", fmt::join(known, ", "), field.path),
             std::move(hint));
  return std::nullopt;
}

// ---- one member of a spec, from its `value` node ----

template <class Unit>
void read_value(const toml::node& node, const Field& f, units::Quantity<Unit, double>& out,
                Errors& errors) {
  if (const auto v = read_number(node, f, units::dimension_of<Unit>(), errors))
    out = units::Quantity<Unit, double>::from_value(*v);
}

void read_value(const toml::node& node, const Field& f, double& out, Errors& errors) {
  if (const auto v = read_number(node, f, {}, errors)) out = *v;
}

void read_value(const toml::node& node, const Field& f, std::size_t& out, Errors& errors) {
  if (const auto v = read_number(node, f, {}, errors)) out = static_cast<std::size_t>(*v);
}

// Per-layer list: one number for all layers (spread later, when layers are known), or an array.
void read_value(const toml::node& node, const Field& f, std::vector<double>& out, Errors& errors) {
  out.clear();
  const auto read_one = [&](const toml::node& item) {
    if (const auto v = read_number(item, f, {}, errors)) out.push_back(*v);
  };
  if (const auto* list = node.as_array()) {
    for (const auto& item : *list) read_one(item);
    if (list->empty()) errors.add(node, fmt::format("{} has no values", f.path));
  } else {
    read_one(node);
  }
}

template <class Enum, std::size_t N>
void read_value(const toml::node& node, const Field& f, Enum& out, const Names<N>& names,
                Errors& errors) {
  if (const auto index = read_name(node, f, names, errors)) out = static_cast<Enum>(*index);
}

template <std::size_t N>
void read_value(const toml::node& node, const Field& f, std::array<Switch, N>& out,
                const Names<N>& names, Errors& errors) {
  const auto* list = node.as_array();
  if (list == nullptr) {
    errors.add(node, fmt::format("expected an array of names for {}", f.path),
               fmt::format("such as [\"{}\", \"{}\"]", names[0], names[N - 1]));
    return;
  }
  out.fill(Switch::off);
  for (const auto& item : *list)
    if (const auto index = read_name(item, f, names, errors)) out[*index] = Switch::on;
}

// ---- the table around a value ----

std::string as_written(const toml::node& node) {
  if (const auto* text = node.as_string()) return **text;
  if (node.is_boolean()) return **node.as_boolean() ? "true" : "false";
  if (node.is_integer()) return fmt::format("{}", **node.as_integer());
  // Plus zero: -0 would come back as the whole number 0.
  if (node.is_floating_point()) return fmt::format("{}", **node.as_floating_point() + 0.0);
  if (const auto* list = node.as_array()) {
    std::string text;
    for (const auto& item : *list) text += (text.empty() ? "" : ", ") + as_written(item);
    return "[" + text + "]";
  }
  return "";
}

std::optional<std::string> read_text(const toml::table& table, std::string_view key,
                                     std::string_view of, Errors& errors) {
  const auto* node = table.get(key);
  if (node == nullptr) {
    errors.add(table, fmt::format("{} has no \"{}\"", of, key));
    return std::nullopt;
  }
  const auto* text = node->as_string();
  if (text == nullptr || (**text).empty()) {
    errors.add(*node, fmt::format("expected text for \"{}\" of {}", key, of));
    return std::nullopt;
  }
  return **text;
}

void read_fits(const toml::table& table, Sourced& out, Errors& errors) {
  const auto* node = table.get("fits");
  const bool calibrated = out.grade == Grade::calibrated;
  if (node == nullptr) {
    if (calibrated)
      errors.add(table, fmt::format("{} is calibrated, but has no \"fits\"", out.path),
                 "name the published figures it was fitted to");
    return;
  }
  if (!calibrated) errors.add(*node, "\"fits\" goes with grade \"calibrated\" only");
  const auto* list = node->as_array();
  if (list == nullptr || list->empty()) {
    errors.add(*node, "expected an array of figure ids for \"fits\"");
    return;
  }
  for (const auto& item : *list) {
    if (const auto* text = item.as_string())
      out.fits.push_back(**text);
    else
      errors.add(item, "expected text in \"fits\"");
  }
}

// [low, high] around the value; `read` reads one end into base units.
template <class Read>
void read_range(const toml::table& table, Sourced& out, double value, Read read, Errors& errors) {
  const auto* node = table.get("range");
  if (node == nullptr) return;
  const auto* list = node->as_array();
  if (list == nullptr || list->size() != 2) {
    errors.add(*node, "expected [low, high] for \"range\"");
    return;
  }
  const auto low = read((*list)[0]);
  const auto high = read((*list)[1]);
  if (!low || !high) return;
  if (!(*low <= *high)) errors.add(*node, "\"range\" is not [low, high]");
  // Ends that were written with 12 digits hold the value they were equal to.
  const double slack = 1e-11 * std::abs(value);
  const bool holds = value >= *low - slack && value <= *high + slack;
  // A spec's range holds its value; that of its base need not.
  const bool of_base =
      errors.file_of(node->source()) != errors.file_of(table.get("value")->source());
  if (!holds && !of_base)
    errors.add(*node, fmt::format("\"range\" of {} does not hold its value", out.path));
  (holds ? out.range : out.replaced_range) = std::array{*low, *high};
}

// Range ends of a member, and the member's value to compare them with. Lists compare by their mean.
template <class Unit>
void read_member_range(const toml::table& t, const Field& f, const units::Quantity<Unit, double>& v,
                       Sourced& out, Errors& errors) {
  read_range(
      t, out, v.value(),
      [&](const toml::node& n) { return read_number(n, f, units::dimension_of<Unit>(), errors); },
      errors);
}

void read_member_range(const toml::table& t, const Field& f, double v, Sourced& out,
                       Errors& errors) {
  read_range(
      t, out, v, [&](const toml::node& n) { return read_number(n, f, {}, errors); }, errors);
}

void read_member_range(const toml::table& t, const Field& f, const std::vector<double>& v,
                       Sourced& out, Errors& errors) {
  double sum = 0;
  for (const double x : v) sum += x;
  read_member_range(t, f, sum / static_cast<double>(std::max<std::size_t>(1, v.size())), out,
                    errors);
}

void read_member_range(const toml::table& t, const Field& f, std::size_t v, Sourced& out,
                       Errors& errors) {
  read_member_range(t, f, static_cast<double>(v), out, errors);
}

template <class Member, std::size_t N>
void read_member_range(const toml::table& t, const Field& f, const Member&, const Names<N>&,
                       Sourced&, Errors& errors) {
  if (const auto* node = t.get("range"))
    errors.add(*node, fmt::format("{} is not a number and has no range", f.path));
}

const std::string default_source = "not in the spec: the default";

// Walks the members of a spec through the TOML tables.
class Reader {
 public:
  Reader(const toml::table& root, Errors& errors, std::vector<Sourced>& sourced)
      : root_(root), errors_(errors), sourced_(sourced) {}

  template <class Member, class... Names>
  void operator()(const Field& field, Member& member, const Names&... names) {
    paths_.push_back(field.path);
    const auto* leaf = find(field);
    if (leaf == nullptr) {
      if (field.needed == Needed::has_default) assume_default(field, member);
      return;
    }
    Sourced out;
    out.path = field.path;
    out.place = place_of(*leaf);
    if (const auto text = read_text(*leaf, "grade", field.path, errors_)) {
      if (const auto index =
              read_name(*leaf->get("grade"), {"grade", "", 0, 0, ""}, grade_names, errors_))
        out.grade = static_cast<Grade>(*index);
    }
    if (const auto text = read_text(*leaf, "source", field.path, errors_)) out.source = *text;
    read_fits(*leaf, out, errors_);
    const auto* value = leaf->get("value");
    if (value == nullptr) {
      errors_.add(*leaf, fmt::format("{} has no \"value\"", field.path));
      return;
    }
    out.text = as_written(*value);
    const auto before = errors_.all.size();
    read_value(*value, field, member, names..., errors_);
    if (errors_.all.size() == before)
      read_member_range(*leaf, field, member, names..., out, errors_);
    sourced_.push_back(std::move(out));
  }

  // Reports every key that no member asked for.
  void report_unknown() const {
    std::vector<std::string_view> tables;
    for (const auto& key : spec_keys) tables.push_back(key.name);
    for (const auto path : paths_) tables.push_back(path.substr(0, path.find('.')));
    for (const auto& [key, node] : root_) {
      const std::string_view table_name = key.str();
      if (ranges::find(tables, table_name) == tables.end()) {
        errors_.add(key.source(), fmt::format("unknown key \"{}\"", shortened(table_name)),
                    did_you_mean(table_name, tables));
      } else if (const auto* table = node.as_table(); table != nullptr && table_name != "labels") {
        report_unknown_in(table_name, *table);
      }
    }
  }

 private:
  void assume_default(const Field& field, double value) {
    sourced_.push_back({std::string(field.path),
                        fmt::format("{}", value),
                        Grade::assumption,
                        default_source,
                        std::nullopt,
                        {},
                        {errors_.file, 1, 1}});
  }
  template <class Unit>
  void assume_default(const Field& field, const units::Quantity<Unit, double>& value) {
    sourced_.push_back({std::string(field.path),
                        display(units::from_base(value.value(), field.unit), field),
                        Grade::assumption,
                        default_source,
                        std::nullopt,
                        {},
                        {errors_.file, 1, 1}});
  }
  template <class... Others>
  void assume_default(const Field&, const Others&...) {}  // no other member has one

  // Where a leaf is. One that was a bare value has no place of its own, but its value has.
  Place place_of(const toml::table& leaf) const {
    const auto* value = leaf.get("value");
    const auto& at = leaf.source().begin || value == nullptr ? leaf.source() : value->source();
    return {errors_.file_of(at), at.begin.line, at.begin.column};
  }

  const toml::table* find(const Field& field) {
    const auto dot = field.path.find('.');
    const auto* table = root_.get_as<toml::table>(field.path.substr(0, dot));
    const auto key = field.path.substr(dot + 1);
    const auto* node = table == nullptr ? nullptr : table->get(key);
    if (node == nullptr) {
      // A table that is not used may be left out, and so may the lists of a model that go with one
      // weight code only; check_members knows which are missed.
      const bool list = field.path.starts_with("weights.");
      if (field.needed == Needed::has_default ||
          (field.needed == Needed::if_used && (table == nullptr || list)))
        return nullptr;
      const auto example = field.unit.empty()
                               ? std::string("...")
                               : "\"" + display(std::max(1.0, field.min), field) + "\"";
      errors_.add(
          table == nullptr ? static_cast<const toml::node&>(root_) : *table,
          fmt::format("missing {}: {}", field.path, field.doc),
          fmt::format("{} = {{ value = {}, grade = \"...\", source = \"...\" }}", key, example));
      return nullptr;
    }
    if (!node->is_table())
      errors_.add(*node,
                  fmt::format("expected a table with value, grade and source for {}", field.path));
    return node->as_table();
  }

  void report_unknown_in(std::string_view table_name, const toml::table& table) const {
    static const auto leaf_keys =
        value_keys | rv::transform(&Key::name) | ranges::to<std::vector<std::string_view>>();
    std::vector<std::string_view> known;
    for (const auto path : paths_)
      if (path.substr(0, path.find('.')) == table_name)
        known.push_back(path.substr(path.find('.') + 1));
    for (const auto& [key, node] : table) {
      if (ranges::find(known, key.str()) == known.end()) {
        errors_.add(key.source(), fmt::format("unknown key \"{}.{}\"", table_name, key.str()),
                    did_you_mean(key.str(), known));
        continue;
      }
      if (!node.is_table()) continue;
      for (const auto& [leaf_key, leaf] : *node.as_table())
        if (ranges::find(leaf_keys, leaf_key.str()) == leaf_keys.end())
          errors_.add(leaf_key.source(),
                      fmt::format("unknown key \"{}\"", shortened(leaf_key.str())),
                      did_you_mean(leaf_key.str(), leaf_keys));
    }
  }

  const toml::table& root_;
  Errors& errors_;
  std::vector<Sourced>& sourced_;
  std::vector<std::string_view> paths_;
};

// ---- checks across members ----

struct Complaints {
  const std::vector<Sourced>& sourced;
  std::vector<Diagnostic>& out;
  Place fallback;

  void add(std::string_view path, std::string message, std::string hint = "") const {
    const auto found = ranges::find(sourced, path, &Sourced::path);
    out.push_back(
        {found == sourced.end() ? fallback : found->place, std::move(message), std::move(hint)});
  }
};

// Reports a broken rule.
auto against_rules(const Complaints& complaints) {
  return [&complaints](const Rule& rule, double excess) {
    if (excess > 0) complaints.add(rule.path, std::string(rule.message));
  };
}

void check_members(Hardware<double>& h, const Complaints& complaints) {
  visit_hardware_rules(h, against_rules(complaints));
}

// Spreads one value over all layers, or checks that there is one for each.
void check_list(std::string_view path, std::size_t layers, std::vector<double>& list,
                const Complaints& complaints) {
  if (list.size() == 1) list.assign(layers, list[0]);
  if (!list.empty() && list.size() != layers)
    complaints.add(path, fmt::format("{} has {} values for {} layers", path, list.size(), layers),
                   "one value for all layers, or one for each");
}

void check_lists(Model<double>& m, const Complaints& complaints) {
  const bool ternary = m.weights.code == WeightCode::ternary;
  for (std::size_t p = 0; p < projection_count; ++p) {
    auto& own = m.weights.zero_share_of[p];
    check_list(zero_share_paths[p], m.layers, own, complaints);
    if (!ternary && !own.empty())
      complaints.add(zero_share_paths[p],
                     fmt::format("{} does not go with integer weights", zero_share_paths[p]));
  }
  check_list("weights.dead_share", m.layers, m.weights.dead_share, complaints);
  check_list("weights.zero_share", m.layers, m.weights.zero_share, complaints);
  check_list("weights.zero_bit_ratio", m.layers, m.weights.zero_bit_ratio, complaints);
  const std::string_view needed = ternary ? "weights.zero_share" : "weights.zero_bit_ratio";
  const std::string_view refused = ternary ? "weights.zero_bit_ratio" : "weights.zero_share";
  const auto& wanted = ternary ? m.weights.zero_share : m.weights.zero_bit_ratio;
  const auto& unwanted = ternary ? m.weights.zero_bit_ratio : m.weights.zero_share;
  const auto code = weight_code_names[static_cast<std::size_t>(m.weights.code)];
  if (wanted.empty())
    complaints.add("weights.code", fmt::format("{} weights need {}", code, needed));
  if (!unwanted.empty())
    complaints.add(refused, fmt::format("{} does not go with {} weights", refused, code));
}

void check_members(Model<double>& m, const Complaints& complaints) {
  check_lists(m, complaints);
  visit_model_rules(m, against_rules(complaints));
}

// Of data only ternary weights have defaults that matter.
void forget_unused_defaults(Spec<Model<double>>& model) {
  if (model.values.weights.code == WeightCode::ternary) return;
  std::erase_if(model.sourced, [](const Sourced& s) {
    return s.path.starts_with("data.") && s.source == default_source;
  });
}
template <class S>
void forget_unused_defaults(Spec<S>&) {}

// ---- files ----

void visit(Hardware<double>& h, Reader& reader) { visit_hardware(h, reader); }
void visit(Model<double>& m, Reader& reader) { visit_model(m, reader); }

void visit(Technology<double>& t, Reader& reader) { visit_technology(t, reader); }
void check_members(Technology<double>&, const Complaints&) {}

// What a hardware spec calls its classes of units.
void read_labels(const toml::table& root, Labels& labels, Errors& errors) {
  const auto* node = root.get("labels");
  if (node == nullptr) return;
  const auto* table = node->as_table();
  if (table == nullptr) {
    errors.add(*node, "expected a table [labels]");
    return;
  }
  for (const auto& [key, value] : *table) {
    auto* label = key.str() == "base" ? &labels.base : key.str() == "side" ? &labels.side : nullptr;
    if (label == nullptr)
      errors.add(key.source(), fmt::format("unknown key \"labels.{}\"", key.str()),
                 "labels are base and side");
    else if (const auto* text = value.as_string(); text != nullptr && !(**text).empty())
      *label = **text;
    else
      errors.add(value, fmt::format("expected text for labels.{}", key.str()));
  }
}

template <class S>
Spec<S> read_spec(const toml::table& root, const std::string& file, std::string_view kind) {
  Errors errors{file, {}};
  if (read_kind(root) != kind) {
    const auto* node = root.get("kind");
    errors.add(node == nullptr ? static_cast<const toml::node&>(root) : *node,
               fmt::format("expected kind = \"{}\"", kind),
               node == nullptr ? "" : "is this the other spec?");
    throw SpecError(std::move(errors.all));
  }
  Spec<S> spec{};
  if (const auto text = read_text(root, "name", "the spec", errors)) spec.name = *text;
  if (const auto text = read_text(root, "description", "the spec", errors))
    spec.description = *text;
  read_labels(root, spec.labels, errors);
  Reader reader(root, errors, spec.sourced);
  visit(spec.values, reader);
  reader.report_unknown();
  forget_unused_defaults(spec);
  // Members that could not be read would only raise echoes of the errors above.
  if (errors.all.empty()) check_members(spec.values, {spec.sourced, errors.all, {file, 1, 1}});
  ranges::stable_sort(errors.all, {},
                      [](const Diagnostic& d) { return std::pair(d.place.line, d.place.column); });
  if (!errors.all.empty()) throw SpecError(std::move(errors.all));
  return spec;
}

// ---- overrides ----

// Sets the member at one path from text.
class Setter {
 public:
  Setter(const std::string& path, const std::string& text, Errors& errors)
      : path_(path), text_(text), errors_(errors) {}

  template <class Member, class... Names>
  void operator()(const Field& field, Member& member, const Names&... names) {
    known_.push_back(field.path);
    if (field.path != path_) return;
    found_ = true;
    const auto line = "value = " + text_;
    bound_nesting(line, path_);
    const auto table = parsed(is_bare<Member>());
    if (const auto* value = table.size() == 1 ? table.get("value") : nullptr) {
      written_ = as_written(*value);
      read_value(*value, field, member, names..., errors_);
    } else {
      errors_.add(toml::source_region{},
                  fmt::format("bad value \"{}\" for {}", shortened(text_), field.path));
    }
  }

  bool found() const { return found_; }
  // The value as a spec would have it: without a comment, say, that came with the text.
  const std::string& written() const { return written_; }
  const std::vector<std::string_view>& known() const { return known_; }

 private:
  // On a command line quotes are the shell's, so what TOML would call text comes bare.
  template <class Member>
  bool is_bare() const {
    return std::is_same_v<Member, double> || std::is_same_v<Member, std::size_t> ||
           std::is_same_v<Member, std::vector<double>> || std::is_same_v<Member, Switch> ||
           text_.starts_with("[");
  }

  // A table with the value, or without any if the text is none.
  toml::table parsed(bool bare) const {
    const toml::table as_text{{"value", text_}};
    if (!bare) return as_text;
    try {
      return toml::parse("value = " + text_);
    } catch (const toml::parse_error&) {
      return text_.starts_with("[") ? toml::table{} : as_text;  // "30 %", "on"
    }
  }

  const std::string& path_;
  const std::string& text_;
  Errors& errors_;
  bool found_ = false;
  std::string written_;
  std::vector<std::string_view> known_;
};

// `known` are all paths of the spec, in the order that its values are kept in.
template <class S>
void record_override(Spec<S>& spec, const std::string& path, const std::string& text,
                     const Place& place, const Said& said,
                     const std::vector<std::string_view>& known) {
  auto found = spec.sourced.begin();
  for (auto at = known.begin(); at != known.end() && *at != path; ++at)
    if (found != spec.sourced.end() && found->path == *at) ++found;
  if (found == spec.sourced.end() || found->path != path)
    found = spec.sourced.insert(found, Sourced{});
  const auto range = found->range ? found->range : found->replaced_range;
  *found = {path, text, said.grade, said.source, std::nullopt, {}, place, range, true};
}

// A per-layer list as a spec has it, once it does not hold what was written.
std::string list_text(const std::vector<double>& list) {
  return fmt::format("[{}]", fmt::join(list, ", "));
}

// More or fewer layers of the same kinds: lists that have a value a layer go round again, or end
// early. Those of one value are spread anew.
void fit_lists(Spec<Model<double>>& model, std::size_t layers) {
  const auto fit = [&](std::string_view path, std::vector<double>& list) {
    if (list.empty()) return;
    for (std::size_t l = list.size(); l < model.values.layers; ++l)
      list.push_back(list[l - layers]);
    list.resize(model.values.layers);
    const auto own = ranges::find(model.sourced, path, &Sourced::path);
    if (own != model.sourced.end() && own->text.starts_with("[")) own->text = list_text(list);
  };
  auto& weights = model.values.weights;
  fit("weights.zero_share", weights.zero_share);
  fit("weights.zero_bit_ratio", weights.zero_bit_ratio);
  fit("weights.dead_share", weights.dead_share);
  for (std::size_t p = 0; p < projection_count; ++p)
    fit(zero_share_paths[p], weights.zero_share_of[p]);
}

// What was known of a share of zeros does not hold any more.
void forget(Spec<Model<double>>& model, std::string_view path) {
  auto& weights = model.values.weights;
  const auto projection = ranges::find(zero_share_paths, path);
  auto& list =
      path == "weights.zero_bit_ratio" ? weights.zero_bit_ratio
      : projection == zero_share_paths.end()
          ? weights.zero_share
          : weights.zero_share_of[static_cast<std::size_t>(projection - zero_share_paths.begin())];
  list.clear();
  std::erase_if(model.sourced, [path](const Sourced& s) { return s.path == path; });
}

struct OptionalTable {
  std::string_view name;
  std::vector<std::string_view> paths;
};

// The tables that a hardware spec may leave out.
const std::vector<OptionalTable>& optional_tables() {
  static const auto tables = [] {
    std::vector<OptionalTable> out;
    const Hardware<double> none{};
    visit_hardware(none, [&out](const Field& f, const auto&, const auto&...) {
      if (f.needed != Needed::if_used) return;
      const auto name = f.path.substr(0, f.path.find('.'));
      if (out.empty() || out.back().name != name) out.push_back({name, {}});
      out.back().paths.push_back(f.path);
    });
    return out;
  }();
  return tables;
}

bool gives(const std::vector<Sourced>& values, std::string_view path) {
  return ranges::find(values, path, &Sourced::path) != values.end();
}

// Sets values of two specs, and collects what is wrong with them.
class Overrides {
 public:
  Overrides(Spec<Hardware<double>>& hardware, Spec<Model<double>>& model)
      : hardware_(hardware), model_(model) {}

  void set(const Override& o) {
    const auto path = resolve(o.path);
    if (const auto bad = first_unprintable(o.text))
      return add(o, "text with " + bad->what, "only printable text, on one line");
    Errors errors{o.place.file, {}};
    Setter in_hardware(path, o.text, errors);
    Setter in_model(path, o.text, errors);
    const auto layers = model_.values.layers;
    visit_hardware(hardware_.values, in_hardware);
    visit_model(model_.values, in_model);
    if (!in_hardware.found() && !in_model.found()) {
      auto known = in_hardware.known();
      known.insert(known.end(), in_model.known().begin(), in_model.known().end());
      return add(o, fmt::format("no spec value \"{}\"", shortened(path)),
                 did_you_mean(path, known));
    }
    for (const auto& e : errors.all) add(o, e.message, e.hint);
    if (!errors.all.empty()) return;
    if (path == "weights.zero_share")
      for (const auto projection : zero_share_paths) forget(model_, projection);
    if (model_.values.layers != layers) fit_lists(model_, layers);
    auto& mine = in_hardware.found() ? set_in_hardware_ : set_in_model_;
    mine.push_back({path, o.text, Grade::assumption, "", std::nullopt, {}, o.place});
    if (in_hardware.found())
      record_override(hardware_, path, in_hardware.written(), o.place, o.said, in_hardware.known());
    else
      record_override(model_, path, in_model.written(), o.place, o.said, in_model.known());
  }

  // That there are shares of zeros for each layer, of the kind that goes with the weights' code;
  // those of the other kind are forgotten, unless they were set.
  void check_shares() {
    if (!errors_.empty() || set_in_model_.empty()) return;
    const auto forget_unless_set = [this](std::string_view path) {
      if (!gives(set_in_model_, path)) forget(model_, path);
    };
    if (model_.values.weights.code == WeightCode::ternary) {
      forget_unless_set("weights.zero_bit_ratio");
    } else {
      forget_unless_set("weights.zero_share");
      for (const auto projection : zero_share_paths) forget_unless_set(projection);
    }
    check_lists(model_.values, {set_in_model_, errors_, set_in_model_.back().place});
  }

  void check_tables() {
    if (!errors_.empty()) return;
    errors_ = half_given_tables(hardware_.sourced, set_in_hardware_);
  }

  void throw_errors() {
    if (!errors_.empty()) throw SpecError(std::move(errors_));
  }

 private:
  void add(const Override& o, std::string message, std::string hint) {
    errors_.push_back({o.place, std::move(message), std::move(hint)});
  }

  Spec<Hardware<double>>& hardware_;
  Spec<Model<double>>& model_;
  std::vector<Sourced> set_in_hardware_, set_in_model_;
  std::vector<Diagnostic> errors_;
};

}  // namespace

std::string format(const Diagnostic& d) {
  const auto where = d.place.byte        ? fmt::format(":byte {}", *d.place.byte)
                     : d.place.line == 0 ? std::string()
                                         : fmt::format(":{}:{}", d.place.line, d.place.column);
  return fmt::format("{}{}: error: {}{}", shortened(d.place.file, 400), where,
                     shortened(d.message, 1000),
                     d.hint.empty() ? "" : fmt::format(" ({})", shortened(d.hint, 1000)));
}

namespace {

// Of one file the first error: check lists the others. Of a command line, or of several files,
// there is no such list.
std::string summary(const std::vector<Diagnostic>& all) {
  constexpr std::size_t most = 10;
  const auto& first = all.at(0);
  const auto is_elsewhere = [&first](const Diagnostic& d) {
    return d.place.file != first.place.file;
  };
  if (all.size() > 1 && first.place.line != 0 && ranges::none_of(all, is_elsewhere))
    return fmt::format("{}, and {} more: tomestimate check {} lists them", format(first),
                       all.size() - 1, shortened(first.place.file, 400));
  std::string text;
  for (std::size_t i = 0; i < std::min(most, all.size()); ++i)
    text += (i == 0 ? "" : "\n") + format(all[i]);
  return all.size() <= most ? text : text + fmt::format("\nand {} more", all.size() - most);
}

}  // namespace

SpecError::SpecError(std::vector<Diagnostic> all)
    : std::runtime_error(summary(all)), all_(std::move(all)) {}

Spec<Hardware<double>> parse_hardware(std::string_view text, const std::string& file) {
  return read_spec<Hardware<double>>(compose(text, file), file, "hardware");
}

Spec<Model<double>> parse_model(std::string_view text, const std::string& file) {
  return read_spec<Model<double>>(compose(text, file), file, "model");
}

Spec<Hardware<double>> load_hardware(const std::string& path) {
  return parse_hardware(read_file(path), path);
}

Spec<Model<double>> load_model(const std::string& path) {
  return parse_model(read_file(path), path);
}

std::vector<Diagnostic> check(const std::string& path) try {
  const auto text = read_file(path);
  const auto kind = read_kind(compose(text, path));
  if (kind == "model")
    parse_model(text, path);
  else if (kind == "hardware")
    parse_hardware(text, path);
  else if (kind == "node-factors" || kind == "cells")
    return {};  // data of rescale and characterize, which check what they read
  else if (kind == "technology")
    read_spec<Technology<double>>(parse_toml(text, path), path, "technology");
  else
    throw SpecError(
        {{{path, 1, 1}, "expected kind = \"hardware\", \"model\" or \"technology\"", ""}});
  return {};
} catch (const SpecError& e) {
  return e.diagnostics();
}

std::string resolve(const std::string& path) {
  if (path == "pe.lanes" || path == "lanes.count") return "base.lanes";
  if (path == "model.zero_share") return "weights.zero_share";
  if (path == "chip.node") return "tech.node";
  return path;
}

void override_value(Spec<Hardware<double>>& hardware, Spec<Model<double>>& model,
                    const std::string& name, const std::string& text, const Place& place,
                    const Said& said) {
  Overrides overrides(hardware, model);
  overrides.set({name, text, place, said});
  overrides.check_shares();
  overrides.throw_errors();
}

void override_values(Spec<Hardware<double>>& hardware, Spec<Model<double>>& model,
                     std::vector<Override> all) {
  // Layers first: lists are as long as there are layers.
  std::stable_partition(all.begin(), all.end(),
                        [](const Override& o) { return o.path == "model.layers"; });
  Overrides overrides(hardware, model);
  for (const auto& o : all) overrides.set(o);
  overrides.check_shares();
  overrides.check_tables();
  overrides.throw_errors();
}

std::vector<Diagnostic> half_given_tables(const std::vector<Sourced>& of_spec,
                                          const std::vector<Sourced>& set) {
  std::vector<Diagnostic> errors;
  for (const auto& table : optional_tables()) {
    const auto one = ranges::find_if(set, [&table](const Sourced& s) {
      return ranges::find(table.paths, s.path) != table.paths.end();
    });
    if (one == set.end()) continue;
    std::vector<std::string_view> missing;
    for (const auto path : table.paths)
      if (!gives(of_spec, path) && !gives(set, path)) missing.push_back(path);
    if (missing.empty()) continue;
    constexpr std::size_t most = 4;
    const auto more = missing.size() - std::min(missing.size(), most);
    missing.resize(missing.size() - more);
    errors.push_back({one->place,
                      fmt::format("{} is set, but [{}] is not whole", one->path, table.name),
                      fmt::format("the spec does not give {}{}", fmt::join(missing, ", "),
                                  more == 0 ? "" : fmt::format(" and {} more", more))});
  }
  return errors;
}

bool was_set(const Sourced& value) { return value.set; }

void check_pair(const Hardware<double>& h, const Model<double>& m) {
  std::vector<Diagnostic> errors;
  const auto complain = [&errors](const Rule& rule, double excess) {
    // Written so that NaN and infinity fail.
    if (!(excess <= 0))
      errors.push_back({{"the two specs together", 0, 0},
                        std::string(rule.message),
                        fmt::format("see {}", rule.path)});
  };
  visit_hardware_rules(h, complain);
  visit_model_rules(m, complain);
  visit_pair_rules(h, m, complain);
  if (!errors.empty()) throw SpecError(std::move(errors));
}

}  // namespace tomestimate::spec
