// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/import/count.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include <fmt/format.h>

namespace tomestimate::importer {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t chunk_bytes = 1 << 20;

// Calls visit(bytes, offset in the file) for the first `bytes` of a tensor, in chunks that hold
// whole units.
template <class Visit>
void stream(const Source& source, const Tensor& tensor, std::uint64_t bytes, std::size_t unit,
            Visit visit) {
  std::vector<std::uint8_t> chunk(std::min<std::uint64_t>(chunk_bytes / unit * unit, bytes));
  for (std::uint64_t done = 0; done < bytes;) {
    const auto n = std::min<std::uint64_t>(chunk.size(), bytes - done);
    source.read(tensor.offset + done, std::span(chunk).first(n));
    visit(Bytes(chunk).first(n), tensor.offset + done);
    done += n;
  }
}

// How often each byte is there. Neighbours go to tables of their own: an increment need not wait
// for the one before it, even if all bytes are the same.
class Histogram {
 public:
  void add(Bytes bytes) {
    std::size_t i = 0;
    for (; i + 4 <= bytes.size(); i += 4)
      for (std::size_t k = 0; k < 4; ++k) ++tables_[k][bytes[i + k]];
    for (; i < bytes.size(); ++i) ++tables_[0][bytes[i]];
  }
  std::uint64_t operator[](std::size_t byte) const {
    return tables_[0][byte] + tables_[1][byte] + tables_[2][byte] + tables_[3][byte];
  }

 private:
  std::array<std::array<std::uint64_t, 256>, 4> tables_{};
};

// What one byte holds.
using ByteCounts = std::array<Counts, 256>;

void add_code(unsigned code, Counts& out) {
  ++(code == 0 ? out.minus : code == 1 ? out.zeros : code == 2 ? out.plus : out.invalid);
}

ByteCounts two_bit_codes() {
  ByteCounts out;
  for (unsigned byte = 0; byte < 256; ++byte)
    for (unsigned shift = 0; shift < 8; shift += 2) add_code(byte >> shift & 3, out[byte]);
  return out;
}

// The byte that TQ1_0 writes for the base-3 number v of five digits.
constexpr unsigned packed_base3(unsigned v) { return (v * 256 + 242) / 243; }

// `step` is 1 for five codes a byte and 3 for four, whose last digit is 0.
ByteCounts base3_codes(unsigned codes, unsigned step) {
  ByteCounts out;
  for (auto& counts : out) counts.odd_bytes = 1;
  for (unsigned v = 0; v < 243; v += step) out[packed_base3(v)].odd_bytes = 0;
  for (unsigned byte = 0; byte < 256; ++byte)
    for (unsigned n = 0, power = 1; n < codes; ++n, power *= 3)
      add_code((byte * power % 256) * 3 >> 8, out[byte]);
  return out;
}

ByteCounts whole_numbers() {
  ByteCounts out;
  for (unsigned byte = 0; byte < 256; ++byte)
    add_code(byte == 0xFF ? 0 : byte <= 1 ? byte + 1 : 3, out[byte]);
  return out;
}

Counts combine(const Histogram& histogram, const ByteCounts& table) {
  Counts out;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const auto n = histogram[byte];
    const auto& each = table[byte];
    out += {n * each.minus, n * each.zeros, n * each.plus, n * each.invalid, n * each.odd_bytes, 0};
  }
  return out;
}

Counts count_bytes(const Source& source, const Tensor& tensor, std::uint64_t bytes,
                   const ByteCounts& table) {
  Histogram histogram;
  stream(source, tensor, bytes, 1, [&](Bytes chunk, std::uint64_t) { histogram.add(chunk); });
  return combine(histogram, table);
}

float from_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  const float size = exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
                     : exponent == 0
                         ? std::ldexp(static_cast<float>(fraction), -24)
                         : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  return (bits & 0x8000) != 0 ? -size : size;
}

float from_bfloat(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint16_t half_at(Bytes bytes) {
  return static_cast<std::uint16_t>(little_endian(bytes.first(2)));
}

// A zero scale makes every weight of its block zero, so any other code there is odd.
bool is_odd(std::uint16_t scale, Bytes codes, std::uint8_t zero_code) {
  if ((scale & 0x7C00) == 0x7C00) return true;  // infinite or no number
  return (scale & 0x7FFF) == 0 &&
         !std::ranges::all_of(codes, [zero_code](std::uint8_t b) { return b == zero_code; });
}

Counts count_tq2(const Source& source, const Tensor& tensor) {
  constexpr std::uint8_t zeros = 0b01'01'01'01;
  static const auto table = two_bit_codes();
  Histogram codes;
  Counts odd;
  stream(source, tensor, tensor.bytes, 66, [&](Bytes chunk, std::uint64_t) {
    for (; !chunk.empty(); chunk = chunk.subspan(66)) {
      codes.add(chunk.first(64));
      odd.odd_scales += is_odd(half_at(chunk.subspan(64)), chunk.first(64), zeros);
    }
  });
  return odd += combine(codes, table);
}

Counts count_tq1(const Source& source, const Tensor& tensor) {
  constexpr std::uint8_t zeros5 = packed_base3(1 * 81 + 1 * 27 + 1 * 9 + 1 * 3 + 1);
  constexpr std::uint8_t zeros4 = packed_base3(1 * 81 + 1 * 27 + 1 * 9 + 1 * 3);
  static const auto table5 = base3_codes(5, 1);
  static const auto table4 = base3_codes(4, 3);
  Histogram fives;
  Histogram fours;
  Counts odd;
  stream(source, tensor, tensor.bytes, 54, [&](Bytes chunk, std::uint64_t) {
    for (; !chunk.empty(); chunk = chunk.subspan(54)) {
      const auto five = chunk.first(48);
      const auto four = chunk.subspan(48, 4);
      const auto scale = half_at(chunk.subspan(52));
      fives.add(five);
      fours.add(four);
      odd.odd_scales += is_odd(scale, five, zeros5) || is_odd(scale, four, zeros4);
    }
  });
  odd += combine(fives, table5);
  return odd += combine(fours, table4);
}

Counts count_i2s(const Source& source, const Tensor& tensor) {
  static const auto table = two_bit_codes();
  const auto codes = tensor.bytes - 32;
  auto out = count_bytes(source, tensor, codes, table);
  std::array<std::uint8_t, 4> tail{};
  source.read(tensor.offset + codes, tail);
  const auto scale = std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(tail)));
  const bool only_zeros = out.zeros == out.weights();
  out.odd_scales = !std::isfinite(scale) || (scale == 0 && !only_zeros);
  return out;
}

// ---- absmean ----

// -1, 0 or +1 for a weight, given 1 / mean |w|.
void add_rounded(float weight, float inverse, std::uint64_t n, Counts& out) {
  const float scaled = weight * inverse;
  // Half rounds to even, so 0.5 goes to 0.
  (std::abs(scaled) <= 0.5f ? out.zeros : scaled < 0 ? out.minus : out.plus) += n;
}

float inverse_of_mean(double sum, std::uint64_t weights) {
  const auto mean = static_cast<float>(sum / static_cast<double>(weights));
  return 1.0f / std::max(mean, 1e-5f);
}

[[noreturn]] void fail_not_finite(const Source& source, std::uint64_t at) {
  source.fail(at, "this weight is infinite or no number", "absmean needs finite weights");
}

// There are only 65,536 weights of 16 bits: one pass counts them, and the rest is arithmetic.
Counts count_16_bit(const Source& source, const Tensor& tensor, float (*value)(std::uint16_t),
                    std::uint16_t exponent) {
  std::vector<std::uint64_t> histogram(1 << 16);
  stream(source, tensor, tensor.bytes, 2, [&](Bytes chunk, std::uint64_t at) {
    for (std::size_t i = 0; i < chunk.size(); i += 2) {
      const auto bits = half_at(chunk.subspan(i));
      if ((bits & exponent) == exponent) fail_not_finite(source, at + i);
      ++histogram[bits];
    }
  });
  double sum = 0;
  for (std::size_t bits = 0; bits < histogram.size(); ++bits)
    if (histogram[bits] != 0)
      sum +=
          static_cast<double>(histogram[bits]) * std::abs(value(static_cast<std::uint16_t>(bits)));
  const float inverse = inverse_of_mean(sum, tensor.bytes / 2);
  Counts out;
  for (std::size_t bits = 0; bits < histogram.size(); ++bits)
    if (histogram[bits] != 0)
      add_rounded(value(static_cast<std::uint16_t>(bits)), inverse, histogram[bits], out);
  return out;
}

Counts count_f32(const Source& source, const Tensor& tensor) {
  const auto for_each = [&](auto visit) {
    stream(source, tensor, tensor.bytes, 4, [&](Bytes chunk, std::uint64_t at) {
      for (std::size_t i = 0; i < chunk.size(); i += 4)
        visit(std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(chunk.subspan(i, 4)))),
              at + i);
    });
  };
  double sum = 0;
  for_each([&](float weight, std::uint64_t at) {
    if (!std::isfinite(weight)) fail_not_finite(source, at);
    sum += std::abs(weight);
  });
  const float inverse = inverse_of_mean(sum, tensor.bytes / 4);
  Counts out;
  for_each([&](float weight, std::uint64_t) { add_rounded(weight, inverse, 1, out); });
  return out;
}

}  // namespace

Counts& Counts::operator+=(const Counts& other) {
  minus += other.minus;
  zeros += other.zeros;
  plus += other.plus;
  invalid += other.invalid;
  odd_bytes += other.odd_bytes;
  odd_scales += other.odd_scales;
  return *this;
}

Counts count(const Source& source, const Tensor& tensor) {
  static const auto codes = two_bit_codes();
  static const auto numbers = whole_numbers();
  switch (tensor.storage) {
    case Storage::f32:
      return count_f32(source, tensor);
    case Storage::f16:
      return count_16_bit(source, tensor, from_half, 0x7C00);
    case Storage::bf16:
      return count_16_bit(source, tensor, from_bfloat, 0x7F80);
    case Storage::i8:
      return count_bytes(source, tensor, tensor.bytes, numbers);
    case Storage::packed_u8:
      return count_bytes(source, tensor, tensor.bytes, codes);
    case Storage::tq1_0:
      return count_tq1(source, tensor);
    case Storage::tq2_0:
      return count_tq2(source, tensor);
    case Storage::i2_s:
      return count_i2s(source, tensor);
    case Storage::other:
      break;
  }
  source.fail(tensor.offset, fmt::format("{} is {}, which has no zero weights to count",
                                         tensor.name, tensor.type));
}

}  // namespace tomestimate::importer
