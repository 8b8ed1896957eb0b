// SPDX-License-Identifier: Apache-2.0
// The hardware half of a specification: plain typed numbers, generic over the number type T.
// specs/machine.md says what machine they describe. Nothing here parses or computes.
#pragma once

#include <tomestimate/spec/field.hpp>
#include <tomestimate/units/quantity.hpp>

namespace tomestimate::spec {

// How ROM bits become area.
enum class RomLaw {
  sparse_logic,  // synthesized logic: area follows the 1-bits (TOM)
  macro,         // compiled array: area follows all bits (ROMA)
};
inline constexpr Names<2> rom_law_names{"sparse-logic", "macro"};

// What one power-gating domain holds, across all lanes.
enum class GatingDomain { layer, matrix };
inline constexpr Names<2> gating_domain_names{"layer", "matrix"};

// Where the LM head (and the token embedding) is stored and computed.
enum class Placement { host, rom };
inline constexpr Names<2> placement_names{"host", "rom"};

// What happens to KV-cache positions that don't fit the SRAM.
enum class Spill { error, host };
inline constexpr Names<2> spill_names{"error", "host"};

enum class Switch { off, on };
inline constexpr Names<2> switch_names{"off", "on"};

template <class T>
struct Chip {
  units::Length<T> node;
  units::Frequency<T> clock;
};

template <class T>
struct Lanes {
  T count;     // L
  T per_tree;  // K: lanes that split a matrix's inputs and join in one reduction tree
};

template <class T>
struct ProcessingElements {  // of one lane
  T rows;                    // R: outputs accumulated at once
  T width;                   // W: base weights per row and cycle
  T width_8bit;              // W8: 8-bit operand pairs per row and cycle
  T accumulators;            // A: tokens whose partial sums a lane holds
  units::Cycles<T> pipeline;
  units::Energy<T> add_energy;     // one base weight times activation, added
  units::Energy<T> mac8_energy;    // one 8-bit multiply-accumulate
  units::Area<T> area_per_weight;  // one of the R x W positions
};

template <class T>
struct Rom {
  RomLaw law;
  units::PortWidth<T> read_width;  // of one lane
  T bank_words;                    // words (R x W weights) in one bank
  units::AreaPerBit<T> area_per_one_bit;
  units::AreaPerBit<T> area_per_bit;
  units::EnergyPerBit<T> energy_per_one_bit;
  units::EnergyPerBit<T> energy_per_bit;
  units::PowerDensity<T> idle_power;  // awake but not read: leakage and idle toggling
};

// A compiled memory array: area per bit is cell / efficiency.
template <class T>
struct Array {
  units::AreaPerBit<T> cell;
  T efficiency;
};

template <class T>
struct Sram {
  units::Bits<T> capacity;  // of the chip
  T banks;                  // of one lane, all accessible at once
  T ports;                  // of one bank
  units::PortWidth<T> port_width;
  units::EnergyPerBit<T> read_energy;
  units::EnergyPerBit<T> write_energy;
  units::PowerPerBit<T> leakage;
  Spill spill;
};

template <class T>
struct ActivationBuffer {  // of one lane
  units::PortWidth<T> read_width;
  units::EnergyPerBit<T> read_energy;
  units::EnergyPerBit<T> write_energy;
};

template <class T>
struct VectorUnit {
  T width;  // V: elements per cycle, of the chip
  T norm_passes;
  T quantize_passes;
  T rope_passes;
  T softmax_passes;
  T activation_passes;
  T residual_passes;
  units::Energy<T> element_energy;  // one element, one pass
  units::Area<T> area;
};

template <class T>
struct Interconnect {
  units::PortWidth<T> broadcast_width;
  units::EnergyPerBit<T> broadcast_energy;
  T tree_values;                   // values one reduction tree accepts per cycle
  units::Cycles<T> level_latency;  // of one tree level
  units::Energy<T> tree_add_energy;
};

template <class T>
struct HostLink {
  units::Bandwidth<T> bandwidth;
  units::Time<T> latency;
  units::EnergyPerBit<T> energy;
};

template <class T>
struct Gating {
  Switch enabled;
  GatingDomain domain;
  Switch prewake;  // wake a domain while the one before it runs
  units::Time<T> wake_latency;
  units::EnergyDensity<T> rush;
  T residual;  // share of idle power that a sleeping domain keeps
};

template <class T>
struct Logic {
  units::Area<T> control_area;
  units::PowerDensity<T> leakage;
  units::EnergyPerCycle<T> clock_energy;  // clock tree and control, of the chip
};

struct Mapping {
  Placement lm_head;
};

template <class T>
struct Hardware {
  Chip<T> chip;
  Lanes<T> lanes;
  ProcessingElements<T> pe;
  Rom<T> rom;
  Array<T> rom_macro;  // the compiled ROM: a law of its own, and the alternative to sparse logic
  Array<T> sram_macro;
  Sram<T> sram;
  ActivationBuffer<T> buffer;
  VectorUnit<T> vector;
  Interconnect<T> interconnect;
  HostLink<T> host;
  Gating<T> gating;
  Logic<T> logic;
  Mapping mapping;
};

// Calls visit for every member of Hardware (const or not); see field.hpp for the calls.
template <class H, class Visit>
constexpr void visit_hardware(H& h, Visit&& visit) {
  constexpr auto whole = Whole::yes;
  visit(Field{"chip.node", "nm", 1, 1000, "technology node, for the record"}, h.chip.node);
  visit(Field{"chip.clock", "MHz", 1, 20000, "clock of lanes, trees and vector unit"},
        h.chip.clock);

  visit(Field{"lanes.count", "", 1, 1048576, "number of lanes", whole}, h.lanes.count);
  visit(Field{"lanes.per_tree", "", 1, 1048576,
              "lanes that split a matrix's inputs and join in one reduction tree", whole},
        h.lanes.per_tree);

  visit(Field{"pe.rows", "", 1, 65536, "outputs a lane accumulates at once", whole}, h.pe.rows);
  visit(Field{"pe.width", "", 1, 65536, "base weights per row and cycle", whole}, h.pe.width);
  visit(Field{"pe.width_8bit", "", 1, 65536, "8-bit operand pairs per row and cycle", whole},
        h.pe.width_8bit);
  visit(Field{"pe.accumulators", "", 1, 65536, "tokens whose partial sums a lane holds", whole},
        h.pe.accumulators);
  visit(Field{"pe.pipeline", "cycle", 0, 10000, "pipeline fill of the PE array", whole},
        h.pe.pipeline);
  visit(Field{"pe.add_energy", "pJ", 0, 1000, "one base weight applied and added"},
        h.pe.add_energy);
  visit(Field{"pe.mac8_energy", "pJ", 0, 1000, "one 8-bit multiply-accumulate"}, h.pe.mac8_energy);
  visit(Field{"pe.area_per_weight", "um^2", 0, 1e6, "area of one of the rows x width positions"},
        h.pe.area_per_weight);

  visit(Field{"rom.law", "", 0, 0, "how bits become area"}, h.rom.law, rom_law_names);
  visit(Field{"rom.read_width", "bit/cycle", 1, 1e7, "ROM read port of one lane", whole},
        h.rom.read_width);
  visit(Field{"rom.bank_words", "", 1, 1e9, "words of rows x width weights in one bank", whole},
        h.rom.bank_words);
  visit(Field{"rom.area_per_one_bit", "um^2/bit", 0, 1000, "area of a stored 1-bit"},
        h.rom.area_per_one_bit);
  visit(Field{"rom.area_per_bit", "um^2/bit", 0, 1000, "area of any stored bit, 0 or 1"},
        h.rom.area_per_bit);
  visit(Field{"rom.energy_per_one_bit", "fJ/bit", 0, 1e6, "energy to read a 1-bit"},
        h.rom.energy_per_one_bit);
  visit(Field{"rom.energy_per_bit", "fJ/bit", 0, 1e6, "energy to read any bit, 0 or 1"},
        h.rom.energy_per_bit);
  visit(Field{"rom.idle_power", "W/mm^2", 0, 1000, "ROM awake but not read: leakage and toggling"},
        h.rom.idle_power);

  visit(Field{"rom_macro.cell", "um^2/bit", 1e-6, 1000, "bit cell of a compiled ROM"},
        h.rom_macro.cell);
  visit(Field{"rom_macro.efficiency", "", 1e-3, 1, "array efficiency of a compiled ROM"},
        h.rom_macro.efficiency);
  visit(Field{"sram_macro.cell", "um^2/bit", 1e-6, 1000, "bit cell of the SRAM"},
        h.sram_macro.cell);
  visit(Field{"sram_macro.efficiency", "", 1e-3, 1, "array efficiency of the SRAM"},
        h.sram_macro.efficiency);

  visit(Field{"sram.capacity", "MB", 0, 1e6, "adapter and KV SRAM of the chip"}, h.sram.capacity);
  visit(Field{"sram.banks", "", 1, 65536, "SRAM banks of one lane", whole}, h.sram.banks);
  visit(Field{"sram.ports", "", 1, 16, "ports of one SRAM bank", whole}, h.sram.ports);
  visit(Field{"sram.port_width", "bit/cycle", 1, 1e6, "width of one SRAM port", whole},
        h.sram.port_width);
  visit(Field{"sram.read_energy", "fJ/bit", 0, 1e6, "SRAM read"}, h.sram.read_energy);
  visit(Field{"sram.write_energy", "fJ/bit", 0, 1e6, "SRAM write"}, h.sram.write_energy);
  visit(Field{"sram.leakage", "pW/bit", 0, 1e6, "SRAM leakage"}, h.sram.leakage);
  visit(Field{"sram.spill", "", 0, 0, "what happens to KV that does not fit"}, h.sram.spill,
        spill_names);

  visit(
      Field{"buffer.read_width", "bit/cycle", 1, 1e7, "activation buffer port of one lane", whole},
      h.buffer.read_width);
  visit(Field{"buffer.read_energy", "fJ/bit", 0, 1e6, "activation buffer read"},
        h.buffer.read_energy);
  visit(Field{"buffer.write_energy", "fJ/bit", 0, 1e6, "activation buffer write"},
        h.buffer.write_energy);

  visit(Field{"vector.width", "", 1, 1e6, "elements per cycle of the vector unit", whole},
        h.vector.width);
  visit(Field{"vector.norm_passes", "", 0, 64, "passes of RMSNorm", whole}, h.vector.norm_passes);
  visit(Field{"vector.quantize_passes", "", 0, 64, "passes of absmax quantization", whole},
        h.vector.quantize_passes);
  visit(Field{"vector.rope_passes", "", 0, 64, "passes of RoPE", whole}, h.vector.rope_passes);
  visit(Field{"vector.softmax_passes", "", 0, 64, "passes of softmax", whole},
        h.vector.softmax_passes);
  visit(Field{"vector.activation_passes", "", 0, 64, "passes of the gated FFN activation", whole},
        h.vector.activation_passes);
  visit(Field{"vector.residual_passes", "", 0, 64, "passes of a residual add", whole},
        h.vector.residual_passes);
  visit(Field{"vector.element_energy", "pJ", 0, 1000, "one element, one pass"},
        h.vector.element_energy);
  visit(Field{"vector.area", "mm^2", 0, 10000, "vector unit"}, h.vector.area);

  visit(
      Field{"interconnect.broadcast_width", "bit/cycle", 1, 1e7, "activation broadcast bus", whole},
      h.interconnect.broadcast_width);
  visit(Field{"interconnect.broadcast_energy", "fJ/bit", 0, 1e6, "one bit to all lanes"},
        h.interconnect.broadcast_energy);
  visit(Field{"interconnect.tree_values", "", 1, 1e6, "values a reduction tree takes per cycle",
              whole},
        h.interconnect.tree_values);
  visit(Field{"interconnect.level_latency", "cycle", 0, 1000, "latency of one tree level", whole},
        h.interconnect.level_latency);
  visit(Field{"interconnect.tree_add_energy", "pJ", 0, 1000, "one add in a reduction tree"},
        h.interconnect.tree_add_energy);

  visit(Field{"host.bandwidth", "GB/s", 1e-6, 1e6, "host link"}, h.host.bandwidth);
  visit(Field{"host.latency", "us", 0, 1e6, "host link, one way and back"}, h.host.latency);
  visit(Field{"host.energy", "pJ/bit", 0, 1e6, "host link"}, h.host.energy);

  visit(Field{"gating.enabled", "", 0, 0, "power gating of ROM domains"}, h.gating.enabled,
        switch_names);
  visit(Field{"gating.domain", "", 0, 0, "what one gating domain holds"}, h.gating.domain,
        gating_domain_names);
  visit(Field{"gating.prewake", "", 0, 0, "wake a domain while the one before runs"},
        h.gating.prewake, switch_names);
  visit(Field{"gating.wake_latency", "ns", 0, 1e9, "from wake to first read"},
        h.gating.wake_latency);
  visit(Field{"gating.rush", "nJ/mm^2", 0, 1e9, "energy to wake a square millimetre of ROM"},
        h.gating.rush);
  visit(Field{"gating.residual", "", 0, 1, "share of idle power that a sleeping domain keeps"},
        h.gating.residual);

  visit(Field{"logic.control_area", "mm^2", 0, 10000, "control, buffers, trees and routing"},
        h.logic.control_area);
  visit(Field{"logic.leakage", "W/mm^2", 0, 1000, "leakage of logic"}, h.logic.leakage);
  visit(Field{"logic.clock_energy", "pJ/cycle", 0, 1e9, "clock tree and control of the chip"},
        h.logic.clock_energy);

  visit(Field{"mapping.lm_head", "", 0, 0, "where LM head and embedding are"}, h.mapping.lm_head,
        placement_names);
}

}  // namespace tomestimate::spec
