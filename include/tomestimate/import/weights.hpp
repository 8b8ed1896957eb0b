// SPDX-License-Identifier: Apache-2.0
// A checkpoint opened to be run: its files, what it says of its arithmetic, and the weights by
// value, streamed in chunks of constant size. count.hpp says how each storage is laid out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tomestimate/import/architecture.hpp>
#include <tomestimate/import/source.hpp>
#include <tomestimate/import/tensor.hpp>

namespace tomestimate::importer {

struct WeightFile {
  Source source;
  std::vector<Tensor> tensors;
};

// RoPE as Llama 3.1 and later stretch it (transformers, modeling_rope_utils.py, "llama3").
struct StretchedRope {
  double factor;
  double low_frequency;   // below original_context / low_frequency turns: frequency / factor
  double high_frequency;  // above original_context / high_frequency: as it is
  double original_context;
};

// What a run needs beside the shapes of Architecture. What the file leaves out has the default of
// the program that reads such files: transformers for a config.json, llama.cpp for a GGUF file.
struct RunFacts {
  double norm_epsilon = 1e-5;
  double rope_theta = 10000;
  // Of a config.json; a GGUF file has rope_freqs.weight.
  std::optional<StretchedRope> stretched_rope = std::nullopt;
  bool rope_adjacent = false;   // pairs are (0, 1), (2, 3), ...; else the halves are paired
  std::string activation;       // "silu", "relu2"
  bool activation_said = true;  // by the file; else it is a guess
  // Hugging Face's BitLinear divides by weight_scale, its AutoBitLinear multiplies.
  bool scale_divides = false;
};

struct CheckpointWeights {
  std::string path;
  std::string format;  // "GGUF v3", "safetensors"
  Architecture architecture;
  RunFacts facts;
  std::vector<WeightFile> files;
};

// Opens a GGUF file, a safetensors file beside its config.json, or a folder of these. Throws
// spec::SpecError if a file is broken, has no weights, or says arithmetic that is not known here
// (RoPE scaled in another way, biases).
CheckpointWeights open_weights(const std::string& path);

// A tensor and the file it is in, or null.
struct FoundTensor {
  const Source* source = nullptr;
  const Tensor* tensor = nullptr;
  explicit operator bool() const { return tensor != nullptr; }
};
FoundTensor find_tensor(const CheckpointWeights& checkpoint, std::string_view name);

// Elements first .. first + out.size() - 1 of a tensor of F32, F16, BF16, Q8_0, Q6_K or Q4_0 (whole
// blocks of the last three: a row is). Throws spec::SpecError, also for a value that is not finite.
void read_floats(const Source& source, const Tensor& tensor, std::uint64_t first,
                 std::span<float> out);

// Weights of -1, 0, +1, given in runs: weights `first` and up of the row-major matrix.
using TernaryVisit = std::function<void(std::uint64_t first, std::span<const std::int8_t>)>;

// All weights of a ternary tensor, or of floats by absmean: w / max(mean |w|, 1e-5) in single
// precision, rounded half to even and clipped. Returns the scale of the matrix as the tensor itself
// says it: the scale of its blocks (which must be one), max(mean |w|, 1e-5) of floats, else 1.
// Throws spec::SpecError with the byte for a code that is none, or block scales that differ.
float read_ternary(const Source& source, const Tensor& tensor, const TernaryVisit& visit);

// Weights in groups: weight = scale (code - zero).
struct WeightGroup {
  std::uint64_t first;  // of the row-major matrix
  std::span<const std::uint8_t> codes;
  float scale;
  std::uint8_t zero;
};
struct GroupFormat {
  int bits;
  std::uint64_t group;  // weights of one scale
};

// The groups of a tensor of whole numbers (Q4_0, Q8_0), or nothing if its type is not read.
std::optional<GroupFormat> group_format(const Tensor& tensor);
void read_groups(const Source& source, const Tensor& tensor,
                 const std::function<void(const WeightGroup&)>& visit);

}  // namespace tomestimate::importer
