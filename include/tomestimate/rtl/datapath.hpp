// SPDX-License-Identifier: Apache-2.0
// Verilog-2001 of arithmetic units, test vectors for them by a model in software, and a testbench
// that runs these.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tomestimate/spec/field.hpp>

namespace tomestimate::rtl {

// Slices of matrix-vector units and of ROMA's L-Unit, and what lanes, vector units and trees are
// made of.
enum class Unit {
  mvu,       // ternary x E4M3 and E4M3 x E4M3: lanes, adder tree, accumulator, registers
  l_unit,    // (4-bit weight - zero point) x FP16: likewise
  fp16_add,  // of the rest a, b -> y, no registers; round to nearest even, with subnormals
  fp16_multiply,
  fp32_add,
  fp32_multiply,
  int32_add,
  int8_multiply,  // unsigned
  mvu_int8,       // ternary x int8: lanes, adder tree, accumulator, registers
};
inline constexpr spec::Names<9> unit_names{"mvu",           "l-unit",        "fp16-add",
                                           "fp16-multiply", "fp32-add",      "fp32-multiply",
                                           "int32-add",     "int8-multiply", "mvu-int8"};
constexpr std::string_view name(Unit u) { return unit_names[static_cast<std::size_t>(u)]; }

// Whether a unit has lanes: a width, registers and a clock.
constexpr bool has_lanes(Unit u) {
  return u == Unit::mvu || u == Unit::l_unit || u == Unit::mvu_int8;
}

// A width that a unit can have: a power of two from 2 to 1,024.
bool is_lane_count(std::size_t width);

// The unit as a module. `width` is the lanes of one that has them. All sums of units with lanes are
// exact fixed-point numbers, so that no order of adding matters:
//   mvu     sum[47:0] in units of 2^-18. `ternary` says that operands are weights, 2 bits each in
//           the low end of 8 (0 is 00, +1 is 01, -1 is 10), else E4M3. 0x7f and 0xff (NaN) are read
//           as if they were numbers.
//   mvu_int8  sum[31:0], a whole number; operands as ternary ones of mvu, activations in two's
//           complement.
//   l_unit  sum[55:0] in units of 2^-24; `zero` is the zero point. Infinities and NaN likewise.
// `clear` starts a sum with the operands it comes with. Operands of a clock are in `sum` after the
// fourth edge.
std::string unit_verilog(Unit unit, std::size_t width, const std::string& module,
                         const std::string& comment);

// What a unit gets in a cycle, and what it then answers.
struct UnitVector {
  bool clear = true;
  bool ternary = false;          // mvu
  std::uint8_t zero = 0;         // l_unit
  std::vector<std::uint32_t> a;  // codes of activations; one of a unit without lanes
  std::vector<std::uint32_t> b;  // codes of weights or operands
  std::uint64_t answer = 0;      // two's complement, of all bits of the output
};

// Sets the answers of consecutive cycles. The first one clears.
void answer(Unit unit, std::vector<UnitVector>& vectors);

// Random operands over all codes that are numbers, with their answers; the same for a seed on every
// platform. Of units with lanes, sums of several cycles.
std::vector<UnitVector> random_vectors(Unit unit, std::size_t width, std::size_t count,
                                       std::uint64_t seed);

// module NAME_testbench: applies the vectors, a cycle each, compares every answer, and prints a
// line for each that differs and then "PASS: ..." or "FAIL: ...".
std::string unit_testbench(Unit unit, std::size_t width, const std::vector<UnitVector>& vectors,
                           const std::string& module, const std::string& comment);

// A number as a code of sign, `exponent` and `mantissa` bits, IEEE 754's: rounded to nearest even,
// saturated to the largest one. In E4M3 that is 448.
std::uint32_t encode_float(double value, int exponent, int mantissa);

}  // namespace tomestimate::rtl
