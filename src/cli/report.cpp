// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include <tomestimate/evidence/published.hpp>
#include <tomestimate/page/live.hpp>
#include <tomestimate/report/folder.hpp>

#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>

#include "common.hpp"
#include "files.hpp"

namespace tomestimate::cli {
namespace {

struct ReportArguments {
  Design design;
  std::string folder;
  std::optional<std::string> published;
  bool live = false;
};

// The file of published figures: as given, or the one beside the hardware spec if there is one.
std::optional<std::string> figures_of(const ReportArguments& a) {
  if (a.published) return spec::find_spec(*a.published);
  const auto beside =
      std::filesystem::path(spec::find_spec(a.design.hardware)).parent_path() / "published.toml";
  return spec::may_be_there(beside) ? std::optional(beside.string()) : std::nullopt;
}

int run_report(const ReportArguments& a) {
  const auto figures = figures_of(a);
  auto inputs = inputs_of(a.design);
  if (figures)
    for (auto& input : inputs_of_published(*figures)) inputs.push_back(std::move(input));
  check_folder(inputs, {"-o", a.folder});
  const auto specs = load(a.design, {});
  report::check_report_folder(a.folder);
  const auto published =
      figures ? evidence::compare_published(*figures) : std::vector<evidence::Comparison>{};
  auto files =
      report::design_report(specs.hardware, specs.model, published, command("report", a.design));
  if (a.live) files["live.html"] = page::live_page(specs, command("live", a.design));
  report::write_report_folder(a.folder, files);
  complain(fmt::format("{} files in {}", files.size(), a.folder));
  return 0;
}

}  // namespace

std::vector<Command> add_report_commands(CLI::App& app) {
  const auto arguments = std::make_shared<ReportArguments>();
  auto* report =
      app.add_subcommand("report", "A folder with Markdown, HTML, figures and tables of a design");
  add_design_options(*report, arguments->design);
  report
      ->add_option("-o,--output", arguments->folder, "write to the folder DIR, whole or not at all")
      ->type_name("DIR")
      ->required();
  add_optional(*report, "--published", arguments->published,
               "published figures (TOML); default: published.toml beside HARDWARE, if there")
      ->type_name("FIGURES");
  report->add_flag("--live", arguments->live,
                   "also live.html, the page that answers to its inputs");
  return {{report, [=] { return run_report(*arguments); }}};
}

}  // namespace tomestimate::cli
