// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/verilog.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <sstream>

#include <fmt/format.h>

#include "comment.hpp"

namespace tomestimate::rtl {

std::string commented(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out += "// " + line + "\n";
  return out;
}

namespace {

// IEEE 1364-2001, annex B.
constexpr auto keywords = std::to_array<std::string_view>({"always",
                                                           "and",
                                                           "assign",
                                                           "automatic",
                                                           "begin",
                                                           "buf",
                                                           "bufif0",
                                                           "bufif1",
                                                           "case",
                                                           "casex",
                                                           "casez",
                                                           "cell",
                                                           "cmos",
                                                           "config",
                                                           "deassign",
                                                           "default",
                                                           "defparam",
                                                           "design",
                                                           "disable",
                                                           "edge",
                                                           "else",
                                                           "end",
                                                           "endcase",
                                                           "endconfig",
                                                           "endfunction",
                                                           "endgenerate",
                                                           "endmodule",
                                                           "endprimitive",
                                                           "endspecify",
                                                           "endtable",
                                                           "endtask",
                                                           "event",
                                                           "for",
                                                           "force",
                                                           "forever",
                                                           "fork",
                                                           "function",
                                                           "generate",
                                                           "genvar",
                                                           "highz0",
                                                           "highz1",
                                                           "if",
                                                           "ifnone",
                                                           "incdir",
                                                           "include",
                                                           "initial",
                                                           "inout",
                                                           "input",
                                                           "instance",
                                                           "integer",
                                                           "join",
                                                           "large",
                                                           "liblist",
                                                           "library",
                                                           "localparam",
                                                           "macromodule",
                                                           "medium",
                                                           "module",
                                                           "nand",
                                                           "negedge",
                                                           "nmos",
                                                           "nor",
                                                           "noshowcancelled",
                                                           "not",
                                                           "notif0",
                                                           "notif1",
                                                           "or",
                                                           "output",
                                                           "parameter",
                                                           "pmos",
                                                           "posedge",
                                                           "primitive",
                                                           "pull0",
                                                           "pull1",
                                                           "pulldown",
                                                           "pullup",
                                                           "pulsestyle_onevent",
                                                           "pulsestyle_ondetect",
                                                           "rcmos",
                                                           "real",
                                                           "realtime",
                                                           "reg",
                                                           "release",
                                                           "repeat",
                                                           "rnmos",
                                                           "rpmos",
                                                           "rtran",
                                                           "rtranif0",
                                                           "rtranif1",
                                                           "scalared",
                                                           "showcancelled",
                                                           "signed",
                                                           "small",
                                                           "specify",
                                                           "specparam",
                                                           "strong0",
                                                           "strong1",
                                                           "supply0",
                                                           "supply1",
                                                           "table",
                                                           "task",
                                                           "time",
                                                           "tran",
                                                           "tranif0",
                                                           "tranif1",
                                                           "tri",
                                                           "tri0",
                                                           "tri1",
                                                           "triand",
                                                           "trior",
                                                           "trireg",
                                                           "unsigned",
                                                           "use",
                                                           "vectored",
                                                           "wait",
                                                           "wand",
                                                           "weak0",
                                                           "weak1",
                                                           "while",
                                                           "wire",
                                                           "wor",
                                                           "xnor",
                                                           "xor"});

// The word as binary digits, weight 0 last.
std::string word_digits(std::span<const std::int8_t> word) {
  std::string digits;
  for (auto w = word.rbegin(); w != word.rend(); ++w)
    digits += *w == 0 ? "00" : *w > 0 ? "01" : "10";
  return digits;
}

std::string case_body(const Tile& tile) {
  const auto a = address_bits(tile.shape.words);
  const auto b = 2 * tile.shape.word_weights();
  std::string out = "  always @* begin\n    case (address)\n";
  for (std::size_t w = 0; w < tile.shape.words; ++w)
    out += fmt::format("      {}'d{}: word = {}'b{};\n", a, w, b, word_digits(tile.word(w)));
  out += fmt::format("      default: word = {{{}{{1'bx}}}};\n    endcase\n  end\n", b);
  return out;
}

// The words where an output bit is 1, as binary digits, word 0 last.
std::string minterm_digits(const Tile& tile, std::size_t weight, int sign) {
  std::string digits;
  for (std::size_t w = tile.shape.words; w > 0; --w)
    digits += tile.word(w - 1)[weight] == sign ? '1' : '0';
  return digits;
}

std::string minterm_body(const Tile& tile) {
  const auto words = tile.shape.words;
  const auto a = address_bits(words);
  std::string out = fmt::format("  wire [{}:0] select;\n", words - 1);
  for (std::size_t w = 0; w < words; ++w)
    out += fmt::format("  assign select[{}] = address == {}'d{};\n", w, a, w);
  for (std::size_t i = 0; i < tile.shape.word_weights(); ++i)
    for (const int bit : {0, 1})
      out += fmt::format("  assign word[{}] = |(select & {}'b{});\n", 2 * i + std::size_t(bit),
                         words, minterm_digits(tile, i, bit == 0 ? 1 : -1));
  return out;
}

}  // namespace

bool is_module_name(const std::string& text) {
  const auto letter = [](unsigned char c) { return std::isalpha(c) != 0 || c == '_'; };
  const auto good = [&](unsigned char c) { return letter(c) || std::isdigit(c) != 0 || c == '$'; };
  return !text.empty() && text.size() <= 1000 && letter(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), good) &&
         std::find(keywords.begin(), keywords.end(), text) == keywords.end();
}

std::size_t address_bits(std::size_t words) {
  return std::max<std::size_t>(1, std::bit_width(words - 1));
}

std::string rom_verilog(const Tile& tile, const std::string& module, RomForm form,
                        const std::string& comment) {
  const bool lookup = form == RomForm::lookup;
  return commented(comment) +
         fmt::format("module {} (\n  input  wire [{}:0] address,\n  output {} [{}:0] word\n);\n",
                     module, address_bits(tile.shape.words) - 1, lookup ? "reg " : "wire",
                     2 * tile.shape.word_weights() - 1) +
         (lookup ? case_body(tile) : minterm_body(tile)) + "endmodule\n";
}

std::string testbench_verilog(const Tile& tile, const std::string& module,
                              const std::string& comment) {
  const auto n = tile.shape.word_weights();
  const auto a = address_bits(tile.shape.words);
  std::string out = commented(comment);
  out += fmt::format(R"(module {0}_testbench;
  reg  [{1}:0] address;
  wire [{2}:0] word;
  reg  [7:0] read;
  reg  [7:0] wanted;
  integer weight;
  integer errors;

  {0} rom (.address(address), .word(word));

  // Compares one word with its weights, the first one leftmost.
  task check;
    input [{1}:0] at;
    input [8*{3}-1:0] weights;
    begin
      address = at;
      #1;
      for (weight = 0; weight < {3}; weight = weight + 1) begin
        case ({{word[2*weight+1], word[2*weight]}})
          2'b00: read = "0";
          2'b01: read = "+";
          2'b10: read = "-";
          default: read = "?";
        endcase
        wanted = weights >> (8 * ({3} - 1 - weight));
        if (read !== wanted) begin
          errors = errors + 1;
          $display("word %0d weight %0d: read %s, expected %s", at, weight, read, wanted);
        end
      end
    end
  endtask

  initial begin
    errors = 0;
)",
                     module, a - 1, 2 * n - 1, n);
  for (std::size_t w = 0; w < tile.shape.words; ++w) {
    std::string weights;
    for (const auto x : tile.word(w)) weights += x == 0 ? '0' : x > 0 ? '+' : '-';
    out += fmt::format("    check({}'d{}, \"{}\");\n", a, w, weights);
  }
  out += fmt::format(R"(    if (errors == 0)
      $display("PASS: {0} words of {1} weights");
    else
      $display("FAIL: %0d of {2} weights differ", errors);
    $finish;
  end
endmodule
)",
                     tile.shape.words, n, tile.shape.weights());
  return out;
}

}  // namespace tomestimate::rtl
