// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/reports.hpp>

#include <cmath>
#include <set>

#include <fmt/format.h>
#include <range/v3/algorithm/count_if.hpp>
#include <range/v3/algorithm/sort.hpp>
#include <range/v3/view/filter.hpp>

#include "cells.hpp"

namespace tomestimate::report {
namespace {

namespace rv = ranges::views;
using evidence::Comparison;
using evidence::Relation;

std::string relation_text(const Comparison& c) {
  switch (c.relation) {
    case Relation::predicted:
      return "predicted";
    case Relation::calibrated:
      return fmt::format("calibrated ({})", fmt::join(c.calibrated_by, ", "));
    case Relation::follows:
      return fmt::format("follows {}", fmt::join(c.follows, ", "));
    case Relation::within_bound:
      return "within bound";
    case Relation::out_of_bound:
      return "OUT OF BOUND";
    case Relation::not_compared:
      break;
  }
  return "not compared";
}

Row comparison_row(const Comparison& c) {
  const auto error = c.error();
  return {c.id,
          c.figure,
          c.published,
          c.estimate ? Cell{*c.estimate} : Cell{},
          c.unit,
          error ? Cell{100 * *error} : Cell{},
          relation_text(c),
          c.grade,
          c.note};
}

}  // namespace

namespace {

// How near the predictions come: what the model is worth.
std::string score(std::span<const Comparison> comparisons) {
  std::vector<double> errors;
  std::set<std::string> fitted, figures;
  for (const auto& c : comparisons) {
    if (c.relation == Relation::predicted && c.error()) errors.push_back(std::abs(*c.error()));
    if (c.relation == Relation::calibrated) figures.insert(c.id);
    fitted.insert(c.calibrated_by.begin(), c.calibrated_by.end());
  }
  if (errors.empty()) return "SCORE: no figure is predicted";
  ranges::sort(errors);
  const auto within = [&errors](double limit) {
    return ranges::count_if(errors, [limit](double e) { return e <= limit; });
  };
  const double median = (errors[(errors.size() - 1) / 2] + errors[errors.size() / 2]) / 2;
  return fmt::format(
      "SCORE: of {} predictions {} are within 5 %, {} within 10 % and {} within 25 %; median error "
      "{:.1f} %. {} numbers were fitted to {} figures",
      errors.size(), within(0.05), within(0.10), within(0.25), 100 * median, fitted.size(),
      figures.size());
}

}  // namespace

namespace {

// "base.width = 128, vector.width = 64"
std::string choice_text(const evidence::ChoicePoint& point) {
  std::string text;
  for (const auto& [path, value] : point.values)
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", path, value);
  return text;
}

// What the choices that a source leaves open predict, each combination a row.
void add_choices(std::span<const Comparison> comparisons, Document& document) {
  Table table{"choices",
              "What is left open, and what each choice would predict",
              {{"id", ""},
               {"with", ""},
               {"published", ""},
               {"estimate", ""},
               {"unit", ""},
               {"error", "%"},
               {"no design", "", -1}},
              {},
              {}};
  for (const auto& c : comparisons)
    for (const auto& point : c.choices)
      table.rows.push_back({c.id, choice_text(point), c.published,
                            point.estimate ? Cell{*point.estimate} : Cell{}, c.unit,
                            point.error ? Cell{100 * *point.error} : Cell{}, point.why_not});
  if (!table.rows.empty()) document.tables.push_back(std::move(table));
}

}  // namespace

Document published_document(std::span<const Comparison> comparisons) {
  Document document{"Published figures beside the estimate", {}, {}};
  Table table{"published",
              "Figures",
              {{"id", ""},
               {"figure", ""},
               {"published", ""},
               {"estimate", ""},
               {"unit", ""},
               {"error", "%"},
               {"estimate is", ""},
               {"grade", ""},
               {"note", "", -1}},
              {},
              {}};
  for (const auto& c : comparisons) table.rows.push_back(comparison_row(c));
  const auto count = [&](Relation r) {
    return ranges::count_if(comparisons, [r](const auto& c) { return c.relation == r; });
  };
  document.lead.push_back(fmt::format(
      "{} calibrated (a spec value was fitted to the figure: the error proves nothing), {} that "
      "follow from those or from inputs (no test either), {} predicted, {} within and {} out of "
      "bounds, {} not compared",
      count(Relation::calibrated), count(Relation::follows), count(Relation::predicted),
      count(Relation::within_bound), count(Relation::out_of_bound), count(Relation::not_compared)));
  const auto misses = [](const Comparison& c) {
    return c.relation == Relation::predicted && std::abs(c.error().value_or(0)) > 0.1;
  };
  for (const auto& c : comparisons | rv::filter(misses))
    document.lead.push_back(fmt::format("MISS: {} is off by {:+.0f} %: {}", c.id, 100 * *c.error(),
                                        c.note.empty() ? "cause unknown" : c.note));
  document.lead.push_back(score(comparisons));
  document.tables.push_back(std::move(table));
  add_choices(comparisons, document);
  return document;
}

Document leave_one_out_document(std::span<const evidence::LeftOut> left_out) {
  Document document{"Published figures, each left out of the fit", {}, {}};
  if (left_out.empty()) {
    document.lead.push_back(
        "no value of the specs is fitted to a published figure: there is nothing to leave out");
    return document;
  }
  Table table{"leave-one-out",
              "Predictions by what is left",
              {{"id", ""},
               {"published", ""},
               {"calibrated", ""},
               {"predicted", ""},
               {"unit", ""},
               {"error", "%"},
               {"fitted anew", ""}},
              {},
              {}};
  for (const auto& l : left_out) {
    std::string values;
    for (const auto& v : l.refits)
      values += fmt::format("{}{} {} -> {} {}{}", values.empty() ? "" : "; ", v.path, told(v.was),
                            told(v.now), v.unit,
                            v.by.empty() ? " (as it was: nothing else fits it)"
                                         : fmt::format(" (by {})", fmt::join(v.by, ", ")));
    if (!l.why_not.empty()) values += ": " + l.why_not;
    table.rows.push_back({l.id, l.published, l.calibrated,
                          l.predicted ? Cell{*l.predicted} : Cell{}, l.unit,
                          l.error() ? Cell{100 * *l.error()} : Cell{}, values});
  }
  document.tables.push_back(std::move(table));
  return document;
}

Document validation_document(std::span<const evidence::Validation> validations) {
  Document document{"Closed form against the bit-exact kernel", {}, {}};
  Table table{"validation",
              "Graphs",
              {{"graph", ""},
               {"batch", ""},
               {"new tokens", ""},
               {"cached", ""},
               {"weights", ""},
               {"counts", ""},
               {"unequal", ""},
               {"paths", ""},
               {"output hash", "", -1},
               {"kernel time", "s"}},
              {},
              {}};
  Table misses{"mismatches",
               "Mismatches",
               {{"graph", ""}, {"where", ""}, {"count", ""}, {"closed form", ""}, {"counted", ""}},
               {},
               {}};
  std::size_t counts = 0;
  for (const auto& v : validations) {
    counts += v.counts;
    table.rows.push_back({v.graph, v.pass.batch, v.pass.fresh, v.pass.past, v.weights,
                          static_cast<double>(v.counts), static_cast<double>(v.mismatches.size()),
                          v.first_difference.empty() ? std::string("same integers")
                                                     : "differ at " + v.first_difference,
                          fmt::format("{:016x}", v.output_hash), v.seconds});
    for (const auto& m : v.mismatches)
      misses.rows.push_back(
          {v.graph, m.where, m.count, m.closed_form, static_cast<double>(m.counted)});
  }
  const auto failed = ranges::count_if(validations, [](const auto& v) { return !v.passed(); });
  document.lead.push_back(failed == 0
                              ? fmt::format("PASS: {} counts on {} graphs are equal, exactly",
                                            counts, validations.size())
                              : fmt::format("FAIL: {} of {} graphs", failed, validations.size()));
  document.tables.push_back(std::move(table));
  if (!misses.rows.empty()) document.tables.push_back(std::move(misses));
  return document;
}

}  // namespace tomestimate::report
