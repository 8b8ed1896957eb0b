// SPDX-License-Identifier: Apache-2.0
// GGUF, versions 2 and 3, little-endian: the header, its metadata, and where each tensor is.
// Layout: ggml-org/ggml, docs/gguf.md. Block sizes: ggml-org/llama.cpp, gguf-py/gguf/constants.py
// (GGML_QUANT_SIZES); of I2_S, TL1 and TL2: ggml_nbytes in the llama.cpp fork that microsoft/BitNet
// builds on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <tomestimate/import/tensor.hpp>

namespace tomestimate::importer {

// An array of the metadata. Elements are kept if they are whole numbers or booleans, none is
// negative, and there are no more of them than a model may have layers.
struct Array {
  std::uint64_t length;
  std::vector<std::uint64_t> elements;
};

struct Metadata {
  std::variant<std::uint64_t, std::int64_t, double, bool, std::string, Array> value;
  std::uint64_t at;    // byte of the file
  bool twice = false;  // the key is there again: whoever uses it refuses it
};

struct Gguf {
  std::uint32_t version;
  std::map<std::string, Metadata, std::less<>> metadata;
  std::vector<Tensor> tensors;

  // Metadata of a key, or null.
  const Metadata* find(std::string_view key) const;
};

// Reads and checks everything but the weights themselves: counts, lengths, types, alignment, and
// that each tensor lies inside the file, apart from the others. A tensor of a type that is not
// known has Storage::unknown and no bytes. Memory is bounded by caps on counts and lengths
// (gguf.cpp), whatever the file says. Throws spec::SpecError with the byte.
Gguf read_gguf(const Source& source);

}  // namespace tomestimate::importer
