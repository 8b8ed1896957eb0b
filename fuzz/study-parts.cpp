// SPDX-License-Identifier: Apache-2.0
// Texts in studies and on command lines: any text gives what it says, or an error. The first byte
// chooses the kind, the rest is the text.
#include <cstdint>
#include <optional>
#include <string>

#include <tomestimate/study/formula.hpp>
#include <tomestimate/study/solve.hpp>
#include <tomestimate/study/uncertainty.hpp>
#include <tomestimate/units/unit_text.hpp>

using namespace tomestimate;

namespace {

void formula(const std::string& text) {
  const study::Scope scope{
      [](std::string_view name) -> std::optional<study::Value> {
        if (name == "area")
          return study::Value{study::Symbol(2), units::dimension_of<units::area_unit>()};
        if (name == "power")
          return study::Value{study::Symbol(3), units::dimension_of<units::power_unit>()};
        return std::nullopt;
      },
      {"area", "power"}};
  study::evaluate_formula(text, scope);
}

void part(char kind, const std::string& text) {
  switch (kind) {
    case 'f':
      return formula(text);
    case 't':
      study::parse_target(text);
      return;
    case 'g':
      study::parse_given(text);
      return;
    case 'u':
      units::parse_unit(text);
      return;
    case 'q':
      units::parse_quantity(text);
      return;
    default:
      return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  try {
    part(static_cast<char>(data[0]), {reinterpret_cast<const char*>(data) + 1, size - 1});
  } catch (const spec::SpecError&) {
  } catch (const study::FormulaError&) {
  }
  return 0;
}
