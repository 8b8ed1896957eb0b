// SPDX-License-Identifier: Apache-2.0
// Model specs from checkpoints.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <tomestimate/import/architecture.hpp>
#include <tomestimate/import/count.hpp>
#include <tomestimate/spec/model.hpp>

namespace tomestimate::importer {

// The zero share of 29 measured ternary checkpoints; others are worth a look.
inline constexpr double usual_low = 0.29;
inline constexpr double usual_high = 0.52;

struct Options {
  std::string name;         // of the model; "": as the source says
  std::optional<int> bits;  // whole-number weights of so many bits, whatever the source says
  bool ternary = false;     // ternary weights, whatever the source says
  // Called on the calling thread as tensors are counted.
  std::function<void(std::size_t done, std::size_t tensors)> progress{};
};

// One linear layer whose weights were counted.
struct Linear {
  std::string name;
  std::uint64_t layer;
  spec::Projection projection;
  std::uint64_t outputs;
  std::uint64_t inputs;
  std::string type;
  Counts counts;
  // Rows whose weights are all zero; nothing if the storage doesn't let rows be told apart.
  std::optional<std::uint64_t> zero_rows;
  // Rows whose result is zero or is multiplied by a zero (gate and up of one FFN neuron), and
  // columns whose input is: those of o that zero rows of v feed, and of down that idle rows feed.
  std::uint64_t idle_rows = 0;
  std::uint64_t idle_columns = 0;

  // In neither an idle row nor an idle column.
  std::uint64_t busy_weights() const { return (outputs - idle_rows) * (inputs - idle_columns); }
};

struct Imported {
  std::string spec;    // the model spec (TOML); it passes all checks of its own
  std::string name;    // of the model
  std::string source;  // "bitnet.gguf (GGUF v3, TQ2_0)"
  bool ternary;
  std::vector<spec::Sourced> values;  // of the spec
  std::vector<Linear> linears;        // by layer and projection; empty if nothing was counted
  std::vector<std::string> cautions;  // what is odd about the weights
};

// Reads `path`: a config.json, a GGUF file, a safetensors file beside its config.json, or a folder
// with a config.json and safetensors files. Memory is constant in the size of the weights. Throws
// spec::SpecError with file and byte if a file is broken or is no model that a spec can describe.
Imported import_model(const std::string& path, const Options& options);

}  // namespace tomestimate::importer
