// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy files: arrays of numbers in row-major order, little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tomestimate::array {

// Elements of one of the types that are written.
using Elements = std::variant<std::span<const float>, std::span<const std::int8_t>,
                              std::span<const std::uint8_t>, std::span<const std::int32_t>,
                              std::span<const std::int64_t>>;

std::size_t size(const Elements& elements);
std::string dtype(const Elements& elements);  // "float32", "int8", ...

// Writes a file of format version 1.0. shape multiplies to the number of elements. Throws
// std::runtime_error.
void write_npy(const std::string& path, const Elements& elements,
               std::span<const std::size_t> shape);

// An array that was read.
struct Array {
  std::string dtype;  // as above, or "float64"
  std::vector<std::size_t> shape;
  std::string bytes;  // of the elements

  // T is what dtype says.
  template <class T>
  std::vector<T> elements() const {
    std::vector<T> out(bytes.size() / sizeof(T));
    if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }
};

bool is_npy(std::string_view bytes);

// Format versions 1.0 to 3.0. Throws spec::SpecError with `file`, byte and reason: if it is no such
// file, if its header is none, or its elements are of other types, big-endian, in Fortran's order,
// or fewer or more than its shape says.
Array parse_npy(std::string_view bytes, const std::string& file);

struct FloatArray {
  std::vector<std::size_t> shape;
  std::vector<float> values;
};

// A file of float32 or float64 (rounded), of 1 GiB at most. Throws spec::SpecError as parse_npy
// does, and if a value is not finite.
FloatArray read_floats(const std::string& path);

}  // namespace tomestimate::array
