// SPDX-License-Identifier: Apache-2.0
// Mathematical functions of the equations, for numbers and for quantities. The engine calls these
// unqualified; another number type brings overloads of its own for max, min, ceil, floor, log2,
// exp2 and round_half_up, found by argument-dependent lookup.
#pragma once

#include <cmath>

#include <tomestimate/units/quantity.hpp>

namespace tomestimate::units {

constexpr double max(double a, double b) { return a < b ? b : a; }
constexpr double min(double a, double b) { return b < a ? b : a; }
inline double ceil(double x) { return std::ceil(x); }
inline double floor(double x) { return std::floor(x); }
inline double log2(double x) { return std::log2(x); }
inline double exp2(double x) { return std::exp2(x); }
inline double round_half_up(double x) { return std::floor(x + 0.5); }

template <class Unit, class T>
constexpr Quantity<Unit, T> max(const Quantity<Unit, T>& a, const Quantity<Unit, T>& b) {
  return Quantity<Unit, T>::from_value(max(a.value(), b.value()));
}

template <class Unit, class T>
constexpr Quantity<Unit, T> min(const Quantity<Unit, T>& a, const Quantity<Unit, T>& b) {
  return Quantity<Unit, T>::from_value(min(a.value(), b.value()));
}

// ceil(a / b). Exact for whole a and b below 2^52: the rounded quotient of two such numbers is
// whole only if the true one is.
template <class T>
T ceil_div(T a, T b) {
  return ceil(a / b);
}

// ceil(x) that forgives the rounding error of a product such as 20 ns x 500 MHz.
template <class T>
T ceil_tolerant(T x) {
  return ceil(x - x * T(1e-12));
}

// Levels of a binary tree with x leaves: ceil(log2 x); 0 for one leaf.
template <class T>
T tree_levels(T x) {
  return ceil(log2(x) - T(1e-9));
}

}  // namespace tomestimate::units
