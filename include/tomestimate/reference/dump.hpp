// SPDX-License-Identifier: Apache-2.0
// A dump: a folder with the arrays of a run's operations and manifest.json, which lists them.
//
//   DIR/manifest.json
//   DIR/pass000/layer00/q.input.codes.npy    pass, layer (or "tail"), operation, role, name
//
// manifest.json: {"kind": "tomestimate dump", "version": 1, "run": {...}, "arrays": [{"file":
// "...", "pass": 0, "layer": 0, "op": "q", "role": "input", "name": "codes", "dtype": "int8",
// "shape": [tokens, inputs]}, ...]}, in the order of execution; "layer" is null in the tail.
// Operations are spec::op_names. Roles are input, output and weight.
//
// A linear layer has input codes (int8, or uint8 of E4M3) and scales (float32, one a token), output
// sums (int64, ternary weights only; in units of 2^-9 for E4M3) and y (float32); with its weights,
// if they were asked for, in pass 0: weights (int8, outputs x inputs) and weight_scale, or
// weight_codes (uint8), weight_scales and weight_zeros (outputs x groups).
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include <tomestimate/process/cleanup.hpp>
#include <tomestimate/reference/run.hpp>
#include <tomestimate/spec/folder.hpp>

namespace tomestimate::reference {

// Throws std::runtime_error if `folder` is there and is neither empty nor a dump, or if this user
// cannot put one there.
void check_dump_folder(const std::string& folder);

// Arrays go to a new folder beside the wanted one, which takes its place when the dump is whole.
// If a signal ends the program before, nothing is left.
class Dump {
 public:
  // Throws std::runtime_error, as all of these do, with path and reason.
  explicit Dump(const std::string& folder);

  void add(const Record& record, std::size_t layers);
  std::size_t arrays() const { return arrays_.size(); }
  std::uintmax_t bytes() const { return bytes_; }
  // Writes the manifest and moves the dump into place, over an older dump.
  void finish(const nlohmann::ordered_json& run);

 private:
  spec::DraftFolder draft_;
  nlohmann::ordered_json arrays_ = nlohmann::ordered_json::array();
  std::uintmax_t bytes_ = 0;
};

// What the manifest says of a run: model, shapes, arithmetic.
nlohmann::ordered_json describe(const Config& config, Arithmetic arithmetic);

}  // namespace tomestimate::reference
