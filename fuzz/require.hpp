// SPDX-License-Identifier: Apache-2.0
// What fuzz targets hold their inputs to.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace tomestimate::fuzz {

// Ends the program, which is what libFuzzer takes for a fault, unless `holds`.
inline void require(bool holds, const std::string& what, const std::string& text = "") {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%s\n", what.c_str(), text.c_str());
  std::abort();
}

// The folder of the shipped specs, from the environment.
inline const std::filesystem::path& specs_folder() {
  static const std::filesystem::path folder = [] {
    const char* given = std::getenv("TOMESTIMATE_SPECS");
    require(given != nullptr, "TOMESTIMATE_SPECS is set");
    return given;
  }();
  return folder;
}

}  // namespace tomestimate::fuzz
