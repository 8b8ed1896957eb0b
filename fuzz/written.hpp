// SPDX-License-Identifier: Apache-2.0
// What is written reads back the same.
#pragma once

#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <tomestimate/spec/load.hpp>
#include <tomestimate/spec/write.hpp>

#include "require.hpp"

namespace tomestimate::fuzz {

// Every number, switch and name of a spec.
class Numbers {
 public:
  template <class Member, class... Names>
  void operator()(const spec::Field&, const Member& member, const Names&...) {
    add(member);
  }
  std::vector<double> all;

 private:
  template <class Unit>
  void add(const units::Quantity<Unit, double>& x) {
    all.push_back(x.value());
  }
  template <class Member>
  void add(const Member& x) {
    all.push_back(static_cast<double>(x));
  }
  void add(const std::vector<double>& list) { all.insert(all.end(), list.begin(), list.end()); }
  template <std::size_t N>
  void add(const std::array<spec::Switch, N>& list) {
    for (const auto x : list) all.push_back(static_cast<double>(x));
  }
};

inline std::vector<double> numbers(const spec::Hardware<double>& h) {
  Numbers out;
  spec::visit_hardware(h, out);
  return out.all;
}

inline std::vector<double> numbers(const spec::Model<double>& m) {
  Numbers out;
  spec::visit_model(m, out);
  return out.all;
}

// Ranges are written with 12 digits.
inline bool near(const std::optional<std::array<double, 2>>& a,
                 const std::optional<std::array<double, 2>>& b) {
  if (a.has_value() != b.has_value()) return false;
  const auto same = [](double x, double y) {
    return std::abs(x - y) <= 1e-11 * std::max(std::abs(x), std::abs(y));
  };
  return !a || (same((*a)[0], (*b)[0]) && same((*a)[1], (*b)[1]));
}

template <class S>
void same_when_written(const spec::Spec<S>& spec,
                       spec::Spec<S> (*parse)(std::string_view, const std::string&)) {
  const auto text = spec::to_toml(spec, "written");
  std::optional<spec::Spec<S>> back;
  try {
    back = parse(text, "written");
  } catch (const spec::SpecError& e) {
    require(false, e.what(), text);
  }
  require(back->name == spec.name && back->description == spec.description, "name", text);
  require(back->labels.base == spec.labels.base && back->labels.side == spec.labels.side, "labels",
          text);
  require(numbers(back->values) == numbers(spec.values), "values", text);
  require(back->sourced.size() == spec.sourced.size(), "number of values", text);
  for (std::size_t i = 0; i < spec.sourced.size(); ++i) {
    const auto& a = spec.sourced[i];
    const auto& b = back->sourced[i];
    require(a.path == b.path && a.text == b.text && a.grade == b.grade && a.source == b.source &&
                a.fits == b.fits && near(a.range, b.range),
            a.path, text);
  }
}

}  // namespace tomestimate::fuzz
