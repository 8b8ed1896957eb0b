// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/folder.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>

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
  auto path = fs::weakly_canonical(folder);
  return path.has_filename() ? path : path.parent_path();
}

std::string reason(int error) { return std::strerror(error); }

// A folder beside `target` that is gone unless it was moved into place.
class Draft {
 public:
  explicit Draft(const fs::path& target) {
    auto name = target.string() + ".XXXXXX";
    if (mkdtemp(name.data()) == nullptr)
      throw std::runtime_error("cannot create a folder beside it: " + reason(errno));
    path_ = name;
    // mkdtemp makes the folder private; a report gets the mode any other new folder would.
    const auto mask = umask(0);
    umask(mask);
    fs::permissions(path_, static_cast<fs::perms>(0777 & ~mask));
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  const fs::path& path() const { return path_; }

  // In place of nothing, of an empty folder, or of a report, which is what this draft then removes.
  void move_to(const fs::path& target) {
    if (std::rename(path_.c_str(), target.c_str()) == 0) return;
    if (errno != ENOTEMPTY && errno != EEXIST)
      throw std::runtime_error("cannot move it into place: " + reason(errno));
    if (renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return;
    if (errno != EINVAL && errno != ENOSYS)
      throw std::runtime_error("cannot move it into place: " + reason(errno));
    // A file system that can't swap: for a moment there is no folder, but never half a report.
    Draft old(target);
    if (std::rename(target.c_str(), old.path_.c_str()) != 0)
      throw std::runtime_error("cannot move the old report away: " + reason(errno));
    if (std::rename(path_.c_str(), target.c_str()) == 0) return;
    const int error = errno;
    std::string kept;
    if (std::rename(old.path_.c_str(), target.c_str()) != 0) {
      kept = "; the old report is in " + old.path_.string();
      old.path_.clear();
    }
    throw std::runtime_error("cannot move it into place: " + reason(error) + kept);
  }

 private:
  fs::path path_;
};

// Holds Ctrl-C back until the draft is in place or gone.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t set;
    sigemptyset(&set);
    for (const int s : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, s);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

void check_report_folder(const std::string& folder) {
  const auto status = fs::status(folder);
  if (!fs::exists(status)) return;
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
  const SignalsHeld held;
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
