// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <tomestimate/report/reports.hpp>

#include "cells.hpp"

namespace tomestimate::report {
namespace {

using evidence::Implied;

std::string kind(const Implied& i) { return i.choice ? "choice" : "unknown"; }

std::string verdict(const Implied& i) {
  if (!i.value) return "no legal value";
  // A step of a whole number, or of whole cycles, jumps over the figure.
  const bool jumps = std::abs(i.at - i.published) > 0.01 * std::abs(i.published);
  return std::string(i.within ? "in range" : "beyond its range") + (jumps ? ", nearest step" : "");
}

// What all figures of a machine say of a value.
struct Verdicts {
  const Implied* first;
  std::size_t within = 0, beyond = 0, none = 0;
  double lowest = 0, highest = 0;  // that are legal, in base units

  void add(const Implied& i) {
    if (!i.value) {
      ++none;
      return;
    }
    const bool fresh = within + beyond == 0;
    lowest = fresh ? *i.value : std::min(lowest, *i.value);
    highest = fresh ? *i.value : std::max(highest, *i.value);
    ++(i.within ? within : beyond);
  }
};

Table by_value(const std::vector<std::pair<std::string, Verdicts>>& all) {
  Table t{"implied-values",
          "Values with a range, and what figures make of them",
          {{"value", ""},
           {"of", ""},
           {"is", ""},
           {"now", ""},
           {"low", ""},
           {"high", ""},
           {"met in range", "figures"},
           {"met beyond", "figures"},
           {"not met", "figures"},
           {"least", ""},
           {"most", ""}},
          {},
          {"least, most: of the values at which a figure is met; far apart they say that something "
           "else is wrong"}};
  for (const auto& [path, v] : all) {
    const auto& p = v.first->parameter;
    const bool any = v.within + v.beyond > 0;
    const auto count = [](std::size_t n) { return static_cast<double>(n); };
    t.rows.push_back({path, v.first->hardware, kind(*v.first), shown(p, p.value),
                      shown(p, v.first->low), shown(p, v.first->high), count(v.within),
                      count(v.beyond), count(v.none), any ? Cell{shown(p, v.lowest)} : Cell{},
                      any ? Cell{shown(p, v.highest)} : Cell{}});
  }
  return t;
}

}  // namespace

Document implied_document(std::span<const Implied> implied) {
  Document document{
      "What each published figure says of each value with a range",
      {"a figure is taken as given and all values but one as they are: the value at which the "
       "estimate is the figure, in the value's range, or else the nearest that is legal",
       "one value at a time: uncertainty --given weighs all of them together"},
      {}};
  if (implied.empty()) {
    document.lead = {"no figure hangs on a value that has a range"};
    return document;
  }
  std::vector<std::pair<std::string, Verdicts>> values;
  std::map<std::pair<std::string, std::string>, std::size_t> known;
  for (const auto& i : implied) {
    const auto [at, fresh] = known.try_emplace({i.hardware, i.parameter.path}, values.size());
    if (fresh) values.push_back({i.parameter.path, {&i}});
    values[at->second].second.add(i);
  }
  document.tables.push_back(by_value(values));
  Table t{"implied",
          "Figure by figure",
          {{"id", ""},
           {"published", ""},
           {"estimate", ""},
           {"unit", ""},
           {"value", ""},
           {"is", "", -1},
           {"now", ""},
           {"low", "", -2},
           {"high", "", -2},
           {"would be", ""},
           {"that is", ""},
           {"reach of the estimate", ""}},
          {},
          {"reach: the lowest and the highest estimate over the range of the value"}};
  for (const auto& i : implied) {
    const auto& p = i.parameter;
    const bool reach = i.lowest <= i.highest;
    t.rows.push_back(
        {i.id, i.published, i.estimate, i.unit, p.path, kind(i), shown(p, p.value), shown(p, i.low),
         shown(p, i.high), i.value ? Cell{shown(p, *i.value)} : Cell{}, verdict(i),
         reach ? Cell{fmt::format("{} to {}", told(i.lowest), told(i.highest))} : Cell{}});
  }
  document.tables.push_back(std::move(t));
  return document;
}

}  // namespace tomestimate::report
