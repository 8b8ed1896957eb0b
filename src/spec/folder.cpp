// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/folder.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tomestimate/spec/file.hpp>

namespace tomestimate::spec {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, std::string_view what, int error) {
  throw std::runtime_error(fmt::format("{}: {}: {}", path, what, std::strerror(error)));
}

// The folder itself: links followed, no "/." at its end.
fs::path real_folder(const std::string& folder) try {
  auto path = fs::weakly_canonical(fs::absolute(folder));
  return path.has_filename() ? path : path.parent_path();
} catch (const fs::filesystem_error& e) {
  throw std::runtime_error(fmt::format("{}: cannot be made: {}", folder, e.code().message()));
}

fs::path made(const fs::path& target) {
  auto name = target.string() + ".XXXXXX";
  if (mkdtemp(name.data()) == nullptr)
    fail(target.string(), "cannot make a folder beside it", errno);
  // mkdtemp makes the folder private; it gets the mode any other new folder would.
  const auto mask = umask(0);
  umask(mask);
  fs::permissions(name, static_cast<fs::perms>(0777 & ~mask));
  return name;
}

// What is replaced has to be emptied.
void check_can_be_emptied(const std::string& named, const fs::path& folder) {
  if (access(folder.c_str(), R_OK | W_OK | X_OK) != 0)
    fail(named, fmt::format("{} cannot be replaced", folder.string()), errno);
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.symlink_status().type() == fs::file_type::directory)
      check_can_be_emptied(named, entry.path());
}

}  // namespace

void check_folder_writable(const std::string& folder) {
  const auto target = real_folder(folder);
  std::error_code ignored;
  const auto status = fs::status(target, ignored);
  if (fs::exists(status) && !fs::is_directory(status))
    throw std::runtime_error(folder + ": is not a folder (hint: give a new folder)");
  check_can_be_replaced(folder, target);
  if (fs::is_directory(status)) check_can_be_emptied(folder, target);
}

DraftFolder::DraftFolder(const std::string& folder)
    : target_(real_folder(folder)), draft_([this] { return made(target_); }) {}

DraftFolder::~DraftFolder() {
  std::error_code ignored;
  if (!kept_) fs::remove_all(path(), ignored);
}

void DraftFolder::put_in_place() {
  if (std::rename(path().c_str(), target_.c_str()) == 0) return;
  if (errno != ENOTEMPTY && errno != EEXIST)
    fail(target_.string(), "cannot move it into place", errno);
  if (renameat2(AT_FDCWD, path().c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0) return;
  if (errno != EINVAL && errno != ENOSYS)
    fail(target_.string(), "cannot move it into place", errno);
  swap();
}

// On a file system that can't exchange: for a moment there is no folder, but never half of one.
void DraftFolder::swap() {
  DraftFolder old(target_.string());
  const auto held = process::hold_signals();
  if (std::rename(target_.c_str(), old.path().c_str()) != 0)
    fail(target_.string(), "cannot move the old folder away", errno);
  if (std::rename(path().c_str(), target_.c_str()) == 0) return;
  const int error = errno;
  old.kept_ = std::rename(old.path().c_str(), target_.c_str()) != 0;
  throw std::runtime_error(
      fmt::format("{}: cannot move it into place: {}{}", target_.string(), std::strerror(error),
                  old.kept_ ? "; the old folder is in " + old.path().string() : ""));
}

}  // namespace tomestimate::spec
