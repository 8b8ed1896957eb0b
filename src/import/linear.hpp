// SPDX-License-Identifier: Apache-2.0
// The tensors of a checkpoint that are linear layers of its model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tomestimate/spec/model.hpp>

#include "checkpoint.hpp"

namespace tomestimate::importer {

// How weights are coded.
struct Coding {
  bool ternary;
  std::uint64_t bits = 2;
  std::string why;
  bool is_given = false;  // by the user, whatever the checkpoint says
};

// How the tensor of a linear layer has its weights.
enum class Packing {
  plain,   // as its type says
  words,   // 32-bit words of GPTQ or AWQ: NAME.qweight
  packed,  // 32-bit words of compressed-tensors: NAME.weight_packed
};

struct LinearName {
  std::uint64_t layer;
  spec::Projection projection;
  Packing packing;
};

// "blk.7.attn_q.weight", "model.language_model.layers.7.self_attn.q_proj.qweight"; nothing for a
// tensor that is no linear layer of the text model, or none that is known.
std::optional<LinearName> linear_name(std::string_view name);

// A norm before o ("attn") or down ("ffn"), as BitNet has them.
enum class SubNorm { attn, ffn };
struct SubNormName {
  std::uint64_t layer;
  SubNorm norm;
};
std::optional<SubNormName> sub_norm_name(std::string_view name);

// Whether a tensor is the norm before attention or MLP of a layer of the text model.
bool is_layer_norm(std::string_view name);

// Whether a tensor is of a layer of the text model, and a norm that a model spec has no place for:
// neither before attention or MLP nor a sub-norm.
bool is_other_norm(std::string_view name);

// Whether a layer of the text model that has this tensor is run: projections, their scales, norms
// that a model spec has, and tables of RoPE; true also for tensors outside of the layers.
bool is_run(std::string_view name);

// "model.layers.7.self_attn.q_proj", as transformers calls the module.
std::string module_name(std::uint64_t layer, spec::Projection projection);

struct Located {
  const Source* source = nullptr;
  const Tensor* tensor = nullptr;
  bool has_bias = false;
};

// Every projection of every layer, in that order. Throws spec::SpecError if one is missing or has
// another shape or coding than model and coding make it, if there are linear layers that the model
// doesn't have, or if embedding or LM head have another shape.
std::vector<Located> find_linears(const Checkpoint& checkpoint, const spec::Model<double>& model,
                                  const Coding& coding);

}  // namespace tomestimate::importer
