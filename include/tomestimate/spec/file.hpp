// SPDX-License-Identifier: Apache-2.0
// Files: read whole, replaced in one step, and temporary.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace tomestimate::spec {

// The bytes of a file, of `largest` at most. Throws SpecError.
std::string read_file(const std::string& path, std::uintmax_t largest = 1 << 20);

// Refuses TOML whose keys are nested deeper than any spec needs, before a parser that goes down
// level by level sees it. Throws SpecError with the place in `file`.
void bound_nesting(std::string_view toml, const std::string& file);

// Writes text to path through a temporary in the same folder and a rename, so that a reader never
// sees half a file. Throws std::runtime_error with path and reason; then nothing is left behind.
void write_file(const std::string& path, std::string_view text);

// A folder of its own for temporary files, removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();  // throws std::runtime_error if there can be none
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace tomestimate::spec
