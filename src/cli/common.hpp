// SPDX-License-Identifier: Apache-2.0
// What every command shares: options, loading, printing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include <tomestimate/report/figures.hpp>
#include <tomestimate/report/reports.hpp>

namespace tomestimate::cli {

constexpr int no = 1;
constexpr int bad_input = 2;

// Says what went wrong, so that it does nothing to a terminal. Not fmt::print, which throws where
// standard error can't be written.
void complain(const std::string& text);

struct Output {
  report::Format format = report::Format::text;
  std::optional<std::string> file;   // none: standard output
  std::optional<std::string> table;  // none: all
  std::optional<std::string> plot;   // a picture as well
  bool all = false;                  // text too shows everything, where it is brief otherwise

  // The other formats are for programs, which want everything.
  bool brief() const { return format == report::Format::text && !table && !all; }
};

struct Design {
  std::string hardware;
  std::string model;
  std::vector<std::string> sets;
  std::optional<std::string> batch;  // none: as the spec says
  std::optional<std::string> prompt;
  std::optional<std::string> context;
};

// An option that is given or not: also "" and 0 are given.
CLI::Option* add_optional(CLI::App& command, const std::string& flags,
                          std::optional<std::string>& value, const std::string& doc);

// A check that a word is one of these, with the nearest in its message.
CLI::Validator one_of(std::vector<std::string> words);

// All of text as a whole number in digits; nullopt if it is none, or too large.
std::optional<std::uint64_t> parse_digits(std::string_view text);

// Checks for options of whole numbers without limits of their own, and of numbers with limits.
// CLI11 itself would read -1 as 2^64 - 1, too many digits as the largest number, and take NaN for
// any.
CLI::Validator whole_number();
CLI::Validator number_between(double low, double high);

// --format and --table; and, for commands whose document is all they make, -o.
void add_format_options(CLI::App& command, Output& output);
void add_output_options(CLI::App& command, Output& output);
// --plot, for commands whose result is a picture too. `what` is drawn.
void add_plot_option(CLI::App& command, std::optional<std::string>& plot, const std::string& what);
// --all, for commands whose text is brief without it.
void add_all_option(CLI::App& command, Output& output);
// Of a design all but its specs: --batch, --prompt, --context, --set.
void add_workload_options(CLI::App& command, Design& design);
void add_design_options(CLI::App& command, Design& design);
void add_threads_option(CLI::App& command, unsigned& threads, const std::string& what);

// --generate man|spec-man|spec-markdown|bash|zsh|fish, on the whole program. It walks what the App
// has when it is parsed.
void add_generate_option(CLI::App& app);

// Threads of this machine, at least 1.
unsigned all_threads();

// --batch, --prompt and --context as far as given, by name without the dashes.
std::vector<std::pair<std::string, std::string>> workload_of(const Design& design);

// The specs of a design as the files say, and with its overrides. Throw spec::SpecError.
study::Specs load_files(const Design& design);
void apply(const Design& design, study::Specs& specs);

// Both, for a command that writes `output`, which is checked first (files.hpp).
study::Specs load(const Design& design, const Output& output);

// The command of a design, for the foot of what it made: "tomestimate report tom bitnet-2b
// --context 400 (version 0.1.0)". Where it went is left out.
std::string command(const std::string& name, const Design& design);

// Texts of --set, "PATH=VALUE", and an error for each that is none.
struct Sets {
  std::vector<spec::Override> values;
  std::vector<spec::Diagnostic> errors;
};
Sets parse_sets(const std::vector<std::string>& sets);

// What study::cautions says of a design, for commands whose output has no place for it.
void complain_cautions(const study::Specs& specs);

// Text to a file, or to standard output if there is none. Throws std::runtime_error.
void deliver(const std::string& text, const std::optional<std::string>& file);
void print(report::Document document, const Output& output);
// The same, and where --plot asks for one the picture that `figure` makes. Both are made before
// either is written.
void print(report::Document document, const Output& output,
           const std::function<report::Figure()>& figure);

// The file of published figures: as given, or the one here, or the installed one.
std::string find_figures(const std::optional<std::string>& given);

// A sub-command and what runs it, returning the exit code.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};

// The commands on studies: what-if, sweep, merge, compare, solve, pareto, sensitivity, uncertainty,
// parameters.
std::vector<Command> add_study_commands(CLI::App& app);

// The commands explain, quantities and workbook.
std::vector<Command> add_explain_commands(CLI::App& app);

// live: a design as one interactive page.
std::vector<Command> add_live_commands(CLI::App& app);

// report: a design as a folder of figures, tables and pages.
std::vector<Command> add_report_commands(CLI::App& app);

// serve: designs in, metrics out, as JSON lines.
std::vector<Command> add_serve_commands(CLI::App& app);

// The commands on Verilog and its synthesis: rtl, characterize.
std::vector<Command> add_rtl_commands(CLI::App& app);

// rescale: a hardware spec at another node.
std::vector<Command> add_rescale_commands(CLI::App& app);

// The command import.
std::vector<Command> add_import_commands(CLI::App& app);

// run: a model's own numbers, from a checkpoint or synthetic weights.
std::vector<Command> add_run_commands(CLI::App& app);

}  // namespace tomestimate::cli
