// SPDX-License-Identifier: Apache-2.0
// What a checkpoint says of its model: the numbers of a model spec, each with where it was read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tomestimate/import/gguf.hpp>
#include <tomestimate/spec/load.hpp>

namespace tomestimate::importer {

struct Fact {
  std::uint64_t value = 0;
  spec::Grade grade = spec::Grade::secondary;
  std::string source;
};

inline constexpr std::uint64_t largest_number = std::uint64_t{1} << 53;  // a double counts to it

struct Architecture {
  std::string name;        // of the model; "" if the file does not say
  std::string type;        // "BitNetForCausalLM", "llama"
  std::string activation;  // "relu2"; "" if the file does not say
  Fact gate;               // of the MLP: 0 or 1
  Fact window;             // positions that a token attends to; 0: all
  Fact full_every;         // every n-th layer attends to all nevertheless; 0: none does
  Fact hidden;
  Fact layers;
  Fact heads;
  Fact kv_heads;
  Fact head_dim;
  Fact intermediate;
  Fact vocabulary;
  std::optional<Fact> positions;  // the most that a workload may have
  Fact tied;                      // 0 or 1
  bool tied_by_default = false;   // the file doesn't say; tensors may
  Fact sub_norms;                 // 0 or 1
  bool ternary = false;           // said to be
  std::string ternary_why;        // where it is said
  std::optional<std::uint64_t> integer_bits;
  std::string integer_why;
  std::string codes;         // "int of 4 bit and int of 8 bit", if the weights have several
  std::string float_format;  // of the weights, "mx_fp"; "" if they are said to be no such floats
  std::vector<std::string> unconverted;  // patterns of module names that are not coded so
};

// From a Hugging Face config.json, or its text_config, with the key names of transformers' Llama
// and BitNet configurations, and the defaults that each known architecture has for keys that are
// left out (family.hpp). Other architectures, and keys that change the graph, are errors that say
// why. Throws spec::SpecError.
Architecture read_config(const Source& config);

// From the metadata and tensors of a GGUF file (ggml-org/ggml, docs/gguf.md, "LLM"), in the same
// way. Throws spec::SpecError.
Architecture read_architecture(const Gguf& gguf, const Source& source);

}  // namespace tomestimate::importer
