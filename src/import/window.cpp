// SPDX-License-Identifier: Apache-2.0
#include "window.hpp"

#include <algorithm>

namespace tomestimate::importer {

std::optional<std::uint64_t> full_every(const std::vector<bool>& has_window) {
  const auto first = std::ranges::find(has_window, false);
  if (first == has_window.end()) return 0;
  const auto period = static_cast<std::uint64_t>(first - has_window.begin()) + 1;
  for (std::uint64_t i = 0; i < has_window.size(); ++i)
    if (has_window[i] != ((i + 1) % period != 0)) return std::nullopt;
  return period;
}

}  // namespace tomestimate::importer
