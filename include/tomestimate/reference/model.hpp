// SPDX-License-Identifier: Apache-2.0
// A model to run: shapes, what its arithmetic is, and weights that are read or made a layer at a
// time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <tomestimate/import/weights.hpp>
#include <tomestimate/reference/arithmetic.hpp>
#include <tomestimate/reference/matrix.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/spec/model.hpp>

namespace tomestimate::reference {

using spec::Projection;
using spec::projection_count;

struct Config {
  std::string name;
  std::string source;  // where the weights are from
  std::size_t hidden = 0;
  std::size_t layers = 0;
  std::size_t heads = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;
  std::size_t intermediate = 0;
  std::size_t vocabulary = 0;
  std::size_t positions = 0;  // that the model was made for; 0: nobody says
  bool sub_norms = false;
  bool tied = false;  // the LM head is the embedding
  Activation activation = Activation::silu;
  bool activation_said = true;  // by the model or the user; else it is a guess
  double norm_epsilon = 1e-5;
  double rope_theta = 10000;
  bool rope_adjacent = false;
  std::vector<double> rope_divisors;  // of each pair's frequency; empty: none
  std::size_t adapter_rank = 0;       // 0 for none
  std::array<bool, projection_count> adapter_targets{};

  std::size_t queries() const { return heads * head_dim; }
  std::size_t keys() const { return kv_heads * head_dim; }
};

struct Shape {
  std::size_t outputs;
  std::size_t inputs;
};
Shape shape(const Config& config, Projection projection);

// base output + B (A x): a is rank x inputs, b is outputs x rank.
struct Adapter {
  Ternary a;
  Ternary b;
};

struct Layer {
  std::array<Matrix, projection_count> projections;
  std::array<std::optional<Adapter>, projection_count> adapters;
  // Gains. Those of the sub-norms are empty if there are none.
  std::vector<float> attn_norm;
  std::vector<float> attn_sub_norm;
  std::vector<float> ffn_norm;
  std::vector<float> ffn_sub_norm;

  std::size_t bytes() const;  // of the weights
};

// Weights made from a seed, for models without a checkpoint. Every weight is drawn on its own from
// splitmix64 of (seed, layer, matrix, place):
// - ternary: zero with the zero share of its layer and projection (in steps of 2^-16), else -1 or
//   +1, equally likely;
//   scale 1 / sqrt(non-zero share x inputs), so that a token of variance 1 stays one.
// - whole numbers of b bits: every code equally likely, zero point 2^(b-1), groups of 128 (of a
// row, if
//   128 does not divide it), scale 1 / sqrt(inputs (4^b - 1) / 12).
// - gains are 1; embedding and LM head uniform with variance 1 (the head's over hidden).
struct Synthetic {
  std::uint64_t seed = 1;
  std::optional<int> bits;  // of whole-number weights; else ternary
  std::vector<std::array<double, projection_count>> zero_share;  // ternary: by layer
};

struct CheckpointSource {
  importer::CheckpointWeights files;
  std::optional<int> bits;  // whole numbers of so many bits, in groups of 128, from floats
  bool ternary = false;     // ternary by absmean, whatever the checkpoint says
};

struct Model {
  Config config;
  std::variant<CheckpointSource, Synthetic> weights;
  std::uint64_t adapter_seed = 1;  // adapters are drawn: no checkpoint has them

  // Reads or makes layer l. Throws spec::SpecError.
  Layer layer(std::size_t l) const;
  // The row of a token. out has hidden values.
  void embed(std::size_t token, std::span<float> out) const;
  // Rows first, first + 1, ... of the LM head, as many as fill out.
  void head_rows(std::size_t first, std::span<float> out) const;
  std::vector<float> final_norm() const;
};

struct ModelOptions {
  std::optional<int> bits;
  bool ternary = false;
  std::optional<Activation> activation;     // default: what the model says
  std::optional<std::size_t> adapter_rank;  // default: of a spec its own, of a checkpoint 0
  std::uint64_t seed = 1;                   // of synthetic weights and adapters
};

// A checkpoint (GGUF, safetensors, folder). Throws spec::SpecError if a tensor is not there, or of
// a shape or type that can't be run.
Model open_checkpoint_model(const std::string& path, const ModelOptions& options);

// A model spec with synthetic weights. What a spec does not say: epsilon 1e-5, theta 500,000,
// halves paired. Throws spec::SpecError if its activation is not run (gelu).
Model synthetic_model(const spec::Spec<spec::Model<double>>& model, const ModelOptions& options);

}  // namespace tomestimate::reference
