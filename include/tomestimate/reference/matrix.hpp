// SPDX-License-Identifier: Apache-2.0
// Weight matrices as they are kept, and their products with quantized activations: whole numbers,
// exact, so the order of a sum does not matter and every instruction set gives the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace tomestimate::reference {

// Instructions of the products. avx512 needs VNNI.
enum class Isa { baseline, avx2, avx512 };
Isa best_isa();

// Columns are padded to a multiple of this many, activations by zeros.
inline constexpr std::size_t block_columns = 256;
constexpr std::size_t padded(std::size_t columns) {
  return (columns + block_columns - 1) / block_columns * block_columns;
}

// Ternary weights, rows x columns, two bits each: weight + 1. Of a block of 256 columns, bits 2k of
// byte j are column 64 k + j.
class Ternary {
 public:
  Ternary() = default;
  Ternary(std::size_t rows, std::size_t columns);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  std::size_t row_bytes() const { return padded(columns_) / 4; }
  std::size_t bytes() const { return codes_.size(); }
  const std::uint8_t* row(std::size_t r) const { return codes_.data() + r * row_bytes(); }

  // Weights first, first + 1, ... of the matrix by rows, each -1, 0 or +1.
  void set(std::uint64_t first, std::span<const std::int8_t> weights);
  void row_weights(std::size_t r, std::span<std::int8_t> weights) const;

  float scale = 1;  // of the matrix: a weight is scale x -1, 0, +1

 private:
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::vector<std::uint8_t> codes_;
};

// Weights of whole numbers in groups of `group` columns, which divides columns: weight = scale
// (code - zero), with codes of `bits` bits kept in 2, 4 or 8.
class Grouped {
 public:
  Grouped() = default;
  Grouped(std::size_t rows, std::size_t columns, int bits, std::size_t group);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  int bits() const { return bits_; }
  std::size_t group() const { return group_; }
  std::size_t groups() const { return columns_ / group_; }
  std::size_t bytes() const { return codes_.size() + 5 * scales_.size(); }
  float scale(std::size_t r, std::size_t g) const { return scales_[r * groups() + g]; }
  std::uint8_t zero(std::size_t r, std::size_t g) const { return zeros_[r * groups() + g]; }

  // One group: weights first .. first + group - 1 of the matrix by rows.
  void set(std::uint64_t first, std::span<const std::uint8_t> codes, float scale,
           std::uint8_t zero);
  void row_codes(std::size_t r, std::span<std::uint8_t> codes) const;

 private:
  unsigned stored_bits() const { return bits_ <= 2 ? 2 : bits_ <= 4 ? 4 : 8; }

  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  int bits_ = 8;
  std::size_t group_ = 1;
  std::vector<std::uint8_t> codes_;
  std::vector<float> scales_;
  std::vector<std::uint8_t> zeros_;
};

using Matrix = std::variant<Ternary, Grouped>;

inline std::size_t rows(const Matrix& m) {
  return std::visit([](const auto& w) { return w.rows(); }, m);
}
inline std::size_t columns(const Matrix& m) {
  return std::visit([](const auto& w) { return w.columns(); }, m);
}

// Signed bytes of tokens x padded(columns), padding zero, with the sum of each token.
struct Bytes {
  std::size_t tokens = 0;
  std::size_t stride = 0;
  std::vector<std::int8_t> values;
  std::vector<std::int32_t> sums;

  Bytes(std::size_t count, std::size_t columns)
      : tokens(count), stride(padded(columns)), values(tokens * stride), sums(tokens) {}
  const std::int8_t* token(std::size_t t) const { return values.data() + t * stride; }
  // Fills `sums` from `values`.
  void add_up();
};

// out[t * weights.rows() + r] = sum over c of weight(r, c) x(t, c) for rows from .. to - 1. Up to
// 2^23 columns, so that 32 bits hold any sum.
void multiply(const Ternary& weights, const Bytes& x, std::size_t from, std::size_t to, Isa isa,
              std::span<std::int32_t> out);

// The sums of x by token and group of `group` columns.
std::vector<std::int32_t> group_sums(const Bytes& x, std::size_t columns, std::size_t group);

// sums[t * weights.groups() + g] = sum over c of group g of (code(r, c) - zero) x(t, c), of one
// row. `of_groups` are the group_sums of x.
void multiply_row(const Grouped& weights, const Bytes& x, std::span<const std::int32_t> of_groups,
                  std::size_t row, Isa isa, std::span<std::int32_t> sums);

}  // namespace tomestimate::reference
