// SPDX-License-Identifier: Apache-2.0
// solve over regions: the best design where conditions hold, or one that meets several targets.
#pragma once

#include <string>
#include <vector>

#include "common.hpp"
#include "quick_study.hpp"

namespace tomestimate::cli {

struct Optimization {
  QuickStudy study;  // STUDY or HARDWARE MODEL, --vary, --target, --min, --max, --where, --columns
  std::string tolerance = "0.1 %";
  std::uint64_t effort = 50'000;
};

// STUDY or HARDWARE MODEL, --vary, --target and the flags of a search.
void add_optimization_options(CLI::App& command, Optimization& o);

// One target, one PATH, nothing else: study::solve does that.
bool is_goal_seek(const Optimization& o);

// Searches and prints; returns the exit code. Throws like load_study.
int run_optimize(Optimization o, unsigned threads, const Output& output);

}  // namespace tomestimate::cli
