// SPDX-License-Identifier: Apache-2.0
// The tiny design of designs.hpp, worked out by hand from specs/machine.md: the arithmetic is
// beside each number. L = U = 2, R = 2, W = 4, Wa = Wk = 2, K = 1, T = 1; Po = 2 lanes, Pi = 2
// units; heads to nothing, so Ph = 1, Pp = 4; P = 16 / 8 = 2 values a cycle on the bus; V = 4.
#include <cmath>

#include <tomestimate/spec/rules.hpp>

#include "catch.hpp"
#include "designs.hpp"

using namespace designs;
using spec::Op;

namespace {

const auto hw = tiny_hardware();
const auto model = tiny_model();
// One token at context 7: M = 1, Q = 1, n = 7.
const spec::Pass<double> at_7{1, 1, 6};
const auto decode = estimate_pass(hw, model, at_7);

spec::Model<double> no_adapter() {
  auto m = model;
  m.adapter.rank = 0;
  return m;
}

// H(3/8), H(1/4) and H(5/16) in bit.
constexpr double entropy_3_8 = 0.9544340029249649;
constexpr double entropy_1_4 = 0.8112781244591328;
constexpr double entropy_5_16 = 0.8960382325345575;

// Cells of the ROM in m^2: 1,200 bit a layer, 3/8 and 1/4 of them 1. A bank is 8 high: 2 - 0.25 x 3
// = 1.25 a bit of entropy, and 0.5 a bit whatever it holds.
constexpr double rom_cells =
    1200 * ((entropy_3_8 * 1.25 + 0.5) + (entropy_1_4 * 1.25 + 0.5)) * 1e-9;

double total_of(const engine::OpEstimate<double>& op) { return total_cycles(op).value(); }

// Tiny in space: every tile of 2 x 4 has a unit, 8 cycles a step, attention on side units.
spec::Hardware<double> in_space() {
  auto h = hw;
  h.datapath.sharing = spec::Sharing::space;
  h.datapath.step_cycles = units::cycles(8.0);
  h.map.adapter = h.map.attention = spec::UnitChoice::side;
  h.gating.mode = spec::GatingMode::isolation;
  return h;
}

}  // namespace

TEST_CASE("base projection: gate is 12 outputs x 10 inputs") {
  const auto& gate = op(decode, Op::gate);
  // Rows: ceil(12 / (2 lanes x 2)) = 3 steps. Columns: ceil(10 / (2 units x 4)) = 2 steps.
  CHECK(gate.compute.value() == 3 * 2);
  // A word is 2 x 4 x 2 bit = 16 bit, one cycle at 16 bit/cycle.
  CHECK(gate.memory.value() == 6);
  // 4 activations x 8 bit = 32 bit, one cycle; a share of 2 words is not kept, so 3 x 2 reads.
  CHECK(gate.buffer.value() == 6);
  // 12 / (2 lanes x 1 value/cycle).
  CHECK(gate.tree.value() == 6);
  // Pipeline 5 + ceil(log2 2) x 1.
  CHECK(gate.latency.value() == 6);
  CHECK(total_of(gate) == 12);
  // Words: ceil(12 / 2) x ceil(10 / 4) = 6 x 3.
  CHECK(gate.rom_words == 18);
  CHECK(gate.unit_active.value() == 18);
  CHECK(gate.rom_bits.value() == 12 * 10 * 2);
  CHECK(gate.tree_adds == 12 * (2 - 1));
  // Each of the 6 row chunks reads all 10 inputs of 8 bit.
  CHECK(gate.buffer_read.value() == 6 * 10 * 8);
  // 6 address changes, seen by the 22 banks of the layer.
  CHECK(gate.bank_toggles == 6 * 22);
}

TEST_CASE("a share of inputs that is kept is read once") {
  // o: 8 inputs are one word of 4 for each of 2 units.
  const auto& o = op(decode, Op::o);
  CHECK(o.compute.value() == 3);  // ceil(10 / 4) x 1
  CHECK(o.buffer.value() == 1);
  CHECK(o.buffer_read.value() == 2 * 8 * 8);  // by both lanes
  auto h = hw;
  h.base.input_words = 2;
  const auto gate = op(estimate_pass(h, model, at_7), Op::gate);
  CHECK(gate.buffer.value() == 2);
  CHECK(gate.buffer_read.value() == 2 * 10 * 8);
}

TEST_CASE("ternary weights: 1-bits are the non-zero weights") {
  // gate has 120 weights: round(0.25 x 120) = 30 zeros in layer 0, 60 in layer 1.
  CHECK(engine::stored_ones(model, 0, spec::Projection::gate).value() == 90);
  CHECK(engine::stored_ones(model, 1, spec::Projection::gate).value() == 60);
  // q, o 80, k, v 40, gate, up, down 120: 600 weights, 150 zeros in layer 0.
  const auto s = engine::make_setting(hw, model, at_7);
  CHECK(engine::layer_stored_bits(s, 0).all.value() == 2 * 600);
  CHECK(engine::layer_stored_bits(s, 0).ones.value() == 450);
  // Base adds of a token: the non-zero weights of both layers.
  CHECK(decode.events.base_adds == 450 + 300);
  CHECK(decode.events.rom_one_bits.value() == 450 + 300);
  CHECK(decode.base_macs == 1200);
}

TEST_CASE("a zero share of one projection goes before that of the layer") {
  auto m = model;
  m.weights.zero_share_of[static_cast<std::size_t>(spec::Projection::down)] = {0.5, 1};
  CHECK(engine::stored_ones(m, 0, spec::Projection::down).value() == 60);
  CHECK(engine::stored_ones(m, 1, spec::Projection::down).value() == 0);
  CHECK(engine::stored_ones(m, 1, spec::Projection::up).value() == 60);
}

TEST_CASE("zeros round half up to a whole number of weights") {
  CHECK(engine::nonzero_weights(10.0, 0.25) == 7);  // 2.5 zeros -> 3
  CHECK(engine::nonzero_weights(10.0, 0.24) == 8);  // 2.4 zeros -> 2
  CHECK(engine::nonzero_weights(10.0, 0.0) == 10);
  CHECK(engine::nonzero_weights(10.0, 1.0) == 0);
}

TEST_CASE("groups add scale and zero point") {
  auto m = model;
  m.weights.group = 16;
  m.weights.group_bits = units::bits(9.0);
  // 120 weights of 2 bit, and ceil(120 / 16) = 8 groups of 9 bit.
  CHECK(engine::matrix_bits(m, 120.0).value() == 240 + 72);
  CHECK(op(estimate_pass(hw, m, at_7), Op::gate).rom_bits.value() == 312);
}

TEST_CASE("adapter A of gate: 3 outputs x 10 inputs, 8 bit") {
  const auto& a = op(decode, Op::gate_a);
  // Rows: ceil(3 / 4) = 1. Columns: ceil(10 / (2 x 2)) = 3.
  CHECK(a.compute.value() == 3);
  // The fullest unit has 2 rows x inputs of chunks 0, 2 and 4 = 6, x 8 bit = 96 bit, 16 a cycle.
  CHECK(a.sram.value() == 6);
  CHECK(a.sram_read.value() == 3 * 10 * 8);
  CHECK(a.dense_macs == 30);
  CHECK(a.unit_active.value() == 2 * 5);
}

TEST_CASE("adapter B of gate: 12 outputs x 3 inputs, 8 bit") {
  const auto& b = op(decode, Op::gate_b);
  // Rows: ceil(12 / (4 x 2)) = 2. Columns: ceil(3 / 2) = 2.
  CHECK(b.compute.value() == 4);
  // Units 0 and 1 hold 4 outputs x 3 x 8 bit = 96 bit.
  CHECK(b.sram.value() == 6);
  // 12 / (2 lanes x 1).
  CHECK(b.tree.value() == 6);
  // 5 + ceil(log2 4) + quantize 2 x ceil(3 / 4) + broadcast ceil(3 / 2).
  CHECK(b.latency.value() == 5 + 2 + 2 + 2);
  CHECK(b.tree_adds == 0);
  CHECK(b.buffer_write.value() == 3 * 8 * 4);
}

TEST_CASE("attention at 7 positions: units 0..2 hold two, unit 3 one") {
  const auto& s = op(decode, Op::scores);
  // ceil(7 / (4 x 2)) x 2 heads x ceil(4 / 2).
  CHECK(s.compute.value() == 1 * 2 * 2);
  // ceil(7 / 4) rows of 4 x 8 = 32 bit, 2 cycles each.
  CHECK(s.sram.value() == 2 * 2);
  CHECK(s.sram_read.value() == 7 * 32);
  // 7 values of 2 heads at 2 lanes x 1: 4 cycles a head.
  CHECK(s.tree.value() == 4 * 2);
  CHECK(s.dense_macs == 7 * 4 * 2);
  // One R-chunk of 2 positions in each of the 4 units, 2 column steps, 2 heads.
  CHECK(s.unit_active.value() == 4 * 2 * 2);

  const auto& c = op(decode, Op::context);
  CHECK(c.compute.value() == 2 * 1 * 2);
  CHECK(c.tree_adds == 4 * 2 * 3);
  CHECK(c.latency.value() == 5 + 2);  // a tree over 4 units
  CHECK(c.buffer_read.value() == 2 * 7 * 8);
}

TEST_CASE("vector ops") {
  // norm 2 + quantize 2 passes x ceil(10 / 4); broadcast ceil(10 / 2).
  CHECK(op(decode, Op::attn_norm).vector.value() == 4 * 3);
  CHECK(op(decode, Op::attn_norm).broadcast.value() == 5);
  CHECK(op(decode, Op::attn_norm).buffer_write.value() == 10 * 8 * 2);
  // RoPE ceil((8 + 4) / 4) + quantize 2 x ceil((8 + 2 x 4) / 4).
  CHECK(op(decode, Op::rope).vector.value() == 3 + 2 * 4);
  CHECK(op(decode, Op::rope).sram_write.value() == 2 * 32);
  // Softmax 3 x 2 heads x ceil(7 / 4).
  CHECK(op(decode, Op::softmax).vector.value() == 3 * 2 * 2);
  // Residual: 160 bit at 80 a cycle, read and write.
  CHECK(op(decode, Op::ffn_residual).sram.value() == 4);
  CHECK(op(decode, Op::ffn_residual).latency.value() == 1);
}

// norm 0-13 | q -23, k -31, v -39 | rope -51 | scores -65 | softmax -78 | context -89 |
// attn_sub_norm -98 | o -109 | residual -114 | ffn_norm -127 | gate -139, up -151 | activation -155
// | ffn_sub_norm -168 | down -180 | residual -185.
TEST_CASE("one class for all matrix work: the layer is a chain") {
  const auto pass = estimate_pass(hw, no_adapter(), at_7);
  const auto& plan = pass.layer;
  CHECK(total_of(op(pass, Op::q)) == 4 + 6);  // 2 row steps x 2
  CHECK(total_of(op(pass, Op::k)) == 2 + 6);
  CHECK(total_of(op(pass, Op::o)) == 5 + 6);  // 10 outputs leave 2 lanes
  CHECK(total_of(op(pass, Op::scores)) == 8 + 6);
  CHECK(total_of(op(pass, Op::context)) == 4 + 7);
  CHECK(start_of(plan, Op::v).value() == 31);
  CHECK(start_of(plan, Op::down).value() == 168);
  CHECK(plan.load[0].value() == 10 + 8 + 8 + 14 + 11 + 11 + 12 + 12 + 12);
  CHECK(plan.load[1].value() == 0);
  CHECK(plan.load[2].value() == 13 + 12 + 13 + 9 + 5 + 13 + 4 + 13 + 5);
  CHECK(plan.path.value() == 98 + 87);
  CHECK(plan.cycles.value() == 185);
  // Two layers, and the first wake: 10 ms x 1 kHz.
  CHECK(pass.total.value() == 2 * 185 + 10);
}

TEST_CASE("prefill of 5 tokens: two token groups, ROM read twice") {
  const auto prefill = estimate_pass(hw, model, {1.0, 5.0, 0.0});
  const auto& gate = op(prefill, Op::gate);
  CHECK(gate.compute.value() == 6 * 5);
  CHECK(gate.memory.value() == 6 * 2);  // ceil(5 / 3) groups
  CHECK(gate.rom_bits.value() == 2 * 240);
  // Scores: n = 1..5, each ceil(n / 8) = 1.
  CHECK(op(prefill, Op::scores).compute.value() == 5 * 2 * 2);
  // Rows read: ceil(n / 4) = 1 1 1 1 2, 2 cycles each.
  CHECK(op(prefill, Op::scores).sram.value() == 6 * 2);
  CHECK(op(prefill, Op::scores).sram_read.value() == 15 * 32);
  const auto& plan = prefill.layer;
  const double most = std::max(plan.load[0].value(), plan.load[2].value());
  CHECK(plan.cycles.value() == most + std::ceil((plan.path.value() - most) / 2));
  // 2 consecutive tokens share a read: ceil(6 / 2) part rows, ceil(15 / 2) positions.
  auto h = hw;
  h.base.kv_tile = 2;
  const auto shared = estimate_pass(h, model, {1.0, 5.0, 0.0});
  CHECK(op(shared, Op::scores).sram.value() == 3 * 2);
  CHECK(op(shared, Op::scores).sram_read.value() == 8 * 32);
}

TEST_CASE("banks, and which of them see an address") {
  // A bank is 8 x 8 bit: q, o 160 / 64 -> 3; k, v 80 / 64 -> 2; gate, up, down 240 / 64 -> 4.
  CHECK(decode.layer.banks.layer == 2 * 3 + 2 * 2 + 3 * 4);
  CHECK(decode.layer.banks.chip == 44);
  const auto toggles = [](spec::GatingMode mode, spec::GatingDomain domain) {
    auto h = hw;
    h.gating.mode = mode;
    h.gating.domain = domain;
    return op(estimate_pass(h, model, at_7), Op::gate).bank_toggles;
  };
  using Mode = spec::GatingMode;
  using Domain = spec::GatingDomain;
  CHECK(toggles(Mode::none, Domain::bank) == 6 * 44);
  CHECK(toggles(Mode::isolation, Domain::layer) == 6 * 22);
  CHECK(toggles(Mode::isolation, Domain::matrix) == 6 * 4);
  // 4 units x 2 x 4 x 2 bit are 8 banks of 8 bit; gate has only 4.
  CHECK(toggles(Mode::switches, Domain::bank) == 6 * 4);
}

TEST_CASE("gating: first layer cold, later wakes hidden") {
  const auto& plan = decode.layer;
  CHECK(decode.wake.value() == 10);
  CHECK(decode.exposed_first.value() == 10);
  CHECK(decode.exposed.value() == 0);  // a layer takes longer than a wake
  const auto common = engine::make_common(hw, model, engine::layer_content(hw, model));
  const auto layer = engine::estimate_layer(hw, model, common, decode, 1);
  CHECK(layer.bank_wakes == 22);
  // A bank sleeps but for its layer and its wake.
  CHECK(layer.bank_idle.value() == 22 * (decode.total - plan.cycles - decode.wake).value());

  auto h = hw;
  h.gating.domain = spec::GatingDomain::matrix;
  auto pass = estimate_pass(h, no_adapter(), at_7);
  // Leads: q cold, 10; k the 10 of q; v the 8 of k: 2 show; all others over 10. Layer 1: its q has
  // 185 - 168 + 13.
  CHECK(pass.exposed_first.value() == 10 + 2);
  CHECK(pass.exposed.value() == 2);
  h.gating.prewake = spec::Switch::off;
  pass = estimate_pass(h, no_adapter(), at_7);
  CHECK(pass.exposed.value() == 7 * 10);
  h.gating.mode = spec::GatingMode::isolation;
  CHECK(estimate_pass(h, no_adapter(), at_7).total.value() == 370);
}

TEST_CASE("capacity") {
  const auto c = engine::capacity(hw, model, 1.0, 1.0, 7.0);
  // Sides, outputs + inputs: q 18, k 14, v 14, o 18, gate 22, up 22, down 22 = 130.
  CHECK(c.adapters.value() == 2 * 3 * 130 * 8);
  CHECK(c.workspace.value() == 10 * 16);
  // A position is 2 layers x 2 x 32 bit.
  CHECK(c.kv.value() == 7 * 128);
  // (100000 - 6240) / (4 x 128) = 183.1 positions a part.
  CHECK(c.max_context == 4 * 183);
  // (100000 - 896) / (2 x 130 x 8) = 47.6
  CHECK(c.max_rank == 47);
}

TEST_CASE("a window in every other layer") {
  auto m = model;
  m.full_every = 2;  // layer 1
  m.window = 3;
  const auto pass = estimate_pass(hw, m, at_7);
  CHECK(op(pass, Op::scores).dense_macs == 3 * 8);
  CHECK(pass.macs.attention == 2 * (3 + 7) * 8);
  // Prefill of 5: 1 + 2 + 3 + 3 + 3 positions and 1 + 2 + 3 + 4 + 5.
  CHECK(estimate_pass(hw, m, {1.0, 5.0, 0.0}).macs.attention == 2 * (12 + 15) * 8);
  const auto c = engine::capacity(hw, m, 1.0, 1.0, 7.0);
  CHECK(c.kv.value() == 7 * 64 + 3 * 64);
  // (100000 - 6240 - 3 x 64) / (4 x 64) = 365.5
  CHECK(c.max_context == 4 * 365);
  m.full_every = 0;
  CHECK(engine::capacity(hw, m, 1.0, 1.0, 7.0).max_context == 9007199254740992.0);
}

TEST_CASE("an FFN without a gate") {
  auto m = no_adapter();
  m.gated = spec::Switch::off;
  m.adapter.rank = 3;
  const auto pass = estimate_pass(hw, m, at_7);
  for (const auto id : {Op::gate, Op::gate_a, Op::gate_b}) {
    CHECK(total_of(op(pass, id)) == 0);
    CHECK(op(pass, id).buffer_read.value() == 0);
  }
  CHECK(pass.base_macs == 2 * (600 - 120));
  CHECK(pass.layer.banks.chip == 44 - 2 * 4);
  m.adapter.rank = 0;
  CHECK(estimate_pass(hw, m, at_7).layer.path.value() == 185 - 12);
}

TEST_CASE("dead neurons take no ROM") {
  auto h = hw;
  auto m = no_adapter();
  m.weights.dead_share = {0.25, 0};
  CHECK(estimate_pass(h, m, at_7).base_macs == 1200);  // not left out yet
  h.map.skip_dead = spec::Switch::on;
  const auto pass = estimate_pass(h, m, at_7);
  // 3 of 12 neurons of layer 0: gate, up 9 x 10, down 10 x 9. Their weights were zeros.
  CHECK(op(pass, Op::gate).rom_bits.value() == 9 * 10 * 2);
  CHECK(op(pass, Op::down).rom_bits.value() == 10 * 9 * 2);
  CHECK(op(pass, Op::activation).vector_elements == 9);
  CHECK(pass.base_macs == 1200 - 90);
  CHECK(pass.events.base_adds == 450 + 300);
  // 180 bit are 3 banks instead of 4, in three matrices.
  CHECK(pass.layer.banks.layer == 19);
  CHECK(pass.layer.banks.chip == 19 + 22);
  // 450 of 1,020 bit are 1 in layer 0.
  const double p = 450.0 / 1020;
  const double h0 = -p * std::log2(p) - (1 - p) * std::log2(1 - p);
  CHECK(engine::layer_content(h, m).layers_area.value() ==
        Approx((1020 * (h0 * 1.25 + 0.5) + 1200 * (entropy_1_4 * 1.25 + 0.5)) * 1e-9 / 0.5));
}

TEST_CASE("weights in DRAM") {
  auto h = hw;
  h.map.weights = spec::WeightPlace::dram;
  h.dram.bandwidth = of<units::Bandwidth<double>>(50900);  // 50 whole bits a cycle
  h.dram.energy = of<units::EnergyPerBit<double>>(4e-12);
  const auto pass = estimate_pass(h, no_adapter(), at_7);
  const auto& gate = op(pass, Op::gate);
  CHECK(gate.memory.value() == 5);  // 240 / 50
  CHECK(gate.dram_bits.value() == 240);
  CHECK(gate.rom_words == 0);
  CHECK(gate.rom_bits.value() == 0);
  CHECK(gate.bank_toggles == 0);
  CHECK(pass.layer.banks.chip == 0);
  CHECK(pass.total.value() == 370);  // nothing to wake, and the DRAM hides behind the buffer
  CHECK(pass.dram_bits.value() == 2400);
  CHECK(pass.outside.dram.value() == Approx(2400 * 4e-12));
  CHECK(pass.energy.rom.value() == 0);
  CHECK(pass.energy.rom_leakage.value() == 0);
  CHECK(engine::make_common(h, model, engine::layer_content(h, model)).area.rom.value() == 0);
  // 10 bit a cycle: 24 cycles for gate.
  h.dram.bandwidth = of<units::Bandwidth<double>>(10000);
  CHECK(op(estimate_pass(h, model, at_7), Op::gate).memory.value() == 24);
}

TEST_CASE("KV that does not fit crosses the link or the DRAM") {
  auto h = hw;
  h.sram.capacity = units::bits(4.0 * 128);  // 4 positions of 128 bit
  h.sram.spill = spec::Spill::host;
  const auto pass = estimate_pass(h, no_adapter(), at_7);
  // 10 x 8 bit in, 10 x 16 bit out, and 3 of 7 positions.
  CHECK(pass.link_bits.value() == 80 + 160 + 3 * 128);
  h.sram.spill = spec::Spill::dram;
  h.dram.bandwidth = of<units::Bandwidth<double>>(1000);
  const auto dram = estimate_pass(h, no_adapter(), at_7);
  CHECK(dram.link_bits.value() == 240);
  CHECK(dram.dram_bits.value() == 384);
  CHECK(dram.time.value() == Approx(0.380 + 0.384));
}

TEST_CASE("LM head in ROM: 20 x 10 of 8 bit") {
  auto h = hw;
  h.map.head = spec::HeadPlace::rom;
  const auto pass = estimate_pass(h, no_adapter(), at_7);
  // ceil(20 / 4) x ceil(10 / (2 x 2)) = 15 steps; a word is 2 x 2 x 8 bit, two cycles.
  CHECK(pass.lm_head.compute.value() == 15);
  CHECK(pass.lm_head.memory.value() == 30);
  CHECK(pass.lm_head.dense_macs == 200);
  CHECK(pass.layer.banks.head == 25);  // 1600 / 64
  CHECK(pass.total.value() == 370 + 10 + 13 + 36);
  CHECK(pass.link_bits.value() == 64);
  CHECK(pass.embedding_bits.value() == 80);
  CHECK(pass.macs.head == 200);
}

TEST_CASE("LM head on the host") {
  auto h = hw;
  h.map.head = spec::HeadPlace::host;
  const auto pass = estimate_pass(h, no_adapter(), at_7);
  CHECK(pass.total.value() == 380);
  // 1,600 bit at 100 kbit/s; 400 operations at 1 MOPS would take 0.4 ms.
  CHECK(pass.head_time.value() == Approx(0.016));
  CHECK(pass.link_time.value() == Approx(0.001 + 240e-6));
  CHECK(pass.end_to_end.value() == Approx(0.380 + 0.016 + 0.00124));
  CHECK(pass.outside.link.value() == Approx(240 * 50e-12));
  CHECK(pass.outside.head.value() == Approx(1600 * 1e-12));
  // The chip leaks on while it waits.
  CHECK(pass.waiting.value() == Approx(leakage(pass.energy).value() * 0.01724 / 0.380));
}

TEST_CASE("ROM area by the laws") {
  const auto content = engine::layer_content(hw, model);
  CHECK(content.layers_area.value() == Approx(rom_cells / 0.5));
  // Norm gains of a layer: 10 + 10 + 8 + 12, 16 bit, random: H = 1.
  CHECK(content.norms.value() == 2 * 40 * 16);
  CHECK(content.norm_area.value() == Approx(1280 * (1.25 + 0.5) * 1e-9 / 0.5));
  const auto rom = engine::rom_alternatives(hw, content.stored());
  CHECK(rom.stored.all.value() == 2400);
  CHECK(rom.stored.ones.value() == 750);
  CHECK(rom.sparse_logic.value() == Approx(2400 * (entropy_5_16 * 1.25 + 0.5) * 1e-9 / 0.5));
  CHECK(rom.compiled.value() == Approx(2400 * 1e-9 / 0.4));  // as deep as the SRAM, 2,048
  CHECK(rom.sram.value() == Approx(2400 * 3e-9 / 0.5));
  auto h = hw;
  h.rom.law = spec::RomLaw::macro;
  CHECK(engine::layer_content(h, model).layers_area.value() == Approx(0.5 * 2400 * 1e-9 / 0.2));
}

TEST_CASE("array efficiency between the compiler's depths") {
  const std::array<double, 4> at{0.25, 0.5, 0.75, 1};
  CHECK(engine::array_efficiency(at, 16.0) == 0.25);
  CHECK(engine::array_efficiency(at, 1024.0) == 0.25);
  CHECK(engine::array_efficiency(at, 2048 * std::sqrt(2.0)) == Approx(0.625));
  CHECK(engine::array_efficiency(at, 4096.0) == 0.75);
  CHECK(engine::array_efficiency(at, 1e6) == 1);
}

TEST_CASE("area of the chip") {
  const auto common = engine::make_common(hw, model, engine::layer_content(hw, model));
  // A unit: the most of 8 ternary lanes of 1 mm^2 and 2 flip-flops and 4 dense ones of 2 mm^2 and
  // 5; partial sums 2 rows x 3 tokens x 32 bit; inputs 1 word x 4 x 8 bit, queries of 1 token of 2
  // x 8 bit and a ROM word of 16 bit, clocked when loaded only.
  CHECK(common.cells.base.flip_flops == 4 * (20 + 192) + 2);
  const double base = 4 * (8 + 0.001 * (192 + 32 + 16 + 16)) + 2 * 0.5;  // 2 adders: one a lane
  CHECK(common.cells.base.area.value() == Approx(base * 1e-6));
  CHECK(common.cells.vector.flip_flops == 4 * 3);
  CHECK(common.cells.side.area.value() == 0);
  const auto& a = common.area;
  CHECK(a.base.value() == Approx(base * 1e-6 / 0.5));
  CHECK(a.vector.value() == Approx(4 * 2e-6 / 0.5));
  CHECK(a.control.value() == Approx(2e-6));
  // 10 % of switches, and the norm gains.
  CHECK(a.rom.value() == Approx(1.1 * rom_cells / 0.5 + 1280 * 1.75e-9 / 0.5));
  // 100,000 bit, 4 ports of 16 bit.
  CHECK(a.sram.value() == Approx(1e5 * 3e-9 / 0.5 + 64e-9));
  // 4 buffers of 64 bit and the workspace; 4 ports of 32 bit and one of 80.
  CHECK(a.buffers.value() == Approx(2256 * 3e-9 / 0.25 + 208e-9));
  // 16 bit x 10 mm x 1 um, and the host link of 1 Mbit/s.
  CHECK(a.wires.value() == Approx(16 * 0.01 * 1e-6 + 1e6 * 1e-12));
  CHECK(a.total().value() ==
        Approx((a.rom + a.sram + a.base + a.vector + a.buffers + a.wires + a.control).value()));
}

TEST_CASE("energy: events, clock and leakage") {
  const auto pass = estimate_pass(hw, no_adapter(), at_7);
  const auto& e = pass.energy;
  const double pj = 1e-12;
  CHECK(e.base_units.value() == Approx(1200 * 1 * pj));
  // 2 layers x 2 ops x 7 positions x 8.
  CHECK(e.dense_macs.value() == Approx(224 * 3 * pj));
  // Outputs 8 + 4 + 4 + 10 + 12 + 12 + 10 over 2 units, 8 values over 4 position parts.
  CHECK(e.tree.value() == Approx(2 * (60 + 24) * 7 * pj));
  // norms 80, q 64, softmax 2 x 7 x 8, sub-norms 64 and 96; 10 mm.
  CHECK(e.bus.value() == Approx(2 * (80 + 64 + 112 + 64 + 80 + 96) * 10 * pj));
  // Read: q 4 x 80, k, v 2 x 80, o 2 x 64, gate, up 6 x 80, down 5 x 96, scores 4 x 64, context
  // 112.
  const double read = 320 + 160 + 160 + 128 + 480 + 480 + 480 + 256 + 112;
  // Written: twice what goes to both lanes, q to 4 units, softmax once.
  const double written = 2 * (80 + 64 + 80 + 96) + 4 * 64 + 112;
  // Residual stream: 160 bit read and written, twice a layer.
  CHECK(e.buffer.value() == Approx((2 * (read + written) * 10 + 2 * 2 * 320 * 20) * pj));
  // Keys and values of 7 positions, and one row of each written.
  CHECK(e.sram.value() == Approx(2 * (2 * 7 * 32 + 2 * 32) * 20 * pj));
  // norm 40, rope 12 + 2 x 16, softmax 3 x 14, sub-norms 32 and 48, activation 12, residuals 20.
  CHECK(e.vector.value() == Approx(2 * (40 + 44 + 42 + 32 + 10 + 40 + 12 + 48 + 10) * 5 * pj));
  // Steps 4 + 2 + 2 + 3 + 6 + 6 + 6 move the address of 22 banks of the 44; H(5/16), 8 high.
  const double bank = 1.5 * rom_cells / 44 * (3 + 2 * entropy_5_16 - 0.5 * 3);
  CHECK(e.rom.value() == Approx(2 * 29 * 22 * bank));
  // Flip-flops x busy cycles.
  CHECK(e.clock.value() == Approx((850 * 2 * 98 + 12 * 2 * 87) * pj));
  const double time = 0.380;
  CHECK(e.sram_leakage.value() == Approx((100000 + 2000 + 256) * 1e-9 * time));
  CHECK(e.logic_leakage.value() == Approx((34.024 + 8 + 1) * 1e-6 * 100 * time));
  // A layer is awake for 185 + 10 cycles; a tenth is left of the rest.
  CHECK(e.rom_leakage.value() == Approx(rom_cells * 100 * (0.195 + 0.1 * (time - 0.195))));
  CHECK(e.rom_wake.value() == Approx(rom_cells / 0.5 * 10));
}

TEST_CASE("energy: data in place of averages move lanes and ROM") {
  auto h = hw;
  h.tech.lane_weights = 0.5;
  h.tech.lane_weights_share = 0.2;
  h.tech.lane_toggles = 0.5;
  h.tech.lane_toggles_share = 0.3;
  h.tech.lane_signs = 0.8;
  h.tech.lane_signs_share = 0.1;
  h.tech.rom_toggle_address = of<units::EnergyDensity<double>>(0.25);
  auto m = no_adapter();
  m.data = {0.2, 0.75, 0.25, 0.5, 3};
  const auto pass = estimate_pass(h, m, at_7);
  // 750 of 1,200 weights are not zero, 0.625; a fifth of them meet a zero: 0.5 adds a weight. Signs
  // 4 x 0.75 x 0.25 x 0.5 = 0.375.
  CHECK(pass.energy.base_units.value() ==
        Approx(1200 * 1e-12 *
               (1 + 0.2 * (0.625 / 0.5 - 1) + 0.3 * (0.25 / 0.5 - 1) + 0.1 * (0.375 / 0.8 - 1))));
  // Half the part of the entropy, and one address bit more than the two of a count upwards.
  const double bank = 1.5 * rom_cells / 44 * (3 + 0.5 * 2 * entropy_5_16 - 0.5 * 3 + 0.25);
  CHECK(pass.energy.rom.value() == Approx(2 * 29 * 22 * bank));
  const auto common = engine::make_common(h, m, engine::layer_content(h, m));
  const auto whole = engine::estimate_pass(h, m, common, at_7);
  double lanes = 0;
  for (std::size_t l = 0; l < 2; ++l)
    lanes += engine::estimate_layer(h, m, common, whole, l).energy.base_units.value();
  CHECK(lanes == Approx(pass.energy.base_units.value()).epsilon(1e-12));

  // Lanes of whole numbers are charged alike.
  m.weights.code = spec::WeightCode::integer;
  m.weights.zero_bit_ratio = {0.5, 0.5};
  CHECK(estimate_pass(h, m, at_7).energy.base_units.value() == Approx(1200 * 1e-12));
}

TEST_CASE("a clock that is not gated runs in every flip-flop all the time") {
  auto h = hw;
  h.chip.clock_gating = spec::Switch::off;
  const auto pass = estimate_pass(h, no_adapter(), at_7);
  CHECK(pass.energy.clock.value() == Approx((850 + 12) * 380 * 1e-12));
}

TEST_CASE("without switches the ROM leaks all the time, and needs no area for them") {
  auto h = hw;
  h.gating.mode = spec::GatingMode::isolation;
  const auto pass = estimate_pass(h, no_adapter(), at_7);
  CHECK(pass.energy.rom_leakage.value() == Approx(rom_cells * 100 * 0.370));
  CHECK(pass.energy.rom_wake.value() == 0);
  CHECK(engine::make_common(h, model, engine::layer_content(h, model)).area.rom.value() ==
        Approx(rom_cells / 0.5 + 1280 * 1.75e-9 / 0.5));
}

TEST_CASE("a macro ROM pays for bits read, not for addresses") {
  auto h = hw;
  h.rom.law = spec::RomLaw::macro;
  CHECK(estimate_pass(h, no_adapter(), at_7).energy.rom.value() == Approx(2400 * 2e-12));
}

TEST_CASE("switching goes with the square of the voltage, leakage with it and with temperature") {
  auto h = hw;
  h.chip.voltage = of<units::Voltage<double>>(1.2);
  h.chip.temperature = of<units::Temperature<double>>(45);
  const auto pass = estimate_pass(h, model, at_7);
  const auto leaked = leakage(decode.energy);
  CHECK(leakage(pass.energy).value() == Approx(1.2 * 4 * leaked.value()));
  CHECK((total(pass.energy) - leakage(pass.energy)).value() ==
        Approx(1.44 * (total(decode.energy) - leaked).value()));
  // (1 - 0.2) / (1 - 0.2) and (1.2 - 0.2) / 0.8 of 4 kHz.
  CHECK(spec::clock_limit(hw).value() == Approx(4000));
  CHECK(spec::clock_limit(h).value() == Approx(5000));
}

TEST_CASE("layer energies add up to the pass") {
  const auto common = engine::make_common(hw, model, engine::layer_content(hw, model));
  double sum = 0;
  for (std::size_t l = 0; l < model.layers; ++l)
    sum += total(engine::estimate_layer(hw, model, common, decode, l).energy).value();
  CHECK(sum == Approx(total(decode.energy).value()).epsilon(1e-12));
}

// norm 0-13 | q, k, v -28 | rope -40 | scores -54 | softmax -67 | context -78 | attn_sub_norm -87 |
// o -101 | residual -106 | ffn_norm -119 | gate, up -134 | activation -138 | ffn_sub_norm -151 |
// down -166 | residual -171.
TEST_CASE("a unit for every tile") {
  const auto h = in_space();
  const auto pass = estimate_pass(h, no_adapter(), at_7);
  // gate: 6 x 3 tiles, one step of 8 cycles; 5 + ceil(log2 3).
  CHECK(op(pass, Op::gate).compute.value() == 8);
  CHECK(op(pass, Op::gate).memory.value() == 1);
  CHECK(op(pass, Op::gate).unit_active.value() == 18 * 8);
  CHECK(total_of(op(pass, Op::gate)) == 15);
  CHECK(total_of(op(pass, Op::o)) == 14);  // 2 input tiles: one level
  CHECK(op(pass, Op::attn_norm).buffer_write.value() == 80);
  CHECK(pass.layer.load[0].value() == 15);
  CHECK(pass.layer.load[1].value() == 14 + 11);
  CHECK(pass.layer.path.value() == 171);
  CHECK(pass.total.value() == 342);
  // q 4 x 3, k, v 2 x 3, o 5 x 2, gate, up 6 x 3, down 5 x 3, in 2 layers. In 8 cycles a lane does
  // what 8 would do in one.
  const auto s = engine::make_setting(h, model, at_7);
  CHECK(engine::base_units(s) == 2 * 85);
  const auto cells = engine::logic_cells(s);
  CHECK(cells.base.flip_flops == 170 * 2);
  CHECK(cells.base.area.value() == Approx(170e-6));
  // Units are clocked while their own matrix works: 75 tiles for 15 cycles and 10 of o for 14.
  const double side = cells.side.flip_flops * 2 * 25;
  CHECK(pass.energy.clock.value() ==
        Approx((2 * 2 * (75 * 15 + 10 * 14) + side + 12 * 2 * 87) * 1e-12));
}

TEST_CASE("layers in lockstep: an epoch is the longest base op and the longest other op") {
  auto h = in_space();
  auto m = no_adapter();
  h.schedule.layers = spec::LayerSchedule::lockstep;
  h.schedule.sync = units::cycles(4.0);
  const auto e = engine::estimate(h, m);
  CHECK(e.epoch.value() == 15 + 14 + 4);
  CHECK(e.chip.throughput.value() == Approx(1000.0 / 33));
  CHECK(e.chip.tpot.value() == Approx(0.342));
  // What is switched goes with the rate, what leaks does not.
  const auto leaked = leakage(e.decode.energy).value();
  const auto switched = total(e.decode.energy).value() - leaked;
  CHECK(e.chip.power.value() == Approx(switched / 0.033 + leaked / 0.342));
  h.schedule.layers = spec::LayerSchedule::sequential;
  CHECK(engine::estimate(h, m).chip.throughput.value() == Approx(1 / 0.342));
}
