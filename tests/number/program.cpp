// SPDX-License-Identifier: Apache-2.0
// Recorded programs, replayed on grids: always what the operations give one by one.
#include <tomestimate/number/program.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "catch.hpp"

using namespace tomestimate;
using number::Fn;
using number::Symbol;

namespace {

bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

std::vector<number::Isa> instruction_sets() {
  std::vector<number::Isa> out;
  for (const auto isa : {number::Isa::baseline, number::Isa::avx2, number::Isa::avx512})
    if (isa <= number::best_isa()) out.push_back(isa);
  return out;
}

constexpr Fn binary[]{Fn::add, Fn::sub,  Fn::mul,        Fn::div,  Fn::max,
                      Fn::min, Fn::less, Fn::less_equal, Fn::equal};
constexpr Fn unary[]{Fn::ceil, Fn::floor, Fn::log2, Fn::round_half_up};

// A computation on a grid, and its value at one point without a program.
struct Grid {
  number::Recording recording;
  std::vector<std::size_t> axis_of_input;
  std::vector<std::uint64_t> sizes;
  std::vector<std::vector<double>> values;  // by input, along its axis

  std::uint64_t points() const {
    std::uint64_t n = 1;
    for (const auto size : sizes) n *= size;
    return n;
  }
  Symbol input(std::size_t axis, std::vector<double> along) {
    axis_of_input.push_back(axis);
    values.push_back(std::move(along));
    return recording.input(values.back()[0]);
  }
  std::vector<double> nodes_at(std::uint64_t point) const {
    std::vector<double> out;
    for (const auto& node : recording.nodes()) {
      if (node.fn == Fn::constant) {
        out.push_back(node.value);
      } else if (node.fn == Fn::input) {
        std::uint64_t stride = 1;
        for (std::size_t a = axis_of_input[node.a] + 1; a < sizes.size(); ++a) stride *= sizes[a];
        out.push_back(values[node.a][point / stride % sizes[axis_of_input[node.a]]]);
      } else {
        out.push_back(number::apply(node.fn, out[node.a], out[node.b]));
      }
    }
    return out;
  }

  // Points first .. last - 1 of the outputs, on every instruction set, against one by one.
  void check(const std::vector<Symbol>& outputs, std::uint64_t first, std::uint64_t last) const {
    const number::Program program(recording, outputs, axis_of_input, sizes);
    std::size_t wrong = 0;
    for (const auto isa : instruction_sets()) {
      number::Program::Workspace w;
      auto next = first;
      w.run(
          program, isa, first, last,
          [this](std::size_t i, std::uint64_t k) { return values[i][k]; },
          [&](std::uint64_t at, std::size_t n) {
            CHECK(at == next);
            next = at + n;
            for (std::size_t k = 0; k < n; ++k) {
              const auto nodes = nodes_at(at + k);
              for (std::size_t o = 0; o < outputs.size(); ++o) {
                const double expected =
                    outputs[o].is_constant() ? outputs[o].value() : nodes[outputs[o].node()];
                wrong += same(w.output(o)[k], expected) ? 0 : 1;
              }
            }
          });
      CHECK(next == last);
    }
    CHECK(wrong == 0);
  }
};

}  // namespace

TEST_CASE("every operation and every pair of them keeps each rounding, zero's sign and NaN") {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> odd{0.0, -0.0, 1.0,    -1.0, 0.1, 3.0,    -2.5,         1e308,
                                inf, -inf, 5e-324, 0.3,  -7., 1e-200, std::nan(""), 2.5};
  Grid grid;
  grid.sizes = {odd.size(), odd.size(), odd.size()};
  const auto x = grid.input(0, odd);
  const auto y = grid.input(1, odd);
  const auto z = grid.input(2, odd);
  std::vector<Symbol> outputs{x, Symbol(7)};
  for (const auto first : binary) {
    // On the fastest axis, so that both operations are of one stage; y and z are swapped too.
    const auto a = Symbol::make(first, y, z);
    outputs.push_back(Symbol::make(first, z, x));
    for (const auto second : binary) {
      outputs.push_back(Symbol::make(second, a, x));
      outputs.push_back(Symbol::make(second, x, a));
    }
    for (const auto second : unary) outputs.push_back(Symbol::make(second, a, a));
  }
  for (const auto fn : unary) outputs.push_back(Symbol::make(fn, z, z));
  grid.check(outputs, 0, grid.points());
  // Each pair as the only use of its first operation, on a recording of its own: all nodes are
  // looked at.
  const auto pair = [&odd](Fn first, const auto& seconds) {
    Grid own;
    own.sizes = {odd.size(), odd.size(), odd.size()};
    const auto u = own.input(0, odd);
    const auto v = own.input(1, odd);
    const auto a = Symbol::make(first, own.input(2, odd), v);
    for (const auto& second : seconds(a, u)) own.check({second}, 0, own.points());
  };
  for (const auto first : binary) {
    for (const auto second : binary)
      pair(first, [second](const Symbol& a, const Symbol& u) {
        return std::array{Symbol::make(second, a, u), Symbol::make(second, u, a)};
      });
    for (const auto second : unary)
      pair(first, [second](const Symbol& a, const Symbol&) {
        return std::array{Symbol::make(second, a, a)};
      });
  }
}

TEST_CASE("any computation on any grid, from any point to any other") {
  std::mt19937_64 random(7);
  const auto below = [&random](std::uint64_t n) { return random() % n; };
  for (int round = 0; round < 60; ++round) {
    Grid grid;
    const auto axes = 1 + below(5);
    for (std::uint64_t a = 0; a < axes; ++a)
      grid.sizes.push_back(1 + below(round % 3 == 0 ? 40 : 7));
    std::vector<Symbol> known;
    for (std::size_t i = 0; i < axes + below(3); ++i) {
      const auto axis = i < axes ? i : below(axes);
      std::vector<double> along;
      for (std::uint64_t k = 0; k < grid.sizes[axis]; ++k)
        along.push_back(0.25 + static_cast<double>(below(1000)) / 7);
      known.push_back(grid.input(axis, along));
    }
    const auto any = [&] {
      // Mostly late ones: chains, of which each is used once.
      const auto n = known.size();
      if (below(8) == 0) return Symbol(static_cast<double>(below(9)) + 0.5);
      return known[below(3) == 0 ? below(n) : n - 1 - below(std::min<std::size_t>(n, 4))];
    };
    for (std::uint64_t i = 0, ops = 1 + below(120); i < ops; ++i) {
      const auto a = any();
      const auto fn = below(5) == 0 ? unary[below(std::size(unary))] : binary[below(6)];
      const auto made = Symbol::make(fn, a, is_unary(fn) ? a : any());
      known.push_back(made);
    }
    std::vector<Symbol> outputs{known.back(), known[0], Symbol(3)};
    for (int o = 0; o < 4; ++o) outputs.push_back(known[below(known.size())]);
    const auto points = grid.points();
    const auto first = below(points);
    const auto last = first + 1 + below(std::min<std::uint64_t>(points - first, 3000));
    INFO("round " << round << ", " << points << " points from " << first << " to " << last);
    grid.check(outputs, first, last);
  }
}

TEST_CASE("what hangs on slow axes only is computed once for all values of the fast ones") {
  Grid grid;
  const std::vector<double> some(100, 2);
  grid.sizes = {100, 100};
  auto slow = grid.input(0, some);
  const auto fast = grid.input(1, some);
  for (int i = 0; i < 50; ++i) slow = slow * slow + Symbol(1);
  const number::Program apart(grid.recording, std::vector<Symbol>{slow * fast}, grid.axis_of_input,
                              grid.sizes);
  CHECK(apart.stages() == 2);
  // Where the fast axis has one value there is nothing to gain.
  grid.sizes[1] = 1;
  const number::Program together(grid.recording, std::vector<Symbol>{slow * fast},
                                 grid.axis_of_input, grid.sizes);
  CHECK(together.stages() == 1);
  // A square and a sum are one instruction, but for the last: the square is used twice there.
  CHECK(together.instructions() == 51);
}
