// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "common.hpp"
#include "files.hpp"

#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/rescale.hpp>
#include <tomestimate/spec/write.hpp>

namespace tomestimate::cli {
namespace {

struct Rescale {
  std::string hardware, node, factors;
  std::optional<std::string> file;
};

// The factors beside the hardware spec, or else the installed ones.
std::string factors_file(const Rescale& a) {
  if (!a.factors.empty()) return a.factors;
  const auto beside = std::filesystem::path(spec::find_spec(a.hardware)).parent_path() /
                      "technology/node-factors.toml";
  if (spec::may_be_there(beside)) return beside.string();
  return spec::installed_spec("technology/node-factors.toml").value_or(beside.string());
}

int run_rescale(const Rescale& a) {
  const auto path = spec::find_spec(a.hardware);
  NamedFiles outputs;
  if (a.file) outputs.push_back({"-o", *a.file});
  auto inputs = inputs_of_spec("HARDWARE", a.hardware);
  inputs.push_back({"--factors", factors_file(a)});
  check_files(inputs, outputs);
  const auto out = spec::rescale(spec::load_hardware(path), a.node, factors_file(a));
  deliver(spec::to_toml(out.hardware,
                        fmt::format("{} by tomestimate rescale --node \"{}\".", path, a.node)),
          a.file);
  for (const auto& caution : out.cautions) complain("CAUTION: " + caution);
  return 0;
}

}  // namespace

std::vector<Command> add_rescale_commands(CLI::App& app) {
  auto a = std::make_shared<Rescale>();
  auto* rescale = app.add_subcommand(
      "rescale", "carry a hardware spec to another technology node by factors with sources");
  rescale->add_option("HARDWARE", a->hardware, "hardware spec")->required();
  rescale->add_option("--node", a->node, "node to go to: 5, 7, 12, 16, 22, 28, 40 or 65 nm")
      ->required()
      ->type_name("LENGTH");
  rescale
      ->add_option("--factors", a->factors,
                   "file of factors (TOML); default: technology/node-factors.toml beside HARDWARE")
      ->type_name("FILE");
  add_optional(*rescale, "-o,--output", a->file, "hardware spec to write; default: standard output")
      ->type_name("SPEC");
  return {{rescale, [a] { return run_rescale(*a); }}};
}

}  // namespace tomestimate::cli
