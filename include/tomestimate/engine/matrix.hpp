// SPDX-License-Identifier: Apache-2.0
// Matrix work on units: base projections, LM head and adapters.
// Equations: specs/machine.md, "Base projections" and "Adapters".
#pragma once

#include <tomestimate/engine/rom.hpp>

namespace tomestimate::engine {

// How a matrix is dealt to a class of units.
template <class T>
struct Dealing {
  const spec::UnitClass<T>& units;
  T outputs;  // parts that split the outputs
  T inputs;   // parts that split the inputs
  T width;    // inputs of a step
};

// Pipeline of a unit, then a tree over `leaves`.
template <class T>
Cycles<T> unit_latency(const spec::UnitClass<T>& c, T leaves) {
  return c.pipeline + tree_levels(leaves) * c.level_latency;
}

// Cycles to read one word of `width` activations from the buffer.
template <class T>
Cycles<T> input_word_cycles(const Setting<T>& s, const spec::UnitClass<T>& c, T width) {
  return port_cycles(Bits<T>(width * s.model.activation_bits), c.buffer_width);
}

// Values that leave the class through the ports of its lanes.
template <class T>
Cycles<T> leaving_cycles(const spec::UnitClass<T>& c, T values) {
  return cycles(T(ceil_div(values, T(c.lanes * c.tree_values))));
}

// Lock-step steps of one token.
template <class T>
T matrix_steps(const Dealing<T>& d, T outputs, T inputs) {
  return ceil_div(outputs, T(d.outputs * d.units.rows)) * ceil_div(inputs, T(d.inputs * d.width));
}

// What a matrix costs besides fetching its weights. Returns everything but memory/sram, base_adds
// and dense_macs.
template <class T>
OpEstimate<T> dealt_matrix(const Setting<T>& s, const Dealing<T>& d, T outputs, T inputs,
                           Cycles<T> step, T tokens) {
  const auto& c = d.units;
  const T row_steps = ceil_div(outputs, T(d.outputs * c.rows));
  const T words = ceil_div(inputs, T(d.inputs * d.width));  // a unit's share of the inputs
  const T again = is_above(words, c.input_words);
  const T chunks = ceil_div(outputs, c.rows);
  const T keepers = min(d.outputs, chunks);
  OpEstimate<T> op;
  op.compute = row_steps * words * tokens * step;
  op.buffer =
      tokens * words * (T(1) + again * (row_steps - T(1))) * input_word_cycles(s, c, d.width);
  op.tree = tokens * leaving_cycles(c, outputs);
  op.latency = unit_latency(c, d.inputs);
  op.unit_active = tokens * chunks * ceil_div(inputs, d.width) * step;
  op.tree_adds = tokens * outputs * (d.inputs - T(1));
  op.buffer_read =
      tokens * (keepers + again * (chunks - keepers)) * inputs * s.model.activation_bits;
  return op;
}

// Dealing of a matrix of base weights; in space each matrix has as many parts as tiles.
template <class T>
Dealing<T> base_dealing(const Setting<T>& s, T outputs, T inputs, T width) {
  const auto& c = s.hw.base;
  if (s.hw.datapath.sharing == spec::Sharing::space)
    return {c, ceil_div(outputs, c.rows), ceil_div(inputs, width), width};
  return {c, s.base.outputs, s.base.inputs, width};
}

// Units that work on a matrix at once.
template <class T>
T units_of(const Setting<T>& s, const Dealing<T>& d) {
  return s.hw.datapath.sharing == spec::Sharing::space ? T(d.outputs * d.inputs) : s.base.count;
}

// ROM reads of a matrix, once per token group. 1-bits differ from layer to layer: see
// add_layer_weights.
template <class T>
void add_rom_reads(const Setting<T>& s, const Dealing<T>& d, T outputs, T inputs,
                   Bits<T> weight_bits, Bits<T> stored, T groups, T disturbed, OpEstimate<T>& op) {
  const T steps = matrix_steps(d, outputs, inputs);
  const Bits<T> word = d.units.rows * d.width * weight_bits;
  op.memory = steps * groups * port_cycles(word, s.hw.rom.read_width);
  op.rom_words = groups * ceil_div(outputs, d.units.rows) * ceil_div(inputs, d.width);
  op.rom_bits = groups * stored;
  op.bank_toggles = steps * groups * disturbed;
}

// Whole bits that the DRAM delivers in a cycle.
template <class T>
PortWidth<T> dram_width(const spec::Hardware<T>& hw) {
  const auto exact = hw.dram.bandwidth / hw.chip.clock;
  return PortWidth<T>::from_value(floor(exact.value()));
}

// Base projection. 1-bits and base adds depend on the weights: see add_layer_weights.
template <class T>
OpEstimate<T> base_projection(const Setting<T>& s, const Banks<T>& banks, spec::Projection p) {
  if (!spec::has_projection(s.model, p)) return {};
  const auto [outputs, inputs] = layer_shape(s, p);
  const auto& weights = s.model.weights;
  const auto d = base_dealing(s, T(outputs), T(inputs), s.hw.datapath.width);
  auto op = dealt_matrix(s, d, T(outputs), T(inputs), s.hw.datapath.step_cycles, s.tokens);
  const Bits<T> stored = matrix_bits(s.model, T(outputs * inputs));
  if (s.hw.map.weights == spec::WeightPlace::dram) {
    op.memory = s.groups * port_cycles(stored, dram_width(s.hw));
    op.dram_bits = s.groups * stored;
    return op;
  }
  const T own = banks.projection[static_cast<std::size_t>(p)];
  const T at_once = banks_at_once(s.hw, own, units_of(s, d), d.width, weights.bits);
  add_rom_reads(s, d, T(outputs), T(inputs), weights.bits, stored, s.groups,
                disturbed_banks(s.hw, banks, own, at_once), op);
  return op;
}

// Fills in what depends on the weights of layer l: 1-bits read and adds done.
template <class T>
void add_layer_weights(const Setting<T>& s, std::size_t layer, spec::Projection p,
                       OpEstimate<T>& op) {
  const auto& m = s.model;
  const auto ones = stored_ones(m, layer, p);
  if (s.hw.map.weights == spec::WeightPlace::rom) op.rom_one_bits = s.groups * ones;
  // A ternary weight that isn't zero has one 1-bit.
  const auto [outputs, inputs] = layer_shape(s, p);
  const bool ternary = m.weights.code == spec::WeightCode::ternary;
  op.base_adds = s.tokens * (ternary ? ones.value() : T(outputs * inputs));
}

// LM head from ROM, for the last token of each sequence; empty elsewhere.
template <class T>
OpEstimate<T> lm_head(const Setting<T>& s, const Banks<T>& banks) {
  const auto& m = s.model;
  if (s.hw.map.head != spec::HeadPlace::rom) return {};
  const T outputs = m.embedding.vocabulary;
  const T groups = ceil_div(s.pass.batch, s.hw.base.token_tile);
  const auto d = base_dealing(s, outputs, m.hidden, s.hw.datapath.width_head);
  auto op = dealt_matrix(s, d, outputs, m.hidden, s.hw.datapath.step_cycles, s.pass.batch);
  const T at_once = banks_at_once(s.hw, banks.head, units_of(s, d), d.width, m.embedding.bits);
  auto own_domain = banks;
  own_domain.layer = banks.head;
  add_rom_reads(s, d, outputs, m.hidden, m.embedding.bits, table_bits(m).all, groups,
                disturbed_banks(s.hw, own_domain, banks.head, at_once), op);
  op.rom_one_bits = groups * table_bits(m).ones;
  op.dense_macs = s.pass.batch * outputs * m.hidden;
  return op;
}

template <class T>
bool has_adapter(const spec::Model<T>& m, spec::Projection p) {
  return spec::has_projection(m, p) &&
         m.adapter.targets[static_cast<std::size_t>(p)] == spec::Switch::on;
}

// A of an adapter: rank outputs x the projection's inputs, from SRAM.
template <class T>
OpEstimate<T> lora_a(const Setting<T>& s, spec::Projection p) {
  const auto& m = s.model;
  if (!has_adapter(m, p)) return {};
  const auto& parts = s.adapter;
  const auto& c = *parts.units;
  const T rank = m.adapter.rank;
  const T inputs = layer_shape(s, p).inputs;
  const T width = c.width_adapter;
  auto op = dealt_matrix(s, Dealing<T>{c, parts.outputs, parts.inputs, width}, rank, inputs,
                         cycles(T(1)), s.tokens);
  const T present = min(rank, T(1));  // rank 0: no adapter, no latency, no inputs read
  op.latency *= present;
  op.buffer *= present;
  const Bits<T> fullest =
      busiest(rank, parts.outputs, c.rows) * busiest(inputs, parts.inputs, width) * m.adapter.bits;
  op.sram = parts.groups * port_cycles(fullest, c.sram_width);
  op.sram_read = parts.groups * rank * inputs * m.adapter.bits;
  op.dense_macs = s.tokens * rank * inputs;
  return op;
}

// B of an adapter: the projection's outputs, dealt to all units, x rank inputs, from SRAM.
// Quantizes and broadcasts A x first.
template <class T>
OpEstimate<T> lora_b(const Setting<T>& s, spec::Projection p) {
  const auto& m = s.model;
  if (!has_adapter(m, p)) return {};
  const auto& parts = s.adapter;
  const auto& c = *parts.units;
  const T rank = m.adapter.rank;
  const T present = min(rank, T(1));
  const T outputs = layer_shape(s, p).outputs;
  const T requantize =
      s.hw.vector.quantize_passes * ceil_div(rank, s.vector_width) + ceil_div(rank, s.bus_values);
  auto op = dealt_matrix(s, Dealing<T>{c, parts.count, T(1), c.width_adapter}, outputs, rank,
                         cycles(T(1)), s.tokens);
  const Bits<T> fullest = busiest(outputs, parts.count, c.rows) * rank * m.adapter.bits;
  op.sram = parts.groups * port_cycles(fullest, c.sram_width);
  op.tree *= present;
  op.latency = present * unit_latency(c, parts.count) + cycles(T(s.tokens * requantize));
  op.dense_macs = s.tokens * outputs * rank;
  op.sram_read = parts.groups * outputs * rank * m.adapter.bits;
  op.buffer_write = s.tokens * rank * parts.count * m.activation_bits;
  op.broadcast_bits = s.tokens * rank * m.activation_bits;
  op.vector_elements = s.tokens * rank * s.hw.vector.quantize_passes;
  return op;
}

}  // namespace tomestimate::engine
