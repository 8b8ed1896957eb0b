// SPDX-License-Identifier: Apache-2.0
// Files made in memory: GGUF and safetensors as their specifications say, nothing checked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <tomestimate/import/import.hpp>
#include <tomestimate/import/source.hpp>
#include <tomestimate/spec/diagnostic.hpp>

#include "catch.hpp"

using Bytes = std::vector<std::uint8_t>;

inline void append(Bytes& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}
inline void append(Bytes& out, const Bytes& more) {
  out.insert(out.end(), more.begin(), more.end());
}
inline void append_text(Bytes& out, const std::string& text) {
  append(out, text.size(), 8);
  out.insert(out.end(), text.begin(), text.end());
}

struct GgufTensor {
  std::string name;
  std::vector<std::uint64_t> shape;  // innermost first
  std::uint32_t type;
  Bytes data;
};

// A GGUF file whose parts can be made wrong one by one.
struct GgufFile {
  std::uint32_t version = 3;
  std::vector<Bytes> entries;
  std::vector<GgufTensor> tensors;
  std::uint64_t alignment = 32;

  void number(const std::string& key, std::uint64_t value) {
    Bytes out;
    append_text(out, key);
    append(out, 4, 4);
    append(out, value, 4);
    entries.push_back(out);
  }
  void array(const std::string& key, const std::vector<std::uint64_t>& values) {
    Bytes out;
    append_text(out, key);
    append(out, 9, 4);
    append(out, 4, 4);
    append(out, values.size(), 8);
    for (const auto value : values) append(out, value, 4);
    entries.push_back(out);
  }
  void text(const std::string& key, const std::string& value) {
    Bytes out;
    append_text(out, key);
    append(out, 8, 4);
    append_text(out, value);
    entries.push_back(out);
  }

  Bytes bytes() const {
    Bytes out{'G', 'G', 'U', 'F'};
    append(out, version, 4);
    append(out, tensors.size(), 8);
    append(out, entries.size(), 8);
    for (const auto& entry : entries) append(out, entry);
    Bytes data;
    for (const auto& t : tensors) {
      data.resize((data.size() + alignment - 1) / alignment * alignment);
      append_text(out, t.name);
      append(out, t.shape.size(), 4);
      for (const auto size : t.shape) append(out, size, 8);
      append(out, t.type, 4);
      append(out, data.size(), 8);
      append(data, t.data);
    }
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    append(out, data);
    return out;
  }
};

inline Bytes safetensors_file(const std::string& header, const Bytes& data) {
  Bytes out;
  append_text(out, header);
  append(out, data);
  return out;
}

inline Bytes read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::string& path, std::span<const std::uint8_t> bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

inline const std::string data_folder = std::string(TOMESTIMATE_TESTS) + "/import/data/";

// The message of the one error that `call` throws; "" if it throws none.
template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const tomestimate::spec::SpecError& e) {
    CHECK(e.diagnostics().size() == 1);
    return e.what();
  }
  return "";
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline std::string import_error(const std::string& path,
                                const tomestimate::importer::Options& options = {}) {
  return error_of([&] { tomestimate::importer::import_model(path, options); });
}
