// SPDX-License-Identifier: Apache-2.0
#include "products.hpp"

namespace tomestimate::kernel {
namespace {

// R rows by T tokens: each operand that is loaded serves several sums. Compilers make the inner
// loop of multiply-and-add instructions on pairs of 16-bit numbers.
template <int R, int T>
[[gnu::always_inline]] inline void add_tile(const Operands& o, std::size_t row, std::size_t token,
                                            std::int32_t* sums, std::size_t token_step) {
  const std::int16_t* __restrict w = o.weights + row * o.weight_step;
  const std::int16_t* __restrict x = o.inputs + token * o.input_step;
  std::int32_t sum[R][T]{};
  for (std::size_t c = 0; c < o.columns; ++c)
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int t = 0; t < T; ++t)
        sum[r][t] += w[static_cast<std::size_t>(r) * o.weight_step + c] *
                     x[static_cast<std::size_t>(t) * o.input_step + c];
  for (std::size_t r = 0; r < R; ++r)
    for (std::size_t t = 0; t < T; ++t) sums[(token + t) * token_step + row + r] += sum[r][t];
}

template <int T>
[[gnu::always_inline]] inline void add_rows(const Operands& o, std::size_t token,
                                            std::int32_t* sums, std::size_t token_step) {
  std::size_t r = 0;
  for (; r + 2 <= o.rows; r += 2) add_tile<2, T>(o, r, token, sums, token_step);
  for (; r < o.rows; ++r) add_tile<1, T>(o, r, token, sums, token_step);
}

[[gnu::always_inline]] inline void add_all(const Operands& o, std::int32_t* sums,
                                           std::size_t token_step) {
  std::size_t t = 0;
  for (; t + 4 <= o.tokens; t += 4) add_rows<4>(o, t, sums, token_step);
  for (; t < o.tokens; ++t) add_rows<1>(o, t, sums, token_step);
}

void add_baseline(const Operands& o, std::int32_t* sums, std::size_t token_step) {
  add_all(o, sums, token_step);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void add_avx2(const Operands& o, std::int32_t* sums,
                                      std::size_t token_step) {
  add_all(o, sums, token_step);
}
#if defined(__clang__)
[[gnu::target("avx512f,avx512bw")]]
#else
[[gnu::target("avx512f,avx512bw,prefer-vector-width=512")]]  // else of 256 bits
#endif
void add_avx512(const Operands& o, std::int32_t* sums, std::size_t token_step) {
  add_all(o, sums, token_step);
}
#endif

}  // namespace

Isa best_isa() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw")) return Isa::avx512;
  if (__builtin_cpu_supports("avx2")) return Isa::avx2;
#endif
  return Isa::baseline;
}

void add_products(const Operands& operands, Isa isa, std::int32_t* sums, std::size_t token_step) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return add_avx512(operands, sums, token_step);
  if (isa == Isa::avx2) return add_avx2(operands, sums, token_step);
#endif
  (void)isa;
  add_baseline(operands, sums, token_step);
}

}  // namespace tomestimate::kernel
