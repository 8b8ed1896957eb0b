// What every command shares: options, loading, printing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <tomestimate/report/reports.hpp>

namespace tomestimate::cli {

constexpr int no = 1;
constexpr int bad_input = 2;

// Says what went wrong. Not fmt::print, which throws where standard error can't be written.
void complain(const std::string& text);

struct Output {
  report::Format format = report::Format::text;
  std::string file;   // "" for standard output
  std::string table;  // "" for all
};

struct Design {
  std::string hardware;
  std::string model;
  std::vector<std::string> sets;
  double batch = 0;  // 0: as the spec says
  double prompt = 0;
  double context = 0;
};

// --format and --table; and, for commands whose document is all they make, -o.
void add_format_options(CLI::App& command, Output& output);
void add_output_options(CLI::App& command, Output& output);
void add_design_options(CLI::App& command, Design& design);
void add_threads_option(CLI::App& command, unsigned& threads, const std::string& what);

// Threads of this machine, at least 1.
unsigned all_threads();

// The specs of a design as the files say, and with its overrides. Throw spec::SpecError.
study::Specs load_files(const Design& design);
void apply(const Design& design, study::Specs& specs);
study::Specs load(const Design& design);

// One override, "PATH=VALUE".
void apply_set(const std::string& set, study::Specs& specs);

void print(report::Document document, const Output& output);

// A sub-command and what runs it, returning the exit code.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};

// The commands on studies: what-if, sweep, merge, compare, solve, pareto, sensitivity, uncertainty,
// parameters.
std::vector<Command> add_study_commands(CLI::App& app);

// The command import.
std::vector<Command> add_import_commands(CLI::App& app);

}  // namespace tomestimate::cli
