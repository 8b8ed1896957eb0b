// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/folder.hpp>

#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>

#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/folder.hpp>

namespace tomestimate::report {
namespace {

namespace fs = std::filesystem;

// What is in the way, or "": a report has these files and folders, and nothing else.
std::string foreign_entry(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    const bool kept_file = name == "report.md" || name == "report.html" || name == "live.html" ||
                           name == "workbook.xlsx";
    const bool kept_folder = name == "figures" || name == "tables";
    if (kept_file && entry.symlink_status().type() == fs::file_type::regular) continue;
    if (!kept_folder || entry.symlink_status().type() != fs::file_type::directory) return name;
    for (const auto& file : fs::directory_iterator(entry.path()))
      if (file.symlink_status().type() != fs::file_type::regular ||
          file.path().extension() != (name == "figures" ? ".svg" : ".csv"))
        return name + "/" + file.path().filename().string();
  }
  return "";
}

}  // namespace

void check_report_folder(const std::string& folder) {
  spec::check_folder_writable(folder);
  if (!fs::exists(folder)) return;
  const auto foreign = foreign_entry(folder);
  if (!foreign.empty())
    throw std::runtime_error(fmt::format(
        "{}: holds \"{}\", which no report makes, so nothing was written (hint: give -o a "
        "new or empty folder, or one that holds only a report)",
        folder, foreign));
}

void write_report_folder(const std::string& folder, const Files& files) try {
  spec::DraftFolder draft(folder);
  for (const auto& [name, contents] : files) {
    const auto path = draft.path() / name;
    fs::create_directories(path.parent_path());
    spec::write_file(path.string(), contents);
  }
  // Again, as late as can be: someone may have put a file there meanwhile.
  check_report_folder(draft.target().string());
  draft.put_in_place();
} catch (const fs::filesystem_error& e) {
  throw std::runtime_error(fmt::format("{}: {}", folder, e.code().message()));
} catch (const std::runtime_error& e) {
  const std::string what = e.what();
  throw std::runtime_error(what.starts_with(folder) ? what : fmt::format("{}: {}", folder, what));
}

}  // namespace tomestimate::report
