// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/validate.hpp>

#include "../engine/designs.hpp"
#include "catch.hpp"

using namespace designs;

TEST_CASE("small graphs: every closed-form count equals the counted one") {
  for (const auto& graph : evidence::small_graphs(tiny_hardware(), tiny_model())) {
    const auto v = evidence::validate(graph, 2);
    INFO(graph.name << (v.mismatches.empty()
                            ? ""
                            : ": " + v.mismatches[0].where + " " + v.mismatches[0].count));
    CHECK(v.passed());
    CHECK(v.counts > 2000);
  }
}

// The oracle on many shapes: a fixed pseudo-random walk through sizes that fit nothing evenly.
TEST_CASE("random shapes: every closed-form count equals the counted one") {
  std::uint32_t state = 12345;
  const auto pick = [&state](int low, int high) {
    state = state * 1664525u + 1013904223u;
    return static_cast<double>(
        low + static_cast<int>((state >> 8) % static_cast<unsigned>(high - low + 1)));
  };
  for (int i = 0; i < 150; ++i) {
    auto hw = tiny_hardware();
    auto m = tiny_model();
    const double trees = pick(1, 4);
    hw.lanes.per_tree = pick(1, 5);
    hw.lanes.count = trees * hw.lanes.per_tree;
    hw.pe.rows = pick(1, 7);
    hw.pe.width = pick(1, 9);
    hw.pe.width_8bit = pick(1, 6);
    hw.pe.accumulators = pick(1, 5);
    hw.rom.bank_words = pick(1, 20);
    hw.rom.read_width = units::PortWidth<double>::from_value(pick(1, 40));
    hw.buffer.read_width = units::PortWidth<double>::from_value(pick(1, 40));
    hw.sram.port_width = units::PortWidth<double>::from_value(pick(1, 40));
    hw.vector.width = pick(1, 20);
    hw.interconnect.tree_values = pick(1, 9);
    hw.interconnect.broadcast_width = units::PortWidth<double>::from_value(pick(8, 70));
    hw.gating.domain = pick(0, 1) == 0 ? spec::GatingDomain::layer : spec::GatingDomain::matrix;
    hw.gating.prewake = pick(0, 2) == 0 ? spec::Switch::off : spec::Switch::on;
    hw.gating.wake_latency = units::Time<double>::from_value(pick(0, 300) / 1000);
    hw.mapping.lm_head = pick(0, 1) == 0 ? spec::Placement::host : spec::Placement::rom;
    m.hidden = pick(1, 60);
    m.kv_heads = pick(1, 3);
    m.heads = m.kv_heads * pick(1, 3);
    m.head_dim = 2 * pick(1, 9);
    m.intermediate = pick(1, 70);
    m.embedding.vocabulary = pick(1, 90);
    m.adapter.rank = pick(0, 12);
    m.weights.zero_share = {pick(0, 100) / 100, pick(0, 100) / 100};
    const spec::Pass<double> pass{pick(1, 3), pick(1, 9), pick(0, 30)};
    const auto v = evidence::validate({"random", hw, m, pass}, 1);
    INFO("shape " << i
                  << (v.mismatches.empty()
                          ? ""
                          : ": " + v.mismatches[0].where + " " + v.mismatches[0].count));
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
  CHECK(differs([](auto& h, auto&) { h.lanes.per_tree = 4; }));
  CHECK(differs([](auto& h, auto&) { h.pe.width_8bit = 3; }));
  CHECK(differs([](auto& h, auto&) { h.pe.accumulators = 2; }));
  CHECK(differs([](auto& h, auto&) { h.rom.bank_words = 2; }));
  CHECK(differs([](auto& h, auto&) { h.vector.softmax_passes = 2; }));
  CHECK(differs([](auto& h, auto&) { h.gating.prewake = spec::Switch::off; }));
  CHECK(differs([](auto&, auto& o) { o.weights.zero_share[1] += 1.0 / 120; }));
  CHECK(differs([](auto&, auto& o) { o.adapter.rank = 4; }));
  CHECK(differs([](auto&, auto& o) { o.sub_norms = spec::Switch::off; }));
}
