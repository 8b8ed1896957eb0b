// SPDX-License-Identifier: Apache-2.0
// Programs run without a shell.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tomestimate::rtl {

// Runs arguments[0], looked up on PATH, in `folder`, with nothing to read; what it prints goes to
// `log`. Returns its exit code. Throws std::runtime_error if it cannot be started (`package` is the
// Debian package that has it) or a signal ended it.
int run_program(const std::vector<std::string>& arguments, const std::string& package,
                const std::filesystem::path& folder, const std::filesystem::path& log);

}  // namespace tomestimate::rtl
