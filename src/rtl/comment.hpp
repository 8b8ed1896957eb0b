// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace tomestimate::rtl {

// Each line as a comment of Verilog.
std::string commented(const std::string& text);

}  // namespace tomestimate::rtl
