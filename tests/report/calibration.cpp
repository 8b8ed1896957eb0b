// SPDX-License-Identifier: Apache-2.0
// What a calibration's document concludes from made-up areas.
#include <tomestimate/report/reports.hpp>

#include "catch.hpp"

using namespace tomestimate;

namespace {

report::HardwareSpec tom() {
  return spec::load_hardware(std::string(TOMESTIMATE_SPECS) + "/tom.toml");
}

// Tiles of 100 words of 50 weights (10,000 bits) at 29, 42 and 80 % zeros with these areas, and
// the law 10 um^2 a 1-bit + 1 um^2 a bit. It gives 10 x 3550 + 10,000 = 45,500 at 29 % zeros,
// 10 x 2900 + 10,000 = 39,000 at 42 % and 10 x 1000 + 10,000 = 20,000 at 80 %.
std::string lead(double at_29, double at_42, double at_80) {
  rtl::Calibration c;
  c.grid.sizes = {{100, 50}};
  c.grid.zero_shares = {0.29, 0.42, 0.8};
  c.nand2_area = 2;
  c.law = {10, 1, 0};
  c.tiles = {{{100, 50}, 0.29, {3550, 10000, at_29}, false},
             {{100, 50}, 0.42, {2900, 10000, at_42}, false},
             {{100, 50}, 0.80, {1000, 10000, at_80}, false}};
  const auto document = report::calibration_document(tom(), c, {});
  std::string out;
  for (const auto& paragraph : document.lead) out += paragraph + "\n";
  return out;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("areas that obey the law are told to") {
  const auto text = lead(45500, 39000, 20000);
  // 39,000 / 45,500 - 1 = -14.3 %
  CHECK(has(text,
            "of 100x50 goes -14.3 % (-14.3 % by the law, which is off by up to 0.0 %): the "
            "law can be trusted there."));
  CHECK(has(text, "It is within 10 % at 100x50 all over, between 29 and 80 % zero weights."));
}

TEST_CASE("a flat area is a level without a slope") {
  // 45,500 / 42,000 - 1 = 8.3 %, 39,000 / 42,000 - 1 = -7.1 %
  const auto text = lead(42000, 42000, 20000);
  CHECK(has(text,
            "goes +0.0 % (-14.3 % by the law, which is off by up to 8.3 %): its level can be "
            "trusted there, NOT what it says zeros save."));
}

TEST_CASE("areas half as large are a slope without a level, and where the law breaks is named") {
  const auto text = lead(22750, 19500, 16000);
  CHECK(has(text, "NOT its level at every size"));
  // twice as large at 29 and 42 %; 20,000 for 16,000 at 80 %
  CHECK(has(text,
            "It breaks (off by more than 10 %) at 100x50 between 29 and 80 % zero weights "
            "at: 29 % (+100 %), 42 % (+100 %), 80 % (+25 %)."));
  CHECK(has(lead(20000, 22000, 16000), "TRUST NEITHER"));
}

TEST_CASE("tables have a row for each tile, and scaled densities only with a scale") {
  rtl::Calibration c;
  c.grid.sizes = {{100, 50}};
  c.grid.zero_shares = {0.3, 0.6};
  c.nand2_area = 2;
  c.law = {10, 1, 0};
  c.tiles = {{{100, 50}, 0.3, {3500, 10000, 50000}, false},
             {{100, 50}, 0.6, {2000, 10000, 0}, true}};  // no cells
  const auto document = report::calibration_document(tom(), c, {"", 0.01, "why"});
  REQUIRE(document.tables.size() == 4);
  const auto& sizes = document.tables[2];
  REQUIRE(sizes.rows.size() == 1);
  // 5 um^2 a bit is 2.5 NAND2, and 200,000 bit or 0.025 MB a mm^2: a hundred times that if scaled.
  CHECK(std::get<double>(sizes.rows[0][4]) == Approx(2.5));
  CHECK(std::get<double>(sizes.rows[0][5]) == Approx(0.025));
  CHECK(std::get<double>(sizes.rows[0][6]) == Approx(2.5));
  const auto& tiles = document.tables[3];
  REQUIRE(tiles.rows.size() == 2);
  CHECK(std::get<double>(tiles.rows[0][9]) == Approx(-10));  // 45,000 for 50,000
  CHECK(std::holds_alternative<std::monostate>(tiles.rows[1][9]));
  for (const auto& table : document.tables)
    for (const auto& row : table.rows) CHECK(row.size() == table.columns.size());
  CHECK(report::calibration_document(tom(), c, {}).tables[2].columns.size() == 6);
}
