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
  Cycles<T> memory{};  // weights from ROM or DRAM
  Cycles<T> sram{};
  Cycles<T> buffer{};
  Cycles<T> tree{};
  Cycles<T> broadcast{};
  Cycles<T> vector{};
  Cycles<T> latency{};      // comes on top
  Cycles<T> unit_active{};  // summed over units

  T rom_words{};
  Bits<T> rom_bits{};
  Bits<T> rom_one_bits{};
  T bank_toggles{};  // ROM banks that see an address change, summed over changes
  Bits<T> dram_bits{};
  T base_adds{};  // base weights applied to an activation and added
  T dense_macs{};
  T tree_adds{};
  Bits<T> sram_read{};
  Bits<T> sram_write{};
  Bits<T> workspace_read{};
  Bits<T> workspace_write{};
  Bits<T> buffer_read{};
  Bits<T> buffer_write{};
  Bits<T> broadcast_bits{};
  T vector_elements{};
};

// Cycles of an op: its slowest resource, then its latency.
template <class T>
Cycles<T> total_cycles(const OpEstimate<T>& op) {
  const auto unit = max(max(op.compute, op.memory), max(op.sram, op.buffer));
  return max(unit, max(op.tree, max(op.broadcast, op.vector))) + op.latency;
}

// Calls visit(name, member) for the cycles, in the order and by the names the kernel uses.
template <class O, class Visit>
void visit_op_cycles(O& op, Visit&& visit) {
  visit("compute_cycles", op.compute);
  visit("memory_cycles", op.memory);
  visit("sram_cycles", op.sram);
  visit("buffer_cycles", op.buffer);
  visit("tree_cycles", op.tree);
  visit("broadcast_cycles", op.broadcast);
  visit("vector_cycles", op.vector);
  visit("latency_cycles", op.latency);
}

// Calls visit(name, member) for what adds up over ops, likewise.
template <class O, class Visit>
void visit_op_events(O& op, Visit&& visit) {
  visit("unit_active_cycles", op.unit_active);
  visit("rom_words", op.rom_words);
  visit("rom_bits", op.rom_bits);
  visit("rom_one_bits", op.rom_one_bits);
  visit("bank_toggles", op.bank_toggles);
  visit("dram_bits", op.dram_bits);
  visit("base_adds", op.base_adds);
  visit("dense_macs", op.dense_macs);
  visit("tree_adds", op.tree_adds);
  visit("sram_read_bits", op.sram_read);
  visit("sram_write_bits", op.sram_write);
  visit("workspace_read_bits", op.workspace_read);
  visit("workspace_write_bits", op.workspace_write);
  visit("buffer_read_bits", op.buffer_read);
  visit("buffer_write_bits", op.buffer_write);
  visit("broadcast_bits", op.broadcast_bits);
  visit("vector_elements", op.vector_elements);
}

template <class O, class Visit>
void visit_op(O& op, Visit&& visit) {
  visit_op_cycles(op, visit);
  visit_op_events(op, visit);
}

// Adds the events of `times` runs of b to a. Resource cycles are not additive across ops (each op
// has its own slowest), so they stay as they are.
template <class T>
void add_events(OpEstimate<T>& a, const OpEstimate<T>& b, T times = T(1)) {
  a.unit_active += times * b.unit_active;
  a.rom_words += times * b.rom_words;
  a.rom_bits += times * b.rom_bits;
  a.rom_one_bits += times * b.rom_one_bits;
  a.bank_toggles += times * b.bank_toggles;
  a.dram_bits += times * b.dram_bits;
  a.base_adds += times * b.base_adds;
  a.dense_macs += times * b.dense_macs;
  a.tree_adds += times * b.tree_adds;
  a.sram_read += times * b.sram_read;
  a.sram_write += times * b.sram_write;
  a.workspace_read += times * b.workspace_read;
  a.workspace_write += times * b.workspace_write;
  a.buffer_read += times * b.buffer_read;
  a.buffer_write += times * b.buffer_write;
  a.broadcast_bits += times * b.broadcast_bits;
  a.vector_elements += times * b.vector_elements;
}

// Whole cycles to move `amount` through a port of `width`.
template <class T>
Cycles<T> port_cycles(Bits<T> amount, PortWidth<T> width) {
  return cycles(T(ceil((amount / width).value())));
}

}  // namespace tomestimate::engine
