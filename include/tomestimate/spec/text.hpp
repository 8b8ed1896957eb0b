// SPDX-License-Identifier: Apache-2.0
// Text that may be printed anywhere: on a terminal, in a table, in another format.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tomestimate::spec {

// What is wrong at a place of a text.
struct Unprintable {
  std::size_t offset;  // in bytes, from 0
  std::string what;    // "a control character (U+001B)"
};

// The first thing in a text that does not print as itself: a byte that is no UTF-8, a control
// character (line breaks and tabs too), one that turns the direction of writing, or one without a
// shape. nullopt if there is none.
std::optional<Unprintable> first_unprintable(std::string_view text);

// The text with each such thing as \xNN or \u{NNNN}: it takes one line, and does nothing to a
// terminal.
std::string visible(std::string_view text);

// The text, made visible; of a long one only the start, "and so on" as "...".
std::string shortened(std::string_view text, std::size_t most_bytes = 80);

}  // namespace tomestimate::spec
