// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/write.hpp>

#include <map>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/transform.hpp>

#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/units/unit_text.hpp>

#include "toml_text.hpp"

namespace tomestimate::spec {
namespace {

// Whether text is a TOML value as it stands: a number, a switch, or (from --set) a list.
bool is_literal(const std::string& text) {
  try {
    const auto line = "x = " + text;
    bound_nesting(line, "");
    const auto table = toml::parse(line);
    return table.size() == 1 &&
           (table["x"].is_number() || table["x"].is_boolean() || table["x"].is_array());
  } catch (const SpecError&) {
    return false;
  } catch (const toml::parse_error&) {
    return false;
  }
}

}  // namespace

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : visible(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string value_text(const std::string& text) {
  if (is_literal(text)) return text;
  if (!text.starts_with("[")) return quoted(text);
  std::string out;
  std::istringstream items(text.substr(1, text.size() - 2));
  for (std::string item; std::getline(items >> std::ws, item, ',');)
    out += (out.empty() ? "" : ", ") + value_text(item);
  return "[" + out + "]";
}

namespace {

std::string range_text(const std::array<double, 2>& range, const std::string& unit) {
  const auto end = [&](double x) {
    return unit.empty() ? fmt::format("{:.12g}", x)
                        : quoted(fmt::format("{:.12g} {}", units::from_base(x, unit), unit));
  };
  return fmt::format("[{}, {}]", end(range[0]), end(range[1]));
}

std::string line(const Sourced& value, const std::string& key, const std::string& unit) {
  std::string out = fmt::format("{} = {{ value = {}, grade = \"{}\", source = {}", key,
                                value_text(value.text), name(value.grade), quoted(value.source));
  if (value.range) out += ", range = " + range_text(*value.range, unit);
  if (!value.fits.empty()) {
    const auto names =
        value.fits | ranges::views::transform(quoted) | ranges::to<std::vector<std::string>>;
    out += fmt::format(", fits = [{}]", fmt::join(names, ", "));
  }
  return out + " }\n";
}

// What the classes of units are called, where that is not what their tables are.
std::string labels_text(const Labels& labels) {
  const Labels plain;
  if (labels.base == plain.base && labels.side == plain.side) return "";
  return fmt::format("\n[labels]\nbase = {}\nside = {}\n", quoted(labels.base),
                     quoted(labels.side));
}

template <class S>
std::string write(const Spec<S>& spec, const std::string& comment, std::string_view kind,
                  const std::map<std::string, std::string>& units) {
  std::string out;
  std::istringstream lines(comment);
  for (std::string text; std::getline(lines, text);) out += "# " + visible(text) + "\n";
  out += fmt::format("\nkind = \"{}\"\nname = {}\ndescription = {}\n", kind, quoted(spec.name),
                     quoted(spec.description));
  out += labels_text(spec.labels);
  std::string open;
  for (const auto& value : spec.sourced) {
    const auto dot = value.path.find('.');
    const auto table = value.path.substr(0, dot);
    if (table != open) out += fmt::format("\n[{}]\n", table);
    open = table;
    out += line(value, value.path.substr(dot + 1), units.at(value.path));
  }
  return out;
}

struct CollectUnits {
  std::map<std::string, std::string>& units;
  template <class Member>
  void operator()(const Field& f, const Member&) {
    units[std::string(f.path)] = f.unit;
  }
  template <class Member, class Names>
  void operator()(const Field& f, const Member&, const Names&) {
    units[std::string(f.path)] = "";
  }
};

}  // namespace

std::string to_toml(const Spec<Hardware<double>>& spec, const std::string& comment) {
  std::map<std::string, std::string> units;
  visit_hardware(spec.values, CollectUnits{units});
  return write(spec, comment, "hardware", units);
}

std::string to_toml(const Spec<Model<double>>& spec, const std::string& comment) {
  std::map<std::string, std::string> units;
  visit_model(spec.values, CollectUnits{units});
  return write(spec, comment, "model", units);
}

}  // namespace tomestimate::spec
