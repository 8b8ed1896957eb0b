// SPDX-License-Identifier: Apache-2.0
// Rows of a sweep as a document.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <tomestimate/report/document.hpp>

namespace tomestimate::report {

// The first `most` rows of `csv` as study::sweep writes it, and how many more there are.
Document rows_document(const std::string& title, std::string_view csv, std::size_t most);

}  // namespace tomestimate::report
