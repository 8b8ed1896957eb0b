// SPDX-License-Identifier: Apache-2.0
// Rows of a layer out of a dump of the run command.
#pragma once

#include <string>

#include <tomestimate/rtl/layer.hpp>

namespace tomestimate::cli {

struct DumpSlice {
  std::string folder;
  std::size_t layer = 0;
  std::string projection = "q";
  std::size_t first_row = 0;
  std::size_t rows = 16;
  std::size_t lanes = 16;
};

// The weights, and what the prompt's tokens made of them. Throws spec::SpecError if the folder is
// no dump, the layer or its weights are not in it, the activations are neither E4M3 nor int8, or
// the slice does not fit.
rtl::LayerSlice read_dump_slice(const DumpSlice& wanted);

}  // namespace tomestimate::cli
