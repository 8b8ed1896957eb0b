// SPDX-License-Identifier: Apache-2.0
// The formats of specs, studies and published figures, from what reads them: the pages can't
// disagree with it.
#pragma once

#include <string>

namespace tomestimate::cli {

// tomestimate-spec(5), in man(7).
std::string formats_man_page();

// The same in Markdown.
std::string formats_markdown();

}  // namespace tomestimate::cli
