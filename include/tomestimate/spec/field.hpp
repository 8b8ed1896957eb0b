// SPDX-License-Identifier: Apache-2.0
// What a spec says about one of its numbers, beside the number: name, display unit, legal range.
//
// Each spec struct has one function `visit_fields(spec, visit)` that calls
//     visit(Field, member)            for numbers and quantities, per-layer lists included
//     visit(Field, member, names)     for enumerations: names[i] spells enumerator i
// once per member. Everything that goes over all the numbers of a spec goes through it: parsing,
// range checks, the list of assumptions, lifting a spec to another number type.
#pragma once

#include <array>
#include <limits>
#include <string_view>

namespace tomestimate::spec {

// Whether a number only takes whole values.
enum class Whole { no, yes };

// Whether a spec has to give a value, or only if its table is used (a machine without side units
// has no [side]), or not at all: it then has the default of its member, as an assumption.
enum class Needed { always, if_used, has_default };

struct Field {
  std::string_view path;  // "chip.clock": the TOML table and key
  std::string_view unit;  // display unit, "MHz"; "" for a bare number
  double min;             // legal range, ends included, in `unit`
  double max;
  std::string_view doc;  // one line: what the number is
  Whole whole = Whole::no;
  Needed needed = Needed::always;
};

template <std::size_t N>
using Names = std::array<std::string_view, N>;

}  // namespace tomestimate::spec
