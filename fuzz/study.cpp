// SPDX-License-Identifier: Apache-2.0
// Studies: any study beside the shipped specs gives a study or a SpecError.
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include <tomestimate/study/study.hpp>

#include "require.hpp"

using namespace tomestimate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A file, since studies are found beside their specs: reports/studies names ../../specs.
  static const auto file = [] {
    const auto folder = std::filesystem::temp_directory_path() /
                        ("tomestimate-fuzz-" + std::to_string(getpid())) / "reports" / "studies";
    std::filesystem::create_directories(folder);
    const auto link = folder / "../../specs";
    if (!std::filesystem::exists(link))
      std::filesystem::create_directory_symlink(fuzz::specs_folder(), link);
    return (folder / "study.toml").string();
  }();
  std::ofstream(file) << std::string_view(reinterpret_cast<const char*>(data), size);
  try {
    study::load_study(file, study::Regions::taken);
  } catch (const spec::SpecError&) {
  }
  return 0;
}
