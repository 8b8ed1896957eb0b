// SPDX-License-Identifier: Apache-2.0
// The vector unit: norms, quantization, RoPE, softmax, activation, residual adds, and the broadcast
// of their results to the lanes. Equations: specs/machine.md, "Vector unit".
#pragma once

#include <tomestimate/engine/sram.hpp>

namespace tomestimate::engine {

// `elements` values in `passes` passes for each of `tokens` tokens.
template <class T>
OpEstimate<T> elementwise(const Setting<T>& s, T tokens, T elements, T passes) {
  OpEstimate<T> op;
  op.vector = cycles(T(tokens * passes * ceil_div(elements, s.hw.vector.width)));
  op.vector_elements = tokens * elements * passes;
  return op;
}

// Sends `values` activations per token to the lanes; each is written to `copies` buffers.
template <class T>
void add_broadcast(const Setting<T>& s, T tokens, T values, T copies, OpEstimate<T>& op) {
  op.broadcast = cycles(T(tokens * ceil_div(values, s.bus_values)));
  op.broadcast_bits = tokens * values * s.model.activation_bits;
  op.buffer_write = tokens * values * copies * s.model.activation_bits;
}

// A norm (if any), absmax quantization, and the broadcast of the input of the next projections.
template <class T>
OpEstimate<T> norm(const Setting<T>& s, T size, bool has_norm) {
  const auto& v = s.hw.vector;
  const T passes = has_norm ? v.norm_passes + v.quantize_passes : v.quantize_passes;
  auto op = elementwise(s, s.tokens, size, passes);
  add_broadcast(s, s.tokens, size, s.trees, op);
  return op;
}

// RoPE on q and k, quantization of q, k and v, broadcast of q, and the write of K and V rows.
template <class T>
OpEstimate<T> rope(const Setting<T>& s) {
  const auto& v = s.hw.vector;
  auto op = elementwise(s, s.tokens, T(s.q_dim + s.kv_dim), v.rope_passes);
  const auto quantize = elementwise(s, s.tokens, T(s.q_dim + T(2) * s.kv_dim), v.quantize_passes);
  op.vector += quantize.vector;
  op.vector_elements += quantize.vector_elements;
  add_broadcast(s, s.tokens, s.q_dim, s.hw.lanes.count, op);
  op.sram_write = T(2) * s.tokens * kv_row(s.model);
  op.sram = s.pass.batch * ceil_div(s.pass.fresh, s.hw.lanes.count) * T(2) *
            port_cycles(kv_row(s.model), s.sram_width);
  return op;
}

// One softmax row of n values per token and head; each value goes to the lane of its position.
template <class T>
OpEstimate<T> softmax(const Setting<T>& s) {
  const auto& hw = s.hw;
  const T head_runs = s.pass.batch * s.model.heads;
  const T values = head_runs * over_tokens(s.pass, [](T n) { return sum_to(n); });
  const auto steps = [&](T width) {
    return head_runs * over_tokens(s.pass, [&](T n) { return sum_of_ceils(n, width); });
  };
  OpEstimate<T> op;
  op.vector = cycles(T(hw.vector.softmax_passes * steps(hw.vector.width)));
  op.vector_elements = values * hw.vector.softmax_passes;
  op.broadcast = cycles(T(steps(s.bus_values)));
  op.broadcast_bits = values * s.model.activation_bits;
  op.buffer_write = op.broadcast_bits;
  return op;
}

// Residual add; the stream lives in SRAM, spread over all lanes.
template <class T>
OpEstimate<T> residual(const Setting<T>& s) {
  const auto& m = s.model;
  auto op = elementwise(s, s.tokens, m.hidden, s.hw.vector.residual_passes);
  const Bits<T> row = m.hidden * m.residual_bits;
  op.sram_read = s.tokens * row;
  op.sram_write = op.sram_read;
  op.sram = T(2) * s.tokens * port_cycles(row, PortWidth<T>(s.hw.lanes.count * s.sram_width));
  return op;
}

// The norm after the last layer; broadcast only if the LM head is on the chip.
template <class T>
OpEstimate<T> final_norm(const Setting<T>& s) {
  const auto& v = s.hw.vector;
  auto op = elementwise(s, s.pass.batch, s.model.hidden, T(v.norm_passes + v.quantize_passes));
  if (s.hw.mapping.lm_head == spec::Placement::rom)
    add_broadcast(s, s.pass.batch, s.model.hidden, s.trees, op);
  return op;
}

}  // namespace tomestimate::engine
