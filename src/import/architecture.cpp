// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/import/architecture.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/import/json.hpp>

namespace tomestimate::importer {
namespace {

using Json = nlohmann::json;
using spec::Grade;

constexpr std::uint64_t largest_config = 1 << 20;

bool says_bitnet(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text.find("bitnet") != std::string::npos;
}

std::string file_name(const Source& source) {
  return printable(std::filesystem::path(source.name()).filename().string());
}

// One config.json.
class Config {
 public:
  explicit Config(const Source& source) : source_(source), file_(file_name(source)) {
    if (source.size() > largest_config)
      source.fail(0, "is larger than 1 MiB", "is this a config.json?");
    std::string text(source.size(), '\0');
    source.read(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    root_ = parse_object(text, source.name(), 0);
  }

  Architecture read() const {
    refuse_others();
    Architecture out;
    out.name = text("_name_or_path");
    out.type = type();
    out.activation = text("hidden_act");
    out.hidden = number("hidden_size");
    out.layers = number("num_hidden_layers");
    out.heads = number("num_attention_heads");
    out.kv_heads = has("num_key_value_heads") ? number("num_key_value_heads")
                                              : by_default(out.heads.value, "num_key_value_heads",
                                                           "one for each query head");
    out.head_dim = has("head_dim") ? number("head_dim") : head_dim(out);
    out.intermediate = number("intermediate_size");
    out.vocabulary = number("vocab_size");
    out.tied = flag("tie_word_embeddings");
    read_code(out);
    const bool bitnet = says_bitnet(text("model_type")) || says_bitnet(out.type);
    out.sub_norms = {
        bitnet, Grade::secondary,
        fmt::format("{} {} norms before o and down", out.type, bitnet ? "has" : "has no")};
    return out;
  }

 private:
  [[noreturn]] void fail(std::string message, std::string hint = "") const {
    source_.fail(0, std::move(message), std::move(hint));
  }

  bool has(const char* key) const { return root_.contains(key) && !root_[key].is_null(); }

  std::string text(const char* key) const {
    const auto found = root_.find(key);
    return found != root_.end() && found->is_string() ? printable(found->get<std::string>()) : "";
  }

  std::string type() const {
    const auto found = root_.find("architectures");
    if (found != root_.end() && found->is_array() && !found->empty() && (*found)[0].is_string())
      return printable((*found)[0].get<std::string>());
    return text("model_type").empty() ? "the architecture" : text("model_type");
  }

  std::string in_file(std::string_view what) const { return fmt::format("{} in {}", what, file_); }

  Fact number(const char* key) const {
    if (!has(key))
      fail(fmt::format("has no \"{}\"", key),
           has("text_config")
               ? "a model of several parts: give the text_config as a file of its own"
               : "only decoders with Llama's key names are read");
    if (!root_[key].is_number_unsigned()) fail(fmt::format("\"{}\" is not a whole number", key));
    return {root_[key].get<std::uint64_t>(), Grade::secondary, in_file(key)};
  }

  Fact by_default(std::uint64_t value, std::string_view key, std::string_view why) const {
    return {value, Grade::secondary, fmt::format("{} has no {}: {}", file_, key, why)};
  }

  Fact head_dim(const Architecture& a) const {
    if (a.heads.value == 0 || a.hidden.value % a.heads.value != 0)
      fail(fmt::format("num_attention_heads = {} does not divide hidden_size = {}", a.heads.value,
                       a.hidden.value),
           "and there is no head_dim");
    return {a.hidden.value / a.heads.value, Grade::derived,
            in_file("hidden_size / num_attention_heads")};
  }

  Fact flag(const char* key) const {
    if (!has(key)) return by_default(0, key, "false, the default");
    if (!root_[key].is_boolean()) fail(fmt::format("\"{}\" is not true or false", key));
    return {root_[key].get<bool>(), Grade::secondary, in_file(key)};
  }

  void refuse_others() const {
    for (const char* key : {"num_experts", "num_local_experts", "n_routed_experts"})
      if (has(key) && root_[key].is_number_unsigned() && root_[key].get<std::uint64_t>() > 1)
        fail(fmt::format("\"{}\" is {}", key, root_[key].get<std::uint64_t>()),
             "a mixture of experts has no model spec");
  }

  // How the weights are coded, as far as the config says.
  void read_code(Architecture& out) const {
    if (says_bitnet(text("model_type")) || says_bitnet(out.type)) {
      out.ternary = true;
      out.ternary_why = in_file(fmt::format("architecture {}", out.type));
    }
    if (!has("quantization_config")) return;
    const auto& quantization = root_["quantization_config"];
    if (!quantization.is_object()) fail("\"quantization_config\" is not an object");
    const auto method = quantization.find("quant_method");
    const auto name = method != quantization.end() && method->is_string()
                          ? printable(method->get<std::string>())
                          : std::string("quantization");
    if (says_bitnet(name)) {
      out.ternary = true;
      out.ternary_why = in_file("quant_method bitnet");
    } else if (!out.ternary) {
      out.integer_bits = integer_bits(quantization);
      out.integer_why = in_file(fmt::format("quantization_config ({})", name));
    }
  }

  // Bits of GPTQ and AWQ, of bitsandbytes, of compressed-tensors.
  static std::optional<std::uint64_t> integer_bits(const Json& quantization) {
    const auto bits = [](const Json& in, const char* key) -> std::optional<std::uint64_t> {
      const auto found = in.find(key);
      if (found == in.end() || !found->is_number_unsigned()) return std::nullopt;
      return found->get<std::uint64_t>();
    };
    const auto is_on = [&](const char* key) {
      const auto found = quantization.find(key);
      return found != quantization.end() && found->is_boolean() && found->get<bool>();
    };
    if (const auto found = bits(quantization, "bits")) return found;
    if (is_on("load_in_4bit")) return 4;
    if (is_on("load_in_8bit")) return 8;
    const auto groups = quantization.find("config_groups");
    if (groups == quantization.end() || !groups->is_object()) return std::nullopt;
    for (const auto& group : *groups) {
      const auto weights = group.is_object() ? group.find("weights") : group.end();
      if (group.is_object() && weights != group.end() && weights->is_object() &&
          weights->value("type", Json()) == "int")
        return bits(*weights, "num_bits");
    }
    return std::nullopt;
  }

  const Source& source_;
  std::string file_;
  Json root_;
};

// The metadata of one GGUF file.
class GgufFacts {
 public:
  GgufFacts(const Gguf& gguf, const Source& source)
      : gguf_(gguf), source_(source), file_(file_name(source)) {}

  Architecture read() const {
    const auto type = text("general.architecture");
    if (type.empty()) fail("has no general.architecture");
    refuse_others(type);
    const auto key = [&type](const char* rest) { return type + "." + rest; };
    Architecture out;
    out.type = printable(type);
    out.name = printable(text("general.name"));
    out.hidden = number(key("embedding_length"));
    out.layers = number(key("block_count"));
    out.heads = number(key("attention.head_count"));
    const auto kv_heads = key("attention.head_count_kv");
    out.kv_heads =
        has(kv_heads) ? number(kv_heads)
                      : Fact{out.heads.value, Grade::secondary,
                             fmt::format("{} has no {}: one for each query head", file_, kv_heads)};
    out.head_dim = head_dim(key("attention.key_length"), out);
    out.intermediate = number(key("feed_forward_length"));
    out.vocabulary = vocabulary(key("vocab_size"));
    const bool tied = !has_tensor("output.weight");
    out.tied = {tied, Grade::secondary,
                fmt::format("{} {} tensor output.weight", file_, tied ? "has no" : "has a")};
    const bool norms = has_tensor("blk.0.attn_sub_norm.weight");
    out.sub_norms = {
        norms, Grade::secondary,
        fmt::format("{} {} tensor blk.0.attn_sub_norm.weight", file_, norms ? "has a" : "has no")};
    if (says_bitnet(type)) {
      out.ternary = true;
      out.ternary_why = fmt::format("architecture {} in {}", out.type, file_);
    }
    return out;
  }

 private:
  [[noreturn]] void fail(std::string message, std::string hint = "") const {
    source_.fail(0, std::move(message), std::move(hint));
  }

  bool has(std::string_view key) const { return gguf_.find(key) != nullptr; }

  bool has_tensor(std::string_view name) const {
    return ranges::find(gguf_.tensors, name, &Tensor::name) != gguf_.tensors.end();
  }

  std::string text(std::string_view key) const {
    const auto* found = gguf_.find(key);
    const auto* value = found == nullptr ? nullptr : std::get_if<std::string>(&found->value);
    return value == nullptr ? "" : *value;
  }

  Fact number(const std::string& key) const {
    const auto* found = gguf_.find(key);
    if (found == nullptr)
      fail(fmt::format("has no {}", printable(key)), "only decoders with Llama's keys are read");
    const auto said = fmt::format("{} in {}", printable(key), file_);
    if (const auto* value = std::get_if<std::uint64_t>(&found->value))
      return {*value, Grade::secondary, said};
    if (const auto* value = std::get_if<std::int64_t>(&found->value); value && *value >= 0)
      return {static_cast<std::uint64_t>(*value), Grade::secondary, said};
    source_.fail(found->at, fmt::format("{} is not one whole number", printable(key)),
                 "one value for all layers is needed");
  }

  Fact head_dim(const std::string& key, const Architecture& a) const {
    if (has(key)) return number(key);
    if (a.heads.value == 0 || a.hidden.value % a.heads.value != 0)
      fail(fmt::format("{} query heads do not divide the embedding length {}", a.heads.value,
                       a.hidden.value),
           fmt::format("and there is no {}", printable(key)));
    return {a.hidden.value / a.heads.value, Grade::derived,
            fmt::format("embedding_length / head_count in {}", file_)};
  }

  Fact vocabulary(const std::string& key) const {
    const auto embedding = ranges::find(gguf_.tensors, "token_embd.weight", &Tensor::name);
    if (has(key)) return number(key);
    if (embedding != gguf_.tensors.end() && embedding->shape.size() == 2)
      return {embedding->shape[0], Grade::secondary,
              fmt::format("rows of token_embd.weight in {}", file_)};
    const auto* tokens = gguf_.find("tokenizer.ggml.tokens");
    const auto* length = tokens == nullptr ? nullptr : std::get_if<ArrayLength>(&tokens->value);
    if (length == nullptr)
      fail("does not say its vocabulary",
           fmt::format("no {}, token_embd.weight or token list", printable(key)));
    return {length->value, Grade::secondary, fmt::format("tokenizer.ggml.tokens in {}", file_)};
  }

  void refuse_others(const std::string& type) const {
    if (has("split.count") && number("split.count").value > 1)
      fail(fmt::format("is one of {} parts of a model", number("split.count").value),
           "join them with llama-gguf-split --merge");
    const auto experts = type + ".expert_count";
    if (has(experts) && number(experts).value > 1)
      fail(fmt::format("{} is {}", printable(experts), number(experts).value),
           "a mixture of experts has no model spec");
  }

  const Gguf& gguf_;
  const Source& source_;
  std::string file_;
};

}  // namespace

Architecture read_config(const Source& config) { return Config(config).read(); }

Architecture read_architecture(const Gguf& gguf, const Source& source) {
  return GgufFacts(gguf, source).read();
}

}  // namespace tomestimate::importer
