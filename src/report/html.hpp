// SPDX-License-Identifier: Apache-2.0
// Text in HTML and XML.
#pragma once

#include <string>
#include <string_view>

namespace tomestimate::report {

// Printable, with & < > and quotes as entities.
std::string escaped(std::string_view text);

}  // namespace tomestimate::report
