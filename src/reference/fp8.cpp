// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/reference/fp8.hpp>

#include <bit>
#include <limits>

namespace tomestimate::reference {

std::uint8_t to_e4m3(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint8_t>(bits >> 24 & 0x80);
  const auto size = bits & 0x7FFFFFFF;
  if (size > 0x7F800000) return 0x7F;
  if (size >= std::bit_cast<std::uint32_t>(largest_e4m3)) return sign | 0x7E;
  std::uint32_t code = 0;
  if (size < std::bit_cast<std::uint32_t>(0x1p-6f)) {
    // Below the normal numbers, in units of 2^-9. 2^23 and up has no bits below the units: adding
    // it rounds to nearest even. Code 8 is the first normal number.
    const float units = std::bit_cast<float>(size) * 512.0f + 0x1p23f;
    code = std::bit_cast<std::uint32_t>(units) & 15;
  } else {
    code = ((size + 0x7FFFF + (size >> 20 & 1)) >> 20) - ((127 - 7) << 3);
    if (code > 0x7E) code = 0x7E;
  }
  return static_cast<std::uint8_t>(sign | code);
}

std::int32_t fixed_e4m3(std::uint8_t code) {
  const int exponent = code >> 3 & 15;
  const int mantissa = code & 7;
  const std::int32_t size = exponent == 0 ? mantissa : (mantissa + 8) << (exponent - 1);
  return (code & 0x80) != 0 ? -size : size;
}

float from_e4m3(std::uint8_t code) {
  if ((code & 0x7F) == 0x7F) return std::numeric_limits<float>::quiet_NaN();
  const float size = static_cast<float>(fixed_e4m3(code & 0x7F)) * 0x1p-9f;
  return (code & 0x80) != 0 ? -size : size;
}

}  // namespace tomestimate::reference
