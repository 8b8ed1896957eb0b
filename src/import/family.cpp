// SPDX-License-Identifier: Apache-2.0
#include "family.hpp"

#include <array>
#include <cctype>

#include <range/v3/algorithm/find.hpp>

namespace tomestimate::importer {
namespace {

constexpr bool no_gate = false;
constexpr bool tied = true;

// Fields in the order of Family. Left out on purpose: everything whose layers are not all of one
// kind, and mixtures of experts.
constexpr std::array families{
    Family{"llama"},
    Family{.name = "bitnet", .kv_heads = 5, .sub_norms = true},
    Family{.name = "bitnetb158", .sub_norms = true},
    Family{.name = "bitnet25", .sub_norms = true},
    Family{.name = "mistral", .kv_heads = 8, .window = 4096},
    Family{.name = "qwen", .halved = true},
    Family{.name = "qwen2", .kv_heads = 32, .window = 4096, .window_switch = true},
    Family{.name = "qwen2vl", .kv_heads = 32, .window = 4096, .window_switch = true},
    Family{.name = "qwen2vltext", .kv_heads = 32, .window = 4096, .window_switch = true},
    Family{.name = "qwen25vl", .kv_heads = 32, .window = 4096, .window_switch = true},
    Family{.name = "qwen25vltext", .kv_heads = 32, .window = 4096, .window_switch = true},
    Family{.name = "qwen3", .kv_heads = 32, .head_dim = 128, .window = 4096, .window_switch = true},
    Family{.name = "qwen3vltext", .kv_heads = 32, .head_dim = 128},
    Family{.name = "gemma", .tied = tied, .kv_heads = 16, .head_dim = 256},
    Family{.name = "gemma2",
           .tied = tied,
           .kv_heads = 4,
           .head_dim = 256,
           .window = 4096,
           .full_every = 2},
    Family{.name = "gemma3",
           .tied = tied,
           .kv_heads = 4,
           .head_dim = 256,
           .window = 4096,
           .full_every = 6},
    Family{.name = "gemma3text",
           .tied = tied,
           .kv_heads = 4,
           .head_dim = 256,
           .window = 4096,
           .full_every = 6},
    Family{"phi3"},
    Family{"granite"},
    Family{"olmo"},
    Family{"olmo2"},
    Family{.name = "smollm3", .tied = tied, .kv_heads = 4, .window_switch = true},
    Family{.name = "minicpm", .tied = tied},
    Family{"internlm2"},
    Family{.name = "stablelm", .kv_heads = 32},
    Family{.name = "cohere", .tied = tied},
    Family{.name = "commandr", .tied = tied},
    Family{.name = "cohere2", .tied = tied, .window = 4096, .full_every = 4},
    Family{.name = "glm", .kv_heads = 2, .head_dim = 128},
    Family{.name = "glm4", .kv_heads = 2, .head_dim = 128},
    Family{"baichuan"},
    Family{"yi"},
    Family{.name = "phi", .gate = no_gate},
    Family{.name = "phi2", .gate = no_gate},
    Family{.name = "starcoder2", .gate = no_gate, .tied = tied, .kv_heads = 2},
    Family{.name = "nemotron", .gate = no_gate},
    Family{.name = "arcee", .gate = no_gate},
    Family{.name = "apertus", .gate = no_gate, .kv_heads = 32},
    Family{.name = "persimmon", .gate = no_gate},
    Family{.name = "gpt2", .gate = no_gate, .tied = tied},
    Family{.name = "gptneo", .gate = no_gate, .tied = tied},
    Family{.name = "gptneox", .gate = no_gate},
    Family{.name = "gptj", .gate = no_gate},
    Family{.name = "codegen", .gate = no_gate},
    Family{.name = "gptbigcode", .gate = no_gate, .tied = tied, .multi_query = true},
    Family{.name = "starcoder", .gate = no_gate, .tied = tied, .multi_query = true},
    Family{.name = "opt", .gate = no_gate, .tied = tied},
    Family{.name = "bloom", .gate = no_gate, .tied = tied},
    Family{.name = "falcon", .gate = no_gate, .tied = tied, .multi_query = true},
    Family{.name = "mpt", .gate = no_gate, .tied = tied},
};

}  // namespace

std::string plain_name(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string_view end : {"forcausallm", "lmheadmodel", "forconditionalgeneration",
                                     "forsequenceclassification", "model"})
    if (out.size() > end.size() && out.ends_with(end)) {
      out.resize(out.size() - end.size());
      break;
    }
  return out;
}

const Family* find_family(std::string_view name) {
  const auto found = ranges::find(families, plain_name(name), &Family::name);
  return found == families.end() ? nullptr : &*found;
}

std::string known_families() {
  std::string out;
  for (const auto& family : families) out += (out.empty() ? "" : ", ") + std::string(family.name);
  return out;
}

}  // namespace tomestimate::importer
