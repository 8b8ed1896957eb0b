// SPDX-License-Identifier: Apache-2.0
// What standard output is, and how text is laid out for it.
#pragma once

#include <tomestimate/report/document.hpp>

namespace tomestimate::cli {

bool on_terminal();

// On a terminal its width (or else COLUMNS, or else 80) and colour unless NO_COLOR is set; anywhere
// else neither.
report::TextStyle terminal_style();

}  // namespace tomestimate::cli
