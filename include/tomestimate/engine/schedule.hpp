// SPDX-License-Identifier: Apache-2.0
// The schedule of one layer: its ops, when each starts, and what that makes of the layer's time.
// Equations: specs/machine.md, "Time".
#pragma once

#include <array>
#include <cstddef>

#include <tomestimate/engine/vector.hpp>

namespace tomestimate::engine {

using spec::Op;

template <class T>
using LayerOps = std::array<OpEstimate<T>, spec::layer_op_count>;

// The ops of the layer at hand in the order of the list, without 1-bits and base adds.
template <class T>
LayerOps<T> layer_ops(const Setting<T>& s, const Banks<T>& banks) {
  const auto& m = s.model;
  const bool sub_norms = m.sub_norms == spec::Switch::on;
  LayerOps<T> ops{};
  const auto at = [&ops](Op op) -> OpEstimate<T>& { return ops[static_cast<std::size_t>(op)]; };
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto [kind, projection] = spec::info(static_cast<Op>(i));
    if (kind == spec::OpKind::linear) ops[i] = base_projection(s, banks, projection);
    if (kind == spec::OpKind::lora_a) ops[i] = lora_a(s, projection);
    if (kind == spec::OpKind::lora_b) ops[i] = lora_b(s, projection);
  }
  at(Op::attn_norm) = norm(s, m.hidden, true);
  at(Op::rope) = rope(s);
  at(Op::scores) = scores(s);
  at(Op::softmax) = softmax(s);
  at(Op::context) = context(s);
  at(Op::attn_sub_norm) = norm(s, s.q_dim, sub_norms);
  at(Op::attn_residual) = residual(s);
  at(Op::ffn_norm) = norm(s, m.hidden, true);
  at(Op::activation) = elementwise(s, s.tokens, s.intermediate, s.hw.vector.activation_passes);
  at(Op::ffn_sub_norm) = norm(s, s.intermediate, sub_norms);
  at(Op::ffn_residual) = residual(s);
  return ops;
}

// The class an op runs on.
enum class Class { base, side, vector };
inline constexpr std::size_t class_count = 3;
inline constexpr std::array<std::string_view, class_count> class_names{"base", "side", "vector"};

constexpr Class class_of(const spec::Mapping& map, Op op) {
  const auto chosen = [](spec::UnitChoice c) {
    return c == spec::UnitChoice::side ? Class::side : Class::base;
  };
  switch (spec::info(op).kind) {
    case spec::OpKind::linear:
      return Class::base;
    case spec::OpKind::lora_a:
    case spec::OpKind::lora_b:
      return chosen(map.adapter);
    case spec::OpKind::attention:
      return chosen(map.attention);
    case spec::OpKind::vector:
      break;
  }
  return Class::vector;
}

// Calls visit(op) for every op whose results an op takes.
template <class Visit>
constexpr void visit_operands(Op op, Visit&& visit) {
  const auto projections = [&](auto... bases) {
    // X and X.lora_b, which is two further in the list.
    ((visit(bases), visit(static_cast<Op>(static_cast<int>(bases) + 2))), ...);
  };
  const auto before = static_cast<Op>(static_cast<int>(op) - 1);
  switch (op) {
    case Op::attn_norm:
      return;
    case Op::rope:
      return projections(Op::q, Op::k, Op::v);
    case Op::attn_residual:
      return projections(Op::o);
    case Op::activation:
      return projections(Op::gate, Op::up);
    case Op::ffn_residual:
      return projections(Op::down);
    default:
      break;
  }
  const auto [kind, p] = spec::info(op);
  if (kind != spec::OpKind::linear && kind != spec::OpKind::lora_a) return visit(before);
  switch (p) {
    case spec::Projection::q:
    case spec::Projection::k:
    case spec::Projection::v:
      return visit(Op::attn_norm);
    case spec::Projection::o:
      return visit(Op::attn_sub_norm);
    case spec::Projection::gate:
    case spec::Projection::up:
      return visit(Op::ffn_norm);
    case spec::Projection::down:
      return visit(Op::ffn_sub_norm);
  }
}

template <class T>
struct LayerPlan {
  LayerOps<T> ops{};
  std::array<Cycles<T>, spec::layer_op_count> start{};
  std::array<Cycles<T>, class_count> load{};  // of each class: its ops in sequence
  Cycles<T> path{};                           // with all tokens taken as one
  Cycles<T> cycles{};  // of the layer, token groups pipelined, without exposed wakes
  Banks<T> banks{};    // of this layer, and of the chip
};

// Starts every op when its operands are there and its class is free.
template <class T>
void start_ops(const spec::Hardware<T>& hw, LayerPlan<T>& plan) {
  const bool in_space = hw.datapath.sharing == spec::Sharing::space;
  std::array<Cycles<T>, spec::layer_op_count> end{};
  std::array<Cycles<T>, class_count> free{};
  for (std::size_t i = 0; i < plan.ops.size(); ++i) {
    const auto op = static_cast<Op>(i);
    const auto c = static_cast<std::size_t>(class_of(hw.map, op));
    const bool waits = !(in_space && c == static_cast<std::size_t>(Class::base));
    const auto work = total_cycles(plan.ops[i]);
    auto& start = plan.start[i];
    if (waits) start = free[c];
    visit_operands(op,
                   [&](Op operand) { start = max(start, end[static_cast<std::size_t>(operand)]); });
    end[i] = start + work;
    free[c] = max(free[c], end[i]);
    plan.load[c] = waits ? Cycles<T>(plan.load[c] + work) : max(plan.load[c], work);
  }
  plan.path = end.back();
}

// The layer at hand, which s has entered.
template <class T>
LayerPlan<T> plan_layer(const Setting<T>& s, const Banks<T>& chip) {
  LayerPlan<T> plan;
  plan.banks = chip;
  if (s.hw.map.weights == spec::WeightPlace::rom) count_layer_banks(s, plan.banks);
  plan.ops = layer_ops(s, plan.banks);
  start_ops(s.hw, plan);
  const auto bottleneck = max(plan.load[0], max(plan.load[1], plan.load[2]));
  plan.cycles = bottleneck + cycles(T(ceil(T((plan.path - bottleneck).value() / s.groups))));
  return plan;
}

}  // namespace tomestimate::engine
