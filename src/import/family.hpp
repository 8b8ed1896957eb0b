// SPDX-License-Identifier: Apache-2.0
// The architectures that are known, and what they have in common with a model spec or not.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tomestimate::importer {

// Defaults are those of transformers (models/*/configuration_*.py) for keys that may be left out of
// a config.json. GGUF files leave none out.
struct Family {
  std::string_view name;         // its model_type, or GGUF's general.architecture, as plain_name
  bool gate = true;              // the MLP has a gate
  bool tied = false;             // LM head and embedding are one table
  std::uint64_t kv_heads = 0;    // 0: as many as query heads
  std::uint64_t head_dim = 0;    // 0: hidden size by heads
  std::uint64_t window = 0;      // positions a token attends to; 0: all
  std::uint64_t full_every = 0;  // every n-th layer attends to all nevertheless; 0: none does
  bool window_switch = false;    // the window is off unless use_sliding_window is true
  bool sub_norms = false;        // norms before o and down
  bool halved = false;           // gate and up are half of what the FFN size says
  bool multi_query = false;      // one key and value head unless multi_query is false
};

// Keys of a config.json whose object is the text model of several.
inline constexpr std::array<const char*, 4> text_parts{"text_config", "llm_config",
                                                       "language_config", "lm_config"};

// "LlamaForCausalLM", "llama" -> "llama"; "bitnet-b1.58" -> "bitnetb158": what is left without
// case, punctuation and the ends that say what a class is for.
std::string plain_name(std::string_view name);

// Null if it is not known.
const Family* find_family(std::string_view name);

// Names of all, for messages.
std::string known_families();

}  // namespace tomestimate::importer
