// SPDX-License-Identifier: Apache-2.0
#include "common.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/study/cautions.hpp>
#include <tomestimate/units/unit_text.hpp>

#include "files.hpp"
#include "terminal.hpp"

namespace tomestimate::cli {
namespace {

void keep_table(report::Document& document, const std::string& id) {
  const auto wanted = [&id](const report::Table& t) { return t.id == id; };
  if (std::none_of(document.tables.begin(), document.tables.end(), wanted)) {
    std::string known;
    for (const auto& table : document.tables) known += " " + table.id;
    throw CLI::ValidationError(
        "--table", fmt::format("no table \"{}\"; there are:{}", spec::shortened(id), known));
  }
  std::erase_if(document.tables, [&](const auto& t) { return !wanted(t); });
}

}  // namespace

void complain(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out += spec::visible(line) + "\n";
  std::fputs(fitted(out, STDERR_FILENO).c_str(), stderr);
}

CLI::Option* add_optional(CLI::App& command, const std::string& flags,
                          std::optional<std::string>& value, const std::string& doc) {
  return command.add_option_function<std::string>(
      flags, [&value](const std::string& text) { value = text; }, doc);
}

CLI::Validator one_of(std::vector<std::string> words) {
  return CLI::Validator(
      [words](std::string& text) {
        if (std::find(words.begin(), words.end(), text) != words.end()) return std::string();
        const auto near = units::nearest(text, words);
        return fmt::format("\"{}\" is not one of {}{}", spec::shortened(text),
                           fmt::join(words, ", "),
                           near ? fmt::format(" (did you mean \"{}\"?)", *near) : "");
      },
      "");
}

std::optional<std::uint64_t> parse_digits(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

CLI::Validator whole_number() {
  return CLI::Validator(
      [](const std::string& text) {
        return parse_digits(text) ? std::string()
                                  : fmt::format("expected a whole number of 0 or more, got \"{}\"",
                                                spec::shortened(text));
      },
      "");
}

CLI::Validator number_between(double low, double high) {
  return CLI::Validator(
      [low, high](const std::string& text) {
        double number = 0;
        const auto* end = text.data() + text.size();
        const auto [last, error] = std::from_chars(text.data(), end, number);
        const bool good = error == std::errc{} && last == end && number >= low && number <= high;
        return good ? std::string()
                    : fmt::format("expected a number from {} to {}, got \"{}\"", low, high,
                                  spec::shortened(text));
      },
      "");
}

void add_format_options(CLI::App& command, Output& output) {
  static const std::map<std::string, report::Format> formats{{"text", report::Format::text},
                                                             {"csv", report::Format::csv},
                                                             {"markdown", report::Format::markdown},
                                                             {"json", report::Format::json}};
  command
      .add_option_function<std::string>(
          "--format", [&output](const std::string& name) { output.format = formats.at(name); },
          "format of the tables")
      ->check(one_of({"text", "csv", "markdown", "json"}))
      ->type_name("text|csv|markdown|json");
  add_optional(command, "--table", output.table, "only the table with this id")->type_name("ID");
}

void add_output_options(CLI::App& command, Output& output) {
  add_format_options(command, output);
  add_optional(command, "-o,--output", output.file, "write to FILE, replaced in one step")
      ->type_name("FILE");
}

void add_all_option(CLI::App& command, Output& output) {
  command.add_flag("--all", output.all, "everything, as formats other than text have it");
}

void add_design_options(CLI::App& command, Design& design) {
  command.add_option("HARDWARE", design.hardware, "hardware spec (TOML)")->required();
  command.add_option("MODEL", design.model, "model spec (TOML)")->required();
  add_workload_options(command, design);
}

void add_workload_options(CLI::App& command, Design& design) {
  add_optional(command, "--batch", design.batch, "sequences decoded together")->type_name("N");
  add_optional(command, "--prompt", design.prompt, "tokens of the prompt, for TTFT")
      ->type_name("N");
  add_optional(command, "--context", design.context, "positions a decoded token attends to")
      ->type_name("N");
  command
      .add_option("--set", design.sets, "override a spec value, such as base.lanes=32; repeatable")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
}

unsigned all_threads() { return std::max(1u, std::thread::hardware_concurrency()); }

void add_threads_option(CLI::App& command, unsigned& threads, const std::string& what) {
  command.add_option("--threads", threads, what)->check(CLI::Range(1u, 1024u))->type_name("N");
}

void deliver(const std::string& text, const std::optional<std::string>& file) {
  if (file) return spec::write_file(*file, text);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw std::runtime_error(
        fmt::format("cannot write to standard output: {}", std::strerror(errno)));
}

void print(report::Document document, const Output& output) {
  if (output.table) keep_table(document, *output.table);
  const auto style = output.file ? report::TextStyle{} : terminal_style();
  deliver(report::render(document, output.format, style), output.file);
}

void print(report::Document document, const Output& output,
           const std::function<report::Figure()>& figure) {
  if (!output.plot) return print(std::move(document), output);
  const auto svg = report::draw(figure());
  print(std::move(document), output);
  spec::write_file(*output.plot, svg);
}

void add_plot_option(CLI::App& command, std::optional<std::string>& plot, const std::string& what) {
  add_optional(command, "--plot", plot, "draw " + what + " as FILE.svg, by gnuplot")
      ->type_name("FILE")
      ->check(CLI::Validator(
          [](const std::string& file) {
            return file.ends_with(".svg") || file.starts_with("/dev/")
                       ? ""
                       : "a picture is an SVG: its name ends in .svg, not \"" +
                             spec::shortened(file) + "\"";
          },
          ""));
}

Sets parse_sets(const std::vector<std::string>& sets) {
  Sets out;
  for (const auto& set : sets) {
    const spec::Place place{"--set " + set, 0, 0};
    const auto equals = set.find('=');
    if (equals == std::string::npos)
      out.errors.push_back({place, "expected PATH=VALUE", "such as --set base.lanes=32"});
    else
      out.values.push_back({set.substr(0, equals), set.substr(equals + 1), place});
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> workload_of(const Design& design) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, value] : {std::pair{"batch", &design.batch},
                                    {"prompt", &design.prompt},
                                    {"context", &design.context}})
    if (*value) out.emplace_back(name, **value);
  return out;
}

study::Specs load_files(const Design& design) {
  return {spec::load_hardware(spec::find_spec(design.hardware)),
          spec::load_model(spec::find_spec(design.model))};
}

void apply(const Design& design, study::Specs& specs) {
  auto sets = parse_sets(design.sets);
  std::vector<spec::Override> all;
  for (const auto& [name, value] : workload_of(design))
    all.push_back({"workload." + name, value, {fmt::format("--{} {}", name, value), 0, 0}});
  all.insert(all.end(), sets.values.begin(), sets.values.end());
  try {
    spec::override_values(specs.hardware, specs.model, std::move(all));
  } catch (const spec::SpecError& e) {
    sets.errors.insert(sets.errors.end(), e.diagnostics().begin(), e.diagnostics().end());
  }
  if (!sets.errors.empty()) throw spec::SpecError(std::move(sets.errors));
  spec::check_pair(specs.hardware.values, specs.model.values);
}

std::string command(const std::string& name, const Design& design) {
  auto text = fmt::format("tomestimate {} {} {}", name, design.hardware, design.model);
  for (const auto& [flag, value] : workload_of(design))
    text += fmt::format(" --{} {}", flag, value);
  for (const auto& set : design.sets) text += " --set " + set;
  return fmt::format("{} (version {})", text, TOMESTIMATE_VERSION);
}

study::Specs load(const Design& design, const Output& output) {
  // Finding a spec's files reads them once more: not where nothing is written.
  if (const auto outputs = outputs_of(output); !outputs.empty())
    check_files(inputs_of(design), outputs);
  auto specs = load_files(design);
  apply(design, specs);
  return specs;
}

std::string find_figures(const std::optional<std::string>& given) {
  const std::string here = "specs/published.toml";
  if (given) return spec::find_spec(*given);
  return spec::may_be_there(here) ? here : spec::installed_spec("published").value_or(here);
}

void complain_cautions(const study::Specs& specs) {
  for (const auto& caution : study::cautions(specs)) complain("CAUTION: " + caution);
}

}  // namespace tomestimate::cli
