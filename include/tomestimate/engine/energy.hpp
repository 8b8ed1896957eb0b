// SPDX-License-Identifier: Apache-2.0
// Energy by component: an event count times its energy, flip-flops times clock cycles, leakage
// times time. Equations: specs/machine.md, "Energy".
#pragma once

#include <tomestimate/engine/area.hpp>
#include <tomestimate/engine/gating.hpp>

namespace tomestimate::engine {

// Energy of the chip.
template <class T>
struct EnergyBreakdown {
  Energy<T> rom{};  // reads, and banks that only see the address move
  Energy<T> rom_leakage{};
  Energy<T> rom_wake{};
  Energy<T> base_units{};  // base weights applied
  Energy<T> dense_macs{};
  Energy<T> tree{};
  Energy<T> bus{};
  Energy<T> buffer{};  // activation buffers and workspace
  Energy<T> sram{};
  Energy<T> sram_leakage{};
  Energy<T> vector{};
  Energy<T> logic_leakage{};
  Energy<T> clock{};
};

// Calls visit(name, member) for every component.
template <class E, class Visit>
void visit_energy(E& e, Visit&& visit) {
  visit("rom", e.rom);
  visit("rom_leakage", e.rom_leakage);
  visit("rom_wake", e.rom_wake);
  visit("base_units", e.base_units);
  visit("dense_macs", e.dense_macs);
  visit("tree", e.tree);
  visit("bus", e.bus);
  visit("buffer", e.buffer);
  visit("sram", e.sram);
  visit("sram_leakage", e.sram_leakage);
  visit("vector", e.vector);
  visit("logic_leakage", e.logic_leakage);
  visit("clock", e.clock);
}

template <class T>
Energy<T> total(const EnergyBreakdown<T>& e) {
  Energy<T> sum{};
  visit_energy(e, [&sum](std::string_view, const Energy<T>& part) { sum += part; });
  return sum;
}

template <class T>
Energy<T> leakage(const EnergyBreakdown<T>& e) {
  return e.rom_leakage + e.sram_leakage + e.logic_leakage;
}

// What the supply voltage makes of switching energies.
template <class T>
T switching_factor(const spec::Hardware<T>& hw) {
  const T v = hw.chip.voltage / hw.tech.voltage;
  return v * v;
}

// What supply voltage and temperature make of leakage.
template <class T>
T leakage_factor(const spec::Hardware<T>& hw) {
  const T v = hw.chip.voltage / hw.tech.voltage;
  const T doublings = (hw.chip.temperature - hw.tech.temperature) / hw.tech.leakage_doubling;
  return v * exp2(doublings);
}

// Dense MACs of a pass by what they are for; each kind has its own operands.
template <class T>
struct DenseMacs {
  T adapter{}, attention{}, head{};

  T total() const { return adapter + attention + head; }
};

template <class T>
DenseMacs<T> dense_macs(const LayerOps<T>& ops) {
  DenseMacs<T> sum;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto kind = spec::info(static_cast<Op>(i)).kind;
    if (kind == spec::OpKind::attention)
      sum.attention += ops[i].dense_macs;
    else
      sum.adapter += ops[i].dense_macs;
  }
  return sum;
}

template <class T>
Energy<T> dense_mac_energy(const spec::Hardware<T>& hw, const DenseMacs<T>& macs) {
  const auto of = [&](spec::UnitChoice choice, auto format) {
    const auto& c = choice == spec::UnitChoice::side ? hw.side : hw.base;
    return hw.tech.lanes[static_cast<std::size_t>(c.*format)].energy;
  };
  using Units = spec::UnitClass<T>;
  return macs.adapter * of(hw.map.adapter, &Units::adapter_format) +
         macs.attention * of(hw.map.attention, &Units::attention_format) +
         macs.head * hw.tech.lanes[static_cast<std::size_t>(hw.datapath.head_format)].energy;
}

// What the data make of the energy of a ternary lane, over that of the data it was measured with;
// `nonzero` is the share of weights that are not zero.
template <class T>
T lane_activity(const spec::Technology<T>& t, const spec::Data<T>& data, T nonzero) {
  const T adds = nonzero * (T(1) - data.zero_adds);
  const T signs = T(4) * data.positive_adds * (T(1) - data.positive_adds) * adds;
  return T(1) + t.lane_weights_share * (nonzero / t.lane_weights - T(1)) +
         t.lane_toggles_share * (data.activation_toggles / t.lane_toggles - T(1)) +
         t.lane_signs_share * (signs / t.lane_signs - T(1));
}

// Switching energy of one mean bank of sparse logic whose address moves.
template <class T>
Energy<T> bank_toggle_energy(const spec::Hardware<T>& hw, const spec::Data<T>& data,
                             const RomContent<T>& content, const Banks<T>& banks) {
  const auto& t = hw.tech;
  const auto stored = content.stored();
  const T entropy = binary_entropy(T(stored.ones / max(stored.all, bits(T(1)))));
  const EnergyDensity<T> per_area = t.rom_toggle +
                                    entropy * data.rom_toggles * t.rom_toggle_entropy +
                                    law_height(hw.rom.bank_height) * t.rom_toggle_height +
                                    (data.address_toggles - T(2)) * t.rom_toggle_address;
  const Area<T> cells =
      t.utilization / max(banks.chip, T(1)) * (content.layers_area + content.table_area);
  return t.rom_glitches * cells * max(per_area, EnergyDensity<T>{});
}

// Adds the switching energy of counted events, of `base` weights applied, zero ones counted, and of
// `embedding` bits of table look-ups.
template <class T>
void add_event_energy(const spec::Hardware<T>& hw, const spec::Model<T>& m,
                      const Energy<T>& bank_toggle, const OpEstimate<T>& events, T base,
                      const DenseMacs<T>& macs, Bits<T> embedding, EnergyBreakdown<T>& e) {
  const auto& t = hw.tech;
  const T v2 = switching_factor(hw);
  if (hw.rom.law == spec::RomLaw::sparse_logic)
    e.rom += v2 * events.bank_toggles * bank_toggle;
  else
    e.rom += v2 * events.rom_bits * t.rom_read_energy;
  e.rom += v2 * embedding * t.rom_read_energy;
  const bool ternary = m.weights.code == spec::WeightCode::ternary;
  const T activity =
      ternary ? lane_activity(t, m.data, T(events.base_adds / max(base, T(1)))) : T(1);
  e.base_units +=
      v2 * activity * base * t.lanes[static_cast<std::size_t>(hw.datapath.format)].energy;
  e.dense_macs += v2 * dense_mac_energy(hw, macs);
  e.tree += v2 * events.tree_adds * t.adder.energy;
  e.bus += v2 * events.broadcast_bits * hw.bus.length * t.wire_energy;
  e.buffer += v2 * (events.buffer_read + events.buffer_write) * t.buffer_energy +
              v2 * (events.workspace_read + events.workspace_write) * t.sram_energy;
  e.sram += v2 * (events.sram_read + events.sram_write) * t.sram_energy;
  e.vector += v2 * events.vector_elements * t.vector.energy;
}

// Cycles that a class is clocked, times its flip-flops, summed over classes.
template <class T>
struct ClockedCycles {
  Cycles<T> base{};  // in space: each op by its share of the units
  Cycles<T> side{};
  Cycles<T> vector{};
};

template <class T>
Cycles<T> clocked_base_cycles(const Setting<T>& s, const LayerPlan<T>& plan) {
  if (s.hw.datapath.sharing == spec::Sharing::time)
    return plan.load[static_cast<std::size_t>(Class::base)];
  const T units = base_units(s);
  Cycles<T> sum{};
  for (std::size_t i = 0; i < spec::projection_count; ++i) {
    const auto [outputs, inputs] = layer_shape(s, static_cast<spec::Projection>(i));
    const auto d = base_dealing(s, T(outputs), T(inputs), s.hw.datapath.width);
    const T share = d.outputs * d.inputs / units;
    sum += share * total_cycles(plan.ops[static_cast<std::size_t>(projection_ops[i])]);
  }
  return sum;
}

template <class T>
ClockedCycles<T> layer_clocked(const Setting<T>& s, const LayerPlan<T>& plan) {
  return {clocked_base_cycles(s, plan), plan.load[static_cast<std::size_t>(Class::side)],
          plan.load[static_cast<std::size_t>(Class::vector)]};
}

// Adds the clock: of what is busy, or of all of it in `cycles` if the clock is not gated.
template <class T>
void add_clock_energy(const spec::Hardware<T>& hw, const LogicCells<T>& cells,
                      ClockedCycles<T> busy, Cycles<T> all, EnergyBreakdown<T>& e) {
  if (hw.chip.clock_gating == spec::Switch::off) busy = {all, all, all};
  const auto clocked = cells.base.flip_flops * busy.base + cells.side.flip_flops * busy.side +
                       cells.vector.flip_flops * busy.vector;
  e.clock += switching_factor(hw) * clocked * hw.tech.clock_energy;
}

// Adds what leaks with time whatever runs: SRAM (with workspace and buffers) and logic.
template <class T>
void add_leakage(const spec::Hardware<T>& hw, const LogicCells<T>& cells, Time<T> time,
                 EnergyBreakdown<T>& e) {
  const T factor = leakage_factor(hw);
  e.sram_leakage += factor * (hw.sram.capacity + hw.workspace.capacity + buffer_bits(hw)) *
                    hw.tech.sram_leakage * time;
  e.logic_leakage += factor * cells.area() * hw.tech.logic_leakage * time;
}

// Leakage of a ROM of die area `area` in a pass of `time`, awake for `awake` of it.
template <class T>
Energy<T> rom_leakage(const spec::Hardware<T>& hw, Area<T> area, Time<T> awake, Time<T> time) {
  const Power<T> power = leakage_factor(hw) * hw.tech.utilization * area * hw.tech.logic_leakage;
  if (!wakes(hw)) return power * time;
  return power * (awake + hw.tech.switch_residual * (time - awake));
}

template <class T>
Energy<T> rom_wake(const spec::Hardware<T>& hw, Area<T> area) {
  if (!wakes(hw)) return {};
  return switching_factor(hw) * area * hw.tech.wake_energy;
}

}  // namespace tomestimate::engine
