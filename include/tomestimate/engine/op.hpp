// SPDX-License-Identifier: Apache-2.0
// What one operation of the layer graph costs in a pass: cycles by resource, and events.
#pragma once

#include <string_view>

#include <tomestimate/engine/partition.hpp>

namespace tomestimate::engine {

template <class T>
struct OpEstimate {
  // Cycles each resource needs; within an op the resources overlap.
  Cycles<T> compute{};
  Cycles<T> rom{};
  Cycles<T> sram{};
  Cycles<T> buffer{};
  Cycles<T> tree{};
  Cycles<T> broadcast{};
  Cycles<T> vector{};
  Cycles<T> latency{};      // comes on top
  Cycles<T> lane_active{};  // summed over lanes

  T rom_words{};
  Bits<T> rom_bits{};
  Bits<T> rom_one_bits{};
  T base_adds{};  // base weights applied to an activation and added
  T macs_8bit{};
  T tree_adds{};
  Bits<T> sram_read{};
  Bits<T> sram_write{};
  Bits<T> buffer_read{};
  Bits<T> buffer_write{};
  Bits<T> broadcast_bits{};
  T vector_elements{};
};

// Cycles of an op: its slowest resource, then its latency.
template <class T>
Cycles<T> total_cycles(const OpEstimate<T>& op) {
  const auto lane = max(max(op.compute, op.rom), max(op.sram, op.buffer));
  return max(lane, max(op.tree, max(op.broadcast, op.vector))) + op.latency;
}

// Calls visit(name, member) for every member, in the order and by the names the kernel uses.
template <class O, class Visit>
void visit_op(O& op, Visit&& visit) {
  visit("compute_cycles", op.compute);
  visit("rom_cycles", op.rom);
  visit("sram_cycles", op.sram);
  visit("buffer_cycles", op.buffer);
  visit("tree_cycles", op.tree);
  visit("broadcast_cycles", op.broadcast);
  visit("vector_cycles", op.vector);
  visit("latency_cycles", op.latency);
  visit("lane_active_cycles", op.lane_active);
  visit("rom_words", op.rom_words);
  visit("rom_bits", op.rom_bits);
  visit("rom_one_bits", op.rom_one_bits);
  visit("base_adds", op.base_adds);
  visit("macs_8bit", op.macs_8bit);
  visit("tree_adds", op.tree_adds);
  visit("sram_read_bits", op.sram_read);
  visit("sram_write_bits", op.sram_write);
  visit("buffer_read_bits", op.buffer_read);
  visit("buffer_write_bits", op.buffer_write);
  visit("broadcast_bits", op.broadcast_bits);
  visit("vector_elements", op.vector_elements);
}

// Adds the events and lane-active cycles of b to a. Resource cycles are not additive across ops
// (each op has its own slowest), so they stay as they are.
template <class T>
void add_events(OpEstimate<T>& a, const OpEstimate<T>& b) {
  a.lane_active += b.lane_active;
  a.rom_words += b.rom_words;
  a.rom_bits += b.rom_bits;
  a.rom_one_bits += b.rom_one_bits;
  a.base_adds += b.base_adds;
  a.macs_8bit += b.macs_8bit;
  a.tree_adds += b.tree_adds;
  a.sram_read += b.sram_read;
  a.sram_write += b.sram_write;
  a.buffer_read += b.buffer_read;
  a.buffer_write += b.buffer_write;
  a.broadcast_bits += b.broadcast_bits;
  a.vector_elements += b.vector_elements;
}

// Numbers that most equations use, worked out once per pass.
template <class T>
struct Setting {
  const spec::Hardware<T>& hw;
  const spec::Model<T>& model;
  spec::Pass<T> pass;
  T tokens;                 // M
  T groups;                 // Q
  T trees;                  // G
  T bus_values;             // P: activations per cycle on the broadcast bus
  PortWidth<T> sram_width;  // U: of one lane
  T q_dim;
  T kv_dim;
};

// Port bits per cycle of one lane's SRAM: all banks and ports at once.
template <class T>
PortWidth<T> lane_sram_width(const spec::Hardware<T>& hw) {
  return hw.sram.banks * hw.sram.ports * hw.sram.port_width;
}

template <class T>
Setting<T> make_setting(const spec::Hardware<T>& hw, const spec::Model<T>& m,
                        const spec::Pass<T>& pass) {
  const T token_count = pass.batch * pass.fresh;
  const T bus = (hw.interconnect.broadcast_width / m.activation_bits).value();
  return {hw,
          m,
          pass,
          token_count,
          ceil_div(token_count, hw.pe.accumulators),
          hw.lanes.count / hw.lanes.per_tree,
          floor(bus),
          lane_sram_width(hw),
          m.heads * m.head_dim,
          m.kv_heads * m.head_dim};
}

// Whole cycles to move `amount` through a port of `width`.
template <class T>
Cycles<T> port_cycles(Bits<T> amount, PortWidth<T> width) {
  return cycles(T(ceil((amount / width).value())));
}

}  // namespace tomestimate::engine
