// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/import/count.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tomestimate::importer {
namespace {

using Bytes = std::span<const std::uint8_t>;

// A matrix as it is stored: rows that follow each other.
struct Matrix {
  std::uint64_t rows;
  std::uint64_t row_bytes;
};

// A tensor without rows of its own is one row.
Matrix matrix(const Tensor& tensor) {
  const bool has_rows = tensor.shape.size() == 2 && tensor.bytes != 0;
  const auto rows = has_rows ? tensor.shape[0] : 1;
  return {rows, tensor.bytes / rows};
}

// Calls visit(row, bytes of it, offset in the file) for pieces of all rows, each of whole units.
template <class Visit>
void stream_rows(const Source& source, std::uint64_t from, const Matrix& m, std::size_t unit,
                 Visit visit) {
  const auto bytes = m.rows * m.row_bytes;
  std::vector<std::uint8_t> chunk(std::min<std::uint64_t>(chunk_bytes / unit * unit, bytes));
  for (std::uint64_t done = 0; done < bytes;) {
    const auto n = std::min<std::uint64_t>(chunk.size(), bytes - done);
    source.read(from + done, std::span(chunk).first(n));
    for (std::uint64_t at = 0; at < n;) {
      const auto row = (done + at) / m.row_bytes;
      const auto piece = std::min(n - at, (row + 1) * m.row_bytes - (done + at));
      visit(row, Bytes(chunk).subspan(at, piece), from + done + at);
      at += piece;
    }
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

constexpr std::uint8_t four_zeros = 0b01'01'01'01;  // as 2-bit codes

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

bool all_are(Bytes bytes, std::uint8_t value) {
  return std::ranges::all_of(bytes, [value](std::uint8_t b) { return b == value; });
}

// One code a byte or more, whose byte `zero` has only zeros.
Tally count_bytes(const Source& source, std::uint64_t from, const Matrix& m,
                  const ByteCounts& table, std::uint8_t zero) {
  Histogram histogram;
  Tally out{{}, std::vector<bool>(m.rows, true), false};
  stream_rows(source, from, m, 1, [&](std::uint64_t row, Bytes piece, std::uint64_t) {
    histogram.add(piece);
    if (out.zero_rows[row] && !all_are(piece, zero)) out.zero_rows[row] = false;
  });
  out.counts = combine(histogram, table);
  return out;
}

// Row r as stored has rows r, R + r, 2 R + r and 3 R + r of the matrix, in its bits 0, 2, 4 and 6.
Tally count_packed(const Source& source, const Tensor& tensor) {
  static const auto table = two_bit_codes();
  Histogram histogram;
  const auto m = matrix(tensor);
  std::vector<std::uint8_t> other(m.rows);  // bits that differ from those of zeros
  stream_rows(source, tensor.offset, m, 1, [&](std::uint64_t row, Bytes piece, std::uint64_t) {
    histogram.add(piece);
    std::uint8_t bits = 0;
    for (const auto byte : piece) bits |= byte ^ four_zeros;
    other[row] |= bits;
  });
  Tally out{combine(histogram, table), {}, false};
  for (unsigned i = 0; i < 4; ++i)
    for (const auto bits : other) out.zero_rows.push_back((bits >> 2 * i & 3) == 0);
  return out;
}

std::uint16_t half_at(Bytes bytes) { return static_cast<std::uint16_t>(bytes[0] | bytes[1] << 8); }

// A zero scale makes every weight of its block zero, so any other code there is odd.
bool is_odd(std::uint16_t scale, Bytes codes, std::uint8_t zero_code) {
  if ((scale & 0x7C00) == 0x7C00) return true;  // infinite or no number
  return (scale & 0x7FFF) == 0 && !all_are(codes, zero_code);
}

// Blocks of `Size` bytes with a half-float scale at `Scale`, and 2-bit codes in all others.
template <std::size_t Size, std::size_t Scale>
Tally count_blocks(const Source& source, const Tensor& tensor) {
  static const auto table = two_bit_codes();
  Histogram histogram;
  const auto m = matrix(tensor);
  Tally out{{}, std::vector<bool>(m.rows, true), false};
  stream_rows(source, tensor.offset, m, Size, [&](std::uint64_t row, Bytes piece, std::uint64_t) {
    bool is_zero = out.zero_rows[row];
    for (; !piece.empty(); piece = piece.subspan(Size)) {
      const auto codes = piece.subspan(Scale == 0 ? 2 : 0, Size - 2);
      histogram.add(codes);
      out.counts.odd_scales += is_odd(half_at(piece.subspan(Scale)), codes, four_zeros);
      is_zero = is_zero && all_are(codes, four_zeros);
    }
    out.zero_rows[row] = is_zero;
  });
  out.counts += combine(histogram, table);
  return out;
}

Tally count_tq1(const Source& source, const Tensor& tensor) {
  constexpr std::uint8_t zeros5 = packed_base3(1 * 81 + 1 * 27 + 1 * 9 + 1 * 3 + 1);
  constexpr std::uint8_t zeros4 = packed_base3(1 * 81 + 1 * 27 + 1 * 9 + 1 * 3);
  static const auto table5 = base3_codes(5, 1);
  static const auto table4 = base3_codes(4, 3);
  Histogram fives;
  Histogram fours;
  const auto m = matrix(tensor);
  Tally out{{}, std::vector<bool>(m.rows, true), false};
  stream_rows(source, tensor.offset, m, 54, [&](std::uint64_t row, Bytes piece, std::uint64_t) {
    bool is_zero = out.zero_rows[row];
    for (; !piece.empty(); piece = piece.subspan(54)) {
      const auto five = piece.first(48);
      const auto four = piece.subspan(48, 4);
      const auto scale = half_at(piece.subspan(52));
      fives.add(five);
      fours.add(four);
      out.counts.odd_scales += is_odd(scale, five, zeros5) || is_odd(scale, four, zeros4);
      is_zero = is_zero && all_are(five, zeros5) && all_are(four, zeros4);
    }
    out.zero_rows[row] = is_zero;
  });
  out.counts += combine(fives, table5);
  out.counts += combine(fours, table4);
  return out;
}

Tally count_i2s(const Source& source, const Tensor& tensor) {
  static const auto table = two_bit_codes();
  const auto codes = tensor.bytes - 32;
  const bool has_rows = tensor.shape.size() == 2 && tensor.shape[1] % 128 == 0;
  const auto rows = has_rows ? tensor.shape[0] : 1;
  auto out = count_bytes(source, tensor.offset, {rows, codes / rows}, table, four_zeros);
  if (!has_rows) out.zero_rows.clear();
  std::array<std::uint8_t, 4> tail{};
  source.read(tensor.offset + codes, tail);
  const auto scale = std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(tail)));
  const bool only_zeros = out.counts.zeros == out.counts.weights();
  out.counts.odd_scales = !std::isfinite(scale) || (scale == 0 && !only_zeros);
  return out;
}

// ---- TL1 and TL2 ----

// Four bits for two weights: 3 a + b + 4.
ByteCounts nibbles_of_two() {
  ByteCounts out;
  for (unsigned byte = 0; byte < 256; ++byte)
    for (const unsigned nibble : {byte >> 4, byte & 15}) {
      add_code(nibble > 8 ? 3 : nibble / 3, out[byte]);
      add_code(nibble > 8 ? 3 : nibble % 3, out[byte]);
    }
  return out;
}

// Rows are interleaved in tiles whose size the file doesn't say.
Tally count_nibbles(const Source& source, std::uint64_t from, std::uint64_t bytes) {
  static const auto table = nibbles_of_two();
  Histogram histogram;
  stream_rows(source, from, {1, bytes}, 1,
              [&](std::uint64_t, Bytes piece, std::uint64_t) { histogram.add(piece); });
  return {combine(histogram, table), {}, false};
}

// Three weights: their sign, and |9 a + 3 b + c|.
void add_three(bool is_negative, unsigned size, std::uint64_t n, Counts& out) {
  if (size > 13) {
    out.invalid += 3 * n;
    return;
  }
  const unsigned codes = is_negative ? 13 - size : 13 + size;
  for (const unsigned code : {codes / 9, codes / 3 % 3, codes % 3})
    (code == 0 ? out.minus : code == 1 ? out.zeros : out.plus) += n;
}

// A tile of 32 rows and 24 columns is 128 bytes and 16 words of signs. Byte 32 (t / 2) + p has
// columns 3 t to 3 t + 2 of one row: t even above, t odd below; p is the row with its middle eights
// changed over. The sign of row 16 h + q is bit 15 - (2 t + h) of word q.
void count_tile(Bytes bytes, Bytes signs, std::array<std::array<std::uint64_t, 16>, 2>& seen) {
  constexpr std::array eights{0u, 2u, 1u, 3u};
  for (unsigned t = 0; t < 8; ++t)
    for (unsigned row = 0; row < 32; ++row) {
      const unsigned byte = bytes[t / 2 * 32 + eights[row / 8] * 8 + row % 8];
      const unsigned word = half_at(signs.subspan(row % 16 * 2));
      ++seen[word >> (15 - (2 * t + row / 16)) & 1][t % 2 == 0 ? byte >> 4 : byte & 15];
    }
}

Tally count_tl2(const Source& source, const Tensor& tensor) {
  const auto rows = tensor.shape[0];
  const auto threes = tl2_threes(tensor.shape[1]);
  const auto tiles = rows / 32 * (threes / 24);
  const auto signs_at = tensor.offset + 128 * tiles;
  std::array<std::array<std::uint64_t, 16>, 2> seen{};
  std::vector<std::uint8_t> signs;
  stream_rows(source, tensor.offset, {1, 128 * tiles}, 128,
              [&](std::uint64_t, Bytes piece, std::uint64_t at) {
                signs.resize(piece.size() / 4);
                source.read(signs_at + (at - tensor.offset) / 4, signs);
                for (std::size_t i = 0; i < piece.size(); i += 128)
                  count_tile(piece.subspan(i, 128), Bytes(signs).subspan(i / 4, 32), seen);
              });
  auto out = count_nibbles(source, signs_at + 32 * tiles, rows * (tensor.shape[1] - threes) / 4);
  for (unsigned sign = 0; sign < 2; ++sign)
    for (unsigned size = 0; size < 16; ++size)
      add_three(sign == 1, size, seen[sign][size], out.counts);
  return out;
}

// ---- floats ----

struct F16 {
  using Bits = std::uint16_t;
  static constexpr Bits infinity = 0x7C00;
  static float value(Bits bits) {
    const int exponent = bits >> 10 & 31;
    const int fraction = bits & 1023;
    const float size = exponent == 0
                           ? std::ldexp(static_cast<float>(fraction), -24)
                           : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
    return (bits & 0x8000) != 0 ? -size : size;
  }
};
struct Bf16 {
  using Bits = std::uint16_t;
  static constexpr Bits infinity = 0x7F80;
  static float value(Bits bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
};
struct F32 {
  using Bits = std::uint32_t;
  static constexpr Bits infinity = 0x7F80'0000;
  static float value(Bits bits) { return std::bit_cast<float>(bits); }
};

template <class Float>
constexpr
    typename Float::Bits size_bits = static_cast<typename Float::Bits>(~typename Float::Bits{0}) >>
                                     1;

template <class Float>
typename Float::Bits bits_at(const std::uint8_t* p) {
  typename Float::Bits out = 0;
  if constexpr (std::endian::native == std::endian::little)
    std::memcpy(&out, p, sizeof(out));
  else
    out = static_cast<typename Float::Bits>(little_endian({p, sizeof(out)}));
  return out;
}

// Weights of one row that share a scale.
constexpr std::size_t scale_group = 32;

struct GroupCounts {
  std::uint32_t zeros = 0;
  std::uint32_t minus = 0;
  bool is_ternary = true;
};

// Counts weights, and says whether those that are not zero have one finite size.
template <class Float>
GroupCounts count_group(const std::uint8_t* p, std::size_t n) {
  typename Float::Bits largest = 0;
  for (std::size_t i = 0; i < n; ++i)
    largest = std::max<typename Float::Bits>(
        largest, bits_at<Float>(p + i * sizeof(largest)) & size_bits<Float>);
  std::uint32_t zeros = 0;
  std::uint32_t minus = 0;
  std::uint32_t equal = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto bits = bits_at<Float>(p + i * sizeof(largest));
    const auto size = bits & size_bits<Float>;
    zeros += size == 0;
    equal += size == largest;
    minus += bits > size_bits<Float> && size != 0;
  }
  return {zeros, minus, largest < Float::infinity && (largest == 0 || zeros + equal == n)};
}

struct NotTernary {};  // thrown to leave a stream

// Weights that are ternary already, with a scale for the whole, each row or each group: their zeros
// are those that are zero. Nothing if they aren't.
template <class Float>
std::optional<Tally> count_ternary(const Source& source, const Tensor& tensor) try {
  constexpr auto size = sizeof(typename Float::Bits);
  const auto m = matrix(tensor);
  Tally out{{}, std::vector<bool>(m.rows, true), true};
  stream_rows(source, tensor.offset, m, size * scale_group,
              [&](std::uint64_t row, Bytes piece, std::uint64_t) {
                std::uint64_t zeros = 0;
                std::uint64_t minus = 0;
                for (std::size_t i = 0; i < piece.size(); i += size * scale_group) {
                  const auto n = std::min(scale_group, (piece.size() - i) / size);
                  const auto group = n == scale_group
                                         ? count_group<Float>(piece.data() + i, scale_group)
                                         : count_group<Float>(piece.data() + i, n);
                  if (!group.is_ternary) throw NotTernary{};
                  zeros += group.zeros;
                  minus += group.minus;
                }
                out.counts.zeros += zeros;
                out.counts.minus += minus;
                out.counts.plus += piece.size() / size - zeros - minus;
                if (zeros != piece.size() / size) out.zero_rows[row] = false;
              });
  return out;
} catch (NotTernary) {
  return std::nullopt;
}

// 1 / mean |w|, and for each row its largest |w| as bits, which are in the order of what they mean.
template <class Float>
struct Sizes {
  float inverse;
  std::vector<typename Float::Bits> largest;

  // Half rounds to even, so 0.5 goes to 0.
  bool is_zero(float weight) const { return std::abs(weight * inverse) <= 0.5f; }
  std::vector<bool> zero_rows() const {
    std::vector<bool> out;
    for (const auto bits : largest) out.push_back(is_zero(Float::value(bits)));
    return out;
  }
  // -1, 0 or +1
  void add(float weight, std::uint64_t n, Counts& out) const {
    (is_zero(weight) ? out.zeros : weight < 0 ? out.minus : out.plus) += n;
  }
};

float inverse_of_mean(double sum, std::uint64_t weights) {
  const auto mean = static_cast<float>(sum / static_cast<double>(weights));
  return 1.0f / std::max(mean, 1e-5f);
}

template <class Float>
typename Float::Bits largest_in(Bytes piece) {
  typename Float::Bits out = 0;
  for (std::size_t i = 0; i < piece.size(); i += sizeof(out))
    out = std::max<typename Float::Bits>(out, bits_at<Float>(piece.data() + i) & size_bits<Float>);
  return out;
}

template <class Float>
void check_finite(const Source& source, Bytes piece, std::uint64_t at) {
  for (std::size_t i = 0; i < piece.size(); i += sizeof(typename Float::Bits))
    if ((bits_at<Float>(piece.data() + i) & Float::infinity) == Float::infinity)
      source.fail(at + i, "this weight is infinite or no number", "absmean needs finite weights");
}

// How often each number of 16 bits is there. Few of them are often, so two small tables, which stay
// in the cache, are faster than four.
class WideHistogram {
 public:
  void add(Bytes bytes) {
    if (room_ < bytes.size()) empty();
    room_ -= bytes.size();
    const auto* p = bytes.data();
    const auto* end = p + bytes.size();
    for (; end - p >= 8; p += 8) {
      ++tables_[0][bits_at<F16>(p)];
      ++tables_[1][bits_at<F16>(p + 2)];
      ++tables_[0][bits_at<F16>(p + 4)];
      ++tables_[1][bits_at<F16>(p + 6)];
    }
    for (; p < end; p += 2) ++tables_[0][bits_at<F16>(p)];
  }
  // How often each is, from 0 on.
  const std::vector<std::uint64_t>& counts() {
    empty();
    return counts_;
  }

 private:
  static constexpr std::size_t numbers = 1 << 16;
  static constexpr std::uint64_t most = UINT32_MAX;  // that a table can count

  void empty() {
    for (auto& table : tables_)
      for (std::size_t i = 0; i < numbers; ++i) counts_[i] += std::exchange(table[i], 0);
    room_ = most;
  }

  std::vector<std::array<std::uint32_t, numbers>> tables_ =
      std::vector<std::array<std::uint32_t, numbers>>(2);
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(numbers);
  std::uint64_t room_ = most;
};

// There are only 65,536 weights of 16 bits: one pass counts them, and the rest is arithmetic.
template <class Float>
Tally absmean_16_bit(const Source& source, const Tensor& tensor) {
  const auto m = matrix(tensor);
  Sizes<Float> sizes{0, std::vector<std::uint16_t>(m.rows)};
  WideHistogram histogram;
  stream_rows(source, tensor.offset, m, 2, [&](std::uint64_t row, Bytes piece, std::uint64_t at) {
    histogram.add(piece);
    const auto largest = largest_in<Float>(piece);
    if (largest >= Float::infinity) check_finite<Float>(source, piece, at);
    sizes.largest[row] = std::max(sizes.largest[row], largest);
  });
  const auto& often = histogram.counts();
  double sum = 0;
  for (std::size_t bits = 0; bits < often.size(); ++bits)
    if (const auto n = often[bits]; n != 0)
      sum += static_cast<double>(n) * std::abs(Float::value(static_cast<std::uint16_t>(bits)));
  sizes.inverse = inverse_of_mean(sum, tensor.bytes / 2);
  Tally out{{}, sizes.zero_rows(), false};
  for (std::size_t bits = 0; bits < often.size(); ++bits)
    if (const auto n = often[bits]; n != 0)
      sizes.add(Float::value(static_cast<std::uint16_t>(bits)), n, out.counts);
  return out;
}

Tally absmean_32_bit(const Source& source, const Tensor& tensor) {
  const auto m = matrix(tensor);
  Sizes<F32> sizes{0, std::vector<std::uint32_t>(m.rows)};
  double sum = 0;
  stream_rows(source, tensor.offset, m, 4, [&](std::uint64_t row, Bytes piece, std::uint64_t at) {
    check_finite<F32>(source, piece, at);
    sizes.largest[row] = std::max(sizes.largest[row], largest_in<F32>(piece));
    for (std::size_t i = 0; i < piece.size(); i += 4)
      sum += std::abs(F32::value(bits_at<F32>(piece.data() + i)));
  });
  sizes.inverse = inverse_of_mean(sum, tensor.bytes / 4);
  Tally out{{}, sizes.zero_rows(), false};
  stream_rows(source, tensor.offset, m, 4, [&](std::uint64_t, Bytes piece, std::uint64_t) {
    for (std::size_t i = 0; i < piece.size(); i += 4)
      sizes.add(F32::value(bits_at<F32>(piece.data() + i)), 1, out.counts);
  });
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

Tally count(const Source& source, const Tensor& tensor) {
  static const auto numbers = whole_numbers();
  const auto floats = [&](auto type, auto absmean) {
    auto ternary = count_ternary<decltype(type)>(source, tensor);
    return ternary ? std::move(*ternary) : absmean(source, tensor);
  };
  switch (tensor.storage) {
    case Storage::f32:
      return floats(F32{}, absmean_32_bit);
    case Storage::f16:
      return floats(F16{}, absmean_16_bit<F16>);
    case Storage::bf16:
      return floats(Bf16{}, absmean_16_bit<Bf16>);
    case Storage::i8:
      return count_bytes(source, tensor.offset, matrix(tensor), numbers, 0);
    case Storage::packed_u8:
      return count_packed(source, tensor);
    case Storage::tq1_0:
      return count_tq1(source, tensor);
    case Storage::tq2_0:
      return count_blocks<66, 64>(source, tensor);
    case Storage::q2_0:
      return count_blocks<18, 0>(source, tensor);
    case Storage::q2_0_128:
      return count_blocks<34, 0>(source, tensor);
    case Storage::i2_s:
      return count_i2s(source, tensor);
    case Storage::tl1:
      return count_nibbles(source, tensor.offset, tensor.bytes);
    case Storage::tl2:
      return count_tl2(source, tensor);
    case Storage::other:
    case Storage::unknown:
      break;
  }
  source.fail(tensor.offset, fmt::format("{} is {}, which has no zero weights to count",
                                         tensor.name, tensor.type));
}

}  // namespace tomestimate::importer
