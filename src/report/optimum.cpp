// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/optimum.hpp>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <tomestimate/study/cautions.hpp>
#include <tomestimate/study/sensitivity.hpp>

#include "cells.hpp"

namespace tomestimate::report {
namespace {

std::string wanted_text(const study::Wanted& w) {
  std::string out = w.where;
  for (const auto& t : w.targets) out += (out.empty() ? "" : " and ") + study::target_text(t);
  return out;
}

// A metric in its display unit, with enough digits to see a tolerance of 0.1 %.
std::string metric_text(const std::string& metric, double base) {
  const auto unit = study::metric_unit(metric).value();
  return fmt::format("{:.6g}{}{}", base / study::unit_factor(unit), unit.empty() ? "" : " ", unit);
}

std::string title(const study::Wanted& w, const study::Optimum& best) {
  const auto where = wanted_text(w);
  if (w.metric.empty()) return (best.found ? "A design with " : "No design found with ") + where;
  return fmt::format("The {} {}{}{}{}", w.maximize ? "most" : "least", w.metric,
                     where.empty() ? "" : " where ", where,
                     best.found ? ": " + metric_text(w.metric, best.best) : "");
}

// How well it was looked: what no design of the ranges can beat.
std::string proof(const study::Wanted& w, const study::Optimum& best) {
  const std::string more = "; a larger --effort looks on";
  if (best.sets.empty())
    return best.closed ? "NO SOLUTION: proved that no design of these ranges meets all of it"
                       : "NO SOLUTION found, and none ruled out" + more;
  if (w.metric.empty()) {
    if (best.found) return "all targets are met";
    return fmt::format(
        "NO SOLUTION found: the nearest design misses a target by {:.3g} %; {}", 100 * best.best,
        best.bound > 0
            ? fmt::format("proved: every design of these ranges misses one by {:.3g} % or more{}",
                          100 * best.bound, best.closed ? "" : more)
            : "no design is ruled out" + more);
  }
  if (!std::isfinite(best.bound)) return "no proof: what could be better is not bounded" + more;
  const double away = 100 * std::abs(best.bound - best.best) / std::abs(best.best);
  return fmt::format("{}: no design of these ranges has {} {} {}, {:.2g} % from what was found{}",
                     best.closed ? "proved" : "proved only this far", w.metric,
                     w.maximize ? "above" : "below", metric_text(w.metric, best.bound), away,
                     best.closed ? "" : more);
}

std::string effort(const study::Wanted& w, const study::Optimum& best) {
  auto out = fmt::format(
      "looked at {} designs and bounded {} parts of the ranges; of an even grid of {} points ",
      best.evaluations, best.boxes, best.grid_points);
  if (!best.grid_found) return out + "none meets all of it";
  return w.metric.empty()
             ? out + fmt::format("the nearest misses by {:.3g} %", 100 * best.grid_best)
             : out + "the best has " + metric_text(w.metric, best.grid_best);
}

// What one condition by itself comes to, where nothing meets all.
std::string clash_text(const study::Clash& c) {
  std::vector<std::string> at;
  for (const auto& [metric, value] : c.nearest)
    at.push_back(fmt::format("{} {}", metric, metric_text(metric, value)));
  const auto nearest = fmt::format("{}", fmt::join(at, ", "));
  if (c.without)
    return fmt::format("{} is met by some designs, but not where all else is: nearest to it is {}",
                       c.text, nearest);
  if (c.alone) return c.text + " is met by some designs";
  if (at.empty()) return c.text + ": the ranges hold no design that works";
  return fmt::format("{} {}: nearest to it is {}", c.text,
                     c.proved ? "is met by no design of these ranges" : "was met by no design",
                     nearest);
}

// Values that the search found at an end of what it was given.
std::vector<std::string> ends_of(const std::vector<study::Searched>& searched,
                                 const std::vector<double>& found) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < searched.size(); ++i) {
    const auto& s = searched[i];
    if (!s.texts.empty() || !(s.low < s.high)) continue;
    const double near = 1e-6 * (s.high - s.low);
    if (found[i] <= s.low + near) out.push_back(s.parameter.path + " at its lowest");
    if (found[i] >= s.high - near) out.push_back(s.parameter.path + " at its highest");
  }
  return out;
}

Table choices_table(const study::Study& st, const std::vector<study::Searched>& searched,
                    const study::Optimum& best, const std::vector<double>& found) {
  Table out{"choices",
            "What was chosen",
            {{"value", ""}, {"unit", ""}, {"is", ""}, {"found", ""}, {"from", ""}, {"to", ""}},
            {},
            {}};
  for (std::size_t i = 0; i < searched.size(); ++i) {
    const auto& s = searched[i];
    const auto& p = s.parameter;
    if (!s.texts.empty()) {
      const auto* said = study::find_sourced(st.specs, p.path);
      out.rows.push_back({p.path, "", said == nullptr ? Cell{} : Cell{said->text},
                          best.sets[i].substr(p.path.size() + 1), s.texts.front(), s.texts.back()});
      continue;
    }
    const double unit = study::unit_factor(p.unit);
    out.rows.push_back(
        {p.path, p.unit, p.value / unit, found[i] / unit, s.low / unit, s.high / unit});
  }
  return out;
}

Table metrics_table(const study::Study& st, const study::Wanted& w, const study::Optimum& best) {
  Table out{"metrics",
            "Before and after",
            {{"metric", ""}, {"unit", ""}, {"before", ""}, {"after", ""}},
            {},
            {}};
  std::vector<std::string> names;
  for (const auto& c : st.columns) names.push_back(c.name);
  for (const auto& t : w.targets)
    if (std::find(names.begin(), names.end(), t.metric) == names.end()) names.push_back(t.metric);
  for (const auto& name : names) {
    const auto unit = study::metric_unit(name).value();
    const double factor = study::unit_factor(unit);
    out.rows.push_back({name, unit, study::metric_value(st.specs, name) / factor,
                        study::metric_value(best.specs, name) / factor});
  }
  return out;
}

}  // namespace

Document optimum_document(const study::Study& st, const std::vector<study::Searched>& searched,
                          const study::Wanted& w, const study::Optimum& best,
                          const std::string& command) {
  Document out{title(w, best), {proof(w, best), effort(w, best)}, {}};
  for (const auto& clash : best.clashes) out.lead.push_back(clash_text(clash));
  if (best.sets.empty()) return out;
  std::vector<double> found;
  for (const auto& s : searched)
    found.push_back(
        s.texts.empty()
            ? study::find_parameter(best.specs, s.parameter.path, {s.parameter.path, 0, 0}).value
            : 0);
  auto binds = ends_of(searched, found);
  for (const auto& k : best.kept)
    if (k.binds) binds.push_back(k.text);
  out.lead.push_back(binds.empty() ? "nothing that was asked for binds"
                                   : fmt::format("binds: {}", fmt::join(binds, "; ")));
  std::string sets;
  for (const auto& set : best.sets)
    sets += set.find(' ') == std::string::npos ? " --set " + set : " --set \"" + set + "\"";
  out.lead.push_back("this design: " + command + sets);
  add_cautions(out, study::cautions(best.specs));
  out.tables.push_back(choices_table(st, searched, best, found));
  out.tables.push_back(metrics_table(st, w, best));
  return out;
}

}  // namespace tomestimate::report
