// SPDX-License-Identifier: Apache-2.0
// Runs the real binary, and other programs, as a user would.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

#include "catch.hpp"
#include "text.hpp"

struct Result {
  int code;
  std::string out;  // standard output and standard error together
};

inline Result run_command(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  Result result{};
  std::array<char, 4096> buffer{};
  while (const auto n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    result.out.append(buffer.data(), n);
  result.code = WEXITSTATUS(pclose(pipe));
  return result;
}

inline Result run(const std::string& arguments) {
  return run_command(std::string(TOMESTIMATE_BINARY) + " " + arguments);
}

inline const std::string specs = TOMESTIMATE_SPECS;
inline const std::string test_data = TOMESTIMATE_TESTS;
inline const std::string tom_spec = specs + "/tom.toml";
inline const std::string bitnet_spec = specs + "/bitnet-2b.toml";
// TOM running BitNet-2B, as arguments of a command.
inline const std::string design = tom_spec + " " + bitnet_spec;
inline const std::string tiny_cells = test_data + "/rtl/tiny.lib";
