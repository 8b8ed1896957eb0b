// SPDX-License-Identifier: Apache-2.0
// estimate HARDWARE MODEL: what a design does per token, what twice the lanes would change, and
// time and power over a range of clocks.
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <tomestimate/engine/estimate.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/study/space.hpp>
#include <tomestimate/units/unit_text.hpp>

using namespace tomestimate;

namespace {

// Quantities hold base units (s, W); from_base tells them in others.
void print_estimate(const char* what, const study::Specs& specs) {
  const auto e = engine::estimate(specs.hardware.values, specs.model.values);
  std::printf("%s: TPOT %.6g us, %.6g W\n", what, units::from_base(e.chip.tpot.value(), "us"),
              units::from_base(e.chip.power.value(), "W"));
}

// Sets spec values from text, as --set does, and checks the design they make.
study::Specs with(study::Specs specs,
                  const std::vector<std::pair<std::string, std::string>>& values) {
  std::vector<spec::Override> all;
  for (const auto& [path, value] : values) all.push_back({path, value, {path, 0, 0}});
  spec::override_values(specs.hardware, specs.model, std::move(all));
  spec::check_pair(specs.hardware.values, specs.model.values);
  return specs;
}

// Records the engine once for all clocks, then evaluates every point.
void sweep_clock(const study::Specs& specs) {
  const auto clock = study::find_parameter(specs, "chip.clock", {"chip.clock", 1, 1});
  const study::Varied values{clock,
                             study::Varied::Numbers{400, 500, 750, 1000}};  // in its unit, MHz
  const study::Space space(specs, {study::Axis{{values}}}, {"tpot", "power"});
  study::Space::Chunk points;
  study::Space::Worker(space).evaluate(0, space.points(), points);
  for (std::size_t i = 0; i < space.points(); ++i) {
    const auto at = values.text(i);
    if (points.status[i] != 0)
      std::printf("%s: no design: %s\n", at.c_str(), space.reason(points.status[i]).c_str());
    else
      std::printf("%s: TPOT %.6g us, %.6g W\n", at.c_str(),
                  units::from_base(points.values[0][i], "us"),
                  units::from_base(points.values[1][i], "W"));
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fputs("usage: estimate HARDWARE MODEL\n", stderr);
    return 2;
  }
  const study::Specs specs{spec::load_hardware(argv[1]), spec::load_model(argv[2])};
  print_estimate("as specified", specs);
  print_estimate("32 lanes", with(specs, {{"base.lanes", "32"}}));
  sweep_clock(specs);
} catch (const spec::SpecError& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 2;
} catch (const std::exception& e) {
  std::fprintf(stderr, "estimate: %s\n", e.what());
  return 1;
}
