// tomestimate: command line. Exit code 0: done; 1: the answer is no (a validation failed, a workload
// doesn't fit, a file can't be written); 2: bad spec or flag.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <tomestimate/report/reports.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/study/published.hpp>
#include <tomestimate/study/validate.hpp>

namespace {

using namespace tomestimate;

constexpr int no = 1;
constexpr int bad_input = 2;

// Says what went wrong. Not fmt::print, which throws where standard error can't be written.
void complain(const std::string& text) { std::fputs((text + "\n").c_str(), stderr); }

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

void add_output_options(CLI::App& command, Output& output) {
  static const std::map<std::string, report::Format> formats{
      {"text", report::Format::text},
      {"csv", report::Format::csv},
      {"markdown", report::Format::markdown},
      {"json", report::Format::json}};
  command.add_option("--format", output.format, "text, csv, markdown or json")
      ->transform(CLI::CheckedTransformer(formats, CLI::ignore_case).description(""))
      ->type_name("FORMAT");
  command.add_option("-o,--output", output.file, "write to FILE, replaced in one step")
      ->type_name("FILE");
  command.add_option("--table", output.table, "only the table with this id")->type_name("ID");
}

void add_design_options(CLI::App& command, Design& design) {
  command.add_option("HARDWARE", design.hardware, "hardware spec (TOML)")->required();
  command.add_option("MODEL", design.model, "model spec (TOML)")->required();
  command.add_option("--batch", design.batch, "sequences decoded together")->type_name("N");
  command.add_option("--prompt", design.prompt, "tokens of the prompt, for TTFT")->type_name("N");
  command.add_option("--context", design.context, "positions a decoded token attends to")
      ->type_name("N");
  command
      .add_option("--set", design.sets, "override a spec value, such as lanes.count=32; repeatable")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
}

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

void print(report::Document document, const Output& output) {
  keep_table(document, output.table);
  const auto text = report::render(document, output.format);
  if (!output.file.empty()) return spec::write_file(output.file, text);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw std::runtime_error("cannot write to standard output");
}

struct Specs {
  report::HardwareSpec hardware;
  report::ModelSpec model;
};

void set_workload(Specs& specs, const char* flag, const char* path, double value) {
  if (value != 0)
    spec::override_value(specs.hardware, specs.model, path, fmt::format("{}", value),
                         {flag, 1, 1});
}

Specs load(const Design& design) {
  Specs specs{spec::load_hardware(design.hardware), spec::load_model(design.model)};
  set_workload(specs, "--batch", "workload.batch", design.batch);
  set_workload(specs, "--prompt", "workload.prompt", design.prompt);
  set_workload(specs, "--context", "workload.context", design.context);
  for (const auto& set : design.sets) {
    const auto equals = set.find('=');
    if (equals == std::string::npos)
      throw CLI::ValidationError("--set", "expected PATH=VALUE, got \"" + set + "\"");
    spec::override_value(specs.hardware, specs.model, set.substr(0, equals),
                         set.substr(equals + 1), {"--set " + set, 1, 1});
  }
  spec::check_pair(specs.hardware.values, specs.model.values);
  return specs;
}

int run_estimate(const Design& design, const Output& output) {
  const auto specs = load(design);
  print(report::estimate_document(specs.hardware, specs.model), output);
  return 0;
}

int run_validate(const Design& design, bool small_only, unsigned threads, const Output& output) {
  const auto specs = load(design);
  auto graphs = study::small_graphs(specs.hardware.values, specs.model.values);
  if (!small_only)
    for (auto& graph : study::full_graphs(specs.hardware.values, specs.model.values))
      graphs.push_back(std::move(graph));
  std::vector<study::Validation> validations;
  for (const auto& graph : graphs)
    validations.push_back(study::validate(graph, threads));
  print(report::validation_document(validations), output);
  for (const auto& v : validations) {
    if (v.passed()) continue;
    const auto& what = v.mismatches.empty()
                           ? "the kernel's two paths differ at " + v.first_difference
                           : fmt::format("{} {}: closed form {}, counted {}",
                                         v.mismatches[0].where, v.mismatches[0].count,
                                         v.mismatches[0].closed_form, v.mismatches[0].counted);
    complain(fmt::format("tomestimate: validation failed: {}: {}", v.graph, what));
    return no;
  }
  return 0;
}

int run_check(const std::vector<std::string>& files) {
  bool good = true;
  for (const auto& file : files) {
    const auto diagnostics = spec::check(file);
    for (const auto& d : diagnostics) complain(spec::format(d));
    if (diagnostics.empty()) fmt::print("{}: ok\n", file);
    good = good && diagnostics.empty();
  }
  return good ? 0 : bad_input;
}

int run(int argc, char** argv) {
  CLI::App app{"Performance, power and area of ROM-based ternary LLM chips, in closed form."};
  app.name("tomestimate");
  app.set_version_flag("--version", TOMESTIMATE_VERSION);
  app.require_subcommand(1);
  app.footer("Exit code: 0 done, 1 the answer is no, 2 bad spec or flag. See README.md.");

  Design design;
  Output output;
  auto* estimate = app.add_subcommand("estimate", "Estimate a design and say what binds it");
  add_design_options(*estimate, design);
  add_output_options(*estimate, output);

  bool small_only = false;
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  auto* validate = app.add_subcommand(
      "validate", "Compare every closed-form count with the bit-exact kernel's");
  add_design_options(*validate, design);
  validate->add_flag("--small", small_only, "only the small graphs, not the full-size model");
  validate->add_option("--threads", threads, "threads of the kernel")
      ->check(CLI::Range(1u, 1024u))
      ->type_name("N");
  add_output_options(*validate, output);

  std::string figures = "specs/published.toml";
  auto* published = app.add_subcommand("published", "Set published figures beside the estimate");
  published->add_option("FIGURES", figures, "published figures (TOML)")->capture_default_str();
  add_output_options(*published, output);

  std::vector<std::string> files;
  auto* check = app.add_subcommand("check", "Report every error of hardware or model specs");
  check->add_option("SPEC", files, "specs (TOML)")->required();

  try {
    app.parse(argc, argv);
    if (*estimate) return run_estimate(design, output);
    if (*validate) return run_validate(design, small_only, threads, output);
    if (*published) {
      print(report::published_document(study::compare_published(figures)), output);
      return 0;
    }
    return run_check(files);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : bad_input;
  }
}

}  // namespace

int main(int argc, char** argv) try {
  return run(argc, argv);
} catch (const tomestimate::spec::SpecError& e) {
  complain(e.what());
  return bad_input;
} catch (const std::exception& e) {
  complain(fmt::format("tomestimate: error: {}", e.what()));
  return no;
}
