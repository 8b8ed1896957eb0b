// SPDX-License-Identifier: Apache-2.0
// Files that are often found where a spec or a checkpoint should be.
#pragma once

#include <optional>
#include <string_view>

namespace tomestimate::spec {

struct Foreign {
  std::string_view start;  // its first bytes
  std::string_view is;     // "is an HTML page"
  std::string_view hint;
};

// What a file is whose first bytes these are: a Git LFS pointer, a web page, an archive, a pickle.
// Blanks before them don't matter.
std::optional<Foreign> foreign_file(std::string_view start);

}  // namespace tomestimate::spec
