// SPDX-License-Identifier: Apache-2.0
// The last line of a shard's file: what merge has to know, and what tells a whole file from one
// that is cut short or damaged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tomestimate::study {

struct ShardLine {
  std::uint64_t index = 1, count = 1;
  std::uint64_t fingerprint = 0;
  std::uint64_t key = 0;  // place of the order's column, counted from the status; 0: no order
  bool descending = false;
  std::uint64_t limit = 0;
  std::uint64_t rows = 0;
  std::uint64_t head = 0, row_bytes = 0, body = 0, tail = 0;  // bytes; row_bytes 0: lines of text

  static constexpr std::size_t length = 256;
  // `sum` is the checksum of body, tail and head, in that order.
  std::string text(std::uint32_t sum) const;
  // Reads a line; nullopt if it is none. Whether it is as it was written, text() tells.
  static std::optional<ShardLine> read(std::string_view line);
};

}  // namespace tomestimate::study
