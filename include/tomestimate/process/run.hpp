// SPDX-License-Identifier: Apache-2.0
// Programs run without a shell.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace tomestimate::process {

// A program to run, in a process group of its own that ends with this program, whatever ends it.
struct Run {
  std::vector<std::string> arguments;  // arguments[0] is looked up on PATH
  std::string package;                 // the Debian package that has it, for messages
  std::filesystem::path folder;        // it works there
  std::filesystem::path input;         // file of its standard input; "" for nothing to read
  std::filesystem::path output;        // file that takes what it prints
  std::filesystem::path errors;        // file of its standard error; may be `output`
  std::chrono::seconds limit;          // when it takes longer it is killed
};

// Its exit code. Throws std::runtime_error if it cannot be started, takes too long, or a signal
// ended it.
int run_program(const Run& run);

// The limit of a program: the seconds in the environment's TOMESTIMATE_TIMEOUT, or else `usual`.
// Throws std::runtime_error if that is no whole number above 0.
std::chrono::seconds time_limit(std::chrono::seconds usual);

}  // namespace tomestimate::process
