// SPDX-License-Identifier: Apache-2.0
// Synthesis with yosys: Verilog to gates of a library.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <tomestimate/rtl/cells.hpp>
#include <tomestimate/rtl/netlist.hpp>
#include <tomestimate/spec/file.hpp>

namespace tomestimate::rtl {

// yosys with one library, run without a shell in a temporary folder.
class Synthesizer {
 public:
  // Maps a NAND to see that the library is one; `file` is where it is from, for messages. Throws
  // spec::SpecError if it cannot be used, and std::runtime_error if there is no yosys. `cells` has
  // to outlive this and its netlists.
  Synthesizer(const Cells& cells, const std::string& file);

  const std::string& version() const { return version_; }  // "Yosys 0.23"
  double nand2_area() const { return nand2_; }             // um^2, smallest NAND of two inputs

  // The gates of module `top`, flat. May run on several threads, each with a `name` of its own.
  // Throws std::runtime_error if yosys fails.
  Netlist synthesize(const std::string& verilog, const std::string& top,
                     const std::string& name) const;

 private:
  int run_yosys(const std::vector<std::string>& arguments, const std::filesystem::path& log) const;

  spec::TemporaryFolder folder_;
  const CellLibrary& library_;
  std::chrono::seconds limit_;  // of each run of yosys
  std::string version_;
  double nand2_ = 0;
};

}  // namespace tomestimate::rtl
