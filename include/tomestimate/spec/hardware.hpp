// SPDX-License-Identifier: Apache-2.0
// The hardware half of a specification: plain typed numbers, generic over the number type T.
// specs/machine.md says what machine they describe. Nothing here parses or computes. Structure is
// here, physics in technology.hpp.
#pragma once

#include <tomestimate/spec/technology.hpp>

namespace tomestimate::spec {

enum class Switch { off, on };
inline constexpr Names<2> switch_names{"off", "on"};

// How ROM bits become area and energy.
enum class RomLaw {
  sparse_logic,  // synthesized logic: follows the entropy of the bits (TOM)
  macro,         // compiled or via-programmed array: follows all bits (ROMA)
};
inline constexpr Names<2> rom_law_names{"sparse-logic", "macro"};

// What the outputs of a matrix are dealt to; its inputs are dealt to the rest.
enum class Outputs { lanes, units, all, none };
inline constexpr Names<4> outputs_names{"lanes", "units", "all", "none"};

// What attention heads are dealt to; positions are dealt to the rest.
enum class Heads { lanes, units, none };
inline constexpr Names<3> heads_names{"lanes", "units", "none"};

// Whether all matrices take turns on the same units, or each has units of its own.
enum class Sharing { time, space };
inline constexpr Names<2> sharing_names{"time", "space"};

// Whether layers run one after the other, or all at once on other sequences.
enum class LayerSchedule { sequential, lockstep };
inline constexpr Names<2> layer_schedule_names{"sequential", "lockstep"};

// What keeps inactive ROM banks from burning.
enum class GatingMode {
  none,       // every address change reaches every bank
  isolation,  // addresses reach the domain in use
  switches,   // and other domains are cut off from the supply
};
inline constexpr Names<3> gating_mode_names{"none", "isolation", "switches"};

// What one gating domain holds, across all units.
enum class GatingDomain { bank, matrix, layer };
inline constexpr Names<3> gating_domain_names{"bank", "matrix", "layer"};

// Where LM head and token embedding are; none leaves the LM head out of every number.
enum class HeadPlace { rom, host, none };
inline constexpr Names<3> head_place_names{"rom", "host", "none"};

// Where base weights are.
enum class WeightPlace { rom, dram };
inline constexpr Names<2> weight_place_names{"rom", "dram"};

// Which class runs an op.
enum class UnitChoice { base, side };
inline constexpr Names<2> unit_choice_names{"base", "side"};

// What happens to KV-cache positions that don't fit the SRAM.
enum class Spill { error, host, dram };
inline constexpr Names<3> spill_names{"error", "host", "dram"};

template <class T>
struct Chip {
  units::Frequency<T> clock;
  units::Voltage<T> voltage;
  units::Temperature<T> temperature;
  units::Area<T> control_area;  // of cells
  Switch clock_gating;          // a class that is not busy gets no clock
};

// A class of equal units in lanes, and how work is dealt to them.
template <class T>
struct UnitClass {
  T lanes;            // L
  T per_lane;         // U
  T rows;             // R: outputs a unit accumulates at once
  T width_adapter;    // Wa: adapter weights per row and cycle
  T width_attention;  // Wk: keys or values per row and cycle
  Outputs outputs;
  Heads heads;
  T input_words;  // K: words of inputs that a unit keeps
  T token_tile;   // tokens that share a read of weights
  T kv_tile;      // consecutive tokens that share a read of keys and values
  units::Cycles<T> pipeline;
  units::Cycles<T> level_latency;
  T tree_values;                     // T: values a lane's tree or port moves in a cycle
  units::PortWidth<T> buffer_width;  // activation buffer port of one unit
  units::Bits<T> buffer_capacity;    // of one unit
  units::PortWidth<T> sram_width;    // SRAM port of one unit
  Format adapter_format;
  Format attention_format;
};

// What only the base class has: it holds and applies the base weights.
template <class T>
struct BaseDatapath {
  T width;                       // W: base weights per row and step
  T width_head;                  // Wh: LM head weights per row and step
  units::Cycles<T> step_cycles;  // c: cycles of one step; more than 1 if bit-serial
  Sharing sharing;
  Format format;
  Format head_format;
};

template <class T>
struct Rom {
  RomLaw law;
  units::PortWidth<T> read_width;  // of one unit
  units::PortWidth<T> bank_width;
  T bank_height;
};

template <class T>
struct Sram {
  units::Bits<T> capacity;  // of the chip: adapters and KV cache
  T depth;                  // words of one macro
  Spill spill;
};

template <class T>
struct Workspace {  // SRAM of the residual stream
  units::Bits<T> capacity;
  units::PortWidth<T> width;
};

template <class T>
struct VectorUnits {
  T count;
  T width;  // elements per cycle of one
  units::Cycles<T> latency;
  T norm_passes;
  T quantize_passes;
  T rope_passes;
  T softmax_passes;
  T activation_passes;
  T residual_passes;
};

template <class T>
struct Bus {
  units::PortWidth<T> width;  // broadcast from the vector units to all lanes
  units::Length<T> length;    // of wire that a bit drives, all branches
};

template <class T>
struct Host {
  units::Bandwidth<T> bandwidth;  // of the link
  units::Time<T> latency;
  units::EnergyPerBit<T> energy;
  units::Bandwidth<T> memory_bandwidth;  // for the LM head on the host
  units::EnergyPerBit<T> memory_energy;
  units::OperationRate<T> compute;
};

template <class T>
struct Dram {
  units::Bandwidth<T> bandwidth;
  units::EnergyPerBit<T> energy;
};

template <class T>
struct Gating {
  GatingMode mode;
  GatingDomain domain;
  Switch prewake;  // wake a domain while the one before it runs
  units::Time<T> wake_latency;
};

template <class T>
struct Schedule {
  LayerSchedule layers;
  units::Cycles<T> sync;  // of an epoch in lockstep
};

struct Mapping {
  WeightPlace weights;
  UnitChoice adapter;
  UnitChoice attention;
  HeadPlace head;
  Switch skip_dead;  // leave out neurons whose weights are all zero
};

template <class T>
struct Hardware {
  Chip<T> chip;
  UnitClass<T> base;
  BaseDatapath<T> datapath;
  UnitClass<T> side;
  Rom<T> rom;
  Sram<T> sram;
  Workspace<T> workspace;
  VectorUnits<T> vector;
  Bus<T> bus;
  Host<T> host;
  Dram<T> dram;
  Gating<T> gating;
  Schedule<T> schedule;
  Mapping map;
  Technology<T> tech;
};

// Whether a table of the spec says something about this machine; a spec may leave out one that does
// not. "side", "dram", "rom" and "gating" are such tables.
template <class T>
constexpr bool uses_side(const Hardware<T>& h) {
  return h.map.adapter == UnitChoice::side || h.map.attention == UnitChoice::side;
}
template <class T>
constexpr bool uses_dram(const Hardware<T>& h) {
  return h.map.weights == WeightPlace::dram || h.sram.spill == Spill::dram;
}
template <class T>
constexpr bool uses_rom(const Hardware<T>& h) {
  return h.map.weights == WeightPlace::rom || h.map.head == HeadPlace::rom;
}

namespace detail {

// "base" and "lanes" make "base.lanes", in static storage.
template <std::size_t N>
struct Text {
  char letters[N]{};
  constexpr Text(const char (&text)[N]) {
    for (std::size_t i = 0; i < N; ++i) letters[i] = text[i];
  }
};

template <Text Table, Text Key>
struct Joined {
  static constexpr auto letters = [] {
    std::array<char, sizeof(Table.letters) + sizeof(Key.letters)> all{};
    std::size_t at = 0;
    for (const char c : Table.letters)
      if (c != '\0') all[at++] = c;
    all[at++] = '.';
    for (const char c : Key.letters)
      if (c != '\0') all[at++] = c;
    return all;
  }();
  static constexpr std::string_view path{letters.data(),
                                         sizeof(Table.letters) + sizeof(Key.letters) - 1};
};

template <Text Table, class Class, class Visit>
constexpr void visit_unit_class(Class& c, Needed needed, Visit& visit) {
  constexpr auto whole = Whole::yes;
  visit(Field{Joined<Table, "lanes">::path, "", 1, 1048576, "lanes of the class", whole, needed},
        c.lanes);
  visit(Field{Joined<Table, "per_lane">::path, "", 1, 1048576, "units of one lane", whole, needed},
        c.per_lane);
  visit(Field{Joined<Table, "rows">::path, "", 1, 65536, "outputs a unit accumulates at once",
              whole, needed},
        c.rows);
  visit(Field{Joined<Table, "width_adapter">::path, "", 1, 1e6,
              "adapter weights of a unit per row and cycle", whole, needed},
        c.width_adapter);
  visit(Field{Joined<Table, "width_attention">::path, "", 1, 1e6,
              "keys or values of a unit per row and cycle", whole, needed},
        c.width_attention);
  visit(Field{Joined<Table, "outputs">::path, "", 0, 0,
              "what outputs of a matrix are dealt to; inputs are dealt to the rest", Whole::no,
              needed},
        c.outputs, outputs_names);
  visit(Field{Joined<Table, "heads">::path, "", 0, 0,
              "what attention heads are dealt to; positions are dealt to the rest", Whole::no,
              needed},
        c.heads, heads_names);
  visit(Field{Joined<Table, "input_words">::path, "", 1, 65536,
              "words of inputs that a unit keeps while rows pass", whole, needed},
        c.input_words);
  visit(Field{Joined<Table, "token_tile">::path, "", 1, 65536,
              "tokens that share one read of a weight", whole, needed},
        c.token_tile);
  visit(
      Field{Joined<Table, "kv_tile">::path, "", 1, 65536,
            "consecutive prefill tokens that share one read of a key or value row", whole, needed},
      c.kv_tile);
  visit(Field{Joined<Table, "pipeline">::path, "cycle", 0, 10000, "pipeline fill of a unit", whole,
              needed},
        c.pipeline);
  visit(Field{Joined<Table, "level_latency">::path, "cycle", 0, 1000,
              "latency of one level of the reduction tree", whole, needed},
        c.level_latency);
  visit(Field{Joined<Table, "tree_values">::path, "", 1, 1e6,
              "values a lane's reduction tree delivers a cycle", whole, needed},
        c.tree_values);
  visit(Field{Joined<Table, "buffer_width">::path, "bit/cycle", 1, 1e7,
              "activation buffer port of a unit", whole, needed},
        c.buffer_width);
  visit(Field{Joined<Table, "buffer_capacity">::path, "KiB", 0, 1e6, "activation buffer of a unit",
              Whole::no, needed},
        c.buffer_capacity);
  visit(Field{Joined<Table, "sram_width">::path, "bit/cycle", 1, 1e7, "SRAM port of a unit", whole,
              needed},
        c.sram_width);
  visit(Field{Joined<Table, "adapter_format">::path, "", 0, 0, "operands of adapter work",
              Whole::no, needed},
        c.adapter_format, format_names);
  visit(Field{Joined<Table, "attention_format">::path, "", 0, 0, "operands of attention", Whole::no,
              needed},
        c.attention_format, format_names);
}

}  // namespace detail

// Calls visit for every member of Hardware (const or not); see field.hpp for the calls.
template <class H, class Visit>
constexpr void visit_hardware(H& h, Visit&& visit) {
  constexpr auto whole = Whole::yes;
  constexpr auto if_used = Needed::if_used;
  visit(Field{"chip.clock", "MHz", 1, 20000, "clock of units, trees and vector units"},
        h.chip.clock);
  visit(Field{"chip.voltage", "V", 0.1, 5, "supply voltage"}, h.chip.voltage);
  visit(Field{"chip.temperature", "degC", -55, 150, "of the junctions: leakage follows it"},
        h.chip.temperature);
  visit(Field{"chip.control_area", "mm^2", 0, 10000, "cells of controller and network"},
        h.chip.control_area);
  visit(Field{"chip.clock_gating", "", 0, 0, "a class that is not busy gets no clock"},
        h.chip.clock_gating, switch_names);

  detail::visit_unit_class<"base">(h.base, Needed::always, visit);
  visit(Field{"base.width", "", 1, 65536, "base weights of a unit per row and step", whole},
        h.datapath.width);
  visit(Field{"base.width_head", "", 1, 65536, "LM head weights of a unit per row and step", whole},
        h.datapath.width_head);
  visit(Field{"base.step_cycles", "cycle", 1, 1e6, "cycles of one step; above 1 if bit-serial",
              whole},
        h.datapath.step_cycles);
  visit(Field{"base.sharing", "", 0, 0,
              "matrices take turns on the units (time), or each has its own (space)"},
        h.datapath.sharing, sharing_names);
  visit(Field{"base.format", "", 0, 0, "operands of base projections"}, h.datapath.format,
        format_names);
  visit(Field{"base.head_format", "", 0, 0, "operands of the LM head"}, h.datapath.head_format,
        format_names);
  detail::visit_unit_class<"side">(h.side, if_used, visit);

  visit(Field{"rom.law", "", 0, 0, "how bits become area and energy", Whole::no, if_used},
        h.rom.law, rom_law_names);
  visit(Field{"rom.read_width", "bit/cycle", 1, 1e7, "ROM read port of a unit", whole, if_used},
        h.rom.read_width);
  visit(Field{"rom.bank_width", "bit/cycle", 1, 1e6, "width of one ROM bank", whole, if_used},
        h.rom.bank_width);
  visit(Field{"rom.bank_height", "", 2, 1e6, "words of one ROM bank", whole, if_used},
        h.rom.bank_height);

  visit(Field{"sram.capacity", "MiB", 0, 1e6, "adapter and KV SRAM of the chip"}, h.sram.capacity);
  visit(Field{"sram.depth", "", 16, 1e6, "words of one SRAM macro", whole}, h.sram.depth);
  visit(Field{"sram.spill", "", 0, 0, "what happens to KV that does not fit"}, h.sram.spill,
        spill_names);
  visit(Field{"workspace.capacity", "MiB", 0, 1e6, "SRAM of the residual stream"},
        h.workspace.capacity);
  visit(Field{"workspace.width", "bit/cycle", 1, 1e7, "port of the workspace", whole},
        h.workspace.width);

  visit(Field{"vector.count", "", 1, 65536, "vector units", whole}, h.vector.count);
  visit(Field{"vector.width", "", 1, 1e6, "elements per cycle of one vector unit", whole},
        h.vector.width);
  visit(Field{"vector.latency", "cycle", 0, 10000, "pipeline fill of a vector op", whole},
        h.vector.latency);
  visit(Field{"vector.norm_passes", "", 0, 64, "passes of RMSNorm", whole}, h.vector.norm_passes);
  visit(Field{"vector.quantize_passes", "", 0, 64, "passes of quantization", whole},
        h.vector.quantize_passes);
  visit(Field{"vector.rope_passes", "", 0, 64, "passes of RoPE", whole}, h.vector.rope_passes);
  visit(Field{"vector.softmax_passes", "", 0, 64, "passes of softmax", whole},
        h.vector.softmax_passes);
  visit(Field{"vector.activation_passes", "", 0, 64, "passes of the FFN activation", whole},
        h.vector.activation_passes);
  visit(Field{"vector.residual_passes", "", 0, 64, "passes of a residual add", whole},
        h.vector.residual_passes);

  visit(Field{"bus.width", "bit/cycle", 1, 1e7, "activation broadcast bus", whole}, h.bus.width);
  visit(Field{"bus.length", "mm", 0, 1e4, "wire that a bit of the bus drives, all branches"},
        h.bus.length);

  visit(Field{"host.bandwidth", "GB/s", 1e-6, 1e6, "host link"}, h.host.bandwidth);
  visit(Field{"host.latency", "us", 0, 1e6, "host link, one way and back"}, h.host.latency);
  visit(Field{"host.energy", "pJ/bit", 0, 1e6, "host link"}, h.host.energy);
  visit(Field{"host.memory_bandwidth", "GB/s", 1e-6, 1e6, "memory that feeds the host's LM head"},
        h.host.memory_bandwidth);
  visit(Field{"host.memory_energy", "pJ/bit", 0, 1e6, "host memory and its share of the host"},
        h.host.memory_energy);
  visit(Field{"host.compute", "TOPS", 1e-6, 1e9, "host's rate on the LM head"}, h.host.compute);
  visit(Field{"dram.bandwidth", "GB/s", 1e-6, 1e7, "memory beside the chip", Whole::no, if_used},
        h.dram.bandwidth);
  visit(Field{"dram.energy", "pJ/bit", 0, 1e6, "memory beside the chip", Whole::no, if_used},
        h.dram.energy);

  visit(
      Field{"gating.mode", "", 0, 0, "what keeps idle ROM banks from burning", Whole::no, if_used},
      h.gating.mode, gating_mode_names);
  visit(Field{"gating.domain", "", 0, 0, "what one gating domain holds", Whole::no, if_used},
        h.gating.domain, gating_domain_names);
  visit(Field{"gating.prewake", "", 0, 0, "wake a domain while the one before runs", Whole::no,
              if_used},
        h.gating.prewake, switch_names);
  visit(Field{"gating.wake_latency", "ns", 0, 1e9, "from wake to first read", Whole::no, if_used},
        h.gating.wake_latency);

  visit(Field{"schedule.layers", "", 0, 0, "layers in sequence, or in lockstep on other sequences"},
        h.schedule.layers, layer_schedule_names);
  visit(Field{"schedule.sync", "cycle", 0, 1e6, "what lockstep adds to an epoch", whole},
        h.schedule.sync);

  visit(Field{"map.weights", "", 0, 0, "where base weights are"}, h.map.weights,
        weight_place_names);
  visit(Field{"map.adapter", "", 0, 0, "which class runs adapters"}, h.map.adapter,
        unit_choice_names);
  visit(Field{"map.attention", "", 0, 0, "which class runs attention"}, h.map.attention,
        unit_choice_names);
  visit(Field{"map.head", "", 0, 0, "where LM head and embedding are"}, h.map.head,
        head_place_names);
  visit(Field{"map.skip_dead", "", 0, 0, "leave out neurons whose weights are all zero"},
        h.map.skip_dead, switch_names);
  visit_technology(h.tech, visit);
}

}  // namespace tomestimate::spec
