// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/units/unit_text.hpp>

#include <array>

#include "catch.hpp"

using namespace tomestimate::units;

namespace {

double value(std::string_view text) {
  const auto parsed = parse_quantity(text);
  INFO(text);
  REQUIRE(std::holds_alternative<ParsedQuantity>(parsed));
  return std::get<ParsedQuantity>(parsed).value;
}

Dimension dimension(std::string_view text) {
  return std::get<ParsedQuantity>(parse_quantity(text)).dimension;
}

UnitError error(std::string_view text) {
  const auto parsed = parse_quantity(text);
  INFO(text);
  REQUIRE(std::holds_alternative<UnitError>(parsed));
  return std::get<UnitError>(parsed);
}

}  // namespace

TEST_CASE("values in base units") {
  CHECK(value("500 MHz") == 500e6);
  CHECK(value("7nm") == Approx(7e-9));
  CHECK(value("40 MB") == 320e6);
  CHECK(value("64 MiB") == 64.0 * 1024 * 1024 * 8);
  CHECK(value("15.0 MB/mm^2") == Approx(120e12));
  CHECK(value("10 fJ/bit") == Approx(1e-14));
  CHECK(value("2 TOPS/W") == Approx(2e12));
  CHECK(value("80 %") == Approx(0.8));
  CHECK(value("-3 W") == -3);
  CHECK(value("3306 token/s") == 3306);
}

TEST_CASE("dimensions come from the quantity types") {
  CHECK(dimension("1 MHz") == dimension_of<frequency_unit>());
  CHECK(dimension("1 cycle/s") == dimension_of<frequency_unit>());
  CHECK(dimension("1 W") == dimension_of<power_unit>());
  CHECK(dimension("1 J/s") == dimension_of<power_unit>());
  CHECK(dimension("1 um^2/bit") == dimension_of<area_per_bit_unit>());
  CHECK(dimension("1 bit/cycle") == dimension_of<port_unit>());
  CHECK(dimension("1 bit/s") == dimension_of<bandwidth_unit>());
  CHECK(dimension("5") == dimension_of<dimensionless_unit>());
  CHECK(dimension("1 op/J") == dimension_of<operations_per_energy_unit>());
}

TEST_CASE("errors say where and what was meant") {
  CHECK(error("500 MHx").offset == 4);
  CHECK(error("500 MHx").hint == "did you mean \"MHz\"?");
  CHECK(error("5 Mb").hint == "did you mean \"Mbit\"?");
  CHECK(error("5 pJ/bti").offset == 5);
  CHECK(error("5 pJ/bti").hint == "did you mean \"bit\"?");
  CHECK(error("MHz").offset == 0);
  CHECK(error("").offset == 0);
  CHECK(error("nan W").offset == 0);
  CHECK(error("inf W").offset == 0);
  CHECK(error("1e999 W").message == "number is too large or too small");
  CHECK(error("1e308 TW").message == "number is too large");
  CHECK(error("5 W/").offset == 4);
  CHECK(error("5 W^").offset == 3);
  CHECK(error("5 W^10").offset == 3);
  CHECK(error("5 W 3").offset == 3);
  CHECK(error("5 KiW").message == "unknown unit \"KiW\"");
}

TEST_CASE("nearest counts a swap of neighbours once") {
  CHECK(edit_distance("count", "count") == 0);
  CHECK(edit_distance("count", "cuont") == 1);
  CHECK(edit_distance("count", "cout") == 1);
  CHECK(edit_distance("", "abc") == 3);
  const std::array<std::string_view, 2> known{"clock", "node"};
  CHECK(*nearest("clokc", known) == "clock");
  CHECK(!nearest("bandwidth", known));
}
