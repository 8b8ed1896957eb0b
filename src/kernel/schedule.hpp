// SPDX-License-Identifier: Apache-2.0
// The ops of a layer started one by one, as their operands and their class allow.
#pragma once

#include <array>

#include "machine.hpp"

namespace tomestimate::kernel {

// When each op of a layer starts and ends, and how long each class is busy.
struct Timeline {
  std::array<Count, spec::layer_op_count> start{}, end{};
  std::array<Count, 3> load{};  // base, side, vector
  Count path() const { return end[static_cast<std::size_t>(spec::Op::ffn_residual)]; }
};

Timeline walk_graph(const spec::Mapping& map, bool space,
                    const std::array<OpCounts, spec::layer_op_count>& ops);

}  // namespace tomestimate::kernel
