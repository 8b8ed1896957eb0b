// SPDX-License-Identifier: Apache-2.0
// Symbols and dual numbers.
#include <tomestimate/number/dual.hpp>
#include <tomestimate/number/symbol.hpp>

#include "catch.hpp"

using namespace tomestimate;
using number::Symbol;

TEST_CASE("constants fold, equal operations are recorded once") {
  number::Recording recording;
  const auto x = recording.input(3);
  CHECK((Symbol(2) * Symbol(4)).is_constant());
  CHECK((Symbol(2) * Symbol(4)).value() == 8);
  const auto a = x * x + Symbol(1);
  const auto nodes = recording.nodes().size();
  const auto b = x * x + Symbol(1);
  CHECK(recording.nodes().size() == nodes);
  CHECK(a.node() == b.node());
  CHECK(a.value() == 10);  // 3 x 3 + 1
  CHECK((x * Symbol(1)).node() == x.node());
  CHECK((x + Symbol(0)).node() == x.node());
  CHECK((x * Symbol(0)).is_constant());
}

TEST_CASE("dual numbers carry exact derivatives") {
  using D = number::Dual<2>;
  const D x(3, 0), y(4, 1);
  // f = x y + x / y: df/dx = y + 1/y = 4.25, df/dy = x - x / y^2 = 3 - 3/16 = 2.8125
  const auto f = x * y + x / y;
  CHECK(f.value == 12.75);
  CHECK(f.slope[0] == 4.25);
  CHECK(f.slope[1] == 2.8125);
  CHECK(max(x, y).slope[1] == 1);
  CHECK(min(x, y).slope[0] == 1);
  CHECK(ceil(x / y).slope[0] == 0);
  CHECK(round_half_up(x * y).slope[0] == 4);
  CHECK(log2(y).slope[1] == Approx(1 / (4 * std::log(2.0))));
}
