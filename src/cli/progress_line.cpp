// SPDX-License-Identifier: Apache-2.0
#include "progress_line.hpp"

#include <cstdio>

#include <unistd.h>

namespace tomestimate::cli {

ProgressLine::~ProgressLine() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void ProgressLine::show(const std::string& text) {
  if (isatty(STDERR_FILENO) == 0) return;
  shown_ = true;
  std::fputs(("\r\033[K" + text).c_str(), stderr);
}

}  // namespace tomestimate::cli
