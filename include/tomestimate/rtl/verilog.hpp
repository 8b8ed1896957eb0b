// SPDX-License-Identifier: Apache-2.0
// Verilog-2001 of a tile: the combinational ROM of specs/machine.md (address in, word out, no
// clock), and a testbench that reads it back.
#pragma once

#include <string>

#include <tomestimate/rtl/tile.hpp>
#include <tomestimate/spec/field.hpp>

namespace tomestimate::rtl {

// How the ROM is described. Both are the same function; synthesis makes different logic of them.
enum class RomForm {
  lookup,    // a case statement over the address
  minterms,  // one select line a word, and for each output bit an OR of the words where it is 1
};
inline constexpr spec::Names<2> rom_form_names{"case", "minterms"};
constexpr std::string_view name(RomForm f) { return rom_form_names[static_cast<std::size_t>(f)]; }

// Whether text can name a module: a simple identifier that is no keyword of Verilog-2001.
bool is_module_name(const std::string& text);

// Address lines of a ROM of `words` words, at least 1.
std::size_t address_bits(std::size_t words);

// module NAME (input [A-1:0] address, output [2*R*W-1:0] word). Weight i of a word (row by row) is
// in bits 2i+1 and 2i: 0 is 00, +1 is 01, -1 is 10. In the case form, what is read above the last
// word is don't-care; as minterms it is 0. `comment` goes on top, a "// " before each of its lines.
std::string rom_verilog(const Tile& tile, const std::string& module, RomForm form,
                        const std::string& comment);

// module NAME_testbench: reads every word, decodes it, compares it with the weights (written as
// "+", "-" and "0", so that nothing is shared with the ROM's text) and prints one line, "PASS: ..."
// or "FAIL: ...", after a line for each weight that differs.
std::string testbench_verilog(const Tile& tile, const std::string& module,
                              const std::string& comment);

}  // namespace tomestimate::rtl
