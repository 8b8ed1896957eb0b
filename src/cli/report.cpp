// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include <tomestimate/evidence/published.hpp>
#include <tomestimate/report/folder.hpp>

#include <tomestimate/spec/find.hpp>

#include "common.hpp"

namespace tomestimate::cli {
namespace {

struct ReportArguments {
  Design design;
  std::string folder;
  std::string published;
};

// Published figures: as given, or those beside the hardware spec if there are any.
std::vector<evidence::Comparison> published_figures(const ReportArguments& a) {
  if (!a.published.empty()) return evidence::compare_published(a.published);
  const auto beside =
      std::filesystem::path(spec::find_spec(a.design.hardware)).parent_path() / "published.toml";
  if (!std::filesystem::exists(beside)) return {};
  return evidence::compare_published(beside.string());
}

// The command, for the foot of the report; the folder it went to is left out.
std::string command(const Design& design) {
  auto text = fmt::format("tomestimate report {} {}", design.hardware, design.model);
  for (const auto& [flag, value] : {std::pair{"--batch", design.batch},
                                    {"--prompt", design.prompt},
                                    {"--context", design.context}})
    if (value != 0) text += fmt::format(" {} {}", flag, value);
  for (const auto& set : design.sets) text += " --set " + set;
  return fmt::format("{} (version {})", text, TOMESTIMATE_VERSION);
}

int run_report(const ReportArguments& a) {
  if (a.folder.empty()) throw CLI::ValidationError("--output", "names no folder");
  const auto specs = load(a.design);
  report::check_report_folder(a.folder);
  const auto files =
      report::design_report(specs.hardware, specs.model, published_figures(a), command(a.design));
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
  return {{report, [=] { return run_report(*arguments); }}};
}

}  // namespace tomestimate::cli
