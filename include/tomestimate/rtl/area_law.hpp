// SPDX-License-Identifier: Apache-2.0
// The engine's ROM area law, fitted to measured tiles by least squares:
//     area = ones x area_per_one_bit + bits x area_per_bit       (tomestimate/engine/rom.hpp)
// and two laws to judge it by. Areas in um^2, bits in bit.
#pragma once

#include <optional>
#include <span>

namespace tomestimate::rtl {

struct Sample {
  double ones;
  double bits;
  double area;
};

struct AreaLaw {
  double per_one_bit = 0;
  double per_bit = 0;
  double intercept = 0;  // of a tile; 0 in the engine's law

  double area(const Sample& s) const { return intercept + per_one_bit * s.ones + per_bit * s.bits; }
};

// Least squares with both coefficients >= 0 and no intercept. nullopt if the samples cannot tell
// them apart: all have one share of 1-bits.
std::optional<AreaLaw> fit_law(std::span<const Sample> samples);

// Least squares with an intercept and free signs. nullopt if the samples cannot tell the three
// apart: one share of 1-bits, or one size.
std::optional<AreaLaw> fit_law_with_intercept(std::span<const Sample> samples);

// Entropy of a ternary weight that is zero with probability z and else +1 or -1 alike, in bit:
// -z log2 z - (1 - z) log2((1 - z)/2). Random logic cannot be smaller in the long run than what it
// stores, and does not know which of its bits are 0.
double weight_entropy(double zero_share);

// area = k x (bits / 2) x weight_entropy(zero share): k by least squares, in um^2 per bit of
// entropy.
double fit_entropy_law(std::span<const Sample> samples);
double entropy_law_area(double k, const Sample& sample);

// 1 - (sum of squared residuals)/(sum of squared deviations of the areas from their mean).
double r_squared(std::span<const Sample> samples, std::span<const double> fitted);

}  // namespace tomestimate::rtl
