// SPDX-License-Identifier: Apache-2.0
// The vector units: norms, quantization, RoPE, softmax, activation, residual adds, and the
// broadcast of their results to the lanes. Equations: specs/machine.md, "Vector units".
#pragma once

#include <tomestimate/engine/attention.hpp>

namespace tomestimate::engine {

// `elements` values in `passes` passes for each of `tokens` tokens.
template <class T>
OpEstimate<T> elementwise(const Setting<T>& s, T tokens, T elements, T passes) {
  OpEstimate<T> op;
  op.vector = cycles(T(tokens * passes * ceil_div(elements, s.vector_width)));
  op.vector_elements = tokens * elements * passes;
  op.latency = min(passes, T(1)) * s.hw.vector.latency;
  return op;
}

// Sends `values` activations per token to the lanes; each is written to `copies` buffers.
template <class T>
void add_broadcast(const Setting<T>& s, T tokens, T values, T copies, OpEstimate<T>& op) {
  op.broadcast = cycles(T(tokens * ceil_div(values, s.bus_values)));
  op.broadcast_bits = tokens * values * s.model.activation_bits;
  op.buffer_write = tokens * values * copies * s.model.activation_bits;
}

// Buffers that take the inputs of a base projection: one for each part of its outputs.
template <class T>
T input_copies(const Setting<T>& s) {
  return s.hw.datapath.sharing == spec::Sharing::space ? T(1) : s.base.outputs;
}

// A norm (if any), quantization, and the broadcast of the input of the next projections.
template <class T>
OpEstimate<T> norm(const Setting<T>& s, T size, bool has_norm) {
  const auto& v = s.hw.vector;
  const T passes = has_norm ? v.norm_passes + v.quantize_passes : v.quantize_passes;
  auto op = elementwise(s, s.tokens, size, passes);
  add_broadcast(s, s.tokens, size, input_copies(s), op);
  return op;
}

// RoPE on q and k, quantization of q, k and v, broadcast of q, and the write of K and V rows.
template <class T>
OpEstimate<T> rope(const Setting<T>& s) {
  const auto& v = s.hw.vector;
  const T parts = s.attention.positions;
  auto op = elementwise(s, s.tokens, T(s.q_dim + s.kv_dim), v.rope_passes);
  const auto quantize = elementwise(s, s.tokens, T(s.q_dim + T(2) * s.kv_dim), v.quantize_passes);
  op.vector += quantize.vector;
  op.vector_elements += quantize.vector_elements;
  op.latency = max(op.latency, quantize.latency);
  add_broadcast(s, s.tokens, s.q_dim, parts, op);
  op.sram_write = T(2) * s.tokens * kv_row(s.model);
  op.sram = s.pass.batch * ceil_div(s.pass.fresh, parts) * T(2) * kv_row_cycles(s);
  return op;
}

// One softmax row of n values per token and head; each value goes to the part of its position.
template <class T>
OpEstimate<T> softmax(const Setting<T>& s) {
  const auto& v = s.hw.vector;
  const T heads = s.model.heads;
  const T values = heads * over_tokens(s, [](T n) { return sum_to(n); });
  const auto steps = [&](T width) {
    return over_tokens(s, [&](T n) { return sum_of_ceils(n, width); });
  };
  OpEstimate<T> op;
  op.vector = cycles(T(v.softmax_passes * ceil_div(heads, v.count) * steps(v.width)));
  op.vector_elements = values * v.softmax_passes;
  op.latency = min(v.softmax_passes, T(1)) * v.latency;
  op.broadcast = cycles(T(heads * steps(s.bus_values)));
  op.broadcast_bits = values * s.model.activation_bits;
  op.buffer_write = op.broadcast_bits;
  return op;
}

// Residual add; the stream lives in the workspace.
template <class T>
OpEstimate<T> residual(const Setting<T>& s) {
  const auto& m = s.model;
  auto op = elementwise(s, s.tokens, m.hidden, s.hw.vector.residual_passes);
  const Bits<T> row = m.hidden * m.residual_bits;
  op.workspace_read = s.tokens * row;
  op.workspace_write = op.workspace_read;
  op.sram = T(2) * s.tokens * port_cycles(row, s.hw.workspace.width);
  return op;
}

// The norm after the last layer, where the LM head is on the chip.
template <class T>
OpEstimate<T> final_norm(const Setting<T>& s) {
  const auto& v = s.hw.vector;
  if (s.hw.map.head != spec::HeadPlace::rom) return {};
  auto op = elementwise(s, s.pass.batch, s.model.hidden, T(v.norm_passes + v.quantize_passes));
  add_broadcast(s, s.pass.batch, s.model.hidden, input_copies(s), op);
  return op;
}

}  // namespace tomestimate::engine
