// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <fmt/format.h>

#include <tomestimate/page/live.hpp>
#include <tomestimate/spec/file.hpp>

#include "common.hpp"
#include "files.hpp"

namespace tomestimate::cli {
namespace {

struct LiveArguments {
  Design design;
  std::string file;
};

// Numbers of a design that does not fit are shown all the same, but the answer is no.
int run_live(const LiveArguments& a) {
  auto inputs = inputs_of(a.design);
  check_files(inputs, {{"-o", a.file}});
  const auto specs = load(a.design, {});
  spec::write_file(a.file, page::live_page(specs, command("live", a.design)));
  complain_cautions(specs);
  const auto misfit = report::does_not_fit(specs.hardware, specs.model);
  if (misfit)
    complain(fmt::format("CAUTION: as made, {} shows no design that works: {}", a.file, *misfit));
  return misfit ? no : 0;
}

}  // namespace

std::vector<Command> add_live_commands(CLI::App& app) {
  const auto arguments = std::make_shared<LiveArguments>();
  auto* live = app.add_subcommand(
      "live", "One HTML page that answers to sliders and fields, in a browser, without a network");
  add_design_options(*live, arguments->design);
  live->add_option("-o,--output", arguments->file, "write to FILE (HTML), replaced in one step")
      ->type_name("FILE")
      ->required();
  return {{live, [=] { return run_live(*arguments); }}};
}

}  // namespace tomestimate::cli
