// SPDX-License-Identifier: Apache-2.0
#include "optimize.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

#include <tomestimate/report/optimum.hpp>
#include <tomestimate/report/reports.hpp>
#include <tomestimate/study/optimize.hpp>

#include "percent.hpp"

namespace tomestimate::cli {
namespace {

// What sizes a chip, where --vary does not say what may be chosen.
const std::vector<std::string> sizing{"base.lanes", "base.per_lane", "chip.clock"};

// "PATH=A..B" of a "PATH".
std::string with_range(const study::Specs& specs, const std::string& path) {
  const auto region = study::usual_region(specs, path, {"--vary " + path, 0, 0});
  const auto& p = region.parameter;
  return fmt::format("{}={}..{}{}{}", p.path, study::in_display_unit(p, region.low),
                     study::in_display_unit(p, region.high), p.unit.empty() ? "" : " ", p.unit);
}

double tolerance_of(const std::string& text) {
  const auto parsed = units::parse_quantity(text, "");
  const auto* number = std::get_if<units::ParsedQuantity>(&parsed);
  if (number == nullptr || number->dimension != units::Dimension{} || !(number->value > 0) ||
      number->value > 0.5)
    throw CLI::ValidationError("--tolerance", "expected a share such as \"0.1 %\", 50 % at most");
  return number->value;
}

}  // namespace

void add_optimization_options(CLI::App& command, Optimization& o) {
  add_study_places(command, o.study, "study (TOML), or HARDWARE MODEL");
  command
      .add_option("--vary", o.study.vary,
                  "what may be chosen: PATH (the range that the spec states, or a quarter of to "
                  "four times the present value), PATH=A..B, or values as sweep takes them; "
                  "repeatable; default: base.lanes, base.per_lane and chip.clock")
      ->type_name("PATH")
      ->allow_extra_args(false);
  add_search_options(command, o.study);
  command
      .add_option("--target", o.study.targets,
                  "such as \"throughput>=5000 token/s\" (=, >=, <=); repeatable")
      ->type_name("METRIC=VALUE")
      ->allow_extra_args(false);
  command
      .add_option("--tolerance", o.tolerance,
                  "how near to the best design the proof has to come, a share of it")
      ->capture_default_str()
      ->type_name("SHARE");
  command.add_option("--effort", o.effort, "parts of the ranges to look at, at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000'000).description(""))
      ->type_name("N");
}

bool is_goal_seek(const Optimization& o) {
  const auto& s = o.study;
  return s.places.size() == 2 && s.targets.size() == 1 && s.vary.size() == 1 &&
         s.vary[0].find('=') == std::string::npos && !s.where && s.columns.empty() && !s.save &&
         s.maximize.empty() && s.minimize.empty();
}

namespace {

// What its axes leave out is filled in: default ranges.
study::Study load_search(QuickStudy& q, const Output& output) {
  if (q.places.size() == 2) {
    if (q.maximize.size() + q.minimize.size() == 0 && q.targets.empty())
      throw CLI::ValidationError("--target",
                                 "what is wanted? Say a --target, or --min or --max with a metric");
    const auto specs = load(design_of(q), output);
    if (q.vary.empty()) q.vary = sizing;
    for (auto& vary : q.vary)
      if (vary.find('=') == std::string::npos) vary = with_range(specs, vary);
    if (!q.columns.empty())
      for (const auto& text : q.targets) {
        const auto metric = study::parse_target(text).metric;
        if (std::find(q.columns.begin(), q.columns.end(), metric) == q.columns.end())
          q.columns.push_back(metric);
      }
  }
  return load_study(q, outputs_of(output), study::Regions::taken);
}

// The best point of a study that has points only.
int search_grid(const study::Study& st, unsigned threads, const Output& output) {
  study::SweepResult result;
  const study::Space space(st.specs, st.axes, st.formulas());
  const auto best = study::pareto(st, space, threads, result);
  auto document = report::pareto_document(st, space, best, result);
  const auto& goal = st.objectives[0];
  document.title = fmt::format("The {} {} of {} points", goal.maximize ? "most" : "least",
                               st.columns[goal.column].name, result.points);
  document.lead.erase(document.lead.begin());
  document.lead.push_back(best.empty()
                              ? "NO SOLUTION: no point is a design that meets --where"
                              : "only the points of --vary were looked at: a better design may lie "
                                "between them (PATH=A..B searches there too)");
  print(std::move(document), output);
  return best.empty() ? no : 0;
}

// The command that shows a changed design of the study, as far as its --set.
std::string what_if_of(const QuickStudy& q, const study::Study& st) {
  const bool file = q.places.size() == 1;
  const auto found = [](const std::string& path) {
    return std::filesystem::path(path).lexically_normal().string();
  };
  auto out = fmt::format("tomestimate what-if {} {}", file ? found(st.hardware) : q.places[0],
                         file ? found(st.model) : q.places[1]);
  if (file) {
    for (const auto& [path, text] : st.set) out += fmt::format(" --set \"{}={}\"", path, text);
    return out;
  }
  const auto design = design_of(q);
  for (const auto& [flag, value] : workload_of(design)) out += fmt::format(" --{} {}", flag, value);
  for (const auto& set : design.sets) out += fmt::format(" --set \"{}\"", set);
  return out;
}

}  // namespace

int run_optimize(Optimization o, unsigned threads, const Output& output) {
  auto& q = o.study;
  if (q.maximize.size() + q.minimize.size() > 1)
    throw CLI::ValidationError("--min", "one of --min and --max; several goals are for pareto");
  study::Wanted wanted;
  wanted.tolerance = tolerance_of(o.tolerance);
  wanted.boxes = o.effort;
  const auto st = load_search(q, output);
  const auto refuse = [&q](const std::string& message, const std::string& hint) {
    throw spec::SpecError({{{q.places[0], 1, 1}, message, hint}});
  };
  if (st.objectives.size() > 1) refuse("solve takes one objective", "several are for pareto");
  if (st.objectives.empty() && st.targets.empty())
    refuse("the study says nothing that is wanted", "objectives = [\"min area\"], or targets");
  const bool points = std::none_of(st.axes.begin(), st.axes.end(),
                                   [](const study::Axis& axis) { return axis.region; });
  if (points && st.targets.empty()) return search_grid(st, threads, output);
  wanted.targets = st.targets;
  wanted.where = st.where;
  if (!st.objectives.empty()) {
    const auto& column = st.columns[st.objectives[0].column];
    if (column.formula != column.name)
      refuse(fmt::format("\"{}\" is a formula, and a range is searched for a metric", column.name),
             "one of the metrics, or pareto");
    wanted.metric = column.name;
    wanted.maximize = st.objectives[0].maximize;
  }
  const auto searched = study::searched_of(st);
  if (isatty(STDERR_FILENO) != 0) wanted.progress = Percent("parts");
  const auto optimum = study::optimize(st.specs, searched, wanted);
  print(report::optimum_document(st, searched, wanted, optimum, what_if_of(q, st)), output);
  return optimum.found ? 0 : no;
}

}  // namespace tomestimate::cli
