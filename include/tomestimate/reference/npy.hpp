// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy files, format version 1.0: arrays in row-major order, little-endian.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace tomestimate::reference {

// Elements of one of the types that are written.
using Elements = std::variant<std::span<const float>, std::span<const std::int8_t>,
                              std::span<const std::uint8_t>, std::span<const std::int32_t>,
                              std::span<const std::int64_t>>;

std::size_t size(const Elements& elements);
std::string dtype(const Elements& elements);  // "float32", "int8", ...

// The file's bytes. shape multiplies to the number of elements.
void write_npy(const std::string& path, const Elements& elements,
               std::span<const std::size_t> shape);

struct FloatArray {
  std::vector<std::size_t> shape;
  std::vector<float> values;
};

// Reads an array of float32 or float64 (rounded), row-major. Throws spec::SpecError with file and
// reason if it is no such file, or a value is not finite.
FloatArray read_npy(const std::string& path);

}  // namespace tomestimate::reference
