// SPDX-License-Identifier: Apache-2.0
// Studies: any study beside the shipped specs gives a study or a SpecError. Its pieces on their own
// get further than whole files do: the first byte chooses one of them, the rest is its text.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <tomestimate/spec/write.hpp>
#include <tomestimate/study/solve.hpp>

namespace {

using namespace tomestimate;

// The specs that a study may name, given as the environment variable TOMESTIMATE_SPECS.
const std::filesystem::path& specs_folder() {
  static const std::filesystem::path folder = [] {
    const char* given = std::getenv("TOMESTIMATE_SPECS");
    if (given == nullptr) std::abort();
    return given;
  }();
  return folder;
}

const study::Specs& specs() {
  static const study::Specs loaded{spec::load_hardware(specs_folder() / "tom.toml"),
                                   spec::load_model(specs_folder() / "bitnet-2b.toml")};
  return loaded;
}

// A file, since studies are found beside their specs: reports/studies names ../../specs.
void load_study(const std::string& text) {
  static const auto file = [] {
    const auto folder = std::filesystem::temp_directory_path() /
                        ("tomestimate-fuzz-" + std::to_string(getpid())) / "reports" / "studies";
    std::filesystem::create_directories(folder);
    const auto link = folder / "../../specs";
    if (!std::filesystem::exists(link))
      std::filesystem::create_directory_symlink(specs_folder(), link);
    return (folder / "study.toml").string();
  }();
  std::ofstream(file) << text;
  study::load_study(file);
}

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

// PATH=VALUE, as --set takes it.
void override_value(const std::string& text) {
  const auto equals = std::min(text.find('='), text.size());
  auto changed = specs();
  spec::override_value(changed.hardware, changed.model, text.substr(0, equals),
                       equals < text.size() ? text.substr(equals + 1) : "", {"fuzz", 1, 1});
  spec::check_pair(changed.hardware.values, changed.model.values);
  // What a value was set to can be written: a spec that reads back.
  try {
    spec::parse_hardware(spec::to_toml(changed.hardware, ""), "written");
    spec::parse_model(spec::to_toml(changed.model, ""), "written");
  } catch (const spec::SpecError& e) {
    std::fprintf(stderr, "does not read back: %s\n", e.what());
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0]) {
      case 'f':
        formula(text);
        break;
      case 't':
        study::parse_target(text);
        break;
      case 'u':
        units::parse_unit(text);
        break;
      case 'q':
        units::parse_quantity(text);
        break;
      case 'o':
        override_value(text);
        break;
      // Whole files keep their first byte, so that shipped studies are seeds as they are.
      default:
        load_study(static_cast<char>(data[0]) + text);
        break;
    }
  } catch (const spec::SpecError&) {
  } catch (const study::FormulaError&) {
  }
  return 0;
}
