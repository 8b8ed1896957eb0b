// SPDX-License-Identifier: Apache-2.0
// Ternary x int8 products at the size of a gate matrix of BitNet-2B, for each instruction set,
// beside a plain read of the same packed weights in the same run: the ratio of the two times is
// what the arithmetic costs over memory. items are multiply-accumulates, bytes are of packed
// weights.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include <tomestimate/reference/matrix.hpp>

namespace {

using namespace tomestimate::reference;

constexpr std::size_t rows_of_gate = 6912;
constexpr std::size_t hidden = 2560;
constexpr std::size_t matrices = 12;  // 53 MB of weights: more than the caches hold

const std::vector<Ternary>& weights() {
  static const auto all = [] {
    std::vector<Ternary> out;
    std::uint32_t state = 1;
    std::vector<std::int8_t> row(hidden);
    for (std::size_t m = 0; m < matrices; ++m) {
      out.emplace_back(rows_of_gate, hidden);
      for (std::size_t r = 0; r < rows_of_gate; ++r) {
        for (auto& w : row) {
          state = state * 1664525 + 1013904223;
          w = static_cast<std::int8_t>(static_cast<int>((state >> 16) % 3) - 1);
        }
        out.back().set(r * hidden, row);
      }
    }
    return out;
  }();
  return all;
}

void products(benchmark::State& state, Isa isa) {
  if (isa > best_isa()) return state.SkipWithError("this machine does not have it");
  const auto tokens = static_cast<std::size_t>(state.range(0));
  Bytes x(tokens, hidden);
  for (std::size_t i = 0; i < x.values.size(); ++i)
    x.values[i] = static_cast<std::int8_t>(i * 37 % 255 - 127);
  x.add_up();
  std::vector<std::int32_t> out(tokens * rows_of_gate);
  const auto& all = weights();
  std::size_t m = 0;
  for (auto _ : state) {
    multiply(all[m], x, 0, rows_of_gate, isa, out);
    benchmark::DoNotOptimize(out.data());
    m = (m + 1) % matrices;
  }
  const auto macs = static_cast<std::int64_t>(tokens * rows_of_gate * hidden);
  state.SetItemsProcessed(state.iterations() * macs);
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(rows_of_gate * hidden / 4));
}
BENCHMARK_CAPTURE(products, baseline, Isa::baseline)->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(products, avx2, Isa::avx2)->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(products, avx512, Isa::avx512)->Arg(1)->Arg(64);

// Every byte of the same weights is read once, as 64-bit words, and added up.
void plain_read(benchmark::State& state) {
  const auto& all = weights();
  std::size_t m = 0;
  for (auto _ : state) {
    const auto* bytes = all[m].row(0);
    std::uint64_t sum[8]{};
    for (std::size_t i = 0; i < rows_of_gate * hidden / 4; i += sizeof sum)
      for (std::size_t k = 0; k < 8; ++k) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes + i + 8 * k, 8);
        sum[k] += word;
      }
    benchmark::DoNotOptimize(sum);
    m = (m + 1) % matrices;
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(rows_of_gate * hidden / 4));
}
BENCHMARK(plain_read);

}  // namespace
