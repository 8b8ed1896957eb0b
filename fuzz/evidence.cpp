// SPDX-License-Identifier: Apache-2.0
// Published figures: any text gives figures or a SpecError; each figure beside TOM running
// BitNet-2B, whatever specs it names, gives a finite estimate or a SpecError.
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include "figures.hpp"

#include "require.hpp"

using namespace tomestimate;

namespace {

const study::Specs& specs() {
  static const study::Specs loaded{spec::load_hardware(fuzz::specs_folder() / "tom.toml"),
                                   spec::load_model(fuzz::specs_folder() / "bitnet-2b.toml")};
  return loaded;
}

void check(const evidence::Figure& figure) {
  fuzz::require(std::isfinite(figure.value), "a published value is finite");
  if (!figure.compared) return;
  try {
    const auto c = evidence::compare(figure, specs());
    fuzz::require(c.estimate && std::isfinite(*c.estimate), "an estimate is finite");
    fuzz::require(std::isfinite(c.error().value_or(0)), "an error is finite");
  } catch (const spec::SpecError&) {
  } catch (const std::domain_error&) {  // does not fit the SRAM
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    for (const auto& figure : evidence::parse_figures(text, "fuzz")) check(figure);
  } catch (const spec::SpecError&) {
  }
  return 0;
}
