// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/leave_one_out.hpp>

#include <fstream>

#include <tomestimate/evidence/published.hpp>

#include "catch.hpp"
#include "folder.hpp"

using namespace tomestimate;

namespace {

// TOM with a control area that is fitted to the figures of `fits`, and these figures: the area as
// it is, and with twice the lanes.
std::string fixture(const Folder& folder, const std::string& fits) {
  for (const std::string spec : {"tom.toml", "bitnet-2b.toml"})
    std::filesystem::copy(std::string(TOMESTIMATE_SPECS) + "/" + spec, folder.path / spec);
  std::filesystem::copy(std::string(TOMESTIMATE_SPECS) + "/technology", folder.path / "technology");
  std::ofstream(folder.path / "mine.toml") << R"(kind = "hardware"
based_on = "tom"
[chip]
control_area = { value = "0.5 mm^2", grade = "calibrated", source = "fit", range = ["0.1 mm^2", "10 mm^2"], fits = )"
                                           << fits << " }\n";
  std::ofstream(folder.path / "f.toml") << R"(kind = "published"
[[figure]]
id = "one"
what = "area"
value = "58 mm^2"
grade = "published"
source = "paper"
hardware = "mine.toml"
model = "bitnet-2b.toml"
metric = "area"
[[figure]]
id = "two"
what = "area of twice the lanes"
value = "63 mm^2"
grade = "published"
source = "paper"
hardware = "mine.toml"
model = "bitnet-2b.toml"
metric = "area"
set = { "base.lanes" = "32" }
)";
  return folder.file("f.toml");
}

}  // namespace

TEST_CASE("a figure that is left out is predicted by a value that the others give") {
  const Folder folder;
  const auto out = evidence::leave_one_out(fixture(folder, R"(["one", "two"])"));
  REQUIRE(out.size() == 2);
  // Control area adds to both designs alike: what makes one right moves the other by as much.
  CHECK(*out[1].predicted - out[1].calibrated == Approx(58 - out[0].calibrated).epsilon(1e-6));
  CHECK(*out[0].predicted - out[0].calibrated == Approx(63 - out[1].calibrated).epsilon(1e-6));
  CHECK(*out[1].error() == Approx((*out[1].predicted - 63) / 63));
  REQUIRE(out[1].refits.size() == 1);
  CHECK(out[1].refits[0].path == "chip.control_area");
  CHECK(out[1].refits[0].was == Approx(0.5));
  CHECK(out[1].refits[0].by == std::vector<std::string>{"one"});
}

TEST_CASE("without its only figure a calibrated value is not known, and nothing is predicted") {
  const Folder folder;
  const auto out = evidence::leave_one_out(fixture(folder, R"(["one"])"));
  REQUIRE(out.size() == 1);
  CHECK(!out[0].predicted);
  CHECK(out[0].why_not.find("nothing else was used to fit it") == 0);
  CHECK(out[0].refits[0].now == Approx(0.5));
}

TEST_CASE("the shipped specs have nothing to leave out, and choices that are shown") {
  const auto figures = std::string(TOMESTIMATE_SPECS) + "/published.toml";
  CHECK(evidence::leave_one_out(figures).empty());
  for (const auto& c : evidence::compare_published(figures)) {
    if (c.id != "tom.throughput") continue;
    REQUIRE(!c.choices.empty());
    bool own = false;
    for (const auto& point : c.choices) {
      REQUIRE(point.estimate);
      CHECK(*point.error == Approx((*point.estimate - 3306) / 3306));
      own = own || *point.estimate == Approx(*c.estimate);
    }
    CHECK(own);  // what the spec takes is among them
  }
}

TEST_CASE("a figure can be given to a design of its own specs only") {
  const std::string folder = TOMESTIMATE_SPECS;
  const study::Specs tom{spec::load_hardware(folder + "/tom.toml"),
                         spec::load_model(folder + "/bitnet-2b.toml")};
  const auto given = evidence::given_figure(folder + "/published.toml", "tom.area", tom);
  CHECK(given.metric == "area");
  CHECK(given.value == Approx(56.9e-6));
  CHECK(given.deviation == Approx(0.05 * 56.9e-6));
  for (const std::string bad : {"tom.aera", "roma.area", "tom.flat"})
    CHECK_THROWS_AS(evidence::given_figure(folder + "/published.toml", bad, tom), spec::SpecError);
}
