// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/validate.hpp>

#include <utility>

#include <tomestimate/spec/load.hpp>

#include "../engine/designs.hpp"
#include "catch.hpp"

using namespace designs;

namespace {

std::string first_mismatch(const evidence::Validation& v) {
  if (v.mismatches.empty()) return v.first_difference;
  const auto& m = v.mismatches[0];
  return m.where + " " + m.count + ": " + std::to_string(m.closed_form) + ", counted " +
         std::to_string(m.counted);
}

}  // namespace

TEST_CASE("small graphs of every system: each closed-form count equals the counted one") {
  for (const auto& [hardware, model] : {std::pair{"tom.toml", "bitnet-2b.toml"},
                                        {"roma.toml", "llama-3.2-3b-int4.toml"},
                                        {"ankhdjet.toml", "bitnet-2b.toml"}}) {
    const auto folder = std::string(TOMESTIMATE_SPECS "/");
    const auto hw = spec::load_hardware(folder + hardware);
    const auto m = spec::load_model(folder + model);
    const auto graphs = evidence::small_graphs(hw.values, m.values);
    CHECK(graphs.size() >= 23);
    for (const auto& graph : graphs) {
      const auto v = evidence::validate(graph, 2);
      INFO(hardware << " " << graph.name << ": " << first_mismatch(v));
      CHECK(v.passed());
      CHECK(v.counts > 2000);
    }
  }
}

TEST_CASE("small graphs of the tiny design") {
  for (const auto& graph : evidence::small_graphs(tiny_hardware(), tiny_model())) {
    const auto v = evidence::validate(graph, 2);
    INFO(graph.name << ": " << first_mismatch(v));
    CHECK(v.passed());
  }
}

// The oracle on many shapes, dealings, maps and passes that fit nothing evenly.
TEST_CASE("random designs: every closed-form count equals the counted one") {
  Random r(12345);
  for (int i = 0; i < 300; ++i) {
    auto d = random_design(r);
    if (r.coin()) {
      d.hw.gating.mode = spec::GatingMode::switches;
      d.hw.gating.prewake = r.whole(0, 2) == 0 ? spec::Switch::off : spec::Switch::on;
      d.hw.gating.wake_latency = of<units::Time<double>>(r.whole(0, 300) / 1000);
    }
    if (r.whole(0, 3) == 0) {
      d.hw.map.skip_dead = spec::Switch::on;
      for (const double zeros : d.model.weights.zero_share)
        d.model.weights.dead_share.push_back(r.whole(0, 80) / 100 * zeros);
    }
    if (r.whole(0, 3) == 0) {
      d.hw.sram.spill = spec::Spill::host;
      d.hw.sram.capacity = units::bits(r.whole(0, 20000));
    }
    if (r.whole(0, 3) == 0) {
      auto& w = d.model.weights;
      w.code = spec::WeightCode::integer;
      w.bits = units::bits(r.whole(1, 8));
      w.zero_bit_ratio = std::exchange(w.zero_share, {});
      w.dead_share = {};
    }
    const auto v = evidence::validate({"random", d.hw, d.model, d.pass}, 1);
    INFO("design " << i << ": " << first_mismatch(v));
    REQUIRE(v.passed());
  }
}

TEST_CASE("a count that differs fails, naming layer, op and count") {
  const auto hw = tiny_hardware();
  const auto m = tiny_model();
  const spec::Pass<double> pass{1.0, 1.0, 6.0};
  auto counted = kernel::run(hw, m, pass, 1, 3);
  CHECK(evidence::compare(hw, m, pass, counted).passed());
  ++counted.layers[1].ops[static_cast<std::size_t>(spec::Op::gate)].rom_one_bits;
  const auto v = evidence::compare(hw, m, pass, counted);
  REQUIRE(v.mismatches.size() == 1);
  CHECK(v.mismatches[0].where == "layer 1 gate");
  CHECK(v.mismatches[0].count == "rom_one_bits");
  CHECK(!v.passed());
}

// The two sides share no code, so a design that only one of them was told of must show.
TEST_CASE("engine and kernel on different designs differ") {
  const auto hw = tiny_hardware();
  const auto m = tiny_model();
  const spec::Pass<double> pass{2.0, 3.0, 6.0};
  const auto counted = kernel::run(hw, m, pass, 1, 3);
  const auto differs = [&](auto change) {
    auto other_hw = hw;
    auto other = m;
    change(other_hw, other);
    return !evidence::compare(other_hw, other, pass, counted).passed();
  };
  using spec::Switch;
  CHECK(differs([](auto& h, auto&) { h.base.per_lane = 4; }));
  CHECK(differs([](auto& h, auto&) { h.base.width_adapter = 3; }));
  CHECK(differs([](auto& h, auto&) { h.base.width_attention = 4; }));
  CHECK(differs([](auto& h, auto&) { h.base.token_tile = 2; }));
  CHECK(differs([](auto& h, auto&) { h.base.kv_tile = 2; }));
  CHECK(differs([](auto& h, auto&) { h.base.input_words = 2; }));
  CHECK(differs([](auto& h, auto&) { h.base.outputs = spec::Outputs::all; }));
  CHECK(differs([](auto& h, auto&) { h.base.heads = spec::Heads::lanes; }));
  CHECK(differs([](auto& h, auto&) { h.rom.bank_height = 2; }));
  CHECK(differs([](auto& h, auto&) { h.vector.softmax_passes = 2; }));
  CHECK(differs([](auto& h, auto&) { h.vector.latency = units::cycles(2.0); }));
  CHECK(differs([](auto& h, auto&) { h.gating.prewake = Switch::off; }));
  CHECK(differs([](auto& h, auto&) { h.gating.mode = spec::GatingMode::isolation; }));
  CHECK(differs([](auto& h, auto&) { h.gating.domain = spec::GatingDomain::matrix; }));
  CHECK(differs([](auto& h, auto&) { h.map.adapter = spec::UnitChoice::side; }));
  CHECK(differs([](auto&, auto& o) { o.weights.zero_share[1] += 1.0 / 120; }));
  CHECK(differs([](auto&, auto& o) {
    o.weights.group = 50;
    o.weights.group_bits = units::bits(1.0);
  }));
  CHECK(differs([](auto&, auto& o) { o.adapter.rank = 4; }));
  CHECK(differs([](auto&, auto& o) { o.gated = Switch::off; }));
  CHECK(differs([](auto&, auto& o) { o.sub_norms = Switch::off; }));
  CHECK(differs([](auto&, auto& o) {
    o.full_every = 2;
    o.window = 4;
  }));
}
