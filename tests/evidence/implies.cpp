// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/implies.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include <tomestimate/study/sensitivity.hpp>
#include <tomestimate/study/uncertainty.hpp>

#include "catch.hpp"
#include "folder.hpp"

using namespace tomestimate;

namespace {

const std::string specs = TOMESTIMATE_SPECS;

// TOM with a range on its clock, and a figure of its throughput that is `factor` times the
// estimate.
std::vector<evidence::Implied> of_throughput(double factor) {
  const Folder folder;
  std::ofstream(folder.file("mine.toml"))
      << "kind = \"hardware\"\nbased_on = \"" << specs << "/tom.toml\"\n[chip]\n"
      << "clock = { value = \"500 MHz\", range = [\"400 MHz\", \"600 MHz\"] }\n";
  const study::Specs tom{spec::load_hardware(folder.file("mine.toml")),
                         spec::load_model(specs + "/bitnet-2b.toml")};
  const double rate = study::metric_value(tom, "throughput") / study::unit_factor("token/s");
  std::ofstream(folder.file("f.toml"))
      << "kind = \"published\"\n[[figure]]\nid = \"one\"\nwhat = \"rate\"\nvalue = \""
      << fmt::format("{:.17g}", factor * rate)
      << " token/s\"\ngrade = \"published\"\nsource = \"paper\"\nhardware = \"mine.toml\"\nmodel = "
         "\""
      << specs << "/bitnet-2b.toml\"\nmetric = \"throughput\"\n";
  return evidence::implied(folder.file("f.toml"));
}

const evidence::Implied& find(const std::vector<evidence::Implied>& all, const std::string& path) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& i) { return i.parameter.path == path; });
  REQUIRE(found != all.end());
  return *found;
}

}  // namespace

TEST_CASE("a figure says of a value where the estimate meets it") {
  constexpr double mhz = 1e6;
  // All that is on the chip is counted in cycles: the rate goes with the clock.
  const auto near = of_throughput(1.1);
  const auto& clock = find(near, "chip.clock");
  CHECK(clock.value.value() == Approx(550 * mhz).epsilon(1e-3));
  CHECK(clock.within);
  CHECK(clock.choice);
  CHECK(clock.low == Approx(400 * mhz));
  CHECK(clock.lowest == Approx(clock.estimate * 0.8).epsilon(1e-3));
  CHECK(clock.highest == Approx(clock.estimate * 1.2).epsilon(1e-3));
  CHECK(clock.at == Approx(clock.published));
  const auto far = of_throughput(1.5);
  CHECK(find(far, "chip.clock").value.value() == Approx(750 * mhz).epsilon(1e-3));
  CHECK(!find(far, "chip.clock").within);
  CHECK(!find(far, "base.pipeline").value);  // no latency is low enough
  CHECK(!find(far, "base.pipeline").choice);
  // No rate hangs on an energy or an area.
  for (const auto& i : far) CHECK(i.parameter.path != "tech.sram_energy");
}
