// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/synthesis.hpp>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>

#include <tomestimate/process/run.hpp>
#include <tomestimate/spec/diagnostic.hpp>

namespace tomestimate::rtl {
namespace {

namespace fs = std::filesystem;

// A tile of 65,536 weights takes minutes.
constexpr std::chrono::seconds usual_limit = std::chrono::hours(2);

// yosys failed, and the reason is in what it printed.
class YosysError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The first line of a log that says ERROR, or its last line.
std::string error_line(const std::string& log) {
  auto at = log.find("ERROR:");
  if (at == std::string::npos) {
    const auto last = log.find_last_not_of('\n');
    at = last == std::string::npos ? 0 : log.rfind('\n', last) + 1;
  }
  return log.substr(at, log.find('\n', at) - at);
}

}  // namespace

Synthesizer::Synthesizer(const Cells& cells, const std::string& file)
    : library_(cells.library), limit_(process::time_limit(usual_limit)) {
  const auto refuse = [&](std::string message, std::string hint = "") {
    throw spec::SpecError({{{file, 0, 0}, std::move(message), std::move(hint)}});
  };
  spec::write_file((folder_.path() / "cells.lib").string(), cells.liberty);
  const auto log = folder_.path() / "version.log";
  if (run_yosys({"-V"}, log) != 0) throw std::runtime_error("yosys -V failed");
  const auto line = spec::read_file(log.string());
  version_ = line.substr(0, line.find_first_of("(\n"));
  version_.resize(version_.find_last_not_of(' ') + 1);
  try {
    nand2_ = synthesize(
                 "module nand2 (input a, input b, output y);\n  assign y = ~(a & b);\n"
                 "endmodule\n",
                 "nand2", "nand2")
                 .area();
  } catch (const YosysError& e) {
    refuse(fmt::format("{} cannot map a NAND to this library: {}", version_, e.what()),
           "is it a Liberty file of standard cells?");
  }
  if (!(nand2_ > 0)) refuse("its cells have no area");
}

int Synthesizer::run_yosys(const std::vector<std::string>& arguments, const fs::path& log) const {
  std::vector<std::string> all{"yosys"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return process::run_program({all, "yosys", folder_.path(), "", log, log, limit_});
}

Netlist Synthesizer::synthesize(const std::string& verilog, const std::string& top,
                                const std::string& name) const {
  const auto file = [&](const char* extension) { return folder_.path() / (name + extension); };
  spec::write_file(file(".v").string(), verilog);
  const bool has_flip_flops = std::any_of(library_.cells.begin(), library_.cells.end(),
                                          [](const auto& entry) { return entry.second.flip_flop; });
  const auto script = fmt::format(
      "read_verilog {0}.v; synth -flatten -top {1}; {2}abc -liberty cells.lib; opt_clean; "
      "write_blif {0}.blif",
      name, top, has_flip_flops ? "dfflibmap -liberty cells.lib; " : "");
  const int code = run_yosys({"-p", script}, file(".log"));
  if (code != 0) throw YosysError(error_line(spec::read_file(file(".log").string(), 1u << 30)));
  const auto blif = spec::read_file(file(".blif").string(), 1u << 30);
  for (const auto* extension : {".v", ".log", ".blif"}) fs::remove(file(extension));
  return parse_blif(blif, library_);
}

}  // namespace tomestimate::rtl
