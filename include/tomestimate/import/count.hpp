// SPDX-License-Identifier: Apache-2.0
// Counts of the weights of a tensor by value, exact, streamed in blocks of constant size.
//
// Layouts. A "code" is a weight plus 1: 0, 1, 2 for -1, 0, +1.
// - TQ2_0 (ggml-org/llama.cpp, ggml-common.h block_tq2_0 and dequantize_row_tq2_0 of
// ggml-quants.c):
//   66 bytes a block of 256: 64 bytes of four 2-bit codes, then a half-float scale.
// - TQ1_0 (block_tq1_0, dequantize_row_tq1_0): 54 bytes a block of 256: 48 bytes of five codes, 4
//   bytes of four, then a half-float scale. A byte is ceil(256 v / 243), where v has the codes as
//   base-3 digits, first one highest (with four codes the last digit is 0); the code at digit n is
//   (3 (q 3^n mod 256)) >> 8. 243 (81) of the 256 bytes are written; others decode, but are odd.
// - I2_S (microsoft/BitNet, src/ggml-bitnet-mad.cpp quantize_i2_s): four 2-bit codes a byte for the
//   whole tensor, then 32 bytes of which the first 4 are a float scale. Of 128 weights x86 puts
//   weight j at bits 6 - 2 (j / 32) of byte j % 32; of 64 ARM puts it at 6 - 2 (j / 16) of byte
//   j % 16; x86 without ACT_PARALLEL has one byte for a column of four rows. Which one a file has
//   is not written in it and makes no difference to a count. No byte is padding where the weights
//   are a multiple of 128, which is required.
// - Q2_0 (llama.cpp, block_q2_0): 18 bytes a block of 64: a half-float scale, then 16 bytes of four
//   2-bit codes. Another fork has blocks of 128 under the same number: 34 bytes.
// - TL1 (microsoft/BitNet, utils/convert-hf-to-gguf-bitnet.py preprocess_weights_tl1): four bits
// for
//   two weights a, b of a row, 3 a + b + 4. The order of rows hangs on tile sizes that the file
//   does not say, so that rows can't be told apart.
// - TL2 (preprocess_weights_tl2 there): of K columns the first K - K mod 96 are stored in threes,
// as
//   |9 a + 3 b + c| in four bits, and after these as sign bits; the others as in TL1. (The tile of
//   96 columns is that of its preset kernels, and of those of 192 where both divide alike.)
// - packed U8 (huggingface/transformers, integrations/bitnet.py pack_weights): four 2-bit codes a
//   byte; bits 2i of row r are row i R + r of the matrix, R rows being stored. Where the rows are
//   no multiple of 4, the last ones are padding of code 0, and such shapes are refused (BitLinear
//   of the same file can't load them either).
// - floats: where the weights of every 32 of a row that are not zero have one size, they are
// ternary
//   already (dequantized, with a scale for all, a row or a group), and zero is zero. Otherwise they
//   are master weights: absmean as BitNet b1.58 does (WeightQuant in bitnet.py): w / max(mean |w|,
//   1e-5), in single precision, rounded half to even and clipped to -1, 0, +1.
#pragma once

#include <cstdint>
#include <vector>

#include <tomestimate/import/tensor.hpp>

namespace tomestimate::importer {

struct Counts {
  std::uint64_t minus = 0;
  std::uint64_t zeros = 0;
  std::uint64_t plus = 0;
  std::uint64_t invalid = 0;    // neither: code 3, or a whole number beyond -1, 0, +1
  std::uint64_t odd_bytes = 0;  // TQ1_0 bytes that no writer makes
  std::uint64_t odd_scales =
      0;  // scales that are zero though the block has other codes, or not finite

  std::uint64_t weights() const { return minus + zeros + plus + invalid; }
  double zero_share() const { return static_cast<double>(zeros) / static_cast<double>(weights()); }
  Counts& operator+=(const Counts& other);
  bool operator==(const Counts&) const = default;
};

struct Tally {
  Counts counts;
  std::vector<bool>
      zero_rows;             // whether all weights of a row are zero; empty if rows can't be told
  bool was_ternary = false;  // floats that were ternary already
};

// Counts `tensor` of `source`, whose storage is neither `other` nor `unknown`. A tensor that is no
// matrix counts as one row. May be called from several threads. Throws spec::SpecError if the file
// can't be read, or if a float is not finite.
Tally count(const Source& source, const Tensor& tensor);

}  // namespace tomestimate::importer
