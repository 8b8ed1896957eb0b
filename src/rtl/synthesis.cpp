// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/synthesis.hpp>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>

#include <tomestimate/process/run.hpp>
#include <tomestimate/spec/diagnostic.hpp>

namespace tomestimate::rtl {
namespace {

namespace fs = std::filesystem;

constexpr const char* module = "rom";
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

double parse_area(std::string_view stat) {
  // "Chip area for module '\rom': 24.000000" is not there if the module has no cells.
  if (stat.find(fmt::format("=== {} ===", module)) == std::string_view::npos)
    throw std::runtime_error("yosys printed no statistics");
  if (stat.find("is unknown!") != std::string_view::npos)
    throw std::runtime_error("yosys left cells that have no area in the library");
  static constexpr std::string_view label = "Chip area for module '\\rom':";
  const auto at = stat.find(label);
  if (at == std::string_view::npos) return 0;
  const std::string text(stat.substr(at + label.size(), 64));
  char* end = nullptr;
  const double area = std::strtod(text.c_str(), &end);
  if (end == text.c_str()) throw std::runtime_error("yosys printed no number for the area");
  return area;
}

Synthesizer::Synthesizer(const std::string& liberty) : limit_(process::time_limit(usual_limit)) {
  std::error_code error;
  const auto refuse = [&](std::string message, std::string hint = "") {
    throw spec::SpecError({{{liberty, 0, 0}, std::move(message), std::move(hint)}});
  };
  if (!fs::exists(liberty, error))
    refuse("no such file", "a Liberty file (.lib) of standard cells");
  if (fs::is_directory(liberty, error)) refuse("is a directory");
  // A name of its own: no path of the user's has to be quoted in yosys's script.
  fs::create_symlink(fs::absolute(liberty), folder_.path() / "cells.lib");
  const auto log = folder_.path() / "version.log";
  if (run_yosys({"-V"}, log) != 0) throw std::runtime_error("yosys -V failed");
  const auto line = spec::read_file(log.string());
  version_ = line.substr(0, line.find_first_of("(\n"));
  version_.resize(version_.find_last_not_of(' ') + 1);
  try {
    const auto stat = synthesize(
        fmt::format("module {} (input a, input b, output y);\n  assign y = ~(a & b);\nendmodule\n",
                    module),
        "nand2");
    nand2_ = parse_area(stat);
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

std::string Synthesizer::synthesize(const std::string& verilog, const std::string& name) const {
  const auto file = [&](const char* extension) { return folder_.path() / (name + extension); };
  spec::write_file(file(".v").string(), verilog);
  const auto script = fmt::format(
      "read_verilog {0}.v; synth -flatten -top {1}; abc -liberty cells.lib; opt_clean; "
      "tee -o {0}.stat stat -liberty cells.lib",
      name, module);
  const int code = run_yosys({"-p", script}, file(".log"));
  if (code != 0) throw YosysError(error_line(spec::read_file(file(".log").string(), 1u << 30)));
  const auto stat = spec::read_file(file(".stat").string());
  for (const auto* extension : {".v", ".log", ".stat"}) fs::remove(file(extension));
  return stat;
}

double Synthesizer::area(const Tile& tile, RomForm form, const std::string& name) const try {
  return parse_area(synthesize(rom_verilog(tile, module, form, ""), name));
} catch (const std::runtime_error& e) {
  throw std::runtime_error(fmt::format("synthesis of {} words of {} weights: {}", tile.shape.words,
                                       tile.shape.word_weights(), e.what()));
}

}  // namespace tomestimate::rtl
