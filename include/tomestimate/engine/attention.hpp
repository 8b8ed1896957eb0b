// SPDX-License-Identifier: Apache-2.0
// Attention over the KV cache in SRAM. Equations: specs/machine.md, "Attention".
#pragma once

#include <tomestimate/engine/matrix.hpp>

namespace tomestimate::engine {

// Bits of one cached key (or value) row of one layer.
template <class T>
Bits<T> kv_row(const spec::Model<T>& m) {
  return m.kv_heads * m.head_dim * m.kv_bits;
}

// Cycles to read, or write, what a unit holds of a key (or value) row.
template <class T>
Cycles<T> kv_row_cycles(const Setting<T>& s) {
  const auto& a = s.attention;
  return a.kv_heads * port_cycles(Bits<T>(s.model.head_dim * s.model.kv_bits), a.units->sram_width);
}

// Sum over tokens of the tiles of R positions that the fullest part has.
template <class T>
T position_steps(const Setting<T>& s) {
  const auto& a = s.attention;
  return over_tokens(s, [&](T n) { return sum_of_ceils(n, T(a.positions * a.units->rows)); });
}

// What scores and context share: each reads one row of every position.
template <class T>
OpEstimate<T> attention_work(const Setting<T>& s) {
  const auto& m = s.model;
  const auto& a = s.attention;
  const auto& c = *a.units;
  const T columns = ceil_div(m.head_dim, c.width_attention);
  const T positions = over_tokens(s, [](T n) { return sum_to(n); });
  const T part_rows = over_tokens(s, [&](T n) { return sum_of_ceils(n, a.positions); });
  const T busy = over_tokens(s, [&](T n) { return sum_of_busy_chunks(n, a.positions, c.rows); });
  const T tile = min(c.kv_tile, s.pass.fresh);
  OpEstimate<T> op;
  op.compute = cycles(T(position_steps(s) * a.heads * columns));
  op.sram = ceil_div(part_rows, tile) * kv_row_cycles(s);
  op.sram_read = ceil_div(positions, tile) * a.readers * kv_row(m);
  op.dense_macs = positions * m.heads * m.head_dim;
  op.unit_active = cycles(T(busy * m.heads * columns));
  return op;
}

// q . K; the query stays while positions pass.
template <class T>
OpEstimate<T> scores(const Setting<T>& s) {
  const auto& m = s.model;
  const auto& a = s.attention;
  const auto& c = *a.units;
  auto op = attention_work(s);
  op.buffer = s.tokens * a.heads * ceil_div(m.head_dim, c.width_attention) *
              input_word_cycles(s, c, c.width_attention);
  op.buffer_read = m.heads * m.head_dim *
                   over_tokens(s, [&](T n) { return sum_of_mins(n, a.positions); }) *
                   m.activation_bits;
  op.tree = cycles(T(
      m.heads * over_tokens(s, [&](T n) { return sum_of_ceils(n, T(c.lanes * c.tree_values)); })));
  op.latency = unit_latency(c, c.lanes);
  return op;
}

// softmax . V; partial sums of the position parts are added up.
template <class T>
OpEstimate<T> context(const Setting<T>& s) {
  const auto& m = s.model;
  const auto& a = s.attention;
  const auto& c = *a.units;
  auto op = attention_work(s);
  op.buffer = position_steps(s) * a.heads * input_word_cycles(s, c, c.rows);
  op.buffer_read = m.heads * over_tokens(s, [](T n) { return sum_to(n); }) * m.activation_bits;
  op.tree = s.tokens * leaving_cycles(c, T(m.heads * m.head_dim));
  op.tree_adds = s.tokens * m.heads * m.head_dim * (a.positions - T(1));
  op.latency = unit_latency(c, a.positions);
  return op;
}

}  // namespace tomestimate::engine
