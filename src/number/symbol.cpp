// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/number/symbol.hpp>

#include <algorithm>
#include <bit>
#include <optional>

#include <tomestimate/units/math.hpp>

namespace tomestimate::number {
namespace {

constexpr std::uint32_t free_slot = -1;  // no recording has so many nodes

bool is(const Symbol& s, double value) { return s.is_constant() && s.value() == value; }

// fn(a, b) where it is one of its operands or a constant whatever the inputs are.
std::optional<Symbol> simplified(Fn fn, const Symbol& a, const Symbol& b) {
  switch (fn) {
    case Fn::add:
      if (is(a, 0)) return b;
      if (is(b, 0)) return a;
      break;
    case Fn::sub:
      if (is(b, 0)) return a;
      break;
    case Fn::mul:
      if (is(a, 1)) return b;
      if (is(b, 1)) return a;
      if (is(a, 0) || is(b, 0)) return Symbol(0);  // every checked spec value is finite
      break;
    case Fn::div:
      if (is(b, 1)) return a;
      break;
    default:
      break;
  }
  return std::nullopt;
}

}  // namespace

double apply(Fn fn, double a, double b) {
  switch (fn) {
    case Fn::constant:
    case Fn::input:
      break;
    case Fn::add:
      return a + b;
    case Fn::sub:
      return a - b;
    case Fn::mul:
      return a * b;
    case Fn::div:
      return a / b;
    case Fn::max:
      return units::max(a, b);
    case Fn::min:
      return units::min(a, b);
    case Fn::less:
      return a < b ? 1 : 0;
    case Fn::less_equal:
      return a <= b ? 1 : 0;
    case Fn::equal:
      return a == b ? 1 : 0;
    case Fn::ceil:
      return units::ceil(a);
    case Fn::floor:
      return units::floor(a);
    case Fn::log2:
      return units::log2(a);
    case Fn::exp2:
      return units::exp2(a);
    case Fn::round_half_up:
      return units::round_half_up(a);
  }
  return a;
}

Symbol Recording::input(double value) {
  nodes_.push_back({Fn::input, inputs_++, 0, value});
  return {this, static_cast<std::uint32_t>(nodes_.size() - 1), value};
}

std::uint32_t Recording::constant(double value) {
  const auto [at, fresh] = constants_.try_emplace(std::bit_cast<std::uint64_t>(value),
                                                  static_cast<std::uint32_t>(nodes_.size()));
  if (fresh) nodes_.push_back({Fn::constant, 0, 0, value});
  return at->second;
}

std::uint32_t Recording::node(Fn fn, std::uint32_t a, std::uint32_t b, double value) {
  if (slots_.size() < 2 * (nodes_.size() + 1)) grow();
  auto& at = slot(fn, a, b);
  if (at == free_slot) {
    at = static_cast<std::uint32_t>(nodes_.size());
    nodes_.push_back({fn, a, b, value});
  }
  return at;
}

std::uint32_t& Recording::slot(Fn fn, std::uint32_t a, std::uint32_t b) {
  // Operands are small numbers that follow each other: the product spreads them over the high bits.
  const std::uint64_t key = (std::uint64_t{a} << 32 | b) ^ std::uint64_t(fn) << 59;
  const auto shift = std::countl_zero(slots_.size()) + 1;
  for (auto i = key * 0x9e3779b97f4a7c15 >> shift;; i = (i + 1) & (slots_.size() - 1)) {
    auto& at = slots_[i];
    if (at == free_slot) return at;
    const auto& node = nodes_[at];
    if (node.fn == fn && node.a == a && node.b == b) return at;
  }
}

void Recording::grow() {
  slots_.assign(std::bit_ceil(std::max<std::size_t>(1024, 4 * nodes_.size())), free_slot);
  for (std::uint32_t n = 0; n < nodes_.size(); ++n)
    if (const auto& node = nodes_[n]; node.fn > Fn::input) slot(node.fn, node.a, node.b) = n;
}

std::uint32_t Symbol::node_in(Recording& recording) const {
  return is_constant() ? recording.constant(value_) : node_;
}

Symbol Symbol::make(Fn fn, const Symbol& a, const Symbol& b) {
  const double value = apply(fn, a.value_, b.value_);
  const bool unary = is_unary(fn);
  if (a.is_constant() && (unary || b.is_constant())) return Symbol(value);
  if (const auto simple = simplified(fn, a, b)) return *simple;
  Recording& recording = *(a.is_constant() ? b.recording_ : a.recording_);
  const auto left = a.node_in(recording);
  const auto right = unary ? left : b.node_in(recording);
  return {&recording, recording.node(fn, left, right, value), value};
}

}  // namespace tomestimate::number
