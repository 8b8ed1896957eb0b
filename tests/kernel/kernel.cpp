// SPDX-License-Identifier: Apache-2.0
// The machine of specs/machine.md, worked by hand: the arithmetic is beside each number.
#include <tomestimate/kernel/kernel.hpp>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "../../src/kernel/arithmetic.hpp"
#include "../../src/kernel/machine.hpp"
#include "../../src/kernel/products.hpp"
#include "../../src/kernel/weights.hpp"
#include "catch.hpp"

using namespace tomestimate;
using kernel::Code;
using spec::Op;

namespace {

std::vector<std::int8_t> whole_matrix(const kernel::Matrix& m) {
  std::vector<std::int8_t> all(m.shape().rows * m.shape().columns);
  std::vector<std::uint8_t> scratch;
  for (std::uint64_t r = 0; r < m.shape().rows; ++r)
    m.row(r, std::span(all).subspan(r * m.shape().columns, m.shape().columns), scratch);
  return all;
}

units::PortWidth<double> port(double bits) { return units::PortWidth<double>::from_value(bits); }

// 2 lanes of 2 base units (2 outputs x 4 weights a step) and 2 lanes of 1 side unit (1 x 4), that
// runs adapters and attention. 1 GHz, so that ns are cycles.
spec::Hardware<double> hardware() {
  spec::Hardware<double> h{};
  h.chip.clock = units::Frequency<double>::from_value(1e9);
  auto& b = h.base;
  b.lanes = 2;
  b.per_lane = 2;
  b.rows = 2;
  b.width_adapter = b.width_attention = 4;
  b.input_words = b.token_tile = b.kv_tile = 1;
  b.pipeline = units::cycles(2.0);
  b.level_latency = units::cycles(1.0);
  b.tree_values = 4;
  b.buffer_width = b.sram_width = port(32);
  h.side = b;
  h.side.per_lane = 1;
  h.side.rows = 1;
  h.side.input_words = 2;
  h.side.pipeline = units::cycles(1.0);
  h.datapath.width = h.datapath.width_head = 4;
  h.datapath.step_cycles = units::cycles(1.0);
  h.rom.read_width = h.rom.bank_width = port(16);
  h.rom.bank_height = 2;
  h.sram.capacity = units::bits(1e6);
  h.workspace.width = port(64);
  h.vector.count = 1;
  h.vector.width = 8;
  h.vector.latency = units::cycles(1.0);
  h.vector.norm_passes = h.vector.quantize_passes = h.vector.rope_passes = 1;
  h.vector.softmax_passes = h.vector.activation_passes = h.vector.residual_passes = 1;
  h.bus.width = port(64);
  h.gating.mode = spec::GatingMode::none;
  h.map.adapter = h.map.attention = spec::UnitChoice::side;
  h.map.head = spec::HeadPlace::none;
  return h;
}

// Two layers of hidden size 8, two query heads of 4 that share a key head, FFN of 16, an adapter of
// rank 2 on q; half of the weights are zero.
spec::Model<double> model() {
  spec::Model<double> m{};
  m.hidden = 8;
  m.layers = 2;
  m.heads = 2;
  m.kv_heads = 1;
  m.head_dim = 4;
  m.intermediate = 16;
  m.gated = spec::Switch::on;
  m.full_every = 1;
  m.activation_bits = m.kv_bits = units::bits(8.0);
  m.residual_bits = units::bits(16.0);
  m.weights.bits = units::bits(2.0);
  m.weights.zero_share = {0.5, 0.5};
  m.adapter.rank = 2;
  m.adapter.bits = units::bits(8.0);
  m.adapter.targets[0] = spec::Switch::on;
  m.embedding.vocabulary = 10;
  m.embedding.bits = units::bits(8.0);
  m.embedding.zero_bit_ratio = 0.5;
  return m;
}

const spec::Pass<double> decode{1.0, 1.0, 2.0};  // at context 3

kernel::PassCounts run(const spec::Hardware<double>& h, const spec::Model<double>& m,
                       const spec::Pass<double>& pass = decode) {
  auto counts = kernel::run(h, m, pass, 1, 3);
  CHECK(counts.first_difference.empty());
  return counts;
}

const kernel::OpCounts& op(const kernel::PassCounts& pass, Op id, std::size_t layer = 0) {
  return pass.layers[layer].ops[static_cast<std::size_t>(id)];
}

std::uint64_t cycles(const kernel::PassCounts& pass, Op id) {
  return kernel::op_cycles(op(pass, id));
}

}  // namespace

TEST_CASE("a ternary matrix has its exact number of zeros, and both signs") {
  for (const std::uint64_t zeros : {0u, 1u, 37u, 350u, 699u, 700u}) {
    const auto all = whole_matrix(kernel::Matrix({20, 35, Code::ternary, 2, zeros}, 5));
    CHECK(kernel::count_nonzero(all) == 700 - zeros);
    CHECK(kernel::count_one_bits(all, Code::ternary, 2) == 700 - zeros);
    if (zeros < 600) {
      CHECK(std::count(all.begin(), all.end(), 1) > 0);
      CHECK(std::count(all.begin(), all.end(), -1) > 0);
    }
  }
}

TEST_CASE("an integer matrix has its exact number of zero bits") {
  for (const unsigned bits : {1u, 2u, 4u, 8u})
    for (const std::uint64_t zeros : {0u, 101u, 250u}) {
      const auto all = whole_matrix(kernel::Matrix({11, 23, Code::integer, bits, zeros}, 9));
      CHECK(kernel::count_one_bits(all, Code::integer, bits) == 11 * 23 * bits - zeros);
      for (const int w : all) REQUIRE((w >= -(1 << (bits - 1)) && w < (1 << (bits - 1))));
    }
}

TEST_CASE("absmax quantization, by hand") {
  // Largest 200 -> 127; -100 -> -63.5 -> -64; 1 -> 0.635 -> 1; 0 -> 0.
  const std::vector<std::int32_t> x{200, -100, 1, 0};
  const auto q = kernel::quantize(x, 8, false);
  CHECK(q.q == std::vector<std::int16_t>{127, -64, 1, 0});
  // 200 * 2^16 / (127 * 2^8)
  CHECK(q.scale == 403);
  // RMS: sqrt((40000 + 10000 + 1) / 4) = 111; 200 * 2^16 / (127 * 111) = 929
  CHECK(kernel::quantize(x, 8, true).scale == 929);
}

TEST_CASE("activations, softmax and rotation, by hand") {
  CHECK(kernel::activate_gated(spec::Activation::relu2, -5, 100) == 0);
  CHECK(kernel::activate_gated(spec::Activation::relu2, 512, 256) == 1024);  // (2.0)^2 x 1.0 = 4.0
  // 1.0 x (1/4 + 1/2) = 0.75; -2.0 x 0 = 0; 4.0 x 1 = 4.0
  CHECK(kernel::activate(spec::Activation::silu, 256) == 192);
  CHECK(kernel::activate(spec::Activation::gelu, -512) == 0);
  CHECK(kernel::activate(spec::Activation::gelu, 1024) == 1024);
  const std::vector<std::int32_t> equal(4, 77);
  CHECK(kernel::softmax(equal, 10, 8) == std::vector<std::int16_t>(4, 32));  // 127 / 4 = 31.75
  const std::vector<std::int32_t> one_off{0, -1024};                         // 2^0 : 2^-1
  CHECK(kernel::softmax(one_off, 10, 8) == std::vector<std::int16_t>{85, 42});
  std::vector<std::int32_t> head{1000, 500};
  kernel::rotate(head, 2, 0);
  CHECK(head == std::vector<std::int32_t>{1000, 500});
}

TEST_CASE("weights of more than 8 bit keep their exact number of zero bits") {
  const kernel::Matrix m({10, 8, Code::integer, 16, 600}, 9);
  std::vector<std::int8_t> row(8);
  std::vector<std::uint8_t> bits;
  std::uint64_t ones = 0;
  for (std::uint64_t r = 0; r < 10; ++r) {
    m.row(r, row, bits);
    ones += static_cast<std::uint64_t>(std::accumulate(bits.begin(), bits.end(), 0));
  }
  CHECK(ones == 10 * 8 * 16 - 600);
}

TEST_CASE("the part that gets most, by hand") {
  CHECK(kernel::busiest(10, 3, 2) == 4);  // 2 + 2, 2 + 2, 2
  CHECK(kernel::busiest(5, 2, 4) == 4);   // 4, 1
  CHECK(kernel::busiest(3, 8, 1) == 1);
}

TEST_CASE("16 lanes of 10 units of 128 take 3,488 base cycles for a layer of BitNet 2B") {
  auto h = hardware();
  h.base.lanes = 16;
  h.base.per_lane = 10;
  h.base.rows = 1;
  h.datapath.width = 128;
  h.rom.read_width = port(256);
  auto m = model();
  m.hidden = 2560;
  m.layers = 1;
  m.heads = 20;
  m.kv_heads = 5;
  m.head_dim = 128;
  m.intermediate = 6912;
  m.weights.zero_share = {0.42};
  const auto pass = run(h, m);
  // outputs / 16 lanes x inputs / (10 x 128)
  CHECK(op(pass, Op::q).compute_cycles == 160 * 2);
  CHECK(op(pass, Op::k).compute_cycles == 40 * 2);
  CHECK(op(pass, Op::v).compute_cycles == 40 * 2);
  CHECK(op(pass, Op::o).compute_cycles == 160 * 2);
  CHECK(op(pass, Op::gate).compute_cycles == 432 * 2);
  CHECK(op(pass, Op::up).compute_cycles == 432 * 2);
  CHECK(op(pass, Op::down).compute_cycles == 160 * 6);  // 6,912 / 1,280 = 5.4
  std::uint64_t all = 0;
  std::uint64_t adds = 0;
  for (const auto& c : pass.layers[0].ops)
    if (c.base_adds > 0) {
      all += c.compute_cycles;
      adds += c.base_adds;
    }
  CHECK(all == 3488);
  // 58 % of 2 x 2,560^2, 2 x 640 x 2,560 and 3 x 6,912 x 2,560 weights, each rounded
  CHECK(adds == 2 * 3801088 + 2 * 950272 + 3 * 10262938);
  CHECK(op(pass, Op::down).unit_active_cycles == 2560 * 54);
}

// Path: attn_norm 0-3 | q 3-8, k -12, v -16 | lora_a 3-6, lora_b -14 | rope 16-21 | scores -26 |
// softmax -29 | context -33 | attn_sub_norm -35 | o -40 | residual -45 | ffn_norm -48 | gate -55 |
// up -62 | activation -65 | ffn_sub_norm -68 | down -75 | residual -80.
TEST_CASE("two classes side by side, by hand") {
  const auto pass = run(hardware(), model());
  // 8/8 of norm + 8/8 of quantize + latency 1
  CHECK(cycles(pass, Op::attn_norm) == 3);
  CHECK(op(pass, Op::attn_norm).buffer_write_bits == 8 * 8 * 2);  // a copy for each lane
  // 8/(2 x 2) row steps x 8/(2 x 4) column steps + pipeline 2 + one level
  const auto& q = op(pass, Op::q);
  CHECK(q.compute_cycles == 2);
  CHECK(q.memory_cycles == 2);  // 2 x 4 weights of 2 bit are one read of 16
  CHECK(q.tree_cycles == 1);    // 8 / (2 lanes x 4)
  CHECK(q.buffer_cycles == 1);  // its one word of inputs is kept
  CHECK(q.buffer_read_bits == 2 * 8 * 8);
  CHECK(q.tree_adds == 8);
  CHECK(q.rom_words == 8);  // 4 row chunks x 2
  CHECK(q.rom_bits == 128);
  CHECK(q.rom_one_bits == 32);
  CHECK(q.base_adds == 32);
  CHECK(cycles(pass, Op::q) == 5);
  CHECK(cycles(pass, Op::k) == 4);
  // Two words of inputs, one kept: read again in each of 2 row steps; 4 row chunks read 16 values.
  CHECK(op(pass, Op::down).buffer_cycles == 4);
  CHECK(op(pass, Op::down).buffer_read_bits == 4 * 16 * 8);
  // lora_a on 2 side lanes: 2/2 x 8/4 steps; a unit reads 1 x 8 x 8 bit at 32 a cycle.
  const auto& a = op(pass, Op::q_a);
  CHECK(a.compute_cycles == 2);
  CHECK(a.sram_cycles == 2);
  CHECK(a.dense_macs == 16);
  CHECK(cycles(pass, Op::q_a) == 3);
  // lora_b: 8/2 x 1 steps + pipeline 1 + one level + quantize 1 + broadcast 1
  const auto& b = op(pass, Op::q_b);
  CHECK(b.compute_cycles == 4);
  CHECK(b.sram_cycles == 2);
  CHECK(b.buffer_cycles == 1);
  CHECK(b.latency_cycles == 4);
  CHECK(cycles(pass, Op::q_b) == 8);
  // 12/8 -> 2 of RoPE + 16/8 of quantize + 1; a key and a value row of 4 x 8 bit take 2 at the port
  CHECK(cycles(pass, Op::rope) == 5);
  CHECK(op(pass, Op::rope).sram_cycles == 2);
  CHECK(op(pass, Op::rope).sram_write_bits == 64);
  // Both lanes read the one key head, each for its own query head: 3 positions.
  const auto& scores = op(pass, Op::scores);
  CHECK(scores.compute_cycles == 3);
  CHECK(scores.sram_cycles == 3);
  CHECK(scores.sram_read_bits == 3 * 2 * 32);
  CHECK(scores.dense_macs == 3 * 2 * 4);
  CHECK(scores.unit_active_cycles == 6);
  CHECK(scores.buffer_read_bits == 2 * 4 * 8);
  CHECK(cycles(pass, Op::scores) == 5);
  CHECK(cycles(pass, Op::softmax) == 3);
  CHECK(op(pass, Op::softmax).broadcast_bits == 2 * 3 * 8);
  CHECK(cycles(pass, Op::context) == 4);
  CHECK(op(pass, Op::context).tree_adds == 0);          // all positions are in one part
  CHECK(op(pass, Op::attn_residual).sram_cycles == 4);  // 8 x 16 bit at 64, read and written
  CHECK(op(pass, Op::attn_residual).workspace_read_bits == 128);

  const auto& layer = pass.layers[0];
  CHECK(layer.path_cycles == 80);
  CHECK(layer.base_load == 5 + 4 + 4 + 5 + 7 + 7 + 7);
  CHECK(layer.side_load == 3 + 8 + 5 + 4);
  CHECK(layer.vector_load == 3 + 5 + 3 + 2 + 5 + 3 + 3 + 3 + 5);
  CHECK(layer.layer_cycles == 80);
  CHECK(pass.cycles == 160);
  CHECK(pass.link_bits == 8 * 8 + 8 * 16);
}

TEST_CASE("token groups pipeline through the classes") {
  const auto pass = run(hardware(), model(), {1.0, 4.0, 0.0});
  const auto& layer = pass.layers[0];
  const auto most = std::max({layer.base_load, layer.side_load, layer.vector_load});
  CHECK(layer.layer_cycles == most + (layer.path_cycles - most + 3) / 4);
}

TEST_CASE("adapters on the base units wait for them") {
  auto h = hardware();
  h.map.adapter = spec::UnitChoice::base;
  const auto pass = run(h, model());
  // q.lora_a and lora_b now stand between q and k: rope waits for all.
  const auto lora = cycles(pass, Op::q_a) + cycles(pass, Op::q_b);
  CHECK(pass.layers[0].path_cycles == 80 + lora);
  CHECK(pass.layers[0].side_load == 9);
}

TEST_CASE("address changes reach what the gating lets them") {
  auto h = hardware();
  const auto m = model();
  // Banks of 32 bit: q and o 128 bit, k and v 64, gate, up, down 256: 4 + 2 + 2 + 4 + 3 x 8 a layer
  CHECK(run(h, m).chip_banks == 72);
  CHECK(op(run(h, m), Op::q).bank_toggles == 2 * 72);
  h.gating.mode = spec::GatingMode::isolation;
  h.gating.domain = spec::GatingDomain::layer;
  CHECK(op(run(h, m), Op::q).bank_toggles == 2 * 36);
  h.gating.domain = spec::GatingDomain::matrix;
  CHECK(op(run(h, m), Op::down).bank_toggles == 4 * 8);
  h.gating.domain = spec::GatingDomain::bank;
  CHECK(op(run(h, m), Op::down).bank_toggles == 4 * 4);  // 4 units x 16 bit / 16
  CHECK(op(run(h, m), Op::k).bank_toggles == 1 * 2);     // it has only 2
  CHECK(run(h, m).cycles == 160);
  CHECK(run(h, m).layers[0].bank_wakes == 0);
}

TEST_CASE("wakes show where the lead is too short") {
  auto h = hardware();
  const auto m = model();
  h.gating.mode = spec::GatingMode::switches;
  h.gating.prewake = spec::Switch::on;
  h.gating.wake_latency = units::Time<double>::from_value(6e-9);
  h.gating.domain = spec::GatingDomain::layer;
  auto pass = run(h, m);
  CHECK(pass.layers[0].exposed_wake_cycles == 6);
  CHECK(pass.layers[1].exposed_wake_cycles == 0);
  CHECK(pass.cycles == 166);
  CHECK(pass.layers[0].bank_idle_cycles == 36 * (166 - 86));

  // Leads: q cold, k 8 - 3, v 12 - 8, the others above 6; in layer 1 q has 80 - 68 + 3.
  h.gating.domain = spec::GatingDomain::matrix;
  pass = run(h, m);
  CHECK(pass.layers[0].exposed_wake_cycles == 6 + 1 + 2);
  CHECK(pass.layers[1].exposed_wake_cycles == 1 + 2);
  CHECK(pass.cycles == 172);
  CHECK(pass.layers[0].bank_wakes == 36);
  CHECK(pass.layers[0].bank_idle_cycles ==
        8 * (172 - 5 - 6) + 4 * (172 - 4 - 6) + 24 * (172 - 7 - 6));

  h.gating.prewake = spec::Switch::off;
  CHECK(run(h, m).layers[1].exposed_wake_cycles == 7 * 6);
}

// Path: q, k, v 3-14 together | rope -19 | scores -24 | softmax -27 | context -31 | attn_sub_norm
// -33 | o -44 | residual -49 | ffn_norm -52 | gate, up -63 | activation -66 | ffn_sub_norm -69 |
// down -81 | residual -86.
TEST_CASE("a place for every weight, by hand") {
  auto h = hardware();
  h.datapath.sharing = spec::Sharing::space;
  h.datapath.step_cycles = units::cycles(8.0);
  h.base.rows = 4;
  h.rom.read_width = port(32);
  const auto pass = run(h, model());
  // 2 x 2 tiles, bit-serial 8 + pipeline 2 + one level
  CHECK(op(pass, Op::q).compute_cycles == 8);
  CHECK(op(pass, Op::q).unit_active_cycles == 4 * 8);
  CHECK(op(pass, Op::q).memory_cycles == 1);
  CHECK(op(pass, Op::q).tree_adds == 8);
  CHECK(cycles(pass, Op::q) == 11);
  CHECK(cycles(pass, Op::down) == 12);  // 4 input tiles: two levels
  CHECK(op(pass, Op::attn_norm).buffer_write_bits == 64);
  CHECK(pass.layers[0].path_cycles == 86);
  CHECK(pass.layers[0].base_load == 12);
  CHECK(pass.layers[0].side_load == 20);
  CHECK(pass.layers[0].vector_load == 32);
}

TEST_CASE("weights in DRAM, in groups") {
  auto h = hardware();
  h.map.weights = spec::WeightPlace::dram;
  h.dram.bandwidth = units::Bandwidth<double>::from_value(50e9);
  auto m = model();
  m.weights.group = 10;
  m.weights.group_bits = units::bits(8.0);
  const auto pass = run(h, m);
  // 64 weights of 2 bit + 7 groups of 8 bit = 184, 50 a cycle
  CHECK(op(pass, Op::q).dram_bits == 184);
  CHECK(op(pass, Op::q).memory_cycles == 4);
  CHECK(op(pass, Op::q).rom_words == 0);
  CHECK(op(pass, Op::q).rom_bits == 0);
  CHECK(op(pass, Op::q).rom_one_bits == 0);
  CHECK(op(pass, Op::q).bank_toggles == 0);
  CHECK(pass.chip_banks == 0);
  h.dram.bandwidth = units::Bandwidth<double>::from_value(1e8);
  CHECK_THROWS_AS(kernel::run(h, m, decode, 1, 3), std::invalid_argument);
}

TEST_CASE("dead neurons are left out, with their zeros") {
  auto h = hardware();
  h.map.skip_dead = spec::Switch::on;
  auto m = model();
  m.weights.dead_share = {0.25, 0.0};
  const auto pass = run(h, m);
  CHECK(op(pass, Op::gate).rom_bits == 12 * 8 * 2);
  CHECK(op(pass, Op::gate).base_adds == 64);
  CHECK(op(pass, Op::down).rom_bits == 8 * 12 * 2);
  CHECK(op(pass, Op::down).rom_one_bits == 64);
  CHECK(op(pass, Op::activation).vector_elements == 12);
  CHECK(op(pass, Op::gate, 1).rom_bits == 16 * 8 * 2);
  m.weights.dead_share = {1.0, 0.0};
  CHECK_THROWS_AS(kernel::run(h, m, decode, 1, 3), std::invalid_argument);
}

TEST_CASE("an FFN without a gate") {
  auto m = model();
  m.gated = spec::Switch::off;
  m.adapter.targets[static_cast<std::size_t>(spec::Projection::gate)] = spec::Switch::on;
  const auto pass = run(hardware(), m);
  CHECK(cycles(pass, Op::gate) == 0);
  CHECK(cycles(pass, Op::gate_a) == 0);
  CHECK(pass.layers[0].path_cycles == 80 - 7);
  CHECK(pass.chip_banks == 72 - 16);
}

TEST_CASE("windows, and rows shared by tokens of a prefill") {
  auto h = hardware();
  auto m = model();
  m.full_every = 2;
  m.window = 2;
  h.side.kv_tile = 4;
  const auto pass = run(h, m, {1.0, 5.0, 0.0});
  // Layer 0 attends to 1 + 2 + 2 + 2 + 2 positions, layer 1 to 1 + 2 + 3 + 4 + 5.
  CHECK(op(pass, Op::scores, 0).dense_macs == 9 * 8);
  CHECK(op(pass, Op::scores, 1).dense_macs == 15 * 8);
  CHECK(op(pass, Op::scores, 0).sram_read_bits == 3 * 2 * 32);  // 9 / 4 -> 3
  CHECK(op(pass, Op::context, 1).sram_cycles == 4);             // 15 / 4 -> 4
  CHECK(op(run(h, m), Op::scores, 1).sram_cycles == 3);         // decode shares nothing
}

TEST_CASE("heads dealt to more and to fewer parts than there are key heads") {
  auto h = hardware();
  auto m = model();
  m.heads = 6;
  m.kv_heads = 3;
  // 2 parts for 3 key heads: one part has 2 of them, with 2 query heads each.
  CHECK(op(run(h, m), Op::scores).compute_cycles == 3 * 4);
  CHECK(op(run(h, m), Op::scores).sram_cycles == 3 * 2);
  // No part: positions on both, of 3 the fuller one has 2.
  h.side.heads = spec::Heads::none;
  CHECK(op(run(h, m), Op::scores).compute_cycles == 2 * 6);
  CHECK(op(run(h, m), Op::scores).sram_read_bits == 3 * 3 * 32);
  CHECK(op(run(h, m), Op::context).tree_adds == 6 * 4);
  // 8 lanes: floor(8/3) = 2 parts a head, each with 1 query head.
  h.side.heads = spec::Heads::lanes;
  h.side.lanes = 8;
  CHECK(op(run(h, m), Op::scores).compute_cycles == 3);
  CHECK(op(run(h, m), Op::scores).sram_read_bits == 3 * 3 * 2 * 32);
}

TEST_CASE("how outputs are dealt decides the tree") {
  auto h = hardware();
  h.base.lanes = 1;
  h.base.per_lane = 4;
  const auto m = model();
  const auto steps = [&](spec::Outputs outputs) {
    h.base.outputs = outputs;
    const auto c = op(run(h, m), Op::down);  // 8 x 16
    return std::array{c.compute_cycles, c.tree_adds};
  };
  CHECK(steps(spec::Outputs::lanes) == std::array<std::uint64_t, 2>{4, 24});  // 4 x 1, 8 x 3
  CHECK(steps(spec::Outputs::units) == std::array<std::uint64_t, 2>{4, 0});   // 1 x 4
  CHECK(steps(spec::Outputs::all) == std::array<std::uint64_t, 2>{4, 0});
  CHECK(steps(spec::Outputs::none) == std::array<std::uint64_t, 2>{4, 24});
}

TEST_CASE("LM head in ROM, with entries of 16 bit") {
  auto h = hardware();
  h.map.head = spec::HeadPlace::rom;
  auto m = model();
  m.embedding.bits = units::bits(16.0);
  const auto pass = run(h, m);
  CHECK(pass.lm_head.rom_bits == 10 * 8 * 16);
  CHECK(pass.lm_head.rom_one_bits == 640);
  CHECK(pass.lm_head.dense_macs == 80);
  CHECK(pass.lm_head.compute_cycles == 3);        // 10 / 4 -> 3
  CHECK(pass.lm_head.memory_cycles == 3 * 8);     // 2 x 4 x 16 bit at 16
  CHECK(pass.chip_banks == 72 + 40);              // 1,280 / 32
  CHECK(pass.cycles == 160 + 3 + 3 * 8 + 2 + 1);  // final_norm, lm_head
  CHECK(pass.embedding_bits == 8 * 16);
  CHECK(pass.link_bits == 64);
  h.map.head = spec::HeadPlace::host;
  CHECK(run(h, m).final_norm.vector_cycles == 0);
  CHECK(run(h, m).cycles == 160);
}

TEST_CASE("operands over 8 bit are counted as they are") {
  auto m = model();
  m.activation_bits = m.kv_bits = m.adapter.bits = units::bits(16.0);
  const auto pass = run(hardware(), m);
  CHECK(op(pass, Op::attn_norm).broadcast_bits == 128);
  CHECK(op(pass, Op::attn_norm).broadcast_cycles == 2);
  CHECK(op(pass, Op::scores).sram_read_bits == 3 * 2 * 64);
  CHECK(op(pass, Op::q_a).sram_read_bits == 2 * 8 * 16);
}

TEST_CASE("positions that do not fit cross the link") {
  auto h = hardware();
  h.sram.spill = spec::Spill::host;
  // Adapters 2 layers x 2 x 16 x 8 = 512; a position takes 2 layers x 64 bit: 2 of 3 fit.
  h.sram.capacity = units::bits(512.0 + 300);
  CHECK(run(h, model()).link_bits == 192 + 128);
  h.sram.spill = spec::Spill::dram;
  h.dram.bandwidth = units::Bandwidth<double>::from_value(50e9);
  CHECK(run(h, model()).link_bits == 192);
}

TEST_CASE("threads change nothing, the seed does") {
  const auto h = hardware();
  auto m = model();
  m.intermediate = 900;  // enough row chunks for several threads
  const spec::Pass<double> pass{2.0, 3.0, 4.0};
  const auto one = kernel::run(h, m, pass, 1, 3);
  const auto four = kernel::run(h, m, pass, 4, 3);
  CHECK(one.first_difference.empty());
  CHECK(one.output_hash == four.output_hash);
  CHECK(one.cycles == four.cycles);
  std::vector<std::uint64_t> counts;
  for (const auto& c : one.layers[0].ops)
    kernel::visit_counts(c, [&](const char*, const auto& n) { counts.push_back(n); });
  auto at = counts.begin();
  for (const auto& c : four.layers[0].ops)
    kernel::visit_counts(c, [&](const char* name, const auto& n) {
      INFO(name);
      CHECK(n == *at++);
    });
  CHECK(kernel::run(h, m, pass, 1, 4).output_hash != one.output_hash);
}

TEST_CASE("every weight matters: one weight fewer zero changes the output") {
  auto m = model();
  const auto before = run(hardware(), m).output_hash;
  m.weights.zero_share[1] -= 1.0 / 64;
  CHECK(run(hardware(), m).output_hash != before);
}

TEST_CASE("products are those of plain loops, for every instruction set and uneven size") {
  using namespace kernel;
  std::vector<Isa> all{Isa::baseline};
  if (best_isa() >= Isa::avx2) all.push_back(Isa::avx2);
  if (best_isa() >= Isa::avx512) all.push_back(Isa::avx512);
  constexpr std::size_t step = 300;
  std::vector<std::int16_t> w(7 * step), x(9 * step);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<std::int16_t>(mix(i) % 256) - 128;
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::int16_t>(mix(~i) % 255) - 127;
  std::fill_n(w.begin(), step, std::int16_t{-128});
  std::fill_n(x.begin(), step, std::int16_t{-128});
  for (const std::size_t rows : {1, 2, 3, 7})
    for (const std::size_t tokens : {1, 3, 4, 9})
      for (const std::size_t columns : {0, 1, 15, 33, 128, 299}) {
        std::vector<std::int32_t> wanted(tokens * 8, 5);
        for (std::size_t t = 0; t < tokens; ++t)
          for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t c = 0; c < columns; ++c)
              wanted[t * 8 + r] += w[r * step + c] * x[t * step + c];
        for (const auto isa : all) {
          std::vector<std::int32_t> sums(wanted.size(), 5);
          add_products({w.data(), rows, step, x.data(), tokens, step, columns}, isa, sums.data(),
                       8);
          CHECK(sums == wanted);
        }
      }
}
