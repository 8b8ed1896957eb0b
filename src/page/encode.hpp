// SPDX-License-Identifier: Apache-2.0
// What a page's script reads: texts as JSON, operations and outputs as numbers.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "record.hpp"

namespace tomestimate::page {

// A number in 7-bit groups, lowest first; all but the last have bit 7 set.
void append_varint(std::string& bytes, std::uint64_t value);

// The operations that any variant's outputs hang on, and those outputs:
//   nodes; per node: fn; then per node: its operands (input or constant: its index; else how far
//   back each operand is); per variant: picks; changes of outputs against the first variant, as
//   (index - index of the last one, place), where place is 0 for none, 1 + node, or 1 + nodes +
//   constant. Outputs are quantities, then rules. Constants are returned in order of first use.
struct Encoded {
  std::string bytes;
  std::vector<double> constants;
  std::size_t nodes = 0;
};
Encoded encode(const Recorded& recorded);

// 4 bytes of length (lowest first), that many of JSON, then `bytes`: deflated (zlib), in base64.
// Throws std::runtime_error.
std::string packed(const nlohmann::ordered_json& texts, const std::string& bytes);

}  // namespace tomestimate::page
