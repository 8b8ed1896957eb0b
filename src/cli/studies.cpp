// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <tomestimate/evidence/published.hpp>
#include <tomestimate/process/cleanup.hpp>
#include <tomestimate/report/reports.hpp>
#include <tomestimate/report/rows.hpp>
#include <tomestimate/report/study_figures.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/study/cautions.hpp>

#include "common.hpp"
#include "files.hpp"
#include "optimize.hpp"
#include "percent.hpp"
#include "progress_line.hpp"
#include "quick_study.hpp"
#include "small.hpp"
#include "terminal.hpp"

namespace tomestimate::cli {
namespace {

// What a Ctrl-C sets. Lock-free, so that a signal handler may.
std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);
void interrupt(int) { interrupted = true; }

void say_no_design(const study::SweepResult& result) {
  for (const auto& [reason, count] : result.no_design)
    complain(fmt::format("{} points have no numbers: {}", count, reason));
}

study::Shard parse_shard(const std::string& text) {
  constexpr std::uint64_t most = 1'000'000;
  const auto slash = std::min(text.find('/'), text.size());
  const auto index = parse_digits(text.substr(0, slash));
  const auto count = parse_digits(text.substr(std::min(slash + 1, text.size())));
  if (!index || !count || *index < 1 || *index > *count || *count > most)
    throw CLI::ValidationError("--shard",
                               "expected I/N with I from 1 to N, and N up to a million; "
                               "got \"" +
                                   text + "\"");
  return {*index, *count};
}

study::RowFormat parse_row_format(const std::string& text, const std::string& output) {
  if (text.empty()) return output.ends_with(".npy") ? study::RowFormat::npy : study::RowFormat::csv;
  return text == "npy" ? study::RowFormat::npy : study::RowFormat::csv;
}

study::Isa parse_isa(const std::string& text) {
  if (text == "baseline") return study::Isa::baseline;
  const auto best = study::best_isa();
  const auto wanted = text == "avx2" ? study::Isa::avx2 : study::Isa::avx512;
  if (wanted > best) throw CLI::ValidationError("--isa", "this machine does not have " + text);
  return wanted;
}

void show_rows(const std::string& name, const std::string& csv) {
  constexpr std::size_t most = 500;
  constexpr std::uintmax_t largest = std::uintmax_t{1} << 32;
  print(report::rows_document(name, spec::read_file(csv, largest), most), {});
}

// The file that rows are streamed to, links followed; "" for standard output, which is then what a
// device or pipe is put in the place of.
std::string stream_to(const NamedFiles& inputs, const std::optional<std::string>& output) {
  if (!output) return "";
  check_files(inputs, {{"-o", *output}});
  const auto to = spec::destination(*output);
  if (!to.through) {
    check_files(inputs,
                {{"the .part of -o", to.path + ".part"}, {"the .state of -o", to.path + ".state"}});
    return to.path;
  }
  const int file = to.own ? dup(*to.own) : open(to.path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0 || dup2(file, STDOUT_FILENO) < 0)
    throw std::runtime_error(
        fmt::format("{}: cannot be written: {}", *output, std::strerror(errno)));
  close(file);
  return "";
}

struct SweepArguments {
  QuickStudy study;
  std::optional<std::string> output;
  std::optional<std::string> plot;
  std::string format;
  std::optional<std::string> shard;
  std::string isa;
  bool resume = false;
  unsigned threads = all_threads();
};

// The picture of a sweep, drawn before rows are written: what can't be drawn costs no time.
std::string sweep_picture(const study::Study& st, unsigned threads) {
  if (const auto why = report::no_sweep_figure(st)) throw CLI::ValidationError("--plot", *why);
  return report::draw(
      report::sweep_figure(st, study::spread_points(st, report::most_drawn, threads)));
}

int run_sweep(const SweepArguments& a) {
  study::SweepOptions options;
  options.threads = a.threads;
  options.resume = a.resume;
  options.format = parse_row_format(a.format, a.output.value_or(""));
  if (options.format == study::RowFormat::npy && !a.output)
    throw CLI::ValidationError("--format", "npy goes with -o: its head is written last");
  if (a.shard) options.shard = parse_shard(*a.shard);
  if (!a.isa.empty()) options.isa = parse_isa(a.isa);
  if (a.resume && !a.output)
    throw CLI::ValidationError("--resume", "goes with -o: standard output keeps nothing to resume");
  if (a.shard && a.plot)
    throw CLI::ValidationError("--plot", "draws the whole study, not the points of a shard");
  Output files;
  files.file = a.output;
  files.plot = a.plot;
  const auto st = load_study(a.study, outputs_of(files));
  const auto picture = a.plot ? sweep_picture(st, a.threads) : "";
  auto kept = inputs_of(a.study, st);
  if (a.study.save) kept.push_back({"--save", *a.study.save});  // written by now
  options.output = stream_to(kept, a.output);
  // For eyes a table; a file, a shard and a pipe get CSV.
  const bool shown = !a.output && !a.shard && a.format.empty() && on_terminal();
  std::optional<spec::TemporaryFolder> folder;
  if (shown) options.output = (folder.emplace().path() / "rows.csv").string();
  options.stop = &interrupted;
  process::call_on_signals(interrupt);
  if (isatty(STDERR_FILENO) != 0) options.progress = Percent("points");
  options.recorded = [&st](const study::Space& space) {
    for (const auto& caution : study::cautions(st, space)) complain("CAUTION: " + caution);
  };
  const auto result = study::sweep(st, options);
  say_no_design(result);
  if (!result.complete) {
    complain(fmt::format("tomestimate: stopped after {} points{}", result.points,
                         result.resumable ? "; the same command with --resume goes on" : ""));
    return no;
  }
  if (shown) show_rows(st.name, options.output);
  if (a.plot) spec::write_file(*a.plot, picture);
  if (a.output)
    complain(fmt::format("{} rows of {} points in {}", result.rows, result.points, *a.output));
  return 0;
}

constexpr std::string_view design_form = "[NAME=]HARDWARE,MODEL[,PATH=VALUE...]";

// A design of compare as it is typed: its name, if it has one, and what it is.
struct NamedDesign {
  std::string label;  // "": none
  std::string text;
};

void check_label(const std::string& label, const std::string& text) {
  constexpr std::size_t longest = 24;  // what a picture has room for beside its bars
  const auto bad = [&text](const std::string& why) {
    throw CLI::ValidationError(
        "DESIGN", fmt::format("\"{}\": {}; expected {}", spec::shortened(text), why, design_form));
  };
  if (const auto wrong = spec::first_unprintable(label))
    bad("a name is printable text, and this one has " + wrong->what);
  if (label.find_first_not_of(' ') == std::string::npos) bad("no name before \"=\"");
  if (label.size() > longest)
    bad(fmt::format("a name has {} bytes at most, and this one {}", longest, label.size()));
}

// NAME=HARDWARE,...: a hardware spec that is there may have "=" in its path, and a name has no "/".
NamedDesign split_label(const std::string& text) {
  const auto hardware = text.substr(0, text.find(','));
  const auto equals = hardware.find('=');
  std::error_code ignored;
  if (equals == std::string::npos || hardware.find('/') < equals ||
      std::filesystem::exists(hardware, ignored))
    return {"", text};
  NamedDesign out{text.substr(0, equals), text.substr(equals + 1)};
  check_label(out.label, text);
  return out;
}

// The designs of compare. Each has a column of its own name, or of the letter of its place.
std::vector<NamedDesign> split_labels(const std::vector<std::string>& designs) {
  std::vector<NamedDesign> out;
  std::map<std::string, std::size_t> seen;
  for (const auto& text : designs) {
    const auto place = out.size();
    const auto& label = out.emplace_back(split_label(text)).label;
    const auto heading = report::heading_of(label, place);
    if (const auto [other, is_new] = seen.emplace(heading, place); !is_new)
      throw CLI::ValidationError(
          "DESIGN", fmt::format("\"{}\" is what design {} and design {} are called; a design "
                                "without a name is called by the letter of its place",
                                heading, other->second + 1, place + 1));
  }
  return out;
}

Design parse_design(const std::string& text, const Design& common) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  if (parts.size() < 2)
    throw spec::SpecError(
        {{{"DESIGN", 0, 0},
          fmt::format("expected {}, got \"{}\"", design_form, spec::shortened(text)),
          ""}});
  auto design = common;
  design.hardware = parts[0];
  design.model = parts[1];
  design.sets.insert(design.sets.end(), parts.begin() + 2, parts.end());
  return design;
}

// Works on each design, and throws what is wrong with any of them in one go: errors of what a
// design sets name it, and those of what is set in all are told once.
class DesignErrors {
 public:
  template <class Work>
  void collect(const std::string& design, const Design& common, Work work) try {
    work();
  } catch (const spec::SpecError& e) {
    const auto& found = e.diagnostics();
    if (found[0].place.line != 0) return add_file(found);
    for (auto d : found) {
      constexpr std::string_view flag = "--set ";
      auto& file = d.place.file;
      const bool sets = file.starts_with(flag);
      if (sets && std::ranges::find(common.sets, file.substr(flag.size())) == common.sets.end())
        file = fmt::format("DESIGN {}: {}", spec::shortened(design, 200), file.substr(flag.size()));
      add(std::move(d));
    }
  }

  void throw_all() const {
    if (!all_.empty()) throw spec::SpecError(all_);
  }

 private:
  // Of a file the first: check lists the others.
  void add_file(const std::vector<spec::Diagnostic>& found) {
    auto first = found[0];
    if (found.size() > 1)
      first.hint += fmt::format("{}{} more: tomestimate check {} lists them",
                                first.hint.empty() ? "and " : "; and ", found.size() - 1,
                                spec::shortened(first.place.file, 400));
    add(std::move(first));
  }

  void add(spec::Diagnostic d) {
    const auto is_same = [&d](const spec::Diagnostic& other) {
      return spec::format(other) == spec::format(d);
    };
    if (std::ranges::none_of(all_, is_same)) all_.push_back(std::move(d));
  }

  std::vector<spec::Diagnostic> all_;
};

struct CompareArguments {
  std::vector<std::string> designs;
  Design common;  // is set in all designs, before what each sets itself
  std::optional<std::string> vary;
  std::vector<std::string> metrics;
  std::optional<std::string> published;
};

// Designs over the axis of --vary: each is a study of its own.
int run_curves(const CompareArguments& a, const Output& output) {
  std::vector<report::DesignCurve> curves;
  DesignErrors errors;
  for (const auto& named : split_labels(a.designs))
    errors.collect(named.text, a.common, [&] {
      const auto design = parse_design(named.text, a.common);
      QuickStudy q;
      q.places = {design.hardware, design.model};
      q.vary = {*a.vary};
      q.columns = a.metrics.empty() ? std::vector<std::string>{"throughput"} : a.metrics;
      q.sets = design.sets;
      q.batch = design.batch;
      q.prompt = design.prompt;
      q.context = design.context;
      curves.push_back({named.text, load_study(q, outputs_of(output)), {}, named.label});
    });
  errors.throw_all();
  for (auto& curve : curves) {
    if (curve.study.axes[0].size() > report::most_drawn)
      throw CLI::ValidationError(
          "--vary", fmt::format("compare takes {} values at most", report::most_drawn));
    curve.points = study::spread_points(curve.study, report::most_drawn, 1);
  }
  std::vector<evidence::Comparison> published;
  if (a.published) {
    const auto figures = spec::find_spec(*a.published);
    check_files(inputs_of_published(figures), outputs_of(output));
    published = evidence::compare_published(figures);
  }
  print(report::curves_document(curves), output,
        [&] { return report::curves_figure(curves, published); });
  return 0;
}

int run_compare(const CompareArguments& a, const Output& output) {
  if (a.vary) return run_curves(a, output);
  if (a.published)
    throw CLI::ValidationError("--published", "goes with --vary: figures beside a line");
  std::vector<report::Design> designs;
  DesignErrors errors;
  for (const auto& named : split_labels(a.designs))
    errors.collect(named.text, a.common, [&] {
      designs.push_back(
          {named.text, load(parse_design(named.text, a.common), output), named.label});
    });
  auto drawn = a.metrics;
  for (const auto& metric : drawn)
    errors.collect("", a.common, [&] {
      study::require_metric(metric, {"--metric " + metric, 0, 0});
    });
  errors.throw_all();
  if (drawn.empty()) drawn = study::usual_metrics;
  print(report::compare_document(designs), output,
        [&] { return report::compare_figure(designs, drawn); });
  return 0;
}

struct SolveArguments {
  Optimization search;
  std::optional<std::string> from;
  std::optional<std::string> to;
  bool beyond = false;  // the range that the spec states
};

// An end of the searched range: as given, or of the range that the spec states, or the legal one.
double range_end(const study::Specs& specs, const study::Parameter& p,
                 const std::optional<std::string>& text, const std::string& flag, double legal,
                 const std::optional<double>& stated) {
  if (!text) return stated ? *stated : legal * study::unit_factor(p.unit);
  return study::value_if_set(specs, p.path, *text, {flag + " " + *text, 0, 0});
}

int run_solve(const SolveArguments& a, unsigned threads, const Output& output) {
  const auto& grid = a.search.study;
  if (!is_goal_seek(a.search)) {
    if (a.from || a.to || a.beyond)
      throw CLI::ValidationError(
          a.from || a.to ? "--from" : "--beyond-range",
          "goes with one --target and one PATH; --vary PATH=A..B has a range");
    return run_optimize(a.search, threads, output);
  }
  const auto& parameter = grid.vary[0];
  const auto specs = load(design_of(grid), output);
  const auto p = study::find_parameter(specs, parameter, {"--vary " + parameter, 0, 0});
  if (!p.number)
    throw CLI::ValidationError(
        "--vary", fmt::format("{} is no plain number: try its values with what-if --set", p.path));
  const auto target = study::parse_target(grid.targets[0]);
  const auto range = a.beyond ? std::nullopt : study::stated_range(specs, p.path);
  using End = std::optional<double>;
  const double low = range_end(specs, p, a.from, "--from", p.min, range ? End((*range)[0]) : End());
  const double high = range_end(specs, p, a.to, "--to", p.max, range ? End((*range)[1]) : End());
  if (!(low < high)) throw CLI::ValidationError("--from", "is not below --to");
  const auto solved = study::solve(specs, p.path, low, high, target);
  print(report::solve_document(specs, solved, target), output);
  return solved.solutions.empty() ? no : 0;
}

int run_pareto(const QuickStudy& q, unsigned threads, const Output& output) {
  const auto st = load_study(q, outputs_of(output));
  if (st.objectives.empty())
    throw spec::SpecError({{{q.places[0], 1, 1},
                            "the study has no objectives",
                            q.places.size() == 1 ? "objectives = [\"max throughput\", \"min area\"]"
                                                 : "such as --max throughput --min area"}});
  if (output.plot && st.objectives.size() < 2)
    throw CLI::ValidationError(
        "--plot", "a picture of a front needs two objectives, such as --max throughput --min area");
  study::SweepResult result;
  const study::Space space(st.specs, st.axes, st.formulas());
  const auto front = study::pareto(st, space, threads, result);
  print(report::pareto_document(st, space, front, result), output, [&] {
    constexpr std::uint64_t enough = 3000;  // points to see where the others are
    return report::pareto_figure(st, front, study::spread_points(st, enough, threads));
  });
  return 0;
}

// Whether --given names a metric with its value, or else a published figure.
bool is_value(const std::string& given) {
  return study::split_tolerance(given).first.find_first_of("=<>") != std::string::npos;
}

// A file of figures that none of --given names would not be read.
void check_figures_used(const std::vector<std::string>& given,
                        const std::optional<std::string>& figures) {
  if (figures && std::all_of(given.begin(), given.end(), is_value))
    throw CLI::ValidationError("--published", "goes with --given ID, a figure of that file");
}

// METRIC=VALUE or the id of a published figure.
study::Given given_of(const std::string& text, const std::optional<std::string>& figures,
                      const study::Specs& specs, const Output& output) {
  const auto [figure, tolerance] = study::split_tolerance(text);
  if (is_value(text)) return study::parse_given(text);
  const auto file = find_figures(figures);
  check_files(inputs_of_published(file), outputs_of(output));
  auto given = evidence::given_figure(file, figure, specs);
  if (tolerance) study::set_tolerance(given, *tolerance);
  return given;
}

int run_parameters(const Design& design, bool names, const Output& output) {
  const auto specs = load(design, output);
  if (!names) {
    print(report::parameters_document(specs), output);
    return 0;
  }
  std::string text;
  for (const auto& p : study::parameters(specs)) text += p.path + "\n";
  deliver(text, output.file);
  return 0;
}

}  // namespace

std::vector<Command> add_study_commands(CLI::App& app) {
  // The commands outlive this function with their arguments.
  const auto design = std::make_shared<Design>();
  const auto output = std::make_shared<Output>();
  const auto threads = std::make_shared<unsigned>(all_threads());
  std::vector<Command> commands;

  auto* what_if = app.add_subcommand("what-if", "Every metric before and after --set changes");
  add_design_options(*what_if, *design);
  add_output_options(*what_if, *output);
  add_all_option(*what_if, *output);
  const auto saved = std::make_shared<std::vector<std::string>>();
  what_if
      ->add_option("--save", *saved,
                   "keep the changes as a spec based on this one; twice, first for the hardware, "
                   "where both specs change")
      ->type_name("FILE")
      ->allow_extra_args(false);
  commands.push_back({what_if, [=] {
                        auto written = outputs_of(*output);
                        for (const auto& file : *saved) written.push_back({"--save", file});
                        check_files(inputs_of(*design), written);
                        const auto before = load_files(*design);
                        spec::check_pair(before.hardware.values, before.model.values);
                        auto after = before;
                        apply(*design, after);
                        auto changes = design->sets;
                        for (const auto& [name, value] : workload_of(*design))
                          changes.push_back(fmt::format("workload.{}={}", name, value));
                        if (changes.empty())
                          throw CLI::ValidationError("what-if",
                                                     "nothing changes: give --set PATH=VALUE");
                        save_changes(*design, before, after, *saved);
                        const bool brief = output->brief();
                        print(report::what_if_document(before, after, changes, brief), *output);
                        return report::does_not_fit(after.hardware, after.model) ? no : 0;
                      }});

  const auto sweep_arguments = std::make_shared<SweepArguments>();
  auto* sweep = app.add_subcommand("sweep", "Every point of a study as CSV or .npy, streamed");
  add_study_options(*sweep, sweep_arguments->study);
  add_optional(*sweep, "-o,--output", sweep_arguments->output,
               "write to FILE, complete or not at all")
      ->type_name("FILE");
  sweep->add_option("--format", sweep_arguments->format, "default: npy if FILE ends in .npy")
      ->check(CLI::IsMember({"csv", "npy"}).description(""))
      ->type_name("csv|npy");
  add_plot_option(
      *sweep, sweep_arguments->plot,
      "lines over one axis, or a heat map over two (log axes where values span decades),");
  sweep->add_flag("--resume", sweep_arguments->resume, "go on where a stopped sweep to FILE ended");
  sweep->add_option("--shard", sweep_arguments->shard, "only part I of N, for merge")
      ->type_name("I/N");
  add_threads_option(*sweep, sweep_arguments->threads, "threads");
  sweep->add_option("--isa", sweep_arguments->isa, "instructions to use; same bytes for all")
      ->check(one_of({"baseline", "avx2", "avx512"}))
      ->type_name("baseline|avx2|avx512");
  commands.push_back({sweep, [=] { return run_sweep(*sweep_arguments); }});

  const auto shards = std::make_shared<std::vector<std::string>>();
  const auto merged = std::make_shared<std::string>();
  auto* merge = app.add_subcommand("merge", "Join the files of all shards of a sweep");
  merge->add_option("SHARD", *shards, "files that sweep --shard made")->required();
  merge->add_option("-o,--output", *merged, "write to FILE")->type_name("FILE")->required();
  commands.push_back({merge, [=] {
                        NamedFiles inputs;
                        for (const auto& shard : *shards) inputs.push_back({"SHARD", shard});
                        study::merge(*shards, stream_to(inputs, *merged));
                        return 0;
                      }});

  const auto compared = std::make_shared<CompareArguments>();
  auto* compare = app.add_subcommand("compare", "Designs side by side, also over one spec value");
  compare
      ->add_option("DESIGN", compared->designs,
                   "[NAME=]HARDWARE,MODEL[,PATH=VALUE...]; NAME is what columns and pictures "
                   "call it, in place of A, B, ...")
      ->required();
  add_workload_options(*compare, compared->common);
  add_optional(*compare, "--vary", compared->vary,
               "compare over values of a spec value, as sweep takes them")
      ->type_name("PATH=VALUES");
  compare->add_option("--metric", compared->metrics, "metrics of --plot and of --vary; repeatable")
      ->type_name("METRIC")
      ->allow_extra_args(false);
  add_optional(*compare, "--published", compared->published,
               "published figures (TOML) to draw beside the lines of --vary")
      ->type_name("FIGURES");
  add_output_options(*compare, *output);
  add_plot_option(*compare, output->plot,
                  "bars, or lines over --vary (log axes where values span decades),");
  commands.push_back({compare, [=] { return run_compare(*compared, *output); }});

  const auto solve_arguments = std::make_shared<SolveArguments>();
  auto* solve = app.add_subcommand(
      "solve", "Values of parameters that meet targets, or the best design of their ranges");
  add_optimization_options(*solve, solve_arguments->search);
  add_optional(*solve, "--from", solve_arguments->from,
               "lowest value; default: of the range that the spec states, or the lowest legal one")
      ->type_name("VALUE");
  add_optional(*solve, "--to", solve_arguments->to, "highest value; default: likewise")
      ->type_name("VALUE");
  solve->add_flag("--beyond-range", solve_arguments->beyond,
                  "look at all legal values, not only at the range that the spec states");
  add_output_options(*solve, *output);
  commands.push_back({solve, [=] { return run_solve(*solve_arguments, *threads, *output); }});

  const auto pareto_study = std::make_shared<QuickStudy>();
  auto* pareto = app.add_subcommand("pareto", "Points of a study that no other beats");
  add_study_options(*pareto, *pareto_study);
  add_threads_option(*pareto, *threads, "threads");
  add_output_options(*pareto, *output);
  add_plot_option(*pareto, output->plot,
                  "the front among the other points (log axes where values span decades)");
  commands.push_back({pareto, [=] { return run_pareto(*pareto_study, *threads, *output); }});

  const auto metric = std::make_shared<std::string>("throughput");
  const auto top = std::make_shared<std::size_t>(20);
  auto* sensitivity = app.add_subcommand("sensitivity", "What a metric hangs on, as a tornado");
  add_design_options(*sensitivity, *design);
  sensitivity->add_option("--metric", *metric, "the metric")
      ->capture_default_str()
      ->type_name("METRIC");
  sensitivity->add_option("--top", *top, "rows")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000).description(""))
      ->type_name("N");
  add_output_options(*sensitivity, *output);
  add_plot_option(*sensitivity, output->plot, "the tornado");
  commands.push_back({sensitivity, [=] {
                        const auto specs = load(*design, *output);
                        const auto all = study::sensitivity(specs, *metric);
                        print(report::sensitivity_document(specs, *metric, all, *top), *output,
                              [&] { return report::tornado_figure(specs, *metric, all, *top); });
                        return 0;
                      }});

  const auto metrics = std::make_shared<std::vector<std::string>>(study::usual_metrics);
  const auto options = std::make_shared<study::UncertaintyOptions>();
  const auto monte_carlo = std::make_shared<bool>(false);
  const auto uniform = std::make_shared<bool>(false);
  auto* uncertainty = app.add_subcommand("uncertainty", "What the specs' ranges do to metrics");
  add_design_options(*uncertainty, *design);
  uncertainty->add_option("--metric", *metrics, "metrics; repeatable")
      ->type_name("METRIC")
      ->allow_extra_args(false);
  uncertainty->add_option("--samples", options->samples, "draws")
      ->capture_default_str()
      ->check(CLI::Range(2, 1'000'000))
      ->type_name("N");
  uncertainty->add_option("--seed", options->seed, "seed")
      ->capture_default_str()
      ->check(whole_number())
      ->type_name("N");
  uncertainty->add_flag("--monte-carlo", *monte_carlo, "plain draws, not a Latin hypercube");
  uncertainty->add_flag("--uniform", *uniform, "uniform over a range, not triangular");
  uncertainty->add_flag("--choices", options->choices,
                        "draw also what a designer picks: widths, counts, supply, workload");
  const auto given = std::make_shared<std::vector<std::string>>();
  uncertainty
      ->add_option(
          "--given", *given,
          "a figure that is known, such as power=5.33 or \"area=56.9 mm^2 +- 3 %\" (5 % if "
          "not said), or the id of a published one; repeatable")
      ->type_name("METRIC=VALUE|ID")
      ->allow_extra_args(false);
  const auto figures = std::make_shared<std::optional<std::string>>();
  add_optional(*uncertainty, "--published", *figures,
               "file of the published figures that --given names")
      ->type_name("FILE");
  add_output_options(*uncertainty, *output);
  add_plot_option(*uncertainty, output->plot, "quantiles as bands");
  commands.push_back({uncertainty, [=] {
                        const auto specs = load(*design, *output);
                        if (*monte_carlo) options->sampling = study::Sampling::monte_carlo;
                        if (*uniform) options->spread = study::Spread::uniform;
                        for (const auto& m : *metrics)
                          study::metric_value(specs, m);  // refuses unknown ones
                        check_figures_used(*given, *figures);
                        for (const auto& text : *given)
                          options->given.push_back(given_of(text, *figures, specs, *output));
                        const auto u = [&] {
                          constexpr std::uint64_t many = 200'000;  // take a second
                          ProgressLine line;
                          if (options->samples >= many)
                            line.show(fmt::format("{} draws", options->samples));
                          return study::uncertainty(specs, *metrics, *options);
                        }();
                        print(report::uncertainty_document(specs, u, *options), *output,
                              [&] { return report::uncertainty_figure(specs, u); });
                        return 0;
                      }});

  const auto names = std::make_shared<bool>(false);
  auto* parameters = app.add_subcommand("parameters", "Every spec value by name, unit and range");
  add_design_options(*parameters, *design);
  parameters->add_flag("--names", *names, "only the names, one a line, for completion");
  add_output_options(*parameters, *output);
  commands.push_back({parameters, [=] { return run_parameters(*design, *names, *output); }});
  return commands;
}

}  // namespace tomestimate::cli
