// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/small.hpp>

#include <fmt/format.h>
#include <range/v3/algorithm/any_of.hpp>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/spec/changes.hpp>
#include <tomestimate/spec/describe.hpp>

#include "toml_text.hpp"

namespace tomestimate::spec {
namespace {

std::string head(std::string_view kind, const std::string& name, const std::string& description,
                 const std::string& base) {
  return fmt::format("kind = \"{}\"\nname = {}\ndescription = {}\nbased_on = {}\n", kind,
                     quoted(name), quoted(description), quoted(base));
}

// "\n[chip]\n" where a path's table is not `open`, which becomes it.
std::string table_line(const std::string& path, std::string& open) {
  const auto table = path.substr(0, path.find('.'));
  if (table == open) return "";
  open = table;
  return fmt::format("\n[{}]\n", table);
}

std::string key_of(const std::string& path) { return path.substr(path.find('.') + 1); }

template <class S>
std::string small(const Spec<S>& before, const Spec<S>& after, std::string_view kind,
                  const std::string& base) {
  std::string changes, body, open;
  for (const auto& value : after.sourced) {
    const auto old = ranges::find(before.sourced, value.path, &Sourced::path);
    // Beside what was set, lists that were made to fit another number of layers.
    if (!was_set(value) && old != before.sourced.end() && old->text == value.text) continue;
    const auto was = old == before.sourced.end() ? std::string("not given") : old->text;
    changes += fmt::format("{}{} = {}", changes.empty() ? "" : ", ", value.path, value.text);
    body += table_line(value.path, open);
    const bool said = was_set(value) && value.source != Said{}.source;
    body += fmt::format("{} = {{ value = {}, grade = \"{}\", source = {} }}\n", key_of(value.path),
                        value_text(value.text), name(said ? value.grade : Grade::assumption),
                        quoted(said ? value.source
                                    : fmt::format("a what-if; in {} it is {}", before.name,
                                                  was.size() > 60 ? "a list" : was)));
  }
  return "# What differs from " + base + ".\n\n" +
         head(kind, before.name + " changed", fmt::format("{} with {}", before.name, changes),
              base) +
         body;
}

bool gives(const std::vector<Sourced>& values, const std::string& table) {
  return ranges::any_of(
      values, [&table](const auto& value) { return value.path.starts_with(table + "."); });
}

template <class S>
std::string commented(const Spec<S>& spec, std::string_view kind, const std::string& base) {
  auto out = fmt::format(
      "# A {0} spec that starts from {1}: what it does not say is as there. To change a value "
      "take\n"
      "# away the \"# \" before it. A bare value is an assumption of yours; say where it comes "
      "from "
      "by\n"
      "#     key = {{ value = ..., grade = \"...\", source = \"...\", range = [LOW, HIGH] }}\n"
      "# Grades: published, secondary, derived, assumption; calibrated needs fits = [\"FIGURE\"].\n"
      "\n",
      kind, base);
  out += head(kind, "My " + std::string(kind), "Starts from " + spec.name, base);
  std::string open;
  for (const auto& d : describe(spec.values)) {
    const auto found = ranges::find(spec.sourced, d.path, &Sourced::path);
    const auto line = table_line(d.path, open);
    // An empty table would be one that is used and lacks everything.
    out += !line.empty() && !gives(spec.sourced, open) ? fmt::format("\n# [{}]\n", open) : line;
    out += fmt::format("# {}: {}\n", d.doc, legal(d));
    out += found == spec.sourced.end()
               ? fmt::format("# {} = ...  # not given in {}\n", key_of(d.path), base)
               : fmt::format("# {} = {}\n", key_of(d.path), value_text(found->text));
  }
  return out;
}

}  // namespace

std::string small_toml(const Spec<Hardware<double>>& before, const Spec<Hardware<double>>& after,
                       const std::string& base) {
  return small(before, after, "hardware", base);
}

std::string small_toml(const Spec<Model<double>>& before, const Spec<Model<double>>& after,
                       const std::string& base) {
  return small(before, after, "model", base);
}

std::string template_toml(const Spec<Hardware<double>>& spec, const std::string& base) {
  return commented(spec, "hardware", base);
}

std::string template_toml(const Spec<Model<double>>& spec, const std::string& base) {
  return commented(spec, "model", base);
}

}  // namespace tomestimate::spec
