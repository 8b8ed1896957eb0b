// SPDX-License-Identifier: Apache-2.0
// Properties that must hold whatever the numbers.
#include <cmath>

#include "catch.hpp"
#include "designs.hpp"

using namespace designs;

TEST_CASE("sums over tokens equal the sums they stand for") {
  for (int step = 1; step <= 9; ++step) {
    double sum = 0;
    for (int last = 0; last <= 60; ++last) {
      if (last > 0) sum += std::ceil(static_cast<double>(last) / step);
      REQUIRE(engine::sum_of_ceils<double>(last, step) == sum);
    }
  }
}

TEST_CASE("busy chunks equal a count over lanes") {
  for (int lanes = 1; lanes <= 5; ++lanes) {
    for (int chunk = 1; chunk <= 4; ++chunk) {
      double sum = 0;
      for (int last = 1; last <= 70; ++last) {
        for (int lane = 0; lane < lanes; ++lane) {
          const int positions = (last - lane + lanes - 1) / lanes;  // p = lane, lane + lanes, ...
          sum += (positions + chunk - 1) / chunk;
        }
        REQUIRE(engine::sum_of_busy_chunks<double>(last, lanes, chunk) == sum);
      }
    }
  }
}

TEST_CASE("busiest part equals dealing by hand") {
  for (int parts = 1; parts <= 4; ++parts)
    for (int chunk = 1; chunk <= 4; ++chunk)
      for (int n = 0; n <= 50; ++n) {
        int first = 0;
        for (int i = 0; i < n; ++i) first += (i / chunk) % parts == 0;
        REQUIRE(engine::busiest<double>(n, parts, chunk) == first);
      }
}

TEST_CASE("tree levels") {
  CHECK(units::tree_levels(1.0) == 0);
  CHECK(units::tree_levels(2.0) == 1);
  CHECK(units::tree_levels(3.0) == 2);
  for (int k = 0; k < 20; ++k) {
    CHECK(units::tree_levels(std::ldexp(1.0, k)) == k);
    CHECK(units::tree_levels(std::ldexp(1.0, k) + 1) == k + 1);
  }
}

TEST_CASE("throughput never falls with bandwidth, lanes' width or clock") {
  const auto model = tiny_model();
  const auto rate = [&](auto change) {
    auto hw = tiny_hardware();
    change(hw);
    return engine::estimate(hw, model).throughput.value();
  };
  double last = 0;
  for (double factor = 0.25; factor <= 16; factor *= 2) {
    const double now = rate([&](auto& h) { h.rom.read_width *= factor; });
    CHECK(now >= last);
    last = now;
  }
  last = 0;
  for (double factor = 0.5; factor <= 16; factor *= 2) {
    const double now = rate([&](auto& h) { h.sram.port_width *= factor; });
    CHECK(now >= last);
    last = now;
  }
  last = 0;
  for (double factor = 0.5; factor <= 16; factor *= 2) {
    const double now = rate([&](auto& h) { h.chip.clock *= factor; });
    CHECK(now > last);
    last = now;
  }
}

TEST_CASE("linear in layers") {
  auto hw = tiny_hardware();
  auto model = tiny_model();
  model.weights.zero_share.assign(64, 0.25);
  const auto at = [&](std::size_t layers) {
    model.layers = layers;
    return engine::estimate(hw, model);
  };
  const auto a = at(10), b = at(20), c = at(30);
  CHECK(c.area.rom.value() - b.area.rom.value() == Approx(b.area.rom.value() - a.area.rom.value()));
  CHECK(c.tpot.value() - b.tpot.value() == Approx(b.tpot.value() - a.tpot.value()));
  CHECK(c.decode.events.sram_read.value() - b.decode.events.sram_read.value() ==
        b.decode.events.sram_read.value() - a.decode.events.sram_read.value());
}

TEST_CASE("ROM area falls with zeros, and with nothing else of the weights") {
  const auto hw = tiny_hardware();
  auto model = tiny_model();
  double last = 1;
  for (double z = 0; z <= 1; z += 0.125) {
    model.weights.zero_share.assign(2, z);
    const auto area = engine::area(hw, model).rom.value();
    CHECK(area < last);
    last = area;
  }
  CHECK(last == 0);
}

TEST_CASE("gating never costs energy when domains sleep past break-even") {
  const auto model = tiny_model();
  auto hw = tiny_hardware();
  const auto gated = engine::estimate(hw, model);
  hw.gating.enabled = spec::Switch::off;
  const auto ungated = engine::estimate(hw, model);
  CHECK(gated.energy_per_token < ungated.energy_per_token);
  CHECK(ungated.decode.schedule.wake.value() == 0);
}

TEST_CASE("without prewake every layer waits for its bank") {
  auto hw = tiny_hardware();
  hw.gating.prewake = spec::Switch::off;
  const auto plan = engine::estimate_pass(hw, tiny_model(), {1.0, 1.0, 6.0}).schedule;
  CHECK(plan.exposed == plan.wake);
}

TEST_CASE("batching reads the ROM once for all sequences of a group") {
  const auto hw = tiny_hardware();
  const auto model = tiny_model();
  const auto one = engine::estimate_pass(hw, model, {1.0, 1.0, 6.0});
  const auto three = engine::estimate_pass(hw, model, {3.0, 1.0, 6.0});
  const auto four = engine::estimate_pass(hw, model, {4.0, 1.0, 6.0});
  CHECK(three.events.rom_bits == one.events.rom_bits);
  CHECK(four.events.rom_bits == 2.0 * one.events.rom_bits);
  CHECK(four.events.base_adds == 4 * one.events.base_adds);
}
