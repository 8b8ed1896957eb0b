// SPDX-License-Identifier: Apache-2.0
// How a cell and a heading are written in CSV, here and in reports.
#pragma once

#include <string>

namespace tomestimate::study {

// Printable, quoted if it has to be (RFC 4180), and with an apostrophe in front where a spreadsheet
// would take it for a formula.
std::string csv_cell(const std::string& text);

// A "# " line, as safe; without its end.
std::string csv_comment(const std::string& text);

// "clock [MHz]"; only the name without a unit. Not quoted.
std::string heading(const std::string& name, const std::string& unit);

}  // namespace tomestimate::study
