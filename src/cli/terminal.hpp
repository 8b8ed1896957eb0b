// SPDX-License-Identifier: Apache-2.0
// What standard output is, and how text is laid out for it.
#pragma once

#include <string>

#include <tomestimate/report/document.hpp>

namespace tomestimate::cli {

bool on_terminal();

// On a terminal its width (or else COLUMNS, or else 80) and colour unless NO_COLOR is set; anywhere
// else neither.
report::TextStyle terminal_style();

// Lines of help or of errors for standard output or error: on a terminal wrapped to its width,
// below where the text of a line begins ("  --flag    what it does"). Words that are too long break
// after "|", or stay whole, as paths do. Anywhere else as they are.
std::string fitted(const std::string& text, int file);

}  // namespace tomestimate::cli
