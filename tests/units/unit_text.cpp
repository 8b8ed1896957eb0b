// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/units/unit_text.hpp>

#include <array>
#include <string>
#include <vector>

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
  CHECK(value("700 mV") == Approx(0.7));
  CHECK(value("-40 degC") == -40);
  CHECK(value("70 fJ/bit/mm") == Approx(7e-11));
  CHECK(value("5 um^2*cycle/bit") == Approx(5e-12));
  CHECK(value("0.1 mm^2*s/GB") == Approx(1e-7 / 8e9));
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
  CHECK(dimension("1 V") == dimension_of<voltage_unit>());
  CHECK(dimension("1 degC") == dimension_of<celsius_unit>());
  CHECK(dimension("1 fJ/bit/mm") == dimension_of<energy_per_bit_length_unit>());
  CHECK(dimension("1 um^2*cycle/bit") == dimension_of<area_per_port_unit>());
  CHECK(dimension("1 mm^2*s/GB") == dimension_of<area_per_bandwidth_unit>());
  CHECK(dimension("1 nJ/mm^2") == dimension_of<energy_density_unit>());
  CHECK(dimension("1 mW/mm^2") == dimension_of<power_density_unit>());
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

TEST_CASE("what was meant: the same kind and the same letters first") {
  const auto hint = [](std::string_view text, std::string_view like) {
    return std::get<UnitError>(parse_quantity(text, like)).hint;
  };
  CHECK(hint("500 mhz", "MHz") == "did you mean \"MHz\"?");
  CHECK(hint("500 mhz", "") == "did you mean \"MHz\"?");
  CHECK(hint("64 mb", "MB") == "did you mean \"MB\"?");
  CHECK(hint("64 mb", "") == "did you mean \"MB\"?");
  CHECK(hint("64 Mb", "MB") == "did you mean \"Mbit\"?");
  CHECK(hint("1 mw", "mW") == "did you mean \"mW\"?");
  CHECK(hint("3 Mw", "W") == "did you mean \"MW\"?");
  CHECK(hint("1 gb", "MB") == "did you mean \"GB\"?");
  CHECK(hint("1 KB", "MB") == "did you mean \"kB\"?");
  CHECK(hint("1 bits", "B") == "did you mean \"bit\"?");
  CHECK(hint("700 mv", "V") == "did you mean \"mV\"?");
  CHECK(hint("3 Mw", "mW") == "did you mean \"MW\"?");
  CHECK(hint("5 MW2", "mW") == "a power is written with \"^\", as in \"um^2\"");
  CHECK(hint("16 GBps", "GB/s") == "did you mean \"GB/s\"?");
  CHECK(hint("16 Gbps", "GB/s") == "did you mean \"Gbit/s\"?");
  CHECK(hint("3 pJ/b", "pJ/bit") == "did you mean \"bit\"?");
  CHECK(hint("3 b", "MB") == "did you mean \"B\"?");
  CHECK(hint("64 MByte", "MB") == "did you mean \"MB\"?");
  CHECK(hint("25 C", "degC") == "did you mean \"degC\"?");
  CHECK(hint("298 K", "degC").empty());
  CHECK(hint("4 x", "V").empty());
  CHECK(hint("1 seconds", "ns") == "did you mean \"s\"?");
  CHECK(hint("1 pj/bit", "pJ/bit") == "did you mean \"pJ\"?");
  CHECK(value("3 byte") == 24);
  CHECK(value("30 percent") == Approx(0.3));
  CHECK(value("2 pJ/byte") == Approx(2e-12 / 8));
}

TEST_CASE("strays are named") {
  CHECK(error("7 \u00B5m").message == "this is a micro sign");
  CHECK(error("7 \u03BCm").message == "this is a Greek mu");
  CHECK(error("7\u00A0nm").message == "this is a no-break space");
  CHECK(error("25 \u00B0C").message == "this is a degree sign");
  CHECK(error("3 mm\u00B2").hint == "write \"^2\", as in \"um^2\"");
  CHECK(error("3 mm2").hint == "a power is written with \"^\", as in \"um^2\"");
  CHECK(error("\u22123 W").message == "this is a minus sign that is no hyphen");
}

TEST_CASE("counts with a suffix") {
  CHECK(*parse_count("4096") == 4096);
  CHECK(*parse_count("4k") == 4000);
  CHECK(*parse_count("4K") == 4000);
  CHECK(*parse_count("4Ki") == 4096);
  CHECK(*parse_count("1.5M") == 1.5e6);
  for (const auto* bad : {"", "k", "4m", "4 k", "4kk", "nan", "inf", "1e999"})
    CHECK_FALSE(parse_count(bad));
}

TEST_CASE("no hint for a text longer than any name, and no time is spent on it") {
  const std::vector<std::string_view> known(300, "chip.clock");
  CHECK_FALSE(nearest(std::string(10'000'000, 'x'), known));
}
