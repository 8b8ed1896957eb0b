// SPDX-License-Identifier: Apache-2.0
#include "graph.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>

namespace tomestimate::importer {
namespace {

constexpr std::string_view latent = "latent attention has no model spec";
constexpr std::string_view experts = "a mixture of experts has no model spec";
constexpr std::string_view state_space = "state-space and recurrent layers have no model spec";
constexpr std::string_view several = "layers of several kinds have no model spec";
constexpr std::string_view cross = "encoders and cross-attention have no model spec";
constexpr std::string_view shared = "layers that share keys and values have no model spec";
constexpr std::string_view gated = "attention with a gate has no model spec";
constexpr std::string_view sparse = "attention to some positions only has no model spec";

struct Rule {
  std::string_view part;  // of the key in lower case, "-" and "." as "_"; between "_" if it has "_"
  double more_than;       // of it is a change
  bool texts;             // a text is one too
  std::string_view why;
};

constexpr std::array rules{
    Rule{"lora_rank", 0, true, latent},
    Rule{"latent", 0, true, latent},
    Rule{"qk_nope", 0, true, latent},
    Rule{"qk_rope_head", 0, true, latent},
    Rule{"length_mla", 0, true, latent},
    Rule{"expert", 1, false, experts},
    Rule{"_moe_", 1, false, experts},
    Rule{"mixture", 1, false, experts},
    Rule{"ssm", 0, true, state_space},
    Rule{"mamba", 0, true, state_space},
    Rule{"rwkv", 0, true, state_space},
    Rule{"_wkv_", 0, true, state_space},
    Rule{"recurrent", 0, true, state_space},
    Rule{"lru_width", 0, true, state_space},
    Rule{"time_mix", 0, true, state_space},
    Rule{"linear_attn", 0, true, state_space},
    Rule{"linear_attention", 0, true, state_space},
    Rule{"linear_num", 0, true, state_space},
    Rule{"linear_conv", 0, true, state_space},
    Rule{"shortconv", 0, true, state_space},
    Rule{"conv_l_cache", 0, true, state_space},
    Rule{"hybrid", 0, true, several},
    Rule{"block_type", 0, true, several},
    Rule{"blocks_type", 0, true, several},
    Rule{"block_configs", 0, true, several},
    Rule{"attn_layer", 0, true, several},
    Rule{"attn_type_list", 0, true, several},
    Rule{"mixer_type", 0, true, several},
    Rule{"layer_pattern", 0, true, several},
    Rule{"attn_output_gate", 0, true, gated},
    Rule{"attention_types", 0, true, several},
    Rule{"full_attn_id", 0, true, several},
    Rule{"full_attention_interval", 1, true, several},
    Rule{"layer_group", 1, true, several},
    Rule{"per_layer_input", 0, true, several},
    Rule{"is_encoder_decoder", 0, true, cross},
    Rule{"_encoder_", 0, true, cross},
    Rule{"decoder_layers", 0, true, cross},
    Rule{"decoder_block_count", 0, true, cross},
    Rule{"cross_attention", 0, true, cross},
    Rule{"cross_attn", 0, true, cross},
    Rule{"kv_shared", 0, true, shared},
    Rule{"shared_kv", 0, true, shared},
    Rule{"kv_sharing", 0, true, shared},
    Rule{"cla_share", 1, true, shared},
    Rule{"sparse_attention", 0, true, sparse},
    Rule{"sparse_config", 0, true, sparse},
    Rule{"index_topk", 0, true, sparse},
    Rule{"attention_chunk", 0, true, sparse},
};

}  // namespace

Amount amount_of(std::string_view text) {
  constexpr auto all = std::numeric_limits<double>::infinity();
  double number = 0;
  const auto* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && last == end) return {number, false};
  return {text.empty() ? 0 : all, true};
}

std::optional<std::string> graph_change(std::string_view key, const Amount& amount) {
  std::string plain = "_";
  for (const char c : key)
    plain +=
        c == '-' || c == '.' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  plain += '_';
  for (const auto& rule : rules)
    if (plain.find(rule.part) != std::string::npos && !(amount.value <= rule.more_than) &&
        (rule.texts || !amount.is_text))
      return std::string(rule.why);
  return std::nullopt;
}

}  // namespace tomestimate::importer
