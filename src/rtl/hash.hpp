// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace tomestimate::rtl {

// FNV-1a.
constexpr std::uint64_t hash(std::string_view bytes) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const unsigned char c : bytes) h = (h ^ c) * 0x100000001b3u;
  return h;
}

}  // namespace tomestimate::rtl
