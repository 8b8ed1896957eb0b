// SPDX-License-Identifier: Apache-2.0
// Numbers that most equations use, worked out once per pass: how a class of units deals work, and
// what a layer is. Equations: specs/machine.md, "Symbols".
#pragma once

#include <tomestimate/engine/op.hpp>

namespace tomestimate::engine {

// A class of units with its parts.
template <class T>
struct Parts {
  const spec::UnitClass<T>* units{};
  T count{};      // L U
  T outputs{};    // Po
  T inputs{};     // Pi
  T positions{};  // Pp
  T kv_heads{};   // k: key and value heads of one head part
  T heads{};      // h: query heads of one head part
  T readers{};    // e: head parts that read the rows of one key and value head
  T groups{};     // Q of this class
};

template <class T>
Parts<T> make_parts(const spec::UnitClass<T>& c, const spec::Model<T>& m, T tokens) {
  Parts<T> p;
  p.units = &c;
  p.count = c.lanes * c.per_lane;
  p.groups = ceil_div(tokens, c.token_tile);
  switch (c.outputs) {
    case spec::Outputs::lanes:
      p.outputs = c.lanes;
      p.inputs = c.per_lane;
      break;
    case spec::Outputs::units:
      p.outputs = c.per_lane;
      p.inputs = c.lanes;
      break;
    case spec::Outputs::all:
      p.outputs = p.count;
      p.inputs = T(1);
      break;
    case spec::Outputs::none:
      p.outputs = T(1);
      p.inputs = p.count;
      break;
  }
  T head_parts = T(1);
  if (c.heads == spec::Heads::lanes) head_parts = c.lanes;
  if (c.heads == spec::Heads::units) head_parts = c.per_lane;
  p.positions = p.count / head_parts;
  const T group = m.heads / m.kv_heads;
  const T sharing = max(T(1), floor(T(head_parts / m.kv_heads)));  // s
  p.kv_heads = ceil_div(m.kv_heads, T(floor(T(head_parts / sharing))));
  p.heads = p.kv_heads * ceil_div(group, sharing);
  p.readers = min(sharing, group);
  return p;
}

template <class T>
struct Setting {
  const spec::Hardware<T>& hw;
  const spec::Model<T>& model;
  spec::Pass<T> pass;
  T tokens;        // M
  T groups;        // Q
  T bus_values;    // P: activations per cycle on the broadcast bus
  T vector_width;  // V
  T q_dim;
  T kv_dim;
  Parts<T> base;
  Parts<T> adapter;
  Parts<T> attention;
  // Of the layer at hand.
  T intermediate;  // FFN neurons that are not left out
  bool windowed;   // attends to model.window positions only
};

template <class T>
Setting<T> make_setting(const spec::Hardware<T>& hw, const spec::Model<T>& m,
                        const spec::Pass<T>& pass) {
  const T token_count = pass.batch * pass.fresh;
  const T bus = (hw.bus.width / m.activation_bits).value();
  const auto parts = [&](spec::UnitChoice choice) {
    return make_parts(choice == spec::UnitChoice::side ? hw.side : hw.base, m, token_count);
  };
  const auto base = parts(spec::UnitChoice::base);
  return {hw,
          m,
          pass,
          token_count,
          base.groups,
          floor(bus),
          hw.vector.count * hw.vector.width,
          m.heads * m.head_dim,
          m.kv_heads * m.head_dim,
          base,
          parts(hw.map.adapter),
          parts(hw.map.attention),
          m.intermediate,
          false};
}

// FFN neurons of layer l that are left out: all their weights are zero.
template <class T>
T dead_neurons(const spec::Hardware<T>& hw, const spec::Model<T>& m, std::size_t layer) {
  if (hw.map.skip_dead == spec::Switch::off || m.weights.dead_share.empty()) return T(0);
  return round_half_up(T(m.weights.dead_share[layer] * m.intermediate));
}

template <class T>
void enter_layer(Setting<T>& s, std::size_t layer) {
  s.intermediate = s.model.intermediate - dead_neurons(s.hw, s.model, layer);
  s.windowed = !spec::attends_to_all(s.model, layer);
}

// Whether layer l has the schedule of the layer before it.
template <class T>
bool same_kind(const spec::Hardware<T>& hw, const spec::Model<T>& m, std::size_t layer) {
  const bool dead = hw.map.skip_dead == spec::Switch::on && !m.weights.dead_share.empty();
  return !dead && spec::attends_to_all(m, layer) == spec::attends_to_all(m, layer - 1);
}

// Shape of a projection in the layer at hand.
template <class T>
spec::Shape<T> layer_shape(const Setting<T>& s, spec::Projection p) {
  auto shape = spec::shape(s.model, p);
  if (!spec::has_projection(s.model, p)) return shape;
  if (p == spec::Projection::gate || p == spec::Projection::up) shape.outputs = s.intermediate;
  if (p == spec::Projection::down) shape.inputs = s.intermediate;
  return shape;
}

// Sum of f(n) over sequences and tokens, n the positions a token attends to in the layer at hand.
// `up_to(x)` is the sum of f for n = 1 .. x.
template <class T, class UpTo>
T over_tokens(const Setting<T>& s, UpTo up_to) {
  const auto& pass = s.pass;
  if (!s.windowed) return pass.batch * (up_to(T(pass.past + pass.fresh)) - up_to(pass.past));
  const T window = s.model.window;
  const T full = up_to(window) - up_to(T(window - T(1)));  // f(window)
  const auto clipped = [&](T last) {
    return up_to(min(last, window)) + full * max(T(0), T(last - window));
  };
  return pass.batch * (clipped(T(pass.past + pass.fresh)) - clipped(pass.past));
}

}  // namespace tomestimate::engine
