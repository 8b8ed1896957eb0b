// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/check.hpp>
#include <tomestimate/evidence/published.hpp>

#include <cmath>

#include "catch.hpp"

using namespace tomestimate;

TEST_CASE("the file of published figures is read, and each figure evaluated or excused") {
  const std::string file = TOMESTIMATE_SPECS "/published.toml";
  CHECK(evidence::check(file).empty());
  const auto figures = evidence::compare_published(file);
  CHECK(figures.size() > 20);
  for (const auto& c : figures) {
    INFO(c.id);
    CHECK(!c.figure.empty());
    CHECK(!c.source.empty());
    CHECK(c.estimate.has_value() == (c.relation != evidence::Relation::not_compared));
    if (c.estimate)
      CHECK(std::isfinite(*c.estimate));
    else
      CHECK(!c.note.empty());
    // No value of the shipped specs is fitted to a figure.
    CHECK(c.calibrated_by.empty());
  }
}
