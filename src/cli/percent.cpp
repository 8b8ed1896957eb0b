// SPDX-License-Identifier: Apache-2.0
#include "percent.hpp"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace tomestimate::cli {

void Percent::operator()(std::uint64_t done, std::uint64_t total) {
  const auto percent =
      static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total));
  if (percent == shown_) return;
  shown_ = percent;
  const bool color = std::getenv("NO_COLOR") == nullptr;
  std::fputs(fmt::format("\r{}{:3d} %{} of {} {}", color ? "\033[1m" : "", percent,
                         color ? "\033[0m" : "", total, what_)
                 .c_str(),
             stderr);
  if (done == total) std::fputs("\n", stderr);
}

}  // namespace tomestimate::cli
