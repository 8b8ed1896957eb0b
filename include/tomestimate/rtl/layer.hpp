// SPDX-License-Identifier: Apache-2.0
// Verilog-2001 of a ROM bank with rows of a real layer and the matrix-vector unit that reads it,
// and a testbench whose vectors are those of a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <tomestimate/rtl/tile.hpp>
#include <tomestimate/rtl/verilog.hpp>

namespace tomestimate::rtl {

// Rows of a matrix, each of `chunks` words of tile.shape.width weights one after the other, and
// what tokens make of them.
struct LayerSlice {
  Tile tile;  // rows x chunks words of 1 x lanes weights
  std::size_t rows = 0;
  std::size_t chunks = 0;
  std::size_t tokens = 0;
  bool int8 = false;                // codes are int8, in two's complement; else E4M3
  std::vector<std::uint8_t> codes;  // tokens x (chunks x lanes)
  std::vector<std::int64_t> sums;   // tokens x rows, in units of the smallest code: 1, or 2^-9
};

// Modules NAME_bank (the ROM), NAME_mvu (unit_verilog: mvu, or mvu_int8) and NAME (clock, clear,
// address, activations -> sum[47:0] in units of 2^-18, or sum[31:0]), which joins them. The lanes
// are tile.shape.width, which is_lane_count allows.
std::string layer_verilog(const LayerSlice& slice, const std::string& module, RomForm form,
                          const std::string& comment);

// module NAME_testbench: takes every token through every row, compares the sums, and prints a line
// for each that differs and then "PASS: ..." or "FAIL: ...".
std::string layer_testbench(const LayerSlice& slice, const std::string& module,
                            const std::string& comment);

}  // namespace tomestimate::rtl
