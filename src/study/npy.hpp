// SPDX-License-Identifier: Apache-2.0
// NumPy's file format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tomestimate::study::npy {

struct Field {
  std::string name;
  std::string type;  // such as "<f8"
};

// The header of an array of records, as long for any number of rows. Fields of one name get
// underscores behind it, for NumPy refuses them.
std::string records(const std::vector<Field>& fields, std::uint64_t rows);

// The header of an array of one type, such as "<f8".
std::string array(std::string_view type, std::uint64_t size);

// The header and elements of an array of texts (UTF-8).
std::string texts(const std::vector<std::string>& list);

// x as `bytes` little-endian bytes at `to`; returns what is behind them.
inline char* put(char* to, std::uint64_t x, std::size_t bytes) {
  for (std::size_t b = 0; b < bytes; ++b) *to++ = static_cast<char>(x >> 8 * b & 0xFF);
  return to;
}
inline char* put(char* to, double x) {
  return put(to, std::bit_cast<std::uint64_t>(x), sizeof(double));
}

// Whether a file begins like one.
bool is_npy(std::string_view head);

}  // namespace tomestimate::study::npy
