// SPDX-License-Identifier: Apache-2.0
// Specs: any text gives a spec or a SpecError; a spec that loads is written and loads back the
// same; and any override gives a value or a SpecError.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include <tomestimate/spec/load.hpp>
#include <tomestimate/spec/write.hpp>

namespace {

using namespace tomestimate::spec;

void require(bool holds, const char* what, const std::string& text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%s\n", what, text.c_str());
  std::abort();
}

// Ranges are written with 12 digits.
bool near(const std::optional<std::array<double, 2>>& a,
          const std::optional<std::array<double, 2>>& b) {
  if (a.has_value() != b.has_value()) return false;
  const auto same = [](double x, double y) {
    return std::abs(x - y) <= 1e-11 * std::max(std::abs(x), std::abs(y));
  };
  return !a || (same((*a)[0], (*b)[0]) && same((*a)[1], (*b)[1]));
}

template <class S>
void same_when_written(const Spec<S>& spec,
                       Spec<S> (*parse)(std::string_view, const std::string&)) {
  const auto text = to_toml(spec, "written");
  std::optional<Spec<S>> back;
  try {
    back = parse(text, "written");
  } catch (const SpecError& e) {
    require(false, e.what(), text);
  }
  require(back->name == spec.name && back->description == spec.description, "name", text);
  require(back->labels.base == spec.labels.base && back->labels.side == spec.labels.side, "labels",
          text);
  require(back->sourced.size() == spec.sourced.size(), "number of values", text);
  for (std::size_t i = 0; i < spec.sourced.size(); ++i) {
    const auto& a = spec.sourced[i];
    const auto& b = back->sourced[i];
    require(a.path == b.path && a.text == b.text && a.grade == b.grade && a.source == b.source &&
                a.fits == b.fits && near(a.range, b.range),
            a.path.c_str(), text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Technologies are found beside the shipped specs.
  const char* folder = std::getenv("TOMESTIMATE_SPECS");
  if (folder == nullptr) std::abort();
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    same_when_written(parse_hardware(text, std::string(folder) + "/fuzz.toml"), parse_hardware);
  } catch (const SpecError&) {
  }
  try {
    same_when_written(parse_model(text, "fuzz"), parse_model);
  } catch (const SpecError&) {
  }
  return 0;
}
