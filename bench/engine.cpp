// SPDX-License-Identifier: Apache-2.0
// Estimates per second of the full model: area, capacity, prefill and decode, all layers.
#include <benchmark/benchmark.h>

#include <tomestimate/engine/estimate.hpp>
#include <tomestimate/spec/load.hpp>

namespace {

using namespace tomestimate;

const std::string specs = TOMESTIMATE_SPECS;
const auto hardware = spec::load_hardware(specs + "/tom.toml").values;
const auto bitnet = spec::load_model(specs + "/bitnet-2b.toml").values;

void whole_estimate(benchmark::State& state) {
  auto hw = hardware;
  for (auto _ : state) {
    benchmark::DoNotOptimize(hw);
    benchmark::DoNotOptimize(engine::estimate(hw, bitnet));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(whole_estimate);

void decode_pass(benchmark::State& state) {
  auto hw = hardware;
  const auto common = engine::estimate(hw, bitnet).common;
  for (auto _ : state) {
    benchmark::DoNotOptimize(hw);
    benchmark::DoNotOptimize(engine::estimate_pass(hw, bitnet, common, {1.0, 1.0, 255.0}));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decode_pass);

// Ratio to whole_estimate shows what a layer costs.
void estimate_by_layers(benchmark::State& state) {
  auto model = bitnet;
  model.layers = static_cast<std::size_t>(state.range(0));
  model.weights.zero_share.assign(model.layers, 0.3);
  model.weights.zero_share_of.fill({});
  model.weights.dead_share.clear();
  for (auto _ : state) benchmark::DoNotOptimize(engine::estimate(hardware, model));
  state.SetComplexityN(state.range(0));
}
BENCHMARK(estimate_by_layers)->RangeMultiplier(4)->Range(1, 1024)->Complexity(benchmark::oN);

}  // namespace
