// SPDX-License-Identifier: Apache-2.0
// The symbolic number type. Running the engine on Symbols instead of doubles records every
// operation that hangs on an input; what does not is folded into constants, and equal operations
// are recorded once. Program (program.hpp) replays the record on SIMD packs of design points.
//
// Folding and replay do the same IEEE operations in the same order as the engine on doubles, so
// their numbers are the same, bit for bit.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace tomestimate::number {

enum class Fn : std::uint8_t {
  constant,
  input,
  add,
  sub,
  mul,
  div,
  max,
  min,
  less,
  less_equal,
  equal,  // comparisons give 1 or 0
  ceil,
  floor,
  log2,
  exp2,
  round_half_up,
};
constexpr bool is_unary(Fn fn) { return fn >= Fn::ceil; }

// The value of fn; unary functions ignore b.
double apply(Fn fn, double a, double b);

struct Node {
  Fn fn;
  std::uint32_t a = 0, b = 0;  // operands: earlier nodes; of an input: its index
  double value = 0;            // with the inputs' present values
};

class Symbol;

// The record: nodes in an order in which operands come before their uses.
class Recording {
 public:
  Recording() = default;
  Recording(const Recording&) = delete;  // Symbols point at it
  Recording& operator=(const Recording&) = delete;

  // A new input, with its present value.
  Symbol input(double value);

  const std::vector<Node>& nodes() const { return nodes_; }
  std::uint32_t inputs() const { return inputs_; }

 private:
  friend class Symbol;
  std::uint32_t constant(double value);
  std::uint32_t node(Fn fn, std::uint32_t a, std::uint32_t b, double value);

  // The slot of an operation, or the free one where it belongs.
  std::uint32_t& slot(Fn fn, std::uint32_t a, std::uint32_t b);
  void grow();

  std::vector<Node> nodes_;
  // Operations by hash, to find equal ones: indices of nodes, a power of two of them, at most half
  // in use. Pages look some ten million up, in a table that a cache can hold.
  std::vector<std::uint32_t> slots_;
  std::unordered_map<std::uint64_t, std::uint32_t> constants_;  // by bit pattern
  std::uint32_t inputs_ = 0;
};

// A number of the engine: a constant, or a node of a recording. Symbols of two graphs don't mix.
class Symbol {
 public:
  Symbol() = default;
  explicit Symbol(double value) : value_(value) {}

  bool is_constant() const { return recording_ == nullptr; }
  double value() const { return value_; }       // with the inputs' present values
  std::uint32_t node() const { return node_; }  // meaningless for a constant

  // fn of two symbols, or of one (a unary fn is given its operand twice).
  static Symbol make(Fn fn, const Symbol& a, const Symbol& b);

  friend Symbol operator+(const Symbol& a, const Symbol& b) { return make(Fn::add, a, b); }
  friend Symbol operator-(const Symbol& a, const Symbol& b) { return make(Fn::sub, a, b); }
  friend Symbol operator*(const Symbol& a, const Symbol& b) { return make(Fn::mul, a, b); }
  friend Symbol operator/(const Symbol& a, const Symbol& b) { return make(Fn::div, a, b); }
  Symbol& operator+=(const Symbol& b) { return *this = *this + b; }
  Symbol& operator-=(const Symbol& b) { return *this = *this - b; }
  Symbol& operator*=(const Symbol& b) { return *this = *this * b; }
  Symbol& operator/=(const Symbol& b) { return *this = *this / b; }
  friend Symbol max(const Symbol& a, const Symbol& b) { return make(Fn::max, a, b); }
  friend Symbol min(const Symbol& a, const Symbol& b) { return make(Fn::min, a, b); }
  friend Symbol ceil(const Symbol& x) { return make(Fn::ceil, x, x); }
  friend Symbol floor(const Symbol& x) { return make(Fn::floor, x, x); }
  friend Symbol log2(const Symbol& x) { return make(Fn::log2, x, x); }
  friend Symbol exp2(const Symbol& x) { return make(Fn::exp2, x, x); }
  friend Symbol round_half_up(const Symbol& x) { return make(Fn::round_half_up, x, x); }

 private:
  friend class Recording;
  Symbol(Recording* recording, std::uint32_t node, double value)
      : recording_(recording), node_(node), value_(value) {}
  std::uint32_t node_in(Recording& recording) const;

  Recording* recording_ = nullptr;
  std::uint32_t node_ = 0;
  double value_ = 0;
};

}  // namespace tomestimate::number
