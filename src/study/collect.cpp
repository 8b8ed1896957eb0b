// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/collect.hpp>

#include <algorithm>
#include <limits>
#include <numeric>

#include <tomestimate/study/sweep.hpp>

#include "rows.hpp"

namespace tomestimate::study {
namespace {

// Keeps the elements of `list` that `picked` says, in its order.
template <class Element>
void pick(std::vector<Element>& list, const std::vector<std::size_t>& picked) {
  std::vector<Element> out;
  out.reserve(picked.size());
  for (const auto i : picked) out.push_back(list[i]);
  list = std::move(out);
}

// Sorts and cuts as the study says. Of equal keys the earlier point comes first.
void put_in_order(const Study& study, Collected& rows) {
  std::vector<std::size_t> picked(rows.rows());
  std::iota(picked.begin(), picked.end(), std::size_t{0});
  const auto& keys = rows.columns[study.order->column];
  const bool descending = study.order->descending;
  std::stable_sort(picked.begin(), picked.end(), [&](std::size_t a, std::size_t b) {
    return descending ? keys[a] > keys[b] : keys[a] < keys[b];
  });
  if (study.limit != 0 && picked.size() > study.limit) picked.resize(study.limit);
  pick(rows.points, picked);
  pick(rows.status, picked);
  for (auto& column : rows.columns) pick(column, picked);
}

}  // namespace

Collected collect(const Study& study, unsigned threads, const std::atomic<bool>* stop,
                  const std::function<void(const Space&)>& recorded) try {
  Collected out;
  const Space space(study.specs, study.axes, study.formulas(), stop);
  if (recorded) recorded(space);
  const Rows rows(study, space, RowFormat::npy);
  out.columns.resize(study.columns.size());
  out.reasons = space.reasons();
  const auto full = [&] { return study.limit != 0 && !study.order && out.rows() >= study.limit; };
  const auto add = [&](std::uint64_t first, const Space::Chunk& chunk) {
    for (std::size_t i = 0; i < chunk.status.size() && !full(); ++i) {
      if (!rows.wanted(chunk, i)) continue;
      out.points.push_back(first + i);
      out.status.push_back(chunk.status[i]);
      for (std::size_t c = 0; c < out.columns.size(); ++c)
        out.columns[c].push_back(chunk.status[i] == 0 ? rows.value(chunk, c, i)
                                                      : std::numeric_limits<double>::quiet_NaN());
    }
    return !full();
  };
  const auto next = for_each_chunk(space, 0, space.points(), threads, best_isa(), stop, add);
  out.complete = next == space.points() || full();
  if (study.order) put_in_order(study, out);
  return out;
} catch (const Stopped&) {
  return {};
}

}  // namespace tomestimate::study
