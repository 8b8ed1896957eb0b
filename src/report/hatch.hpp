// SPDX-License-Identifier: Apache-2.0
// Hatching of gnuplot's SVG, drawn as lines.
#pragma once

#include <string>

namespace tomestimate::report {

// gnuplot hatches a rectangle with a <pattern> of its own, which browsers print as a picture: a
// page of them makes a PDF of megabytes. This puts the pattern's lines there instead, cut to the
// rectangle. Text without such patterns comes back as it is.
std::string lines_for_patterns(const std::string& svg);

}  // namespace tomestimate::report
