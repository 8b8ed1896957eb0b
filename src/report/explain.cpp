// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/reports.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <range/v3/algorithm/find.hpp>
#include <range/v3/algorithm/stable_sort.hpp>
#include <range/v3/view/enumerate.hpp>

#include <tomestimate/study/cautions.hpp>
#include <tomestimate/study/equations.hpp>

namespace tomestimate::report {
namespace {

using study::Equations;
using study::Named;
using study::Specs;

constexpr auto every = std::numeric_limits<std::size_t>::max();

std::string value_text(const Named& n) {
  return n.unit.empty() ? fmt::format("{:.6g}", n.value)
                        : fmt::format("{:.6g} {}", n.value, n.unit);
}

// The equation with each name replaced by its value and unit.
std::string with_values(const study::Expression& e, const std::vector<Named>& names) {
  const study::Notation notation{
      [](const Named& n) { return n.unit.empty() ? value_text(n) : "[" + value_text(n) + "]"; },
      study::plain_notation().number, study::plain_notation().call};
  return study::write(e, names, notation);
}

Row equation_row(const Named& n, const std::vector<Named>& names) {
  return {
      n.name, study::plain_text(n.equation, names), with_values(n.equation, names), n.value, n.unit,
      n.doc};
}

// The beginning of an equation that is too long to be read at a terminal.
std::string cut(std::string text) {
  constexpr std::size_t longest = 160;
  if (text.size() <= longest) return text;
  text.resize(text.rfind(' ', longest));
  return text + " ...";
}

// As briefly as the lead, which has the equation of the quantity itself, lets it.
Table brief_equation_table(const Equations& all, std::uint32_t of, int depth) {
  Table table{"equations",
              "Equations below it",
              {{"quantity", ""}, {"equation", ""}, {"is", ""}, {"unit", ""}, {"what", "", -1}},
              {},
              {}};
  const auto& names = all.names();
  bool whole = true;
  for (const auto& [n, distance] : all.operands(of)) {
    if (names[n].input || distance > depth) continue;
    const auto equation = study::plain_text(names[n].equation, names);
    auto shown = cut(equation);
    whole = whole && shown == equation;
    table.rows.push_back(
        {names[n].name, std::move(shown), names[n].value, names[n].unit, names[n].doc});
  }
  if (!whole) table.notes.push_back("...: explain QUANTITY goes on from there");
  return table;
}

Table equation_table(const Equations& all, std::uint32_t of, int depth) {
  Table table{"equations",
              "Equations",
              {{"quantity", ""},
               {"equation", ""},
               {"with values", "", -1},
               {"is", ""},
               {"unit", ""},
               {"what", "", -2}},
              {},
              {}};
  const auto& names = all.names();
  table.rows.push_back(equation_row(names[of], names));
  std::size_t deeper = 0;
  for (const auto& [n, distance] : all.operands(of)) {
    if (names[n].input) continue;
    if (distance > depth)
      ++deeper;
    else
      table.rows.push_back(equation_row(names[n], names));
  }
  table.notes.push_back("sums over the layers are written out: a factor may be their number");
  if (deeper > 0)
    table.notes.push_back(
        fmt::format("{} more equations below these: --depth {} and more, or explain "
                    "one of the quantities",
                    deeper, depth + 1));
  return table;
}

// A name and all that share its equation, at most so many: "decode.gate.cycles = decode.up.cycles".
std::string with_twins(const Equations& all, std::uint32_t of, std::size_t most) {
  std::string text = all.names()[of].name;
  std::size_t twins = 0;
  for (const auto& n : all.names())
    if (n.same_as == of && n.role == study::Role::part && ++twins <= most) text += " = " + n.name;
  return twins > most ? fmt::format("{} and {} more", text, twins - most) : text;
}

// Terms of the sums below the quantity, by how much of it they make.
Table contributor_table(const Equations& all, std::uint32_t of, const Explain& what) {
  const auto top = what.top;
  Table table{"contributors",
              "What contributes most",
              {{"part", ""}, {"is", ""}, {"unit", ""}, {"share", "%"}, {"what", ""}},
              {},
              {}};
  const auto shares = all.shares(of);
  std::vector<std::uint32_t> parts;
  for (const auto& [i, n] : all.names() | ranges::views::enumerate)
    if (n.role == study::Role::part && !n.same_as && shares[i] != 0 && i != of)
      parts.push_back(static_cast<std::uint32_t>(i));
  ranges::stable_sort(parts, std::greater{}, [&](auto i) { return std::abs(shares[i]); });
  for (const auto i : parts) {
    if (table.rows.size() == top) break;
    const auto& n = all.names()[i];
    table.rows.push_back(
        {with_twins(all, i, what.brief ? 1 : every), n.value, n.unit, 100 * shares[i], n.doc});
  }
  if (parts.size() > top)
    table.notes.push_back(fmt::format("{} smaller ones: --top N", parts.size() - top));
  table.notes.push_back(
      "share: % of change for 1 % more of the part (below 0: the part makes it smaller), as if "
      "nothing "
      "were rounded; parts with one equation are one row; a part may hold others of this table");
  return table;
}

// Elasticities of the quantity by input: a metric's as sensitivity has them, any other's by slopes.
std::vector<std::optional<double>> elasticities(const Specs& specs, const Equations& all,
                                                std::uint32_t of) {
  const auto shares = all.shares(of);
  std::vector<std::optional<double>> out(shares.begin(), shares.end());
  if (all.names()[of].role != study::Role::metric) return out;
  const auto slopes = study::slopes(specs, {all.names()[of].name});
  for (const auto& [i, n] : all.names() | ranges::views::enumerate) {
    const auto found = ranges::find(slopes, n.path, [](const auto& s) { return s.parameter.path; });
    // An entry of a per-layer list has a slope of its own; sensitivity moves the whole list.
    if (n.input && n.name == n.path && found != slopes.end())
      out[i] = found->by_metric[0].elasticity;
  }
  return out;
}

Row input_row(const Specs& specs, const Named& n, std::optional<double> elasticity) {
  const auto* source = study::find_sourced(specs, n.path);
  Row row{n.name, n.value, n.unit, elasticity ? Cell{*elasticity} : Cell{}};
  if (source == nullptr) {
    row.insert(row.end(), {Cell{}, Cell{}, Cell{}, n.doc});
    return row;
  }
  row.insert(row.end(), {std::string(spec::name(source->grade)), source->source,
                         fmt::format("{}:{}", source->place.file, source->place.line), n.doc});
  return row;
}

Table input_table(const Specs& specs, const Equations& all, std::uint32_t of, std::size_t top) {
  Table table{"inputs",
              "Spec values that go in, most important first",
              {{"value", ""},
               {"is", ""},
               {"unit", ""},
               {"elasticity", ""},
               {"grade", ""},
               {"source", ""},
               {"place", "", -1},
               {"what", "", -2}},
              {},
              {}};
  const auto elasticity = elasticities(specs, all, of);
  std::vector<std::uint32_t> inputs;
  for (const auto& [n, distance] : all.operands(of))
    if (all.names()[n].input) inputs.push_back(n);
  ranges::stable_sort(inputs, std::greater{},
                      [&](auto i) { return std::abs(elasticity[i].value_or(0)); });
  for (const auto i : inputs) {
    if (table.rows.size() == top) break;
    table.rows.push_back(input_row(specs, all.names()[i], elasticity[i]));
  }
  if (inputs.size() > top)
    table.notes.push_back(fmt::format("{} more go in: --all", inputs.size() - top));
  table.notes.push_back(
      "elasticity: % of change for 1 % more; of a whole number the mean between half and twice of "
      "it");
  return table;
}

void add_doubts(const Specs& specs, Document& document) {
  if (const auto misfit = does_not_fit(specs.hardware, specs.model))
    document.lead.push_back(fmt::format("CAUTION: no design that works: {}", *misfit));
  add_cautions(document, study::cautions(specs));
}

}  // namespace

Document explain_document(const Specs& specs, const Explain& what) {
  const Equations all(specs);
  const auto asked = all.find(what.quantity);
  const auto of = all.names()[asked].same_as.value_or(asked);
  const auto& n = all.names()[of];
  if (n.input)
    throw spec::SpecError({{{what.quantity, 0, 0},
                            fmt::format("\"{}\" is a spec value, not computed", n.name),
                            "\"tomestimate parameters\" lists those"}});
  Document document{
      fmt::format("{} of {}", what.quantity, design_title(specs.hardware, specs.model)), {}, {}};
  if (asked != of)
    document.lead.push_back(fmt::format("{} has the equation of {}", what.quantity, n.name));
  if (!n.doc.empty()) document.lead.push_back(fmt::format("{}: {}", n.name, n.doc));
  document.lead.push_back(
      fmt::format("{} = {}", n.name, study::plain_text(n.equation, all.names())));
  document.lead.push_back(
      fmt::format("{} = {}", value_text(n), with_values(n.equation, all.names())));
  add_doubts(specs, document);
  auto equations =
      what.brief ? brief_equation_table(all, of, what.depth) : equation_table(all, of, what.depth);
  if (!equations.rows.empty()) document.tables.push_back(std::move(equations));
  auto contributors = contributor_table(all, of, what);
  if (!contributors.rows.empty()) document.tables.push_back(std::move(contributors));
  document.tables.push_back(input_table(specs, all, of, what.brief ? what.top : every));
  return document;
}

Document quantities_document(const Specs& specs) {
  Document document{
      fmt::format("Quantities of {}", design_title(specs.hardware, specs.model)), {}, {}};
  Table table{"quantities",
              "Quantities",
              {{"name", ""}, {"is", ""}, {"unit", ""}, {"same as", ""}, {"what", ""}},
              {},
              {}};
  add_doubts(specs, document);
  const Equations all(specs);
  for (const auto& n : all.names())
    if (!n.input)
      table.rows.push_back({n.name, n.value, n.unit,
                            n.same_as ? Cell{all.names()[*n.same_as].name} : Cell{}, n.doc});
  document.tables.push_back(std::move(table));
  return document;
}

}  // namespace tomestimate::report
