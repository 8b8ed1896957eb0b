// SPDX-License-Identifier: Apache-2.0
// Checkpoints: any bytes give a header and counts, or a SpecError. The first byte picks the format:
// GGUF, safetensors or config.json.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

#include <tomestimate/import/architecture.hpp>
#include <tomestimate/import/count.hpp>
#include <tomestimate/import/safetensors.hpp>
#include <tomestimate/spec/diagnostic.hpp>

namespace {

using namespace tomestimate::importer;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// Every weight of a tensor is counted as something.
void count_all(const Source& source, const std::vector<Tensor>& tensors) {
  for (const auto& tensor : tensors) {
    require(tensor.offset + tensor.bytes <= source.size(), "tensors are inside the file");
    if (tensor.storage == Storage::other || tensor.storage == Storage::unknown) continue;
    const auto each = tensor.storage == Storage::packed_u8 ? 4u : 1u;
    try {
      require(count(source, tensor).counts.weights() == each * *elements(tensor.shape),
              "each weight is counted once");
    } catch (const tomestimate::spec::SpecError&) {  // a float that is no number
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto source = Source::of({data + 1, size - 1}, "fuzz");
  try {
    if (data[0] % 3 == 0) {
      const auto gguf = read_gguf(source);
      count_all(source, gguf.tensors);
      read_architecture(gguf, source);
    } else if (data[0] % 3 == 1) {
      count_all(source, read_safetensors(source));
    } else {
      read_config(source);
    }
  } catch (const tomestimate::spec::SpecError& e) {
    require(e.diagnostics().size() == 1, "there is one error");
  }
  return 0;
}
