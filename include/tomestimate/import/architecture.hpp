// SPDX-License-Identifier: Apache-2.0
// What a checkpoint says of its model: the numbers of a model spec, each with where it was read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <tomestimate/import/gguf.hpp>
#include <tomestimate/spec/load.hpp>

namespace tomestimate::importer {

struct Fact {
  std::uint64_t value = 0;
  spec::Grade grade = spec::Grade::secondary;
  std::string source;
};

struct Architecture {
  std::string name;        // of the model; "" if the file does not say
  std::string type;        // "BitNetForCausalLM", "llama"
  std::string activation;  // "relu2"; "" if the file does not say
  Fact hidden;
  Fact layers;
  Fact heads;
  Fact kv_heads;
  Fact head_dim;
  Fact intermediate;
  Fact vocabulary;
  Fact tied;                // 0 or 1
  Fact sub_norms;           // 0 or 1
  bool ternary = false;     // said to be
  std::string ternary_why;  // where it is said
  std::optional<std::uint64_t> integer_bits;
  std::string integer_why;
};

// From a Hugging Face config.json, with the key names of transformers' Llama and BitNet
// configurations (models/llama and models/bitnet/configuration_*.py) and their defaults for keys
// that may be left out. Throws spec::SpecError.
Architecture read_config(const Source& config);

// From the metadata and tensors of a GGUF file (ggml-org/ggml, docs/gguf.md, "LLM").
// Throws spec::SpecError.
Architecture read_architecture(const Gguf& gguf, const Source& source);

}  // namespace tomestimate::importer
