// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/import/weights.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/import/json.hpp>
#include <tomestimate/spec/diagnostic.hpp>

#include "checkpoint.hpp"
#include "family.hpp"
#include "linear.hpp"

namespace tomestimate::importer {
namespace {

namespace fs = std::filesystem;
using Bytes = std::span<const std::uint8_t>;

// ---- what a checkpoint says of its arithmetic ----

// Members of one object of a config.json. What is there and of another kind than it must be is an
// error: its default would make another model.
class Members {
 public:
  Members(const Source& config, const nlohmann::json& object) : config_(config), object_(object) {}

  // Null if it is left out.
  const nlohmann::json* find(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end() || found->is_null()) return nullptr;
    if (found->is_discarded()) config_.fail(0, fmt::format("\"{}\" is there twice", key));
    return &*found;
  }

  double number(const char* key, double otherwise) const {
    const auto* found = find(key);
    if (found == nullptr) return otherwise;
    if (!found->is_number()) config_.fail(0, fmt::format("\"{}\" is no number", key));
    return found->get<double>();
  }

  std::string text(const char* key) const {
    const auto* found = find(key);
    if (found == nullptr) return "";
    if (!found->is_string()) config_.fail(0, fmt::format("\"{}\" is no text", key));
    return printable(found->get<std::string>());
  }

  std::optional<Members> object(const char* key) const {
    const auto* found = find(key);
    if (found == nullptr) return std::nullopt;
    if (!found->is_object()) config_.fail(0, fmt::format("\"{}\" is no object", key));
    return Members(config_, *found);
  }

  bool has_objects() const {
    return std::ranges::any_of(object_, [](const auto& value) { return value.is_object(); });
  }

 private:
  const Source& config_;
  const nlohmann::json& object_;
};

// RoPE that is scaled in another way turns other angles: refused, not run wrong.
std::optional<StretchedRope> stretched_rope(const Source& config, const Members& rope,
                                            const char* key) {
  if (rope.has_objects())
    config.fail(0, fmt::format("\"{}\" differs by layer", key), "one RoPE for all layers is run");
  auto type = rope.text("rope_type");
  if (type.empty()) type = rope.text("type");
  const StretchedRope out{rope.number("factor", 0), rope.number("low_freq_factor", 0),
                          rope.number("high_freq_factor", 0),
                          rope.number("original_max_position_embeddings", 0)};
  if (type.empty() && out.factor != 0)
    config.fail(0, fmt::format("\"{}\" has a factor, but no type", key),
                "plain RoPE and llama3 are run");
  if (type.empty() || type == "default") return std::nullopt;
  if (type != "llama3")
    config.fail(0, fmt::format("\"{}\" says RoPE of type {}", key, type),
                "plain RoPE and llama3 are run");
  if (!(out.factor >= 1 && out.low_frequency > 0 && out.high_frequency > out.low_frequency &&
        out.original_context > 0))
    config.fail(0, fmt::format("\"{}\" has no such factors", key));
  return out;
}

void check_full_attention(const Source& source, const Architecture& a) {
  if (a.window.value != 0)
    source.fail(
        0, fmt::format("tokens attend to a window of {} ({})", a.window.value, a.window.source),
        "only full attention is run");
}

// Other architectures have norms, biases, factors or windows that a run does not have.
void check_is_run(const Source& config, const Members& root, const Architecture& a) {
  constexpr std::array<std::string_view, 6> run{"llama",    "bitnet", "bitnetb158",
                                                "bitnet25", "yi",     "mistral"};
  const auto* family = find_family(a.type);
  if (family == nullptr || ranges::find(run, family->name) == run.end())
    config.fail(0, fmt::format("architecture {} is not run", a.type), "BitNet and Llama are");
  for (const char* part : text_parts)
    if (root.find(part) != nullptr)
      config.fail(0, fmt::format("has its text model in \"{}\"", part),
                  "text models of their own are run");
  check_full_attention(config, a);
}

RunFacts config_facts(const Source& config, const Architecture& architecture) {
  const auto json = parse_object(config.text(config.size()), config.name(), 0);
  const Members root(config, json);
  check_is_run(config, root, architecture);
  const bool bitnet = architecture.sub_norms.value == 1;
  RunFacts out;
  out.norm_epsilon = root.number("rms_norm_eps", bitnet ? 1e-5 : 1e-6);
  out.rope_theta = root.number("rope_theta", bitnet ? 500000 : 10000);
  double turned = root.number("partial_rotary_factor", 1);  // share of a head
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const auto rope = root.object(key);
    if (!rope) continue;
    if (auto stretched = stretched_rope(config, *rope, key)) out.stretched_rope = stretched;
    out.rope_theta = rope->number("rope_theta", out.rope_theta);
    turned = rope->number("partial_rotary_factor", turned);
  }
  if (turned != 1)
    config.fail(0, fmt::format("RoPE turns {} of a head", turned), "RoPE of whole heads is run");
  out.activation =
      architecture.activation.empty() ? (bitnet ? "relu2" : "silu") : architecture.activation;
  if (const auto quantization = root.object("quantization_config"))
    out.scale_divides = quantization->text("linear_class") != "autobitlinear";
  return out;
}

// The value of a key, null if it is left out. As of a config.json, one of another kind is an error.
const Metadata* metadata(const Source& source, const Gguf& gguf, const std::string& key) {
  const auto* found = gguf.find(key);
  if (found != nullptr && found->twice)
    source.fail(found->at, fmt::format("{} is there twice", printable(key)));
  return found;
}

double metadata_number(const Source& source, const Gguf& gguf, const std::string& key,
                       double otherwise) {
  const auto* found = metadata(source, gguf, key);
  if (found == nullptr) return otherwise;
  if (const auto* value = std::get_if<double>(&found->value)) return *value;
  if (const auto* value = std::get_if<std::uint64_t>(&found->value))
    return static_cast<double>(*value);
  source.fail(found->at, fmt::format("{} is no number", printable(key)));
}

std::string metadata_text(const Source& source, const Gguf& gguf, const std::string& key) {
  const auto* found = metadata(source, gguf, key);
  if (found == nullptr) return "";
  const auto* value = std::get_if<std::string>(&found->value);
  if (value == nullptr) source.fail(found->at, fmt::format("{} is no text", printable(key)));
  return *value;
}

RunFacts gguf_facts(const Source& source, const Architecture& architecture) {
  const auto gguf = read_gguf(source);
  const auto type = metadata_text(source, gguf, "general.architecture");
  const bool bitnet = type.starts_with("bitnet");
  if (!bitnet && type != "llama")
    source.fail(0, fmt::format("architecture {} is not run", printable(type)),
                "bitnet and llama are");
  check_full_attention(source, architecture);
  RunFacts out;
  out.norm_epsilon =
      metadata_number(source, gguf, type + ".attention.layer_norm_rms_epsilon", 1e-5);
  const auto scaling = metadata_text(source, gguf, type + ".rope.scaling.type");
  if (!scaling.empty() && scaling != "none")
    source.fail(0, fmt::format("says RoPE scaling of type {}", printable(scaling)),
                "plain RoPE and rope_freqs.weight are run");
  out.rope_theta = metadata_number(source, gguf, type + ".rope.freq_base", 10000);
  const auto head = static_cast<double>(architecture.head_dim.value);
  if (const auto turned = metadata_number(source, gguf, type + ".rope.dimension_count", head);
      turned != head)
    source.fail(0, fmt::format("RoPE turns {} values of a head of {}", turned, head),
                "RoPE of whole heads is run");
  if (metadata_number(source, gguf, type + ".rope.scale_linear", 1) != 1)
    source.fail(0, "says RoPE scaling of type linear", "plain RoPE and rope_freqs.weight are run");
  out.rope_adjacent = !bitnet;
  for (const char* key : {".hidden_activation", ".hidden_act"})
    if (out.activation.empty()) out.activation = printable(metadata_text(source, gguf, type + key));
  out.activation_said = !out.activation.empty() || !bitnet;
  // Of what does not say it, llama.cpp runs bitnet with SiLU (BitNet b1.58 3B of 2024), and
  // Microsoft's fork bitnet-b1.58 with relu2 (2B4T).
  if (out.activation.empty()) out.activation = bitnet && type != "bitnet" ? "relu2" : "silu";
  return out;
}

// A tensor that a run does not use would make another model of it.
void refuse_others(const WeightFile& file, std::uint64_t layers) {
  for (const auto& tensor : file.tensors) {
    if (tensor.name.ends_with(".bias"))
      file.source.fail(tensor.offset, fmt::format("{} is a bias", tensor.name),
                       "layers with biases are not run");
    if (!is_run(tensor.name))
      file.source.fail(
          tensor.offset, fmt::format("{} is not run", tensor.name),
          "projections, their scales, and norms before attention, MLP, o and down are");
    if (const auto linear = linear_name(tensor.name); linear && linear->layer >= layers)
      file.source.fail(tensor.offset, fmt::format("{} is of layer {}, but there are {} layers",
                                                  tensor.name, linear->layer, layers));
  }
}

// ---- values ----

// Calls visit(bytes, offset in the tensor) for the first `bytes` of a tensor, in chunks of whole
// units.
template <class Visit>
void stream(const Source& source, const Tensor& tensor, std::uint64_t bytes, std::size_t unit,
            Visit visit) {
  std::vector<std::uint8_t> chunk(
      std::min<std::uint64_t>(std::max<std::size_t>(1, chunk_bytes / unit) * unit, bytes));
  for (std::uint64_t done = 0; done < bytes;) {
    const auto n = std::min<std::uint64_t>(chunk.size(), bytes - done);
    source.read(tensor.offset + done, std::span(chunk).first(n));
    visit(Bytes(chunk).first(n), done);
    done += n;
  }
}

float half(Bytes bytes) {
  const auto bits = static_cast<std::uint32_t>(little_endian(bytes.first(2)));
  const std::uint32_t sign = (bits & 0x8000) << 16;
  const std::uint32_t exponent = bits >> 10 & 31;
  const std::uint32_t fraction = bits & 1023;
  if (exponent == 0) {
    const float size = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -size : size;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000 | fraction << 13);
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

float value_at(Storage storage, Bytes bytes) {
  switch (storage) {
    case Storage::f16:
      return half(bytes);
    case Storage::bf16:
      return std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(bytes.first(2))) << 16);
    default:
      return std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(bytes.first(4))));
  }
}

std::size_t size_of(Storage storage) { return storage == Storage::f32 ? 4 : 2; }

[[noreturn]] void fail_not_finite(const Source& source, const Tensor& tensor,
                                  std::uint64_t element) {
  source.fail(tensor.offset,
              fmt::format("element {} of {} is infinite or no number", element, tensor.name));
}

[[noreturn]] void fail_code(const Source& source, const Tensor& tensor, std::uint64_t at) {
  source.fail(tensor.offset + at, fmt::format("{} has a code here that is no weight", tensor.name),
              "-1, 0 and +1 are");
}

std::int8_t ternary_code(const Source& source, const Tensor& tensor, unsigned code,
                         std::uint64_t at) {
  if (code > 2) fail_code(source, tensor, at);
  return static_cast<std::int8_t>(static_cast<int>(code) - 1);
}

// Gathers the scales of blocks that have a non-zero weight: they must be one.
class OneScale {
 public:
  void add(const Source& source, const Tensor& tensor, std::uint64_t at, float scale,
           std::span<const std::int8_t> weights) {
    if (std::ranges::all_of(weights, [](std::int8_t w) { return w == 0; })) return;
    if (!std::isfinite(scale))
      source.fail(tensor.offset + at, fmt::format("{} has a scale that is no number", tensor.name));
    if (scale_ && *scale_ != scale)
      source.fail(
          tensor.offset + at,
          fmt::format("{} has block scales that differ: {} and {}", tensor.name, *scale_, scale),
          "BitNet has one scale a matrix");
    scale_ = scale;
  }
  float value() const { return scale_.value_or(1.0f); }

 private:
  std::optional<float> scale_;
};

float read_tq2(const Source& source, const Tensor& tensor, const TernaryVisit& visit) {
  OneScale scale;
  std::array<std::int8_t, 256> weights{};
  stream(source, tensor, tensor.bytes, 66, [&](Bytes chunk, std::uint64_t at) {
    for (std::size_t b = 0; b < chunk.size(); b += 66) {
      // Two runs of 32 bytes; bits 2l of byte m are weight 32 l + m of the run's 128.
      for (std::size_t i = 0; i < 256; ++i)
        weights[i] =
            ternary_code(source, tensor, chunk[b + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3,
                         at + b + i / 128 * 32 + i % 32);
      scale.add(source, tensor, at + b + 64, half(chunk.subspan(b + 64)), weights);
      visit((at + b) / 66 * 256, weights);
    }
  });
  return scale.value();
}

// Blocks of `size` weights: a half-float scale, then bits 2 (j % 4) of byte j / 4 are weight j.
float read_q2(const Source& source, const Tensor& tensor, std::size_t size,
              const TernaryVisit& visit) {
  OneScale scale;
  std::vector<std::int8_t> weights(size);
  const auto bytes = 2 + size / 4;
  stream(source, tensor, tensor.bytes, bytes, [&](Bytes chunk, std::uint64_t at) {
    for (std::size_t b = 0; b < chunk.size(); b += bytes) {
      for (std::size_t j = 0; j < size; ++j)
        weights[j] = ternary_code(source, tensor, chunk[b + 2 + j / 4] >> 2 * (j % 4) & 3,
                                  at + b + 2 + j / 4);
      scale.add(source, tensor, at + b, half(chunk.subspan(b)), weights);
      visit((at + b) / bytes * size, weights);
    }
  });
  return scale.value();
}

std::int8_t base3_digit(unsigned byte, unsigned power) {
  return static_cast<std::int8_t>(static_cast<int>((byte * power % 256) * 3 >> 8) - 1);
}

float read_tq1(const Source& source, const Tensor& tensor, const TernaryVisit& visit) {
  constexpr std::array<unsigned, 5> power{1, 3, 9, 27, 81};
  OneScale scale;
  std::array<std::int8_t, 256> weights{};
  stream(source, tensor, tensor.bytes, 54, [&](Bytes chunk, std::uint64_t at) {
    for (std::size_t b = 0; b < chunk.size(); b += 54) {
      const auto block = chunk.subspan(b, 54);
      // Runs of 32 and 16 bytes of five digits, then 4 bytes of four: digit n of byte m is weight
      // n x (bytes of the run) + m of the run.
      std::size_t weight = 0;
      const auto run = [&](std::size_t from, std::size_t bytes, std::size_t digits) {
        for (std::size_t n = 0; n < digits; ++n)
          for (std::size_t m = 0; m < bytes; ++m)
            weights[weight++] = base3_digit(block[from + m], power[n]);
      };
      run(0, 32, 5);
      run(32, 16, 5);
      run(48, 4, 4);
      scale.add(source, tensor, at + b + 52, half(block.subspan(52)), weights);
      visit((at + b) / 54 * 256, weights);
    }
  });
  return scale.value();
}

float read_i2s(const Source& source, const Tensor& tensor, const TernaryVisit& visit) {
  const auto codes = tensor.bytes - 32;
  std::array<std::int8_t, 128> weights{};
  stream(source, tensor, codes, 32, [&](Bytes chunk, std::uint64_t at) {
    for (std::size_t b = 0; b < chunk.size(); b += 32) {
      for (std::size_t i = 0; i < 128; ++i)
        weights[i] = ternary_code(source, tensor, chunk[b + i % 32] >> (6 - i / 32 * 2) & 3,
                                  at + b + i % 32);
      visit((at + b) * 4, weights);
    }
  });
  std::array<std::uint8_t, 4> tail{};
  source.read(tensor.offset + codes, tail);
  const auto scale = std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(tail)));
  if (!std::isfinite(scale))
    source.fail(tensor.offset + codes, fmt::format("the scale of {} is no number", tensor.name));
  return scale;
}

// Bits 2i of stored row r are row i R + r of the matrix, R rows being stored.
float read_packed(const Source& source, const Tensor& tensor, const TernaryVisit& visit) {
  const auto rows = tensor.shape[0];
  const auto columns = tensor.shape[1];
  std::vector<std::int8_t> weights(columns);
  stream(source, tensor, tensor.bytes, columns, [&](Bytes chunk, std::uint64_t at) {
    for (std::size_t r = 0; r < chunk.size() / columns; ++r)
      for (unsigned i = 0; i < 4; ++i) {
        const auto row = chunk.subspan(r * columns, columns);
        for (std::size_t c = 0; c < columns; ++c)
          weights[c] = ternary_code(source, tensor, row[c] >> 2 * i & 3, at + r * columns + c);
        visit((i * rows + at / columns + r) * columns, weights);
      }
  });
  return 1;
}

float read_i8(const Source& source, const Tensor& tensor, const TernaryVisit& visit) {
  std::vector<std::int8_t> weights;
  stream(source, tensor, tensor.bytes, 1, [&](Bytes chunk, std::uint64_t at) {
    weights.resize(chunk.size());
    for (std::size_t i = 0; i < chunk.size(); ++i)
      weights[i] = ternary_code(source, tensor, static_cast<std::uint8_t>(chunk[i] + 1), at + i);
    visit(at, weights);
  });
  return 1;
}

// ggml-common.h, block_q6_K, and dequantize_row_q6_K of ggml-quants.c: blocks of 256, 210 bytes:
// 128 with the low 4 bits of a code, 64 with the high 2, 16 signed scales, a half-float scale. In
// each half of a block, the codes of 32 l + m (l < 4, m < 32) are in low bytes 32 (l % 2) + m and
// high byte m; a scale serves 16 weights.
void read_q6(const Source& source, const Tensor& tensor, std::uint64_t first,
             std::span<float> out) {
  std::vector<std::uint8_t> bytes(out.size() / 256 * 210);
  source.read(tensor.offset + first / 256 * 210, bytes);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto block = Bytes(bytes).subspan(i / 256 * 210, 210);
    const std::size_t half_block = i % 256 / 128;
    const std::size_t l = i % 128 / 32;
    const std::size_t m = i % 32;
    const int low = block[64 * half_block + 32 * (l % 2) + m] >> (l / 2 * 4) & 15;
    const int high = block[128 + 32 * half_block + m] >> 2 * l & 3;
    const auto scale = static_cast<std::int8_t>(block[192 + i % 256 / 16]);
    out[i] = half(block.subspan(208)) * static_cast<float>(scale) *
             static_cast<float>((low | high << 4) - 32);
    if (!std::isfinite(out[i])) fail_not_finite(source, tensor, first + i);
  }
}

void read_group_values(const Source& source, const Tensor& tensor, std::uint64_t first,
                       std::span<float> out) {
  const std::uint64_t bytes = tensor.type == "Q4_0" ? 18 : 34;
  auto part = tensor;
  part.offset += first / 32 * bytes;
  part.bytes = out.size() / 32 * bytes;
  read_groups(source, part, [&](const WeightGroup& g) {
    for (std::size_t i = 0; i < g.codes.size(); ++i)
      out[g.first + i] = g.scale * static_cast<float>(int{g.codes[i]} - int{g.zero});
  });
}

template <class Visit>
void stream_floats(const Source& source, const Tensor& tensor, Visit visit) {
  const auto count = elements(tensor.shape).value_or(0);
  std::vector<float> values(std::min<std::uint64_t>(count, chunk_bytes / 4));
  for (std::uint64_t first = 0; first < count; first += values.size()) {
    const auto part =
        std::span(values).first(std::min<std::uint64_t>(values.size(), count - first));
    read_floats(source, tensor, first, part);
    visit(first, part);
  }
}

// Mean of |w|: F32 weights summed in order; of 16-bit weights, of which there are 65,536, how often
// each is there times its size, by rising code. count.hpp's counts are of the same mean.
double sum_of_sizes(const Source& source, const Tensor& tensor) {
  double sum = 0;
  if (tensor.storage == Storage::f32) {
    stream_floats(source, tensor, [&](std::uint64_t, std::span<const float> values) {
      for (const float v : values) sum += std::abs(v);
    });
    return sum;
  }
  std::vector<std::uint64_t> histogram(1 << 16);
  stream(source, tensor, tensor.bytes, 2, [&](Bytes chunk, std::uint64_t) {
    for (std::size_t i = 0; i < chunk.size(); i += 2)
      ++histogram[static_cast<std::size_t>(chunk[i] | chunk[i + 1] << 8)];
  });
  for (std::size_t bits = 0; bits < histogram.size(); ++bits) {
    if (histogram[bits] == 0) continue;
    const std::array<std::uint8_t, 2> bytes{static_cast<std::uint8_t>(bits),
                                            static_cast<std::uint8_t>(bits >> 8)};
    sum += static_cast<double>(histogram[bits]) * std::abs(value_at(tensor.storage, bytes));
  }
  return sum;
}

float read_absmean(const Source& source, const Tensor& tensor, const TernaryVisit& visit) {
  const auto count = static_cast<double>(elements(tensor.shape).value_or(1));
  const float scale = std::max(static_cast<float>(sum_of_sizes(source, tensor) / count), 1e-5f);
  const float inverse = 1.0f / scale;
  std::vector<std::int8_t> weights;
  stream_floats(source, tensor, [&](std::uint64_t first, std::span<const float> values) {
    weights.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float scaled = values[i] * inverse;
      // Half rounds to even, so 0.5 goes to 0.
      weights[i] = std::abs(scaled) <= 0.5f ? 0 : scaled < 0 ? -1 : 1;
    }
    visit(first, weights);
  });
  return scale;
}

}  // namespace

CheckpointWeights open_weights(const std::string& path) {
  auto opened = open_checkpoint(path);
  if (opened.parts.empty())
    throw spec::SpecError({{{path, 1, 1},
                            "has no weights, so there is nothing to run",
                            "give a .gguf file, a folder of safetensors, or a model spec"}});
  CheckpointWeights out{path, opened.format, std::move(opened.architecture), {}, {}};
  for (auto& part : opened.parts) {
    out.files.push_back({std::move(part.source), std::move(part.tensors)});
    refuse_others(out.files.back(), out.architecture.layers.value);
  }
  if (out.format.starts_with("GGUF")) {
    out.facts = gguf_facts(out.files[0].source, out.architecture);
  } else {
    const fs::path given(path);
    const auto folder = fs::is_directory(given)   ? given
                        : given.has_parent_path() ? given.parent_path()
                                                  : fs::path(".");
    out.facts = config_facts(Source::open((folder / "config.json").string()), out.architecture);
  }
  return out;
}

FoundTensor find_tensor(const CheckpointWeights& checkpoint, std::string_view name) {
  for (const auto& file : checkpoint.files) {
    const auto found = ranges::find(file.tensors, name, &Tensor::name);
    if (found != file.tensors.end()) return {&file.source, &*found};
  }
  return {};
}

void read_floats(const Source& source, const Tensor& tensor, std::uint64_t first,
                 std::span<float> out) {
  if (tensor.type == "Q6_K") return read_q6(source, tensor, first, out);
  if (group_format(tensor)) return read_group_values(source, tensor, first, out);
  if (!is_float(tensor.storage))
    source.fail(tensor.offset, fmt::format("{} is {}", tensor.name, tensor.type),
                "F32, F16, BF16, Q8_0, Q6_K and Q4_0 are read here");
  const auto size = size_of(tensor.storage);
  std::vector<std::uint8_t> bytes(out.size() * size);
  source.read(tensor.offset + first * size, bytes);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = value_at(tensor.storage, Bytes(bytes).subspan(i * size));
    if (!std::isfinite(out[i])) fail_not_finite(source, tensor, first + i);
  }
}

float read_ternary(const Source& source, const Tensor& tensor, const TernaryVisit& visit) {
  switch (tensor.storage) {
    case Storage::f32:
    case Storage::f16:
    case Storage::bf16:
      return read_absmean(source, tensor, visit);
    case Storage::i8:
      return read_i8(source, tensor, visit);
    case Storage::packed_u8:
      return read_packed(source, tensor, visit);
    case Storage::tq1_0:
      return read_tq1(source, tensor, visit);
    case Storage::tq2_0:
      return read_tq2(source, tensor, visit);
    case Storage::i2_s:
      return read_i2s(source, tensor, visit);
    case Storage::q2_0:
      return read_q2(source, tensor, 64, visit);
    case Storage::q2_0_128:
      return read_q2(source, tensor, 128, visit);
    case Storage::tl1:
    case Storage::tl2:
      source.fail(tensor.offset,
                  fmt::format("{} is {}, and the order of its rows hangs on tile sizes that the "
                              "file does not say",
                              tensor.name, tensor.type),
                  "its weights are counted; convert the model to I2_S or TQ2_0 to run it");
    case Storage::unknown:
    case Storage::other:
      break;
  }
  source.fail(tensor.offset,
              fmt::format("{} is {}, which has no ternary weights", tensor.name, tensor.type));
}

std::optional<GroupFormat> group_format(const Tensor& tensor) {
  if (tensor.type == "Q4_0") return GroupFormat{4, 32};
  if (tensor.type == "Q8_0") return GroupFormat{8, 32};
  return std::nullopt;
}

// ggml-common.h: block_q4_0 is a half-float scale and 16 bytes, of which the low nibbles are
// weights 0..15 and the high ones 16..31, less 8; block_q8_0 a half-float scale and 32 signed
// bytes.
void read_groups(const Source& source, const Tensor& tensor,
                 const std::function<void(const WeightGroup&)>& visit) {
  const bool nibbles = tensor.type == "Q4_0";
  const std::size_t bytes = nibbles ? 18 : 34;
  std::array<std::uint8_t, 32> codes{};
  stream(source, tensor, tensor.bytes, bytes, [&](Bytes chunk, std::uint64_t at) {
    for (std::size_t b = 0; b < chunk.size(); b += bytes) {
      const float scale = half(chunk.subspan(b));
      if (!std::isfinite(scale))
        source.fail(tensor.offset + at + b,
                    fmt::format("{} has a scale that is no number", tensor.name));
      const auto data = chunk.subspan(b + 2, bytes - 2);
      for (std::size_t i = 0; i < 32; ++i)
        codes[i] = nibbles ? static_cast<std::uint8_t>(data[i % 16] >> (i / 16 * 4) & 15)
                           : static_cast<std::uint8_t>(data[i] ^ 0x80);
      visit({(at + b) / bytes * 32, codes, scale, static_cast<std::uint8_t>(nibbles ? 8 : 128)});
    }
  });
}

}  // namespace tomestimate::importer
