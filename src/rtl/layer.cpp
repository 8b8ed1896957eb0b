// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/layer.hpp>

#include <fmt/format.h>

#include <tomestimate/rtl/datapath.hpp>

#include "comment.hpp"

namespace tomestimate::rtl {

namespace {

// Bits of the unit's sum.
int sum_bits(const LayerSlice& slice) { return slice.int8 ? 32 : 48; }

// A sum as the unit gives it: that of E4M3 has 9 bits more, for products of two of them.
std::uint64_t sum_code(const LayerSlice& slice, std::int64_t sum) {
  const auto mask = ~std::uint64_t{0} >> (64 - sum_bits(slice));
  return static_cast<std::uint64_t>(sum) << (slice.int8 ? 0 : 9) & mask;
}

}  // namespace

std::string layer_verilog(const LayerSlice& slice, const std::string& module, RomForm form,
                          const std::string& comment) {
  const auto lanes = slice.tile.shape.width;
  return rom_verilog(slice.tile, module + "_bank", form, comment) + "\n" +
         unit_verilog(slice.int8 ? Unit::mvu_int8 : Unit::mvu, lanes, module + "_mvu",
                      "The unit that reads it.") +
         fmt::format(R"(
module {0} (
  input  wire clock,
  input  wire clear,
  input  wire [{1}:0] address,
  input  wire [{2}:0] activations,
  output wire [{5}:0] sum
);
  wire [{3}:0] word;
  wire [{2}:0] operands;
  {0}_bank bank (.address(address), .word(word));
  genvar i;
  generate for (i = 0; i < {4}; i = i + 1) begin : weight
    assign operands[8*i +: 8] = {{6'd0, word[2*i +: 2]}};
  end endgenerate
  {0}_mvu mvu (.clock(clock), {6}.clear(clear), .activations(activations),
    .operands(operands), .sum(sum));
endmodule
)",
                     module, address_bits(slice.tile.shape.words) - 1, 8 * lanes - 1, 2 * lanes - 1,
                     lanes, sum_bits(slice) - 1, slice.int8 ? "" : ".ternary(1'b1), ");
}

std::string layer_testbench(const LayerSlice& slice, const std::string& module,
                            const std::string& comment) {
  const auto lanes = slice.tile.shape.width;
  std::string values;
  for (std::size_t i = 0; i < slice.tokens * slice.chunks; ++i) {
    std::string digits;  // the first code in the low end
    for (std::size_t c = lanes; c-- > 0;)
      digits += fmt::format("{:02x}", slice.codes[i * lanes + c]);
    values += fmt::format("    codes[{}] = {}'h{};\n", i, 8 * lanes, digits);
  }
  for (std::size_t i = 0; i < slice.sums.size(); ++i)
    values += fmt::format("    wanted[{}] = {}'h{:x};\n", i, sum_bits(slice),
                          sum_code(slice, slice.sums[i]));
  const auto count = slice.tokens * slice.rows;
  return fmt::format(R"({0}module {1}_testbench;
  reg clock, clear;
  reg [{2}:0] address;
  reg [{3}:0] activations;
  wire [{11}:0] sum;
  reg [{3}:0] codes [0:{4}];
  reg [{11}:0] wanted [0:{5}];
  // Of the operands of this clock and of three before it: the sum that they end, or -1.
  integer ends [0:3];
  integer token, row, chunk, k, errors;

  {1} unit (.clock(clock), .clear(clear), .address(address), .activations(activations), .sum(sum));

  task step;
    begin
      #1 clock = 1;
      #1 clock = 0;
      if (ends[3] >= 0 && sum !== wanted[ends[3]]) begin
        errors = errors + 1;
        $display("token %0d row %0d: read %h, expected %h", ends[3] / {6}, ends[3] % {6}, sum,
          wanted[ends[3]]);
      end
      for (k = 3; k > 0; k = k - 1) ends[k] = ends[k-1];
      ends[0] = -1;
    end
  endtask

  initial begin
{8}    clock = 0;
    errors = 0;
    for (k = 0; k < 4; k = k + 1) ends[k] = -1;
    for (token = 0; token < {9}; token = token + 1)
      for (row = 0; row < {6}; row = row + 1)
        for (chunk = 0; chunk < {7}; chunk = chunk + 1) begin
          clear = chunk == 0;
          address = row * {7} + chunk;
          activations = codes[token * {7} + chunk];
          if (chunk == {7} - 1) ends[0] = token * {6} + row;
          step;
        end
    for (token = 0; token < 3; token = token + 1) step;
    if (errors == 0)
      $display("PASS: {10} sums");
    else
      $display("FAIL: %0d of {10} sums differ", errors);
    $finish;
  end
endmodule
)",
                     commented(comment), module, address_bits(slice.tile.shape.words) - 1,
                     8 * lanes - 1, slice.tokens * slice.chunks - 1, count - 1, slice.rows,
                     slice.chunks, values, slice.tokens, count, sum_bits(slice) - 1);
}

}  // namespace tomestimate::rtl
