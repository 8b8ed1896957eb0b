// SPDX-License-Identifier: Apache-2.0
// What SRAM and workspace hold, and what spills. Equations: specs/machine.md, "Capacity".
#pragma once

#include <tomestimate/engine/attention.hpp>

namespace tomestimate::engine {

// Adapter bits for each unit of rank, over all layers.
template <class T>
Bits<T> adapter_bits_per_rank(const spec::Model<T>& m) {
  T sides = T(0);
  for (std::size_t i = 0; i < spec::projection_count; ++i) {
    const auto p = static_cast<spec::Projection>(i);
    const auto [outputs, inputs] = spec::shape(m, p);
    if (has_adapter(m, p)) sides += outputs + inputs;
  }
  return T(static_cast<double>(m.layers)) * sides * m.adapter.bits;
}

// Layers that attend to all positions.
template <class T>
T full_layers(const spec::Model<T>& m) {
  return T(static_cast<double>(m.full_every == 0 ? 0 : m.layers / m.full_every));
}

// Bits that one more position of a sequence takes, in the layers that attend to all.
template <class T>
Bits<T> kv_bits_per_position(const spec::Model<T>& m) {
  return T(2) * full_layers(m) * kv_row(m);
}

// KV bits of a sequence in the layers that attend to a window.
template <class T>
Bits<T> windowed_kv_bits(const spec::Model<T>& m, T context) {
  if (m.full_every == 1) return {};
  const T layers = T(static_cast<double>(m.layers)) - full_layers(m);
  return T(2) * layers * min(context, m.window) * kv_row(m);
}

// A maximum where nothing limits it: the largest whole number that a count can be.
template <class T>
T unlimited() {
  return T(9007199254740992.0);
}

// What the SRAM holds in a pass of `tokens` tokens over `batch` sequences of `context` positions.
template <class T>
struct Capacity {
  Bits<T> available{};
  Bits<T> adapters{};
  Bits<T> kv{};
  Bits<T> workspace_available{};
  Bits<T> workspace{};  // residual stream of all tokens
  Bits<T> room{};       // left for the layers that attend to all; below 0 if the rest does not fit
  T max_context{};      // positions per sequence
  T max_rank{};         // at this context
  T context{};

  Bits<T> used() const { return adapters + kv; }
};

template <class T>
Capacity<T> capacity(const spec::Hardware<T>& hw, const spec::Model<T>& m, T batch, T tokens,
                     T context) {
  const Bits<T> per_rank = adapter_bits_per_rank(m);
  const Bits<T> per_position = batch * kv_bits_per_position(m);
  const Bits<T> windowed = batch * windowed_kv_bits(m, context);
  const auto& units = hw.map.attention == spec::UnitChoice::side ? hw.side : hw.base;
  const T parts = make_parts(units, m, tokens).positions;
  Capacity<T> c;
  c.available = hw.sram.capacity;
  c.adapters = m.adapter.rank * per_rank;
  c.workspace_available = hw.workspace.capacity;
  c.workspace = tokens * m.hidden * m.residual_bits;
  c.context = context;
  c.kv = context * per_position + windowed;
  c.room = c.available - c.adapters - windowed;
  if (m.full_every == 0 || m.full_every > m.layers)
    c.max_context = unlimited<T>();
  else
    c.max_context = parts * floor(T(max(T(0), T(c.room / (parts * per_position)))));
  const T rank = (c.available - c.kv) / max(per_rank, bits(T(1)));
  c.max_rank = floor(max(T(0), rank));
  return c;
}

// Bits read beyond the SRAM, for KV positions beyond max_context, by every later token.
template <class T>
Bits<T> spilled_bits(const spec::Model<T>& m, const spec::Pass<T>& pass, T max_context) {
  const auto up_to = [&](T n) { return sum_to(max(T(n - max_context), T(0))); };
  const T reads = up_to(T(pass.past + pass.fresh)) - up_to(pass.past);
  return pass.batch * reads * kv_bits_per_position(m);
}

}  // namespace tomestimate::engine
