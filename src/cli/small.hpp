// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common.hpp"

namespace tomestimate::cli {

// Writes the changes from `before` to `after` as specs based on those of `design`, to one file for
// each spec that changed, hardware first. Throws CLI::ValidationError if there are more or fewer.
void save_changes(const Design& design, const study::Specs& before, const study::Specs& after,
                  const std::vector<std::string>& files);

// The command new.
std::vector<Command> add_small_commands(CLI::App& app);

}  // namespace tomestimate::cli
