// SPDX-License-Identifier: Apache-2.0
// All shipped figures by all values with a range: some thousand goal seeks.
#include <tomestimate/evidence/implies.hpp>

#include <cmath>

#include "catch.hpp"

using namespace tomestimate;

TEST_CASE("what the shipped figures imply makes their estimates so") {
  for (const auto& i : evidence::implied(TOMESTIMATE_SPECS "/published.toml")) {
    CAPTURE(i.id, i.parameter.path);
    CHECK(i.low <= i.high);
    if (!i.value) continue;
    CHECK(i.within == (*i.value >= i.low * (1 - 1e-9) && *i.value <= i.high * (1 + 1e-9)));
    if (i.within && !i.parameter.whole && i.published != 0)
      CHECK((std::abs(i.at / i.published - 1) < 0.05));
  }
}
