// SPDX-License-Identifier: Apache-2.0
// Energy by component. Equations: an event count times its energy from the spec; idle power times
// time; for ROM domains, specs/machine.md, "Gating".
#pragma once

#include <tomestimate/engine/schedule.hpp>

namespace tomestimate::engine {

template <class T>
struct EnergyBreakdown {
  Energy<T> rom_read{};
  Energy<T> rom_idle{};  // awake or residual, of all ROM domains
  Energy<T> rom_wake{};  // rush
  Energy<T> pe{};
  Energy<T> tree{};
  Energy<T> broadcast{};
  Energy<T> buffer{};
  Energy<T> sram{};
  Energy<T> sram_leakage{};
  Energy<T> vector{};
  Energy<T> logic_leakage{};
  Energy<T> clock{};
  Energy<T> host_link{};
};

// Calls visit(name, member) for every component.
template <class E, class Visit>
void visit_energy(E& e, Visit&& visit) {
  visit("rom_read", e.rom_read);
  visit("rom_idle", e.rom_idle);
  visit("rom_wake", e.rom_wake);
  visit("pe", e.pe);
  visit("tree", e.tree);
  visit("broadcast", e.broadcast);
  visit("buffer", e.buffer);
  visit("sram", e.sram);
  visit("sram_leakage", e.sram_leakage);
  visit("vector", e.vector);
  visit("logic_leakage", e.logic_leakage);
  visit("clock", e.clock);
  visit("host_link", e.host_link);
}

template <class T>
Energy<T> total(const EnergyBreakdown<T>& e) {
  Energy<T> sum{};
  visit_energy(e, [&sum](std::string_view, const Energy<T>& part) { sum += part; });
  return sum;
}

// Adds the energy of counted events.
template <class T>
void add_event_energy(const spec::Hardware<T>& hw, const OpEstimate<T>& events,
                      EnergyBreakdown<T>& e) {
  e.rom_read +=
      events.rom_one_bits * hw.rom.energy_per_one_bit + events.rom_bits * hw.rom.energy_per_bit;
  e.pe += events.base_adds * hw.pe.add_energy + events.macs_8bit * hw.pe.mac8_energy;
  e.tree += events.tree_adds * hw.interconnect.tree_add_energy;
  e.broadcast += events.broadcast_bits * hw.interconnect.broadcast_energy;
  e.buffer +=
      events.buffer_read * hw.buffer.read_energy + events.buffer_write * hw.buffer.write_energy;
  e.sram += events.sram_read * hw.sram.read_energy + events.sram_write * hw.sram.write_energy;
  e.vector += events.vector_elements * hw.vector.element_energy;
}

// Adds what burns with time whatever runs: SRAM and logic leakage, clock tree.
template <class T>
void add_time_energy(const spec::Hardware<T>& hw, Area<T> logic, Time<T> time,
                     EnergyBreakdown<T>& e) {
  e.sram_leakage += hw.sram.capacity * hw.sram.leakage * time;
  e.logic_leakage += logic * hw.logic.leakage * time;
  e.clock += hw.chip.clock * time * hw.logic.clock_energy;
}

// Time at full idle power that costs a ROM domain as much as a pass of `time`: it burns idle power
// while awake, and the residual of it while asleep.
template <class T>
Time<T> burning_time(const spec::Hardware<T>& hw, Time<T> awake, Time<T> time) {
  if (hw.gating.enabled == spec::Switch::off) return time;
  return awake + hw.gating.residual * (time - awake);
}

// Adds what a ROM domain of `area` costs in a pass of `time`: idle power, and one wake.
template <class T>
void add_domain_energy(const spec::Hardware<T>& hw, Area<T> area, Time<T> awake, Time<T> time,
                       EnergyBreakdown<T>& e) {
  e.rom_idle += area * hw.rom.idle_power * burning_time(hw, awake, time);
  if (hw.gating.enabled == spec::Switch::on) e.rom_wake += area * hw.gating.rush;
}

// Idle time for which sleeping saves just what waking costs.
template <class T>
Time<T> break_even_idle_time(const spec::Hardware<T>& hw) {
  return hw.gating.rush / (hw.rom.idle_power * (T(1) - hw.gating.residual));
}

}  // namespace tomestimate::engine
