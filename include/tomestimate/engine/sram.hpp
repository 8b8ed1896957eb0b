// SPDX-License-Identifier: Apache-2.0
// SRAM: attention over the KV cache, and what the capacity allows.
// Equations: specs/machine.md, "Attention" and "Capacity".
#pragma once

#include <tomestimate/engine/pe.hpp>

namespace tomestimate::engine {

// Bits of one cached key (or value) row of one layer.
template <class T>
Bits<T> kv_row(const spec::Model<T>& m) {
  return m.kv_heads * m.head_dim * m.kv_bits;
}

// SRAM and MAC costs that scores and context share: each reads one row of every position.
template <class T>
OpEstimate<T> attention_reads(const Setting<T>& s) {
  const auto& m = s.model;
  const T lanes = s.hw.lanes.count;
  const T positions = s.pass.batch * over_tokens(s.pass, [](T n) { return sum_to(n); });
  const T lane_rows =
      s.pass.batch * over_tokens(s.pass, [&](T n) { return sum_of_ceils(n, lanes); });
  OpEstimate<T> op;
  op.sram = lane_rows * port_cycles(kv_row(m), s.sram_width);
  op.sram_read = positions * kv_row(m);
  op.macs_8bit = positions * m.heads * m.head_dim;
  op.latency = matrix_latency(s.hw, lanes);
  return op;
}

// q . K: a lane takes tiles of R of its positions x W8 dimensions.
template <class T>
OpEstimate<T> scores(const Setting<T>& s) {
  const auto& hw = s.hw;
  const auto& m = s.model;
  const T lanes = hw.lanes.count;
  const T head_runs = s.pass.batch * m.heads;
  const T columns = ceil_div(m.head_dim, hw.pe.width_8bit);
  const T busy = head_runs *
                 over_tokens(s.pass, [&](T n) { return sum_of_busy_chunks(n, lanes, hw.pe.rows); });
  const T gather = s.trees * hw.interconnect.tree_values;
  auto op = attention_reads(s);
  op.compute = cycles(T(head_runs * columns * over_tokens(s.pass, [&](T n) {
                          return sum_of_ceils(n, T(lanes * hw.pe.rows));
                        })));
  op.buffer = buffer_cycles(s, op.compute, hw.pe.width_8bit);
  op.tree =
      cycles(T(head_runs * over_tokens(s.pass, [&](T n) { return sum_of_ceils(n, gather); })));
  op.lane_active = cycles(T(busy * columns));
  op.buffer_read = busy * m.head_dim * m.activation_bits;
  return op;
}

// softmax . V: a lane takes tiles of R dimensions x W8 of its positions; sums over lanes.
template <class T>
OpEstimate<T> context(const Setting<T>& s) {
  const auto& hw = s.hw;
  const auto& m = s.model;
  const T lanes = hw.lanes.count;
  const T width = hw.pe.width_8bit;
  const T head_runs = s.pass.batch * m.heads;
  const T rows = ceil_div(m.head_dim, hw.pe.rows);
  const T positions = head_runs * over_tokens(s.pass, [](T n) { return sum_to(n); });
  auto op = attention_reads(s);
  op.compute = cycles(T(head_runs * rows * over_tokens(s.pass, [&](T n) {
                          return sum_of_ceils(n, T(lanes * width));
                        })));
  op.buffer = buffer_cycles(s, op.compute, width);
  op.tree = cycles(
      T(head_runs * s.pass.fresh * rows * ceil_div(hw.pe.rows, hw.interconnect.tree_values)));
  op.tree_adds = head_runs * s.pass.fresh * m.head_dim * (lanes - T(1));
  op.lane_active = cycles(T(head_runs * rows * over_tokens(s.pass, [&](T n) {
                              return sum_of_busy_chunks(n, lanes, width);
                            })));
  op.buffer_read = rows * positions * m.activation_bits;
  return op;
}

// Adapter bits for each unit of rank, over all layers.
template <class T>
Bits<T> adapter_bits_per_rank(const spec::Model<T>& m) {
  T sides = T(0);
  for (std::size_t i = 0; i < spec::projection_count; ++i) {
    const auto p = static_cast<spec::Projection>(i);
    const auto [outputs, inputs] = shape(m, p);
    if (has_adapter(m, p)) sides += outputs + inputs;
  }
  return T(static_cast<double>(m.layers)) * sides * m.adapter.bits;
}

template <class T>
Bits<T> kv_bits_per_position(const spec::Model<T>& m) {
  return T(2) * T(static_cast<double>(m.layers)) * kv_row(m);
}

// Residual stream of all tokens, and two 32-bit FFN vectors of the token group in flight.
template <class T>
Bits<T> workspace_bits(const spec::Hardware<T>& hw, const spec::Model<T>& m, T tokens) {
  return tokens * m.hidden * m.residual_bits +
         min(tokens, hw.pe.accumulators) * T(2) * m.intermediate * bits(T(32));
}

// What the SRAM holds in a pass of `tokens` tokens over `batch` sequences of `context` positions.
template <class T>
struct Capacity {
  Bits<T> available{};
  Bits<T> adapters{};
  Bits<T> workspace{};
  Bits<T> kv{};
  T max_context{};  // positions per sequence; below 0 if not even adapters and workspace fit
  T max_rank{};     // at this context; below 0 if it doesn't fit without adapters
  T context{};

  Bits<T> used() const { return adapters + workspace + kv; }
};

template <class T>
Capacity<T> capacity(const spec::Hardware<T>& hw, const spec::Model<T>& m, T batch, T tokens,
                     T context_positions) {
  const Bits<T> per_rank = adapter_bits_per_rank(m);
  const Bits<T> per_position = batch * kv_bits_per_position(m);
  Capacity<T> c;
  c.available = hw.sram.capacity;
  c.adapters = m.adapter.rank * per_rank;
  c.workspace = workspace_bits(hw, m, tokens);
  c.context = context_positions;
  c.kv = context_positions * per_position;
  const T lanes = hw.lanes.count;
  const T per_lane = ((c.available - c.adapters - c.workspace) / (lanes * per_position));
  c.max_context = lanes * floor(per_lane);
  const T rank = ((c.available - c.workspace - c.kv) / max(per_rank, bits(T(1))));
  c.max_rank = floor(rank);
  return c;
}

// Link bits for KV positions beyond max_context, each read by every later token of its sequence.
template <class T>
Bits<T> spilled_bits(const spec::Model<T>& m, const spec::Pass<T>& pass, T max_context) {
  const T fits = max(max_context, T(0));
  const T reads = over_tokens(pass, [&](T n) { return sum_to(max(T(n - fits), T(0))); });
  return pass.batch * reads * kv_bits_per_position(m);
}

}  // namespace tomestimate::engine
