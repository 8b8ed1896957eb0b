// SPDX-License-Identifier: Apache-2.0
// Sums of products of small whole numbers, fast: exact, so every instruction set gives the same.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tomestimate::kernel {

enum class Isa { baseline, avx2, avx512 };
Isa best_isa();

// Rows of weights and of activations (one a token), with the steps between them in elements.
struct Operands {
  const std::int16_t* weights;
  std::size_t rows, weight_step;
  const std::int16_t* inputs;
  std::size_t tokens, input_step;
  std::size_t columns;
};

// sums[t * token_step + r] += sum over columns of weight(r, c) input(t, c), for every row and
// token. A sum fits 32 bits.
void add_products(const Operands& operands, Isa isa, std::int32_t* sums, std::size_t token_step);

}  // namespace tomestimate::kernel
