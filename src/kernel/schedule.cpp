// SPDX-License-Identifier: Apache-2.0
#include "schedule.hpp"

#include <algorithm>
#include <vector>

namespace tomestimate::kernel {
namespace {

using spec::Op;
using spec::OpKind;

enum Class : std::size_t { base, side, vector };

Class class_of(const spec::Mapping& map, Op op) {
  const auto chosen = [](spec::UnitChoice choice) {
    return choice == spec::UnitChoice::base ? base : side;
  };
  switch (spec::info(op).kind) {
    case OpKind::linear:
      return base;
    case OpKind::lora_a:
    case OpKind::lora_b:
      return chosen(map.adapter);
    case OpKind::attention:
      return chosen(map.attention);
    case OpKind::vector:
      break;
  }
  return vector;
}

// The ops that op takes results from.
std::vector<Op> operands(Op op) {
  using enum Op;
  switch (op) {
    case q:
    case q_a:
    case k:
    case k_a:
    case v:
    case v_a:
      return {attn_norm};
    case q_b:
      return {q_a};
    case k_b:
      return {k_a};
    case v_b:
      return {v_a};
    case rope:
      return {q, q_b, k, k_b, v, v_b};
    case scores:
      return {rope};
    case softmax:
      return {scores};
    case context:
      return {softmax};
    case attn_sub_norm:
      return {context};
    case o:
    case o_a:
      return {attn_sub_norm};
    case o_b:
      return {o_a};
    case attn_residual:
      return {o, o_b};
    case ffn_norm:
      return {attn_residual};
    case gate:
    case gate_a:
    case up:
    case up_a:
      return {ffn_norm};
    case gate_b:
      return {gate_a};
    case up_b:
      return {up_a};
    case activation:
      return {gate, gate_b, up, up_b};
    case ffn_sub_norm:
      return {activation};
    case down:
    case down_a:
      return {ffn_sub_norm};
    case down_b:
      return {down_a};
    case ffn_residual:
      return {down, down_b};
    case attn_norm:
    case final_norm:
    case lm_head:
      break;
  }
  return {};
}

}  // namespace

Timeline walk_graph(const spec::Mapping& map, bool space,
                    const std::array<OpCounts, spec::layer_op_count>& ops) {
  Timeline time;
  std::array<Count, 3> free{};  // when the op before on each class has ended
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto op = static_cast<Op>(i);
    const auto c = class_of(map, op);
    const bool own_units = space && c == base;
    Count start = own_units ? 0 : free[c];
    for (const Op operand : operands(op))
      start = std::max(start, time.end[static_cast<std::size_t>(operand)]);
    const Count cycles = op_cycles(ops[i]);
    time.start[i] = start;
    time.end[i] = free[c] = start + cycles;
    time.load[c] = own_units ? std::max(time.load[c], cycles) : time.load[c] + cycles;
  }
  return time;
}

}  // namespace tomestimate::kernel
