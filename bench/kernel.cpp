// SPDX-License-Identifier: Apache-2.0
// The kernel's naive path on a gate matrix of BitNet-2B, for each instruction set: pieces of 16
// rows are widened and multiplied with all tokens. Beside it a plain read of the same weights, a
// byte each, in the same run. items are multiply-accumulates, bytes are of weights.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "../src/kernel/products.hpp"

namespace {

using namespace tomestimate::kernel;

constexpr std::size_t rows_of_gate = 6912;
constexpr std::size_t hidden = 2560;
constexpr std::size_t weight_count = rows_of_gate * hidden;

const std::vector<std::int8_t>& weights() {
  static const auto all = [] {
    std::vector<std::int8_t> out(4 * weight_count);  // 71 MB: more than the caches hold
    std::uint32_t state = 1;
    for (auto& w : out) {
      state = state * 1664525 + 1013904223;
      w = static_cast<std::int8_t>(static_cast<int>((state >> 16) % 3) - 1);
    }
    return out;
  }();
  return all;
}

const std::int8_t* matrix(std::size_t m) { return &weights()[m % 4 * weight_count]; }

void naive(benchmark::State& state, Isa isa) {
  if (isa > best_isa()) return state.SkipWithError("this machine does not have it");
  constexpr std::size_t piece = 16;
  const auto tokens = static_cast<std::size_t>(state.range(0));
  std::vector<std::int16_t> x(tokens * hidden);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::int16_t>(i * 37 % 255) - 127;
  std::vector<std::int32_t> sums(tokens * rows_of_gate);
  std::vector<std::int16_t> wide(piece * hidden);
  std::size_t m = 0;
  for (auto _ : state) {
    const auto* w = matrix(m++);
    for (std::size_t r = 0; r < rows_of_gate; r += piece) {
      std::copy_n(w + r * hidden, wide.size(), wide.begin());
      add_products({wide.data(), piece, hidden, x.data(), tokens, hidden, hidden}, isa, &sums[r],
                   rows_of_gate);
    }
    benchmark::DoNotOptimize(sums.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(tokens * weight_count));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(weight_count));
}
BENCHMARK_CAPTURE(naive, baseline, Isa::baseline)->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(naive, avx2, Isa::avx2)->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(naive, avx512, Isa::avx512)->Arg(1)->Arg(64);

void plain_read(benchmark::State& state) {
  std::size_t m = 0;
  for (auto _ : state) {
    const auto* bytes = matrix(m++);
    std::uint64_t sum[8]{};
    for (std::size_t i = 0; i < weight_count; i += sizeof sum)
      for (std::size_t k = 0; k < 8; ++k) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes + i + 8 * k, 8);
        sum[k] += word;
      }
    benchmark::DoNotOptimize(sum);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(weight_count));
}
BENCHMARK(plain_read);

}  // namespace
