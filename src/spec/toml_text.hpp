// SPDX-License-Identifier: Apache-2.0
// Pieces of TOML that is written.
#pragma once

#include <string>

namespace tomestimate::spec {

// A TOML string, on one line, that reads back: what may not stand in a spec is made visible, as in
// a file's name.
std::string quoted(const std::string& text);

// Sourced::text as TOML: numbers and switches bare, names and quantities quoted, lists by item.
std::string value_text(const std::string& text);

}  // namespace tomestimate::spec
