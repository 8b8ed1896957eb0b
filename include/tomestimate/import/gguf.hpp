// SPDX-License-Identifier: Apache-2.0
// GGUF, versions 2 and 3, little-endian: the header, its metadata, and where each tensor is.
// Layout: ggml-org/ggml, docs/gguf.md. Block sizes: ggml-org/llama.cpp, gguf-py/gguf/constants.py
// (GGML_QUANT_SIZES); of I2_S: ggml_nbytes in the llama.cpp fork that microsoft/BitNet builds on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <tomestimate/import/tensor.hpp>

namespace tomestimate::importer {

// An array of the metadata; only its length is kept.
struct ArrayLength {
  std::uint64_t value;
};

struct Metadata {
  std::variant<std::uint64_t, std::int64_t, double, bool, std::string, ArrayLength> value;
  std::uint64_t at;  // byte of the file
};

struct Gguf {
  std::uint32_t version;
  std::map<std::string, Metadata, std::less<>> metadata;
  std::vector<Tensor> tensors;

  // Metadata of a key, or null.
  const Metadata* find(std::string_view key) const;
};

// Reads and checks everything but the weights themselves: counts, lengths, types, alignment, and
// that each tensor lies inside the file, apart from the others. Memory is bounded by caps on counts
// and lengths (gguf.cpp), whatever the file says. Throws spec::SpecError with the byte.
Gguf read_gguf(const Source& source);

}  // namespace tomestimate::importer
