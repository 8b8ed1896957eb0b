// SPDX-License-Identifier: Apache-2.0
// Layers whose tokens attend to a window of positions.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace tomestimate::importer {

struct Window {
  std::uint64_t positions = 0;   // 0: all
  std::uint64_t full_every = 0;  // every n-th layer attends to all nevertheless; 0: none does
};

// The n of layers of which every n-th has no window: 0 if all have one, 1 if none has. Nothing if
// they follow no such period.
std::optional<std::uint64_t> full_every(const std::vector<bool>& has_window);

}  // namespace tomestimate::importer
