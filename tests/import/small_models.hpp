// SPDX-License-Identifier: Apache-2.0
// A small model as GGUF, safetensors and config.json, whose parts can be made wrong one by one.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <tomestimate/import/import.hpp>

#include "bytes.hpp"
#include "folder.hpp"

namespace small_models {

using namespace tomestimate::importer;

// Two layers: hidden size 256, 4 heads, 2 KV heads of 64, FFN size 512.
inline constexpr std::uint64_t hidden = 256;
inline constexpr std::uint64_t layers = 2;

struct Matrix {
  std::string gguf;
  std::string module;
  std::uint64_t rows;
  std::uint64_t columns;
};

inline const std::vector<Matrix> matrices{
    {"attn_q", "self_attn.q_proj", 256, 256}, {"attn_k", "self_attn.k_proj", 128, 256},
    {"attn_v", "self_attn.v_proj", 128, 256}, {"attn_output", "self_attn.o_proj", 256, 256},
    {"ffn_gate", "mlp.gate_proj", 512, 256},  {"ffn_up", "mlp.up_proj", 512, 256},
    {"ffn_down", "mlp.down_proj", 256, 512},
};

// ---- GGUF ----

inline GgufFile gguf_header(const std::string& type = "llama") {
  GgufFile file;
  file.text("general.architecture", type);
  file.number(type + ".block_count", layers);
  file.number(type + ".embedding_length", hidden);
  file.number(type + ".feed_forward_length", 512);
  file.number(type + ".attention.head_count", 4);
  file.number(type + ".attention.head_count_kv", 2);
  file.number(type + ".vocab_size", 8);
  return file;
}

// A ternary tensor of type 42: every third weight is zero.
inline Bytes thirds(std::uint64_t weights) {
  Bytes out;
  for (std::uint64_t i = 0; i < weights; ++i) {
    if (i % 64 == 0) append(out, 0x3C00, 2);
    if (i % 4 == 0) out.push_back(0);
    out.back() |= static_cast<std::uint8_t>((i + 1) % 3 << 2 * (i % 4));
  }
  return out;
}

inline GgufTensor q2_0(const std::string& name, std::uint64_t rows, std::uint64_t columns) {
  return {name, {columns, rows}, 42, thirds(rows * columns)};
}

inline GgufFile ternary_gguf() {
  auto file = gguf_header();
  for (std::uint64_t layer = 0; layer < layers; ++layer)
    for (const auto& m : matrices)
      file.tensors.push_back(
          q2_0("blk." + std::to_string(layer) + "." + m.gguf + ".weight", m.rows, m.columns));
  return file;
}

inline GgufFile integer_gguf(const std::string& type = "llama") {
  auto file = gguf_header(type);
  for (std::uint64_t layer = 0; layer < layers; ++layer)
    for (const auto& m : matrices)
      file.tensors.push_back({"blk." + std::to_string(layer) + "." + m.gguf + ".weight",
                              {m.columns, m.rows},
                              2,
                              Bytes(m.rows * m.columns / 32 * 18)});
  return file;
}

struct Case {
  Folder folder;

  std::string write(const std::string& name, const Bytes& bytes) const {
    write_bytes(folder.file(name), bytes);
    return folder.file(name);
  }
  std::string write(const std::string& name, const std::string& text) const {
    return write(name, Bytes(text.begin(), text.end()));
  }
  std::string write(const GgufFile& file) const { return write("m.gguf", file.bytes()); }
};

inline std::string gguf_error(const GgufFile& file) {
  const Case c;
  return import_error(c.write(file));
}

inline std::uint64_t zeros_of(const Imported& imported) {
  std::uint64_t out = 0;
  for (const auto& l : imported.linears) out += l.counts.zeros;
  return out;
}

// ---- safetensors ----

struct SafeTensor {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  Bytes data;
};

inline Bytes safetensors(const std::vector<SafeTensor>& tensors) {
  std::string header = "{";
  Bytes data;
  for (const auto& t : tensors) {
    std::string shape;
    for (const auto n : t.shape) shape += (shape.empty() ? "" : ",") + std::to_string(n);
    header += (header.size() == 1 ? "\"" : ",\"") + t.name + R"(":{"dtype":")" + t.dtype +
              R"(","shape":[)" + shape + R"(],"data_offsets":[)" + std::to_string(data.size()) +
              "," + std::to_string(data.size() + t.data.size()) + "]}";
    append(data, t.data);
  }
  return safetensors_file(header + "}", data);
}

// One tensor for each projection of each layer.
inline std::vector<SafeTensor> each(
    const std::function<SafeTensor(const std::string& module, const Matrix& m)>& make,
    const std::string& prefix = "model.layers.") {
  std::vector<SafeTensor> out;
  for (std::uint64_t layer = 0; layer < layers; ++layer)
    for (const auto& m : matrices)
      out.push_back(make(prefix + std::to_string(layer) + "." + m.module, m));
  return out;
}

inline SafeTensor i8(const std::string& module, const Matrix& m) {
  Bytes data;
  for (std::uint64_t i = 0; i < m.rows * m.columns; ++i)
    data.push_back(static_cast<std::uint8_t>(static_cast<int>((i + 1) % 3) - 1));
  return {module + ".weight", "I8", {m.rows, m.columns}, data};
}

inline std::string config(const std::string& type, const std::string& more = "") {
  return R"({"model_type":")" + type +
         R"(","hidden_size":256,"num_hidden_layers":2,"num_attention_heads":4,)"
         R"("num_key_value_heads":2,"head_dim":64,"intermediate_size":512,"vocab_size":8)" +
         more + "}";
}

inline std::string write_folder(const Case& c, const std::string& text,
                                const std::vector<SafeTensor>& tensors) {
  c.write("config.json", text);
  c.write("model.safetensors", safetensors(tensors));
  return c.folder.path.string();
}

// Of i8 and thirds: weights 1, 4, 7 ... of each matrix.
inline std::uint64_t third_zeros() {
  std::uint64_t out = 0;
  for (const auto& m : matrices) out += layers * ((m.rows * m.columns + 2) / 3);
  return out;
}

}  // namespace small_models
