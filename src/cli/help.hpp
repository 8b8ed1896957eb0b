// SPDX-License-Identifier: Apache-2.0
// Help for who does not know the words yet, and for who mistyped them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common.hpp"

namespace tomestimate::cli {

// The command help.
std::vector<Command> add_help_command(CLI::App& app);

// What to say where the first word is no command; nullopt if it is one, or a flag.
std::optional<std::string> unknown_command(const CLI::App& app, int argc, char** argv);

// The flag that the first unknown one of the parsed command is nearest to, in words.
std::optional<std::string> flag_hint(const CLI::App& app);

}  // namespace tomestimate::cli
