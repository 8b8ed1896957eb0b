// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/toml.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/foreign.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/units/unit_text.hpp>

namespace tomestimate::spec {
namespace {

constexpr std::size_t longest_text = 4096;

Place place_at(const toml::source_region& region, const std::string& file) {
  return {file, std::max(1u, static_cast<unsigned>(region.begin.line)),
          std::max(1u, static_cast<unsigned>(region.begin.column))};
}

class TextCheck {
 public:
  explicit TextCheck(const std::string& file) : file_(file) {}

  void operator()(const toml::node& node) {
    if (const auto* text = node.as_string()) check(**text, node.source());
    if (const auto* table = node.as_table())
      for (const auto& [key, value] : *table) {
        check(key.str(), key.source());
        (*this)(value);
      }
    if (const auto* list = node.as_array())
      for (const auto& item : *list) (*this)(item);
  }

  std::vector<Diagnostic> errors;

 private:
  void check(std::string_view text, const toml::source_region& region) {
    if (const auto bad = first_unprintable(text))
      errors.push_back({place_at(region, file_),
                        fmt::format("text with {}: \"{}\"", bad->what, shortened(text)),
                        "only printable text, on one line"});
    else if (text.size() > longest_text)
      errors.push_back({place_at(region, file_),
                        fmt::format("text of {} bytes: \"{}\"", text.size(), shortened(text)),
                        fmt::format("{} at most", longest_text)});
  }

  const std::string& file_;
};

}  // namespace

toml::table parse_toml(std::string_view text, const std::string& file) try {
  bound_nesting(text, file);
  auto table = toml::parse(text, file);
  TextCheck check(file);
  check(table);
  if (!check.errors.empty()) throw SpecError(std::move(check.errors));
  return table;
} catch (const toml::parse_error& e) {
  if (const auto other = foreign_file(text))
    throw SpecError({{{file, 0, 0}, std::string(other->is), std::string(other->hint)}});
  throw SpecError({{place_at(e.source(), file), shortened(e.description(), 300), ""}});
}

Place place_of(const toml::node& node, const std::string& file) {
  return place_at(node.source(), file);
}

std::string did_you_mean(std::string_view text, const std::vector<std::string_view>& known) {
  const auto near = units::nearest(text, known);
  return near ? fmt::format("did you mean \"{}\"?", *near) : "";
}

}  // namespace tomestimate::spec
