// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <tomestimate/study/study.hpp>

namespace tomestimate::study {
namespace {

[[noreturn]] void bad_target(const std::string& text, std::string message, std::string hint = "") {
  throw spec::SpecError({{{text, 0, 0}, std::move(message), std::move(hint)}});
}

}  // namespace

Target parse_target(const std::string& text) {
  const auto at = text.find_first_of("<>=");
  if (at == std::string::npos)
    bad_target(text, "expected METRIC=VALUE, METRIC>=VALUE or METRIC<=VALUE");
  Target t;
  t.metric = text.substr(0, at);
  while (t.metric.ends_with(' ')) t.metric.pop_back();
  const bool two = text[at] != '=' && at + 1 < text.size() && text[at + 1] == '=';
  t.goal = text[at] == '>' ? Goal::at_least : text[at] == '<' ? Goal::at_most : Goal::equal;
  const auto unit = require_metric(t.metric, {text, 0, 0});
  const auto start = text.find_first_not_of(' ', at + (two ? 2 : 1));
  const auto parsed = units::parse_quantity(
      start == std::string::npos ? "" : std::string_view(text).substr(start), unit);
  if (const auto* bad = std::get_if<units::UnitError>(&parsed))
    bad_target(text, bad->message, bad->hint);
  const auto& good = std::get<units::ParsedQuantity>(parsed);
  const auto wanted = std::get<units::ParsedUnit>(units::parse_unit(unit));
  const bool bare = good.dimension == units::Dimension{};
  if (!bare && good.dimension != wanted.dimension)
    bad_target(text, fmt::format("expected {} for {}, got {}", units::kind(wanted.dimension),
                                 t.metric, units::kind(good.dimension)));
  // A bare number, "%" apart, is in the metric's own unit.
  const bool percent =
      text.find('%') != std::string::npos || text.find("percent") != std::string::npos;
  t.value = bare && !percent ? good.value * wanted.factor : good.value;
  return t;
}

std::string target_text(const Target& t) {
  const auto unit = metric_unit(t.metric).value();
  return fmt::format("{} {} {:.6g}{}{}", t.metric,
                     t.goal == Goal::equal      ? "="
                     : t.goal == Goal::at_least ? ">="
                                                : "<=",
                     t.value / unit_factor(unit), unit.empty() ? "" : " ", unit);
}

}  // namespace tomestimate::study
