// SPDX-License-Identifier: Apache-2.0
// Study files for tests, and what sweeps make of them.
#pragma once

#include <fstream>
#include <string>

#include <tomestimate/spec/load.hpp>
#include <tomestimate/study/study.hpp>

#include "folder.hpp"
#include "text.hpp"

// A study on TOM and BitNet-2B with the given keys and axes.
inline std::string study_file(const Folder& folder, const std::string& keys,
                              const std::string& axes) {
  const std::string specs = TOMESTIMATE_SPECS;
  const auto path = folder.file("study.toml");
  std::ofstream(path) << "kind = \"study\"\nname = \"test\"\nhardware = \"" << specs
                      << "/tom.toml\"\nmodel = \"" << specs << "/bitnet-2b.toml\"\n"
                      << keys << "\n"
                      << axes;
  return path;
}

inline tomestimate::study::Specs shipped(const std::string& hardware = "tom.toml",
                                         const std::string& model = "bitnet-2b.toml") {
  const std::string specs = TOMESTIMATE_SPECS "/";
  return {tomestimate::spec::load_hardware(specs + hardware),
          tomestimate::spec::load_model(specs + model)};
}
