// SPDX-License-Identifier: Apache-2.0
#include "linear.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include <fmt/format.h>
#include <range/v3/algorithm/any_of.hpp>
#include <range/v3/algorithm/find.hpp>
#include <range/v3/algorithm/find_if.hpp>

namespace tomestimate::importer {
namespace {

using spec::Projection;
using spec::projection_count;

struct ModuleName {
  std::string_view text;
  Projection projection;
};

// Of GGUF (gguf-py/gguf/constants.py, TENSOR_NAMES) and of transformers' Llama and BitNet models.
constexpr std::array modules{
    ModuleName{"attn_q", Projection::q},           ModuleName{"attn_k", Projection::k},
    ModuleName{"attn_v", Projection::v},           ModuleName{"attn_output", Projection::o},
    ModuleName{"ffn_gate", Projection::gate},      ModuleName{"ffn_up", Projection::up},
    ModuleName{"ffn_down", Projection::down},      ModuleName{"self_attn.q_proj", Projection::q},
    ModuleName{"self_attn.k_proj", Projection::k}, ModuleName{"self_attn.v_proj", Projection::v},
    ModuleName{"self_attn.o_proj", Projection::o}, ModuleName{"mlp.gate_proj", Projection::gate},
    ModuleName{"mlp.up_proj", Projection::up},     ModuleName{"mlp.down_proj", Projection::down},
};

struct Ending {
  std::string_view text;
  Packing packing;
};
constexpr std::array endings{
    Ending{".weight", Packing::plain},
    Ending{".qweight", Packing::words},
    Ending{".weight_packed", Packing::packed},
};

// Layers of other parts than the text model.
bool is_foreign(std::string_view prefix) {
  return ranges::any_of(
      std::array<std::string_view, 11>{"vis", "audio", "image", "speech", "encoder", "tower", "mtp",
                                       "draft", "projector", "connector", "perceiver"},
      [prefix](std::string_view part) { return prefix.find(part) != std::string_view::npos; });
}

// A tensor of one layer of the text model.
struct LayerTensor {
  std::uint64_t layer;
  std::string_view rest;  // "self_attn.q_proj.weight"
};

std::optional<LayerTensor> layer_tensor(std::string_view name) {
  for (const std::string_view word : {"blk.", "layers."}) {
    const auto at = name.find(word);
    if (at == std::string_view::npos || (at != 0 && name[at - 1] != '.')) continue;
    const auto prefix = name.substr(0, at);
    const auto digits = name.substr(at + word.size());
    std::uint64_t layer = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), layer);
    const auto length = static_cast<std::size_t>(end - digits.data());
    if (error != std::errc() || length >= digits.size() || digits[length] != '.') continue;
    if (is_foreign(prefix)) return std::nullopt;
    return LayerTensor{layer, digits.substr(length + 1)};
  }
  return std::nullopt;
}

const Ending* ending_of(std::string_view name) {
  const auto found =
      ranges::find_if(endings, [name](const Ending& e) { return name.ends_with(e.text); });
  return found == endings.end() ? nullptr : &*found;
}

// The known module that a layer's tensor is of, null if it is of none.
const ModuleName* module_of(std::string_view rest) {
  const auto found = ranges::find_if(modules, [rest](const ModuleName& m) {
    return rest.starts_with(m.text) && rest.substr(m.text.size()).starts_with('.');
  });
  return found == modules.end() ? nullptr : &*found;
}

// "self_attn.q_norm" of "self_attn.q_norm.weight".
std::string_view owner_of(std::string_view rest) { return rest.substr(0, rest.rfind('.')); }

bool is_norm(std::string_view rest) {
  const auto owner = owner_of(rest);
  return owner.ends_with("norm") || owner.ends_with("_ln");
}

// Scales and zeros beside a known matrix, buffers of masks and of RoPE.
bool is_beside(std::string_view rest) {
  return ending_of(rest) == nullptr && (module_of(rest) != nullptr || rest.ends_with("bias") ||
                                        rest.find("rotary") != std::string_view::npos);
}

// A matrix of weights in a layer, whether it is known or not, and whatever it is called.
bool is_linear(const Tensor& tensor) {
  const auto found = layer_tensor(tensor.name);
  return found && !is_norm(found->rest) && !is_beside(found->rest) &&
         std::ranges::count_if(tensor.shape, [](std::uint64_t n) { return n > 1; }) > 1;
}

struct SubNormOwner {
  std::string_view text;
  SubNorm norm;
};
constexpr std::array sub_norms{
    SubNormOwner{"attn_sub_norm", SubNorm::attn},
    SubNormOwner{"ffn_sub_norm", SubNorm::ffn},
    SubNormOwner{"self_attn.attn_sub_norm", SubNorm::attn},
    SubNormOwner{"mlp.ffn_sub_norm", SubNorm::ffn},
    SubNormOwner{"self_attn.inner_attn_ln", SubNorm::attn},
    SubNormOwner{"mlp.ffn_layernorm", SubNorm::ffn},
};
constexpr std::array<std::string_view, 4> layer_norms{"attn_norm", "ffn_norm", "input_layernorm",
                                                      "post_attention_layernorm"};

class Finder {
 public:
  Finder(const Checkpoint& checkpoint, const spec::Model<double>& model, const Coding& coding)
      : checkpoint_(checkpoint),
        model_(model),
        coding_(coding),
        all_(model.layers * projection_count) {}

  std::vector<Located> find() {
    for (const auto& part : checkpoint_.parts)
      for (const auto& tensor : part.tensors) names_.insert(tensor.name);
    for (const auto& part : checkpoint_.parts)
      for (const auto& tensor : part.tensors) add(part.source, tensor);
    check_all_there();
    if (extra_ != nullptr)
      extra_source_->fail(
          extra_->offset,
          fmt::format("{} ({}) is a linear layer that a model spec has no place for", extra_->name,
                      shape_text(extra_->shape)));
    return std::move(all_);
  }

 private:
  void add(const Source& source, const Tensor& tensor) {
    const auto name = linear_name(tensor.name);
    if (!name) {
      if (extra_ == nullptr && is_linear(tensor)) extra_ = &tensor, extra_source_ = &source;
      return check_table(source, tensor);
    }
    if (name->layer >= model_.layers)
      source.fail(tensor.offset,
                  fmt::format("{} is of layer {}, but there are {} layers", tensor.name,
                              name->layer, model_.layers),
                  checkpoint_.architecture.layers.source);
    auto& slot = all_[name->layer * projection_count + static_cast<std::size_t>(name->projection)];
    if (slot.tensor != nullptr)
      source.fail(tensor.offset,
                  fmt::format("{} and {} are the same layer", slot.tensor->name, tensor.name));
    check_shape(source, tensor, *name);
    const auto* ending = ending_of(tensor.name);
    const auto module = tensor.name.substr(0, tensor.name.size() - ending->text.size());
    slot = {&source, &tensor, names_.contains(module + ".bias")};
  }

  void check_all_there() const {
    for (std::size_t i = 0; i < all_.size(); ++i)
      if (all_[i].tensor == nullptr)
        checkpoint_.parts[0].source.fail(
            0,
            fmt::format("layer {} has no tensor for {}", i / projection_count,
                        spec::projection_names[i % projection_count]),
            missing_hint());
  }

  // Why a projection may be missing.
  std::string missing_hint() const {
    if (extra_ != nullptr)
      return fmt::format("there is {}: fused, expert and repacked layers are not read",
                         extra_->name);
    const bool may_be_one = checkpoint_.format == "safetensors" && checkpoint_.parts.size() == 1;
    return may_be_one ? "is this one file of several? give the folder" : "";
  }

  // ---- shapes ----

  using Shape = std::vector<std::uint64_t>;

  // The shapes that a tensor of `outputs` x `inputs` weights may have.
  std::vector<Shape> shapes(const Tensor& tensor, Packing packing, std::uint64_t outputs,
                            std::uint64_t inputs) const {
    const auto words = [this](std::uint64_t n) { return (n * coding_.bits + 31) / 32; };
    switch (packing) {
      case Packing::words:  // of GPTQ, of AWQ
        return {{words(inputs), outputs}, {inputs, words(outputs)}};
      case Packing::packed:
        return {{outputs, words(inputs)}};
      case Packing::plain:
        break;
    }
    if (tensor.storage != Storage::packed_u8) return {{outputs, inputs}};
    if (coding_.ternary) return {{outputs / 4, inputs}};
    const auto bytes = outputs * inputs * coding_.bits / 8;  // of bitsandbytes
    return {{outputs, inputs}, {bytes, 1}, {1, bytes}};
  }

  void check_shape(const Source& source, const Tensor& tensor, const LinearName& name) const {
    const auto shape = spec::shape(model_, name.projection);
    const auto outputs = static_cast<std::uint64_t>(shape.outputs);
    const auto inputs = static_cast<std::uint64_t>(shape.inputs);
    const bool four_rows = coding_.ternary && tensor.storage == Storage::packed_u8;
    if (coding_.ternary && name.packing != Packing::plain)
      source.fail(tensor.offset,
                  fmt::format("{} is packed as whole numbers, not ternary", tensor.name),
                  "--bits N makes a spec of N-bit whole-number weights");
    if (four_rows && outputs % 4 != 0)
      source.fail(tensor.offset,
                  fmt::format("{} has 4 rows a byte, but {} rows", tensor.name, outputs));
    const auto wanted = shapes(tensor, name.packing, outputs, inputs);
    const bool is_packed = name.packing != Packing::plain || tensor.storage == Storage::packed_u8;
    const bool may_be_any = !coding_.ternary && coding_.is_given && is_packed;
    if (!may_be_any && ranges::find(wanted, tensor.shape) == wanted.end())
      source.fail(
          tensor.offset,
          fmt::format("{} is {}, but hidden size, heads and FFN size make it {}{}", tensor.name,
                      shape_text(tensor.shape), shape_text(wanted[0]),
                      four_rows                        ? ", four rows a byte"
                      : name.packing != Packing::plain ? fmt::format(" of {} bit", coding_.bits)
                                                       : ""));
    if (four_rows) check_scale(source, tensor);
    check_coding(source, tensor, name.packing);
  }

  // Hugging Face's BitNet has a scale beside each packed weight; other packings don't.
  void check_scale(const Source& source, const Tensor& tensor) const {
    const auto scale = tensor.name + "_scale";
    if (!names_.contains(scale))
      source.fail(tensor.offset, fmt::format("{} is U8, but there is no {}", tensor.name, scale),
                  "only Hugging Face BitNet's packing of U8 is read");
  }

  void check_coding(const Source& source, const Tensor& tensor, Packing packing) const {
    const auto storage = tensor.storage;
    if (coding_.ternary && (storage == Storage::other || storage == Storage::unknown))
      source.fail(tensor.offset,
                  fmt::format("{} is {}, neither ternary nor floating", tensor.name, tensor.type),
                  "--bits N makes a spec of N-bit whole-number weights");
    const bool is_whole = packing != Packing::plain || storage == Storage::packed_u8 ||
                          storage == Storage::i8 || tensor.integer_bits;
    if (!coding_.ternary && !coding_.is_given && !is_whole)
      source.fail(tensor.offset,
                  fmt::format("{} is {}, but the other linear layers are {}-bit whole numbers",
                              tensor.name, tensor.type, coding_.bits),
                  "--bits N makes a spec of N-bit whole-number weights");
  }

  // Embedding and LM head have a row for each token.
  void check_table(const Source& source, const Tensor& tensor) const {
    const bool is_embedding =
        tensor.name == "token_embd.weight" || tensor.name.ends_with("embed_tokens.weight");
    const bool is_head = tensor.name == "output.weight" || tensor.name.ends_with("lm_head.weight");
    if ((!is_embedding && !is_head) || is_foreign(tensor.name)) return;
    // A head in whole numbers may be packed; GGUF says the shape of what it packs.
    if (is_head && !is_float(tensor.storage) && !checkpoint_.format.starts_with("GGUF")) return;
    const auto& a = checkpoint_.architecture;
    const Shape wanted{a.vocabulary.value, a.hidden.value};
    if (tensor.shape != wanted)
      source.fail(tensor.offset,
                  fmt::format("{} is {}, but vocabulary and hidden size make it {}", tensor.name,
                              shape_text(tensor.shape), shape_text(wanted)));
  }

  const Checkpoint& checkpoint_;
  const spec::Model<double>& model_;
  const Coding& coding_;
  std::vector<Located> all_;
  std::set<std::string, std::less<>> names_;
  const Tensor* extra_ = nullptr;  // the first linear layer that is not known
  const Source* extra_source_ = nullptr;
};

}  // namespace

std::optional<LinearName> linear_name(std::string_view name) {
  const auto found = layer_tensor(name);
  const auto* ending = found ? ending_of(found->rest) : nullptr;
  if (ending == nullptr) return std::nullopt;
  const auto text = found->rest.substr(0, found->rest.size() - ending->text.size());
  const auto module = ranges::find(modules, text, &ModuleName::text);
  if (module == modules.end()) return std::nullopt;
  return LinearName{found->layer, module->projection, ending->packing};
}

std::optional<SubNormName> sub_norm_name(std::string_view name) {
  const auto found = layer_tensor(name);
  if (!found || !found->rest.ends_with(".weight")) return std::nullopt;
  const auto norm = ranges::find(sub_norms, owner_of(found->rest), &SubNormOwner::text);
  if (norm == sub_norms.end()) return std::nullopt;
  return SubNormName{found->layer, norm->norm};
}

bool is_layer_norm(std::string_view name) {
  const auto found = layer_tensor(name);
  return found && ranges::find(layer_norms, owner_of(found->rest)) != layer_norms.end();
}

bool is_other_norm(std::string_view name) {
  const auto found = layer_tensor(name);
  return found && is_norm(found->rest) && !sub_norm_name(name) && !is_layer_norm(name);
}

bool is_run(std::string_view name) {
  const auto found = layer_tensor(name);
  if (!found) return true;
  const auto* module = module_of(found->rest);
  const auto end = found->rest.substr(module == nullptr ? 0 : module->text.size());
  if (module != nullptr) return end == ".weight" || end == ".weight_scale" || end == ".scale";
  return is_norm(found->rest) ? !is_other_norm(name)
                              : found->rest.find("rotary") != std::string_view::npos;
}

std::string module_name(std::uint64_t layer, Projection projection) {
  const auto module = std::ranges::find_if(modules, [projection](const ModuleName& m) {
    return m.projection == projection && m.text.find('.') != std::string_view::npos;
  });
  return fmt::format("model.layers.{}.{}", layer, module->text);
}

std::vector<Located> find_linears(const Checkpoint& checkpoint, const spec::Model<double>& model,
                                  const Coding& coding) {
  return Finder(checkpoint, model, coding).find();
}

}  // namespace tomestimate::importer
