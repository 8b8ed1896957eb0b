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

// The least of what is at least 1 in a class of units: 0 where a value was never given.
template <class T>
T least(const UnitClass<T>& c) {
  using units::min;
  const T size = min(min(c.lanes, c.per_lane), min(c.rows, c.tree_values));
  const T work = min(min(c.width_adapter, c.width_attention), min(c.token_tile, c.kv_tile));
  const T ports = min(c.input_words, min(c.buffer_width, c.sram_width).value());
  return min(min(size, work), ports);
}
}  // namespace detail

// Clock that the technology allows at the chip's supply voltage: linear between threshold and the
// voltage that max_clock is told at, and beyond.
template <class T>
units::Frequency<T> clock_limit(const Hardware<T>& h) {
  const T drive = (h.chip.voltage - h.tech.threshold) / (h.tech.voltage - h.tech.threshold);
  return drive * h.tech.max_clock;
}

// Each calls visit(Rule, excess) for every rule; a rule is broken where its excess is above 0.
template <class T, class Visit>
void visit_hardware_rules(const Hardware<T>& h, Visit&& visit) {
  using units::min;
  visit(Rule{"chip.clock", "the clock is above what the technology allows at this voltage"},
        T((h.chip.clock - clock_limit(h)).value()));
  visit(Rule{"tech.threshold", "tech.threshold is not below tech.voltage"},
        T((h.tech.threshold - h.tech.voltage).value() + T(1e-6)));
  visit(Rule{"tech.lane_toggles_share", "shares of a ternary lane's energy are over 1 together"},
        T(h.tech.lane_weights_share + h.tech.lane_toggles_share + h.tech.lane_signs_share - T(1)));
  if (h.datapath.sharing == Sharing::space)
    visit(Rule{"base.sharing", "in space, map.adapter and map.attention have to be \"side\""},
          T(h.map.adapter == UnitChoice::base || h.map.attention == UnitChoice::base ? 1.0 : 0.0));
  if (uses_side(h))
    visit(Rule{"map.attention",
               "map puts work on side units, but [side] is missing or lacks a value"},
          T(T(1) - detail::least(h.side)));
  if (uses_dram(h))
    visit(Rule{"map.weights",
               "the machine uses a DRAM, but [dram] is missing or below 1 bit a cycle"},
          T(T(1) - (h.dram.bandwidth / h.chip.clock).value()));
  if (uses_rom(h))
    visit(Rule{"rom.bank_width", "the machine uses a ROM, but [rom] is missing or lacks a value"},
          T(T(1) - min(h.rom.bank_height, min(h.rom.bank_width, h.rom.read_width).value())));
}

template <class T, class Visit>
void visit_model_rules(const Model<T>& m, Visit&& visit) {
  visit(Rule{"model.kv_heads", "model.kv_heads does not divide model.heads"},
        detail::remainder(m.heads, m.kv_heads));
  visit(Rule{"model.head_dim", "RoPE rotates pairs: model.head_dim must be even"},
        detail::remainder(m.head_dim, T(2)));
  if (m.full_every != 1)
    visit(Rule{"model.window", "layers without full attention need a window"}, T(T(1) - m.window));
  if (m.weights.code == WeightCode::ternary) {
    using units::max;
    const T bits = m.weights.bits.value();
    visit(Rule{"weights.bits", "a ternary weight has 2 bit"}, max(T(bits - T(2)), T(T(2) - bits)));
  }
}

// Neurons that are left out have no weight that is not zero.
template <class T, class Visit>
void visit_dead_rules(const Model<T>& m, Visit&& visit) {
  if (m.weights.code != WeightCode::ternary) return;
  for (std::size_t l = 0; l < m.weights.dead_share.size(); ++l)
    for (const auto p : {Projection::gate, Projection::up, Projection::down})
      visit(Rule{"weights.dead_share", "more dead neurons than zero weights in gate, up or down"},
            T(m.weights.dead_share[l] - zero_share(m.weights, l, p)));
}

// Counts stay whole numbers in a double only up to 2^53.
template <class T, class Visit>
void visit_pair_rules(const Hardware<T>& h, const Model<T>& m, Visit&& visit) {
  using units::max;
  if (h.map.skip_dead == Switch::on) visit_dead_rules(m, visit);
  if (h.datapath.sharing == Sharing::time) {
    const T parts = h.base.outputs == Outputs::lanes   ? h.base.per_lane
                    : h.base.outputs == Outputs::units ? h.base.lanes
                    : h.base.outputs == Outputs::all   ? T(1)
                                                       : T(h.base.lanes * h.base.per_lane);
    const T words = units::ceil_div(T(max(m.hidden, m.intermediate)), T(parts * h.datapath.width));
    visit(Rule{"base.buffer_capacity",
               "base.buffer_capacity does not hold a unit's share of a layer's inputs"},
          T((words * h.datapath.width * m.activation_bits - h.base.buffer_capacity).value()));
  }
  visit(Rule{"bus.width", "bus.width is narrower than one activation"},
        T(m.activation_bits.value() - h.bus.width.value()));
  T weights = T(0);
  T sides = T(0);
  for (std::size_t p = 0; p < projection_count; ++p) {
    const auto s = shape(m, static_cast<Projection>(p));
    weights += s.outputs * s.inputs;
    sides += s.outputs + s.inputs;
  }
  const auto& w = m.workload;
  const T layers = T(static_cast<double>(m.layers));
  const T tokens = w.batch * w.prompt;
  const T positions = w.batch * max(T(w.prompt * w.prompt), w.context);
  const T units = h.base.lanes * h.base.per_lane + h.side.lanes * h.side.per_lane;
  const T base = weights * layers * m.weights.bits.value() * tokens;
  const T head = m.embedding.vocabulary * m.hidden * m.embedding.bits.value() * w.batch;
  const T attention = positions * layers * m.heads * m.head_dim * T(32);
  const T buffers = tokens * m.intermediate * units * T(32) * layers;
  const T adapters = tokens * sides * m.adapter.rank * layers * T(32);
  visit(Rule{"workload", "the workload is too large to count exactly: over 2^53 events"},
        T(max(max(max(base, head), max(attention, buffers)), adapters) - T(9007199254740992.0)));
}

}  // namespace tomestimate::spec
