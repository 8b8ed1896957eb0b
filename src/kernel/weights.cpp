// SPDX-License-Identifier: Apache-2.0
#include "weights.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace tomestimate::kernel {
namespace {

// A multiplier near the golden section of n that has no factor in common with it.
std::uint64_t coprime_step(std::uint64_t n) {
  std::uint64_t a = n * 618 / 1000 | 1;
  while (std::gcd(a, n) != 1) ++a;
  return a;
}

std::vector<std::int32_t> permutation(std::uint64_t n) {
  const auto a = coprime_step(n);
  std::vector<std::int32_t> keys(n);
  for (std::uint64_t i = 0; i < n; ++i) keys[i] = static_cast<std::int32_t>(a * i % n);
  return keys;
}

// weight = 0 where the shifted key is below `zeros`, else +1 or -1 by the sign key.
void ternary_row(const std::int32_t* __restrict keys, const std::int32_t* __restrict signs,
                 std::int32_t n, std::int32_t shift, std::int32_t zeros, std::int32_t sign_shift,
                 std::int8_t* __restrict out) {
  for (std::int32_t i = 0; i < n; ++i) {
    std::int32_t key = keys[i] + shift;
    key = key >= n ? key - n : key;
    const std::int32_t sign = 1 - (((signs[i] ^ sign_shift) >> 15 & 1) << 1);
    out[i] = static_cast<std::int8_t>(key < zeros ? 0 : sign);
  }
}

}  // namespace

std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

Matrix::Matrix(const MatrixShape& shape, std::uint64_t seed)
    : shape_(shape),
      seed_(mix(seed)),
      keys_(permutation(shape.code == Code::ternary ? shape.columns : shape.columns * shape.bits)) {
  if (shape_.code == Code::ternary) {
    signs_.resize(shape_.columns);
    for (std::uint64_t i = 0; i < shape_.columns; ++i)
      signs_[i] = static_cast<std::int32_t>(mix(seed_ ^ i) & 0x7FFFFFFF);
  }
}

// Zeros in rows 0 .. row - 1: the matrix's share of them, rounded down. Exact in 128 bit.
std::uint64_t Matrix::zeros_up_to(std::uint64_t row) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(static_cast<Wide>(row) * shape_.zeros / shape_.rows);
}

void Matrix::row(std::uint64_t r, std::span<std::int8_t> weights,
                 std::vector<std::uint8_t>& scratch) const {
  const auto places = static_cast<std::int32_t>(keys_.size());
  const auto zeros = static_cast<std::int32_t>(zeros_up_to(r + 1) - zeros_up_to(r));
  const auto random = mix(seed_ + r);
  const auto shift = static_cast<std::int32_t>(random % static_cast<std::uint64_t>(places));
  if (shape_.code == Code::ternary) {
    ternary_row(keys_.data(), signs_.data(), places, shift, zeros,
                static_cast<std::int32_t>(random >> 33), weights.data());
    return;
  }
  scratch.resize(keys_.size());
  for (std::int32_t i = 0; i < places; ++i) {
    std::int32_t key = keys_[static_cast<std::size_t>(i)] + shift;
    key = key >= places ? key - places : key;
    scratch[static_cast<std::size_t>(i)] = key < zeros ? 0 : 1;
  }
  const unsigned bits = shape_.bits;
  const unsigned used = std::min(bits, 8u);
  for (std::size_t c = 0; c < weights.size(); ++c) {
    int value = scratch[c * bits] ? -(1 << (used - 1)) : 0;  // the sign bit
    for (unsigned b = 1; b < used; ++b) value |= scratch[c * bits + b] << (used - 1 - b);
    weights[c] = static_cast<std::int8_t>(value);
  }
}

std::uint64_t count_one_bits(std::span<const std::int8_t> weights, Code code, unsigned bits) {
  std::uint32_t ones = 0;  // narrow, so that the loop vectorizes well
  if (code == Code::ternary) {
    for (const auto w : weights) {
      const unsigned stored = w > 0 ? 0b01u : w < 0 ? 0b10u : 0b00u;
      ones += (stored & 1u) + (stored >> 1);
    }
    return ones;
  }
  const unsigned mask = (1u << bits) - 1;
  for (const auto w : weights)
    ones += static_cast<std::uint32_t>(std::popcount(static_cast<unsigned>(w) & mask));
  return ones;
}

std::uint64_t count_nonzero(std::span<const std::int8_t> weights) {
  std::uint32_t count = 0;
  for (const auto w : weights) count += w != 0;
  return count;
}

}  // namespace tomestimate::kernel
