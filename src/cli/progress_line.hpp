// SPDX-License-Identifier: Apache-2.0
// How far a long computation is, on one line of standard error.
#pragma once

#include <string>

namespace tomestimate::cli {

// Only where standard error is a terminal; gone when this is.
class ProgressLine {
 public:
  ProgressLine() = default;
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();
  void show(const std::string& text);

 private:
  bool shown_ = false;
};

}  // namespace tomestimate::cli
