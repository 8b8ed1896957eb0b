// SPDX-License-Identifier: Apache-2.0
// The floating-point parts of a model, in an order of operations that is stated, so that every
// machine and instruction set gives the same bits. Values between operations are single precision;
// inside an operation sums, products and functions are double, and the result is rounded once.
// Only + - * / and sqrt are used, which IEEE 754 rounds correctly, without fused multiply-adds;
// exp, log, sin and cos are made of them here, not taken from a libm.
//
// Order of a sum over n elements ("lanes"): 16 partial sums, element i going to sum i mod 16 by
// rising i; then sum j + sum (j + 8) for j < 8, sum j + sum (j + 4) for j < 4, and so on to one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tomestimate::reference {

// Nearest whole number, ties to even; |x| < 2^22 (float) or 2^51 (double).
float round_half_even(float x);
double round_half_even(double x);

// e^x: k = nearest(x log2 e), r = x - k ln2 in two parts, 1 + (r + r^2 (1/2 + r/6 + ... +
// r^11/13!)) with the sum by Horner, times 2^k. 0 below -708. |x| <= 708 otherwise. Within 2 units
// of the last place.
double exponential(double x);
// Natural logarithm of x > 0, normal: x = m 2^k with sqrt(1/2) <= m < sqrt(2), s = (m-1)/(m+1),
// 2 (s + s^3/3 + ... + s^23/23) by Horner, plus k ln2 in two parts.
double logarithm(double x);

struct SineCosine {
  double sine;
  double cosine;
};
// Of x in radians, |x| < 10^6: k = nearest(x 2/pi), r = x - k pi/2 in three parts, Taylor sums to
// r^17 and r^16, and the quadrant.
SineCosine sine_cosine(double x);

// Sum of a_i b_i in double, in lanes. The same bits for all instruction sets.
double dot(std::span<const float> a, std::span<const float> b);

// y_i = float(x_i / sqrt(mean of squares + epsilon)) gain_i, the last product in single precision;
// the mean is the sum in lanes over n. x and y may be one.
void rms_norm(std::span<const float> x, std::span<const float> gain, double epsilon,
              std::span<float> y);

// BitNet's int8 of a token: scale = 127 / max(max |x|, 1e-5), code = x scale rounded half to even
// and clipped to -128..127; all in single precision. Returns the scale; x is about code / scale.
// Throws std::runtime_error if an x is not finite, as quantize_e4m3 does.
float quantize_int8(std::span<const float> x, std::span<std::int8_t> codes);

// E4M3 of a token: scale = 448 / max(max |x|, 1e-5), code = E4M3 of x scale (fp8.hpp).
float quantize_e4m3(std::span<const float> x, std::span<std::uint8_t> codes);

enum class Activation { silu, relu2 };

// act(gate) up. relu2: (max(g, 0) max(g, 0)) u; silu: float(g / (1 + e^-g)) u, products in single
// precision.
void gate_units(Activation activation, std::span<const float> gate, std::span<const float> up,
                std::span<float> out);

// Rotary position embedding: pair i of a head of size d turns by position / theta^(2i/d), with
// theta^(2i/d) = e^((2i/d) log theta). Pairs are (i, i + d/2), or (2i, 2i + 1) if adjacent.
// x' = float(x cos - y sin), y' = float(x sin + y cos), in double. `divisors`, if there are any,
// divide the frequency of each pair.
class Rope {
 public:
  Rope(std::size_t head_dim, double theta, bool adjacent, std::span<const double> divisors = {});
  // Turns every head in `heads` (a whole number of heads).
  void turn(std::size_t position, std::span<float> heads) const;

 private:
  std::size_t head_dim_;
  bool adjacent_;
  std::vector<double> frequencies_;
};

// What Llama 3's stretched RoPE divides the frequency f of each pair by: 1 above high / context
// turns a position, `factor` below low / context, and between the two so that the frequency is (1 -
// s) f / factor + s f with s = (context f / (2 pi) - low) / (high - low).
std::vector<double> llama3_divisors(std::size_t head_dim, double theta, double factor, double low,
                                    double high, double context);

}  // namespace tomestimate::reference
