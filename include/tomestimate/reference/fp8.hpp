// SPDX-License-Identifier: Apache-2.0
// FP8 E4M3 (OCP 8-bit floating point, "FN": no infinities): 1 sign, 4 exponent bits with bias 7, 3
// mantissa bits; largest 448, smallest 2^-9; 0x7F and 0xFF are no numbers.
#pragma once

#include <cstdint>

namespace tomestimate::reference {

inline constexpr float largest_e4m3 = 448;
// The place of the last bit: every value is a whole multiple of 2^-9, from -229,376 to 229,376.
inline constexpr double e4m3_unit = 0x1p-9;

// Rounds to nearest, ties to even; beyond 448 is 448. No number stays none (0x7F).
std::uint8_t to_e4m3(float value);
float from_e4m3(std::uint8_t code);
// The value in units of 2^-9. `code` is a number.
std::int32_t fixed_e4m3(std::uint8_t code);

}  // namespace tomestimate::reference
