// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include <tomestimate/evidence/published.hpp>
#include <tomestimate/page/live.hpp>
#include <tomestimate/report/folder.hpp>

#include "common.hpp"

namespace tomestimate::cli {
namespace {

struct ReportArguments {
  Design design;
  std::string folder;
  std::string published;
  bool live = false;
};

// Published figures: as given, or those beside the hardware spec if there are any.
std::vector<evidence::Comparison> published_figures(const ReportArguments& a) {
  if (!a.published.empty()) return evidence::compare_published(a.published);
  const auto beside =
      std::filesystem::path(find_spec(a.design.hardware)).parent_path() / "published.toml";
  if (!std::filesystem::exists(beside)) return {};
  return evidence::compare_published(beside.string());
}

int run_report(const ReportArguments& a) {
  if (a.folder.empty()) throw CLI::ValidationError("--output", "names no folder");
  const auto specs = load(a.design);
  report::check_report_folder(a.folder);
  auto files = report::design_report(specs.hardware, specs.model, published_figures(a),
                                     command("report", a.design));
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
  report
      ->add_option("--published", arguments->published,
                   "published figures (TOML); default: published.toml beside HARDWARE, if there")
      ->type_name("FIGURES");
  report->add_flag("--live", arguments->live,
                   "also live.html, the page that answers to its inputs");
  return {{report, [=] { return run_report(*arguments); }}};
}

}  // namespace tomestimate::cli
