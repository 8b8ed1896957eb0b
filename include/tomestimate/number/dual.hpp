// SPDX-License-Identifier: Apache-2.0
// Dual numbers: a value and its exact derivatives in N directions (after Ceres' Jet). Running the
// engine on Duals gives derivatives through the very equations that give the values.
//
// ceil and floor are flat almost everywhere: their derivative is 0. round_half_up, which makes
// counts of millions of weights whole, passes the derivative on: its steps are far below what a
// share means. At a tie, max and min take the first operand's derivative.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

#include <tomestimate/units/math.hpp>

namespace tomestimate::number {

template <std::size_t N>
struct Dual {
  double value = 0;
  std::array<double, N> slope{};

  Dual() = default;
  explicit Dual(double x) : value(x) {}
  Dual(double x, std::size_t direction) : value(x) { slope[direction] = 1; }

  friend Dual operator+(const Dual& a, const Dual& b) {
    return linear(a.value + b.value, a, 1, b, 1);
  }
  friend Dual operator-(const Dual& a, const Dual& b) {
    return linear(a.value - b.value, a, 1, b, -1);
  }
  friend Dual operator*(const Dual& a, const Dual& b) {
    return linear(a.value * b.value, a, b.value, b, a.value);
  }
  friend Dual operator/(const Dual& a, const Dual& b) {
    const double quotient = a.value / b.value;
    return linear(quotient, a, 1 / b.value, b, -quotient / b.value);
  }
  Dual& operator+=(const Dual& b) { return *this = *this + b; }
  Dual& operator-=(const Dual& b) { return *this = *this - b; }
  Dual& operator*=(const Dual& b) { return *this = *this * b; }
  Dual& operator/=(const Dual& b) { return *this = *this / b; }
  friend Dual max(const Dual& a, const Dual& b) { return a.value < b.value ? b : a; }
  friend Dual min(const Dual& a, const Dual& b) { return b.value < a.value ? b : a; }
  friend Dual ceil(const Dual& x) { return Dual(units::ceil(x.value)); }
  friend Dual floor(const Dual& x) { return Dual(units::floor(x.value)); }
  friend Dual log2(const Dual& x) {
    return linear(units::log2(x.value), x, 1 / (x.value * std::numbers::ln2), x, 0);
  }
  friend Dual exp2(const Dual& x) {
    const double power = units::exp2(x.value);
    return linear(power, x, power * std::numbers::ln2, x, 0);
  }
  friend Dual round_half_up(const Dual& x) {
    return linear(units::round_half_up(x.value), x, 1, x, 0);
  }

 private:
  static Dual linear(double value, const Dual& a, double by_a, const Dual& b, double by_b) {
    Dual out(value);
    for (std::size_t i = 0; i < N; ++i) out.slope[i] = by_a * a.slope[i] + by_b * b.slope[i];
    return out;
  }
};

}  // namespace tomestimate::number
