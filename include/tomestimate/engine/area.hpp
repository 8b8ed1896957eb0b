// SPDX-License-Identifier: Apache-2.0
// Area by component. Equations: specs/machine.md, "Area".
#pragma once

#include <tomestimate/engine/capacity.hpp>
#include <tomestimate/engine/schedule.hpp>

namespace tomestimate::engine {

// Array efficiency at a depth: linear in log2(depth) between the compiler's, flat beyond.
template <class T>
T array_efficiency(const std::array<T, 4>& at, T depth) {
  const T doublings = log2(depth) - T(10);
  T sum = at[0];
  for (std::size_t i = 0; i + 1 < at.size(); ++i)
    sum += (at[i + 1] - at[i]) * min(T(1), max(T(0), T(doublings - T(static_cast<double>(i)))));
  return sum;
}

template <class T>
AreaPerBit<T> sram_area_per_bit(const spec::Technology<T>& t, T depth) {
  return t.sram_cell / array_efficiency(t.sram_efficiency, depth);
}

// Of a compiled ROM as a memory compiler makes it.
template <class T>
AreaPerBit<T> compiled_rom_area_per_bit(const spec::Technology<T>& t, T depth) {
  return t.rom_cell / array_efficiency(t.rom_efficiency, depth);
}

// Entropy of one bit that is 1 with probability p. 0 at p = 0 and 1.
template <class T>
T binary_entropy(T p) {
  const T least = T(1e-12);
  const T one = max(p, least);
  const T zero = max(T(T(1) - p), least);
  return T(0) - (one * log2(one) + zero * log2(zero));
}

// log2 of a bank's height, up to the highest that the laws of logic ROM were measured at: nothing is
// gained beyond it.
template <class T>
T law_height(T height) {
  return log2(min(T(8192), height));
}

// ROM area as synthesized logic, placed.
template <class T>
Area<T> sparse_logic_area(const spec::Hardware<T>& hw, const StoredBits<T>& stored) {
  const auto& t = hw.tech;
  const T share = stored.ones / max(stored.all, bits(T(1)));
  const AreaPerBit<T> per_entropy = t.rom_area + law_height(hw.rom.bank_height) * t.rom_area_height;
  const AreaPerBit<T> cells = binary_entropy(share) * per_entropy + t.rom_area_bit;
  return stored.all * cells / t.utilization;
}

// ROM area as a macro: of a compiled ROM, or smaller by the spec's factor.
template <class T>
Area<T> macro_area(const spec::Hardware<T>& hw, const StoredBits<T>& stored) {
  return stored.all *
         (hw.tech.rom_standard * compiled_rom_area_per_bit(hw.tech, hw.rom.bank_height));
}

// ROM area by the hardware's law, power switches not counted.
template <class T>
Area<T> rom_area(const spec::Hardware<T>& hw, const StoredBits<T>& stored) {
  return hw.rom.law == spec::RomLaw::macro ? macro_area(hw, stored) : sparse_logic_area(hw, stored);
}

// Norm gains are random bits.
template <class T>
Area<T> norm_rom_area(const spec::Hardware<T>& hw, const spec::Model<T>& m) {
  const Bits<T> all = T(static_cast<double>(m.layers)) * norm_bits(m);
  return rom_area(hw, StoredBits<T>{all, T(0.5) * all});
}

template <class T>
BitDensity<T> density(const StoredBits<T>& stored, Area<T> area) {
  return stored.all / area;
}

// What the ROM holds, worked out once for all passes.
template <class T>
struct RomContent {
  StoredBits<T> layers{};
  StoredBits<T> head{};  // with the embedding
  Bits<T> norms{};
  Area<T> layers_area{};
  Area<T> head_area{};
  Area<T> table_area{};  // of the LM head alone
  Area<T> norm_area{};

  StoredBits<T> stored() const { return layers + head; }
};

template <class T>
RomContent<T> layer_content(const spec::Hardware<T>& hw, const spec::Model<T>& m) {
  RomContent<T> c;
  auto s = make_setting(hw, m, spec::Pass<T>{T(1), T(1), T(0)});
  for (std::size_t layer = 0; layer < m.layers; ++layer) {
    enter_layer(s, layer);
    const auto stored = layer_stored_bits(s, layer);
    c.layers = c.layers + stored;
    if (hw.map.weights == spec::WeightPlace::rom) c.layers_area += rom_area(hw, stored);
  }
  if (hw.map.weights != spec::WeightPlace::rom) return c;
  c.norms = T(static_cast<double>(m.layers)) * norm_bits(m);
  c.norm_area = norm_rom_area(hw, m);
  return c;
}

// Adds the LM head, where it is in ROM.
template <class T>
RomContent<T> with_head(const spec::Hardware<T>& hw, const spec::Model<T>& m, RomContent<T> c) {
  c.head = head_stored_bits(hw, m);
  if (hw.map.head != spec::HeadPlace::rom) return c;
  c.head_area = rom_area(hw, c.head);
  c.table_area = rom_area(hw, table_bits(m));
  return c;
}

// Flip-flops and cells of a class of units, buffers not counted.
template <class T>
struct UnitCells {
  T flip_flops{};
  Area<T> area{};  // of cells
};

namespace detail {

// The widest datapath of a unit, in cells: formats share its multipliers and adder tree.
template <class T>
void widen(UnitCells<T>& unit, const spec::LaneCells<T>& lane, T lanes) {
  unit.area = max(unit.area, Area<T>(lanes * lane.area));
  unit.flip_flops = max(unit.flip_flops, T(lanes * lane.flip_flops));
}

// Adds registers to a unit: of partial sums, which are clocked with its lanes, and of inputs, whose
// clock only runs when a word is loaded.
template <class T>
void add_registers(const spec::Technology<T>& t, T sums, T inputs, UnitCells<T>& unit) {
  unit.flip_flops += sums;
  unit.area += bits(T(sums + inputs)) * t.flip_flop_area;
}

// Partial sums of a unit, 32 bit each.
template <class T>
T sum_registers(const spec::UnitClass<T>& c) {
  return c.rows * c.token_tile * T(32);
}

template <class T>
T input_registers(const spec::UnitClass<T>& c, T width, Bits<T> activation) {
  return c.input_words * width * activation.value();
}

// Of the queries of the tokens that share a read of keys and values.
template <class T>
T query_registers(const spec::UnitClass<T>& c, Bits<T> activation) {
  return c.kv_tile * c.width_attention * activation.value();
}

// All units of a class with the adders of their trees.
template <class T>
UnitCells<T> all_units(const spec::Technology<T>& t, const UnitCells<T>& unit, T units, T adders) {
  return {units * unit.flip_flops + adders * t.adder.flip_flops,
          units * unit.area + adders * t.adder.area};
}

}  // namespace detail

// Units on the chip that hold base weights: those of the class, or in space one for each tile.
template <class T>
T base_units(const Setting<T>& s) {
  if (s.hw.datapath.sharing == spec::Sharing::time) return s.base.count;
  T tiles = T(0);
  for (std::size_t i = 0; i < spec::projection_count; ++i) {
    const auto [outputs, inputs] = spec::shape(s.model, static_cast<spec::Projection>(i));
    const auto d = base_dealing(s, T(outputs), T(inputs), s.hw.datapath.width);
    tiles += d.outputs * d.inputs;
  }
  return T(static_cast<double>(s.model.layers)) * tiles;
}

// Cells of one base unit, and of its registers. In c cycles it takes R x W weights.
template <class T>
UnitCells<T> base_cells(const Setting<T>& s) {
  const auto& hw = s.hw;
  const auto& c = hw.base;
  const auto& t = hw.tech;
  const auto lane = [&](spec::Format f) -> const spec::LaneCells<T>& {
    return t.lanes[static_cast<std::size_t>(f)];
  };
  const T step = hw.datapath.step_cycles.value();
  UnitCells<T> unit;
  detail::widen(unit, lane(hw.datapath.format), T(c.rows * hw.datapath.width / step));
  // In space the LM head has tiles of its own, of which only the ROM is counted.
  if (hw.map.head == spec::HeadPlace::rom && hw.datapath.sharing == spec::Sharing::time)
    detail::widen(unit, lane(hw.datapath.head_format), T(c.rows * hw.datapath.width_head / step));
  if (hw.map.adapter == spec::UnitChoice::base)
    detail::widen(unit, lane(c.adapter_format), T(c.rows * c.width_adapter));
  if (hw.map.attention == spec::UnitChoice::base)
    detail::widen(unit, lane(c.attention_format), T(c.rows * c.width_attention));
  const T units = base_units(s);
  // In space a unit only has its tile's inputs, which the buffer holds, and sums columns in its
  // lanes.
  if (hw.datapath.sharing == spec::Sharing::space) return detail::all_units(t, unit, units, T(0));
  T inputs = detail::input_registers(c, hw.datapath.width, s.model.activation_bits);
  if (hw.map.attention == spec::UnitChoice::base)
    inputs += detail::query_registers(c, s.model.activation_bits);
  // What comes from the ROM is latched.
  if (uses_rom(hw)) inputs += hw.rom.read_width.value();
  detail::add_registers(t, detail::sum_registers(c), inputs, unit);
  return detail::all_units(t, unit, units, T(c.lanes * (c.per_lane - T(1)) * c.tree_values));
}

template <class T>
UnitCells<T> side_cells(const Setting<T>& s) {
  const auto& hw = s.hw;
  if (!uses_side(hw)) return {};
  const auto& c = hw.side;
  UnitCells<T> unit;
  T width = T(0);
  if (hw.map.adapter == spec::UnitChoice::side) {
    width = c.width_adapter;
    detail::widen(unit, hw.tech.lanes[static_cast<std::size_t>(c.adapter_format)],
                  T(c.rows * width));
  }
  if (hw.map.attention == spec::UnitChoice::side) {
    width = max(width, c.width_attention);
    detail::widen(unit, hw.tech.lanes[static_cast<std::size_t>(c.attention_format)],
                  T(c.rows * c.width_attention));
  }
  T inputs = detail::input_registers(c, width, s.model.activation_bits);
  if (hw.map.attention == spec::UnitChoice::side)
    inputs += detail::query_registers(c, s.model.activation_bits);
  detail::add_registers(hw.tech, detail::sum_registers(c), inputs, unit);
  return detail::all_units(hw.tech, unit, T(c.lanes * c.per_lane),
                           T(c.lanes * (c.per_lane - T(1)) * c.tree_values));
}

template <class T>
UnitCells<T> vector_cells(const spec::Hardware<T>& hw) {
  const T lanes = hw.vector.count * hw.vector.width;
  return {lanes * hw.tech.vector.flip_flops, lanes * hw.tech.vector.area};
}

template <class T>
struct AreaBreakdown {
  Area<T> rom{};      // with power switches
  Area<T> sram{};     // adapters and KV cache, with ports
  Area<T> base{};     // units that hold base weights
  Area<T> side{};     // side units
  Area<T> vector{};   // vector units
  Area<T> buffers{};  // activation buffers and workspace
  Area<T> wires{};    // broadcast bus and links
  Area<T> control{};

  Area<T> units() const { return base + side; }
  Area<T> logic() const { return base + side + vector + buffers + wires + control; }
  Area<T> total() const { return rom + sram + logic(); }
};

// Cells of the chip's logic, worked out once for all passes.
template <class T>
struct LogicCells {
  UnitCells<T> base{}, side{}, vector{};
  Area<T> control{};

  Area<T> area() const { return base.area + side.area + vector.area + control; }
};

template <class T>
LogicCells<T> logic_cells(const Setting<T>& s) {
  return {base_cells(s), side_cells(s), vector_cells(s.hw), s.hw.chip.control_area};
}

// Bits a cycle of the SRAM ports of all units; a class has them if it runs adapters or attention.
template <class T>
PortWidth<T> sram_ports(const spec::Hardware<T>& hw) {
  using enum spec::UnitChoice;
  PortWidth<T> sum{};
  if (hw.map.adapter == base || hw.map.attention == base)
    sum += hw.base.lanes * hw.base.per_lane * hw.base.sram_width;
  if (uses_side(hw)) sum += hw.side.lanes * hw.side.per_lane * hw.side.sram_width;
  return sum;
}

template <class T>
Bits<T> buffer_bits(const spec::Hardware<T>& hw) {
  Bits<T> sum = hw.base.lanes * hw.base.per_lane * hw.base.buffer_capacity;
  if (uses_side(hw)) sum += hw.side.lanes * hw.side.per_lane * hw.side.buffer_capacity;
  return sum;
}

template <class T>
PortWidth<T> buffer_ports(const spec::Hardware<T>& hw) {
  PortWidth<T> sum = hw.base.lanes * hw.base.per_lane * hw.base.buffer_width;
  if (uses_side(hw)) sum += hw.side.lanes * hw.side.per_lane * hw.side.buffer_width;
  return sum;
}

template <class T>
AreaBreakdown<T> area(const spec::Hardware<T>& hw, const RomContent<T>& content,
                      const LogicCells<T>& cells) {
  const auto& t = hw.tech;
  const AreaPerBit<T> small = sram_area_per_bit(t, T(1024));
  AreaBreakdown<T> a;
  a.rom = content.layers_area + content.head_area + content.norm_area;
  if (uses_rom(hw) && hw.gating.mode == spec::GatingMode::switches)
    a.rom += t.switch_area * (content.layers_area + content.head_area);
  a.sram = hw.sram.capacity * sram_area_per_bit(t, hw.sram.depth) + sram_ports(hw) * t.port_area;
  a.base = cells.base.area / t.utilization;
  a.side = cells.side.area / t.utilization;
  a.vector = cells.vector.area / t.utilization;
  a.buffers = (buffer_bits(hw) + hw.workspace.capacity) * small +
              (buffer_ports(hw) + hw.workspace.width) * t.port_area;
  a.wires = hw.bus.width.value() * hw.bus.length * t.wire_pitch + hw.host.bandwidth * t.link_area;
  if (uses_dram(hw)) a.wires += hw.dram.bandwidth * t.link_area;
  a.control = cells.control / t.utilization;
  return a;
}

// The same stored bits by the three laws, for comparison; compiled ROM and SRAM at the SRAM's
// depth.
template <class T>
struct RomAlternatives {
  StoredBits<T> stored{};
  Area<T> sparse_logic{};
  Area<T> compiled{};
  Area<T> sram{};
};

template <class T>
RomAlternatives<T> rom_alternatives(const spec::Hardware<T>& hw, const StoredBits<T>& stored) {
  return {stored, sparse_logic_area(hw, stored),
          stored.all * compiled_rom_area_per_bit(hw.tech, hw.sram.depth),
          stored.all * sram_area_per_bit(hw.tech, hw.sram.depth)};
}

}  // namespace tomestimate::engine
