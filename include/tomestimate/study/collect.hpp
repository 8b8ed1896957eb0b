// SPDX-License-Identifier: Apache-2.0
// Running studies into memory, for programs that go on with the numbers.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include <tomestimate/study/study.hpp>

namespace tomestimate::study {

// Rows of a study. Equal indices of all lists are one row; the rows, and their order, are those
// that `sweep` writes.
struct Collected {
  std::vector<std::uint64_t> points;         // of the space: the last axis moves fastest
  std::vector<std::vector<double>> columns;  // by column, in its display unit; NaN if not a design
  std::vector<std::uint8_t> status;          // index in `reasons`
  std::vector<std::string> reasons;          // "ok", then why a point has no numbers
  bool complete = false;                     // false if it was stopped

  std::size_t rows() const { return points.size(); }
};

// Evaluates the study on `threads` threads, until it is done or *stop is set; `stop` may be null.
// Takes 9 bytes a row and 8 more a column. Throws spec::SpecError if that is more than a quarter of
// this machine's memory. `recorded` is called before the first point is evaluated.
Collected collect(const Study& study, unsigned threads, const std::atomic<bool>* stop,
                  const std::function<void(const Space&)>& recorded = {});

}  // namespace tomestimate::study
