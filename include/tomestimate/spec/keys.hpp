// SPDX-License-Identifier: Apache-2.0
// Keys of TOML files beside the values of visit_hardware and visit_model, with what they mean. What
// reads a file knows these and no others, and the manual page lists them.
#pragma once

#include <array>
#include <string_view>

namespace tomestimate::spec {

struct Key {
  std::string_view name;
  std::string_view doc;  // what it is, as the end of a sentence
};

// Before the tables of a spec.
inline constexpr std::array<Key, 6> spec_keys{{
    {"kind", "\"hardware\", \"model\" or \"technology\""},
    {"name", "what reports call it"},
    {"description", "one line on what it is"},
    {"based_on",
     "a spec of the same kind that has all that this one does not say: a file beside this one, "
     "with "
     "or without .toml, or a shipped spec"},
    {"technology",
     "of hardware: the technology that has the table [tech], technology/NAME.toml beside the spec "
     "or a shipped one; what the spec itself says of [tech] comes before it"},
    {"labels", "of hardware: a table of what reports call the units of [base] and [side]"},
}};

// Of one value.
inline constexpr std::array<Key, 5> value_keys{{
    {"value",
     "a number, a text with a number and its unit, true or false, one of several names, or a list"},
    {"grade", "how sure the value is"},
    {"source", "where it comes from"},
    {"range", "[LOW, HIGH] around a number, which uncertainty and sensitivity go over; optional"},
    {"fits",
     "the published figures that a calibrated value was set to meet; no other grade has it"},
}};

// Grades, in the order of Grade.
inline constexpr std::array<Key, 5> grade_keys{{
    {"published", "the paper's abstract, or its own sentence as quoted elsewhere"},
    {"secondary", "a summary of the paper, or another public source"},
    {"derived", "worked out from published figures, as the source says"},
    {"assumption", "not published; every report lists it"},
    {"calibrated",
     "set so that the figures named in fits are met; those figures then prove nothing"},
}};

}  // namespace tomestimate::spec
