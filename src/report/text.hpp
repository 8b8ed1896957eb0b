// SPDX-License-Identifier: Apache-2.0
// A document as text for a terminal or a file.
#pragma once

#include <string>

#include <tomestimate/report/document.hpp>

namespace tomestimate::report {

std::string render_text(const Document& document, const TextStyle& style);

}  // namespace tomestimate::report
