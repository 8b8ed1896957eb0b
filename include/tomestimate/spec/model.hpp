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

// Nonlinearity of the FFN.
enum class Activation { relu2, silu, gelu };
inline constexpr Names<3> activation_names{"relu2", "silu", "gelu"};

inline constexpr std::array<std::string_view, projection_count> zero_share_paths{
    "weights.zero_share_q",   "weights.zero_share_k",    "weights.zero_share_v",
    "weights.zero_share_o",   "weights.zero_share_gate", "weights.zero_share_up",
    "weights.zero_share_down"};

template <class T>
struct Weights {
  WeightCode code;
  units::Bits<T> bits;        // of one base weight
  T group;                    // weights that share scale and zero point; 0 for none
  units::Bits<T> group_bits;  // of scale and zero point
  // One value per layer. Share of weights that are zero (ternary) ...
  std::vector<T> zero_share;
  // ... of one projection, where that is known (else empty) ...
  std::array<std::vector<T>, projection_count> zero_share_of;
  // ... or share of stored bits that are zero (integer). The other lists are empty.
  std::vector<T> zero_bit_ratio;
  std::vector<T> dead_share;  // of FFN neurons whose weights are all zero; empty if not known
};

// Share of the weights of projection p in layer l that are zero; of a ternary model.
template <class T>
const T& zero_share(const Weights<T>& w, std::size_t layer, Projection p) {
  const auto& own = w.zero_share_of[static_cast<std::size_t>(p)];
  return own.empty() ? w.zero_share[layer] : own[layer];
}

// What a run makes of ternary weights and activations, where energies take averages: over all base
// projections, tokens and steps. The defaults are no data: every bit and sign by itself.
template <class T>
struct Data {
  T zero_adds = T(0.0);      // share of base adds whose activation is zero
  T positive_adds = T(0.5);  // share of the other adds that add a positive number
  // Share of activation bits that differ from one step of a lane to the next ...
  T activation_toggles = T(0.48);
  // ... bits of a ROM word that differ from those before it, over those of independent bits ...
  T rom_toggles = T(1.0);
  T address_toggles = T(2.0);  // ... and address bits that change with an address
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
  Switch gated;  // an FFN with a gate beside up
  Activation activation;
  Switch sub_norms;          // BitNet's extra norms before o and down
  T window;                  // positions that layers without full attention attend to
  std::size_t full_every;    // every n-th layer attends to all: 1 for every layer, 0 for none
  units::Bits<T> norm_bits;  // of one norm gain in ROM; 0 if they are not there
  units::Bits<T> activation_bits;
  units::Bits<T> kv_bits;        // of one cached value
  units::Bits<T> residual_bits;  // of one value of the residual stream
  Weights<T> weights;
  Data<T> data{};
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
  visit(Field{"model.gated", "", 0, 0, "an FFN with a gate beside up"}, m.gated, switch_names);
  visit(Field{"model.activation", "", 0, 0, "nonlinearity of the FFN"}, m.activation,
        activation_names);
  visit(Field{"model.sub_norms", "", 0, 0, "norms before o and down"}, m.sub_norms, switch_names);
  visit(Field{"model.full_every", "", 0, 4096,
              "every n-th layer attends to all positions: 1 for all layers, 0 for none", whole},
        m.full_every);
  visit(Field{"model.window", "", 0, 1e8, "positions that the other layers attend to", whole},
        m.window);
  visit(Field{"model.norm_bits", "bit", 0, 64, "one norm gain in ROM; 0 if they are not there",
              whole},
        m.norm_bits);
  visit(Field{"model.activation_bits", "bit", 1, 16, "one quantized activation", whole},
        m.activation_bits);
  visit(Field{"model.kv_bits", "bit", 1, 32, "one cached key or value", whole}, m.kv_bits);
  visit(Field{"model.residual_bits", "bit", 1, 64, "one value of the residual stream", whole},
        m.residual_bits);

  visit(Field{"weights.code", "", 0, 0, "how a base weight is coded"}, m.weights.code,
        weight_code_names);
  visit(Field{"weights.bits", "bit", 1, 8, "one base weight", whole}, m.weights.bits);
  visit(Field{"weights.group", "", 0, 1e9, "weights that share scale and zero point; 0 for none",
              whole},
        m.weights.group);
  visit(Field{"weights.group_bits", "bit", 0, 1024, "scale and zero point of a group", whole},
        m.weights.group_bits);
  constexpr auto if_used = Needed::if_used;
  visit(Field{"weights.zero_share", "", 0, 1, "share of weights that are zero, per layer",
              Whole::no, if_used},
        m.weights.zero_share);
  for (std::size_t p = 0; p < projection_count; ++p)
    visit(Field{zero_share_paths[p], "", 0, 1, "the same in one projection, where it is known",
                Whole::no, if_used},
          m.weights.zero_share_of[p]);
  visit(Field{"weights.zero_bit_ratio", "", 0, 1, "share of stored bits that are 0, per layer",
              Whole::no, if_used},
        m.weights.zero_bit_ratio);
  visit(Field{"weights.dead_share", "", 0, 1,
              "share of FFN neurons whose weights are all zero, per layer", Whole::no, if_used},
        m.weights.dead_share);

  constexpr auto has_default = Needed::has_default;
  visit(Field{"data.zero_adds", "", 0, 1, "share of base adds whose activation is zero", Whole::no,
              has_default},
        m.data.zero_adds);
  visit(Field{"data.positive_adds", "", 0, 1,
              "share of the other base adds that add a positive number", Whole::no, has_default},
        m.data.positive_adds);
  visit(Field{"data.activation_toggles", "", 0, 1,
              "share of activation bits that differ from one step of a lane to the next", Whole::no,
              has_default},
        m.data.activation_toggles);
  visit(Field{"data.rom_toggles", "", 0, 10,
              "bits that differ between ROM words read one after the other, over those of "
              "independent bits",
              Whole::no, has_default},
        m.data.rom_toggles);
  visit(Field{"data.address_toggles", "", 0, 64, "address bits that change with a ROM address",
              Whole::no, has_default},
        m.data.address_toggles);

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

// Whether the model has projection p.
template <class T>
constexpr bool has_projection(const Model<T>& m, Projection p) {
  return p != Projection::gate || m.gated == Switch::on;
}

// Shape of projection p. q is hidden -> heads x head_dim, k and v hidden -> kv_heads x head_dim;
// one that the model does not have is 0 x 0.
template <class T>
constexpr Shape<T> shape(const Model<T>& m, Projection p) {
  const T q = m.heads * m.head_dim;
  const T kv = m.kv_heads * m.head_dim;
  if (!has_projection(m, p)) return {T(0), T(0)};
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

// Whether layer l attends to all positions, not only to the window.
template <class T>
constexpr bool attends_to_all(const Model<T>& m, std::size_t layer) {
  return m.full_every > 0 && (layer + 1) % m.full_every == 0;
}

}  // namespace tomestimate::spec
