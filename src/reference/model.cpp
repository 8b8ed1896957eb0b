// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/reference/model.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include <tomestimate/spec/diagnostic.hpp>

#include "synthetic.hpp"

namespace tomestimate::reference {
namespace {

using importer::CheckpointWeights;
using importer::FoundTensor;
using importer::Storage;

// ---- names of tensors in GGUF and in transformers' checkpoints ----

struct Names {
  std::string_view gguf;
  std::string_view huggingface;
};

constexpr std::array<Names, projection_count> projection_tensors{
    Names{"attn_q", "self_attn.q_proj"}, Names{"attn_k", "self_attn.k_proj"},
    Names{"attn_v", "self_attn.v_proj"}, Names{"attn_output", "self_attn.o_proj"},
    Names{"ffn_gate", "mlp.gate_proj"},  Names{"ffn_up", "mlp.up_proj"},
    Names{"ffn_down", "mlp.down_proj"},
};
constexpr Names attn_norm{"attn_norm", "input_layernorm"};
constexpr Names ffn_norm{"ffn_norm", "post_attention_layernorm"};
constexpr Names attn_sub_norm{"attn_sub_norm", "self_attn.attn_sub_norm"};
constexpr Names ffn_sub_norm{"ffn_sub_norm", "mlp.ffn_sub_norm"};

bool is_gguf(const CheckpointWeights& files) { return files.format.starts_with("GGUF"); }

std::string layer_tensor(const CheckpointWeights& files, std::size_t layer, const Names& names) {
  return is_gguf(files) ? fmt::format("blk.{}.{}", layer, names.gguf)
                        : fmt::format("model.layers.{}.{}", layer, names.huggingface);
}

std::string embedding_tensor(const CheckpointWeights& files) {
  return is_gguf(files) ? "token_embd.weight" : "model.embed_tokens.weight";
}

std::string head_tensor(const CheckpointWeights& files) {
  return is_gguf(files) ? "output.weight" : "lm_head.weight";
}

std::string final_norm_tensor(const CheckpointWeights& files) {
  return is_gguf(files) ? "output_norm.weight" : "model.norm.weight";
}

FoundTensor need_tensor(const CheckpointWeights& files, const std::string& name) {
  const auto found = importer::find_tensor(files, name);
  if (!found)
    files.files[0].source.fail(0, fmt::format("has no tensor {}", name),
                               "fused, expert and repacked layers are not run");
  return found;
}

void check_shape(const FoundTensor& found, std::vector<std::uint64_t> wanted) {
  if (found.tensor->storage == Storage::packed_u8) {
    if (wanted[0] % 4 != 0)
      found.source->fail(found.tensor->offset, fmt::format("{} has 4 rows a byte, but {} rows",
                                                           found.tensor->name, wanted[0]));
    wanted[0] /= 4;
  }
  if (found.tensor->shape != wanted)
    found.source->fail(
        found.tensor->offset,
        fmt::format("{} is {}, but the model's sizes make it {}", found.tensor->name,
                    importer::shape_text(found.tensor->shape), importer::shape_text(wanted)));
}

std::vector<float> read_gain(const CheckpointWeights& files, const std::string& name,
                             std::size_t size) {
  const auto found = need_tensor(files, name);
  check_shape(found, {size});
  std::vector<float> out(size);
  importer::read_floats(*found.source, *found.tensor, 0, out);
  return out;
}

// The scale that a checkpoint keeps beside a matrix, or 1 where the weights may have it themselves.
float scale_beside(const CheckpointWeights& files, const std::string& name,
                   const FoundTensor& weights) {
  const auto beside = is_gguf(files) ? name + ".scale" : name + ".weight_scale";
  const auto found = importer::find_tensor(files, beside);
  const auto storage = weights.tensor->storage;
  if (!found && (storage == Storage::packed_u8 || storage == Storage::i8))
    weights.source->fail(weights.tensor->offset,
                         fmt::format("{} is {}, and there is no tensor {}", weights.tensor->name,
                                     weights.tensor->type, beside),
                         "-1, 0 and +1 alone have no scale");
  if (!found) return 1;
  for (const auto n : found.tensor->shape)
    if (n != 1)
      found.source->fail(found.tensor->offset,
                         fmt::format("{} is {}", beside, importer::shape_text(found.tensor->shape)),
                         "matrices with one scale are run");
  float value = 1;
  importer::read_floats(*found.source, *found.tensor, 0, {&value, 1});
  if (!(value > 0))
    found.source->fail(found.tensor->offset, fmt::format("{} is {}, not above 0", beside, value));
  return !is_gguf(files) && files.facts.scale_divides ? 1.0f / value : value;
}

// ---- matrices of a checkpoint ----

std::size_t group_of(std::size_t inputs) { return inputs % 128 == 0 ? 128 : inputs; }

// Floats to whole numbers of `bits` bits, a group at a time: scale = (max - min) / (2^bits - 1)
// with 0 inside min .. max, zero = round(-min / scale), code = round(w / scale) + zero, clipped.
Grouped quantize_groups(const FoundTensor& found, const Shape& shape, int bits) {
  const auto group = group_of(shape.inputs);
  Grouped out(shape.outputs, shape.inputs, bits, group);
  const float most = static_cast<float>((1 << bits) - 1);
  std::vector<float> row(shape.inputs);
  std::vector<std::uint8_t> codes(group);
  for (std::size_t r = 0; r < shape.outputs; ++r) {
    importer::read_floats(*found.source, *found.tensor, r * shape.inputs, row);
    for (std::size_t from = 0; from < row.size(); from += group) {
      const auto part = std::span(row).subspan(from, group);
      const float low = std::min(0.0f, *std::min_element(part.begin(), part.end()));
      const float high = std::max(0.0f, *std::max_element(part.begin(), part.end()));
      const float scale = high > low ? (high - low) / most : 1.0f;
      const float zero = std::clamp(round_half_even(-low / scale), 0.0f, most);
      for (std::size_t i = 0; i < group; ++i)
        codes[i] = static_cast<std::uint8_t>(
            std::clamp(round_half_even(part[i] / scale) + zero, 0.0f, most));
      out.set(r * shape.inputs + from, codes, scale, static_cast<std::uint8_t>(zero));
    }
  }
  return out;
}

Grouped read_grouped(const FoundTensor& found, const Shape& shape) {
  const auto format = *importer::group_format(*found.tensor);
  Grouped out(shape.outputs, shape.inputs, format.bits, format.group);
  importer::read_groups(*found.source, *found.tensor, [&](const importer::WeightGroup& g) {
    out.set(g.first, g.codes, g.scale, g.zero);
  });
  return out;
}

Ternary read_ternary_matrix(const FoundTensor& found, const Shape& shape, float beside) {
  Ternary out(shape.outputs, shape.inputs);
  out.scale = importer::read_ternary(
      *found.source, *found.tensor,
      [&](std::uint64_t first, std::span<const std::int8_t> weights) { out.set(first, weights); });
  out.scale *= beside;
  return out;
}

Matrix read_matrix(const CheckpointSource& source, std::size_t layer, Projection projection,
                   const Shape& shape) {
  const auto name =
      layer_tensor(source.files, layer, projection_tensors[static_cast<std::size_t>(projection)]);
  const auto found = need_tensor(source.files, name + ".weight");
  check_shape(found, {shape.outputs, shape.inputs});
  const bool floats = importer::is_float(found.tensor->storage);
  if (floats && source.bits) return quantize_groups(found, shape, *source.bits);
  if (importer::group_format(*found.tensor)) return read_grouped(found, shape);
  if (floats && !source.ternary && !source.files.architecture.ternary)
    found.source->fail(found.tensor->offset,
                       fmt::format("{} is {}, and nothing says that the model is ternary", name,
                                   found.tensor->type),
                       "--bits N runs it with whole-number weights, --ternary with ternary ones");
  return read_ternary_matrix(found, shape, scale_beside(source.files, name, found));
}

Layer read_layer(const Config& c, const CheckpointSource& source, std::size_t l) {
  const auto& files = source.files;
  const auto gain = [&](const Names& names, std::size_t size) {
    return read_gain(files, layer_tensor(files, l, names) + ".weight", size);
  };
  Layer out;
  for (std::size_t p = 0; p < projection_count; ++p) {
    const auto projection = static_cast<Projection>(p);
    out.projections[p] = read_matrix(source, l, projection, shape(c, projection));
  }
  out.attn_norm = gain(attn_norm, c.hidden);
  out.ffn_norm = gain(ffn_norm, c.hidden);
  if (c.sub_norms) {
    out.attn_sub_norm = gain(attn_sub_norm, c.queries());
    out.ffn_sub_norm = gain(ffn_sub_norm, c.intermediate);
  }
  return out;
}

std::vector<double> rope_divisors(const CheckpointWeights& files, const Config& c) {
  if (const auto& r = files.facts.stretched_rope)
    return llama3_divisors(c.head_dim, c.rope_theta, r->factor, r->low_frequency, r->high_frequency,
                           r->original_context);
  if (!is_gguf(files) || !importer::find_tensor(files, "rope_freqs.weight")) return {};
  const auto read = read_gain(files, "rope_freqs.weight", c.head_dim / 2);
  for (const float divisor : read)
    if (!(divisor > 0))
      files.files[0].source.fail(0, "rope_freqs.weight has a divisor that is not above 0");
  return {read.begin(), read.end()};
}

// ---- synthetic ----

Layer make_layer(const Config& c, const Synthetic& source, std::size_t l) {
  Layer out;
  for (std::size_t p = 0; p < projection_count; ++p) {
    const auto s = shape(c, static_cast<Projection>(p));
    const auto key = mix(source.seed, l, p);
    if (source.bits)
      out.projections[p] =
          random_grouped(s.outputs, s.inputs, *source.bits, group_of(s.inputs), key);
    else
      out.projections[p] = random_ternary(s.outputs, s.inputs, source.zero_share[l][p], key);
  }
  out.attn_norm.assign(c.hidden, 1);
  out.ffn_norm.assign(c.hidden, 1);
  if (c.sub_norms) {
    out.attn_sub_norm.assign(c.queries(), 1);
    out.ffn_sub_norm.assign(c.intermediate, 1);
  }
  return out;
}

// Adapters as drawn: a third of the weights zero, as absmean leaves a uniform distribution; the
// scale of b makes what they add a quarter of the base output's size.
void add_adapters(const Config& c, std::uint64_t seed, std::size_t l, Layer& layer) {
  for (std::size_t p = 0; p < projection_count; ++p) {
    if (c.adapter_rank == 0 || !c.adapter_targets[p]) continue;
    const auto s = shape(c, static_cast<Projection>(p));
    Adapter adapter{random_ternary(c.adapter_rank, s.inputs, 1.0 / 3, mix(seed, l, 100 + 2 * p)),
                    random_ternary(s.outputs, c.adapter_rank, 1.0 / 3, mix(seed, l, 101 + 2 * p))};
    adapter.b.scale *= 0.25f;
    layer.adapters[p] = std::move(adapter);
  }
}

constexpr std::size_t no_layer = 1u << 20;  // keys of the tables outside the layers

// ---- configs ----

Activation parse_activation(const std::string& text, const std::string& file) {
  if (text == "silu" || text == "swish") return Activation::silu;
  if (text == "relu2" || text == "relu_sqr") return Activation::relu2;
  throw spec::SpecError(
      {{{file, 1, 1}, fmt::format("says activation \"{}\"", text), "silu and relu2 are run"}});
}

void check_config(const Config& c, const std::string& file) {
  const auto fail = [&file](std::string message) {
    throw spec::SpecError({{{file, 1, 1}, std::move(message), ""}});
  };
  // The bounds of model specs: products of these sizes do not overflow.
  if (c.layers > 4096 || c.heads > 4096 || c.kv_heads > 4096 || c.head_dim > 65536 ||
      c.vocabulary > 100'000'000)
    fail(fmt::format("{} layers, {} heads of {} and a vocabulary of {} are beyond what is run",
                     c.layers, c.heads, c.head_dim, c.vocabulary));
  if (c.head_dim == 0 || c.head_dim % 2 != 0)
    fail(fmt::format("head size {} is not even: RoPE turns pairs", c.head_dim));
  if (c.kv_heads == 0 || c.heads % c.kv_heads != 0)
    fail(fmt::format("{} query heads are not a multiple of {} key and value heads", c.heads,
                     c.kv_heads));
  for (const auto columns : {c.hidden, c.queries(), c.intermediate})
    if (columns == 0 || columns > 1u << 23) fail(fmt::format("{} inputs of a layer", columns));
  if (c.vocabulary == 0 || c.layers == 0) fail("has no layers or no vocabulary");
  if (!(c.rope_theta >= 1) || !(c.norm_epsilon >= 0))
    fail("RoPE theta or epsilon is no such number");
}

}  // namespace

Shape shape(const Config& c, Projection projection) {
  switch (projection) {
    case Projection::q:
      return {c.queries(), c.hidden};
    case Projection::k:
    case Projection::v:
      return {c.keys(), c.hidden};
    case Projection::o:
      return {c.hidden, c.queries()};
    case Projection::gate:
    case Projection::up:
      return {c.intermediate, c.hidden};
    case Projection::down:
      break;
  }
  return {c.hidden, c.intermediate};
}

std::size_t Layer::bytes() const {
  std::size_t out = 0;
  for (const auto& m : projections) out += std::visit([](const auto& w) { return w.bytes(); }, m);
  for (const auto& a : adapters)
    if (a) out += a->a.bytes() + a->b.bytes();
  return out;
}

Layer Model::layer(std::size_t l) const {
  auto out = std::holds_alternative<Synthetic>(weights)
                 ? make_layer(config, std::get<Synthetic>(weights), l)
                 : read_layer(config, std::get<CheckpointSource>(weights), l);
  add_adapters(config, adapter_seed, l, out);
  return out;
}

void Model::embed(std::size_t token, std::span<float> out) const {
  if (const auto* made = std::get_if<Synthetic>(&weights))
    return random_uniform(mix(made->seed, no_layer, 0), token * config.hidden, std::sqrt(3.0f),
                          out);
  const auto& files = std::get<CheckpointSource>(weights).files;
  const auto found = need_tensor(files, embedding_tensor(files));
  importer::read_floats(*found.source, *found.tensor, token * config.hidden, out);
}

void Model::head_rows(std::size_t first, std::span<float> out) const {
  if (const auto* made = std::get_if<Synthetic>(&weights)) {
    // Logits of a tied head would have variance hidden; this one's is 1.
    const float most = std::sqrt(3.0f / static_cast<float>(config.hidden));
    return random_uniform(mix(made->seed, no_layer, config.tied ? 0 : 1), first * config.hidden,
                          most, out);
  }
  const auto& files = std::get<CheckpointSource>(weights).files;
  const auto found = need_tensor(files, config.tied ? embedding_tensor(files) : head_tensor(files));
  importer::read_floats(*found.source, *found.tensor, first * config.hidden, out);
}

std::vector<float> Model::final_norm() const {
  if (std::holds_alternative<Synthetic>(weights)) return std::vector<float>(config.hidden, 1.0f);
  const auto& files = std::get<CheckpointSource>(weights).files;
  return read_gain(files, final_norm_tensor(files), config.hidden);
}

Model open_checkpoint_model(const std::string& path, const ModelOptions& options) {
  auto files = importer::open_weights(path);
  const auto& a = files.architecture;
  Config c;
  c.name = a.name.empty() ? a.type : a.name;
  c.source = fmt::format("{} ({})", std::filesystem::path(path).filename().string(), files.format);
  c.hidden = a.hidden.value;
  c.layers = a.layers.value;
  c.heads = a.heads.value;
  c.kv_heads = a.kv_heads.value;
  c.head_dim = a.head_dim.value;
  c.intermediate = a.intermediate.value;
  c.vocabulary = a.vocabulary.value;
  c.positions = a.positions ? a.positions->value : 0;
  c.sub_norms = a.sub_norms.value == 1;
  c.tied = a.tied.value == 1;
  c.activation =
      options.activation ? *options.activation : parse_activation(files.facts.activation, path);
  c.activation_said = options.activation || files.facts.activation_said;
  c.norm_epsilon = files.facts.norm_epsilon;
  c.rope_theta = files.facts.rope_theta;
  c.rope_adjacent = files.facts.rope_adjacent;
  c.adapter_rank = options.adapter_rank.value_or(0);
  c.adapter_targets.fill(true);
  check_config(c, path);
  c.rope_divisors = rope_divisors(files, c);
  const auto embedding = need_tensor(files, embedding_tensor(files));
  check_shape(embedding, {c.vocabulary, c.hidden});
  if (!c.tied) check_shape(need_tensor(files, head_tensor(files)), {c.vocabulary, c.hidden});
  return {c, CheckpointSource{std::move(files), options.bits, options.ternary}, options.seed};
}

Model synthetic_model(const spec::Spec<spec::Model<double>>& spec, const ModelOptions& options) {
  const auto& m = spec.values;
  const auto whole = [](double v) { return static_cast<std::size_t>(v); };
  const bool ternary =
      !options.bits && (options.ternary || m.weights.code == spec::WeightCode::ternary);
  const auto refuse = [&spec](std::string message, std::string hint) {
    throw spec::SpecError({{{spec.name, 1, 1}, std::move(message), std::move(hint)}});
  };
  if (m.gated == spec::Switch::off)
    refuse("has an MLP without a gate (model.gated)", "MLPs with a gate are run");
  if (m.full_every != 1 && m.window > 0)
    refuse(fmt::format("tokens attend to a window of {} (model.window)", m.window),
           "only full attention is run");
  Config c;
  c.name = spec.name;
  c.source = fmt::format("synthetic weights, seed {}", options.seed);
  c.hidden = whole(m.hidden);
  c.layers = m.layers;
  c.heads = whole(m.heads);
  c.kv_heads = whole(m.kv_heads);
  c.head_dim = whole(m.head_dim);
  c.intermediate = whole(m.intermediate);
  c.vocabulary = whole(m.embedding.vocabulary);
  c.sub_norms = m.sub_norms == spec::Switch::on;
  c.tied = m.embedding.tied == spec::Switch::on;
  c.activation =
      options.activation
          ? *options.activation
          : parse_activation(
                std::string(spec::activation_names[static_cast<std::size_t>(m.activation)]),
                spec.name);
  c.rope_theta = 500000;
  c.adapter_rank = options.adapter_rank.value_or(whole(m.adapter.rank));
  for (std::size_t p = 0; p < projection_count; ++p)
    c.adapter_targets[p] = m.adapter.targets[p] == spec::Switch::on;
  check_config(c, spec.name);
  Synthetic made{options.seed, options.bits, {}};
  if (!ternary && !made.bits) made.bits = static_cast<int>(m.weights.bits.value());
  for (std::size_t l = 0; ternary && l < c.layers; ++l) {
    auto& shares = made.zero_share.emplace_back();
    shares.fill(1.0 / 3);  // of a model of whole numbers that is run ternary
    for (std::size_t p = 0; m.weights.code == spec::WeightCode::ternary && p < shares.size(); ++p)
      shares[p] = spec::zero_share(m.weights, l, static_cast<Projection>(p));
  }
  return {c, std::move(made), options.seed};
}

}  // namespace tomestimate::reference
