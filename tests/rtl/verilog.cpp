// SPDX-License-Identifier: Apache-2.0
// Verilog of tiles small enough to write by hand. tests/cli/rtl.cpp reads larger ones back in a
// simulator.
#include <tomestimate/rtl/layer.hpp>
#include <tomestimate/rtl/verilog.hpp>

#include "catch.hpp"
#include "text.hpp"

using namespace tomestimate;

namespace {

// Word 0 is (+1, -1), word 1 is (0, +1).
const rtl::Tile two_by_two{{2, 1, 2}, {1, -1, 0, 1}};

}  // namespace

TEST_CASE("the ROM of a 2x2 tile as a case statement") {
  // Word 0: weight 0 is +1, 01 in bits 1..0; weight 1 is -1, 10 in bits 3..2: 1001.
  // Word 1: weight 0 is 0, 00; weight 1 is +1, 01: 0100.
  CHECK(rtl::rom_verilog(two_by_two, "tile", rtl::RomForm::lookup, "one\ntwo") == R"(// one
// two
module tile (
  input  wire [0:0] address,
  output reg  [3:0] word
);
  always @* begin
    case (address)
      1'd0: word = 4'b1001;
      1'd1: word = 4'b0100;
      default: word = {4{1'bx}};
    endcase
  end
endmodule
)");
}

TEST_CASE("the ROM of a 2x2 tile as minterms") {
  // Bit 0 (weight 0 is +1) in word 0; bit 1 (weight 0 is -1) nowhere; bit 2 (weight 1 is +1) in
  // word 1; bit 3 (weight 1 is -1) in word 0.
  CHECK(rtl::rom_verilog(two_by_two, "tile", rtl::RomForm::minterms, "") == R"(module tile (
  input  wire [0:0] address,
  output wire [3:0] word
);
  wire [1:0] select;
  assign select[0] = address == 1'd0;
  assign select[1] = address == 1'd1;
  assign word[0] = |(select & 2'b01);
  assign word[1] = |(select & 2'b00);
  assign word[2] = |(select & 2'b10);
  assign word[3] = |(select & 2'b01);
endmodule
)");
}

TEST_CASE("the testbench has the weights, not their code") {
  const auto text = rtl::testbench_verilog(two_by_two, "tile", "");
  CHECK(has(text, "module tile_testbench;"));
  CHECK(has(text, "check(1'd0, \"+-\");"));
  CHECK(has(text, "check(1'd1, \"0+\");"));
  CHECK(has(text, "PASS: 2 words of 2 weights"));
}

TEST_CASE("address lines") {
  CHECK(rtl::address_bits(1) == 1);
  CHECK(rtl::address_bits(2) == 1);
  CHECK(rtl::address_bits(3) == 2);
  CHECK(rtl::address_bits(256) == 8);
  CHECK(rtl::address_bits(257) == 9);
}

TEST_CASE("names of modules") {
  for (const auto* good : {"rom", "_x", "lane_0$bank3", "Case"}) CHECK(rtl::is_module_name(good));
  for (const auto* bad : {"", "0rom", "a-b", "a b", "case", "module", "xor", "$x", "r\xc3\xb6m"})
    CHECK(!rtl::is_module_name(bad));
}

TEST_CASE("the testbench of a layer wants sums in the unit's own units") {
  // Rows {+1, -1} and {0, +1} of the token {1.0, -1.0}: 2 and -1, in units of 2^-9 1024 and -512,
  // of 2^-18 0x80000 and -0x40000.
  const rtl::LayerSlice slice{
      {{2, 1, 2}, {1, -1, 0, 1}}, 2, 1, 1, false, {0x38, 0xb8}, {1024, -512}};
  const auto bench = rtl::layer_testbench(slice, "m", "two rows");
  CHECK(bench.find("codes[0] = 16'hb838;") != std::string::npos);
  CHECK(bench.find("wanted[0] = 48'h80000;") != std::string::npos);
  CHECK(bench.find("wanted[1] = 48'hfffffffc0000;") != std::string::npos);
  const auto unit = rtl::layer_verilog(slice, "m", rtl::RomForm::lookup, "two rows");
  // +1 is 01 and -1 is 10, the first weight in the low end.
  CHECK(unit.find("1'd0: word = 4'b1001;") != std::string::npos);
  CHECK(unit.find("1'd1: word = 4'b0100;") != std::string::npos);
  // The same rows of the int8 token {100, -128}: 228 and -128.
  const rtl::LayerSlice whole{{{2, 1, 2}, {1, -1, 0, 1}}, 2, 1, 1, true, {0x64, 0x80}, {228, -128}};
  const auto whole_bench = rtl::layer_testbench(whole, "m", "two rows");
  CHECK(whole_bench.find("codes[0] = 16'h8064;") != std::string::npos);
  CHECK(whole_bench.find("wanted[0] = 32'he4;") != std::string::npos);
  CHECK(whole_bench.find("wanted[1] = 32'hffffff80;") != std::string::npos);
}
