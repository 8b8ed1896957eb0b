// SPDX-License-Identifier: Apache-2.0
#include "optimize.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <unistd.h>

#include <tomestimate/report/optimum.hpp>
#include <tomestimate/study/cautions.hpp>

#include "percent.hpp"

namespace tomestimate::cli {
namespace {

// What sizes a chip, where --vary does not say what may be chosen.
const std::vector<std::string> sizing{"base.lanes", "base.per_lane", "chip.clock"};

// "PATH=A..B" of a "PATH": the range that the spec states, or else from a quarter of the present
// value to four times that.
std::string with_range(const study::Specs& specs, const std::string& path) {
  const auto p = study::find_parameter(specs, path, {"--vary " + path, 0, 0});
  if (!p.number)
    throw CLI::ValidationError(
        "--vary",
        fmt::format("{} is no plain number: say which values, {}=A,B,...", p.path, p.path));
  const double unit = study::unit_factor(p.unit);
  const auto stated = study::stated_range(specs, p.path);
  double low = stated ? (*stated)[0] : std::max(p.value / 4, p.min * unit);
  double high = stated ? (*stated)[1] : std::min(p.value * 4, p.max * unit);
  if (p.whole) {
    low = std::ceil(low / unit - 1e-9) * unit;
    high = std::floor(high / unit + 1e-9) * unit;
  }
  if (!(low < high))
    throw CLI::ValidationError(
        "--vary", fmt::format("{} is {:.6g} and its spec states no range: say one, {}=A..B", p.path,
                              p.value / unit, p.path));
  return fmt::format("{}={}..{}{}{}", p.path, study::in_display_unit(p, low),
                     study::in_display_unit(p, high), p.unit.empty() ? "" : " ", p.unit);
}

// The axes of the study as what may be chosen; `region` says which are regions, told by their ends.
std::vector<study::Searched> searched_of(const study::Study& st, const std::vector<bool>& region) {
  std::vector<study::Searched> out;
  for (std::size_t a = 0; a < st.axes.size(); ++a) {
    const auto& v = st.axes[a].members[0];
    study::Searched s;
    s.parameter = v.parameter;
    const double unit = study::unit_factor(v.parameter.unit);
    if (!v.is_number())
      for (std::uint64_t i = 0; i < v.size(); ++i) s.texts.push_back(v.text(i));
    else
      for (std::uint64_t i = 0; i < v.size(); ++i) s.values.push_back(v.number(i) * unit);
    std::sort(s.values.begin(), s.values.end());
    s.values.erase(std::unique(s.values.begin(), s.values.end()), s.values.end());
    if (!s.values.empty()) {
      s.low = s.values.front();
      s.high = s.values.back();
    }
    if (region[a]) {
      if (!v.is_number())
        throw CLI::ValidationError(
            "--vary", fmt::format("{} is no plain number: say which values, {}=A,B,...",
                                  v.parameter.path, v.parameter.path));
      s.values.clear();
    }
    out.push_back(std::move(s));
  }
  return out;
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
  command
      .add_option("--vary", o.study.vary,
                  "what may be chosen: PATH (the range that the spec states, or a quarter of to "
                  "four times the present value), PATH=A..B, or values as sweep takes them; "
                  "repeatable; default: base.lanes, base.per_lane and chip.clock")
      ->type_name("PATH")
      ->allow_extra_args(false);
  add_search_options(command, o.study);
  command
      .add_option("--target", o.targets,
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
  return o.targets.size() == 1 && s.vary.size() == 1 && s.vary[0].find('=') == std::string::npos &&
         !s.where && s.columns.empty() && !s.save && s.maximize.empty() && s.minimize.empty();
}

bool is_grid(const Optimization& o) {
  const auto& s = o.study;
  return o.targets.empty() && !s.vary.empty() && s.maximize.size() + s.minimize.size() == 1 &&
         std::none_of(s.vary.begin(), s.vary.end(), is_region);
}

int run_optimize(const Design& design, Optimization o, const Output& output) {
  auto& q = o.study;
  const auto goals = q.maximize.size() + q.minimize.size();
  if (goals > 1)
    throw CLI::ValidationError("--min", "one of --min and --max; several goals are for pareto");
  if (goals == 0 && o.targets.empty())
    throw CLI::ValidationError("--target",
                               "what is wanted? Say a --target, or --min or --max with a metric");
  if (q.save)
    throw CLI::ValidationError("--save",
                               "a study has grids: give all --vary as PATH=A,B,C or PATH=A..B/N");
  study::Wanted wanted;
  wanted.tolerance = tolerance_of(o.tolerance);
  wanted.boxes = o.effort;
  for (const auto& t : o.targets) wanted.targets.push_back(study::parse_target(t));
  wanted.where = q.where.value_or("");
  wanted.maximize = !q.maximize.empty();
  if (goals == 1) wanted.metric = wanted.maximize ? q.maximize[0] : q.minimize[0];

  const auto specs = load(design, output);
  if (q.vary.empty()) q.vary = sizing;
  std::vector<bool> region;
  for (auto& vary : q.vary) {
    region.push_back(is_region(vary));
    if (vary.find('=') == std::string::npos) vary = with_range(specs, vary);
    if (region.back()) vary += "/2";  // its ends
  }
  q.places = {design.hardware, design.model};
  q.sets = design.sets;
  q.batch = design.batch;
  q.prompt = design.prompt;
  q.context = design.context;
  for (const auto& t : wanted.targets)
    if (!q.columns.empty() &&
        std::find(q.columns.begin(), q.columns.end(), t.metric) == q.columns.end())
      q.columns.push_back(t.metric);
  const auto st = load_study(q, outputs_of(output));
  const auto searched = searched_of(st, region);
  if (isatty(STDERR_FILENO) != 0) wanted.progress = Percent("parts");
  const auto optimum = study::optimize(st.specs, searched, wanted);
  auto shows = fmt::format("tomestimate what-if {} {}", design.hardware, design.model);
  for (const auto& [flag, value] : workload_of(design))
    shows += fmt::format(" --{} {}", flag, value);
  for (const auto& set : design.sets) shows += fmt::format(" --set \"{}\"", set);
  print(report::optimum_document(st, searched, wanted, optimum, shows), output);
  return optimum.found ? 0 : no;
}

}  // namespace tomestimate::cli
