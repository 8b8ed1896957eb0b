// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/number/bounds.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace tomestimate::number {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr Interval anything{-infinite, infinite};

// An end that is no number (infinity less infinity) could be any.
Interval checked(double low, double high) {
  return {std::isnan(low) ? -infinite : low, std::isnan(high) ? infinite : high};
}

// Endless means any finite number: 0 times it is 0.
double times(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }

Interval operator+(const Interval& a, const Interval& b) {
  return checked(a.low + b.low, a.high + b.high);
}
Interval operator-(const Interval& a, const Interval& b) {
  return checked(a.low - b.high, a.high - b.low);
}
Interval operator*(const Interval& a, const Interval& b) {
  const double p = times(a.low, b.low), q = times(a.low, b.high);
  const double r = times(a.high, b.low), s = times(a.high, b.high);
  return {std::min({p, q, r, s}), std::max({p, q, r, s})};
}
Interval operator/(const Interval& a, const Interval& b) {
  if (b.low <= 0 && b.high >= 0) return anything;
  const double p = a.low / b.low, q = a.low / b.high, r = a.high / b.low, s = a.high / b.high;
  if (std::isnan(p) || std::isnan(q) || std::isnan(r) || std::isnan(s)) return anything;
  return {std::min({p, q, r, s}), std::max({p, q, r, s})};
}
Interval hull(const Interval& a, const Interval& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}
// A comparison: certainly so, certainly not, or either.
Interval truth(bool surely, bool surely_not) {
  return {surely ? 1.0 : 0.0, surely_not ? 0.0 : 1.0};
}

// f of both ends, where f does not fall.
template <class F>
Interval rising(const Interval& a, F f) {
  return checked(f(a.low), f(a.high));
}

Interval apply(Fn fn, const Interval& a, const Interval& b) {
  switch (fn) {
    case Fn::add:
      return a + b;
    case Fn::sub:
      return a - b;
    case Fn::mul:
      return a * b;
    case Fn::div:
      return a / b;
    case Fn::max:
      return {std::max(a.low, b.low), std::max(a.high, b.high)};
    case Fn::min:
      return {std::min(a.low, b.low), std::min(a.high, b.high)};
    case Fn::less:
      return truth(a.high < b.low, a.low >= b.high);
    case Fn::less_equal:
      return truth(a.high <= b.low, a.low > b.high);
    case Fn::equal:
      return truth(a.low == a.high && a.low == b.low && b.low == b.high,
                   a.high < b.low || b.high < a.low);
    case Fn::ceil:
      return rising(a, [](double x) { return std::ceil(x); });
    case Fn::floor:
      return rising(a, [](double x) { return std::floor(x); });
    case Fn::round_half_up:
      return rising(a, [](double x) { return std::floor(x + 0.5); });
    case Fn::log2:
      return rising({std::max(a.low, 0.0), a.high}, [](double x) { return std::log2(x); });
    case Fn::exp2:
      return rising(a, [](double x) { return std::exp2(x); });
    case Fn::constant:
    case Fn::input:
      break;
  }
  return a;
}

// The slopes of a function that steps: none where it does not step in the box, else of any size in
// the direction of its operand.
Interval stepped(const Interval& value, const Interval& up) {
  if (value.low == value.high) return {0, 0};
  return {up.low < 0 ? -infinite : 0, up.high > 0 ? infinite : 0};
}

}  // namespace

Bounds::Bounds(const Recording& recording, std::span<const Symbol> outputs)
    : inputs_(recording.inputs()) {
  const auto& all = recording.nodes();
  std::vector<bool> needed(all.size(), false);
  for (const auto& out : outputs)
    if (!out.is_constant()) needed[out.node()] = true;
  for (std::size_t i = all.size(); i-- > 0;)
    if (needed[i] && all[i].fn > Fn::input) needed[all[i].a] = needed[all[i].b] = true;
  std::vector<std::uint32_t> place(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!needed[i]) continue;
    place[i] = static_cast<std::uint32_t>(nodes_.size());
    auto node = all[i];
    if (node.fn > Fn::input) {
      node.a = place[node.a];
      node.b = place[node.b];
    }
    nodes_.push_back(node);
  }
  for (const auto& out : outputs) {
    outputs_.push_back(out.is_constant() ? nodes_.size() : place[out.node()]);
    if (out.is_constant()) nodes_.push_back({Fn::constant, 0, 0, out.value()});
  }
  values_.resize(nodes_.size());
  centers_.resize(nodes_.size());
  slopes_.resize(nodes_.size() * inputs_);
  for (std::size_t n = 0; n < nodes_.size(); ++n)
    if (nodes_[n].fn == Fn::constant) {
      values_[n] = {nodes_[n].value, nodes_[n].value};
      centers_[n] = nodes_[n].value;
    }
}

// Rules of finite differences, not of derivatives: they hold for steps and kinks as well.
void Bounds::bound_slopes(std::size_t n) {
  const auto& node = nodes_[n];
  const auto a = values_[node.a], b = values_[node.b], value = values_[n];
  Interval* to = slopes_.data() + n * inputs_;
  const Interval* da = slopes_.data() + node.a * inputs_;
  const Interval* db = slopes_.data() + node.b * inputs_;
  const auto fill = [&](const auto& slope) {
    for (std::size_t i = 0; i < inputs_; ++i) to[i] = slope(da[i], db[i]);
  };
  // One operand alone, or either.
  const auto choose = [&](bool first, bool second) {
    fill([=](const Interval& u, const Interval& v) { return first ? u : second ? v : hull(u, v); });
  };
  constexpr double ln2 = std::numbers::ln2;
  switch (node.fn) {
    case Fn::add:
      return fill([](const Interval& u, const Interval& v) { return u + v; });
    case Fn::sub:
      return fill([](const Interval& u, const Interval& v) { return u - v; });
    case Fn::mul:
      return fill([&](const Interval& u, const Interval& v) { return u * b + a * v; });
    case Fn::div:
      return fill([&](const Interval& u, const Interval& v) { return (u - value * v) / b; });
    case Fn::max:
      return choose(a.low >= b.high, b.low >= a.high);
    case Fn::min:
      return choose(a.high <= b.low, b.high <= a.low);
    case Fn::less:
    case Fn::less_equal:
      return fill([&](const Interval& u, const Interval& v) { return stepped(value, v - u); });
    case Fn::equal:
      return fill([&](const Interval& u, const Interval& v) {
        const bool still =
            value.low == value.high || (u.low == 0 && u.high == 0 && v.low == 0 && v.high == 0);
        return still ? Interval{0, 0} : anything;
      });
    case Fn::ceil:
    case Fn::floor:
    case Fn::round_half_up:
      return fill([&](const Interval& u, const Interval&) { return stepped(value, u); });
    case Fn::log2:
      return fill([&](const Interval& u, const Interval&) {
        return u / (Interval{ln2, ln2} * Interval{std::max(a.low, 0.0), a.high});
      });
    case Fn::exp2:
      return fill([&](const Interval& u, const Interval&) {
        return u * Interval{ln2, ln2} * value;
      });
    case Fn::constant:
    case Fn::input:
      break;
  }
}

// The value at the middle of the box, and from there as far as slopes reach: tighter where operands
// move together, as in a sum less one of its parts.
void Bounds::tighten(std::size_t n, std::span<const Interval> box) {
  if (!std::isfinite(centers_[n])) return;
  double low = centers_[n], high = low, reach = 0;
  for (std::size_t i = 0; i < inputs_; ++i) {
    const double half = (box[i].high - box[i].low) / 2;
    if (half == 0) continue;
    const auto slope = slopes_[n * inputs_ + i];
    const double down = std::max({times(slope.high, half), times(-slope.low, half), 0.0});
    low -= down;
    high += down;
    reach += down;
  }
  constexpr double rounding = 1e-12;
  const double slack = rounding * (std::abs(centers_[n]) + reach);
  if (low - slack > values_[n].low) values_[n].low = std::min(low - slack, values_[n].high);
  if (high + slack < values_[n].high) values_[n].high = std::max(high + slack, values_[n].low);
}

void Bounds::over(std::span<const Interval> box) {
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const auto& node = nodes_[n];
    if (node.fn == Fn::constant) continue;
    if (node.fn == Fn::input) {
      values_[n] = box[node.a];
      centers_[n] = box[node.a].low + (box[node.a].high - box[node.a].low) / 2;
      slopes_[n * inputs_ + node.a] = {1, 1};
      continue;
    }
    if (node.fn == Fn::sub && node.a == node.b) continue;  // 0: as intervals they would not know
    values_[n] = apply(node.fn, values_[node.a], values_[node.b]);
    bound_slopes(n);
    centers_[n] = apply(node.fn, centers_[node.a], centers_[node.b]);
    tighten(n, box);
  }
}

}  // namespace tomestimate::number
