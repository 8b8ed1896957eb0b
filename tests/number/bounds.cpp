// SPDX-License-Identifier: Apache-2.0
// Interval bounds of recorded computations.
#include <cmath>
#include <random>

#include <tomestimate/number/bounds.hpp>

#include "catch.hpp"

using namespace tomestimate;
using number::Bounds;
using number::Interval;
using number::Symbol;

TEST_CASE("bounds of a recorded computation are those worked out by hand") {
  number::Recording recording;
  const auto x = recording.input(3), y = recording.input(4);
  const std::vector<Symbol> out{x - y,       x * y,     x / y,
                                ceil(x / y), max(x, y), Symbol::make(number::Fn::less, x, y),
                                x - x,       Symbol(7)};
  Bounds bounds(recording, out);
  const std::vector<Interval> box{{2, 3}, {4, 8}};
  bounds.over(box);
  const auto is = [&](std::size_t o, double low, double high) {
    CHECK(bounds.value(o).low == low);
    CHECK(bounds.value(o).high == high);
  };
  is(0, -6, -1);
  is(1, 8, 24);
  is(2, 0.25, 0.75);
  is(3, 1, 1);  // no step in the box
  is(4, 4, 8);  // y alone
  is(5, 1, 1);
  is(6, 0, 0);
  is(7, 7, 7);
  CHECK(bounds.slope(0, 0).low == 1);
  CHECK(bounds.slope(0, 1).high == -1);
  CHECK(bounds.slope(1, 0).low == 4);
  CHECK(bounds.slope(1, 0).high == 8);
  CHECK(bounds.slope(2, 1).high < 0);
  CHECK(bounds.slope(3, 0).high == 0);
  CHECK(bounds.slope(4, 0).high == 0);
  // A step within the box may be as steep as one likes, but only up.
  bounds.over(std::vector<Interval>{{2, 9}, {4, 8}});
  is(3, 1, 3);
  CHECK(bounds.slope(3, 0).low == 0);
  CHECK(std::isinf(bounds.slope(3, 0).high));
  // What is divided by an interval around 0 may be anything.
  bounds.over(std::vector<Interval>{{1, 2}, {-1, 1}});
  CHECK(std::isinf(bounds.value(2).low));
}

TEST_CASE("bounds hold every value and every slope between two points of the box") {
  number::Recording recording;
  const auto x = recording.input(1), y = recording.input(1);
  const auto f = [](const auto& a, const auto& b) {
    return max(a * b - a / b, min(ceil(a * a), floor(b + a))) + log2(a) * exp2(b) -
           round_half_up(a * b);
  };
  Bounds bounds(recording, std::vector<Symbol>{f(x, y)});
  std::mt19937 random(1);
  std::uniform_real_distribution<double> share(0, 1);
  for (int k = 0; k < 300; ++k) {
    const double x0 = 0.1 + 5 * share(random), y0 = 0.1 + 5 * share(random);
    const double width = std::pow(10, -3 * share(random));
    const Interval a{x0, x0 + width}, b{y0, y0 + width};
    bounds.over(std::vector<Interval>{a, b});
    const auto at = [&](double u, double v) { return f(Symbol(u), Symbol(v)).value(); };
    for (int j = 0; j < 20; ++j) {
      const double u = a.low + width * share(random), v = b.low + width * share(random);
      const double w = a.low + width * share(random);
      const double z = at(u, v);
      CHECK(z >= bounds.value(0).low);
      CHECK(z <= bounds.value(0).high);
      if (std::abs(w - u) < 1e-6) continue;
      const double slope = (at(w, v) - z) / (w - u);
      CHECK(slope >= bounds.slope(0, 0).low - 1e-6);
      CHECK(slope <= bounds.slope(0, 0).high + 1e-6);
    }
    bounds.over(std::vector<Interval>{{x0, x0}, {y0, y0}});
    CHECK(bounds.value(0).low == at(x0, y0));
    CHECK(bounds.value(0).high == at(x0, y0));
  }
}
