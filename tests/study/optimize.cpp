// SPDX-License-Identifier: Apache-2.0
// The best design of a region, beside all its points.
#include <cmath>

#include <tomestimate/study/optimize.hpp>
#include <tomestimate/study/sensitivity.hpp>

#include "catch.hpp"
#include "studies.hpp"

using namespace tomestimate;
using study::Searched;
using study::Specs;
using study::Wanted;

namespace {

Searched range(const Specs& specs, const std::string& path, double low, double high) {
  const auto p = study::find_parameter(specs, path, {path, 0, 0});
  const double unit = study::unit_factor(p.unit);
  return {p, low * unit, high * unit, {}, {}};
}

double with(Specs specs, const std::string& metric, const std::vector<std::string>& sets) {
  for (const auto& set : sets) {
    const auto equals = set.find('=');
    spec::override_value(specs.hardware, specs.model, set.substr(0, equals), set.substr(equals + 1),
                         {set, 0, 0});
  }
  return study::metric_value(specs, metric);
}

}  // namespace

TEST_CASE("the best of whole numbers is the best of all of them") {
  const auto specs = shipped();
  Wanted wanted;
  wanted.metric = "energy_per_token";
  wanted.where = "throughput >= 2500[token/s]";
  wanted.tolerance = 1e-9;
  const auto best = study::optimize(
      specs, {range(specs, "base.lanes", 4, 24), range(specs, "base.per_lane", 5, 12)}, wanted);
  REQUIRE(best.found);
  CHECK(best.closed);
  double least = 1e300;
  for (int lanes = 4; lanes <= 24; ++lanes)
    for (int each = 5; each <= 12; ++each) {
      const std::vector<std::string> sets{fmt::format("base.lanes={}", lanes),
                                          fmt::format("base.per_lane={}", each)};
      double value = 1e300;
      try {
        if (with(specs, "throughput", sets) >= 2500) value = with(specs, "energy_per_token", sets);
      } catch (const spec::SpecError&) {
        continue;  // no design
      }
      least = std::min(least, value);
    }
  CHECK(best.best == least);
  CHECK(with(specs, wanted.metric, best.sets) == least);
}

TEST_CASE("a continuous optimum lies where its condition binds, and its bound below it") {
  const auto specs = shipped();
  Wanted wanted;
  wanted.metric = "power";
  wanted.where = "throughput >= 3000[token/s]";
  wanted.tolerance = 1e-5;
  const auto best = study::optimize(specs, {range(specs, "chip.clock", 100, 1000)}, wanted);
  REQUIRE(best.found);
  CHECK(best.closed);
  CHECK(best.bound <= best.best);
  CHECK(best.bound >= best.best * (1 - 1.1e-5));
  CHECK(best.best <= best.grid_best);
  // 147,670 cycles a token, as goal seek finds it.
  const auto clock = study::find_parameter(best.specs, "chip.clock", {"", 0, 0}).value;
  CHECK(study::metric_value(best.specs, "throughput") == Approx(3000).epsilon(1e-4));
  CHECK(clock == Approx(3000 * 147670.).epsilon(1e-4));
  REQUIRE(best.kept.size() == 1);
  CHECK(best.kept[0].binds);
}

TEST_CASE("what cannot be is proved, and so is the nearest miss") {
  const auto specs = shipped();
  Wanted wanted;
  wanted.metric = "throughput";
  wanted.maximize = true;
  wanted.where = "area < 1[mm^2]";
  const auto none = study::optimize(specs, {range(specs, "chip.clock", 100, 1000)}, wanted);
  CHECK(!none.found);
  CHECK(none.closed);
  CHECK(none.sets.empty());
  REQUIRE(none.clashes.size() == 1);
  CHECK(!none.clashes[0].alone);
  CHECK(none.clashes[0].proved);
  REQUIRE(none.clashes[0].nearest.size() == 1);
  CHECK(none.clashes[0].nearest[0].first == "area");
  CHECK(none.clashes[0].nearest[0].second == Approx(with(specs, "area", {"chip.clock=100 MHz"})));

  // A rate and a power that no clock has both: at the least power for the rate, and at the rate for
  // the power.
  Wanted torn;
  torn.metric = "area";
  torn.where = "throughput >= 3000[token/s] and power < 1[W]";
  const auto clash = study::optimize(specs, {range(specs, "chip.clock", 100, 1000)}, torn).clashes;
  REQUIRE(clash.size() == 2);
  CHECK((clash[0].alone && clash[1].alone && clash[0].without && clash[1].without));
  const auto clock = fmt::format("chip.clock={} MHz", 3000 * 147670. / 1e6);
  CHECK(clash[1].nearest[0].second == Approx(with(specs, "power", {clock})).epsilon(1e-3));

  // A clock makes one rate: with a second target for it one of them is missed, by half at best.
  Wanted both;
  both.targets = {{"throughput", study::Goal::equal, 1000},
                  {"throughput", study::Goal::at_least, 2000}};
  const auto nearest = study::optimize(specs, {range(specs, "chip.clock", 50, 1000)}, both);
  CHECK(!nearest.found);
  // At rate r: r / 1000 - 1 = 1 - r / 2000 where r = 4000 / 3: a third.
  CHECK(nearest.best == Approx(1.0 / 3).epsilon(1e-4));
  CHECK(nearest.bound <= nearest.best);
  CHECK(nearest.bound >= 0.33);
}
