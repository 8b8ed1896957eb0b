// SPDX-License-Identifier: Apache-2.0
// The architecture that a Hugging Face config.json describes.
#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <initializer_list>
#include <limits>

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
constexpr Keys text_parts{"text_config", "llm_config", "language_config", "lm_config"};

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
  if (value.is_boolean()) return {value.get<bool>() ? all : 0, false};
  if (value.is_number()) return {value.get<double>(), false};
  if (value.is_string()) return {value.get_ref<const std::string&>().empty() ? 0 : all, true};
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
    for (const char* key : text_parts)
      if (const auto found = root_.find(key); found != root_.end() && found->is_object()) {
        text_ = &*found;
        part_ = std::string(key) + ".";
        break;
      }
  }

  Architecture read() const {
    refuse_errors();
    refuse_others(root_);
    const auto& family = known_family();
    Architecture out;
    out.type = type();
    out.activation = text("hidden_act").empty() ? text("hidden_activation") : text("hidden_act");
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

  std::string text(std::string_view key) const {
    const auto* found = find(key);
    return found != nullptr && found->is_string() ? printable(found->get<std::string>()) : "";
  }

  static std::string first_architecture(const Json& object) {
    const auto found = object.find("architectures");
    return found != object.end() && found->is_array() && !found->empty() && (*found)[0].is_string()
               ? printable((*found)[0].get<std::string>())
               : "";
  }

  std::string model_type() const {
    const auto found = text_->find("model_type");
    return found != text_->end() && found->is_string() ? printable(found->get<std::string>()) : "";
  }

  std::string type() const {
    const auto architecture = first_architecture(*text_);
    return architecture.empty() ? model_type() : architecture;
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
    const auto architecture = first_architecture(*text_);
    const auto said = model_type();
    if (said.empty() && architecture.empty())
      fail(part_.empty() ? "has no \"model_type\" or \"architectures\""
                         : fmt::format("has no \"{}model_type\"", part_),
           "known are " + known_families());
    const auto& family = family_of(said.empty() ? architecture : said);
    // BitNet's first models call themselves llama; all others have one name.
    if (!architecture.empty() && family_of(architecture).gate != family.gate)
      fail(fmt::format("model_type \"{}\" is no {}", said, architecture));
    return family;
  }

  // ---- numbers ----

  std::uint64_t whole(const Json& value, std::string_view key) const {
    if (value.is_number_unsigned()) return value.get<std::uint64_t>();
    if (!value.is_array() || value.empty()) fail(fmt::format("\"{}\" is not a whole number", key));
    if (ranges::adjacent_find(value, std::not_equal_to<>()) != value.end())
      fail(fmt::format("\"{}\" differs by layer", key), "one value for all layers is needed");
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
    const auto* multi_query = find("multi_query");
    const auto* grouped = find("new_decoder_architecture");
    if ((multi_query == nullptr ? family.multi_query : *multi_query == true) &&
        (grouped == nullptr || *grouped != true))
      return multi_query == nullptr
                 ? by_default(1, "multi_query", "the default of " + std::string(family.name))
                 : Fact{1, Grade::secondary, in_file("multi_query")};
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
    const auto* on = find("use_sliding_window");
    if (on == nullptr ? family.window_switch : *on == false) return 0;
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
    out.tied_by_default = !has(key);
    if (const auto* found = find(key)) {
      if (!found->is_boolean()) fail(fmt::format("\"{}\" is not true or false", key));
      out.tied = {found->get<bool>(), Grade::secondary, in_file(key)};
    } else {
      out.tied = by_default(family.tied, key,
                            fmt::format("{}, the default of {}", family.tied, family.name));
    }
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
      if (out.float_format.empty()) out.integer_bits = integer_bits(*quantization);
    }
  }

  static std::string string_in(const Json& object, const char* key, std::string_view otherwise) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? printable(found->get<std::string>())
                                                       : std::string(otherwise);
  }

  static void read_unconverted(const Json& quantization, Architecture& out) {
    for (const char* key : {"modules_to_not_convert", "ignore", "ignored_layers", "exclude_modules",
                            "llm_int8_skip_modules", "modules_to_not_quantize"})
      if (const auto found = quantization.find(key);
          found != quantization.end() && found->is_array())
        for (const auto& name : *found)
          if (name.is_string()) out.unconverted.push_back(name.get<std::string>());
  }

  // What the weights are, if that is a format of floats; "" if it isn't. (For compressed-tensors
  // integer_bits looks at the type of each group.)
  static std::string float_format(const Json& quantization) {
    for (const char* key : {"quant_method", "data_type", "weight_dtype", "weights", "weight_format",
                            "quant_algo", "quant_type", "fmt"}) {
      const auto value = string_in(quantization, key, "");
      std::string plain;
      for (const char c : value) plain += static_cast<char>(std::tolower(c));
      for (const std::string_view part : {"fp4", "fp6", "fp8", "fp16", "bf16", "float", "nf4",
                                          "e4m3", "e5m2", "e2m1", "mx_fp", "nv_fp", "mxfp", "nvfp"})
        if (plain.find(part) != std::string::npos) return value;
    }
    if (is_on(quantization, "load_in_4bit"))
      return string_in(quantization, "bnb_4bit_quant_type", "fp4");
    return "";
  }

  static bool is_on(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_boolean() && found->get<bool>();
  }

  // Bits of GPTQ and AWQ, of bitsandbytes, of compressed-tensors.
  static std::optional<std::uint64_t> integer_bits(const Json& quantization) {
    const auto bits = [](const Json& in, const char* key) -> std::optional<std::uint64_t> {
      const auto found = in.find(key);
      if (found == in.end() || !found->is_number_unsigned()) return std::nullopt;
      return found->get<std::uint64_t>();
    };
    for (const char* key : {"bits", "w_bit", "nbits"})
      if (const auto found = bits(quantization, key)) return found;
    if (is_on(quantization, "load_in_8bit")) return 8;
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
  const Json* text_;  // root_, or its part for text
  std::string part_;  // "text_config." or ""
};

}  // namespace

Architecture read_config(const Source& config) { return Config(config).read(); }

}  // namespace tomestimate::importer
