// SPDX-License-Identifier: Apache-2.0
// Synthesis of tiles with yosys and a Liberty library: their standard-cell area.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <tomestimate/rtl/verilog.hpp>
#include <tomestimate/spec/file.hpp>

namespace tomestimate::rtl {

// The area in what `stat -liberty` of yosys printed for one flat module, in the library's unit of
// area; 0 for a module without cells. Throws std::runtime_error if there is none, or a cell has
// none.
double parse_area(std::string_view stat);

// yosys with one library, run without a shell in a temporary folder. Areas are in um^2, which is
// taken to be the library's unit (Liberty does not say).
class Synthesizer {
 public:
  // Maps a NAND to see that the library is one. Throws spec::SpecError if it cannot be used, and
  // std::runtime_error if there is no yosys.
  explicit Synthesizer(const std::string& liberty);

  const std::string& version() const { return version_; }  // "Yosys 0.23"
  double nand2_area() const { return nand2_; }             // smallest NAND of two inputs

  // Cell area of a tile's ROM. May run on several threads, each with a `name` of its own. Throws
  // std::runtime_error if yosys fails.
  double area(const Tile& tile, RomForm form, const std::string& name) const;

 private:
  int run_yosys(const std::vector<std::string>& arguments, const std::filesystem::path& log) const;
  std::string synthesize(const std::string& verilog, const std::string& name) const;

  std::chrono::seconds limit_;  // of each run of yosys
  spec::TemporaryFolder folder_;
  std::string version_;
  double nand2_ = 0;
};

}  // namespace tomestimate::rtl
