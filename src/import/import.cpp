// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/import/import.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>
#include <range/v3/algorithm/any_of.hpp>
#include <range/v3/algorithm/find.hpp>
#include <range/v3/algorithm/find_if.hpp>

#include <tomestimate/spec/write.hpp>

#include "checkpoint.hpp"

namespace tomestimate::importer {
namespace {

namespace fs = std::filesystem;
using spec::Grade;
using spec::Projection;
using spec::projection_count;

// ---- which tensors are linear layers ----

struct Suffix {
  std::string_view text;
  Projection projection;
};

// Of GGUF (gguf-py/gguf/constants.py, TENSOR_NAMES) and of transformers' Llama and BitNet models.
constexpr std::array suffixes{
    Suffix{".attn_q.weight", Projection::q},
    Suffix{".attn_k.weight", Projection::k},
    Suffix{".attn_v.weight", Projection::v},
    Suffix{".attn_output.weight", Projection::o},
    Suffix{".ffn_gate.weight", Projection::gate},
    Suffix{".ffn_up.weight", Projection::up},
    Suffix{".ffn_down.weight", Projection::down},
    Suffix{".self_attn.q_proj.weight", Projection::q},
    Suffix{".self_attn.k_proj.weight", Projection::k},
    Suffix{".self_attn.v_proj.weight", Projection::v},
    Suffix{".self_attn.o_proj.weight", Projection::o},
    Suffix{".mlp.gate_proj.weight", Projection::gate},
    Suffix{".mlp.up_proj.weight", Projection::up},
    Suffix{".mlp.down_proj.weight", Projection::down},
};

struct LinearName {
  std::uint64_t layer;
  Projection projection;
};

// "blk.7.attn_q.weight", "model.layers.7.self_attn.q_proj.weight"
std::optional<LinearName> linear_name(std::string_view name) {
  const auto suffix =
      ranges::find_if(suffixes, [name](const Suffix& s) { return name.ends_with(s.text); });
  if (suffix == suffixes.end()) return std::nullopt;
  name.remove_suffix(suffix->text.size());
  for (const std::string_view prefix : {"blk.", "model.layers.", "layers."}) {
    if (!name.starts_with(prefix)) continue;
    const auto digits = name.substr(prefix.size());
    std::uint64_t layer = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), layer);
    if (error == std::errc() && end == digits.data() + digits.size())
      return LinearName{layer, suffix->projection};
  }
  return std::nullopt;
}

// Why a projection may be missing.
std::string missing_hint(const Checkpoint& checkpoint) {
  for (const auto& part : checkpoint.parts)
    for (const auto& tensor : part.tensors)
      for (const std::string_view fused : {"qkv", "gate_up", "_exps.", ".experts.", ".qweight"})
        if (tensor.name.find(fused) != std::string::npos)
          return fmt::format("there is {}: fused, expert and repacked layers are not read",
                             tensor.name);
  return checkpoint.format == "safetensors" ? "is this one file of several? give the folder" : "";
}

struct Located {
  const Source* source;
  const Tensor* tensor;
};

// Every projection of every layer, in that order, checked to be there with the right shape.
class LinearTable {
 public:
  LinearTable(const Checkpoint& checkpoint, const spec::Model<double>& model)
      : checkpoint_(checkpoint), model_(model), all_(model.layers * projection_count) {
    for (const auto& part : checkpoint.parts)
      for (const auto& tensor : part.tensors) add(part.source, tensor);
    for (std::size_t i = 0; i < all_.size(); ++i)
      if (all_[i].tensor == nullptr)
        checkpoint.parts[0].source.fail(
            0,
            fmt::format("layer {} has no tensor for {}", i / projection_count,
                        spec::projection_names[i % projection_count]),
            missing_hint(checkpoint));
  }

  const std::vector<Located>& all() const { return all_; }

 private:
  void add(const Source& source, const Tensor& tensor) {
    const auto name = linear_name(tensor.name);
    if (!name) return check_embedding(source, tensor);
    if (name->layer >= model_.layers)
      source.fail(tensor.offset,
                  fmt::format("{} is of layer {}, but there are {} layers", tensor.name,
                              name->layer, model_.layers),
                  checkpoint_.architecture.layers.source);
    auto& slot = all_[name->layer * projection_count + static_cast<std::size_t>(name->projection)];
    if (slot.tensor != nullptr)
      source.fail(tensor.offset,
                  fmt::format("{} and {} are the same layer", slot.tensor->name, tensor.name));
    check_shape(source, tensor, name->projection);
    slot = {&source, &tensor};
  }

  void check_shape(const Source& source, const Tensor& tensor, Projection projection) const {
    const auto shape = spec::shape(model_, projection);
    auto wanted = std::vector{static_cast<std::uint64_t>(shape.outputs),
                              static_cast<std::uint64_t>(shape.inputs)};
    std::string note;
    if (tensor.storage == Storage::packed_u8) {
      if (wanted[0] % 4 != 0)
        source.fail(tensor.offset,
                    fmt::format("{} has 4 rows a byte, but {} rows", tensor.name, wanted[0]));
      wanted[0] /= 4;
      note = ", four rows a byte";
    }
    if (tensor.shape != wanted)
      source.fail(tensor.offset,
                  fmt::format("{} is {}, but hidden size, heads and FFN size make it {}{}",
                              tensor.name, shape_text(tensor.shape), shape_text(wanted), note));
    if (tensor.storage == Storage::packed_u8) check_scale(source, tensor);
  }

  // Hugging Face's BitNet has a scale beside each packed weight; other packings don't.
  void check_scale(const Source& source, const Tensor& tensor) const {
    const auto scale = tensor.name + "_scale";
    const auto has = [&scale](const Part& part) {
      return ranges::find(part.tensors, scale, &Tensor::name) != part.tensors.end();
    };
    if (!ranges::any_of(checkpoint_.parts, has))
      source.fail(tensor.offset, fmt::format("{} is U8, but there is no {}", tensor.name, scale),
                  "only Hugging Face BitNet's packing of U8 is read");
  }

  void check_embedding(const Source& source, const Tensor& tensor) const {
    if (tensor.name != "token_embd.weight" && tensor.name != "model.embed_tokens.weight") return;
    const auto& a = checkpoint_.architecture;
    const std::vector wanted{a.vocabulary.value, a.hidden.value};
    if (tensor.shape != wanted)
      source.fail(tensor.offset,
                  fmt::format("{} is {}, but vocabulary and hidden size make it {}", tensor.name,
                              shape_text(tensor.shape), shape_text(wanted)));
  }

  const Checkpoint& checkpoint_;
  const spec::Model<double>& model_;
  std::vector<Located> all_;
};

// ---- how weights are coded ----

struct Coding {
  bool ternary;
  std::uint64_t bits = 2;
  std::string why;
};

// The integer type that most weights of the linear layers have, if they all are of such types.
std::optional<Coding> integer_tensors(const Checkpoint& checkpoint) {
  std::map<std::pair<int, std::string>, std::uint64_t> weights;
  for (const auto& part : checkpoint.parts)
    for (const auto& tensor : part.tensors) {
      if (!linear_name(tensor.name)) continue;
      if (!tensor.integer_bits) return std::nullopt;
      weights[{*tensor.integer_bits, tensor.type}] += elements(tensor.shape).value_or(0);
    }
  if (weights.empty()) return std::nullopt;
  const auto most = std::max_element(weights.begin(), weights.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  std::string types;
  for (const auto& [type, count] : weights) types += (types.empty() ? "" : ", ") + type.second;
  return Coding{false, static_cast<std::uint64_t>(most->first.first),
                fmt::format("{} ({}), without its scales", most->first.second,
                            weights.size() == 1 ? "all linear layers"
                                                : "most weights; the linear layers have " + types)};
}

bool has_ternary_tensors(const Checkpoint& checkpoint) {
  const auto is_ternary = [](const Tensor& t) {
    return linear_name(t.name) && (t.storage == Storage::tq1_0 || t.storage == Storage::tq2_0 ||
                                   t.storage == Storage::i2_s);
  };
  return ranges::any_of(checkpoint.parts,
                        [&](const Part& p) { return ranges::any_of(p.tensors, is_ternary); });
}

Coding coding_of(const Checkpoint& checkpoint, const Options& options) {
  const auto& a = checkpoint.architecture;
  if (options.bits)
    return {false, static_cast<std::uint64_t>(*options.bits), "--bits of tomestimate import"};
  if (options.ternary) return {true, 2, "--ternary of tomestimate import"};
  if (a.ternary) return {true, 2, a.ternary_why};
  if (has_ternary_tensors(checkpoint)) return {true, 2, "the types of the linear layers"};
  if (a.integer_bits) return {false, *a.integer_bits, a.integer_why};
  if (auto integer = integer_tensors(checkpoint)) return *integer;
  throw spec::SpecError(
      {{{checkpoint.path, 1, 1},
        a.integer_why.empty()
            ? "does not say that its weights are ternary or whole numbers"
            : a.integer_why + " does not say whole-number weights of how many bits",
        "--bits N makes a spec of N-bit whole-number weights, --ternary one of ternary weights"}});
}

// ---- the spec ----

constexpr std::string_view usual =
    "measured ternary checkpoints have 29 to 42 % zeros; 30 % is the share behind TOM's published "
    "65 % "
    "zero bits";

class SpecBuilder {
 public:
  SpecBuilder(const Checkpoint& checkpoint, const Coding& coding) : coding_(coding) {
    const auto& a = checkpoint.architecture;
    fact("model.hidden", a.hidden);
    fact("model.layers", a.layers);
    fact("model.heads", a.heads);
    fact("model.kv_heads", a.kv_heads);
    fact("model.head_dim", a.head_dim);
    fact("model.intermediate", a.intermediate);
    add_graph(a);
    flag("model.sub_norms", a.sub_norms);
    if (coding.ternary)
      add("model.activation_bits", "8 bit", Grade::secondary,
          "per-token absmax int8, as BitNet b1.58");
    else
      assume("model.activation_bits", "8 bit", "8-bit activations, as TOM and ROMA compute");
    assume("model.kv_bits", "8 bit", "not in the checkpoint; 8-bit keys and values");
    assume("model.residual_bits", "16 bit",
           "not in the checkpoint; residual stream kept in 16 bit");
    add_weights();
    add_groups();
    assume("adapter.rank", "16", "not in the checkpoint; 16 is what ROMA quotes context for",
           {{0, 64}});
    assume("adapter.bits", "8 bit", "not in the checkpoint; 8-bit adapters");
    assume("adapter.targets", "[q, k, v, o, gate, up, down]",
           "not in the checkpoint; all linear layers, as QLoRA does");
    fact("embedding.vocabulary", a.vocabulary);
    flag("embedding.tied", a.tied);
    assume("embedding.bits", "8 bit", "8-bit table if it were on the chip");
    assume("embedding.zero_bit_ratio", "0.5", "8-bit integers have about as many 0 as 1");
    assume("workload.batch", "1", "single-user decode");
    assume("workload.prompt", "256", "not in the checkpoint; ROMA quotes 256 input tokens");
    assume("workload.context", "256", "not in the checkpoint; ROMA quotes 256 input tokens");
  }

  // Replaces the assumed share of zeros by counted ones.
  void set_zero_share(const std::vector<Counts>& layers, const std::string& source) {
    std::string text;
    for (const auto& layer : layers)
      text += (text.empty() ? "" : ", ") + fmt::format("{:.9g}", layer.zero_share());
    auto& value = *ranges::find(spec_.sourced, "weights.zero_share", &spec::Sourced::path);
    value = {"weights.zero_share", "[" + text + "]", Grade::derived, source, std::nullopt, {}, {}};
  }

  // Adds the counted share of each projection, by layer; `linears` are by layer and projection.
  void set_projection_shares(const std::vector<Linear>& linears, const std::string& source) {
    auto at = ranges::find(spec_.sourced, "weights.zero_share", &spec::Sourced::path) + 1;
    for (std::size_t p = 0; p < projection_count; ++p) {
      std::string text;
      for (std::size_t i = p; i < linears.size(); i += projection_count)
        text += (text.empty() ? "" : ", ") + fmt::format("{:.9g}", linears[i].counts.zero_share());
      at = spec_.sourced.insert(at, {std::string(spec::zero_share_paths[p]),
                                     "[" + text + "]",
                                     Grade::derived,
                                     source,
                                     std::nullopt,
                                     {},
                                     {}}) +
           1;
    }
  }

  spec::Spec<spec::Model<double>>& spec() { return spec_; }

 private:
  using Range = std::optional<std::array<double, 2>>;

  // What a layer is made of beside its shapes.
  void add_graph(const Architecture& a) {
    add("model.gated", "true", Grade::secondary, a.type + " has a gate beside up");
    if (const auto known = activation_name(a.activation))
      add("model.activation", std::string(*known), Grade::secondary, "hidden_act " + a.activation);
    else
      assume("model.activation", "silu", "not in the checkpoint; Llama's");
    assume("model.full_every", "1", "every layer attends to all positions");
    assume("model.window", "0", "no layer attends to a window only");
    assume("model.norm_bits", "32 bit", "norm gains in ROM, in 32 bit as TOM's");
  }

  // The name that specs have for what transformers calls an activation.
  static std::optional<std::string_view> activation_name(std::string_view text) {
    if (text == "relu2" || text == "relu_squared") return "relu2";
    if (text == "silu" || text == "swish") return "silu";
    if (text.starts_with("gelu")) return "gelu";
    return std::nullopt;
  }

  void add_groups() {
    const auto* const why = "scales are not counted";
    if (coding_.ternary) {
      add("weights.group", "0", Grade::secondary, "one scale a matrix, as BitNet b1.58");
      add("weights.group_bits", "0 bit", Grade::secondary, "one scale a matrix, as BitNet b1.58");
    } else {
      assume("weights.group", "0", why);
      assume("weights.group_bits", "0 bit", why);
    }
  }

  void add(std::string path, std::string text, Grade grade, std::string source, Range range = {}) {
    spec_.sourced.push_back(
        {std::move(path), std::move(text), grade, std::move(source), range, {}, {}});
  }
  void assume(std::string path, std::string text, std::string source, Range range = {}) {
    add(std::move(path), std::move(text), Grade::assumption, std::move(source), range);
  }
  void fact(std::string path, const Fact& f) {
    add(std::move(path), fmt::format("{}", f.value), f.grade, f.source);
  }
  void flag(std::string path, const Fact& f) {
    add(std::move(path), f.value == 1 ? "true" : "false", f.grade, f.source);
  }

  void add_weights() {
    if (coding_.ternary) {
      add("weights.code", "ternary", Grade::secondary, coding_.why);
      add("weights.bits", "2 bit", Grade::secondary,
          "2-bit code with one 1-bit for -1 and +1 (TOM summary)");
      assume("weights.zero_share", "0.3", std::string(usual), {{usual_low, usual_high}});
      return;
    }
    add("weights.code", "integer", Grade::secondary, coding_.why);
    add("weights.bits", fmt::format("{} bit", coding_.bits), Grade::secondary, coding_.why);
    assume("weights.zero_bit_ratio", "0.5", "not counted; near-uniform two's complement codes",
           {{0.45, 0.6}});
  }

  Coding coding_;
  spec::Spec<spec::Model<double>> spec_{};
};

// The spec as TOML, and as a reader of it sees it; its broken rules are the checkpoint's.
spec::Model<double> checked(const std::string& toml, const std::string& path) try {
  return spec::parse_model(toml, path).values;
} catch (const spec::SpecError& e) {
  const auto& first = e.diagnostics().front();
  throw spec::SpecError(
      {{{path, 1, 1}, "describes no model of a spec: " + first.message, first.hint}});
}

// ---- counting ----

void check_countable(const Located& l) {
  const auto storage = l.tensor->storage;
  if (storage == Storage::other)
    l.source->fail(
        l.tensor->offset,
        fmt::format("{} is {}, neither ternary nor floating", l.tensor->name, l.tensor->type),
        "--bits N makes a spec of N-bit whole-number weights");
}

std::vector<Linear> count_all(const std::vector<Located>& all, const spec::Model<double>& model) {
  for (const auto& each : all) check_countable(each);
  std::vector<Linear> out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto projection = static_cast<Projection>(i % projection_count);
    const auto shape = spec::shape(model, projection);
    out.push_back({all[i].tensor->name, i / projection_count, projection,
                   static_cast<std::uint64_t>(shape.outputs),
                   static_cast<std::uint64_t>(shape.inputs), all[i].tensor->type,
                   count(*all[i].source, *all[i].tensor)});
  }
  return out;
}

std::vector<std::string> cautions_of(const std::vector<Linear>& linears) {
  std::vector<std::string> out;
  const auto note = [&](auto is_so, const char* what) {
    std::uint64_t tensors = 0;
    const Linear* first = nullptr;
    for (const auto& l : linears)
      if (is_so(l)) {
        if (first == nullptr) first = &l;
        ++tensors;
      }
    if (first != nullptr)
      out.push_back(fmt::format("{} of {} tensors {} (the first is {})", tensors, linears.size(),
                                what, first->name));
  };
  note([](const Linear& l) { return l.counts.invalid > 0; },
       "have values that are not -1, 0 or +1; they count as non-zero weights");
  note([](const Linear& l) { return l.counts.odd_bytes > 0; },
       "have TQ1_0 bytes that no writer makes");
  note([](const Linear& l) { return l.counts.odd_scales > 0; },
       "have a scale that is not finite, or is zero beside weights that are not; zeros are counted "
       "by code");
  note(
      [](const Linear& l) {
        return l.counts.zero_share() < usual_low || l.counts.zero_share() > usual_high;
      },
      "have a zero share outside the 29 to 42 % of measured ternary checkpoints");
  return out;
}

std::string types_of(const std::vector<Linear>& linears) {
  std::set<std::string> types;
  for (const auto& l : linears) types.insert(l.type);
  return fmt::format("{}", fmt::join(types, ", "));
}

std::string counting_source(const std::string& source, const std::vector<Linear>& linears,
                            bool from_floats) {
  Counts total;
  for (const auto& l : linears) total += l.counts;
  return fmt::format(
      "{}: {} of {} weights of the {} linear layers are zero{}, counted one by one; one "
      "value a layer, over its 7 projections",
      source, total.zeros, total.weights(), linears.size(),
      from_floats ? " once ternarized by absmean as BitNet b1.58 does" : "");
}

// The path from the root, without "." and ".." and without a slash at the end.
fs::path whole_path(const std::string& path) {
  const auto whole = fs::absolute(path).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

std::string file_name(const std::string& path) {
  return printable(whole_path(path).filename().string());
}

// As the user or the checkpoint says; otherwise the name of the GGUF file, or of the folder that a
// config.json is in.
std::string model_name(const Checkpoint& checkpoint, const Options& options) {
  if (!options.name.empty()) return printable(options.name);
  if (!checkpoint.architecture.name.empty()) return checkpoint.architecture.name;
  const auto path = whole_path(checkpoint.path);
  const auto own = checkpoint.format.starts_with("GGUF") ? path.stem()
                   : fs::is_directory(path)              ? path.filename()
                                                         : path.parent_path().filename();
  return own.empty() ? "model" : printable(own.string());
}

std::string description(const Architecture& a, const Coding& coding) {
  return fmt::format("{}-layer {} with {} weights{}", a.layers.value, a.type,
                     coding.ternary ? "ternary" : fmt::format("{}-bit integer", coding.bits),
                     a.activation.empty() ? "" : ", " + a.activation);
}

}  // namespace

Imported import_model(const std::string& path, const Options& options) {
  const auto checkpoint = open_checkpoint(path);
  const auto coding = coding_of(checkpoint, options);
  Imported out{"", model_name(checkpoint, options), "", coding.ternary, {}, {}, {}};
  SpecBuilder builder(checkpoint, coding);
  builder.spec().name = out.name;
  builder.spec().description = description(checkpoint.architecture, coding);
  // Checked before anything is counted: a broken rule is found at once, and shapes are bounded.
  const auto model = checked(spec::to_toml(builder.spec(), ""), path);
  out.source = fmt::format("{} ({})", file_name(path), checkpoint.format);
  if (coding.ternary && !checkpoint.parts.empty()) {
    const LinearTable table(checkpoint, model);
    out.linears = count_all(table.all(), model);
    out.cautions = cautions_of(out.linears);
    out.source =
        fmt::format("{} ({}, {})", file_name(path), checkpoint.format, types_of(out.linears));
    std::vector<Counts> layers(model.layers);
    for (const auto& l : out.linears) layers[l.layer] += l.counts;
    const bool from_floats =
        ranges::any_of(table.all(), [](const Located& l) { return is_float(l.tensor->storage); });
    builder.set_zero_share(layers, counting_source(out.source, out.linears, from_floats));
    builder.set_projection_shares(out.linears, out.source + ", counted one by one");
  }
  out.spec = spec::to_toml(builder.spec(), "Made by tomestimate import from " + out.source +
                                               ". What the source does not say is an assumption.");
  checked(out.spec, path);
  out.values = builder.spec().sourced;
  return out;
}

}  // namespace tomestimate::importer
