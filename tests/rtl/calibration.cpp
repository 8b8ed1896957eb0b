// SPDX-License-Identifier: Apache-2.0
// What yosys prints, tiny.lib (INV 1, BUF 2, NAND2 2, NOR2 3) through yosys, and the spec that is
// stored.
#include <tomestimate/rtl/calibration.hpp>

#include <algorithm>
#include <fstream>

#include <tomestimate/rtl/synthesis.hpp>

#include "catch.hpp"
#include "folder.hpp"

using namespace tomestimate;

namespace {

const std::string tiny = std::string(TOMESTIMATE_TESTS) + "/rtl/tiny.lib";
const std::string tom = std::string(TOMESTIMATE_SPECS) + "/tom.toml";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A calibration as if it had been measured: 3 um^2 a 1-bit, 0.5 um^2 a bit.
rtl::Calibration made_up() {
  rtl::Calibration c;
  c.grid.sizes = {{8, 4}};
  c.grid.zero_shares = {0.25, 0.5};
  c.library = "lib";
  c.yosys = "Yosys 0.0";
  c.nand2_area = 2;
  c.tiles = {{{8, 4}, 0.25, {24, 64, 104}, false}, {{8, 4}, 0.5, {16, 64, 80}, false}};
  c.law = {3, 0.5, 0};
  return c;
}

const spec::Sourced& value(const spec::Spec<spec::Hardware<double>>& spec,
                           const std::string& path) {
  return *std::find_if(spec.sourced.begin(), spec.sourced.end(),
                       [&](const auto& s) { return s.path == path; });
}

}  // namespace

TEST_CASE("the area in yosys's statistics") {
  CHECK(rtl::parse_area("=== rom ===\n\n   Number of cells:    2\n     NAND2X1    2\n\n"
                        "   Chip area for module '\\rom': 48.000000\n\n") == 48);
  CHECK(rtl::parse_area("=== rom ===\n\n        2       48 cells\n\n   Chip area for module "
                        "'\\rom': 48.250000\n     of which used for sequential elements: 0.00 "
                        "(0.00%)\n") == 48.25);
  CHECK(rtl::parse_area("=== rom ===\n\n   Number of cells:    0\n") == 0);
  CHECK_THROWS_WITH(rtl::parse_area(""), "yosys printed no statistics");
  CHECK_THROWS_WITH(rtl::parse_area("=== rom ===\n  Area for cell type \\X is unknown!\n"
                                    "   Chip area for module '\\rom': 1.0\n"),
                    "yosys left cells that have no area in the library");
  CHECK_THROWS_WITH(rtl::parse_area("=== rom ===\n   Chip area for module '\\rom': many\n"),
                    "yosys printed no number for the area");
}

TEST_CASE("areas of tiles that can be mapped by hand") {
  const rtl::Synthesizer synthesizer(tiny);
  CHECK(has(synthesizer.version(), "Yosys 0."));
  CHECK(synthesizer.nand2_area() == 2);
  for (const auto form : {rtl::RomForm::lookup, rtl::RomForm::minterms}) {
    const auto area = [&](const rtl::Tile& tile) { return synthesizer.area(tile, form, "t"); };
    CHECK(area({{2, 1, 1}, {0, 0}}) == 0);        // constant: no cell
    CHECK(area({{2, 1, 1}, {0, 1}}) == 0);        // word[0] is the address: a wire
    CHECK(area({{2, 1, 1}, {1, 0}}) == 1);        // word[0] is its inverse: INV
    CHECK(area({{2, 1, 1}, {1, -1}}) == 1);       // word[0] the inverse, word[1] the address
    CHECK(area({{4, 1, 1}, {1, 0, 0, 0}}) == 3);  // neither address line: NOR2
  }
}

TEST_CASE("a bad library is refused, and temporary folders are gone") {
  const Folder folder;
  const auto refused = [&](const std::string& path) {
    try {
      const rtl::Synthesizer synthesizer(path);
    } catch (const spec::SpecError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  std::ofstream(folder.file("bad.lib")) << "hello world\n";
  CHECK(has(refused(folder.file("bad.lib")), "is it a Liberty file of standard cells?"));
  CHECK(has(refused(folder.file("none.lib")), "no such file"));
  CHECK(has(refused(folder.path.string()), "is a directory"));
  std::filesystem::path kept;
  {
    const spec::TemporaryFolder temporary;
    kept = temporary.path();
    CHECK(std::filesystem::exists(kept));
  }
  CHECK(!std::filesystem::exists(kept));
}

TEST_CASE("a calibration is the same for any number of threads, and fits its own tiles best") {
  rtl::Grid grid{{{8, 2}, {8, 4}}, {0.25, 0.5}, {{16, 2}}, {0.4}, 5, rtl::RomForm::lookup};
  std::size_t calls = 0;
  const auto count = [&](std::size_t, std::size_t all) {
    ++calls;
    CHECK(all == 5);
  };
  const auto one = rtl::calibrate(tiny, grid, 1, count);
  const auto two = rtl::calibrate(tiny, grid, 2, count);
  CHECK(calls == 10);
  REQUIRE(one.tiles.size() == 5);
  CHECK(one.library == "tiny");
  CHECK(one.fitted().size() == 4);
  CHECK(one.held_out().size() == 1);
  for (std::size_t i = 0; i < 5; ++i) CHECK(one.tiles[i].sample.area == two.tiles[i].sample.area);
  // 8 words of 2 weights, a quarter of them zero: 16 weights, 32 bits, 12 of them 1.
  CHECK(one.tiles[0].sample.bits == 32);
  CHECK(one.tiles[0].sample.ones == 12);
  CHECK(one.law.per_one_bit == two.law.per_one_bit);
  grid.zero_shares = {0.25};
  CHECK_THROWS_AS(rtl::calibrate(tiny, grid, 1, [](auto, auto) {}), std::domain_error);
}

TEST_CASE("the calibrated spec has the law, and says where it is from") {
  const auto before = spec::load_hardware(tom);
  const auto at_library = rtl::calibrated_spec(before, made_up(), {"180 nm", 1, ""});
  CHECK(at_library.values.rom.area_per_one_bit.value() == Approx(3e-12));
  CHECK(at_library.values.rom.area_per_bit.value() == Approx(0.5e-12));
  CHECK(at_library.values.chip.node.value() == Approx(180e-9));
  CHECK(value(at_library, "chip.node").grade == spec::Grade::assumption);
  for (const std::string path : {"rom.area_per_one_bit", "rom.area_per_bit"}) {
    const auto& v = value(at_library, path);
    CHECK(v.grade == spec::Grade::calibrated);
    CHECK(v.fits == std::vector<std::string>{"synthesis.lib"});
    CHECK(!v.range);  // the old one described the old value
    for (const std::string part : {"Yosys 0.0", "lib", "2 tiles", "8x4", "0.25, 0.5", "residual"})
      CHECK(has(v.source, part));
  }
  // All else is as it was.
  REQUIRE(at_library.sourced.size() == before.sourced.size());
  for (std::size_t i = 0; i < before.sourced.size(); ++i) {
    const auto& path = before.sourced[i].path;
    if (path == "chip.node" || path == "rom.area_per_one_bit" || path == "rom.area_per_bit")
      continue;
    CHECK(at_library.sourced[i].text == before.sourced[i].text);
    CHECK(at_library.sourced[i].source == before.sourced[i].source);
  }

  const auto scaled = rtl::calibrated_spec(before, made_up(), {"", 0.01, "a NAND2 over another"});
  CHECK(scaled.values.rom.area_per_one_bit.value() == Approx(3e-14));
  CHECK(scaled.values.chip.node.value() == before.values.chip.node.value());
  CHECK(has(value(scaled, "rom.area_per_bit").source, "scaled by 0.01: a NAND2 over another"));
  CHECK_THROWS_AS(rtl::calibrated_spec(before, made_up(), {"180", 1, ""}), spec::SpecError);
}

TEST_CASE("cautions name what the new law leaves behind") {
  const auto before = spec::load_hardware(tom);
  const auto text = [&](const rtl::NodeChoice& node) {
    std::string all;
    for (const auto& c : rtl::cautions(before, made_up(), node)) all += c + "\n";
    return all;
  };
  const auto moved = text({"180 nm", 1, ""});
  CHECK(has(moved, "chip.node is 180 nm for the ROM law alone"));
  CHECK(has(moved, "no longer met by calibration: tom.rom-density"));
  CHECK(has(moved, "rom.idle_power"));
  CHECK(has(moved, "256x1024, is 8192 times the largest tile"));  // 262144 / 32
  CHECK(!has(text({"7 nm", 1, ""}), "for the ROM law alone"));
  CHECK(!has(text({"0.007 um", 1, ""}), "for the ROM law alone"));
  CHECK(!has(text({"", 0.01, "why"}), "for the ROM law alone"));
}

TEST_CASE("errors of a law by hand") {
  auto c = made_up();  // the law gives 3*24 + 32 = 104 and 3*16 + 32 = 80: exact
  CHECK(rtl::worst_error(c.law, c.tiles) == 0);
  c.tiles[1].sample.area = 100;  // 80 for 100: 20 % too small
  CHECK(rtl::worst_error(c.law, c.tiles) == Approx(0.2));
  CHECK(rtl::relative_error(80, c.tiles[1]) == Approx(-0.2));
  c.tiles[1].sample.area = 0;  // no cells: no relative error
  CHECK(rtl::worst_error(c.law, c.tiles) == 0);
}
