// SPDX-License-Identifier: Apache-2.0
// Properties that must hold whatever the numbers.
#include <cmath>
#include <functional>

#include <tomestimate/spec/rules.hpp>

#include "catch.hpp"
#include "designs.hpp"

using namespace designs;

namespace {

using Hardware = spec::Hardware<double>;

// More of one resource; where a port would starve it, the port grows with it.
struct Growth {
  std::string name;
  std::function<void(Hardware&)> grow;
};

void widen_ports(spec::UnitClass<double>& c) {
  c.buffer_width *= 2.0;
  c.sram_width *= 2.0;
}

std::vector<Growth> growths_of_class(const std::string& name,
                                     spec::UnitClass<double> Hardware::*which) {
  const auto on = [&](const std::string& what, auto change) {
    return Growth{name + what, [=](Hardware& h) { change(h.*which); }};
  };
  return {on(".lanes", [](auto& c) { c.lanes += 1; }),
          on(".per_lane", [](auto& c) { c.per_lane += 1; }),
          on(".width_adapter",
             [](auto& c) {
               c.width_adapter *= 2;
               widen_ports(c);
             }),
          on(".width_attention",
             [](auto& c) {
               c.width_attention *= 2;
               widen_ports(c);
             }),
          on(".input_words", [](auto& c) { c.input_words += 1; }),
          on(".kv_tile", [](auto& c) { c.kv_tile += 1; }),
          on(".tree_values", [](auto& c) { c.tree_values += 1; }),
          on(".buffer_width", [](auto& c) { c.buffer_width += of<units::PortWidth<double>>(1); }),
          on(".sram_width", [](auto& c) { c.sram_width += of<units::PortWidth<double>>(1); })};
}

std::vector<Growth> growths() {
  const auto bit = of<units::PortWidth<double>>(1);
  std::vector<Growth> all{{"base.rows",
                           [](Hardware& h) {
                             h.base.rows *= 2;
                             h.rom.read_width *= 2.0;
                             widen_ports(h.base);
                           }},
                          {"side.rows",
                           [](Hardware& h) {
                             h.side.rows *= 2;
                             widen_ports(h.side);
                           }},
                          {"base.width",
                           [](Hardware& h) {
                             h.datapath.width *= 2;
                             h.rom.read_width *= 2.0;
                             widen_ports(h.base);
                           }},
                          {"base.width_head",
                           [](Hardware& h) {
                             h.datapath.width_head *= 2;
                             h.rom.read_width *= 2.0;
                             widen_ports(h.base);
                           }},
                          {"rom.read_width", [=](Hardware& h) { h.rom.read_width += bit; }},
                          {"workspace.width", [=](Hardware& h) { h.workspace.width += bit; }},
                          {"vector.count", [](Hardware& h) { h.vector.count += 1; }},
                          {"vector.width", [](Hardware& h) { h.vector.width += 1; }},
                          {"bus.width", [=](Hardware& h) { h.bus.width += bit; }},
                          {"dram.bandwidth", [](Hardware& h) { h.dram.bandwidth *= 1.1; }}};
  for (auto& g : growths_of_class("base", &Hardware::base)) all.push_back(std::move(g));
  for (auto& g : growths_of_class("side", &Hardware::side)) all.push_back(std::move(g));
  return all;
}

// What does not depend on how the work is dealt.
std::vector<double> work(const engine::PassEstimate<double>& e) {
  const auto& x = e.events;
  return {x.base_adds,           x.dense_macs,
          x.tree_adds,           x.vector_elements,
          x.unit_active.value(), x.broadcast_bits.value(),
          x.buffer_read.value(), x.buffer_write.value(),
          x.sram_write.value(),  x.workspace_read.value(),
          e.base_macs,           e.link_bits.value()};
}

}  // namespace

TEST_CASE("sums over tokens equal the sums they stand for") {
  for (int step = 1; step <= 9; ++step) {
    double ceils = 0;
    double mins = 0;
    for (int last = 0; last <= 60; ++last) {
      if (last > 0) ceils += std::ceil(static_cast<double>(last) / step);
      mins += std::min(last, step);
      REQUIRE(engine::sum_of_ceils<double>(last, step) == ceils);
      REQUIRE(engine::sum_of_mins<double>(last, step) == mins);
    }
  }
}

TEST_CASE("busy chunks equal a count over parts") {
  for (int parts = 1; parts <= 5; ++parts) {
    for (int chunk = 1; chunk <= 4; ++chunk) {
      double sum = 0;
      for (int last = 1; last <= 70; ++last) {
        for (int part = 0; part < parts; ++part) {
          const int positions = (last - part + parts - 1) / parts;  // p = part, part + parts, ...
          sum += (positions + chunk - 1) / chunk;
        }
        REQUIRE(engine::sum_of_busy_chunks<double>(last, parts, chunk) == sum);
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

// A tree over more units has more levels, so here a level takes no time.
TEST_CASE("more of a resource is never slower") {
  Random r(1);
  const auto all = growths();
  for (int i = 0; i < 2000; ++i) {
    auto d = random_design(r);
    d.hw.base.level_latency = d.hw.side.level_latency = {};
    const auto before = estimate_pass(d);
    for (const auto& g : all) {
      auto more = d;
      g.grow(more.hw);
      const auto after = estimate_pass(more);
      CAPTURE(i, g.name);
      REQUIRE(after.total <= before.total);
      REQUIRE(after.time <= before.time);
    }
  }
}

TEST_CASE("a faster clock and host are faster; more latency is slower") {
  Random r(2);
  for (int i = 0; i < 300; ++i) {
    auto d = random_design(r);
    const auto before = estimate_pass(d);
    const auto with = [&](auto change) {
      auto other = d;
      change(other.hw);
      return estimate_pass(other);
    };
    INFO("design " << i);
    if (!uses_dram(d.hw)) CHECK(with([](auto& h) { h.chip.clock *= 1.5; }).time < before.time);
    CHECK(with([](auto& h) { h.host.bandwidth *= 2.0; }).end_to_end < before.end_to_end);
    CHECK(with([](auto& h) { h.host.memory_bandwidth *= 2.0; }).end_to_end <= before.end_to_end);
    CHECK(with([](auto& h) { h.host.latency *= 2.0; }).end_to_end > before.end_to_end);
    // Other classes, or other token groups, may hide it.
    CHECK(with([](auto& h) { h.base.pipeline += units::cycles(9.0); }).total >= before.total);
    CHECK(with([](auto& h) { h.vector.latency += units::cycles(9.0); }).total >= before.total);
  }
}

TEST_CASE("more tokens and more positions take longer") {
  Random r(3);
  for (int i = 0; i < 300; ++i) {
    const auto d = random_design(r);
    const auto before = estimate_pass(d).total;
    auto more = d;
    more.pass.past += 7;
    INFO("design " << i);
    CHECK(estimate_pass(more).total >= before);
    more = d;
    more.pass.batch += 1;
    CHECK(estimate_pass(more).events.base_adds > estimate_pass(d).events.base_adds - 1e-9);
    if (d.hw.base.token_tile == 1) CHECK(estimate_pass(more).total > before);
  }
}

TEST_CASE("no class is used beyond its peak") {
  Random r(4);
  for (int i = 0; i < 1000; ++i) {
    const auto d = random_design(r);
    const auto e = estimate_pass(d);
    INFO("design " << i);
    CHECK(e.pe_utilization >= 0);
    CHECK(e.pe_utilization <= 1);
    const auto& plan = e.layer;
    const auto most = max(plan.load[0], max(plan.load[1], plan.load[2]));
    CHECK(plan.cycles >= most);
    CHECK(plan.cycles <= plan.path);
  }
}

TEST_CASE("linear in layers") {
  for (const auto mode : {spec::GatingMode::switches, spec::GatingMode::isolation}) {
    auto hw = tiny_hardware();
    auto model = tiny_model();
    hw.gating.mode = mode;
    model.weights.zero_share.assign(64, 0.25);
    const auto at = [&](std::size_t layers) {
      model.layers = layers;
      return engine::estimate(hw, model);
    };
    const auto a = at(10), b = at(20), c = at(30);
    CHECK((c.common.area.rom - b.common.area.rom).value() ==
          Approx((b.common.area.rom - a.common.area.rom).value()));
    CHECK((c.decode.total - b.decode.total) == (b.decode.total - a.decode.total));
    CHECK((c.prefill.total - b.prefill.total) == (b.prefill.total - a.prefill.total));
    CHECK((c.decode.events.sram_read - b.decode.events.sram_read) ==
          (b.decode.events.sram_read - a.decode.events.sram_read));
    // But for leakage, which goes with bits and time both.
    const auto switched = [](const auto& e) {
      return (total(e.decode.energy) - leakage(e.decode.energy)).value();
    };
    CHECK(switched(c) - switched(b) == Approx(switched(b) - switched(a)));
  }
}

TEST_CASE("without isolation every layer disturbs every bank: energy goes with layers squared") {
  auto hw = tiny_hardware();
  hw.gating.mode = spec::GatingMode::none;
  auto model = tiny_model();
  model.weights.zero_share.assign(64, 0.25);
  const auto rom = [&](std::size_t layers) {
    model.layers = layers;
    return engine::estimate(hw, model).decode.energy.rom.value();
  };
  CHECK(rom(20) == Approx(4 * rom(10)));
}

TEST_CASE("ROM area falls with zeros to what a bit takes whatever it holds") {
  const auto hw = tiny_hardware();
  auto model = tiny_model();
  double last = 1;
  for (double z = 0; z <= 1; z += 0.125) {
    model.weights.zero_share.assign(2, z);
    const auto area = engine::layer_content(hw, model).layers_area.value();
    CHECK(area < last);
    last = area;
  }
  CHECK(last == Approx(2400 * 0.5e-9 / 0.5));
  // A macro holds bits, whatever they are.
  auto macro = hw;
  macro.rom.law = spec::RomLaw::macro;
  const auto empty = engine::layer_content(macro, model).layers_area;
  CHECK(engine::layer_content(macro, tiny_model()).layers_area == empty);
}

TEST_CASE("a higher voltage takes more energy and allows a faster clock") {
  Random r(5);
  for (int i = 0; i < 100; ++i) {
    auto d = random_design(r);
    double energy = 0;
    double clock = 0;
    for (const double volt : {0.6, 0.8, 1.0, 1.3}) {
      d.hw.chip.voltage = of<units::Voltage<double>>(volt);
      const auto now = total(estimate_pass(d).energy).value();
      const auto limit = spec::clock_limit(d.hw).value();
      CHECK(now > energy);
      CHECK(limit > clock);
      energy = now;
      clock = limit;
    }
  }
}

TEST_CASE("warmer chips leak more and switch the same") {
  auto hw = tiny_hardware();
  const auto cold = estimate_pass(hw, tiny_model(), {1, 1, 6});
  hw.chip.temperature = of<units::Temperature<double>>(35);
  const auto warm = estimate_pass(hw, tiny_model(), {1, 1, 6});
  CHECK(leakage(warm.energy).value() == Approx(2 * leakage(cold.energy).value()));
  CHECK(warm.energy.rom == cold.energy.rom);
  CHECK(warm.total == cold.total);
}

TEST_CASE("each better gating never takes more energy where nothing wakes") {
  Random r(6);
  for (int i = 0; i < 200; ++i) {
    auto d = random_design(r);
    const auto rom = [&](spec::GatingMode mode, spec::GatingDomain domain) {
      d.hw.gating.mode = mode;
      d.hw.gating.domain = domain;
      return estimate_pass(d).energy.rom;
    };
    using Domain = spec::GatingDomain;
    const auto open = rom(spec::GatingMode::none, Domain::layer);
    const auto layer = rom(spec::GatingMode::isolation, Domain::layer);
    const auto matrix = rom(spec::GatingMode::isolation, Domain::matrix);
    const auto bank = rom(spec::GatingMode::isolation, Domain::bank);
    INFO("design " << i);
    CHECK(open >= layer);
    CHECK(layer >= matrix);
    CHECK(matrix >= bank);
  }
}

TEST_CASE("every token tile does the same work, and reads weights once a group") {
  Random r(7);
  for (int i = 0; i < 300; ++i) {
    auto d = random_design(r);
    const auto first = estimate_pass(d);
    for (const double tile : {1.0, 2.0, 3.0, 7.0, 64.0}) {
      d.hw.base.token_tile = d.hw.side.token_tile = tile;
      const auto e = estimate_pass(d);
      const double groups = std::ceil(d.pass.batch * d.pass.fresh / tile);
      INFO("design " << i << ", tile " << tile);
      CHECK(work(e) == work(first));
      const auto stored = engine::layer_content(d.hw, d.model).layers.all;
      const auto head = e.lm_head.rom_bits;
      CHECK((e.events.rom_bits + e.events.dram_bits - head).value() == groups * stored.value());
      for (std::size_t k = 0; k < e.layer.ops.size(); ++k)
        CHECK(e.layer.ops[k].compute == first.layer.ops[k].compute);
    }
  }
}

TEST_CASE("without prewake every layer waits for its banks") {
  auto hw = tiny_hardware();
  hw.gating.prewake = spec::Switch::off;
  const auto pass = estimate_pass(hw, tiny_model(), {1.0, 1.0, 6.0});
  CHECK(pass.exposed == pass.wake);
}

TEST_CASE("batching reads the ROM once for all sequences of a group") {
  const auto hw = tiny_hardware();
  const auto model = tiny_model();
  const auto one = estimate_pass(hw, model, {1.0, 1.0, 6.0});
  const auto three = estimate_pass(hw, model, {3.0, 1.0, 6.0});
  const auto four = estimate_pass(hw, model, {4.0, 1.0, 6.0});
  CHECK(three.events.rom_bits == one.events.rom_bits);
  CHECK(four.events.rom_bits == 2.0 * one.events.rom_bits);
  CHECK(four.events.base_adds == 4 * one.events.base_adds);
}
