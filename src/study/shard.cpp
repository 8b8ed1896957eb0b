// SPDX-License-Identifier: Apache-2.0
#include "shard.hpp"

#include <sstream>

#include <fmt/format.h>

#include "sink.hpp"

namespace tomestimate::study {
namespace {

constexpr std::string_view shard_word = "tomestimate-shard-2";

std::string fields(const ShardLine& s) {
  return fmt::format("# {} {} {} {:x} {} {:d} {} {} {} {} {} {}", shard_word, s.index, s.count,
                     s.fingerprint, s.key, s.descending, s.limit, s.rows, s.head, s.row_bytes,
                     s.body, s.tail);
}

}  // namespace

std::string ShardLine::text(std::uint32_t sum) const {
  const auto own = fields(*this);
  return fmt::format("{:<{}}\n", fmt::format("{} {:08x}", own, checksum(own, sum)), length - 1);
}

std::optional<ShardLine> ShardLine::read(std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string hash, name;
  ShardLine s;
  words >> hash >> name >> s.index >> s.count >> std::hex >> s.fingerprint >> std::dec >> s.key >>
      s.descending >> s.limit >> s.rows >> s.head >> s.row_bytes >> s.body >> s.tail;
  if (!words || hash != "#" || name != shard_word || s.index < 1 || s.index > s.count)
    return std::nullopt;
  return s;
}

}  // namespace tomestimate::study
