// SPDX-License-Identifier: Apache-2.0
// Matrix work on the processing elements: base projections, adapters and the LM head.
// Equations: specs/machine.md, "Base projections" and "Adapters".
#pragma once

#include <tomestimate/engine/rom.hpp>

namespace tomestimate::engine {

// PE array pipeline, then a tree over `leaves` lanes.
template <class T>
Cycles<T> matrix_latency(const spec::Hardware<T>& hw, T leaves) {
  return hw.pe.pipeline + tree_levels(leaves) * hw.interconnect.level_latency;
}

template <class T>
Cycles<T> buffer_cycles(const Setting<T>& s, Cycles<T> compute, T width) {
  const auto word = port_cycles(Bits<T>(width * s.model.activation_bits), s.hw.buffer.read_width);
  return compute * word.value();
}

// Lock-step (row, column) steps of an outputs x inputs matrix: outputs dealt to trees in chunks of
// R rows, inputs to the lanes of a tree in chunks of `width`.
template <class T>
T matrix_steps(const Setting<T>& s, T outputs, T inputs, T width) {
  const auto& hw = s.hw;
  return ceil_div(outputs, T(s.trees * hw.pe.rows)) *
         ceil_div(inputs, T(hw.lanes.per_tree * width));
}

// What a matrix with inputs split over the lanes of a tree costs besides fetching its weights.
// Returns everything but rom/sram, base_adds and macs_8bit.
template <class T>
OpEstimate<T> reduced_matrix(const Setting<T>& s, T outputs, T inputs, T width, T tokens) {
  const auto& hw = s.hw;
  const T rows = ceil_div(outputs, hw.pe.rows);
  OpEstimate<T> op;
  op.compute = cycles(T(matrix_steps(s, outputs, inputs, width) * tokens));
  op.buffer = buffer_cycles(s, op.compute, width);
  op.tree = cycles(T(tokens * ceil_div(outputs, T(s.trees * hw.pe.rows)) *
                     ceil_div(hw.pe.rows, hw.interconnect.tree_values)));
  op.latency = matrix_latency(hw, hw.lanes.per_tree);
  op.lane_active = cycles(T(tokens * rows * ceil_div(inputs, width)));
  op.tree_adds = tokens * outputs * (hw.lanes.per_tree - T(1));
  op.buffer_read = tokens * rows * inputs * s.model.activation_bits;
  return op;
}

// Base projection from ROM. 1-bits and base adds depend on the layer: see add_layer_weights.
template <class T>
OpEstimate<T> base_projection(const Setting<T>& s, spec::Projection p) {
  const auto [outputs, inputs] = shape(s.model, p);
  const T width = s.hw.pe.width;
  auto op = reduced_matrix(s, T(outputs), T(inputs), width, s.tokens);
  add_rom_reads(s, T(outputs), T(inputs), width, s.model.weights.bits,
                matrix_steps(s, T(outputs), T(inputs), width), s.groups, op);
  return op;
}

// Fills in what depends on the weights of layer l: 1-bits read and adds done.
template <class T>
void add_layer_weights(const Setting<T>& s, std::size_t layer, spec::Projection p,
                       OpEstimate<T>& op) {
  const auto& m = s.model;
  const auto stored = stored_bits(m, layer, p);
  op.rom_one_bits = s.groups * stored.ones;
  // A ternary weight that isn't zero has one 1-bit.
  const bool ternary = m.weights.code == spec::WeightCode::ternary;
  const T uses = ternary ? stored.ones.value() : T((stored.all / m.weights.bits));
  op.base_adds = s.tokens * uses;
}

// LM head from ROM, in 8-bit mode, for the last token of each sequence; empty on the host.
template <class T>
OpEstimate<T> lm_head(const Setting<T>& s) {
  const auto& m = s.model;
  if (s.hw.mapping.lm_head != spec::Placement::rom) return {};
  const T width = s.hw.pe.width_8bit;
  const T outputs = m.embedding.vocabulary;
  const T groups = ceil_div(s.pass.batch, s.hw.pe.accumulators);
  auto op = reduced_matrix(s, outputs, m.hidden, width, s.pass.batch);
  add_rom_reads(s, outputs, m.hidden, width, m.embedding.bits,
                matrix_steps(s, outputs, m.hidden, width), groups, op);
  op.rom_one_bits = groups * table_bits(m).ones;
  op.macs_8bit = s.pass.batch * outputs * m.hidden;
  return op;
}

template <class T>
bool has_adapter(const spec::Model<T>& m, spec::Projection p) {
  return m.adapter.targets[static_cast<std::size_t>(p)] == spec::Switch::on;
}

// A of an adapter: rank outputs x the projection's inputs, from SRAM.
template <class T>
OpEstimate<T> lora_a(const Setting<T>& s, spec::Projection p) {
  const auto& m = s.model;
  if (!has_adapter(m, p)) return {};
  const T rank = m.adapter.rank;
  const T inputs = shape(m, p).inputs;
  const T width = s.hw.pe.width_8bit;
  auto op = reduced_matrix(s, rank, inputs, width, s.tokens);
  op.latency *= min(rank, T(1));  // rank 0: no adapter, no latency
  const Bits<T> fullest = busiest(rank, s.trees, s.hw.pe.rows) *
                          busiest(inputs, s.hw.lanes.per_tree, width) * m.adapter.bits;
  op.sram = s.groups * port_cycles(fullest, s.sram_width);
  op.sram_read = s.groups * rank * inputs * m.adapter.bits;
  op.macs_8bit = s.tokens * rank * inputs;
  return op;
}

// B of an adapter: the projection's outputs, dealt to all lanes, x rank inputs, from SRAM.
// Quantizes and broadcasts A x first.
template <class T>
OpEstimate<T> lora_b(const Setting<T>& s, spec::Projection p) {
  const auto& m = s.model;
  const auto& hw = s.hw;
  if (!has_adapter(m, p)) return {};
  const T rank = m.adapter.rank;
  const T present = min(rank, T(1));
  const T outputs = shape(m, p).outputs;
  const T width = hw.pe.width_8bit;
  const T lanes = hw.lanes.count;
  const T rows = ceil_div(outputs, hw.pe.rows);
  const T requantize =
      hw.vector.quantize_passes * ceil_div(rank, hw.vector.width) + ceil_div(rank, s.bus_values);
  OpEstimate<T> op;
  op.compute =
      cycles(T(ceil_div(outputs, T(lanes * hw.pe.rows)) * ceil_div(rank, width) * s.tokens));
  op.buffer = buffer_cycles(s, op.compute, width);
  const Bits<T> fullest = busiest(outputs, lanes, hw.pe.rows) * rank * m.adapter.bits;
  op.sram = s.groups * port_cycles(fullest, s.sram_width);
  op.tree =
      cycles(T(present * s.tokens * ceil_div(outputs, T(s.trees * hw.interconnect.tree_values))));
  op.latency = present * matrix_latency(hw, lanes) + cycles(T(s.tokens * requantize));
  op.lane_active = cycles(T(s.tokens * rows * ceil_div(rank, width)));
  op.macs_8bit = s.tokens * outputs * rank;
  op.sram_read = s.groups * outputs * rank * m.adapter.bits;
  op.buffer_read = s.tokens * rows * rank * m.activation_bits;
  op.buffer_write = s.tokens * rank * lanes * m.activation_bits;
  op.broadcast_bits = s.tokens * rank * m.activation_bits;
  op.vector_elements = s.tokens * rank * hw.vector.quantize_passes;
  return op;
}

// Share of the offered PE positions that held a weight in use, in the cycles the PEs ran. Shapes
// that don't fill the last row or column step lose here.
template <class T>
T edge_utilization(const spec::Hardware<T>& hw, T uses, Cycles<T> compute, T width) {
  return uses / (compute.value() * hw.lanes.count * hw.pe.rows * width);
}

}  // namespace tomestimate::engine
