// SPDX-License-Identifier: Apache-2.0
// The BitNet layer graph: the operations of one transformer layer and of the tail that follows the
// last layer, in execution order. specs/machine.md says what each does and what it costs.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <tomestimate/spec/model.hpp>

namespace tomestimate::spec {

enum class Op {
  // One transformer layer. X_a and X_b are the QLoRA factors of projection X.
  attn_norm,
  q,
  q_a,
  q_b,
  k,
  k_a,
  k_b,
  v,
  v_a,
  v_b,
  rope,
  scores,
  softmax,
  context,
  attn_sub_norm,
  o,
  o_a,
  o_b,
  attn_residual,
  ffn_norm,
  gate,
  gate_a,
  gate_b,
  up,
  up_a,
  up_b,
  activation,
  ffn_sub_norm,
  down,
  down_a,
  down_b,
  ffn_residual,
  // The tail.
  final_norm,
  lm_head,
};

inline constexpr std::size_t layer_op_count = static_cast<std::size_t>(Op::final_norm);
inline constexpr std::size_t op_count = layer_op_count + 2;

inline constexpr std::array<std::string_view, op_count> op_names{"attn_norm",
                                                                 "q",
                                                                 "q.lora_a",
                                                                 "q.lora_b",
                                                                 "k",
                                                                 "k.lora_a",
                                                                 "k.lora_b",
                                                                 "v",
                                                                 "v.lora_a",
                                                                 "v.lora_b",
                                                                 "rope",
                                                                 "attn.scores",
                                                                 "softmax",
                                                                 "attn.context",
                                                                 "attn_sub_norm",
                                                                 "o",
                                                                 "o.lora_a",
                                                                 "o.lora_b",
                                                                 "attn_residual",
                                                                 "ffn_norm",
                                                                 "gate",
                                                                 "gate.lora_a",
                                                                 "gate.lora_b",
                                                                 "up",
                                                                 "up.lora_a",
                                                                 "up.lora_b",
                                                                 "activation",
                                                                 "ffn_sub_norm",
                                                                 "down",
                                                                 "down.lora_a",
                                                                 "down.lora_b",
                                                                 "ffn_residual",
                                                                 "final_norm",
                                                                 "lm_head"};

constexpr std::string_view name(Op op) { return op_names[static_cast<std::size_t>(op)]; }

// What an operation runs on.
enum class OpKind { linear, lora_a, lora_b, attention, vector };

struct OpInfo {
  OpKind kind;
  Projection projection;  // of a linear or LoRA op; q for the others
};

// Kind and projection of an op. lm_head is linear, though it has no Projection.
constexpr OpInfo info(Op op) {
  using enum Op;
  constexpr std::array<Op, projection_count> base{q, k, v, o, gate, up, down};
  for (std::size_t p = 0; p < projection_count; ++p) {
    const auto offset = static_cast<int>(op) - static_cast<int>(base[p]);
    if (offset >= 0 && offset <= 2)
      return {static_cast<OpKind>(offset), static_cast<Projection>(p)};
  }
  if (op == scores || op == context) return {OpKind::attention, Projection::q};
  if (op == lm_head) return {OpKind::linear, Projection::q};
  return {OpKind::vector, Projection::q};
}

// One forward pass: `batch` sequences, each adding `fresh` tokens to `past` cached ones.
// Token i = 1..fresh attends to past + i positions. Decode at context C is {B, 1, C - 1};
// prefill of S tokens is {B, S, 0}.
template <class T>
struct Pass {
  T batch;
  T fresh;
  T past;
};

}  // namespace tomestimate::spec
