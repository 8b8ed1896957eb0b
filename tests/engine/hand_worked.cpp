// SPDX-License-Identifier: Apache-2.0
// The tiny design of designs.hpp, worked out by hand from specs/machine.md.
// L = 4, K = 2, G = 2, R = 2, W = 4, W8 = 2, A = 3, U = 2 banks x 8 bit = 16 bit/cycle,
// P = 16 / 8 = 2 values/cycle, V = 4, T = 1.
#include "catch.hpp"
#include "designs.hpp"

using namespace designs;
using spec::Op;

namespace {

const auto hw = tiny_hardware();
const auto model = tiny_model();
// One token at context 7: M = 1, Q = 1, n = 7.
const auto decode = engine::estimate_pass(hw, model, {1.0, 1.0, 6.0});

}  // namespace

TEST_CASE("base projection: gate is 12 outputs x 10 inputs") {
  const auto& gate = op(decode, Op::gate);
  // Rows: ceil(12 / (2 trees x 2)) = 3 steps. Columns: ceil(10 / (2 lanes x 4)) = 2 steps.
  CHECK(gate.compute.value() == 3 * 2);
  // A word is 2 x 4 x 2 bit = 16 bit, one cycle at 16 bit/cycle.
  CHECK(gate.rom.value() == 6);
  // 4 activations x 8 bit = 32 bit, one cycle at 32 bit/cycle.
  CHECK(gate.buffer.value() == 6);
  // 3 row steps x 2 rows at 1 value/cycle.
  CHECK(gate.tree.value() == 6);
  // Pipeline 5 + ceil(log2 2) x 1.
  CHECK(gate.latency.value() == 6);
  CHECK(total_cycles(gate).value() == 12);
  // Words: ceil(12 / 2) x ceil(10 / 4) = 6 x 3; the third column chunk goes to lane 0 of each tree.
  CHECK(gate.rom_words == 18);
  CHECK(gate.lane_active.value() == 18);
  CHECK(gate.rom_bits.value() == 12 * 10 * 2);
  CHECK(gate.tree_adds == 12 * (2 - 1));
  // Each of the 6 row chunks reads all 10 inputs of 8 bit.
  CHECK(gate.buffer_read.value() == 6 * 10 * 8);
}

TEST_CASE("ternary weights: 1-bits are the non-zero weights") {
  // gate has 120 weights: round(0.25 x 120) = 30 zeros in layer 0, 60 in layer 1.
  CHECK(engine::stored_bits(model, 0, spec::Projection::gate).ones.value() == 90);
  CHECK(engine::stored_bits(model, 1, spec::Projection::gate).ones.value() == 60);
  // k has 4 x 10 = 40 weights; zeros 10. v the same. q 8 x 10 = 80, o 10 x 8 = 80, up 120, down
  // 120. Layer 0: 600 weights, 150 zeros.
  CHECK(engine::layer_stored_bits(model, 0).all.value() == 2 * 600);
  CHECK(engine::layer_stored_bits(model, 0).ones.value() == 450);
}

TEST_CASE("zeros round half up to a whole number of weights") {
  CHECK(engine::nonzero_weights(10.0, 0.25) == 7);  // 2.5 zeros -> 3
  CHECK(engine::nonzero_weights(10.0, 0.24) == 8);  // 2.4 zeros -> 2
  CHECK(engine::nonzero_weights(10.0, 0.0) == 10);
  CHECK(engine::nonzero_weights(10.0, 1.0) == 0);
}

TEST_CASE("adapter A of gate: 3 outputs x 10 inputs, 8 bit") {
  const auto& a = op(decode, Op::gate_a);
  // Rows: ceil(3 / 4) = 1. Columns: ceil(10 / (2 x 2)) = 3.
  CHECK(a.compute.value() == 3);
  // Lane 0 of tree 0 holds most: 2 rows x inputs of chunks 0, 2 and 4 = 6, x 8 bit = 96 bit,
  // at 16 bit/cycle.
  CHECK(a.sram.value() == 6);
  CHECK(a.sram_read.value() == 3 * 10 * 8);
  CHECK(a.macs_8bit == 30);
  CHECK(a.lane_active.value() == 2 * 5);
}

TEST_CASE("adapter B of gate: 12 outputs x 3 inputs, 8 bit") {
  const auto& b = op(decode, Op::gate_b);
  // Rows: ceil(12 / (4 x 2)) = 2. Columns: ceil(3 / 2) = 2.
  CHECK(b.compute.value() == 4);
  // Lanes 0 and 1 hold 4 outputs x 3 x 8 bit = 96 bit.
  CHECK(b.sram.value() == 6);
  // Gather: ceil(12 / (2 x 1)).
  CHECK(b.tree.value() == 6);
  // 5 + ceil(log2 4) + quantize 2 x ceil(3 / 4) + broadcast ceil(3 / 2).
  CHECK(b.latency.value() == 5 + 2 + 2 + 2);
  CHECK(b.buffer_write.value() == 3 * 8 * 4);
}

TEST_CASE("attention at 7 positions: lanes 0..2 hold two, lane 3 one") {
  const auto& s = op(decode, Op::scores);
  // ceil(7 / (4 x 2)) x ceil(4 / 2) x 2 heads.
  CHECK(s.compute.value() == 1 * 2 * 2);
  // ceil(7 / 4) rows of 4 x 8 = 32 bit, 2 cycles each.
  CHECK(s.sram.value() == 2 * 2);
  CHECK(s.sram_read.value() == 7 * 32);
  // Gather 7 values at 2 trees x 1: 4 cycles a head.
  CHECK(s.tree.value() == 4 * 2);
  CHECK(s.macs_8bit == 7 * 4 * 2);
  // One R-chunk of 2 positions in each of the 4 lanes, 2 column steps, 2 heads.
  CHECK(s.lane_active.value() == 4 * 2 * 2);

  const auto& c = op(decode, Op::context);
  // ceil(4 / 2) x ceil(7 / (4 x 2)) x 2 heads.
  CHECK(c.compute.value() == 2 * 1 * 2);
  CHECK(c.tree_adds == 4 * 3 * 2);
  CHECK(c.buffer_read.value() == 2 * 7 * 8 * 2);
}

TEST_CASE("vector ops") {
  // norm 2 + quantize 2 passes x ceil(10 / 4); broadcast ceil(10 / 2).
  CHECK(op(decode, Op::attn_norm).vector.value() == 4 * 3);
  CHECK(op(decode, Op::attn_norm).broadcast.value() == 5);
  CHECK(op(decode, Op::attn_norm).buffer_write.value() == 10 * 8 * 2);
  // RoPE ceil((8 + 4) / 4) + quantize 2 x ceil((8 + 2 x 4) / 4).
  CHECK(op(decode, Op::rope).vector.value() == 3 + 2 * 4);
  CHECK(op(decode, Op::rope).sram_write.value() == 2 * 32);
  // Softmax 3 x ceil(7 / 4) for each head.
  CHECK(op(decode, Op::softmax).vector.value() == 3 * 2 * 2);
  // Residual: 160 bit over 4 lanes x 16 bit/cycle = 3 cycles, read and write.
  CHECK(op(decode, Op::ffn_residual).sram.value() == 6);
}

TEST_CASE("prefill of 5 tokens: two token groups, ROM read twice") {
  const auto prefill = engine::estimate_pass(hw, model, {1.0, 5.0, 0.0});
  const auto& gate = op(prefill, Op::gate);
  CHECK(gate.compute.value() == 6 * 5);
  CHECK(gate.rom.value() == 6 * 2);  // ceil(5 / 3) groups
  CHECK(gate.rom_bits.value() == 2 * 240);
  // Scores: n = 1..5, each ceil(n / 8) = 1.
  CHECK(op(prefill, Op::scores).compute.value() == 5 * 2 * 2);
  // Rows read: ceil(n / 4) = 1 1 1 1 2, 2 cycles each.
  CHECK(op(prefill, Op::scores).sram.value() == 6 * 2);
  // Positions read: 1 + 2 + 3 + 4 + 5.
  CHECK(op(prefill, Op::scores).sram_read.value() == 15 * 32);
  const auto& plan = prefill.schedule;
  const double longer = std::max(plan.matrix.value(), plan.vector.value());
  const double shorter = std::min(plan.matrix.value(), plan.vector.value());
  CHECK(plan.layer.value() == longer + std::ceil(shorter / 2));
}

TEST_CASE("gating: first layer cold, later wakes hidden") {
  const auto& plan = decode.schedule;
  CHECK(plan.wake.value() == 10);  // 10 ms x 1 kHz
  CHECK(plan.exposed_first.value() == 10);
  CHECK(plan.exposed.value() == 0);  // a layer takes longer than a wake
  CHECK(plan.layer.value() == plan.matrix.value() + plan.vector.value());
  CHECK(plan.total.value() == 2 * plan.layer.value() + 10 + total_cycles(plan.final_norm).value());
  // gate: 6 words a lane in banks of 8: one bank in each of 4 lanes.
  CHECK(plan.projections[4].banks == 4);
  const auto layer = engine::estimate_layer(hw, model, decode, 1);
  CHECK(layer.bank_wakes == 7 * 4);
  CHECK(layer.bank_idle.value() ==
        28 * (plan.total.value() - plan.layer.value() - plan.wake.value()));
  // rush / (idle power x (1 - residual)) = 10 / (1e6 x 0.9)
  CHECK(engine::break_even_idle_time(hw).value() == Approx(10 / 0.9e6));
}

TEST_CASE("capacity") {
  const auto c = engine::capacity(hw, model, 1.0, 1.0, 7.0);
  // Sides, outputs + inputs: q 18, k 14, v 14, o 18, gate 22, up 22, down 22 = 130.
  CHECK(c.adapters.value() == 2 * 3 * 130 * 8);
  // 10 x 16 bit + 2 x 12 x 32 bit
  CHECK(c.workspace.value() == 160 + 768);
  // A position is 2 layers x 2 x 32 bit.
  CHECK(c.kv.value() == 7 * 128);
  // (100000 - 6240 - 928) / (4 x 128) = 181.3 positions a lane.
  CHECK(c.max_context == 4 * 181);
  // (100000 - 928 - 896) / (2 x 130 x 8) = 47.2
  CHECK(c.max_rank == 47);
}

TEST_CASE("area by the three laws") {
  const auto rom = engine::rom_alternatives(hw, engine::chip_stored_bits(hw, model));
  CHECK(rom.stored.all.value() == 2400);
  CHECK(rom.stored.ones.value() == 450 + 300);
  CHECK(rom.sparse_logic.value() == Approx(750 * 2e-9));
  CHECK(rom.macro.value() == Approx(2400 * 1e-9 / 0.5));
  CHECK(rom.sram.value() == Approx(2400 * 3e-9 / 0.5));
  // PEs: 4 lanes x 2 x 4 x 1 mm^2.
  CHECK(engine::logic_area(hw).pe.value() == Approx(32e-6));
}

TEST_CASE("energy: events and idle power") {
  const auto& e = decode.energy;
  // Both layers read 1200 bits at 1 fJ, and 450 + 300 1-bits at 3 fJ.
  CHECK(e.rom_read.value() == Approx((2400 * 1 + 750 * 3) * 1e-15));
  // rush 10 J/m^2 x 1.5e-6 m^2
  CHECK(e.rom_wake.value() == Approx(1.5e-5));
  const double time = decode.time.value();
  const double awake = (decode.schedule.layer.value() + 10) / 1000;
  CHECK(e.rom_idle.value() == Approx(1.5e-6 * 1e6 * (awake + 0.1 * (time - awake))));
  CHECK(e.sram_leakage.value() == Approx(100000 * 1e-12 * time));
  // Link: d x 8 bit in, d x 8 bit out, and 1 ms of latency.
  CHECK(decode.link_bits.value() == 160);
  CHECK(decode.link_time.value() == Approx(0.001 + 160e-6));
}

TEST_CASE("layer energies, tail and link add up to the pass") {
  double sum = 0;
  for (std::size_t l = 0; l < model.layers; ++l)
    sum += total(engine::estimate_layer(hw, model, decode, l).energy).value();
  engine::EnergyBreakdown<double> tail;
  add_event_energy(hw, decode.schedule.final_norm, tail);
  const auto tail_time =
      engine::seconds(hw, total_cycles(decode.schedule.final_norm)) + decode.link_time;
  add_time_energy(hw, engine::logic_area(hw).logic(), tail_time, tail);
  tail.host_link += decode.link_bits * hw.host.energy;
  CHECK(sum + total(tail).value() == Approx(total(decode.energy).value()).epsilon(1e-12));
}
