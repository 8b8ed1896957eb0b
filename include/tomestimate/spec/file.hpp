// Files: read whole, and replaced in one step.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tomestimate::spec {

// The bytes of a file, of `largest` at most. Throws SpecError.
std::string read_file(const std::string& path, std::uintmax_t largest = 1 << 20);

// Writes text to path through a temporary in the same folder and a rename, so that a reader never
// sees half a file. Throws std::runtime_error with path and reason; then nothing is left behind.
void write_file(const std::string& path, std::string_view text);

}  // namespace tomestimate::spec
