// SPDX-License-Identifier: Apache-2.0
// Patterns by which a quantization_config names modules.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tomestimate::importer {

// What a pattern stands for: a text that is a part of the name, with "*" for anything. A regular
// expression ("re:...") gives one for each of its alternatives, in which classes and repetitions
// are "*": it errs, if it does, by finding too many.
std::vector<std::string> wildcards(std::string_view pattern);

bool stands_for(std::string_view wildcard, std::string_view name);

}  // namespace tomestimate::importer
