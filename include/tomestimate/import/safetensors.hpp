// SPDX-License-Identifier: Apache-2.0
// safetensors files: 8 bytes with the little-endian length N of the header, N bytes of JSON that
// give each tensor's dtype, shape and [begin, end) in the data, then the data.
// Layout and rules: README.md and safetensors/src/tensor.rs of huggingface/safetensors.
#pragma once

#include <vector>

#include <tomestimate/import/tensor.hpp>

namespace tomestimate::importer {

// Where each tensor of the file is. As the format's own reader does, it refuses a header that is no
// JSON object, a tensor whose bytes are not what dtype and shape take, and data with holes,
// overlaps or bytes left over. The header may take 100 MB. A tensor of a dtype that is not known
// has Storage::unknown. Throws spec::SpecError with the byte.
std::vector<Tensor> read_safetensors(const Source& source);

}  // namespace tomestimate::importer
