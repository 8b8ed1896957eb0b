// SPDX-License-Identifier: Apache-2.0
// tomestimate: command line. Exit code 0: done; 1: the answer is no (a validation failed, a
// workload doesn't fit, a file can't be written); 2: bad spec or flag.
#include <algorithm>
#include <exception>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include <tomestimate/evidence/check.hpp>
#include <tomestimate/evidence/published.hpp>
#include <tomestimate/process/cleanup.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/units/unit_text.hpp>

#include "common.hpp"
#include "files.hpp"
#include "help.hpp"
#include "run_model.hpp"
#include "small.hpp"
#include "terminal.hpp"

namespace {

using namespace tomestimate;
using namespace tomestimate::cli;

int run_estimate(const Design& design, const Output& output) {
  const auto specs = load(design, output);
  if (!output.brief()) {
    print(report::estimate_document(specs.hardware, specs.model, output.table.value_or("")),
          output);
    return 0;
  }
  auto document = report::estimate_brief(specs.hardware, specs.model);
  document.tables.back().notes.push_back(
      "--all: everything; --table ID: one table of it (tomestimate help estimate names them)");
  print(std::move(document), output);
  return 0;
}

int run_validate(const Design& design, bool small_only, unsigned threads, const Output& output) {
  const auto specs = load(design, output);
  auto graphs = evidence::small_graphs(specs.hardware.values, specs.model.values);
  if (!small_only)
    for (auto& graph : evidence::full_graphs(specs.hardware.values, specs.model.values))
      graphs.push_back(std::move(graph));
  for (const auto& graph : graphs) evidence::check_size(graph);
  std::vector<evidence::Validation> validations;
  for (const auto& graph : graphs) validations.push_back(evidence::validate(graph, threads));
  print(report::validation_document(validations), output);
  for (const auto& v : validations) {
    if (v.passed()) continue;
    const auto& what = v.mismatches.empty()
                           ? "the kernel's two paths differ at " + v.first_difference
                           : fmt::format("{} {}: closed form {}, counted {}", v.mismatches[0].where,
                                         v.mismatches[0].count, v.mismatches[0].closed_form,
                                         v.mismatches[0].counted);
    complain(fmt::format("tomestimate: validation failed: {}: {}", v.graph, what));
    return no;
  }
  return 0;
}

int run_check(const std::vector<std::string>& files) {
  constexpr std::size_t most_shown = 50;
  bool good = true;
  for (const auto& file : files) {
    const auto diagnostics = evidence::check(spec::find_spec(file));
    for (std::size_t i = 0; i < std::min(most_shown, diagnostics.size()); ++i)
      complain(spec::format(diagnostics[i]));
    if (diagnostics.size() > most_shown)
      complain(fmt::format("{}: and {} errors more", file, diagnostics.size() - most_shown));
    if (diagnostics.empty()) deliver(spec::visible(file) + ": ok\n", std::nullopt);
    good = good && diagnostics.empty();
  }
  return good ? 0 : bad_input;
}

struct PublishedArguments {
  std::optional<std::string> figures;
  bool leave_one_out = false;
  bool implies = false;
};

int run_published(const PublishedArguments& a, const Output& output) {
  const auto figures = find_figures(a.figures);
  check_files(inputs_of_published(figures), outputs_of(output));
  if (a.leave_one_out)
    print(report::leave_one_out_document(evidence::leave_one_out(figures)), output);
  else if (a.implies)
    print(report::implied_document(evidence::implied(figures)), output);
  else
    print(report::published_document(evidence::compare_published(figures)), output);
  return 0;
}

// What is most likely meant by a word that is no command, or an option that a command doesn't have.
std::string hint(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  std::vector<std::string> known;
  std::string word = argc > 1 ? argv[1] : "";
  const auto commands = app.get_subcommands();  // those that were given
  if (commands.empty()) {
    for (const auto* command : app.get_subcommands({})) known.push_back(command->get_name());
    if (word.empty() || word[0] == '-') return "";
    const auto near = units::nearest(word, known);
    return fmt::format("no command \"{}\"{}\n", spec::shortened(word),
                       near ? fmt::format(" (did you mean \"{}\"?)", *near) : "");
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) return "";
  for (int i = 2; i < argc; ++i) {
    word = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
    if (!word.starts_with("--") || commands[0]->get_option_no_throw(word) != nullptr) continue;
    for (const auto* option : commands[0]->get_options())
      for (const auto& name : option->get_lnames()) known.push_back("--" + name);
    const auto near = units::nearest(word, known);
    return near ? fmt::format("no option \"{}\" (did you mean \"{}\"?)\n", spec::shortened(word),
                              *near)
                : "";
  }
  return "";
}

// Prints help, or what is wrong with a command line.
int say(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == 0) {
    std::ostringstream out;
    const int code = app.exit(error, out, out);
    deliver(fitted(out.str(), STDOUT_FILENO), std::nullopt);
    return code;
  }
  const auto better = hint(app, error, argc, argv);
  complain((better.empty() ? spec::shortened(error.what(), 1000) + "\n" : better) +
           "Run with --help for more information.");
  return bad_input;
}

int run(int argc, char** argv) {
  CLI::App app{"Performance, power and area of ROM-based ternary LLM chips, in closed form."};
  app.name("tomestimate");
  app.set_version_flag("-V,--version", TOMESTIMATE_VERSION);
  app.require_subcommand(1);
  app.footer(
      "`tomestimate help COMMAND` is COMMAND --help; `tomestimate help glossary` explains the "
      "words.\n"
      "Exit code: 0 done, 1 the answer is no, 2 bad spec or flag. See README.md.");

  Design design;
  Output output;
  auto* estimate = app.add_subcommand("estimate", "Estimate a design and say what binds it");
  add_design_options(*estimate, design);
  add_output_options(*estimate, output);
  add_all_option(*estimate, output);
  // Named in help, and so in completions.
  estimate->get_option("--table")->type_name(
      fmt::format("{}", fmt::join(report::estimate_tables, "|")));

  bool small_only = false;
  unsigned threads = all_threads();
  auto* validate =
      app.add_subcommand("validate", "Compare every closed-form count with the bit-exact kernel's");
  add_design_options(*validate, design);
  validate->add_flag("--small", small_only, "only the small graphs, not the full-size model");
  add_threads_option(*validate, threads, "threads of the kernel");
  add_output_options(*validate, output);
  DataArguments data;
  auto* from_data =
      validate
          ->add_option("--data", data.source,
                       "instead: averages of closed forms beside the data of a checkpoint (or of a "
                       "model spec with drawn weights), and the energy with either")
          ->type_name("CHECKPOINT");
  auto* tokens = validate->add_option("--tokens", data.tokens, "the prompt that --data runs")
                     ->type_name("LIST")
                     ->needs(from_data);
  from_data->needs(tokens);
  validate->add_option("--arithmetic", data.arithmetic, "of --data, as for run")
      ->capture_default_str()
      ->check(CLI::IsMember({"int8", "fp8"}).description(""))
      ->type_name("int8|fp8")
      ->needs(from_data);
  validate->add_option("--save", data.save, "write MODEL with the zero shares of --data, as a spec")
      ->type_name("FILE")
      ->needs(from_data)
      ->expected(1);
  validate->get_option("--small")->excludes(from_data);
  // Not after minutes in the kernel.
  validate->get_option("--table")->check(
      one_of({"validation", "mismatches", "averages", "data-energy"}));

  PublishedArguments figures;
  auto* published = app.add_subcommand("published", "Set published figures beside the estimate");
  add_optional(*published, "FIGURES", figures.figures,
               "published figures (TOML); default: specs/published.toml here, or else the "
               "installed ones");
  auto* leave_one_out =
      published->add_flag("--leave-one-out", figures.leave_one_out,
                          "fit calibrated values without each of their figures, and predict it");
  published
      ->add_flag("--implies", figures.implies,
                 "what each figure, taken as given, says of each value that has a range")
      ->excludes(leave_one_out);
  add_output_options(*published, output);

  std::vector<std::string> files;
  auto* check =
      app.add_subcommand("check", "Report every error of specs, studies and published figures");
  check->add_option("SPEC", files, "files (TOML)")->required();

  std::vector<Command> commands;
  for (const auto add :
       {add_study_commands, add_explain_commands, add_report_commands, add_live_commands,
        add_import_commands, add_run_commands, add_rtl_commands, add_serve_commands,
        add_rescale_commands, add_small_commands, add_help_command})
    for (auto& command : add(app)) commands.push_back(std::move(command));
  add_generate_option(app);
  // A flag is there or not: --all=-1 is neither.
  for (auto* command : app.get_subcommands({}))
    for (auto* option : command->get_options())
      if (option->get_expected_max() == 0) option->disable_flag_override();

  try {
    app.parse(argc, argv);
    for (const auto& command : commands)
      if (*command.app) return command.run();
    if (*estimate) return run_estimate(design, output);
    if (*from_data) return run_data(design, data, threads, output);
    if (*validate) return run_validate(design, small_only, threads, output);
    if (*published) return run_published(figures, output);
    return run_check(files);
  } catch (const CLI::ParseError& e) {
    return say(app, e, argc, argv);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  process::clean_up_on_signals();
  return run(argc, argv);
} catch (const tomestimate::spec::SpecError& e) {
  complain(e.what());
  return bad_input;
} catch (const std::exception& e) {
  complain(fmt::format("tomestimate: error: {}", e.what()));
  return no;
}
