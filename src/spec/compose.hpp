// SPDX-License-Identifier: Apache-2.0
// A spec's table with what it takes from other files: the spec it is based on, and its technology.
#pragma once

#include <string>
#include <string_view>

#include <toml++/toml.h>

namespace tomestimate::spec {

// The table of `text`, with the values of the specs it is based on and of the technology (of the
// first of them that names one) put below its own, leaf by leaf. Nodes keep their places, with
// their own file. In a spec with a base a leaf may be a bare value; grade and source are added
// where it has none. What was calibrated for a base is an assumption here, and says so. Throws
// SpecError: no TOML, no such file, specs based on each other, another kind of file.
toml::table compose(std::string_view text, const std::string& file);

// "hardware"; "" if it does not say.
std::string read_kind(const toml::table& root);

}  // namespace tomestimate::spec
