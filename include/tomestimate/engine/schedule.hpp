// SPDX-License-Identifier: Apache-2.0
// The schedule of a pass: ops of a layer, their time, and when ROM domains are awake. All layers of
// a transformer have the same shapes, so one schedule serves every layer; only what depends on the
// weights themselves (1-bits, base adds) differs and is added by estimate.hpp.
// Equations: specs/machine.md, "Time" and "Gating".
#pragma once

#include <array>
#include <cstddef>

#include <tomestimate/engine/vector.hpp>

namespace tomestimate::engine {

using spec::Op;

// The ops of one layer in execution order, without 1-bits and base adds.
template <class T>
std::array<OpEstimate<T>, spec::layer_op_count> layer_ops(const Setting<T>& s) {
  const auto& m = s.model;
  const auto& v = s.hw.vector;
  const bool sub_norms = m.sub_norms == spec::Switch::on;
  std::array<OpEstimate<T>, spec::layer_op_count> ops{};
  const auto at = [&ops](Op op) -> OpEstimate<T>& { return ops[static_cast<std::size_t>(op)]; };
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto [kind, projection] = spec::info(static_cast<Op>(i));
    if (kind == spec::OpKind::linear) ops[i] = base_projection(s, projection);
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
  at(Op::activation) = elementwise(s, s.tokens, m.intermediate, v.activation_passes);
  at(Op::ffn_sub_norm) = norm(s, m.intermediate, sub_norms);
  at(Op::ffn_residual) = residual(s);
  return ops;
}

// One gating domain's rows in time: how long it is awake in a pass, and its banks on the chip.
template <class T>
struct Domain {
  T banks{};
  Cycles<T> awake{};
};

template <class T>
struct Schedule {
  std::array<OpEstimate<T>, spec::layer_op_count> ops{};
  OpEstimate<T> final_norm{};
  OpEstimate<T> lm_head{};
  Cycles<T> matrix{};         // of one layer: linear, adapter and attention ops in sequence
  Cycles<T> vector{};         // of one layer: vector ops in sequence
  Cycles<T> layer{};          // of one layer, token groups pipelined, without exposed wakes
  Cycles<T> wake{};           // from wake to first read; 0 without gating
  Cycles<T> exposed_first{};  // exposed wakes of the first layer, which starts cold
  Cycles<T> exposed{};        // of every other layer
  Cycles<T> exposed_head{};   // of the LM head
  std::array<Domain<T>, spec::projection_count> projections{};  // in one layer
  Domain<T> head{};
  Cycles<T> total{};  // of the pass, on the chip
};

// Banks on the chip for a matrix of `steps` words in its fullest lane.
template <class T>
T matrix_banks(const spec::Hardware<T>& hw, T steps) {
  return hw.lanes.count * ceil_div(steps, hw.rom.bank_words);
}

// Wakes hidden behind the projection before: walks the layer's ops in sequence twice, so that the
// second round starts with what the end of a layer leaves for the next one's q.
template <class T>
void expose_matrix_wakes(bool prewake, Schedule<T>& plan) {
  Cycles<T> lead{};  // since the last projection started
  for (int round = 0; round < 2; ++round) {
    Cycles<T> exposed{};
    for (std::size_t i = 0; i < plan.ops.size(); ++i) {
      if (spec::info(static_cast<Op>(i)).kind == spec::OpKind::linear) {
        const bool cold = !prewake || (round == 0 && static_cast<Op>(i) == Op::q);
        exposed += cold ? plan.wake : max(Cycles<T>(plan.wake - lead), Cycles<T>{});
        lead = Cycles<T>{};
      }
      lead += total_cycles(plan.ops[i]);
    }
    (round == 0 ? plan.exposed_first : plan.exposed) = exposed;
  }
  lead += total_cycles(plan.final_norm);
  plan.exposed_head = prewake ? max(Cycles<T>(plan.wake - lead), Cycles<T>{}) : plan.wake;
}

template <class T>
void expose_layer_wakes(bool prewake, Schedule<T>& plan) {
  const auto hidden_behind = [&](Cycles<T> lead) {
    return prewake ? max(Cycles<T>(plan.wake - lead), Cycles<T>{}) : plan.wake;
  };
  plan.exposed_first = plan.wake;
  plan.exposed = hidden_behind(plan.layer);
  plan.exposed_head = hidden_behind(plan.layer + total_cycles(plan.final_norm));
}

// Exposed wakes, then the awake time and banks of every domain of a layer and of the LM head.
template <class T>
void add_gating(const Setting<T>& s, Schedule<T>& plan) {
  const auto& gating = s.hw.gating;
  const bool gated = gating.enabled == spec::Switch::on;
  const bool by_layer = gating.domain == spec::GatingDomain::layer;
  const bool head_in_rom = s.hw.mapping.lm_head == spec::Placement::rom;
  const bool prewake = gating.prewake == spec::Switch::on;
  if (gated) {
    const T wake = (gating.wake_latency * s.hw.chip.clock).value();
    plan.wake = cycles(T(ceil_tolerant(wake)));
    by_layer ? expose_layer_wakes(prewake, plan) : expose_matrix_wakes(prewake, plan);
    if (!head_in_rom) plan.exposed_head = Cycles<T>{};
  }
  const T layers = T(static_cast<double>(s.model.layers));
  plan.total = layers * plan.layer + plan.exposed_first + (layers - T(1)) * plan.exposed +
               plan.exposed_head + total_cycles(plan.final_norm) + total_cycles(plan.lm_head);
  for (std::size_t i = 0; i < plan.ops.size(); ++i) {
    const auto [kind, p] = spec::info(static_cast<Op>(i));
    if (kind != spec::OpKind::linear) continue;
    const auto [outputs, inputs] = shape(s.model, p);
    const auto active = by_layer ? plan.layer : total_cycles(plan.ops[i]);
    plan.projections[static_cast<std::size_t>(p)] = {
        matrix_banks(s.hw, matrix_steps(s, T(outputs), T(inputs), s.hw.pe.width)),
        gated ? active + plan.wake : plan.total};
  }
  if (head_in_rom) {
    const T steps =
        matrix_steps(s, s.model.embedding.vocabulary, s.model.hidden, s.hw.pe.width_8bit);
    plan.head = {matrix_banks(s.hw, steps),
                 gated ? total_cycles(plan.lm_head) + plan.wake : plan.total};
  }
}

template <class T>
Schedule<T> make_schedule(const Setting<T>& s) {
  Schedule<T> plan;
  plan.ops = layer_ops(s);
  plan.final_norm = final_norm(s);
  plan.lm_head = lm_head(s);
  for (std::size_t i = 0; i < plan.ops.size(); ++i) {
    const bool on_vector_unit = spec::info(static_cast<Op>(i)).kind == spec::OpKind::vector;
    (on_vector_unit ? plan.vector : plan.matrix) += total_cycles(plan.ops[i]);
  }
  plan.layer = max(plan.matrix, plan.vector) +
               cycles(T(ceil(min(plan.matrix, plan.vector).value() / s.groups)));
  add_gating(s, plan);
  return plan;
}

}  // namespace tomestimate::engine
