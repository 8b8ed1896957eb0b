// SPDX-License-Identifier: Apache-2.0
// Weights made on demand, a row at a time, so that a model never has to be in memory whole.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tomestimate::kernel {

enum class Code { ternary, integer };

// What a generated row holds, besides its weights.
struct MatrixShape {
  std::uint64_t rows;
  std::uint64_t columns;
  Code code;
  unsigned bits;        // of one weight; computed with at most its upper 8
  std::uint64_t zeros;  // in the matrix: zero weights (ternary), or zero bits (integer)
};

// A pseudo-random matrix with an exact number of zeros: row r gets its even share of them, and an
// affine permutation of the row places them.
class Matrix {
 public:
  Matrix(const MatrixShape& shape, std::uint64_t seed);

  const MatrixShape& shape() const { return shape_; }

  // Writes row r into `weights` (columns values, -1..1 or two's complement of min(bits, 8) bits).
  // `scratch` gets the row's stored bits, one a byte, if it is integer; it keeps threads apart.
  void row(std::uint64_t r, std::span<std::int8_t> weights,
           std::vector<std::uint8_t>& scratch) const;

 private:
  std::uint64_t zeros_up_to(std::uint64_t row) const;

  MatrixShape shape_;
  std::uint64_t seed_;
  std::vector<std::int32_t> keys_;   // a permutation of a row's places
  std::vector<std::int32_t> signs_;  // for ternary rows: a second, unrelated key
};

// A good 64-bit mix of its argument (the finalizer of SplitMix64).
std::uint64_t mix(std::uint64_t x);

// 1-bits of `weights` as they are coded in ROM: +1 is 01 and -1 is 10, or two's complement.
std::uint64_t count_one_bits(std::span<const std::int8_t> weights, Code code, unsigned bits);

std::uint64_t count_nonzero(std::span<const std::int8_t> weights);

}  // namespace tomestimate::kernel
