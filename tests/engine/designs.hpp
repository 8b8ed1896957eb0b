// SPDX-License-Identifier: Apache-2.0
// A tiny design with round numbers, so that expected values can be worked out by hand, and random
// designs whose numbers divide nothing.
#pragma once

#include <random>

#include <tomestimate/engine/estimate.hpp>

namespace designs {

using namespace tomestimate;

template <class Quantity>
Quantity of(double value) {
  return Quantity::from_value(value);
}

// Round numbers at 1 V and 25 degC, areas in mm^2 and energies in pJ. Half of the die is cells.
inline spec::Technology<double> tiny_technology() {
  spec::Technology<double> t{};
  const auto lane = [](double mm2, double pj, double flip_flops) {
    return spec::LaneCells<double>{of<units::Area<double>>(mm2 * 1e-6),
                                   of<units::Energy<double>>(pj * 1e-12), flip_flops};
  };
  const auto assign = [](auto& quantity, double value) {
    quantity = std::decay_t<decltype(quantity)>::from_value(value);
  };
  assign(t.node, 7e-9);
  assign(t.voltage, 1);
  assign(t.threshold, 0.2);
  assign(t.temperature, 25);
  assign(t.leakage_doubling, 10);
  assign(t.max_clock, 4000);
  t.utilization = 0.5;
  t.lanes.fill(lane(2, 3, 5));
  t.lanes[static_cast<std::size_t>(spec::Format::ternary_int8)] = lane(1, 1, 2);
  t.vector = lane(2, 5, 3);
  t.adder = lane(0.5, 7, 1);
  assign(t.flip_flop_area, 1e-9);
  assign(t.clock_energy, 1e-12);
  assign(t.logic_leakage, 100);
  assign(t.rom_area, 2e-9);
  assign(t.rom_area_height, -0.25e-9);
  assign(t.rom_area_bit, 0.5e-9);
  assign(t.rom_toggle, 3);
  assign(t.rom_toggle_entropy, 2);
  assign(t.rom_toggle_height, -0.5);
  t.rom_glitches = 1.5;
  assign(t.rom_read_energy, 2e-12);
  assign(t.rom_cell, 1e-9);
  t.rom_efficiency = {0.2, 0.4, 0.6, 0.8};
  t.rom_standard = 0.5;
  assign(t.sram_cell, 3e-9);
  t.sram_efficiency = {0.25, 0.5, 0.75, 1};
  assign(t.sram_energy, 20e-12);
  assign(t.sram_leakage, 1e-9);
  assign(t.buffer_energy, 10e-12);
  assign(t.port_area, 1e-9);
  assign(t.wire_energy, 1e-9);  // 1 pJ a bit and mm
  assign(t.wire_pitch, 1e-6);
  assign(t.link_area, 1e-12);
  t.switch_area = 0.1;
  t.switch_residual = 0.1;
  assign(t.wake_energy, 10);
  return t;
}

// 2 lanes of 2 units; a unit takes 2 outputs x 4 ternary weights, or x 2 dense operands, a cycle.
// All work is on the base units; 1 kHz, so that ms are cycles.
inline spec::Hardware<double> tiny_hardware() {
  using units::bits;
  using units::cycles;
  spec::Hardware<double> h{};
  const auto port = [](double x) { return of<units::PortWidth<double>>(x); };
  h.chip = {of<units::Frequency<double>>(1000), of<units::Voltage<double>>(1),
            of<units::Temperature<double>>(25), of<units::Area<double>>(1e-6), spec::Switch::on};
  auto& b = h.base;
  b.lanes = b.per_lane = b.rows = 2;
  b.width_adapter = b.width_attention = 2;
  b.outputs = spec::Outputs::lanes;
  b.heads = spec::Heads::none;
  b.input_words = 1;
  b.token_tile = 3;
  b.kv_tile = 1;
  b.pipeline = cycles(5.0);
  b.level_latency = cycles(1.0);
  b.tree_values = 1;
  b.buffer_width = port(32);
  b.buffer_capacity = bits(64.0);
  b.sram_width = port(16);
  b.adapter_format = b.attention_format = spec::Format::int8_int8;
  h.datapath = {
      4, 2, cycles(1.0), spec::Sharing::time, spec::Format::ternary_int8, spec::Format::int8_int8};
  h.side = b;
  h.rom = {spec::RomLaw::sparse_logic, port(16), port(8), 8};
  h.sram = {bits(100000.0), 2048, spec::Spill::error};
  h.workspace = {bits(2000.0), port(80)};
  h.vector = {1, 4, cycles(1.0), 2, 2, 1, 3, 1, 1};
  h.bus = {port(16), of<units::Length<double>>(0.01)};
  h.host.bandwidth = of<units::Bandwidth<double>>(1e6);
  h.host.latency = of<units::Time<double>>(0.001);
  h.host.energy = of<units::EnergyPerBit<double>>(50e-12);
  h.host.memory_bandwidth = of<units::Bandwidth<double>>(1e5);
  h.host.memory_energy = of<units::EnergyPerBit<double>>(1e-12);
  h.host.compute = of<units::OperationRate<double>>(1e6);
  h.gating = {spec::GatingMode::switches, spec::GatingDomain::layer, spec::Switch::on,
              of<units::Time<double>>(0.010)};
  h.map.head = spec::HeadPlace::none;
  h.tech = tiny_technology();
  return h;
}

// 2 layers, hidden 10, 2 heads of 4 sharing 1 KV head, FFN 12, rank 3 everywhere.
inline spec::Model<double> tiny_model() {
  using units::bits;
  spec::Model<double> m{};
  m.hidden = 10;
  m.layers = 2;
  m.heads = 2;
  m.kv_heads = 1;
  m.head_dim = 4;
  m.intermediate = 12;
  m.gated = spec::Switch::on;
  m.sub_norms = spec::Switch::on;
  m.full_every = 1;
  m.norm_bits = bits(16.0);
  m.activation_bits = bits(8.0);
  m.kv_bits = bits(8.0);
  m.residual_bits = bits(16.0);
  m.weights.bits = bits(2.0);
  m.weights.zero_share = {0.25, 0.5};
  m.adapter.rank = 3;
  m.adapter.bits = bits(8.0);
  m.adapter.targets.fill(spec::Switch::on);
  m.embedding = {20, spec::Switch::on, bits(8.0), 0.5};
  m.workload = {1, 5, 7};
  return m;
}

// A fixed pseudo-random walk: the same designs on every machine.
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}

  // low .. high, ends included.
  double whole(int low, int high) {
    return low + static_cast<double>(engine_() % static_cast<unsigned>(high - low + 1));
  }
  bool coin() { return engine_() % 2 == 0; }
  template <class Enum>
  Enum one_of(std::initializer_list<Enum> all) {
    return all.begin()[engine_() % all.size()];
  }

 private:
  std::mt19937 engine_;
};

struct Design {
  spec::Hardware<double> hw = tiny_hardware();
  spec::Model<double> model = tiny_model();
  spec::Pass<double> pass{1, 1, 6};
};

inline void randomize(spec::UnitClass<double>& c, Random& r) {
  using spec::Heads;
  using spec::Outputs;
  const auto port = [&](int high) { return of<units::PortWidth<double>>(r.whole(1, high)); };
  c.lanes = r.whole(1, 6);
  c.per_lane = r.whole(1, 5);
  c.rows = r.whole(1, 5);
  c.width_adapter = r.whole(1, 6);
  c.width_attention = r.whole(1, 6);
  c.outputs = r.one_of({Outputs::lanes, Outputs::units, Outputs::all, Outputs::none});
  c.heads = r.one_of({Heads::lanes, Heads::units, Heads::none});
  c.input_words = r.whole(1, 4);
  c.token_tile = r.whole(1, 5);
  c.kv_tile = r.whole(1, 4);
  c.pipeline = units::cycles(r.whole(0, 9));
  c.level_latency = units::cycles(r.whole(0, 3));
  c.tree_values = r.whole(1, 6);
  c.buffer_width = port(40);
  c.sram_width = port(40);
}

inline void randomize_model(spec::Model<double>& m, Random& r) {
  m.hidden = r.whole(1, 60);
  m.kv_heads = r.whole(1, 4);
  m.heads = m.kv_heads * r.whole(1, 4);
  m.head_dim = 2 * r.whole(1, 9);
  m.intermediate = r.whole(1, 70);
  m.gated = r.coin() ? spec::Switch::on : spec::Switch::off;
  m.sub_norms = r.coin() ? spec::Switch::on : spec::Switch::off;
  m.full_every = static_cast<std::size_t>(r.whole(0, 2));
  m.window = r.whole(1, 20);
  m.adapter.rank = r.whole(0, 12);
  for (auto& target : m.adapter.targets) target = r.coin() ? spec::Switch::on : spec::Switch::off;
  m.embedding.vocabulary = r.whole(1, 90);
  m.weights.group = r.whole(0, 20);
  m.weights.group_bits = units::bits(r.whole(0, 18));
  m.weights.zero_share = {r.whole(0, 100) / 100, r.whole(0, 100) / 100};
}

// Nothing is gated off.
inline Design random_design(Random& r) {
  using spec::UnitChoice;
  Design d;
  auto& h = d.hw;
  const auto port = [&](int low, int high) {
    return of<units::PortWidth<double>>(r.whole(low, high));
  };
  randomize(h.base, r);
  randomize(h.side, r);
  h.datapath.width = r.whole(1, 9);
  h.datapath.width_head = r.whole(1, 6);
  h.datapath.step_cycles = units::cycles(r.whole(1, 3));
  h.map.adapter = r.one_of({UnitChoice::base, UnitChoice::side});
  h.map.attention = r.one_of({UnitChoice::base, UnitChoice::side});
  if (r.whole(0, 3) == 0) {
    h.datapath.sharing = spec::Sharing::space;
    h.map.adapter = h.map.attention = UnitChoice::side;
  }
  h.map.weights = r.whole(0, 3) == 0 ? spec::WeightPlace::dram : spec::WeightPlace::rom;
  h.map.head = r.one_of({spec::HeadPlace::rom, spec::HeadPlace::host, spec::HeadPlace::none});
  h.dram.bandwidth = of<units::Bandwidth<double>>(1000 * r.whole(1, 40));
  h.rom.read_width = port(1, 40);
  h.rom.bank_width = port(1, 20);
  h.rom.bank_height = r.whole(2, 20);
  h.sram.capacity = units::bits(1e7);
  h.workspace.width = port(1, 90);
  h.vector.count = r.whole(1, 4);
  h.vector.width = r.whole(1, 12);
  h.bus.width = port(8, 70);
  h.gating.mode = r.one_of({spec::GatingMode::none, spec::GatingMode::isolation});
  h.gating.domain =
      r.one_of({spec::GatingDomain::bank, spec::GatingDomain::matrix, spec::GatingDomain::layer});
  randomize_model(d.model, r);
  d.pass = {r.whole(1, 3), r.whole(1, 9), r.whole(0, 30)};
  return d;
}

inline engine::PassEstimate<double> estimate_pass(const spec::Hardware<double>& hw,
                                                  const spec::Model<double>& m,
                                                  const spec::Pass<double>& pass) {
  return engine::estimate_pass(hw, m, engine::make_common(hw, m, engine::layer_content(hw, m)),
                               pass);
}

inline engine::PassEstimate<double> estimate_pass(const Design& d) {
  return estimate_pass(d.hw, d.model, d.pass);
}

// An op of the first layer, or of the tail.
inline const engine::OpEstimate<double>& op(const engine::PassEstimate<double>& pass, spec::Op id) {
  return pass.layer.ops[static_cast<std::size_t>(id)];
}

}  // namespace designs
