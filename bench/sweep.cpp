// SPDX-License-Identifier: Apache-2.0
// Design points per second: the engine alone (no CSV), by what varies, by layers, by threads and
// instruction set, and from 10^3 to 10^8 points.
#include <benchmark/benchmark.h>

#include <algorithm>

#include <tomestimate/study/sweep.hpp>

namespace {

using namespace tomestimate;

const std::string folder = TOMESTIMATE_SPECS;

study::Specs bitnet_on_tom() {
  return {spec::load_hardware(folder + "/tom.toml"), spec::load_model(folder + "/bitnet-2b.toml")};
}

// `points` values spread between two ends in base units.
study::Axis axis(const study::Specs& specs, const std::string& path, double low, double high,
                 std::size_t points) {
  study::Varied v{study::find_parameter(specs, path, {}), {}};
  study::Varied::Numbers numbers;
  const double unit = study::unit_factor(v.parameter.unit);
  for (std::size_t i = 0; i < points; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(points);
    double x = low + share * (high - low);
    if (v.parameter.whole) x = std::floor(x / unit) * unit;
    numbers.push_back(x / unit);
  }
  v.values = std::move(numbers);
  return {{std::move(v)}};
}

const std::vector<std::string> metrics{"throughput", "power", "area", "ttft", "energy_per_token"};

void run(benchmark::State& state, const study::Space& space, std::uint64_t points, unsigned threads,
         study::Isa isa) {
  for (auto _ : state) {
    double sum = 0;
    study::for_each_chunk(space, 0, points, threads, isa, nullptr,
                          [&sum](std::uint64_t, const study::Space::Chunk& chunk) {
                            sum += chunk.values[0][0];
                            return true;
                          });
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(points));
  state.counters["instructions"] = static_cast<double>(space.instructions());
}

// One parameter of each kind, a million points on one core.
void one_parameter(benchmark::State& state, const char* path, double low, double high) {
  const auto specs = bitnet_on_tom();
  const study::Space space(
      specs, {axis(specs, path, low, high, 1000), axis(specs, "chip.voltage", 0.65, 0.8, 1000)},
      metrics);
  run(state, space, space.points(), 1, study::best_isa());
}
BENCHMARK_CAPTURE(one_parameter, clock, "chip.clock", 4e8, 1e9)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(one_parameter, zero_share, "weights.zero_share", 0.2, 0.6)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(one_parameter, sram_width, "base.sram_width", 64, 1024)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(one_parameter, vector_width, "vector.width", 16, 1024)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(one_parameter, rows, "base.rows", 1, 128)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(one_parameter, lanes, "base.lanes", 16, 1024)->Unit(benchmark::kMillisecond);

// Everything but the model varies: nearly nothing is left to fold. In the order given, and in the
// other one, in which nearly everything hangs on the fastest axis.
void many_parameters(benchmark::State& state) {
  const auto specs = bitnet_on_tom();
  std::vector<study::Axis> axes{
      axis(specs, "base.lanes", 16, 1024, 8),   axis(specs, "base.rows", 8, 128, 8),
      axis(specs, "base.width", 8, 128, 8),     axis(specs, "base.sram_width", 64, 1024, 8),
      axis(specs, "vector.width", 16, 1024, 8), axis(specs, "chip.clock", 4e8, 1e9, 8)};
  if (state.range(1) != 0) std::reverse(axes.begin(), axes.end());
  const study::Space space(specs, axes, metrics);
  const auto isa = static_cast<study::Isa>(state.range(0));
  if (isa > study::best_isa()) return state.SkipWithError("not on this machine");
  run(state, space, space.points(), 1, isa);
}
BENCHMARK(many_parameters)
    ->ArgNames({"isa", "reversed"})
    ->ArgsProduct({{0, 1, 2}, {0, 1}})
    ->Unit(benchmark::kMillisecond);

const char* const isa_names[]{"baseline", "avx2", "avx512"};
void by_isa(benchmark::State& state) {
  const auto isa = static_cast<study::Isa>(state.range(0));
  state.SetLabel(isa_names[state.range(0)]);
  if (isa > study::best_isa()) return state.SkipWithError("not on this machine");
  const auto specs = bitnet_on_tom();
  const study::Space space(
      specs, {axis(specs, "base.lanes", 16, 1024, 1000), axis(specs, "chip.clock", 4e8, 1e9, 1000)},
      metrics);
  run(state, space, space.points(), 1, isa);
}
BENCHMARK(by_isa)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

void by_layers(benchmark::State& state) {
  auto specs = bitnet_on_tom();
  auto& m = specs.model.values;
  m.layers = static_cast<std::size_t>(state.range(0));
  m.weights.zero_share.resize(m.layers);
  m.weights.zero_share_of.fill({});
  m.weights.dead_share.clear();
  // Layers that all differ: nothing of one can serve another.
  for (std::size_t l = 0; l < m.layers; ++l)
    m.weights.zero_share[l] = 0.3 + 1e-4 * static_cast<double>(l);
  const study::Space space(
      specs, {axis(specs, "base.rows", 8, 128, 300), axis(specs, "chip.clock", 4e8, 1e9, 300)},
      metrics);
  run(state, space, space.points(), 1, study::best_isa());
  state.SetComplexityN(state.range(0));
}
BENCHMARK(by_layers)->RangeMultiplier(2)->Range(15, 240)->Complexity()->Unit(
    benchmark::kMillisecond);

void by_threads(benchmark::State& state) {
  const auto specs = bitnet_on_tom();
  const study::Space space(
      specs, {axis(specs, "base.lanes", 16, 1024, 2000), axis(specs, "chip.clock", 4e8, 1e9, 2000)},
      metrics);
  run(state, space, space.points(), static_cast<unsigned>(state.range(0)), study::best_isa());
}
BENCHMARK(by_threads)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

void by_points(benchmark::State& state) {
  const auto specs = bitnet_on_tom();
  const study::Space space(
      specs,
      {axis(specs, "chip.clock", 4e8, 1e9, 10000), axis(specs, "chip.voltage", 0.65, 0.8, 10000)},
      metrics);
  run(state, space, static_cast<std::uint64_t>(state.range(0)), 2, study::best_isa());
}
BENCHMARK(by_points)
    ->RangeMultiplier(10)
    ->Range(1000, 100000000)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// The whole command: engine, formatting and writing of a million crossed points, as CSV and .npy.
void million_to_file(benchmark::State& state) {
  const auto st = study::load_study(folder + "/../reports/studies/million.toml");
  study::SweepOptions options;
  options.output = "/tmp/tomestimate-bench.rows";
  options.threads = 2;
  options.format = static_cast<study::RowFormat>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(study::sweep(st, options).rows);
  std::remove(options.output.c_str());
  state.SetItemsProcessed(state.iterations() * 1000000);
}
BENCHMARK(million_to_file)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
