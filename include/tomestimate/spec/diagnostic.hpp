// SPDX-License-Identifier: Apache-2.0
// Errors in specs: what is wrong, where, and what to do about it.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace tomestimate::spec {

struct Place {
  std::string file;
  std::uint32_t line = 1;  // from 1; 0 for what has no lines: a flag, two specs together
  std::uint32_t column = 1;
  std::optional<std::uint64_t> byte =
      std::nullopt;  // of a binary file, in place of line and column
};

struct Diagnostic {
  Place place;
  std::string message;
  std::string hint;  // "" if there is none
};

// "file:line:column: error: message (hint)", or "file:byte N: error: ..." of a binary file, or
// "--set lanes.count=0: error: ...". On one line, printable, and of bounded length.
std::string format(const Diagnostic& diagnostic);

// One or more errors of one spec. what() is the first of a file and how many more there are, or
// those of a command line, one a line.
class SpecError : public std::runtime_error {
 public:
  explicit SpecError(std::vector<Diagnostic> all);
  const std::vector<Diagnostic>& diagnostics() const { return all_; }

 private:
  std::vector<Diagnostic> all_;
};

}  // namespace tomestimate::spec
