// SPDX-License-Identifier: Apache-2.0
#include "arithmetic.hpp"

#include <algorithm>
#include <bit>

namespace tomestimate::kernel {
namespace {

std::int64_t integer_sqrt(std::uint64_t x) {
  std::uint64_t root = 0;
  for (std::uint64_t bit = std::uint64_t{1} << 31; bit != 0; bit >>= 1)
    if ((root + bit) * (root + bit) <= x) root += bit;
  return static_cast<std::int64_t>(root);
}

// Nearest, half away from zero.
std::int64_t divide(std::int64_t a, std::int64_t b) {
  return a >= 0 ? (a + b / 2) / b : -((-a + b / 2) / b);
}

// sin(2 pi turn / 65536) with 14 fraction bits, as a parabola.
std::int64_t sine(std::uint64_t turn) {
  const auto x = static_cast<std::int64_t>(static_cast<std::int16_t>(turn & 0xFFFF));
  const std::int64_t size = x < 0 ? -x : x;
  return x * (32768 - size) / 16384;
}

}  // namespace

std::int32_t saturate(std::int64_t value) {
  constexpr std::int64_t limit = 1 << 24;
  return static_cast<std::int32_t>(std::clamp(value, -limit, limit));
}

Quantized quantize(std::span<const std::int32_t> x, unsigned bits, bool norm) {
  std::int64_t largest = 1;
  std::uint64_t squares = 0;
  for (const std::int64_t v : x) {
    largest = std::max(largest, v < 0 ? -v : v);
    squares += static_cast<std::uint64_t>(v * v);
  }
  const std::int64_t top = code_max(bits);
  Quantized out;
  out.q.reserve(x.size());
  for (const std::int64_t v : x)
    out.q.push_back(static_cast<std::int16_t>(divide(v * top, largest)));
  const std::int64_t rms = std::max<std::int64_t>(1, integer_sqrt(squares / x.size()));
  const std::int64_t one = std::int64_t{1} << fraction_bits;
  out.scale = (largest << 16) / (std::max<std::int64_t>(1, top) * (norm ? rms : one));
  return out;
}

std::int32_t dequantize(std::int64_t acc, std::int64_t scale, std::size_t inputs) {
  const int root_shift = std::bit_width(inputs) / 2;
  // |acc| < 2^31 and scale < 2^41: the product needs care, so the accumulator gives up bits first.
  const std::int64_t reduced = divide(acc << 4, std::int64_t{1} << root_shift);
  __extension__ using Wide = __int128;
  const auto product = static_cast<Wide>(reduced) * scale;
  const auto value = static_cast<Wide>(product >> (16 + 4 - fraction_bits));
  constexpr Wide limit = 1 << 24;
  return static_cast<std::int32_t>(std::clamp<Wide>(value, -limit, limit));
}

void rotate(std::span<std::int32_t> heads, std::size_t head_dim, std::uint64_t position) {
  constexpr std::uint64_t radian = 10430;  // 65536 / (2 pi)
  const std::size_t pairs = head_dim / 2;
  for (std::size_t at = 0; at < heads.size(); at += head_dim) {
    for (std::size_t i = 0; i < pairs; ++i) {
      const std::uint64_t turn = position * (radian >> (13 * i / pairs));
      const std::int64_t s = sine(turn);
      const std::int64_t c = sine(turn + 16384);
      const std::int64_t a = heads[at + 2 * i];
      const std::int64_t b = heads[at + 2 * i + 1];
      heads[at + 2 * i] = saturate((a * c - b * s) / 16384);
      heads[at + 2 * i + 1] = saturate((a * s + b * c) / 16384);
    }
  }
}

std::int8_t clip_to_code(std::int32_t x, unsigned bits) {
  const std::int32_t top = code_max(bits);
  return static_cast<std::int8_t>(std::clamp(x / 16, -top, top));
}

std::vector<std::int16_t> softmax(std::span<const std::int32_t> scores, int shift, unsigned bits) {
  const std::int64_t best = *std::max_element(scores.begin(), scores.end());
  std::vector<std::int64_t> powers;
  std::int64_t sum = 0;
  for (const std::int64_t score : scores) {
    // 2^-d by halving on the whole part of d and a straight line on the rest.
    const std::int64_t d = best - score;
    const std::int64_t whole = std::min<std::int64_t>(d >> shift, 32);
    const std::int64_t rest = d & ((std::int64_t{1} << shift) - 1);
    const std::int64_t line = (std::int64_t{1} << 24) - ((rest << 23) >> shift);
    powers.push_back(line >> whole);
    sum += powers.back();
  }
  std::vector<std::int16_t> codes;
  for (const auto p : powers)
    codes.push_back(static_cast<std::int16_t>(divide(p * code_max(bits), sum)));
  return codes;
}

std::int32_t activate(spec::Activation kind, std::int32_t x) {
  const std::int64_t wide = x;
  if (kind == spec::Activation::relu2) {
    const std::int64_t positive = std::max<std::int64_t>(wide, 0);
    return saturate((positive * positive) >> fraction_bits);
  }
  constexpr std::int64_t one = std::int64_t{1} << fraction_bits;
  return saturate((wide * std::clamp<std::int64_t>(wide / 4 + one / 2, 0, one)) >> fraction_bits);
}

std::int32_t activate_gated(spec::Activation kind, std::int32_t gate, std::int32_t up) {
  return saturate((std::int64_t{activate(kind, gate)} * up) >> fraction_bits);
}

}  // namespace tomestimate::kernel
