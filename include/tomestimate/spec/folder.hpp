// SPDX-License-Identifier: Apache-2.0
// Folders that appear whole or not at all.
#pragma once

#include <filesystem>
#include <string>

#include <tomestimate/process/cleanup.hpp>

namespace tomestimate::spec {

// Throws std::runtime_error with path and reason if DraftFolder is bound to fail: what is there is
// no folder, or it cannot be made, replaced, or emptied by this user.
void check_folder_writable(const std::string& folder);

// A folder beside the wanted one, which it takes the place of in one step; gone, with all that is
// in it, unless it does, also if a signal ends the program.
class DraftFolder {
 public:
  // Links are followed. Throws std::runtime_error with path and reason, as all of these do.
  explicit DraftFolder(const std::string& folder);
  DraftFolder(const DraftFolder&) = delete;
  DraftFolder& operator=(const DraftFolder&) = delete;
  ~DraftFolder();

  const std::filesystem::path& path() const { return draft_.path(); }
  // The wanted one.
  const std::filesystem::path& target() const { return target_; }

  // In place of nothing, of an empty folder, or of a folder with files, which is then removed:
  // whoever calls it has looked at what they are.
  void put_in_place();

 private:
  void swap();

  std::filesystem::path target_;
  process::RemovedOnSignal draft_;
  bool kept_ = false;
};

}  // namespace tomestimate::spec
