// SPDX-License-Identifier: Apache-2.0
// Specs: any text gives a spec or a SpecError, and a spec that loads is written and loads back the
// same.
#include <cstdint>

#include <tomestimate/spec/load.hpp>

#include "written.hpp"

using namespace tomestimate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    // Technologies are found beside the shipped specs.
    const auto file = (fuzz::specs_folder() / "fuzz.toml").string();
    fuzz::same_when_written(spec::parse_hardware(text, file), spec::parse_hardware);
  } catch (const spec::SpecError&) {
  }
  try {
    fuzz::same_when_written(spec::parse_model(text, "fuzz"), spec::parse_model);
  } catch (const spec::SpecError&) {
  }
  return 0;
}
