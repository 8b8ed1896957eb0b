// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <tomestimate/study/sweep.hpp>

#include "rows.hpp"

namespace tomestimate::study {

std::vector<Found> spread_points(const Study& study, std::uint64_t most, unsigned threads) {
  const Space space(study.specs, study.axes, study.formulas());
  const Rows rows(study, space, RowFormat::csv);
  std::vector<Found> found;
  const auto keep = [&](std::uint64_t first, const Space::Chunk& chunk) {
    for (std::size_t i = 0; i < chunk.status.size(); ++i) {
      if (chunk.status[i] != 0 || !rows.wanted(chunk, i)) continue;
      found.push_back({first + i, {}});
      for (std::size_t c = 0; c < study.columns.size(); ++c)
        found.back().values.push_back(rows.value(chunk, c, i));
    }
    return true;
  };
  const auto step = std::max<std::uint64_t>(1, (space.points() + most - 1) / most);
  if (step == 1) {
    for_each_chunk(space, 0, space.points(), threads, best_isa(), nullptr, keep);
    return found;
  }
  Space::Worker worker(space);
  Space::Chunk chunk;
  for (std::uint64_t point = 0; point < space.points(); point += step) {
    worker.evaluate(point, 1, chunk);
    keep(point, chunk);
  }
  return found;
}

}  // namespace tomestimate::study
