// SPDX-License-Identifier: Apache-2.0
// The files of one checkpoint, read up to the weights.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tomestimate/import/architecture.hpp>
#include <tomestimate/import/source.hpp>
#include <tomestimate/import/tensor.hpp>

namespace tomestimate::importer {

struct Part {
  Source source;
  std::vector<Tensor> tensors;
};

struct Checkpoint {
  std::string path;    // as the user gave it
  std::string format;  // "GGUF v3"
  Architecture architecture;
  std::vector<Part> parts;  // none if there are no weights, only a config.json
};

// Throws spec::SpecError.
Checkpoint open_checkpoint(const std::string& path);

}  // namespace tomestimate::importer
