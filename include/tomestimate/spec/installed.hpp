// SPDX-License-Identifier: Apache-2.0
// The specs that are installed with a program, known by name.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tomestimate::spec {

// An installed spec or file of figures, "tom" or "published.toml" (share/tomestimate/specs, found
// from where the program is): its path, or nullopt if there is none.
std::optional<std::string> installed_spec(const std::string& name);

// Names of the installed hardware and model specs, sorted.
std::vector<std::string> installed_names();

}  // namespace tomestimate::spec
