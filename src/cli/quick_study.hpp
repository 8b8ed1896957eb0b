// SPDX-License-Identifier: Apache-2.0
// A study from a file, or from two specs and flags.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tomestimate/study/study.hpp>

#include "common.hpp"
#include "files.hpp"

namespace tomestimate::cli {

struct QuickStudy {
  std::vector<std::string> places;  // STUDY, or HARDWARE and MODEL
  std::vector<std::string> vary;    // "PATH=VALUES"
  std::vector<std::string> columns;
  std::vector<std::string> sets;
  std::vector<std::string> maximize, minimize;  // metrics
  std::vector<std::string> targets;             // "METRIC>=VALUE", for solve
  std::optional<std::string> where;
  std::optional<std::string> save;
  std::optional<std::string> batch, prompt, context;  // none: as the spec says
};

// STUDY or HARDWARE MODEL, and the flags that make a study of the two specs.
void add_study_options(CLI::App& command, QuickStudy& study);

// STUDY or HARDWARE MODEL, and what is set in these.
void add_study_places(CLI::App& command, QuickStudy& study, const std::string& what);

// The design of HARDWARE MODEL with what is set.
Design design_of(const QuickStudy& study);

// What is searched for, with --vary apart.
void add_search_options(CLI::App& command, QuickStudy& study);

// The study, saved to `save` if that is given, after check_files with `outputs`, which the command
// writes beside. Throws spec::SpecError, whose places are flags where the study is made of them.
study::Study load_study(const QuickStudy& study, const NamedFiles& outputs,
                        study::Regions regions = study::Regions::refused);

// What the loaded study was read from.
NamedFiles inputs_of(const QuickStudy& quick, const study::Study& study);

// Whether a --vary is a region, not a list or grid of values: "PATH" or "PATH=A..B".
bool is_region(const std::string& vary);

// Text as a string of TOML.
std::string study_string(const std::string& text);

// One axis of a study as TOML, from "PATH=A,B,C", "PATH=A..B/N" (N values evenly), "PATH=A..B/Nlog"
// (by equal factors) or "PATH=A..B:STEP", or of a region "PATH=A..B". A unit after the last value
// is for all that have none. Throws CLI::ValidationError.
std::string axis_toml(const std::string& vary);

}  // namespace tomestimate::cli
