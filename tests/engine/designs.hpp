// SPDX-License-Identifier: Apache-2.0
// A tiny design with round numbers, so that expected values can be worked out by hand.
#pragma once

#include <tomestimate/engine/estimate.hpp>

namespace designs {

using namespace tomestimate;

// 4 lanes in 2 trees of 2; 2 rows x 4 weights (or 2 8-bit operands) a lane and cycle; 1 kHz clock.
inline spec::Hardware<double> tiny_hardware() {
  using units::bits;
  spec::Hardware<double> h{};
  const auto fj = [](double x) { return units::EnergyPerBit<double>::from_value(x * 1e-15); };
  const auto pj = [](double x) { return units::Energy<double>::from_value(x * 1e-12); };
  const auto port = [](double x) { return units::PortWidth<double>::from_value(x); };
  h.chip.node = units::Length<double>::from_value(7e-9);
  h.chip.clock = units::Frequency<double>::from_value(1000);
  h.lanes = {4, 2};
  h.pe = {2, 4, 2, 3, units::cycles(5.0), pj(1), pj(2), units::Area<double>::from_value(1e-6)};
  h.rom = {
      spec::RomLaw::sparse_logic,  port(16), 8,     units::AreaPerBit<double>::from_value(2e-9),
      units::AreaPerBit<double>{}, fj(3),    fj(1), units::PowerDensity<double>::from_value(1e6)};
  h.rom_macro = {units::AreaPerBit<double>::from_value(1e-9), 0.5};
  h.sram_macro = {units::AreaPerBit<double>::from_value(3e-9), 0.5};
  h.sram = {bits(100000.0),
            2,
            1,
            port(8),
            fj(10),
            fj(20),
            units::PowerPerBit<double>::from_value(1e-12),
            spec::Spill::error};
  h.buffer = {port(32), fj(5), fj(6)};
  h.vector = {4, 2, 2, 1, 3, 1, 1, pj(1), units::Area<double>::from_value(2e-6)};
  h.interconnect = {port(16), fj(7), 1, units::cycles(1.0), pj(1)};
  h.host = {units::Bandwidth<double>::from_value(1e6), units::Time<double>::from_value(0.001),
            fj(50)};
  h.gating = {spec::Switch::on,
              spec::GatingDomain::layer,
              spec::Switch::on,
              units::Time<double>::from_value(0.010),
              units::EnergyDensity<double>::from_value(10),
              0.1};
  h.logic = {units::Area<double>::from_value(1e-6), units::PowerDensity<double>::from_value(100),
             units::EnergyPerCycle<double>::from_value(1e-12)};
  h.mapping.lm_head = spec::Placement::host;
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
  m.sub_norms = spec::Switch::on;
  m.activation_bits = bits(8.0);
  m.kv_bits = bits(8.0);
  m.residual_bits = bits(16.0);
  m.weights = {spec::WeightCode::ternary, bits(2.0), {0.25, 0.5}, {}};
  m.adapter.rank = 3;
  m.adapter.bits = bits(8.0);
  m.adapter.targets.fill(spec::Switch::on);
  m.embedding = {20, spec::Switch::on, bits(8.0), 0.5};
  m.workload = {1, 5, 7};
  return m;
}

inline const engine::OpEstimate<double>& op(const engine::PassEstimate<double>& pass, spec::Op id) {
  return pass.schedule.ops[static_cast<std::size_t>(id)];
}

}  // namespace designs
