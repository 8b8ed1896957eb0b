// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include <tomestimate/study/sweep.hpp>

namespace tomestimate::study {

// Adds a chunk's points to a result, those without numbers by reason.
inline void count_status(const Space& space, const Space::Chunk& chunk, SweepResult& result) {
  result.points += chunk.status.size();
  std::array<std::uint64_t, 256> counts{};  // by status: no text is looked up for each point
  for (const auto s : chunk.status) ++counts[s];
  for (std::size_t s = 1; s < counts.size(); ++s)
    if (counts[s] != 0) result.no_design[space.reason(static_cast<std::uint8_t>(s))] += counts[s];
}

}  // namespace tomestimate::study
