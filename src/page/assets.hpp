// SPDX-License-Identifier: Apache-2.0
// Files that CMake builds into the program (src/page/assets, and Debian's d3).
#pragma once

#include <string_view>

namespace tomestimate::page {

extern const std::string_view live_css, live_html, engine_js, model_js, figures_js, live_js, d3_js;

}  // namespace tomestimate::page
