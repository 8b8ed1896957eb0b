// SPDX-License-Identifier: Apache-2.0
// Recorded spaces against the engine itself, formulas, sensitivities.
#include <tomestimate/number/lift.hpp>
#include <tomestimate/study/evaluation.hpp>
#include <tomestimate/study/sensitivity.hpp>
#include <tomestimate/study/space.hpp>

#include <cmath>
#include <map>

#include "catch.hpp"
#include "studies.hpp"

using namespace tomestimate;
using study::Symbol;

namespace {

study::Varied varied(const study::Specs& specs, const std::string& path,
                     const std::vector<std::string>& texts) {
  study::Varied v{study::find_parameter(specs, path, {}), texts};
  if (!v.parameter.number) return v;
  study::Varied::Numbers numbers;
  for (const auto& text : texts)
    numbers.push_back(
        study::in_display_unit(v.parameter, study::value_if_set(specs, path, text, {})));
  v.values = numbers;
  return v;
}

std::vector<std::string> metric_names_of(const study::Specs& specs) {
  std::vector<std::string> names;
  const auto& hw = specs.hardware.values;
  study::visit_metrics(hw, study::evaluate(hw, specs.model.values),
                       [&](const study::Metric& m, const auto&) { names.emplace_back(m.name); });
  return names;
}

}  // namespace

TEST_CASE("every metric at every point is the engine's own, bit for bit") {
  const auto specs = shipped();
  const auto names = metric_names_of(specs);
  const std::vector<study::Axis> axes{
      {{varied(specs, "base.lanes", {"16", "32", "48"})}},
      {{varied(specs, "chip.clock", {"400 MHz", "512.3 MHz", "1 GHz"})}},
      {{varied(specs, "gating.mode", {"switches", "none"})}},
      {{varied(specs, "weights.zero_share", {"0.3", "0.412"})}},
      {{varied(specs, "rom.law", {"sparse-logic", "macro"}),
        varied(specs, "workload.context", {"200", "333"})}},
      {{varied(specs, "model.layers", {"30", "7"})}},
      {{varied(specs, "workload.batch", {"1", "2", "17"})}}};
  const study::Space space(specs, axes, names);
  REQUIRE(space.points() == 3 * 3 * 2 * 2 * 2 * 2 * 3);
  study::Space::Worker worker(space);
  study::Space::Chunk chunk;
  worker.evaluate(0, space.points(), chunk);
  std::size_t designs = 0;
  for (std::uint64_t point = 0; point < space.points(); ++point) {
    auto own = specs;
    for (std::size_t a = 0; a < axes.size(); ++a)
      for (const auto& v : axes[a].members)
        spec::override_value(own.hardware, own.model, v.parameter.path,
                             v.text(space.index(point, a)), {});
    const auto& hw = own.hardware.values;
    const auto all = study::evaluate(hw, own.model.values);
    const auto& e = all.base;
    bool fits = true;
    for (const auto& c : {e.decode_capacity, e.prefill_capacity})
      fits = fits && c.max_context >= c.context && c.workspace <= c.workspace_available;
    INFO("point " << point << ": " << space.reason(chunk.status[point]));
    CHECK((chunk.status[point] == 0) == fits);
    if (!fits) continue;
    ++designs;
    std::size_t m = 0;
    study::visit_metrics(hw, all, [&](const study::Metric& metric, const auto& value) {
      INFO(metric.name);
      CHECK(chunk.values[m++][point] == study::raw(value));
    });
  }
  CHECK(designs > 100);
  CHECK(designs < space.points());
}

TEST_CASE("points that break a rule say which") {
  const auto specs = shipped();
  // 0.7 V less the threshold of 0.25 V lets 2,500 MHz through; 0.4 V a third of that.
  const study::Space space(specs,
                           {{{varied(specs, "chip.voltage", {"0.7 V", "0.4 V"})}},
                            {{varied(specs, "chip.clock", {"900 MHz"})}}},
                           {"area"});
  study::Space::Worker worker(space);
  study::Space::Chunk chunk;
  worker.evaluate(0, 2, chunk);
  CHECK(chunk.status[0] == 0);
  CHECK(space.reason(chunk.status[1]) ==
        "the clock is above what the technology allows at this voltage");
}

TEST_CASE("formulas compute and check units") {
  std::map<std::string, study::Value, std::less<>> names;
  const auto area = units::dimension_of<units::area_unit>();
  names["a"] = {Symbol(6), {}};
  names["chip"] = {Symbol(60e-6), area};
  const study::Scope scope{[&](std::string_view n) -> std::optional<study::Value> {
                             const auto f = names.find(n);
                             if (f == names.end()) return std::nullopt;
                             return f->second;
                           },
                           {"a", "chip"}};
  const auto value = [&](const std::string& text) {
    return study::evaluate_formula(text, scope).number.value();
  };
  CHECK(value("1 + 2 * 3 - 4 / 2") == 5);
  CHECK(value("(1 + 2) * -a") == -18);
  CHECK(value("min(a, 4) + max(1, 2) + ceil(0.5) + floor(2.9) + log2(8)") == 4 + 2 + 1 + 2 + 3);
  CHECK(value("chip / 1[mm^2]") == Approx(60));
  CHECK(value("chip < 80[mm^2] and not (a == 5 or a != 6)") == 1);
  CHECK(value("chip >= 80[mm^2]") == 0);
  CHECK(study::evaluate_formula("chip * chip", scope).dimension[0] == 4);
  const auto error = [&](const std::string& text) -> std::string {
    try {
      value(text);
    } catch (const study::FormulaError& e) {
      return std::to_string(e.offset) + ": " + e.what();
    }
    return "";
  };
  CHECK(error("chip + a").find("can't add an area and") != std::string::npos);
  CHECK(error("chip < 3") != "");
  CHECK(error("a and chip").find("and takes a bare number") != std::string::npos);
  CHECK(error("2 * chpi").find("4: no metric or spec value \"chpi\" (did you mean \"chip\"?)") ==
        0);
  CHECK(error("1 +").find("3: expected a number") == 0);
  CHECK(error("(1").find("expected )") != std::string::npos);
  CHECK(error("1 1").find("expected an operator") != std::string::npos);
  CHECK(error("1[MHzz]") != "");
  CHECK(error("min(1)").find("second operand") != std::string::npos);
  CHECK(error(std::string(100000, '(')).find("too deeply nested") != std::string::npos);
  CHECK(error(std::string(100000, '-')).find("too deeply nested") != std::string::npos);
}

TEST_CASE("sensitivities agree with finite differences and with theory") {
  auto specs = shipped();
  auto& hw = specs.hardware.values;
  // 20 ns are 10 cycles of 500 MHz, just where ceil steps; 19.5 ns are not. Lanes of both formats
  // are of one size, where max has no slope of its own; one a bit larger has.
  hw.gating.wake_latency = units::Time<double>::from_value(19.5e-9);
  auto& attention = hw.tech.lanes[static_cast<std::size_t>(spec::Format::fp8_fp8)];
  attention.area = 1.01 * attention.area;
  attention.flip_flops = 1.01 * attention.flip_flops;
  for (const std::string metric : {"throughput", "power", "area", "energy_per_token"}) {
    const double here = study::metric_value(specs, metric);
    std::size_t compared = 0;
    for (const auto& s : study::sensitivity(specs, metric)) {
      if (!s.slope.derivative || s.parameter.value == 0) continue;
      // Central difference, small enough for no step of a ceil to come between; all values of a
      // list move by as much.
      const auto at = [&](double share) {
        const auto number = [&](const spec::Field& f, double x) {
          return f.path == s.parameter.path ? x + share * s.parameter.value : x;
        };
        study::Specs moved = specs;
        moved.hardware.values = study::lift<double>(specs.hardware.values, number);
        moved.model.values = study::lift<double>(specs.model.values, number);
        return study::metric_value(moved, metric);
      };
      // A share of zeros is rounded to whole zeros, so its difference must span many.
      const bool is_share = s.parameter.path.starts_with("weights.");
      const double h = is_share ? 1e-2 : 1e-4;
      const double slope = (at(h) - at(-h)) / (2 * h * s.parameter.value);
      INFO(metric << " by " << s.parameter.path);
      const double scale = std::abs(here / s.parameter.value);
      CHECK(std::abs(slope - *s.slope.derivative) <=
            1e-6 * scale + (is_share ? 2e-3 : 1e-5) * std::abs(slope));
      ++compared;
    }
    CHECK(compared > 20);
  }
  // Area is linear in that of a vector lane, so its elasticity is the vector units' share of it.
  const auto area = engine::estimate(hw, specs.model.values).common.area;
  bool found = false;
  for (const auto& s : study::sensitivity(specs, "area"))
    if (s.parameter.path == "tech.vector_area") {
      found = true;
      CHECK(*s.slope.elasticity == Approx((area.vector / area.total()).value()));
    }
  CHECK(found);
}
