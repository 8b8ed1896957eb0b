// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/reports.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include <tomestimate/number/lift.hpp>
#include <tomestimate/spec/describe.hpp>
#include <tomestimate/study/cautions.hpp>
#include <tomestimate/study/metric.hpp>

#include "cells.hpp"

namespace tomestimate::report {
namespace {

using study::Specs;

struct MetricValue {
  std::string name;
  std::string unit;
  std::string doc;
  double value;  // in `unit`
};

std::vector<MetricValue> metrics_of(const Specs& specs) {
  std::vector<MetricValue> out;
  for (const auto& [m, value] : study::metrics_of(specs.hardware.values, specs.model.values))
    out.push_back({std::string(m.name), std::string(m.unit), std::string(m.doc),
                   printed(m.name, value / study::unit_factor(m.unit))});
  return out;
}

Cell ratio(double before, double after) { return before == 0 ? Cell{} : Cell{after / before}; }

// How much a metric changed, to order metrics by: equal factors up and down are equal. 0 where it
// differs by rounding only.
double change(double before, double after) {
  if (std::abs(after - before) <= 1e-12 * std::abs(before)) return 0;
  if (before * after <= 0) return std::numeric_limits<double>::infinity();
  return std::abs(std::log(after / before));
}

// "false, true" by path; "" for numbers.
std::map<std::string, std::string> choices_of(const Specs& specs) {
  std::map<std::string, std::string> out;
  for (const auto& list :
       {spec::describe(specs.hardware.values), spec::describe(specs.model.values)})
    for (const auto& d : list) out[d.path] = fmt::format("{}", fmt::join(d.choices, ", "));
  return out;
}

Cell in_unit(const std::optional<double>& base, double factor) {
  return base ? Cell{*base / factor} : Cell{};
}

void add_no_design(const std::map<std::string, std::uint64_t>& reasons,
                   std::vector<std::string>& text) {
  for (const auto& [reason, count] : reasons)
    text.push_back(fmt::format("{} points are no design: {}", count, reason));
}

}  // namespace

Document what_if_document(const Specs& before, const Specs& after,
                          const std::vector<std::string>& changes, bool brief) {
  Document document{
      fmt::format("What if: {} running {}", before.hardware.name, before.model.name), {}, {}};
  for (const auto& change : changes) document.lead.push_back("set " + change);
  const auto say = [&document](const std::string& when, const Specs& specs) {
    document.lead.push_back(when + " " + binding_sentence(specs.hardware, specs.model));
    if (const auto misfit = does_not_fit(specs.hardware, specs.model))
      document.lead.push_back(
          fmt::format("CAUTION: {} is no design that works: {}", when, *misfit));
  };
  say("before", before);
  say("after", after);
  add_cautions(document, study::without_effect(before, after));
  add_cautions(document, study::cautions(after));
  Table table{
      "what-if",
      "Before and after",
      {{"metric", ""}, {"unit", ""}, {"before", ""}, {"after", ""}, {"delta", ""}, {"ratio", ""}},
      {},
      {}};
  const auto a = metrics_of(before);
  const auto b = metrics_of(after);
  std::vector<std::pair<double, Row>> changed;
  std::vector<std::string> same;
  for (std::size_t i = 0; i < a.size(); ++i) {
    Row row{a[i].name,
            a[i].unit,
            a[i].value,
            b[i].value,
            b[i].value - a[i].value,
            ratio(a[i].value, b[i].value)};
    if (!brief)
      table.rows.push_back(std::move(row));
    else if (const double by = change(a[i].value, b[i].value); by > 0)
      changed.emplace_back(by, std::move(row));
    else
      same.push_back(a[i].name);
  }
  std::stable_sort(changed.begin(), changed.end(),
                   [](const auto& x, const auto& y) { return x.first > y.first; });
  for (auto& entry : changed) table.rows.push_back(std::move(entry.second));
  if (!same.empty())
    table.notes.push_back(fmt::format("{} of {} metrics stay as they are: {}", same.size(),
                                      a.size(), fmt::join(same, ", ")));
  document.tables.push_back(std::move(table));
  return document;
}

Document compare_document(const std::vector<Design>& designs) {
  Document document{"Designs side by side", {}, {}};
  Table table{
      "compare", "Metrics; ratios are to the first design", {{"metric", ""}, {"unit", ""}}, {}, {}};
  std::vector<std::vector<MetricValue>> all;
  for (std::size_t d = 0; d < designs.size(); ++d) {
    const auto& specs = designs[d].specs;
    const auto heading = heading_of(designs[d].label, d);
    if (const auto misfit = does_not_fit(specs.hardware, specs.model))
      document.lead.push_back(fmt::format("CAUTION: {} does not work: {}", heading, *misfit));
    document.lead.push_back(fmt::format("{}: {} ({}); {}", heading,
                                        design_title(specs.hardware, specs.model), designs[d].name,
                                        binding_sentence(specs.hardware, specs.model)));
    add_cautions(document, study::cautions(specs), heading);
    table.columns.push_back({heading, ""});
    if (d > 0) table.columns.push_back({heading + "/" + heading_of(designs[0].label, 0), "", -1});
    all.push_back(metrics_of(specs));
  }
  for (std::size_t i = 0; i < all[0].size(); ++i) {
    Row row{all[0][i].name, all[0][i].unit, all[0][i].value};
    for (std::size_t d = 1; d < all.size(); ++d) {
      row.push_back(all[d][i].value);
      row.push_back(ratio(all[0][i].value, all[d][i].value));
    }
    table.rows.push_back(std::move(row));
  }
  document.tables.push_back(std::move(table));
  return document;
}

Document solve_document(const Specs& specs, const study::Solved& s, const study::Target& target) {
  const auto unit = study::metric_unit(target.metric).value();
  const double factor = study::unit_factor(unit);
  const auto& p = s.parameter;
  const std::string sign = target.goal == study::Goal::equal      ? "="
                           : target.goal == study::Goal::at_least ? ">="
                                                                  : "<=";
  Document document{fmt::format("Solve {} for {} {} {:.6g} {}", p.path, target.metric, sign,
                                target.value / factor, unit),
                    {},
                    {}};
  document.lead.push_back(fmt::format("now {}; looked at {} values from {} to {}",
                                      shown(p, p.value), s.looked_at, shown(p, s.low),
                                      shown(p, s.high)));
  if (const auto idle = study::no_effect(specs, p.path, target.metric); !idle.empty())
    add_cautions(document, {idle});
  add_cautions(document, study::cautions(specs, {target.metric}));
  if (s.no_design > 0)
    document.lead.push_back(
        fmt::format("{} of them are no design (they break a rule of the specs or "
                    "do not fit the SRAM)",
                    s.no_design));
  if (s.solutions.empty())
    document.lead.push_back(
        s.lowest > s.highest
            ? std::string("NO SOLUTION in range: no value makes a design")
            : fmt::format("NO SOLUTION in range: {} goes from {:.6g} to {:.6g} {} there",
                          target.metric, s.lowest / factor, s.highest / factor, unit));
  if (s.solutions.empty()) return document;
  Table table{"solutions",
              "Solutions, nearest to the present value first",
              {{p.path, p.unit}, {target.metric, unit}, {"off target", unit}},
              {},
              {}};
  std::string outside;
  for (const auto& x : s.solutions)
    if (study::beyond_range(specs, p.path, x.parameter))
      outside += fmt::format("{}{}", outside.empty() ? "" : ", ", shown(p, x.parameter));
  if (!outside.empty())
    add_cautions(document, {fmt::format("outside the range that the spec of {} states: {}", p.path,
                                        outside)});
  for (const auto& x : s.solutions)
    table.rows.push_back({x.parameter / study::unit_factor(p.unit), x.metric / factor,
                          (x.metric - target.value) / factor});
  if (target.goal != study::Goal::equal)
    table.notes.push_back("each is an end of a stretch of values that meet the target");
  document.tables.push_back(std::move(table));
  return document;
}

Document pareto_document(const study::Study& st, const study::Space& space,
                         const std::vector<study::Found>& front, const study::SweepResult& result) {
  Document document{"Pareto front: " + st.name, {}, {}};
  std::string goals;
  for (const auto& o : st.objectives)
    goals += fmt::format("{}{} {}", goals.empty() ? "" : ", ", o.maximize ? "max" : "min",
                         st.columns[o.column].name);
  document.lead.push_back(
      fmt::format("{} of {} points are on the front of {}", front.size(), result.points, goals));
  add_no_design(result.no_design, document.lead);
  add_cautions(document, study::cautions(st, space));
  Table table{"front", "Front", {}, {}, {}};
  for (const auto& axis : st.axes)
    for (const auto& v : axis.members)
      table.columns.push_back({v.parameter.path, v.is_number() ? v.parameter.unit : ""});
  for (const auto& c : st.columns) table.columns.push_back({c.name, c.unit});
  for (const auto& found : front) {
    Row row;
    for (std::size_t a = 0; a < st.axes.size(); ++a) {
      const auto i = space.index(found.point, a);
      for (const auto& v : st.axes[a].members)
        row.push_back(v.is_number() ? Cell{v.number(i)} : Cell{v.text(i)});
    }
    for (const double value : found.values) row.push_back(value);
    table.rows.push_back(std::move(row));
  }
  document.tables.push_back(std::move(table));
  return document;
}

Document sensitivity_document(const Specs& specs, const std::string& metric,
                              const std::vector<study::Sensitivity>& all, std::size_t top) {
  const auto unit = study::metric_unit(metric).value();
  const double factor = study::unit_factor(unit);
  const double here = study::metric_value(specs, metric);
  Document document{
      fmt::format("What {} hangs on: {}", metric, design_title(specs.hardware, specs.model)),
      {fmt::format("{} is {:.6g} {}", metric, here / factor, unit)},
      {}};
  add_cautions(document, study::cautions(specs, {metric}));
  Table table{"tornado",
              "Tornado, largest swing first",
              {{"value", ""},
               {"is", "", -1},
               {"low", ""},
               {"high", ""},
               {"range", "", -2},
               {"at low", unit},
               {"at high", unit},
               {"swing", unit},
               {"elasticity", ""},
               {"derivative", "", -3},
               {"derivative unit", "", -3}},
              {},
              {}};
  std::size_t still = 0;
  for (const auto& s : all) {
    const double swing = s.swing(here);
    const bool moves = swing != 0 || s.slope.elasticity.value_or(0) != 0;
    if (!moves) {
      ++still;
      continue;
    }
    if (table.rows.size() == top) continue;
    const auto& p = s.parameter;
    const double own = study::unit_factor(p.unit);
    table.rows.push_back({p.path, shown(p, p.value), shown(p, s.low), shown(p, s.high),
                          std::string(s.own_range ? "spec"
                                      : p.whole   ? "half, twice"
                                                  : "10 %"),
                          in_unit(s.at_low, factor), in_unit(s.at_high, factor), swing / factor,
                          s.slope.elasticity ? Cell{*s.slope.elasticity} : Cell{},
                          s.slope.derivative ? Cell{*s.slope.derivative * own / factor} : Cell{},
                          s.slope.derivative
                              ? Cell{fmt::format("{} per {}", unit.empty() ? "1" : unit,
                                                 p.unit.empty() ? "1" : p.unit)}
                              : Cell{}});
  }
  table.notes.push_back(
      "elasticity: % of change for 1 % more; exact (dual numbers) where there is a "
      "derivative, else the mean between half and twice the whole value");
  table.notes.push_back("an empty end is no design: it breaks a rule of the specs or does not fit");
  table.notes.push_back(fmt::format("{} other values do not move {}", still, metric));
  if (const auto shadowed = study::shadowed_share(specs); !shadowed.empty())
    table.notes.push_back(shadowed);
  document.tables.push_back(std::move(table));
  return document;
}

namespace {

// Why the specs' own value is outside of the band of its draws; "" if it is not.
std::string outside_band(const study::Uncertainty& u, const study::MetricSpread& m, bool given) {
  const bool above = m.here > m.quantiles.back();
  if (!above && m.here >= m.quantiles.front()) return "";
  const auto unit = study::metric_unit(m.metric).value();
  const double f = study::unit_factor(unit);
  auto out = fmt::format("{} with the specs' values, {}, is {} the band of 5 to 95 % of its draws",
                         m.metric, told(m.here / f, unit), above ? "above" : "below");
  if (given) return out + ": what is given is not what the specs say";
  if (m.one_sided.empty()) return out + ": no value alone leads there, several together do";
  out += above ? ", because ranges mostly lead down" : ", because ranges mostly lead up";
  constexpr std::size_t most = 4;
  std::string list;
  bool choice = false;
  for (std::size_t i = 0; i < std::min(most, m.one_sided.size()); ++i) {
    const auto& o = m.one_sided[i];
    const auto& r = u.parameters[o.parameter];
    choice = choice || study::is_choice(r.parameter.path);
    list += fmt::format("{}{} = {} of {} to {} ({:.0f} % of its draws alone, median {})",
                        list.empty() ? "" : ", ", r.parameter.path,
                        shown(r.parameter, r.parameter.value), shown(r.parameter, r.low),
                        shown(r.parameter, r.high), 100 * o.share, told(o.median / f));
  }
  out += ": " + list;
  if (choice) out += "; a choice is drawn without those that a designer would move with it";
  return out;
}

}  // namespace

Document uncertainty_document(const Specs& specs, const study::Uncertainty& u,
                              const study::UncertaintyOptions& options) {
  Document document{
      fmt::format("What the specs' ranges do: {}", design_title(specs.hardware, specs.model)),
      {fmt::format(
          "{} draws of {} values, {} {}, seed {}; {} are designs", u.samples, u.parameters.size(),
          options.sampling == study::Sampling::monte_carlo ? "Monte Carlo" : "Latin hypercube",
          options.spread == study::Spread::uniform ? "uniform" : "triangular", options.seed,
          u.used)},
      {}};
  if (!u.fixed.empty()) {
    std::string stay;
    for (const auto& r : u.fixed)
      stay += fmt::format("{}{} ({} to {})", stay.empty() ? "" : ", ", r.parameter.path,
                          shown(r.parameter, r.low), shown(r.parameter, r.high));
    document.lead.push_back("only unknowns are drawn; choices stay, --choices draws them too: " +
                            stay);
  }
  for (const auto& g : options.given) document.lead.push_back("given " + g.name);
  if (!options.given.empty())
    document.lead.push_back(fmt::format(
        "effective sample size {:.0f} of {}: draws are weighed by how near they come to what is "
        "given, as a normal distribution with its tolerance as deviation",
        u.effective, u.used));
  add_no_design(u.no_design, document.lead);
  if (!options.given.empty() && u.effective < 100)
    add_cautions(document, {"fewer than 100 draws' worth: take more --samples"});
  add_cautions(document, study::cautions(specs));
  Table spread{"quantiles",
               "Metrics",
               {{"metric", ""},
                {"unit", ""},
                {"spec", ""},
                {"mean", ""},
                {"deviation", "", -1},
                {"5 %", ""},
                {"25 %", "", -2},
                {"50 %", ""},
                {"75 %", "", -2},
                {"95 %", ""}},
               {},
               {}};
  Table shares{
      "shares",
      "What the spread hangs on",
      {{"metric", ""},
       {"value", ""},
       {"low", ""},
       {"high", ""},
       {"rank correlation", ""},
       {"share", "%"}},
      {},
      {"only shares of 1 % and more; share: of the variance, first order, Var(E[metric | value]) / "
       "Var(metric); what is missing from 100 % lies in combinations of values",
       "calibrated values are drawn as well, each on its own: draws need not meet the figures "
       "they were calibrated to"}};
  for (const auto& m : u.metrics) {
    const auto unit = study::metric_unit(m.metric).value();
    const double f = study::unit_factor(unit);
    Row row{m.metric, unit, m.here / f, m.mean / f, m.deviation / f};
    for (const double q : m.quantiles) row.push_back(q / f);
    spread.rows.push_back(std::move(row));
    if (auto why = outside_band(u, m, !options.given.empty()); !why.empty())
      spread.notes.push_back(std::move(why));
    std::vector<std::size_t> order(u.parameters.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&m](auto a, auto b) { return m.share[a] > m.share[b]; });
    for (const auto i : order) {
      if (m.share[i] < 0.01) break;
      const auto& r = u.parameters[i];
      shares.rows.push_back({m.metric, r.parameter.path, shown(r.parameter, r.low),
                             shown(r.parameter, r.high), m.rank_correlation[i], 100 * m.share[i]});
    }
  }
  document.tables = {std::move(spread), std::move(shares)};
  return document;
}

Document parameters_document(const Specs& specs) {
  Document document{"Spec values, by name", {}, {}};
  Table table{"parameters",
              "Values that --set and studies take",
              {{"name", ""},
               {"value", ""},
               {"unit", ""},
               {"from", ""},
               {"to", ""},
               {"whole", "", -2},
               {"choices", "", -1},
               {"what", ""}},
              {},
              {}};
  const auto about = choices_of(specs);
  for (const auto& p : study::parameters(specs)) {
    const bool plain = p.number || p.max > p.min;
    const auto* said = study::find_sourced(specs, p.path);
    Cell value;
    if (plain)
      value = p.value / study::unit_factor(p.unit);
    else if (said != nullptr)
      value = said->text;
    table.rows.push_back({p.path, std::move(value), p.unit, plain ? Cell{p.min} : Cell{},
                          plain ? Cell{p.max} : Cell{}, std::string(p.whole ? "yes" : ""),
                          about.at(p.path), p.doc});
  }
  document.tables.push_back(std::move(table));
  return document;
}

}  // namespace tomestimate::report
