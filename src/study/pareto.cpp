// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include <tomestimate/study/sweep.hpp>

#include "chunks.hpp"
#include "count_status.hpp"
#include "rows.hpp"

namespace tomestimate::study {
namespace {

// Points that no other beats, in flat arrays: a point that is beaten costs no memory.
class Front {
 public:
  Front(const std::vector<Objective>& objectives, std::size_t columns)
      : objectives_(objectives), columns_(columns) {}

  void clear() {
    points_.clear();
    values_.clear();
  }
  std::size_t size() const { return points_.size(); }
  std::uint64_t point(std::size_t i) const { return points_[i]; }
  const double* values(std::size_t i) const { return values_.data() + i * columns_; }

  void add(std::uint64_t point, const double* values) {
    for (std::size_t i = 0; i < size(); ++i) {
      if (!no_worse(this->values(i), values)) continue;
      // Beaten, or equal to an earlier point. What beats one point beats its neighbours: it is the
      // first to be asked next time.
      swap(i, 0);
      return;
    }
    for (std::size_t i = 0; i < size();)
      if (no_worse(values, this->values(i)))
        remove(i);
      else
        ++i;
    points_.push_back(point);
    values_.insert(values_.end(), values, values + columns_);
  }

 private:
  bool no_worse(const double* a, const double* b) const {
    return std::all_of(objectives_.begin(), objectives_.end(), [&](const Objective& o) {
      return o.maximize ? a[o.column] >= b[o.column] : a[o.column] <= b[o.column];
    });
  }
  void swap(std::size_t i, std::size_t j) {
    if (i == j) return;
    std::swap(points_[i], points_[j]);
    std::swap_ranges(values_.begin() + static_cast<std::ptrdiff_t>(i * columns_),
                     values_.begin() + static_cast<std::ptrdiff_t>((i + 1) * columns_),
                     values_.begin() + static_cast<std::ptrdiff_t>(j * columns_));
  }
  void remove(std::size_t i) {
    swap(i, size() - 1);
    points_.pop_back();
    values_.resize(values_.size() - columns_);
  }

  const std::vector<Objective>& objectives_;
  std::size_t columns_;
  std::vector<std::uint64_t> points_;
  std::vector<double> values_;  // of all columns, point by point
};

}  // namespace

std::vector<Found> pareto(const Study& study, const Space& space, unsigned threads,
                          SweepResult& result) {
  const Rows rows(study, space, RowFormat::csv);
  const auto columns = study.columns.size();
  Front front(study.objectives, columns);
  struct Local {
    Space::Chunk chunk;
    std::optional<Front> front;
    std::vector<double> values;
  };
  in_order<Local>(
      space, 0, space.points(), threads, best_isa(), nullptr,
      [&](auto& worker, std::uint64_t at, std::size_t count, Local& local) {
        if (!local.front) local.front.emplace(study.objectives, columns);
        local.front->clear();
        local.values.resize(columns);
        worker.evaluate(at, count, local.chunk);
        for (std::size_t i = 0; i < count; ++i) {
          if (local.chunk.status[i] != 0 || !rows.wanted(local.chunk, i)) continue;
          for (std::size_t c = 0; c < columns; ++c) local.values[c] = rows.value(local.chunk, c, i);
          local.front->add(at + i, local.values.data());
        }
      },
      [&](std::uint64_t, Local& local) {
        count_status(space, local.chunk, result);
        for (std::size_t i = 0; i < local.front->size(); ++i)
          front.add(local.front->point(i), local.front->values(i));
        return true;
      });
  std::vector<Found> found;
  for (std::size_t i = 0; i < front.size(); ++i)
    found.push_back({front.point(i), {front.values(i), front.values(i) + columns}});
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.point < b.point; });
  result.rows = found.size();
  result.complete = true;
  return found;
}

}  // namespace tomestimate::study
