// SPDX-License-Identifier: Apache-2.0
// Integer arithmetic of the layers. Values of the residual stream are fixed point with 8 fraction
// bits, kept below 2^24 in size, so that squares and products stay far inside 64 bit.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <tomestimate/spec/model.hpp>

namespace tomestimate::kernel {

inline constexpr int fraction_bits = 8;

// Largest value of a signed code of `bits` bits.
constexpr std::int32_t code_max(unsigned bits) { return (1 << (bits - 1)) - 1; }

std::int32_t saturate(std::int64_t value);  // to +-2^24

// A quantized vector: x is about q * scale / 2^16, with RMSNorm divided out where asked for.
struct Quantized {
  std::vector<std::int16_t> q;
  std::int64_t scale;
};

// Absmax quantization to `bits` bits; with `norm` of x / rms(x), else of x.
Quantized quantize(std::span<const std::int32_t> x, unsigned bits, bool norm);

// The residual-stream value of an accumulator: acc * scale / sqrt(inputs), the weight scale of a
// ternary matrix of that many inputs.
std::int32_t dequantize(std::int64_t acc, std::int64_t scale, std::size_t inputs);

// Rotates pairs (2i, 2i + 1) of each head by position * 2^(-13 i / (head_dim / 2)) radians: RoPE
// with base 2^13, near its 10,000, and a parabola for the sine, so that it is the same on every
// machine.
void rotate(std::span<std::int32_t> heads, std::size_t head_dim, std::uint64_t position);

// Static 8-bit code of a key, value or query: x in units of 1/16.
std::int8_t clip_to_code(std::int32_t x, unsigned bits);

// softmax of scores / 2^shift in base 2, as codes 0 .. code_max(bits).
std::vector<std::int16_t> softmax(std::span<const std::int32_t> scores, int shift, unsigned bits);

// relu(x)^2; for silu and gelu x * clamp(x / 4 + 1 / 2, 0, 1), near enough to either.
std::int32_t activate(spec::Activation kind, std::int32_t x);

// activate(gate) * up
std::int32_t activate_gated(spec::Activation kind, std::int32_t gate, std::int32_t up);

}  // namespace tomestimate::kernel
