// SPDX-License-Identifier: Apache-2.0
#include "synthetic.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace tomestimate::reference {
namespace {

// Calls use(i, 16 random bits) for place first + i of a key's endless row: four places a number.
template <class Use>
[[gnu::always_inline]] inline void for_each_draw(std::uint64_t key, std::uint64_t first,
                                                 std::size_t count, Use use) {
  std::size_t i = 0;
  for (; i < count && (first + i) % 4 != 0; ++i)
    use(i, static_cast<unsigned>(mix(key + (first + i) / 4) >> (first + i) % 4 * 16 & 0xFFFF));
  for (; i + 4 <= count; i += 4) {
    const auto random = mix(key + (first + i) / 4);
    for (unsigned k = 0; k < 4; ++k) use(i + k, static_cast<unsigned>(random >> 16 * k & 0xFFFF));
  }
  for (; i < count; ++i)
    use(i, static_cast<unsigned>(mix(key + (first + i) / 4) >> (first + i) % 4 * 16 & 0xFFFF));
}

}  // namespace

std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

std::uint64_t mix(std::uint64_t seed, std::uint64_t layer, std::uint64_t matrix) {
  return mix(mix(mix(seed) + layer) + matrix);
}

Ternary random_ternary(std::size_t rows, std::size_t columns, double zero_share,
                       std::uint64_t key) {
  Ternary out(rows, columns);
  const auto zeros = static_cast<unsigned>(std::lround(zero_share * 65536));
  const auto plus = zeros + (65536 - zeros) / 2;
  std::vector<std::int8_t> row(columns);
  for (std::size_t r = 0; r < rows; ++r) {
    for_each_draw(key, r * columns, columns, [&](std::size_t i, unsigned v) {
      row[i] = static_cast<std::int8_t>((v >= zeros) - 2 * (v >= plus));
    });
    out.set(r * columns, row);
  }
  const double share = std::max(1 - static_cast<double>(zeros) / 65536, 0x1p-16);
  out.scale = static_cast<float>(1 / std::sqrt(share * static_cast<double>(columns)));
  return out;
}

Grouped random_grouped(std::size_t rows, std::size_t columns, int bits, std::size_t group,
                       std::uint64_t key) {
  Grouped out(rows, columns, bits, group);
  const double variance = static_cast<double>((1 << 2 * bits) - 1) / 12;
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(columns) * variance));
  const auto zero = static_cast<std::uint8_t>(1u << (bits - 1));
  std::vector<std::uint8_t> codes(group);
  for (std::uint64_t first = 0; first < rows * columns; first += group) {
    for_each_draw(key, first, group, [&](std::size_t i, unsigned v) {
      codes[i] = static_cast<std::uint8_t>(v >> (16 - bits));
    });
    out.set(first, codes, scale, zero);
  }
  return out;
}

void random_uniform(std::uint64_t key, std::uint64_t first, float most, std::span<float> out) {
  const float step = most * 0x1p-15f;
  for_each_draw(key, first, out.size(), [&](std::size_t i, unsigned v) {
    out[i] = static_cast<float>(static_cast<int>(v) - 32768) * step;
  });
}

}  // namespace tomestimate::reference
