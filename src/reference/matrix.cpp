// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/reference/matrix.hpp>

#include <algorithm>
#include <array>
#include <numeric>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tomestimate::reference {
namespace {

// Where a column's code is in its row.
struct CodePlace {
  std::size_t byte;
  unsigned shift;
};

constexpr CodePlace place(std::size_t column) {
  const auto in_block = column % block_columns;
  return {column / block_columns * 64 + in_block % 64, static_cast<unsigned>(in_block / 64 * 2)};
}

void pack_block(const std::int8_t* weights, std::uint8_t* codes) {
  for (std::size_t j = 0; j < 64; ++j) {
    unsigned byte = 0;
    for (std::size_t k = 0; k < 4; ++k)
      byte |= static_cast<unsigned>(weights[k * 64 + j] + 1) << 2 * k;
    codes[j] = static_cast<std::uint8_t>(byte);
  }
}

// ---- ternary products: sums of code x activation, code = weight + 1 ----

// A tile of R rows and T tokens; `blocks` of 256 columns each.
struct Tile {
  const std::uint8_t* codes;
  std::size_t row_bytes;
  const std::int8_t* x;
  std::size_t stride;
  std::size_t blocks;
};

template <int R, int T>
using Sums = std::array<std::int32_t, static_cast<std::size_t>(R) * T>;

#if defined(__x86_64__)

// One token passes each weight once: memory is what binds. Tiles go through the matrix in order, so
// the n-th read of a tile fetches the n-th line of what comes this far ahead.
constexpr std::size_t fetch_ahead = 8192;

template <int T>
[[gnu::always_inline]] inline void fetch(const Tile& tile, std::size_t byte) {
  if constexpr (T == 1)
    _mm_prefetch(reinterpret_cast<const char*>(tile.codes) + byte + fetch_ahead, _MM_HINT_T0);
}

// Plain arrays: std::array would drop the alignment of these types, and GCC says so.

// The sum of eight 32-bit numbers. (Not _mm512_reduce_add_epi32: GCC 12 warns about its own
// header.)
[[gnu::target("avx2")]] std::int32_t total(__m256i v) {
  auto s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4E));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xB1));
  return _mm_cvtsi128_si32(s);
}

[[gnu::target("avx512f")]] std::int32_t total(__m512i v) {
  __m256i parts[2];
  _mm512_storeu_si512(parts, v);
  return total(_mm256_add_epi32(parts[0], parts[1]));
}

struct Avx2 {
  template <int R, int T>
  [[gnu::target("avx2")]] static void run(const Tile& tile, Sums<R, T>& sums) {
    // A pair of products is at most 2 x 2 x 128 = 512, and a block adds 8: 16 bits hold 7 blocks.
    constexpr std::size_t most_blocks = 7;
    const auto three = _mm256_set1_epi8(3);
    const auto ones = _mm256_set1_epi16(1);
    __m256i wide[R][T];
    for (auto& row : wide)
      for (auto& sum : row) sum = _mm256_setzero_si256();
    for (std::size_t from = 0; from < tile.blocks; from += most_blocks) {
      __m256i narrow[R][T];
      for (auto& row : narrow)
        for (auto& sum : row) sum = _mm256_setzero_si256();
      const auto to = std::min(tile.blocks, from + most_blocks);
      for (std::size_t half = 2 * from; half < 2 * to; ++half) {
        __m256i bytes[R];
        for (std::size_t r = 0; r < R; ++r) {
          bytes[r] = _mm256_loadu_si256(
              reinterpret_cast<const __m256i*>(tile.codes + r * tile.row_bytes + half * 32));
          fetch<T>(tile, (half * R + r) * 32);
        }
        const auto* x = tile.x + half / 2 * block_columns + half % 2 * 32;
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) {
          __m256i values[T];
          for (std::size_t t = 0; t < T; ++t)
            values[t] =
                _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + t * tile.stride + k * 64));
          for (std::size_t r = 0; r < R; ++r) {
            const auto codes = _mm256_and_si256(bytes[r], three);
            bytes[r] = _mm256_srli_epi16(bytes[r], 2);
            for (std::size_t t = 0; t < T; ++t)
              narrow[r][t] = _mm256_add_epi16(narrow[r][t], _mm256_maddubs_epi16(codes, values[t]));
          }
        }
      }
      for (std::size_t r = 0; r < R; ++r)
        for (std::size_t t = 0; t < T; ++t)
          wide[r][t] = _mm256_add_epi32(wide[r][t], _mm256_madd_epi16(narrow[r][t], ones));
    }
    for (std::size_t r = 0; r < R; ++r)
      for (std::size_t t = 0; t < T; ++t) sums[r * T + t] = total(wide[r][t]);
  }
};

struct Avx512 {
  template <int R, int T>
  [[gnu::target("avx512f,avx512bw,avx512vnni")]] static void run(const Tile& tile,
                                                                 Sums<R, T>& sums) {
    const auto three = _mm512_set1_epi8(3);
    __m512i wide[R][T];
    for (auto& row : wide)
      for (auto& sum : row) sum = _mm512_setzero_si512();
    for (std::size_t b = 0; b < tile.blocks; ++b) {
      __m512i bytes[R];
      for (std::size_t r = 0; r < R; ++r) {
        bytes[r] = _mm512_loadu_si512(tile.codes + r * tile.row_bytes + b * 64);
        fetch<T>(tile, (b * R + r) * 64);
      }
      const auto* x = tile.x + b * block_columns;
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) {
        __m512i values[T];
        for (std::size_t t = 0; t < T; ++t)
          values[t] = _mm512_loadu_si512(x + t * tile.stride + k * 64);
        for (std::size_t r = 0; r < R; ++r) {
          const auto codes = _mm512_and_si512(bytes[r], three);
          bytes[r] = _mm512_srli_epi16(bytes[r], 2);
          for (std::size_t t = 0; t < T; ++t)
            wide[r][t] = _mm512_dpbusd_epi32(wide[r][t], codes, values[t]);
        }
      }
    }
    for (std::size_t r = 0; r < R; ++r)
      for (std::size_t t = 0; t < T; ++t) sums[r * T + t] = total(wide[r][t]);
  }
};

struct Job {
  const Ternary& weights;
  const Bytes& x;
  std::span<std::int32_t> out;

  template <class Kernel, int R, int T>
  void tile(std::size_t row, std::size_t token) const {
    Sums<R, T> sums;
    Kernel::template run<R, T>(
        {weights.row(row), weights.row_bytes(), x.token(token), x.stride, x.stride / block_columns},
        sums);
    for (std::size_t r = 0; r < R; ++r)
      for (std::size_t t = 0; t < T; ++t)
        out[(token + t) * weights.rows() + row + r] = sums[r * T + t] - x.sums[token + t];
  }

  template <class Kernel, int R, int T>
  std::size_t rows_of(std::size_t from, std::size_t to, std::size_t token) const {
    for (; from + R <= to; from += R) tile<Kernel, R, T>(from, token);
    return from;
  }

  // Rows in pieces that stay in the second-level cache while all tokens pass by.
  template <class Kernel>
  void run(std::size_t from, std::size_t to) const {
    constexpr std::size_t piece = 64;
    for (std::size_t row = from; row < to; row += piece) {
      const auto end = std::min(to, row + piece);
      std::size_t t = 0;
      for (; t + 4 <= x.tokens; t += 4)
        rows_of<Kernel, 1, 4>(rows_of<Kernel, 2, 4>(row, end, t), end, t);
      for (; t < x.tokens; ++t) rows_of<Kernel, 1, 1>(rows_of<Kernel, 4, 1>(row, end, t), end, t);
    }
  }
};

#endif

// Any machine's instructions. Codes are widened once for all tokens, activations once for all rows:
// compilers know instructions that multiply and add pairs of 16-bit numbers.
class Baseline {
 public:
  Baseline(const Ternary& weights, const Bytes& x, std::span<std::int32_t> out)
      : weights_(weights),
        x_(x),
        out_(out),
        wide_(x.values.begin(), x.values.end()),
        codes_(2 * x.stride) {}

  void run(std::size_t from, std::size_t to) {
    if (x_.tokens == 1) {
      for (; from < to; ++from) out_[from] = dot(weights_.row(from)) - x_.sums[0];
      return;
    }
    for (; from + 2 <= to; from += 2) rows<2>(from);
    if (from < to) rows<1>(from);
  }

 private:
  template <int R>
  void rows(std::size_t row) {
    for (std::size_t r = 0; r < R; ++r) widen(weights_.row(row + r), &codes_[r * x_.stride]);
    std::size_t t = 0;
    for (; t + 4 <= x_.tokens; t += 4) tile<R, 4>(row, t);
    for (; t < x_.tokens; ++t) tile<R, 1>(row, t);
  }

  // Of the only token: codes are used where they are.
  std::int32_t dot(const std::uint8_t* bytes) const {
    const std::int16_t* x = wide_.data();
    std::array<std::int32_t, 4> sums{};
    for (std::size_t b = 0; b < x_.stride; b += block_columns, bytes += 64, x += block_columns)
      for (std::size_t j = 0; j < 64; ++j) {
        const std::int16_t byte = bytes[j];
        sums[0] += static_cast<std::int16_t>(byte & 3) * x[j];
        sums[1] += static_cast<std::int16_t>(byte >> 2 & 3) * x[64 + j];
        sums[2] += static_cast<std::int16_t>(byte >> 4 & 3) * x[128 + j];
        sums[3] += static_cast<std::int16_t>(byte >> 6) * x[192 + j];
      }
    return sums[0] + sums[1] + sums[2] + sums[3];
  }

  void widen(const std::uint8_t* bytes, std::int16_t* codes) const {
    for (std::size_t b = 0; b < x_.stride; b += block_columns, bytes += 64, codes += block_columns)
      for (std::size_t j = 0; j < 64; ++j) {
        codes[j] = bytes[j] & 3;
        codes[64 + j] = bytes[j] >> 2 & 3;
        codes[128 + j] = bytes[j] >> 4 & 3;
        codes[192 + j] = bytes[j] >> 6;
      }
  }

  template <int R, int T>
  void tile(std::size_t row, std::size_t token) {
    const std::int16_t* __restrict codes = codes_.data();
    const std::int16_t* __restrict x = &wide_[token * x_.stride];
    std::int32_t sums[R][T]{};
    for (std::size_t c = 0; c < x_.stride; ++c)
#pragma GCC unroll 2
      for (std::size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (std::size_t t = 0; t < T; ++t)
          sums[r][t] += codes[r * x_.stride + c] * x[t * x_.stride + c];
    for (std::size_t r = 0; r < R; ++r)
      for (std::size_t t = 0; t < T; ++t)
        out_[(token + t) * weights_.rows() + row + r] = sums[r][t] - x_.sums[token + t];
  }

  const Ternary& weights_;
  const Bytes& x_;
  std::span<std::int32_t> out_;
  std::vector<std::int16_t> wide_;   // of x
  std::vector<std::int16_t> codes_;  // of two rows
};

// ---- groups ----

[[gnu::always_inline]] inline std::int32_t dot_bytes(const std::uint8_t* codes,
                                                     const std::int8_t* x, std::size_t n) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < n; ++i)
    sum += static_cast<std::int16_t>(codes[i]) * static_cast<std::int16_t>(x[i]);
  return sum;
}

using DotBytes = std::int32_t (*)(const std::uint8_t*, const std::int8_t*, std::size_t);

std::int32_t dot_bytes_baseline(const std::uint8_t* codes, const std::int8_t* x, std::size_t n) {
  return dot_bytes(codes, x, n);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] std::int32_t dot_bytes_avx2(const std::uint8_t* codes, const std::int8_t* x,
                                                    std::size_t n) {
  return dot_bytes(codes, x, n);
}
// For whole 64s.
[[gnu::target("avx512f,avx512bw,avx512vnni")]] std::int32_t dot_bytes_avx512(
    const std::uint8_t* codes, const std::int8_t* x, std::size_t n) {
  auto sum = _mm512_setzero_si512();
  for (std::size_t i = 0; i < n; i += 64)
    sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(codes + i), _mm512_loadu_si512(x + i));
  return total(sum);
}
#endif

DotBytes dot_bytes_for(Isa isa, std::size_t group) {
#if defined(__x86_64__)
  if (isa == Isa::avx512 && group % 64 == 0) return dot_bytes_avx512;
  if (isa >= Isa::avx2) return dot_bytes_avx2;
#endif
  (void)group;
  (void)isa;
  return dot_bytes_baseline;
}

}  // namespace

Isa best_isa() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni"))
    return Isa::avx512;
  if (__builtin_cpu_supports("avx2")) return Isa::avx2;
#endif
  return Isa::baseline;
}

Ternary::Ternary(std::size_t rows, std::size_t columns)
    : rows_(rows), columns_(columns), codes_(rows * row_bytes(), 0b01'01'01'01) {}

void Ternary::set(std::uint64_t first, std::span<const std::int8_t> weights) {
  std::size_t r = first / columns_;
  std::size_t c = first % columns_;
  while (!weights.empty()) {
    auto* codes = codes_.data() + r * row_bytes();
    const auto n = std::min(weights.size(), columns_ - c);
    if (c % block_columns == 0 && n >= block_columns) {
      pack_block(weights.data(), codes + c / 4);
      weights = weights.subspan(block_columns);
      c += block_columns;
    } else {
      const auto [byte, shift] = place(c);
      codes[byte] = static_cast<std::uint8_t>((codes[byte] & ~(3u << shift)) |
                                              static_cast<unsigned>(weights[0] + 1) << shift);
      weights = weights.subspan(1);
      ++c;
    }
    if (c == columns_) {
      c = 0;
      ++r;
    }
  }
}

void Ternary::row_weights(std::size_t r, std::span<std::int8_t> weights) const {
  const auto* bytes = row(r);
  std::array<std::int8_t, block_columns> block;
  for (std::size_t from = 0; from < columns_; from += block_columns, bytes += 64) {
    for (std::size_t j = 0; j < 64; ++j)
      for (std::size_t k = 0; k < 4; ++k)
        block[64 * k + j] = static_cast<std::int8_t>((bytes[j] >> 2 * k & 3) - 1);
    std::copy_n(block.begin(), std::min(block_columns, columns_ - from), &weights[from]);
  }
}

Grouped::Grouped(std::size_t rows, std::size_t columns, int bits, std::size_t group)
    : rows_(rows),
      columns_(columns),
      bits_(bits),
      group_(group),
      codes_((rows * columns * stored_bits() + 7) / 8),
      scales_(rows * (columns / group)),
      zeros_(rows * (columns / group)) {}

void Grouped::set(std::uint64_t first, std::span<const std::uint8_t> codes, float scale,
                  std::uint8_t zero) {
  const auto bits = stored_bits();
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const auto at = (first + i) * bits;
    codes_[at / 8] = static_cast<std::uint8_t>(codes_[at / 8] | codes[i] << at % 8);
  }
  scales_[first / group_] = scale;
  zeros_[first / group_] = zero;
}

void Grouped::row_codes(std::size_t r, std::span<std::uint8_t> codes) const {
  const auto bits = stored_bits();
  if (bits == 4 && columns_ % 2 == 0) {  // the usual case, in a loop that vectorizes
    const auto* bytes = codes_.data() + r * columns_ / 2;
    for (std::size_t i = 0; i < columns_ / 2; ++i) {
      codes[2 * i] = bytes[i] & 15;
      codes[2 * i + 1] = static_cast<std::uint8_t>(bytes[i] >> 4);
    }
    return;
  }
  const auto mask = (1u << bits) - 1;
  for (std::size_t c = 0; c < columns_; ++c) {
    const auto at = (r * columns_ + c) * bits;
    codes[c] = static_cast<std::uint8_t>(codes_[at / 8] >> at % 8 & mask);
  }
}

void Bytes::add_up() {
  for (std::size_t t = 0; t < tokens; ++t)
    sums[t] = std::accumulate(token(t), token(t) + stride, std::int32_t{0});
}

void multiply(const Ternary& weights, const Bytes& x, std::size_t from, std::size_t to, Isa isa,
              std::span<std::int32_t> out) {
#if defined(__x86_64__)
  const Job job{weights, x, out};
  if (isa == Isa::avx512) return job.run<Avx512>(from, to);
  if (isa == Isa::avx2) return job.run<Avx2>(from, to);
#endif
  (void)isa;
  Baseline(weights, x, out).run(from, to);
}

std::vector<std::int32_t> group_sums(const Bytes& x, std::size_t columns, std::size_t group) {
  std::vector<std::int32_t> out;
  for (std::size_t t = 0; t < x.tokens; ++t)
    for (std::size_t from = 0; from < columns; from += group)
      out.push_back(std::accumulate(x.token(t) + from, x.token(t) + from + group, std::int32_t{0}));
  return out;
}

void multiply_row(const Grouped& weights, const Bytes& x, std::span<const std::int32_t> of_groups,
                  std::size_t row, Isa isa, std::span<std::int32_t> sums) {
  const auto group = weights.group();
  const auto dot_group = dot_bytes_for(isa, group);
  std::vector<std::uint8_t> codes(weights.columns());
  weights.row_codes(row, codes);
  for (std::size_t t = 0; t < x.tokens; ++t)
    for (std::size_t g = 0; g < weights.groups(); ++g) {
      const auto i = t * weights.groups() + g;
      sums[i] = dot_group(codes.data() + g * group, x.token(t) + g * group, group) -
                std::int32_t{weights.zero(row, g)} * of_groups[i];
    }
}

}  // namespace tomestimate::reference
