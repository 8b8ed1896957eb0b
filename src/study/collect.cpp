// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/collect.hpp>

#include <algorithm>
#include <limits>
#include <numeric>

#include <fmt/format.h>
#include <unistd.h>

#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/study/sweep.hpp>

#include "rows.hpp"

namespace tomestimate::study {
namespace {

// Rows that a quarter of this machine's memory holds.
std::uint64_t most_rows(const Study& study) {
  const auto pages = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES));
  const auto bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGE_SIZE)) * pages / 4;
  return bytes / (9 + 8 * study.columns.size());
}

[[noreturn]] void refuse_rows(std::uint64_t rows, std::uint64_t most) {
  throw spec::SpecError({{{"study", 0, 0},
                          fmt::format("{} rows or more are too many for memory, which has room for "
                                      "{}",
                                      rows, most),
                          "tomestimate sweep -o rows.npy writes them as they come; or keep fewer "
                          "with where or limit"}});
}

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
  const auto most = most_rows(study);
  const bool all = study.where.empty() && (study.order || study.limit == 0);
  if (all && space.points() > most) refuse_rows(space.points(), most);
  const auto add = [&](std::uint64_t first, const Space::Chunk& chunk) {
    if (out.rows() + chunk.status.size() > most) refuse_rows(out.rows(), most);
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
