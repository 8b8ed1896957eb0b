// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/folder.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tomestimate/process/cleanup.hpp>
#include <tomestimate/spec/file.hpp>

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

// The folder itself: links followed, no "/." at its end.
fs::path real_path(const std::string& folder) {
  auto path = fs::weakly_canonical(fs::absolute(folder));
  return path.has_filename() ? path : path.parent_path();
}

std::string reason(int error) { return std::strerror(error); }

// A folder beside `target` that is gone unless it was moved into place.
class Draft {
 public:
  explicit Draft(const fs::path& target) : folder_([&target] { return made(target); }) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    std::error_code ignored;
    if (!kept_) fs::remove_all(path(), ignored);
  }

  const fs::path& path() const { return folder_.path(); }

  // In place of nothing, of an empty folder, or of a report, which is what this draft then removes.
  void move_to(const fs::path& target) {
    if (std::rename(path().c_str(), target.c_str()) == 0) return;
    if (errno != ENOTEMPTY && errno != EEXIST)
      throw std::runtime_error("cannot move it into place: " + reason(errno));
    if (renameat2(AT_FDCWD, path().c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return;
    if (errno != EINVAL && errno != ENOSYS)
      throw std::runtime_error("cannot move it into place: " + reason(errno));
    swap_with(target);
  }

 private:
  static fs::path made(const fs::path& target) {
    auto name = target.string() + ".XXXXXX";
    if (mkdtemp(name.data()) == nullptr)
      throw std::runtime_error("cannot create a folder beside it: " + reason(errno));
    // mkdtemp makes the folder private; a report gets the mode any other new folder would.
    const auto mask = umask(0);
    umask(mask);
    fs::permissions(name, static_cast<fs::perms>(0777 & ~mask));
    return name;
  }

  // On a file system that can't: for a moment there is no folder, but never half a report.
  void swap_with(const fs::path& target) {
    Draft old(target);
    const auto held = process::hold_signals();
    if (std::rename(target.c_str(), old.path().c_str()) != 0)
      throw std::runtime_error("cannot move the old report away: " + reason(errno));
    if (std::rename(path().c_str(), target.c_str()) == 0) return;
    const int error = errno;
    old.kept_ = std::rename(old.path().c_str(), target.c_str()) != 0;
    throw std::runtime_error("cannot move it into place: " + reason(error) +
                             (old.kept_ ? "; the old report is in " + old.path().string() : ""));
  }

  process::RemovedOnSignal folder_;
  bool kept_ = false;
};

}  // namespace

void check_report_folder(const std::string& folder) {
  const auto status = fs::status(folder);
  if (!fs::exists(status)) {
    const auto beside = real_path(folder).parent_path();
    if (access(beside.c_str(), W_OK | X_OK) != 0)
      throw std::runtime_error(
          fmt::format("{}: cannot be made in {}: {}", folder, beside.string(), reason(errno)));
    return;
  }
  if (!fs::is_directory(status))
    throw std::runtime_error(
        fmt::format("{}: is not a folder (hint: give -o a new folder)", folder));
  const auto foreign = foreign_entry(folder);
  if (!foreign.empty())
    throw std::runtime_error(fmt::format(
        "{}: holds \"{}\", which no report makes, so nothing was written (hint: give -o a "
        "new or empty folder, or one that holds only a report)",
        folder, foreign));
}

void write_report_folder(const std::string& folder, const Files& files) try {
  const auto target = real_path(folder);
  Draft draft(target);
  for (const auto& [name, contents] : files) {
    const auto path = draft.path() / name;
    fs::create_directories(path.parent_path());
    spec::write_file(path.string(), contents);
  }
  // Again, as late as can be: someone may have put a file there meanwhile.
  check_report_folder(target.string());
  draft.move_to(target);
} catch (const fs::filesystem_error& e) {
  throw std::runtime_error(fmt::format("{}: {}", folder, e.code().message()));
} catch (const std::runtime_error& e) {
  const std::string what = e.what();
  throw std::runtime_error(what.starts_with(folder) ? what : fmt::format("{}: {}", folder, what));
}

}  // namespace tomestimate::report
