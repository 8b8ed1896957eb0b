// SPDX-License-Identifier: Apache-2.0
// The model half of a specification: a decoder-only transformer with BitNet's layer graph, and the
// workload it runs. Plain typed numbers, generic over the number type T.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include <tomestimate/spec/field.hpp>
#include <tomestimate/spec/hardware.hpp>
#include <tomestimate/units/quantity.hpp>

namespace tomestimate::spec {

// How a base weight is coded in ROM.
enum class WeightCode {
  ternary,  // 2 bit: 0 is 00, +1 is 01, -1 is 10, so a non-zero weight has one 1-bit
  integer,  // two's complement of `bits` bits
};
inline constexpr Names<2> weight_code_names{"ternary", "integer"};

// The linear layers of one transformer layer, in execution order.
enum class Projection { q, k, v, o, gate, up, down };
inline constexpr std::size_t projection_count = 7;
inline constexpr Names<projection_count> projection_names{"q", "k", "v", "o", "gate", "up", "down"};

template <class T>
struct Weights {
  WeightCode code;
  units::Bits<T> bits;  // of one base weight
  // One value per layer. Share of weights that are zero (ternary) ...
  std::vector<T> zero_share;
  // ... or share of stored bits that are zero (integer). The other list is empty.
  std::vector<T> zero_bit_ratio;
};

template <class T>
struct Adapter {  // QLoRA: base output + B (A x), on the targeted projections
  T rank;
  units::Bits<T> bits;  // of one adapter weight
  std::array<Switch, projection_count> targets;
};

template <class T>
struct Embedding {
  T vocabulary;
  Switch tied;          // LM head and token embedding are one table
  units::Bits<T> bits;  // of one entry
  T zero_bit_ratio;     // of the table, when it is in ROM
};

template <class T>
struct Workload {
  T batch;    // B: sequences
  T prompt;   // tokens of one prompt: what TTFT is measured on
  T context;  // C: positions a decoded token attends to, itself included
};

template <class T>
struct Model {
  T hidden;
  std::size_t layers;
  T heads;
  T kv_heads;
  T head_dim;
  T intermediate;
  Switch sub_norms;  // BitNet's extra norms before o and down
  units::Bits<T> activation_bits;
  units::Bits<T> kv_bits;        // of one cached value
  units::Bits<T> residual_bits;  // of one value of the residual stream
  Weights<T> weights;
  Adapter<T> adapter;
  Embedding<T> embedding;
  Workload<T> workload;
};

// Calls visit for every member of Model (const or not); see field.hpp for the calls.
// `model.layers` comes before the per-layer lists, whose length it is.
template <class M, class Visit>
constexpr void visit_model(M& m, Visit&& visit) {
  constexpr auto whole = Whole::yes;
  visit(Field{"model.hidden", "", 1, 1e6, "hidden size", whole}, m.hidden);
  visit(Field{"model.layers", "", 1, 4096, "transformer layers", whole}, m.layers);
  visit(Field{"model.heads", "", 1, 4096, "query heads", whole}, m.heads);
  visit(Field{"model.kv_heads", "", 1, 4096, "key and value heads (GQA)", whole}, m.kv_heads);
  visit(Field{"model.head_dim", "", 2, 65536, "size of one head", whole}, m.head_dim);
  visit(Field{"model.intermediate", "", 1, 1e7, "FFN size", whole}, m.intermediate);
  visit(Field{"model.sub_norms", "", 0, 0, "norms before o and down"}, m.sub_norms, switch_names);
  visit(Field{"model.activation_bits", "bit", 1, 16, "one quantized activation", whole},
        m.activation_bits);
  visit(Field{"model.kv_bits", "bit", 1, 32, "one cached key or value", whole}, m.kv_bits);
  visit(Field{"model.residual_bits", "bit", 1, 64, "one value of the residual stream", whole},
        m.residual_bits);

  visit(Field{"weights.code", "", 0, 0, "how a base weight is coded"}, m.weights.code,
        weight_code_names);
  visit(Field{"weights.bits", "bit", 1, 8, "one base weight", whole}, m.weights.bits);
  visit(Field{"weights.zero_share", "", 0, 1, "share of weights that are zero, per layer"},
        m.weights.zero_share);
  visit(Field{"weights.zero_bit_ratio", "", 0, 1, "share of stored bits that are 0, per layer"},
        m.weights.zero_bit_ratio);

  visit(Field{"adapter.rank", "", 0, 65536, "QLoRA rank; 0 for none", whole}, m.adapter.rank);
  visit(Field{"adapter.bits", "bit", 1, 32, "one adapter weight", whole}, m.adapter.bits);
  visit(Field{"adapter.targets", "", 0, 0, "projections with an adapter"}, m.adapter.targets,
        projection_names);

  visit(Field{"embedding.vocabulary", "", 1, 1e8, "vocabulary", whole}, m.embedding.vocabulary);
  visit(Field{"embedding.tied", "", 0, 0, "LM head and embedding are one table"}, m.embedding.tied,
        switch_names);
  visit(Field{"embedding.bits", "bit", 1, 32, "one embedding entry", whole}, m.embedding.bits);
  visit(Field{"embedding.zero_bit_ratio", "", 0, 1, "share of its stored bits that are 0"},
        m.embedding.zero_bit_ratio);

  visit(Field{"workload.batch", "", 1, 1e6, "sequences in a batch", whole}, m.workload.batch);
  visit(Field{"workload.prompt", "", 1, 1e7, "tokens of one prompt", whole}, m.workload.prompt);
  visit(Field{"workload.context", "", 1, 1e8, "positions a decoded token attends to", whole},
        m.workload.context);
}

// Inputs and outputs of a projection: weights are outputs x inputs.
template <class T>
struct Shape {
  T outputs;
  T inputs;
};

// Shape of projection p. q is hidden -> heads x head_dim, k and v hidden -> kv_heads x head_dim.
template <class T>
constexpr Shape<T> shape(const Model<T>& m, Projection p) {
  const T q = m.heads * m.head_dim;
  const T kv = m.kv_heads * m.head_dim;
  switch (p) {
    case Projection::q:
      return {q, m.hidden};
    case Projection::k:
    case Projection::v:
      return {kv, m.hidden};
    case Projection::o:
      return {m.hidden, q};
    case Projection::gate:
    case Projection::up:
      return {m.intermediate, m.hidden};
    case Projection::down:
      break;
  }
  return {m.hidden, m.intermediate};
}

}  // namespace tomestimate::spec
