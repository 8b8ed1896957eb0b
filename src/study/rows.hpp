// SPDX-License-Identifier: Apache-2.0
// Evaluated points as rows of a file: lines of CSV, or records of NumPy's .npy.
//
// The .npy file holds the rows, a structured array, and after it (np.load again from the same open
// file) what its small integers stand for: the values of each varied spec value, in the order of
// the columns, and the texts of `status`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <tomestimate/study/sweep.hpp>

namespace tomestimate::study {

class Rows {
 public:
  Rows(const Study& study, const Space& space, RowFormat format);

  // What stands before the rows; of .npy the same length for any number of rows.
  std::string head(std::uint64_t rows) const;
  // What stands behind them, piece by piece.
  void tail(const std::function<void(std::string_view)>& write) const;
  // Bytes of a row; none for lines of text.
  std::optional<std::size_t> row_bytes() const;

  // Whether point i of a chunk has a row.
  bool wanted(const Space::Chunk& chunk, std::size_t i) const;
  // A column of point i, in its display unit.
  double value(const Space::Chunk& chunk, std::size_t column, std::size_t i) const {
    return chunk.values[column][i] / factors_[column];
  }
  void append(std::uint64_t point, const Space::Chunk& chunk, std::size_t i,
              fmt::memory_buffer& out) const;

 private:
  struct Cells {  // of one varied value
    std::size_t axis;
    const Varied* varied;
    std::vector<std::string> texts;  // of a long axis they are made row by row
    std::size_t width;               // bytes of an index
  };
  std::vector<std::string> names() const;
  void append_line(std::uint64_t point, const Space::Chunk& chunk, std::size_t i,
                   fmt::memory_buffer& out) const;
  void append_record(std::uint64_t point, const Space::Chunk& chunk, std::size_t i,
                     fmt::memory_buffer& out) const;

  const Study& study_;
  const Space& space_;
  RowFormat format_;
  std::vector<Cells> cells_;
  std::vector<double> factors_;
};

}  // namespace tomestimate::study
