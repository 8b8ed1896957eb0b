// SPDX-License-Identifier: Apache-2.0
// Axis values are the decimal numbers that were meant, and ranges take no memory.
#include <tomestimate/study/axis.hpp>

#include <cstdlib>
#include <random>

#include <fmt/format.h>

#include "catch.hpp"

using namespace tomestimate;
using study::Range;

namespace {

std::vector<double> all(const Range& range) {
  std::vector<double> out;
  for (std::uint64_t i = 0; i < range.size(); ++i) out.push_back(range.at(i));
  return out;
}

// digits / 10^places, as a reader of decimal text has it.
double decimal_text(std::int64_t digits, int places) {
  return std::strtod(fmt::format("{}e-{}", digits, places).c_str(), nullptr);
}

}  // namespace

TEST_CASE("steps and points of a range are decimal numbers") {
  CHECK(all(Range::steps(0, 0.5, 0.1, false)) == std::vector<double>{0, 0.1, 0.2, 0.3, 0.4, 0.5});
  CHECK(all(Range::spread(0, 0.5, 6, false)) == std::vector<double>{0, 0.1, 0.2, 0.3, 0.4, 0.5});
  CHECK(all(Range::steps(-0.2, 0.2, 0.1, false)) == std::vector<double>{-0.2, -0.1, 0, 0.1, 0.2});
  CHECK(all(Range::ratios(0.1, 100, 4)) == std::vector<double>{0.1, 1, 10, 100});
  CHECK(all(Range::steps(1, 2, 0.75, false)) == std::vector<double>{1, 1.75});
  // A third is no decimal number: the nearest double.
  CHECK(all(Range::spread(0, 1, 4, false)) == std::vector<double>{0, 1 / 3., 2 / 3., 1});
  std::mt19937_64 random(5);
  for (int round = 0; round < 2000; ++round) {
    const int places = static_cast<int>(random() % 7);
    const auto from = static_cast<std::int64_t>(random() % 1000000);
    const auto step = static_cast<std::int64_t>(1 + random() % 1000);
    const auto n = static_cast<std::int64_t>(2 + random() % 50);
    const auto last = from + (n - 1) * step;
    const double a = decimal_text(from, places), b = decimal_text(last, places);
    const auto stepped = Range::steps(a, b, decimal_text(step, places), false);
    const auto spread = Range::spread(a, b, static_cast<std::uint64_t>(n), false);
    REQUIRE(stepped.size() == static_cast<std::uint64_t>(n));
    const auto i = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
    INFO(a << " to " << b << ", " << i << " of " << n);
    CHECK(stepped.at(static_cast<std::uint64_t>(i)) == decimal_text(from + i * step, places));
    CHECK(spread.at(static_cast<std::uint64_t>(i)) == decimal_text(from + i * step, places));
  }
}

TEST_CASE("whole parameters take each whole number once") {
  CHECK(all(Range::steps(1, 4, 0.5, true)) == std::vector<double>{1, 2, 3, 4});
  CHECK(all(Range::spread(1, 4, 100, true)) == std::vector<double>{1, 2, 3, 4});
  CHECK(all(Range::spread(1, 8, 3, true)) == std::vector<double>{1, 5, 8});  // 4.5 goes up
  CHECK(all(Range::steps(2, 9, 2, true)) == std::vector<double>{2, 4, 6, 8});
}

TEST_CASE("numbers that are too long for exact steps stay in the range, both ends included") {
  const auto range = Range::spread(0.12345678901234567, 0.98765432109876543, 1000, false);
  CHECK(range.at(0) == Approx(0.12345678901234567).epsilon(1e-14));
  CHECK(range.at(999) == 0.98765432109876543);
  for (std::uint64_t i = 1; i < 1000; ++i) CHECK(range.at(i) > range.at(i - 1));
}

TEST_CASE("a value in another unit is echoed in the display unit as one would write it") {
  const std::string folder = TOMESTIMATE_SPECS;
  const study::Specs specs{spec::load_hardware(folder + "/tom.toml"),
                           spec::load_model(folder + "/bitnet-2b.toml")};
  const auto text = [&](const std::string& path, const std::string& given) {
    const auto p = study::find_parameter(specs, path, {});
    const auto base = study::value_if_set(specs, path, given, {});
    return study::varied(p, base).text(0);
  };
  CHECK(text("chip.clock", "512.3 MHz") == "512.3 MHz");
  CHECK(text("chip.clock", "0.5123 GHz") == "512.3 MHz");
  CHECK(text("chip.clock", "512.3000000000001 MHz") == "512.3000000000001 MHz");
  CHECK(text("weights.zero_share", "0.1") == "0.1");
  CHECK(text("weights.zero_share", "0.12345678901234568") == "0.12345678901234568");
  // Whatever the number, the same design comes of its text.
  std::mt19937_64 random(9);
  const auto clock = study::find_parameter(specs, "chip.clock", {});
  for (int i = 0; i < 500; ++i) {
    const double shown =
        study::in_display_unit(clock, 1e8 + static_cast<double>(random() % 1000000000));
    CHECK(std::strtod(fmt::format("{}", shown).c_str(), nullptr) == shown);
  }
}
