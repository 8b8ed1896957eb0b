// SPDX-License-Identifier: Apache-2.0
// The physics half of a specification: what cells, wires and memories of a technology take.
// Energies are at `voltage`, leakage is at `voltage` and `temperature`. specs/machine.md, "Area"
// and "Energy".
#pragma once

#include <array>

#include <tomestimate/spec/field.hpp>
#include <tomestimate/units/quantity.hpp>

namespace tomestimate::spec {

// Operands of one multiply-accumulate lane: weight (or key, value, adapter) x activation.
enum class Format {
  ternary_int8,
  ternary_fp8,
  ternary_fp16,
  int2_fp16,
  int4_fp16,
  int8_int8,
  fp8_fp8,
  fp16_fp16,
};
inline constexpr std::size_t format_count = 8;
inline constexpr Names<format_count> format_names{
    "ternary x int8", "ternary x fp8", "ternary x fp16", "int2 x fp16",
    "int4 x fp16",    "int8 x int8",   "fp8 x fp8",      "fp16 x fp16"};

// One lane: multiplier (or select), its share of the adder tree, registers.
template <class T>
struct LaneCells {
  units::Area<T> area;      // of cells
  units::Energy<T> energy;  // of one multiply-accumulate
  T flip_flops;
};

template <class T>
struct Technology {
  units::Length<T> node;
  units::Voltage<T> voltage;  // at which energies and leakage are told
  units::Voltage<T> threshold;
  units::Temperature<T> temperature;  // at which leakage is told
  units::Temperature<T> leakage_doubling;
  units::Frequency<T> max_clock;  // at `voltage`
  T utilization;                  // cell area / die area of placed logic

  std::array<LaneCells<T>, format_count> lanes;
  // Energies of ternary lanes are told at a share of non-zero weights, of activation bits that
  // toggle from step to step, and at "signs": 4 x positive x negative share of adds, times adds of
  // weights. So much of the energy goes with each (specs/machine.md, "Energy"); by default nothing.
  T lane_weights = T(0.58);
  T lane_weights_share = T(0.0);
  T lane_toggles = T(0.48);
  T lane_toggles_share = T(0.0);
  T lane_signs = T(0.58);
  T lane_signs_share = T(0.0);
  LaneCells<T> vector;  // one element a cycle
  LaneCells<T> adder;   // 32 bit, of a reduction tree
  units::AreaPerBit<T> flip_flop_area;
  units::EnergyPerCycle<T> clock_energy;  // of one flip-flop, its share of the clock tree included
  units::PowerDensity<T> logic_leakage;   // per cell area

  // Sparse-logic ROM: cell area per bit = H(p) (rom_area + rom_area_height log2(height)) +
  // rom_area_bit, H the binary entropy of the 1-bit share p. A bank whose address moves takes, per
  // cell area, rom_toggle + rom_toggle_entropy H(p) + rom_toggle_height log2(height), times
  // rom_glitches, if two address bits change; each more adds rom_toggle_address.
  units::AreaPerBit<T> rom_area;
  units::AreaPerBit<T> rom_area_height;
  units::AreaPerBit<T> rom_area_bit;
  units::EnergyDensity<T> rom_toggle;
  units::EnergyDensity<T> rom_toggle_entropy;
  units::EnergyDensity<T> rom_toggle_height;
  units::EnergyDensity<T> rom_toggle_address{};
  T rom_glitches;
  units::EnergyPerBit<T> rom_read_energy;  // of a compiled or via ROM, per bit read
  units::AreaPerBit<T> rom_cell;           // of a compiled or via ROM
  std::array<T, 4> rom_efficiency;         // array / macro at depth 1,024, 2,048, 4,096, 8,192
  T rom_standard;                          // area of a standard compiled ROM / ours, for comparison

  units::AreaPerBit<T> sram_cell;
  std::array<T, 4> sram_efficiency;  // at depth 1,024, 2,048, 4,096, 8,192
  units::EnergyPerBit<T> sram_energy;
  units::PowerPerBit<T> sram_leakage;
  units::EnergyPerBit<T> buffer_energy;
  units::AreaPerPort<T> port_area;  // of an SRAM port, per bit a cycle

  units::EnergyPerBitLength<T> wire_energy;
  units::Length<T> wire_pitch;  // with its share of repeaters
  units::AreaPerBandwidth<T> link_area;

  T switch_area;      // of a gated domain's own area
  T switch_residual;  // share of leakage that is left
  units::EnergyDensity<T> wake_energy;
};

namespace detail {

struct LanePaths {
  std::string_view area, energy, flip_flops;
};

inline constexpr std::array<LanePaths, format_count> lane_paths{{
    {"tech.ternary_int8_area", "tech.ternary_int8_energy", "tech.ternary_int8_flip_flops"},
    {"tech.ternary_fp8_area", "tech.ternary_fp8_energy", "tech.ternary_fp8_flip_flops"},
    {"tech.ternary_fp16_area", "tech.ternary_fp16_energy", "tech.ternary_fp16_flip_flops"},
    {"tech.int2_fp16_area", "tech.int2_fp16_energy", "tech.int2_fp16_flip_flops"},
    {"tech.int4_fp16_area", "tech.int4_fp16_energy", "tech.int4_fp16_flip_flops"},
    {"tech.int8_int8_area", "tech.int8_int8_energy", "tech.int8_int8_flip_flops"},
    {"tech.fp8_fp8_area", "tech.fp8_fp8_energy", "tech.fp8_fp8_flip_flops"},
    {"tech.fp16_fp16_area", "tech.fp16_fp16_energy", "tech.fp16_fp16_flip_flops"},
}};

template <class Lane, class Visit>
constexpr void visit_lane(Lane& lane, const LanePaths& paths, Visit& visit) {
  visit(Field{paths.area, "um^2", 0, 1e6, "cells of one such lane"}, lane.area);
  visit(Field{paths.energy, "fJ", 0, 1e6, "one operation of such a lane"}, lane.energy);
  visit(Field{paths.flip_flops, "", 0, 1e5, "flip-flops of one such lane"}, lane.flip_flops);
}

}  // namespace detail

// Calls visit for every member of Technology (const or not); see field.hpp for the calls.
template <class Tech, class Visit>
constexpr void visit_technology(Tech& t, Visit&& visit) {
  visit(Field{"tech.node", "nm", 1, 1000, "technology node"}, t.node);
  visit(Field{"tech.voltage", "V", 0.1, 5, "supply at which energies and leakage are told"},
        t.voltage);
  visit(Field{"tech.threshold", "V", 0, 5, "supply at which the clock limit reaches 0"},
        t.threshold);
  visit(Field{"tech.temperature", "degC", -55, 150, "at which leakage is told"}, t.temperature);
  visit(Field{"tech.leakage_doubling", "degC", 1, 100, "warmer by this, leakage doubles"},
        t.leakage_doubling);
  visit(Field{"tech.max_clock", "MHz", 1, 20000, "clock limit at tech.voltage"}, t.max_clock);
  visit(Field{"tech.utilization", "", 0.05, 1, "cell area / die area of placed logic"},
        t.utilization);
  for (std::size_t i = 0; i < format_count; ++i)
    detail::visit_lane(t.lanes[i], detail::lane_paths[i], visit);
  constexpr auto has_default = Needed::has_default;
  visit(Field{"tech.lane_weights", "", 1e-3, 1,
              "share of non-zero weights that energies of ternary lanes are told at", Whole::no,
              has_default},
        t.lane_weights);
  visit(Field{"tech.lane_weights_share", "", 0, 1, "share of those energies that goes with it",
              Whole::no, has_default},
        t.lane_weights_share);
  visit(Field{"tech.lane_toggles", "", 1e-3, 1,
              "share of activation bits that toggle, that energies of ternary lanes are told at",
              Whole::no, has_default},
        t.lane_toggles);
  visit(Field{"tech.lane_toggles_share", "", 0, 1, "share of those energies that goes with it",
              Whole::no, has_default},
        t.lane_toggles_share);
  visit(Field{"tech.lane_signs", "", 1e-3, 1,
              "4 x positive x negative share of adds, times adds of weights, that energies of "
              "ternary lanes are told at",
              Whole::no, has_default},
        t.lane_signs);
  visit(Field{"tech.lane_signs_share", "", 0, 1, "share of those energies that goes with it",
              Whole::no, has_default},
        t.lane_signs_share);
  detail::visit_lane(t.vector, {"tech.vector_area", "tech.vector_energy", "tech.vector_flip_flops"},
                     visit);
  detail::visit_lane(t.adder, {"tech.adder_area", "tech.adder_energy", "tech.adder_flip_flops"},
                     visit);
  visit(Field{"tech.flip_flop_area", "um^2/bit", 0, 1000, "one flip-flop"}, t.flip_flop_area);
  visit(Field{"tech.clock_energy", "fJ/cycle", 0, 1e6, "clock of one flip-flop, with its tree"},
        t.clock_energy);
  visit(Field{"tech.logic_leakage", "mW/mm^2", 0, 1e5, "leakage per cell area"}, t.logic_leakage);
  visit(Field{"tech.rom_area", "um^2/bit", 0, 1000, "ROM of logic, per bit of entropy"},
        t.rom_area);
  visit(Field{"tech.rom_area_height", "um^2/bit", -100, 100, "the same, per doubling of height"},
        t.rom_area_height);
  visit(Field{"tech.rom_area_bit", "um^2/bit", 0, 1000, "ROM of logic, per bit whatever it holds"},
        t.rom_area_bit);
  visit(Field{"tech.rom_toggle", "nJ/mm^2", 0, 1e6,
              "ROM of logic whose address moves, per cell area"},
        t.rom_toggle);
  visit(Field{"tech.rom_toggle_entropy", "nJ/mm^2", -1e6, 1e6, "the same, per bit of entropy"},
        t.rom_toggle_entropy);
  visit(Field{"tech.rom_toggle_height", "nJ/mm^2", -1e6, 1e6, "the same, per doubling of height"},
        t.rom_toggle_height);
  visit(Field{"tech.rom_toggle_address", "nJ/mm^2", 0, 1e6,
              "the same, for each address bit that changes beyond two", Whole::no, has_default},
        t.rom_toggle_address);
  visit(Field{"tech.rom_glitches", "", 1, 10, "what glitches make of the toggling energy"},
        t.rom_glitches);
  visit(Field{"tech.rom_read_energy", "fJ/bit", 0, 1e6, "read of a compiled or via ROM"},
        t.rom_read_energy);
  visit(Field{"tech.rom_cell", "um^2/bit", 1e-6, 1000, "bit cell of a compiled or via ROM"},
        t.rom_cell);
  visit(Field{"tech.rom_efficiency_1024", "", 1e-3, 1, "array efficiency of a compiled ROM"},
        t.rom_efficiency[0]);
  visit(Field{"tech.rom_efficiency_2048", "", 1e-3, 1, "array efficiency of a compiled ROM"},
        t.rom_efficiency[1]);
  visit(Field{"tech.rom_efficiency_4096", "", 1e-3, 1, "array efficiency of a compiled ROM"},
        t.rom_efficiency[2]);
  visit(Field{"tech.rom_efficiency_8192", "", 1e-3, 1, "array efficiency of a compiled ROM"},
        t.rom_efficiency[3]);
  visit(
      Field{"tech.rom_standard", "", 0.01, 100, "area of a macro of law \"macro\" / compiled ROM"},
      t.rom_standard);
  visit(Field{"tech.sram_cell", "um^2/bit", 1e-6, 1000, "bit cell of the SRAM"}, t.sram_cell);
  visit(Field{"tech.sram_efficiency_1024", "", 1e-3, 1, "array efficiency of the SRAM"},
        t.sram_efficiency[0]);
  visit(Field{"tech.sram_efficiency_2048", "", 1e-3, 1, "array efficiency of the SRAM"},
        t.sram_efficiency[1]);
  visit(Field{"tech.sram_efficiency_4096", "", 1e-3, 1, "array efficiency of the SRAM"},
        t.sram_efficiency[2]);
  visit(Field{"tech.sram_efficiency_8192", "", 1e-3, 1, "array efficiency of the SRAM"},
        t.sram_efficiency[3]);
  visit(Field{"tech.sram_energy", "fJ/bit", 0, 1e6, "SRAM read or write"}, t.sram_energy);
  visit(Field{"tech.sram_leakage", "pW/bit", 0, 1e6, "SRAM leakage"}, t.sram_leakage);
  visit(Field{"tech.buffer_energy", "fJ/bit", 0, 1e6, "activation buffer read or write"},
        t.buffer_energy);
  visit(Field{"tech.port_area", "um^2*cycle/bit", 0, 1e6, "SRAM port, per bit a cycle"},
        t.port_area);
  visit(Field{"tech.wire_energy", "fJ/bit/mm", 0, 1e6, "one bit over a millimetre of wire"},
        t.wire_energy);
  visit(Field{"tech.wire_pitch", "nm", 0, 1e6, "die width of one bus wire, repeaters included"},
        t.wire_pitch);
  visit(Field{"tech.link_area", "mm^2*s/GB", 0, 1e3, "host link and DRAM interface"}, t.link_area);
  visit(Field{"tech.switch_area", "", 0, 1, "power switches, of the area they cut off"},
        t.switch_area);
  visit(Field{"tech.switch_residual", "", 0, 1, "leakage that power switches leave"},
        t.switch_residual);
  visit(Field{"tech.wake_energy", "nJ/mm^2", 0, 1e6, "recharging what was cut off"}, t.wake_energy);
}

}  // namespace tomestimate::spec
