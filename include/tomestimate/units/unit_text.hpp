// SPDX-License-Identifier: Apache-2.0
// Units as text: "500 MHz", "pJ/bit", "MB/mm^2". Dimensions come from the Boost.Units types, so
// that a spec field's C++ type decides what its text may be.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include <boost/units/get_dimension.hpp>

#include <tomestimate/units/quantity.hpp>

namespace tomestimate::units {

// Exponents of metre, kilogram, second, bit, cycle, token, operation, volt, degree Celsius.
using Dimension = std::array<int, 9>;

namespace detail {

template <class Base>
constexpr std::size_t base_index() {
  constexpr bool is[] = {std::is_same_v<Base, bu::length_base_dimension>,
                         std::is_same_v<Base, bu::mass_base_dimension>,
                         std::is_same_v<Base, bu::time_base_dimension>,
                         std::is_same_v<Base, bu::information_base_dimension>,
                         std::is_same_v<Base, cycle_base_dimension>,
                         std::is_same_v<Base, token_base_dimension>,
                         std::is_same_v<Base, operation_base_dimension>,
                         std::is_same_v<Base, voltage_base_dimension>,
                         std::is_same_v<Base, celsius_base_dimension>};
  std::size_t i = 0;
  while (!is[i]) ++i;
  return i;
}

inline void add(Dimension&, bu::dimensionless_type) {}

template <class Base, class Power, class Rest>
void add(Dimension& d, bu::list<bu::dim<Base, Power>, Rest>) {
  d[base_index<Base>()] += static_cast<int>(Power::numerator());
  add(d, Rest{});
}

}  // namespace detail

// Dimension of a Boost.Units unit of chip_system.
template <class Unit>
Dimension dimension_of() {
  Dimension d{};
  detail::add(d, typename bu::get_dimension<Unit>::type{});
  return d;
}

struct ParsedUnit {
  double factor;  // base units (metre, kilogram, second, bit, ...) in one of this unit
  Dimension dimension;
};

struct ParsedQuantity {
  double value;  // in base units
  Dimension dimension;
};

struct UnitError {
  std::size_t offset;  // into the text, from 0
  std::string message;
  std::string hint;  // "" if there is none
};

// Parses "pJ/bit", "um^2", "MB/mm^2": symbols with SI prefix (Ki, Mi, Gi for bit and B), joined by
// '*' or '/', each with an optional power "^n". "" is the bare number 1. "byte" and "percent" are B
// and %. `like` is a unit of what is wanted, for hints: of spellings that differ in case from what
// is written, one of its kind is meant.
std::variant<ParsedUnit, UnitError> parse_unit(std::string_view text, std::string_view like = "");

// Parses a number, then a unit: "500 MHz".
std::variant<ParsedQuantity, UnitError> parse_quantity(std::string_view text,
                                                       std::string_view like = "");

// Parses a count with or without a suffix: "4096", "4k" (4,000), "4Ki" (4,096), "2M", "1e6".
// nullopt if it is none.
std::optional<double> parse_count(std::string_view text);

// Name of what a dimension measures ("frequency", "energy per bit"), or its base units.
std::string kind(const Dimension& dimension);

// value in base units, told in `unit`, which must be a good one.
double from_base(double value, std::string_view unit);

// Damerau-Levenshtein distance: an insertion, deletion, change or swap of neighbours counts 1.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate nearest to `text`, if one is near enough to be what was meant. Of a text longer
// than any name there is none.
template <class Candidates>
std::optional<std::string_view> nearest(std::string_view text, const Candidates& candidates) {
  constexpr std::size_t longest_name = 100;
  std::optional<std::string_view> best;
  if (text.size() > longest_name) return best;
  std::size_t best_distance = std::max<std::size_t>(2, text.size() / 3) + 1;
  for (std::string_view candidate : candidates) {
    if (candidate.size() >= text.size() + best_distance) continue;
    const auto distance = edit_distance(text, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace tomestimate::units
