// SPDX-License-Identifier: Apache-2.0
// Specs in another number type, number by number.
#pragma once

#include <type_traits>
#include <vector>

#include <tomestimate/spec/hardware.hpp>
#include <tomestimate/spec/model.hpp>
#include <tomestimate/units/unit_text.hpp>

namespace tomestimate::number {

// Base-unit value of a quantity, or the bare number itself.
template <class T>
const T& raw(const T& number) {
  return number;
}
template <class Unit, class T>
const T& raw(const units::Quantity<Unit, T>& q) {
  return q.value();
}

// What a quantity measures; a bare number measures nothing.
template <class T>
units::Dimension dimension_of_value(const T&) {
  return {};
}
template <class Unit, class T>
units::Dimension dimension_of_value(const units::Quantity<Unit, T>&) {
  return units::dimension_of<Unit>();
}

namespace detail {

template <class Unit, class T>
void assign(units::Quantity<Unit, T>& to, const T& value) {
  to = units::Quantity<Unit, T>::from_value(value);
}
template <class T>
void assign(T& to, const T& value) {
  to = value;
}

// Every member of a spec as numbers, in visiting order; a list is preceded by its length.
struct Flatten {
  std::vector<double>& out;
  template <class Member>
  void operator()(const spec::Field&, const Member& m) const {
    out.push_back(raw(m));
  }
  void operator()(const spec::Field&, std::size_t m) const {
    out.push_back(static_cast<double>(m));
  }
  void operator()(const spec::Field&, const std::vector<double>& list) const {
    out.push_back(static_cast<double>(list.size()));
    out.insert(out.end(), list.begin(), list.end());
  }
  template <class Enum, class Names>
  void operator()(const spec::Field&, const Enum& m, const Names&) const {
    out.push_back(static_cast<double>(m));
  }
  template <std::size_t N, class Names>
  void operator()(const spec::Field&, const std::array<spec::Switch, N>& all, const Names&) const {
    for (const auto s : all) out.push_back(static_cast<double>(s));
  }
};

// The way back, each number through number(field, value). A list whose entries are all equal is
// lifted once, so that one input can stand for all of it.
template <class T, class Number>
struct Unflatten {
  const double* next;
  Number& number;
  template <class Member>
  void operator()(const spec::Field& f, Member& m) {
    assign(m, number(f, *next++));
  }
  void operator()(const spec::Field&, std::size_t& m) { m = static_cast<std::size_t>(*next++); }
  void operator()(const spec::Field& f, std::vector<T>& list) {
    const auto size = static_cast<std::size_t>(*next++);
    for (std::size_t i = 0; i < size; ++i)
      list.push_back(i > 0 && next[i] == next[i - 1] ? list.back() : number(f, next[i]));
    next += size;
  }
  template <class Enum, class Names>
  void operator()(const spec::Field&, Enum& m, const Names&) {
    m = static_cast<Enum>(*next++);
  }
  template <std::size_t N, class Names>
  void operator()(const spec::Field&, std::array<spec::Switch, N>& all, const Names&) {
    for (auto& s : all) s = static_cast<spec::Switch>(*next++);
  }
};

}  // namespace detail

// Hardware or model with every number x of field f replaced by number(f, x), a T; x is in base
// units. Enumerations and model.layers, which the engine branches and loops on, stay as they are.
template <class T, class Number>
spec::Hardware<T> lift(const spec::Hardware<double>& from, Number number) {
  std::vector<double> flat;
  spec::visit_hardware(from, detail::Flatten{flat});
  spec::Hardware<T> to{};
  spec::visit_hardware(to, detail::Unflatten<T, Number>{flat.data(), number});
  return to;
}

template <class T, class Number>
spec::Model<T> lift(const spec::Model<double>& from, Number number) {
  std::vector<double> flat;
  spec::visit_model(from, detail::Flatten{flat});
  spec::Model<T> to{};
  spec::visit_model(to, detail::Unflatten<T, Number>{flat.data(), number});
  return to;
}

}  // namespace tomestimate::number
