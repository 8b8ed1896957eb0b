// SPDX-License-Identifier: Apache-2.0
// Specs by name.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace tomestimate::spec {

// An installed file, "tom" or "published.toml" (share/tomestimate/specs, found from where the
// running program or the Python module is): its path, or nullopt if there is none.
std::optional<std::string> installed_spec(const std::string& name);

// The file that a spec's name means: the path, from `folder`, if there is such a file (a folder is
// none), or else the installed spec of that name. Throws SpecError, with the nearest name, if it is
// neither.
std::string find_spec(const std::string& name, const std::filesystem::path& folder = {});

}  // namespace tomestimate::spec
