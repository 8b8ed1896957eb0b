// SPDX-License-Identifier: Apache-2.0
// Help for who does not know the words yet.
#pragma once

#include <vector>

#include "common.hpp"

namespace tomestimate::cli {

// The command help.
std::vector<Command> add_help_command(CLI::App& app);

}  // namespace tomestimate::cli
