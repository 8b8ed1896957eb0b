// SPDX-License-Identifier: Apache-2.0
// Study files for tests, and what sweeps make of them.
#pragma once

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "folder.hpp"

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

inline std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// What a call that must fail says; "" if it does not.
template <class Call>
std::string failure(const Call& call) {
  try {
    call();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}
