// SPDX-License-Identifier: Apache-2.0
// Specs that start from another one: new, and what what-if saves.
#include "small.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include <tomestimate/spec/changes.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/small.hpp>
#include <tomestimate/spec/text.hpp>

#include "files.hpp"
#include "quick_study.hpp"

namespace tomestimate::cli {
namespace {

namespace fs = std::filesystem;

// How a spec written to `file` names the spec `name`: a file from there, an installed one by name.
// Throws spec::SpecError if its path is no text for a spec.
std::string base_from(const std::string& name, const std::string& file) {
  std::error_code ignored;
  if (!fs::exists(name, ignored) || fs::is_directory(name, ignored)) return name;
  const auto folder = fs::absolute(file).lexically_normal().parent_path();
  auto path = fs::absolute(name).lexically_normal().lexically_relative(folder).string();
  if (const auto bad = spec::first_unprintable(path))
    throw spec::SpecError({{{name, 0, 0},
                            fmt::format("a spec can't name a path with {}", bad->what),
                            "rename the file or its folder"}});
  return path;
}

bool changed(const std::vector<spec::Sourced>& values) {
  return std::any_of(values.begin(), values.end(), spec::was_set);
}

struct NewArguments {
  std::string kind;
  std::string base;
  std::string model = "bitnet-2b";
  std::string output;
};

std::string study_template(const NewArguments& a) {
  const auto hardware = base_from(a.base, a.output), model = base_from(a.model, a.output);
  return fmt::format(
      R"(# A study: what varies, and what to compute. Run it by: tomestimate sweep FILE

kind = "study"
name = "My study"
hardware = {}  # a file beside this one
model = {}
# set = {{ "workload.context" = 512 }}  # for all points
columns = ["throughput", "power", "area"]  # metrics; see estimate --table summary
# A formula, with its unit: {{ name = "per_W", formula = "throughput / power", unit = "token/s/W" }}
# where = "power < 4[W]"
# order = "throughput desc"
# limit = 10
objectives = ["max throughput", "min area"]  # for tomestimate pareto

# Axes are crossed; the last moves fastest.
[[vary]]
path = "base.lanes"
values = [8, 16, 32]

[[vary]]
path = "chip.clock"
range = {{ from = "400 MHz", to = "600 MHz", points = 3 }}  # or step = "50 MHz"
# log = {{ from = "100 MHz", to = "1 GHz", points = 5 }}
)",
      study_string(hardware), study_string(model));
}

int run_new(NewArguments a) {
  if (a.base.empty()) a.base = a.kind == "model" ? "bitnet-2b" : "tom";
  std::error_code ignored;
  if (fs::exists(a.output, ignored))
    throw CLI::ValidationError("-o", a.output + " is there already");
  const auto base = spec::find_spec(a.base);
  check_files({}, {{"-o", a.output}});  // no input, as it is not there yet
  std::string text;
  if (a.kind == "study") {
    // A study finds its specs by path only, a spec its base by name too.
    a.base = base;
    a.model = spec::find_spec(a.model);
    text = study_template(a);
  } else if (a.kind == "model") {
    text = spec::template_toml(spec::load_model(base), base_from(a.base, a.output));
  } else {
    text = spec::template_toml(spec::load_hardware(base), base_from(a.base, a.output));
  }
  spec::write_file(a.output, text);
  complain(fmt::format("{}: a {} that starts from {}; tomestimate check {} reports its errors",
                       a.output, a.kind, a.base, a.output));
  return 0;
}

}  // namespace

void save_changes(const Design& design, const study::Specs& before, const study::Specs& after,
                  const std::vector<std::string>& files) {
  if (files.empty()) return;
  const bool hardware = changed(after.hardware.sourced), model = changed(after.model.sourced);
  const auto wanted = static_cast<std::size_t>(hardware) + static_cast<std::size_t>(model);
  if (files.size() != wanted)
    throw CLI::ValidationError(
        "--save", wanted == 2 ? "values of both specs change: give it twice, first for the hardware"
                              : "values of one spec change: give it once");
  std::size_t next = 0;
  std::vector<std::pair<std::string, std::string>> made;  // all read back before one is written
  const auto make = [&](const std::string& base, const auto& was, const auto& is,
                        const auto& parse) {
    const auto& file = files[next++];
    made.emplace_back(file, spec::small_toml(was, is, base_from(base, file)));
    parse(made.back().second, file);
  };
  if (hardware) make(design.hardware, before.hardware, after.hardware, spec::parse_hardware);
  if (model) make(design.model, before.model, after.model, spec::parse_model);
  for (const auto& [file, text] : made) spec::write_file(file, text);
}

std::vector<Command> add_small_commands(CLI::App& app) {
  const auto arguments = std::make_shared<NewArguments>();
  auto* command = app.add_subcommand("new", "A commented spec or study to start from");
  command->add_option("KIND", arguments->kind, "hardware, model or study")
      ->required()
      ->check(CLI::IsMember({"hardware", "model", "study"}).description(""));
  command
      ->add_option("--from", arguments->base,
                   "the spec it starts from; default: tom, or bitnet-2b for a model")
      ->type_name("SPEC");
  command->add_option("--model", arguments->model, "the model of a study")
      ->capture_default_str()
      ->type_name("SPEC");
  command->add_option("-o,--output", arguments->output, "write to FILE, which must not be there")
      ->required()
      ->type_name("FILE");
  return {{command, [=] { return run_new(*arguments); }}};
}

}  // namespace tomestimate::cli
