// SPDX-License-Identifier: Apache-2.0
// Arithmetic units in a Verilog simulator against the model, and the model against numbers worked
// by hand.
#include <tomestimate/rtl/datapath.hpp>

#include <array>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "folder.hpp"
#include "text.hpp"

using namespace tomestimate;
using rtl::Unit;
using rtl::UnitVector;

namespace {

std::string output_of(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  std::array<char, 4096> buffer{};
  while (const auto n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    out.append(buffer.data(), n);
  pclose(pipe);
  return out;
}

std::string simulate(const std::string& verilog, const std::string& bench) {
  const Folder folder;
  std::ofstream(folder.file("unit.v")) << verilog;
  std::ofstream(folder.file("bench.v")) << bench;
  const auto compiled = output_of("iverilog -g2001 -Wall -o " + folder.file("sim") + " " +
                                  folder.file("unit.v") + " " + folder.file("bench.v"));
  CHECK(compiled == "");
  return output_of("vvp -n " + folder.file("sim"));
}

std::uint64_t one_answer(Unit unit, std::uint32_t a, std::uint32_t b) {
  std::vector<UnitVector> v(1);
  v[0].a = {a};
  v[0].b = {b};
  rtl::answer(unit, v);
  return v[0].answer;
}

}  // namespace

TEST_CASE("every unit does in a simulator what the model says, bit for bit") {
  for (std::size_t i = 0; i < rtl::unit_names.size(); ++i) {
    const auto unit = static_cast<Unit>(i);
    const std::size_t count = rtl::has_lanes(unit) ? 200 : 3000;
    const auto vectors = rtl::random_vectors(unit, 4, count, 11);
    const auto out = simulate(rtl::unit_verilog(unit, 4, "dut", "made for a test"),
                              rtl::unit_testbench(unit, 4, vectors, "dut", ""));
    CAPTURE(rtl::name(unit), out);
    CHECK(has(out, "PASS: " + std::to_string(count) + " vectors"));
  }
}

TEST_CASE("a unit with one wrong operator fails its testbench") {
  auto text = rtl::unit_verilog(Unit::mvu, 4, "dut", "");
  const auto at = text.find("ex + ey");
  REQUIRE(at != std::string::npos);
  text[at + 3] = '|';
  const auto vectors = rtl::random_vectors(Unit::mvu, 4, 40, 1);
  const auto out = simulate(text, rtl::unit_testbench(Unit::mvu, 4, vectors, "dut", ""));
  CHECK(has(out, "FAIL: "));
  CHECK(!has(out, "PASS"));
}

TEST_CASE("the model's sums by hand") {
  // E4M3: 0x38 is 1, 0xb8 -1, 0x01 the smallest subnormal 2^-9, 0x7e 448. Units of 2^-18.
  std::vector<UnitVector> v(3);
  v[0].ternary = true;
  v[0].a = {0x38, 0x7e, 0x01};
  v[0].b = {2, 1, 0};  // -1, +1, 0
  v[1] = v[0];
  v[1].clear = false;
  v[2].a = {0x01, 0xb8, 0x7e};
  v[2].b = {0x01, 0x38, 0x00};
  rtl::answer(Unit::mvu, v);
  CHECK(v[0].answer == std::uint64_t{447} << 18);
  CHECK(v[1].answer == std::uint64_t{894} << 18);
  CHECK(v[2].answer == ((std::uint64_t{1} << 48) + 1 - (1 << 18)));

  // int8: -(-128) + 127 - 5 x 0, and once more.
  std::vector<UnitVector> n(2);
  n[0].a = {0x80, 0x7f, 0x05};
  n[0].b = {2, 1, 0};
  n[1] = n[0];
  n[1].clear = false;
  n[1].b = {1, 2, 2};
  rtl::answer(Unit::mvu_int8, n);
  CHECK(n[0].answer == 255);
  CHECK(n[1].answer == (std::uint64_t{1} << 32) - 5);

  // FP16: 0x3c00 is 1, 0xc000 -2; units of 2^-24, weights less the zero point 8: 3 and -8.
  std::vector<UnitVector> w(1);
  w[0].zero = 8;
  w[0].a = {0x3c00, 0xc000};
  w[0].b = {11, 0};
  rtl::answer(Unit::l_unit, w);
  CHECK(w[0].answer == std::uint64_t{19} << 24);
}

TEST_CASE("the model's floating point by hand") {
  CHECK(one_answer(Unit::fp16_add, 0x3c00, 0x3c00) == 0x4000);       // 1 + 1 = 2
  CHECK(one_answer(Unit::fp16_add, 0x3c00, 0x1000) == 0x3c00);       // 1 + 2^-11: to even
  CHECK(one_answer(Unit::fp16_add, 0x3c01, 0x1000) == 0x3c02);       // likewise, up
  CHECK(one_answer(Unit::fp16_add, 0x7bff, 0x7bff) == 0x7c00);       // over the largest: infinity
  CHECK(one_answer(Unit::fp16_add, 0x8000, 0x8000) == 0x8000);       // -0 + -0
  CHECK(one_answer(Unit::fp16_multiply, 0x0400, 0x3800) == 0x0200);  // 2^-14 / 2: subnormal
  CHECK(one_answer(Unit::fp16_multiply, 0x0001, 0x3800) == 0);       // 2^-25: to even
  CHECK(one_answer(Unit::int32_add, 0xffffffffu, 2) == 1);
  CHECK(one_answer(Unit::int8_multiply, 255, 255) == 65025);
}

TEST_CASE("codes of numbers") {
  CHECK(rtl::encode_float(1, 4, 3) == 0x38);
  CHECK(rtl::encode_float(-448, 4, 3) == 0xfe);
  CHECK(rtl::encode_float(1e6, 4, 3) == 0x7e);     // the largest: no infinity
  CHECK(rtl::encode_float(1.0625, 4, 3) == 0x38);  // halfway, to even
  CHECK(rtl::encode_float(0, 4, 3) == 0);
  CHECK(rtl::encode_float(1e6, 5, 10) == 0x7bff);
  CHECK(rtl::encode_float(0x1p-24, 5, 10) == 1);
}

TEST_CASE("lanes come in powers of two") {
  for (const std::size_t good : {2, 16, 128, 1024}) CHECK(rtl::is_lane_count(good));
  for (const std::size_t bad : {0, 1, 3, 100, 2048}) CHECK(!rtl::is_lane_count(bad));
}
