// SPDX-License-Identifier: Apache-2.0
// The one reader of TOML, for specs of every kind: hardware, models, studies, published figures.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include <tomestimate/spec/diagnostic.hpp>

namespace tomestimate::spec {

// The table of a TOML text, all of whose keys and strings are printable. `file` is for messages.
// Throws SpecError with every error found.
toml::table parse_toml(std::string_view text, const std::string& file);

// Where a node is. One that toml++ made itself has no place: then the start of the file.
Place place_of(const toml::node& node, const std::string& file);

// "did you mean ...?", or "" if nothing known is near.
std::string did_you_mean(std::string_view text, const std::vector<std::string_view>& known);

}  // namespace tomestimate::spec
