// SPDX-License-Identifier: Apache-2.0
// Files: read whole, replaced in one step, and temporary.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <tomestimate/process/cleanup.hpp>

namespace tomestimate::spec {

// The bytes of a file, of `largest` at most. Throws SpecError.
std::string read_file(const std::string& path, std::uintmax_t largest = 1 << 20);

// Refuses TOML whose keys are nested deeper than any spec needs, before a parser that goes down
// level by level sees it. Throws SpecError with the place in `file`.
void bound_nesting(std::string_view toml, const std::string& file);

// Writes text to what path leads to; links are followed. A regular file is replaced through a
// temporary beside it and a rename, so that a reader never sees half of it, and keeps its mode.
// Devices, pipes, and /dev/stdout and its like are written to as they are. Throws
// std::runtime_error with path and reason; then nothing is left behind.
void write_file(const std::string& path, std::string_view text);

// What write_file would write to.
struct Destination {
  std::string path;        // links followed
  bool through = false;    // a device or pipe
  std::optional<int> own;  // of this program, such as /dev/stdout
};

// Throws std::runtime_error with path and reason if nothing can be written there.
Destination destination(const std::string& path);

// Throws std::runtime_error with path and reason if write_file is bound to fail: for commands that
// compute for long first.
void check_writable(const std::string& path);

// Whether something is at a path, or may be: where that can't be known, whoever opens it says why.
bool may_be_there(const std::filesystem::path& path);

// Throws std::runtime_error, which begins with `named`, if this user may not put a file or folder
// in the place of `path` (links followed), whether it is there or not.
void check_can_be_replaced(const std::string& named, const std::filesystem::path& path);

// Whether what is written to one path would change what the other leads to: links, "..", and hard
// links are followed, and neither file need be there yet. Devices and pipes change nothing.
bool same_file(const std::string& a, const std::string& b);

// Locks an open file for as long as it is open. Who has it locked already, "process 1234", as far
// as this machine's kernel says; nothing if the lock is had, or the file system has no locks.
std::optional<std::string> lock_file(int descriptor);

// A folder of its own for temporary files in TMPDIR (or /tmp), removed with all that is in it: also
// when a signal ends the program, or, if it is killed outright, by the next one to make such a
// folder.
class TemporaryFolder {
 public:
  TemporaryFolder();  // throws std::runtime_error, which names TMPDIR, if there can be none
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  process::RemovedOnSignal folder_;
  int lock_;  // of the folder, for as long as this program lives
};

}  // namespace tomestimate::spec
