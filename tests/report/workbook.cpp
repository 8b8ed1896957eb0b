// SPDX-License-Identifier: Apache-2.0
// The workbook in LibreOffice: a person changes inputs, and every named cell must be what the
// engine says of a design with those inputs.
#include <tomestimate/report/reports.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/study/equations.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "../study/studies.hpp"
#include "catch.hpp"
#include "folder.hpp"

using namespace tomestimate;
using Values = std::map<std::string, double>;  // by input name, in display units

namespace {

void set(study::Specs& specs, const std::string& path, const std::string& text) {
  spec::override_value(specs.hardware, specs.model, path, text, {path, 1, 1});
}

// The design that a person makes of `specs` by typing `values` into the workbook.
study::Specs changed(study::Specs specs, const Values& values) {
  for (const auto& [name, value] : values) {
    const auto unit = study::find_parameter(specs, name, {}).unit;
    set(specs, name, unit.empty() ? fmt::format("{}", value) : fmt::format("{} {}", value, unit));
  }
  return specs;
}

struct Job {
  study::Specs specs;
  Values typed;
};

// What every named cell shows after typing, for each job.
std::vector<nlohmann::json> recalculated(const std::vector<Job>& jobs) {
  const Folder folder;
  nlohmann::json list = nlohmann::json::array();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto file = folder.file(fmt::format("{}.xlsx", i));
    spec::write_file(file, report::workbook(jobs[i].specs));
    list.push_back({{"workbook", file}, {"set", jobs[i].typed}});
  }
  spec::write_file(folder.file("jobs.json"), list.dump());
  const auto command = fmt::format("'{}/report/recalculate.py' '{}' '{}'", TOMESTIMATE_TESTS,
                                   folder.file("jobs.json"), folder.file("results.json"));
  REQUIRE(std::system(command.c_str()) == 0);
  std::ifstream in(folder.file("results.json"));
  return nlohmann::json::parse(in).get<std::vector<nlohmann::json>>();
}

// Every name of the engine's equations within 1e-9; returns how many differ from `before`.
std::size_t check_equal(const nlohmann::json& shown, const study::Specs& now,
                        const study::Specs& before) {
  const study::Equations expected(now), old(before);
  REQUIRE(expected.names().size() == old.names().size());
  std::size_t moved = 0;
  for (std::size_t i = 0; i < expected.names().size(); ++i) {
    const auto& n = expected.names()[i];
    INFO(n.name);
    REQUIRE(n.name == old.names()[i].name);
    REQUIRE(shown.contains(n.name));
    REQUIRE(shown[n.name].is_number());
    const double cell = shown[n.name].get<double>();
    CHECK(std::abs(cell - n.value) <= 1e-9 * std::abs(n.value));
    if (n.value != old.names()[i].value) ++moved;
  }
  return moved;
}

}  // namespace

TEST_CASE("a workbook recalculates to what the engine says") {
  const auto tom = shipped("tom.toml", "bitnet-2b.toml");
  const auto roma = shipped("roma.toml", "llama-3.2-3b-int4.toml");
  auto even = tom;  // one zero share
  set(even, "weights.zero_share", "0.3");
  auto uneven = tom;  // every layer its own zero share, gating by matrix, LM head on the chip
  set(uneven, "model.layers", "40");
  std::string shares;
  for (int l = 0; l < 40; ++l) shares += fmt::format("{}{}", l == 0 ? "[" : ", ", 0.30 + 0.002 * l);
  set(uneven, "weights.zero_share", shares + "]");
  set(uneven, "gating.domain", "matrix");
  set(uneven, "gating.prewake", "false");
  set(uneven, "map.head", "rom");
  set(uneven, "sram.capacity", "64 MiB");

  const std::vector<Job> jobs{
      {tom, {}},
      {even,
       {{"chip.clock", 812.5},
        {"base.lanes", 32},
        {"base.width_attention", 64},
        {"tech.rom_area", 0.031},
        {"weights.zero_share", 0.41},
        {"base.sram_width", 96},
        {"gating.wake_latency", 17000},  // longer than a layer: wakes are exposed
        {"host.latency", 7.5},
        {"workload.context", 300}}},
      {tom,
       {{"model.hidden", 2048},
        {"model.heads", 16},
        {"model.kv_heads", 4},
        {"model.intermediate", 5555},
        {"workload.batch", 3},
        {"workload.context", 129},
        {"workload.prompt", 77},
        {"adapter.rank", 0},
        {"base.input_words", 2},
        {"vector.width", 100}}},
      {roma, {{"side.lanes", 24}, {"sram.capacity", 250}, {"workload.prompt", 33}}},
      {uneven, {{"chip.clock", 700}, {"chip.voltage", 0.75}}},
      {tom, {{"chip.clock", 3000}}},
      {tom, {{"workload.context", 4096}}},
      {tom, {{"base.lanes", 1.5}}},
  };
  const auto shown = recalculated(jobs);
  REQUIRE(shown.size() == jobs.size());
  for (std::size_t i = 0; i < 5; ++i) {
    INFO("job " << i);
    const auto moved = check_equal(shown[i], changed(jobs[i].specs, jobs[i].typed), jobs[i].specs);
    CHECK((moved > 100) == (i > 0));
    CHECK(shown[i]["state"] == "ok: a design");
  }
  // 3 GHz are too fast for the voltage; 4096 positions do not fit; 1.5 lanes are no lanes.
  CHECK(shown[5]["state"] == "NO DESIGN: a rule is broken, see Rules");
  CHECK(shown[6]["state"] == "NO DESIGN: a rule is broken, see Rules");
  CHECK(shown[7]["state"] == "NO DESIGN: a number is out of range, see Inputs");
}

TEST_CASE("formulas are what Excel's files take") {
  const Folder folder;
  spec::write_file(folder.file("w.xlsx"), report::workbook(shipped("tom.toml", "bitnet-2b.toml")));
  const std::string dump =
      "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); "
      "open(sys.argv[2], 'wb').write(b''.join(z.read(n) for n in z.namelist() if '/sheet' in n))";
  REQUIRE(std::system(fmt::format("/usr/bin/python3 -c \"{}\" '{}' '{}'", dump,
                                  folder.file("w.xlsx"), folder.file("sheets"))
                          .c_str()) == 0);
  std::ifstream in(folder.file("sheets"));
  const std::string xml(std::istreambuf_iterator<char>(in), {});
  const std::regex small_exponent("[0-9]e[-+0-9]"), function("([A-Z.a-z]+)\\(");
  const std::set<std::string> known{"MAX", "MIN", "INT", "LOG", "IF", "AND", "COUNTIF", "SUM"};
  std::size_t formulas = 0;
  for (std::size_t at = xml.find("<f>"); at != std::string::npos; at = xml.find("<f>", at)) {
    const auto text = xml.substr(at + 3, xml.find("</f>", at) - at - 3);
    at += 3;
    ++formulas;
    INFO(text);
    CHECK(text.size() <= 8192);
    CHECK_FALSE(std::regex_search(text, small_exponent));
    for (std::sregex_iterator f(text.begin(), text.end(), function), end; f != end; ++f)
      CHECK(known.contains(f->str(1)));
  }
  CHECK(formulas > 2000);
}

TEST_CASE("a workbook is made of its design alone") {
  const auto tom = shipped("tom.toml", "bitnet-2b.toml");
  CHECK(report::workbook(tom) == report::workbook(tom));
  auto faster = tom;
  set(faster, "chip.clock", "600 MHz");
  CHECK(report::workbook(tom) != report::workbook(faster));
}

TEST_CASE("names of cells differ in more than case") {
  const study::Equations all(shipped("tom.toml", "bitnet-2b.toml"));
  std::set<std::string> names;
  for (const auto& n : all.names()) {
    auto lower = n.name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    INFO(n.name);
    CHECK(names.insert(lower).second);
  }
}
