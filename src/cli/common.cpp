// SPDX-License-Identifier: Apache-2.0
#include "common.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/units/unit_text.hpp>

#include "terminal.hpp"

namespace tomestimate::cli {
namespace {

void keep_table(report::Document& document, const std::string& id) {
  if (id.empty()) return;
  const auto wanted = [&id](const report::Table& t) { return t.id == id; };
  if (std::none_of(document.tables.begin(), document.tables.end(), wanted)) {
    std::string known;
    for (const auto& table : document.tables) known += " " + table.id;
    throw CLI::ValidationError("--table", fmt::format("no table \"{}\"; there are:{}", id, known));
  }
  std::erase_if(document.tables, [&](const auto& t) { return !wanted(t); });
}

void set_workload(study::Specs& specs, const char* flag, const char* path, double value) {
  if (value != 0)
    spec::override_value(specs.hardware, specs.model, path, fmt::format("{}", value), {flag, 1, 1});
}

}  // namespace

void complain(const std::string& text) { std::fputs((text + "\n").c_str(), stderr); }

void add_format_options(CLI::App& command, Output& output) {
  static const std::map<std::string, report::Format> formats{{"text", report::Format::text},
                                                             {"csv", report::Format::csv},
                                                             {"markdown", report::Format::markdown},
                                                             {"json", report::Format::json}};
  command.add_option("--format", output.format, "format of the tables")
      ->transform(CLI::CheckedTransformer(formats, CLI::ignore_case).description(""))
      ->type_name("text|csv|markdown|json");
  command.add_option("--table", output.table, "only the table with this id")->type_name("ID");
}

void add_output_options(CLI::App& command, Output& output) {
  add_format_options(command, output);
  command.add_option("-o,--output", output.file, "write to FILE, replaced in one step")
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
  command.add_option("--batch", design.batch, "sequences decoded together")->type_name("N");
  command.add_option("--prompt", design.prompt, "tokens of the prompt, for TTFT")->type_name("N");
  command.add_option("--context", design.context, "positions a decoded token attends to")
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

void deliver(const std::string& text, const std::string& file) {
  if (!file.empty()) return spec::write_file(file, text);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw std::runtime_error("cannot write to standard output");
}

void print(report::Document document, const Output& output) {
  keep_table(document, output.table);
  const auto style = output.file.empty() ? terminal_style() : report::TextStyle{};
  deliver(report::render(document, output.format, style), output.file);
}

void apply_set(const std::string& set, study::Specs& specs) {
  const auto equals = set.find('=');
  if (equals == std::string::npos)
    throw CLI::ValidationError("--set", "expected PATH=VALUE, got \"" + set + "\"");
  spec::override_value(specs.hardware, specs.model, set.substr(0, equals), set.substr(equals + 1),
                       {"--set " + set, 1, 1});
}

study::Specs load_files(const Design& design) {
  return {spec::load_hardware(spec::find_spec(design.hardware)),
          spec::load_model(spec::find_spec(design.model))};
}

void apply(const Design& design, study::Specs& specs) {
  set_workload(specs, "--batch", "workload.batch", design.batch);
  set_workload(specs, "--prompt", "workload.prompt", design.prompt);
  set_workload(specs, "--context", "workload.context", design.context);
  for (const auto& set : design.sets) apply_set(set, specs);
  spec::check_pair(specs.hardware.values, specs.model.values);
}

study::Specs load(const Design& design) {
  auto specs = load_files(design);
  apply(design, specs);
  return specs;
}

}  // namespace tomestimate::cli
