// SPDX-License-Identifier: Apache-2.0
// The architecture that a Hugging Face config.json describes.
#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <range/v3/algorithm/adjacent_find.hpp>
#include <range/v3/algorithm/any_of.hpp>

#include <tomestimate/import/architecture.hpp>
#include <tomestimate/import/json.hpp>

#include "family.hpp"
#include "graph.hpp"
#include "window.hpp"

namespace tomestimate::importer {
namespace {

using Json = nlohmann::json;
using spec::Grade;
using Keys = std::initializer_list<const char*>;

constexpr std::uint64_t largest_config = 1 << 20;

constexpr Keys kv_head_keys{
    "num_key_value_heads", "num_kv_heads",     "n_kv_heads",           "n_kv_head",
    "n_head_kv",           "num_query_groups", "multi_query_group_num"};
constexpr Keys head_dim_keys{"head_dim",  "attention_head_dim", "attention_head_size",
                             "head_size", "kv_channels",        "d_head"};
constexpr Keys intermediate_keys{"intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"};
constexpr Keys window_keys{
    "sliding_window",    "sliding_window_size",   "interleaved_sliding_window",
    "attention_window",  "attention_window_size", "local_attention_window",
    "local_window_size", "attn_window_size",      "window_size"};
constexpr Keys activation_keys{"hidden_act", "hidden_activation", "activation_function",
                               "activation"};

// Parts of a config that say nothing of the text model's layers.
bool is_foreign_part(std::string_view key) {
  constexpr std::array<std::string_view, 12> parts{
      "vision",     "audio",     "image",         "speech",   "projector", "quantiz",
      "rope_param", "rope_scal", "task_specific", "id2label", "label2id",  "auto_map"};
  return ranges::any_of(
      parts, [key](std::string_view part) { return key.find(part) != std::string_view::npos; });
}

Amount amount(const Json& value) {
  constexpr auto all = std::numeric_limits<double>::infinity();
  if (value.is_discarded()) return {all, false};  // a key that is there twice: whatever it says
  if (value.is_boolean()) return {value.get<bool>() ? all : 0, false};
  if (value.is_number()) return {value.get<double>(), false};
  if (value.is_string()) return amount_of(value.get_ref<const std::string&>());
  Amount out;
  if (value.is_structured())
    for (const auto& element : value)
      if (const auto more = amount(element); more.value != 0) out = {all, more.is_text};
  return out;
}

bool says_bitnet(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text.find("bitnet") != std::string::npos;
}

// One config.json.
class Config {
 public:
  explicit Config(const Source& source)
      : source_(source),
        file_(printable(std::filesystem::path(source.name()).filename().string())),
        root_(
            parse_object(source.text(largest_config, "is this a config.json?"), source.name(), 0)),
        text_(&root_) {
    for (const char* key : text_parts) {
      const auto found = root_.find(key);
      if (found == root_.end() || found->is_null()) continue;
      if (!found->is_object())
        fail(fmt::format("\"{}\" is {}, and no object", key, short_text(*found)));
      if (!part_.empty())
        fail(fmt::format("has a \"{}\" beside \"{}\"", key, part_.substr(0, part_.size() - 1)),
             "one text model is read");
      text_ = &*found;
      part_ = std::string(key) + ".";
    }
  }

  Architecture read() const {
    refuse_errors();
    refuse_others(root_);
    const auto& family = known_family();
    Architecture out;
    out.type = type();
    out.activation = first_text(activation_keys);
    out.hidden = number({"hidden_size", "n_embd", "d_model"});
    if (const auto embedded = any_number({"word_embed_proj_dim"});
        embedded && embedded->value != out.hidden.value)
      fail(fmt::format("embeddings have {} values, and layers {}", embedded->value,
                       out.hidden.value),
           "matrices between them have no model spec");
    out.layers = number({"num_hidden_layers", "n_layer", "n_layers"});
    out.heads = number({"num_attention_heads", "n_head", "n_heads"});
    out.kv_heads = kv_heads(family, out);
    out.head_dim = head_dim(family, out);
    out.intermediate = intermediate(family, out);
    out.vocabulary = number({"vocab_size"});
    if (has("max_position_embeddings")) out.positions = number({"max_position_embeddings"});
    out.gate = {family.gate, Grade::secondary,
                fmt::format("{} has an MLP {} a gate", out.type, family.gate ? "with" : "without")};
    read_window(family, out);
    read_tied(family, out);
    read_code(out);
    const bool norms = family.sub_norms || says_bitnet(out.type);
    out.sub_norms = {
        norms, Grade::secondary,
        fmt::format("{} {} norms before o and down", out.type, norms ? "has" : "has no")};
    return out;
  }

 private:
  using Code = std::pair<std::string, std::uint64_t>;  // what weights are coded in: type and bits

  [[noreturn]] void fail(std::string message, std::string hint = "") const {
    source_.fail(0, std::move(message), std::move(hint));
  }

  // The value of a key of the text model, or of all models; null if there is none.
  const Json* find(std::string_view key) const {
    for (const Json* object : {text_, &root_}) {
      const auto found = object->find(key);
      if (found == object->end() || found->is_null()) continue;
      if (found->is_discarded()) fail(fmt::format("\"{}\" is there twice", key));
      return &*found;
    }
    return nullptr;
  }

  bool has(std::string_view key) const { return find(key) != nullptr; }
  // A key that is there and null is not left out.
  bool is_null(std::string_view key) const {
    const auto found = text_->find(key);
    return found != text_->end() && found->is_null();
  }

  // The text of a key, "" if it is left out.
  std::string text_of(const Json& value, std::string_view key) const {
    if (value.is_discarded()) fail(fmt::format("\"{}\" is there twice", key));
    if (!value.is_string()) fail(fmt::format("\"{}\" is {}, and no text", key, short_text(value)));
    return printable(value.get_ref<const std::string&>());
  }

  std::string first_text(Keys keys) const {
    for (const char* key : keys)
      if (const auto* found = find(key)) return text_of(*found, key);
    return "";
  }

  // The value of a switch, nothing if it is left out.
  std::optional<bool> is_on(std::string_view key) const {
    const auto* found = find(key);
    if (found == nullptr) return std::nullopt;
    if (!found->is_boolean())
      fail(fmt::format("\"{}\" is {}, not true or false", key, short_text(*found)));
    return found->get<bool>();
  }

  std::vector<std::string> architectures() const {
    std::vector<std::string> out;
    const auto found = text_->find("architectures");
    if (found == text_->end() || found->is_null()) return out;
    if (!found->is_array())
      fail(fmt::format("\"architectures\" is {}, no list of names", short_text(*found)));
    for (const auto& name : *found) out.push_back(text_of(name, "architectures"));
    return out;
  }

  std::string model_type() const {
    const auto found = text_->find("model_type");
    return found == text_->end() || found->is_null() ? "" : text_of(*found, "model_type");
  }

  std::string type() const {
    const auto names = architectures();
    return names.empty() ? model_type() : names[0];
  }

  std::string in_file(std::string_view what) const {
    return fmt::format("{}{} in {}", part_, what, file_);
  }

  // ---- which model ----

  // Some servers answer with JSON.
  void refuse_errors() const {
    const auto error = root_.find("error");
    if (error != root_.end() && error->is_string() && !root_.contains("model_type"))
      fail("is an error message of a server: " + printable(error->get<std::string>()),
           "download the file itself");
  }

  void refuse_others(const Json& object) const {
    for (const auto& [key, value] : object.items()) {
      if (is_foreign_part(key)) continue;
      if (const auto why = graph_change(key, amount(value)))
        fail(fmt::format("\"{}\" is {}: {}", printable(key), short_text(value), *why));
      refuse_others_in(value);
    }
  }

  void refuse_others_in(const Json& value) const {
    if (value.is_object()) refuse_others(value);
    if (value.is_array())
      for (const auto& item : value) refuse_others_in(item);
  }

  static std::string short_text(const Json& value) {
    if (value.is_object()) return "there";
    const auto out = value.is_discarded() ? "there twice" : value.dump(-1, ' ', true);
    return out.size() > 60 ? out.substr(0, 60) + "..." : out;
  }

  const Family& family_of(const std::string& name) const {
    if (const auto* family = find_family(name)) return *family;
    fail(fmt::format("architecture \"{}\" is not known", name), "known are " + known_families());
  }

  const Family& known_family() const {
    const auto names = architectures();
    const auto said = model_type();
    if (said.empty() && names.empty())
      fail(part_.empty() ? "has no \"model_type\" or \"architectures\""
                         : fmt::format("has no \"{}model_type\"", part_),
           "known are " + known_families());
    const auto& family = family_of(said.empty() ? names[0] : said);
    // BitNet's first models call themselves llama; all others have one name.
    for (const auto& name : names)
      if (const auto& other = family_of(name);
          other.gate != family.gate || other.halved != family.halved)
        fail(fmt::format("model_type \"{}\" is no {}", said, name));
    return family;
  }

  // ---- numbers ----

  std::uint64_t whole(const Json& value, std::string_view key) const {
    if (value.is_number_unsigned()) {
      if (value.get<std::uint64_t>() > largest_number)
        fail(fmt::format("\"{}\" is {}, which no model has", key, value.get<std::uint64_t>()));
      return value.get<std::uint64_t>();
    }
    if (!value.is_array() || value.empty() || !value[0].is_number())
      fail(fmt::format("\"{}\" is not a whole number", key));
    if (ranges::adjacent_find(value, std::not_equal_to<>()) != value.end())
      fail(fmt::format("\"{}\" differs by layer", key), "one value for all layers is needed");
    if (const auto* layers = find("num_hidden_layers");
        layers == nullptr || layers->is_array() ||
        value.size() != whole(*layers, "num_hidden_layers"))
      fail(fmt::format("\"{}\" has {} values, not one a layer", key, value.size()));
    return whole(value[0], key);
  }

  // The value of any of several names; nothing if none is there.
  std::optional<Fact> any_number(Keys keys) const {
    std::optional<Fact> out;
    std::string_view first;
    for (const char* key : keys) {
      const auto* found = find(key);
      if (found == nullptr) continue;
      const Fact fact{whole(*found, key), Grade::secondary, in_file(key)};
      if (out && out->value != fact.value)
        fail(fmt::format("\"{}\" is {}, but \"{}\" is {}", first, out->value, key, fact.value));
      if (!out) out = fact, first = key;
    }
    return out;
  }

  Fact number(Keys keys) const {
    if (auto found = any_number(keys)) return *found;
    fail(fmt::format("has no \"{}{}\"", part_, *keys.begin()));
  }

  Fact by_default(std::uint64_t value, std::string_view key, std::string_view why) const {
    return {value, Grade::secondary, fmt::format("{} has no {}{}: {}", file_, part_, key, why)};
  }

  Fact kv_heads(const Family& family, const Architecture& a) const {
    // Whatever num_kv_heads says beside it: Falcon-7B's config has one for each query head.
    const auto multi_query = is_on("multi_query");
    if (multi_query.value_or(family.multi_query) &&
        !is_on("new_decoder_architecture").value_or(false))
      return multi_query
                 ? Fact{1, Grade::secondary, in_file("multi_query")}
                 : by_default(1, "multi_query", "the default of " + std::string(family.name));
    if (const auto found = any_number(kv_head_keys)) return *found;
    constexpr std::string_view key = "num_key_value_heads";
    if (family.kv_heads != 0 && !is_null(key))
      return by_default(family.kv_heads, key, "the default of " + std::string(family.name));
    return by_default(a.heads.value, key, "one for each query head");
  }

  Fact head_dim(const Family& family, const Architecture& a) const {
    const auto found = any_number(head_dim_keys);
    if (const auto values = any_number({"v_head_dim", "value_head_dim"});
        values && found && values->value != found->value)
      fail(fmt::format("heads have {} keys and {} values", found->value, values->value),
           "a model spec has one head size");
    if (found) return *found;
    if (family.head_dim != 0 && !is_null("head_dim"))
      return by_default(family.head_dim, "head_dim", "the default of " + std::string(family.name));
    if (a.heads.value == 0 || a.hidden.value % a.heads.value != 0)
      fail(fmt::format("num_attention_heads = {} does not divide hidden_size = {}", a.heads.value,
                       a.hidden.value),
           "and there is no head_dim");
    return {a.hidden.value / a.heads.value, Grade::derived,
            in_file("hidden_size / num_attention_heads")};
  }

  Fact intermediate(const Family& family, const Architecture& a) const {
    const Keys& keys = intermediate_keys;
    if (!family.gate && !any_number(keys))
      return by_default(4 * a.hidden.value, *keys.begin(), "four times the hidden size");
    auto out = number(keys);
    if (family.halved)
      out = {out.value / 2, Grade::derived,
             in_file("intermediate_size") + fmt::format(" / 2, as {} has it", family.name)};
    return out;
  }

  // ---- attention ----

  // Of the window that the config or its family has; 0 for none.
  std::uint64_t window_positions(const Family& family) const {
    if (!is_on("use_sliding_window").value_or(!family.window_switch)) return 0;
    if (const auto found = any_number(window_keys)) return found->value;
    const bool is_off = ranges::any_of(window_keys, [this](auto* key) { return is_null(key); });
    return is_off ? 0 : family.window;
  }

  Window window(const Family& family, std::uint64_t layers) const {
    if (const auto* types = find("layer_types")) return by_layer(*types, layers);
    const auto positions = window_positions(family);
    if (positions == 0) return {};
    if (const auto after = any_number({"max_window_layers"}); after && after->value != 0) {
      if (after->value >= layers) return {};
      fail("\"max_window_layers\": layers with and without a window follow no period");
    }
    const auto every = any_number({"sliding_window_pattern", "_sliding_window_pattern"});
    if (every && every->value == 0)
      fail("\"sliding_window_pattern\" is 0", "1: no layer has a window; n: every n-th has none");
    return {positions, every ? every->value : family.full_every};
  }

  Window by_layer(const Json& types, std::uint64_t layers) const {
    std::vector<bool> has_window;
    if (types.is_array())
      for (const auto& type : types) {
        const bool full = type == "full_attention" || type == "attention" || type == "global";
        if (!full && type != "sliding_attention")
          fail(fmt::format("\"layer_types\" has {}: layers of several kinds have no model spec",
                           short_text(type)));
        has_window.push_back(!full);
      }
    if (has_window.size() != layers)
      fail(fmt::format("\"layer_types\" is no list of {} layers", layers));
    const auto every = full_every(has_window);
    if (!every)
      fail("\"layer_types\": layers with and without a window follow no period",
           "every n-th layer may be without");
    if (*every == 1) return {};
    return {number(window_keys).value, *every};
  }

  void read_window(const Family& family, Architecture& out) const {
    auto found = window(family, out.layers.value);
    if (out.positions && found.positions >= out.positions->value) found = {};
    const auto said = any_number(window_keys);
    const auto why = found.positions == 0 ? fmt::format("{} has no window", file_)
                     : said               ? said->source
                                          : fmt::format("the default of {}", family.name);
    out.window = {found.positions, Grade::secondary, why};
    out.full_every = {found.full_every, Grade::secondary, why};
  }

  // ---- tables and codes ----

  void read_tied(const Family& family, Architecture& out) const {
    constexpr std::string_view key = "tie_word_embeddings";
    const auto said = is_on(key);
    out.tied_by_default = !said;
    out.tied = said ? Fact{*said, Grade::secondary, in_file(key)}
                    : by_default(family.tied, key,
                                 fmt::format("{}, the default of {}", family.tied, family.name));
  }

  // How the weights are coded, as far as the config says.
  void read_code(Architecture& out) const {
    if (says_bitnet(model_type()) || says_bitnet(out.type)) {
      out.ternary = true;
      out.ternary_why = in_file(fmt::format("architecture {}", out.type));
    }
    const auto* quantization = find("quantization_config");
    if (quantization == nullptr) return;
    if (!quantization->is_object()) fail("\"quantization_config\" is not an object");
    read_unconverted(*quantization, out);
    const auto name = string_in(*quantization, "quant_method", "quantization");
    if (says_bitnet(name)) {
      out.ternary = true;
      out.ternary_why = fmt::format("quant_method bitnet in {}", file_);
    } else if (!out.ternary) {
      out.integer_why = fmt::format("quantization_config ({}) in {}", name, file_);
      out.float_format = float_format(*quantization);
      if (out.float_format.empty()) read_bits(codes(*quantization), out);
    }
  }

  static void read_bits(const std::set<Code>& codes, Architecture& out) {
    if (codes.size() == 1 && codes.begin()->first == "int")
      out.integer_bits = codes.begin()->second;
    if (codes.size() < 2) return;
    for (const auto& [type, bits] : codes)
      out.codes += fmt::format("{}{} of {} bit", out.codes.empty() ? "" : " and ", type, bits);
  }

  // The member of an object, null if it is left out.
  const Json* member(const Json& object, std::string_view key) const {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return nullptr;
    if (found->is_discarded()) fail(fmt::format("\"{}\" is there twice", key));
    return &*found;
  }

  std::string string_in(const Json& object, const char* key, std::string_view otherwise) const {
    const auto* found = member(object, key);
    return found != nullptr && found->is_string() ? printable(found->get<std::string>())
                                                  : std::string(otherwise);
  }

  void read_unconverted(const Json& quantization, Architecture& out) const {
    for (const char* key : {"modules_to_not_convert", "ignore", "ignored_layers", "exclude_modules",
                            "llm_int8_skip_modules", "modules_to_not_quantize"}) {
      const auto* found = member(quantization, key);
      if (found == nullptr) continue;
      if (!found->is_array()) fail(fmt::format("\"{}\" is no list of names", key));
      for (const auto& name : *found) out.unconverted.push_back(raw_text(name, key));
    }
    read_exceptions(quantization, out);
  }

  // Patterns are told from names by characters that do not print, so as they are.
  std::string raw_text(const Json& value, std::string_view key) const {
    text_of(value, key);
    return value.get<std::string>();
  }

  // Modules that GPTQModel ("dynamic") and AutoRound ("extra_config") code in other bits. In
  // "dynamic" the key is an expression, and "-:" before it leaves its modules as they were.
  void read_exceptions(const Json& quantization, Architecture& out) const {
    const auto bits = bits_in(quantization, "bits");
    for (const char* key : {"dynamic", "extra_config"}) {
      const auto* found = member(quantization, key);
      if (found == nullptr || found->empty()) continue;
      if (!found->is_object()) fail(fmt::format("\"{}\" is no object of modules", key));
      for (const auto& [pattern, value] : found->items()) {
        const bool is_out = pattern.starts_with("-:");
        const auto own = value.is_object() ? bits_in(value, "bits") : std::nullopt;
        if (!is_out && (!own || own == bits)) continue;
        const bool has_sign = is_out || pattern.starts_with("+:");
        out.unconverted.push_back((key == std::string_view("dynamic") ? "re:" : "") +
                                  pattern.substr(has_sign ? 2 : 0));
      }
    }
  }

  // What the weights are, if that is a format of floats; "" if it isn't. (For compressed-tensors
  // integer_bits looks at the type of each group.)
  std::string float_format(const Json& quantization) const {
    for (const char* key : {"quant_method", "data_type", "weight_dtype", "weights", "weight_format",
                            "quant_algo", "quant_type", "fmt"}) {
      const auto value = string_in(quantization, key, "");
      std::string plain;
      for (const char c : value) plain += static_cast<char>(std::tolower(c));
      for (const std::string_view part : {"fp4", "fp6", "fp8", "fp16", "bf16", "float", "nf4",
                                          "e4m3", "e5m2", "e2m1", "mx_fp", "nv_fp", "mxfp", "nvfp"})
        if (plain.find(part) != std::string::npos) return value;
    }
    if (is_on_in(quantization, "load_in_4bit"))
      return string_in(quantization, "bnb_4bit_quant_type", "fp4");
    return "";
  }

  bool is_on_in(const Json& object, const char* key) const {
    const auto* found = member(object, key);
    return found != nullptr && found->is_boolean() && found->get<bool>();
  }

  std::optional<std::uint64_t> bits_in(const Json& object, const char* key) const {
    const auto* found = member(object, key);
    if (found == nullptr || !found->is_number_unsigned()) return std::nullopt;
    return found->get<std::uint64_t>();
  }

  // Each code that a quantization_config has: of GPTQ and AWQ, of bitsandbytes, and of the groups
  // of modules of compressed-tensors.
  std::set<Code> codes(const Json& quantization) const {
    std::set<Code> out;
    for (const char* key : {"bits", "w_bit", "nbits"})
      if (const auto found = bits_in(quantization, key)) out.emplace("int", *found);
    if (out.empty() && is_on_in(quantization, "load_in_8bit")) out.emplace("int", 8);
    const auto* groups = member(quantization, "config_groups");
    if (groups == nullptr || !groups->is_object()) return out;
    for (const auto& group : *groups) {
      const auto* weights = group.is_object() ? member(group, "weights") : nullptr;
      if (weights == nullptr || !weights->is_object()) continue;  // activations alone
      if (const auto found = bits_in(*weights, "num_bits"))
        out.emplace(string_in(*weights, "type", "int"), *found);
    }
    return out;
  }

  const Source& source_;
  std::string file_;
  Json root_;
  const Json* text_;  // root_, or its part for text
  std::string part_;  // "text_config." or ""
};

}  // namespace

Architecture read_config(const Source& config) { return Config(config).read(); }

}  // namespace tomestimate::importer
