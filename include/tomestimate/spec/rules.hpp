// SPDX-License-Identifier: Apache-2.0
// What must hold between the values of a spec, or of two specs together, for them to be a design.
// Generic over the number type: a loaded spec is checked with double, a sweep checks every point.
#pragma once

#include <string_view>

#include <tomestimate/spec/hardware.hpp>
#include <tomestimate/spec/model.hpp>
#include <tomestimate/units/math.hpp>

namespace tomestimate::spec {

struct Rule {
  std::string_view path;     // the value to blame
  std::string_view message;  // what is wrong if it is broken
};

namespace detail {
template <class T>
T remainder(const T& a, const T& b) {
  using units::floor;
  return a - floor(T(a / b)) * b;
}
}  // namespace detail

// Each calls visit(Rule, excess) for every rule; a rule is broken where its excess is above 0.
template <class T, class Visit>
void visit_hardware_rules(const Hardware<T>& h, Visit&& visit) {
  visit(Rule{"lanes.per_tree", "lanes.per_tree does not divide lanes.count"},
        detail::remainder(h.lanes.count, h.lanes.per_tree));
}

template <class T, class Visit>
void visit_model_rules(const Model<T>& m, Visit&& visit) {
  visit(Rule{"model.kv_heads", "model.kv_heads does not divide model.heads"},
        detail::remainder(m.heads, m.kv_heads));
  visit(Rule{"model.head_dim", "RoPE rotates pairs: model.head_dim must be even"},
        detail::remainder(m.head_dim, T(2)));
  if (m.weights.code == WeightCode::ternary) {
    using units::max;
    const T bits = m.weights.bits.value();
    visit(Rule{"weights.bits", "a ternary weight has 2 bit"}, max(T(bits - T(2)), T(T(2) - bits)));
  }
}

// Counts stay whole numbers in a double only up to 2^53.
template <class T, class Visit>
void visit_pair_rules(const Hardware<T>& h, const Model<T>& m, Visit&& visit) {
  using units::max;
  visit(Rule{"interconnect.broadcast_width",
             "interconnect.broadcast_width is narrower than one activation"},
        T(m.activation_bits.value() - h.interconnect.broadcast_width.value()));
  T weights = T(0);
  for (std::size_t p = 0; p < projection_count; ++p) {
    const auto s = shape(m, static_cast<Projection>(p));
    weights += s.outputs * s.inputs;
  }
  const auto& w = m.workload;
  const T layers = T(static_cast<double>(m.layers));
  const T tokens = w.batch * w.prompt;
  const T positions = w.batch * max(T(w.prompt * w.prompt), w.context);
  const T base = weights * layers * m.weights.bits.value() * tokens;
  const T head = m.embedding.vocabulary * m.hidden * m.embedding.bits.value() * w.batch;
  const T attention = positions * layers * m.heads * m.head_dim * T(32);
  const T buffers = tokens * m.intermediate * h.lanes.count * T(32) * layers;
  visit(Rule{"workload", "the workload is too large to count exactly: over 2^53 events"},
        T(max(max(base, head), max(attention, buffers)) - T(9007199254740992.0)));
}

}  // namespace tomestimate::spec
