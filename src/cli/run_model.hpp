// SPDX-License-Identifier: Apache-2.0
// What commands that run a model share.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <tomestimate/reference/model.hpp>

#include "common.hpp"
#include "files.hpp"

namespace tomestimate::cli {

// A checkpoint, or a model spec whose weights are drawn. Throws spec::SpecError.
reference::Model open_model(const std::string& path, const reference::ModelOptions& options);

// The files of one, for check_files.
NamedFiles inputs_of_model(const std::string& what, const std::string& path);

// Token numbers with commas, of --tokens, each below `vocabulary`. Throws CLI::ValidationError.
std::vector<std::size_t> parse_tokens(const std::string& text, std::size_t vocabulary);

struct DataArguments {
  std::string source;  // a checkpoint, or a model spec whose weights are drawn
  std::string tokens;
  std::string arithmetic = "int8";
  std::vector<std::string> save;  // a spec with what was counted; at most one
};

// validate --data: the averages that closed forms take beside what a run counts, and the energy of
// a decode step with either. Throws spec::SpecError if the run is not of the design's model.
int run_data(const Design& design, const DataArguments& arguments, unsigned threads,
             const Output& output);

}  // namespace tomestimate::cli
