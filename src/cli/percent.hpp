// SPDX-License-Identifier: Apache-2.0
// Percent done, on one line of standard error.
#pragma once

#include <cstdint>
#include <string>

namespace tomestimate::cli {

// For a terminal. Writes at most once for each percent.
class Percent {
 public:
  explicit Percent(std::string what) : what_(std::move(what)) {}  // "points"
  void operator()(std::uint64_t done, std::uint64_t total);

 private:
  std::string what_;
  int shown_ = -1;
};

}  // namespace tomestimate::cli
