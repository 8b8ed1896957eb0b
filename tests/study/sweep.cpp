// SPDX-License-Identifier: Apache-2.0
// Studies from file to rows: axes, filters, order, shards, resuming, fronts, goal seek, ranges.
#include <tomestimate/study/sensitivity.hpp>
#include <tomestimate/study/solve.hpp>
#include <tomestimate/study/sweep.hpp>
#include <tomestimate/study/uncertainty.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "catch.hpp"
#include "studies.hpp"

using namespace tomestimate;
namespace fs = std::filesystem;

namespace {

const std::string specs_folder = TOMESTIMATE_SPECS;

std::string swept(const study::Study& st, const Folder& folder, study::SweepOptions options = {}) {
  options.output = folder.file("out.csv");
  CHECK(study::sweep(st, options).complete);
  CHECK_FALSE(fs::exists(options.output + ".part"));
  CHECK_FALSE(fs::exists(options.output + ".state"));
  return read(options.output);
}

std::string error_of(const std::string& path) {
  try {
    study::load_study(path);
  } catch (const spec::SpecError& e) {
    return e.what();
  }
  return "";
}

const std::string clock_axis =
    "[[vary]]\npath = \"chip.clock\"\nrange = { from = \"400 MHz\", to = \"1 GHz\", points = 301 "
    "}\n";
const std::string lanes_axis = "[[vary]]\npath = \"base.lanes\"\nvalues = [16, 24, 32, 64]\n";

}  // namespace

TEST_CASE("axes: lists, steps, points, ratios, zips") {
  const Folder folder;
  const auto st = study::load_study(study_file(folder, "columns = [\"area\"]", R"(
[[vary]]
path = "chip.clock"
range = { from = "400 MHz", to = "1 GHz", step = "200 MHz" }
[[vary]]
path = "lanes.count"
log = { from = 16, to = 64, points = 3 }
[[vary]]
zip = [{ path = "gating.prewake", values = [true, false] }, { path = "sram.capacity", values = ["40 MiB", "64 MB"] }]
)"));
  REQUIRE(st.axes.size() == 3);
  const auto texts = [&](std::size_t axis) {
    std::vector<std::string> out;
    const auto& v = st.axes[axis].members[0];
    for (std::uint64_t i = 0; i < v.size(); ++i) out.push_back(v.text(i));
    return out;
  };
  CHECK(texts(0) == std::vector<std::string>{"400 MHz", "600 MHz", "800 MHz", "1000 MHz"});
  CHECK(texts(1) == std::vector<std::string>{"16", "32", "64"});  // 16, 16 x 2, 16 x 4
  const auto rows = lines(swept(st, folder));
  REQUIRE(rows.size() == 1 + 4 * 3 * 2);
  CHECK(rows[0] ==
        "chip.clock [MHz],base.lanes,gating.prewake,sram.capacity [MiB],area [mm^2],status");
  CHECK(has(rows[1], "400,16,true,40,"));
  CHECK(has(rows[2], "400,16,false,61.03515625,"));
  CHECK(has(rows[24], "1000,64,false,61.03515625,"));
}

TEST_CASE("same bytes on any number of threads, any instruction set, with and without order") {
  const Folder folder;
  for (const std::string keys :
       {"columns = [\"throughput\", \"power\"]",
        "columns = [\"throughput\", \"power\"]\norder = \"power asc\"\nlimit = 37",
        "columns = [\"throughput\", \"power\"]\nwhere = \"power < 6[W]\"\nlimit = 100"}) {
    const auto st = study::load_study(study_file(
        folder, keys,
        clock_axis + lanes_axis +
            "[[vary]]\npath = \"base.tree_values\"\nrange = { from = 1, to = 16, step = 1 }\n"));
    study::SweepOptions options;
    options.isa = study::Isa::baseline;
    const auto one = swept(st, folder, options);
    CHECK(lines(one).size() > 30);
    options.threads = 5;
    options.isa = study::best_isa();
    CHECK(swept(st, folder, options) == one);

    // Shards and merge.
    std::vector<std::string> shards;
    options.threads = 2;
    for (std::uint64_t i = 3; i >= 1; --i) {
      options.shard = {i, 3};
      options.output = folder.file("shard" + std::to_string(i));
      study::sweep(st, options);
      shards.push_back(options.output);
    }
    study::merge(shards, folder.file("merged.csv"));
    CHECK(read(folder.file("merged.csv")) == one);
    shards.pop_back();
    CHECK_THROWS_WITH(study::merge(shards, folder.file("x.csv")), "shard 1 of 3 is missing");
    shards.push_back(shards[0]);
    CHECK_THROWS(study::merge(shards, folder.file("x.csv")));
    CHECK_FALSE(fs::exists(folder.file("x.csv")));
  }
}

TEST_CASE("points that are no design keep their row with empty numbers, and are counted") {
  const Folder folder;
  const auto st = study::load_study(study_file(folder, "columns = [\"area\"]",
                                               "[[vary]]\npath = \"chip.clock\"\nvalues = [\"400 "
                                               "MHz\", \"3 GHz\", \"500 MHz\", \"1 GHz\"]\n"));
  study::SweepOptions options;
  options.output = folder.file("out.csv");
  const auto result = study::sweep(st, options);
  const auto rows = lines(read(options.output));
  const std::string reason = "the clock is above what the technology allows at this voltage";
  REQUIRE(rows.size() == 5);
  CHECK(rows[2] == "3000,," + reason);
  CHECK(has(rows[1], ",ok"));
  CHECK(result.rows == 4);
  CHECK(result.no_design.at(reason) == 1);
}

TEST_CASE("a stopped sweep goes on without a lost or doubled row") {
  const Folder folder;
  const auto st = study::load_study(study_file(
      folder, "columns = [\"throughput\"]\nwhere = \"throughput > 2900[token/s]\"",
      clock_axis +
          "[[vary]]\npath = \"base.tree_values\"\nrange = { from = 1, to = 200, step = 1 }\n"));
  const auto whole = swept(st, folder);
  fs::remove(folder.file("out.csv"));
  std::atomic<bool> stop{false};
  study::SweepOptions options;
  options.output = folder.file("out.csv");
  options.threads = 3;
  options.stop = &stop;
  int stops = 0;
  for (;; ++stops) {
    stop = false;
    options.resume = stops > 0;
    options.progress = [&stop](std::uint64_t, std::uint64_t) { stop = true; };
    const auto result = study::sweep(st, options);
    if (result.complete) break;
    CHECK_FALSE(fs::exists(options.output));
    // What a killed process may leave behind the last checkpoint.
    std::ofstream(options.output + ".part", std::ios::app) << "half a ro";
  }
  CHECK(stops > 2);
  CHECK(read(options.output) == whole);
  options.resume = true;
  CHECK_THROWS(study::sweep(st, options));  // nothing to resume
}

TEST_CASE("a fresh start forgets an older state, and a lost .part is noticed") {
  const Folder folder;
  const auto st = study::load_study(study_file(folder, "columns = [\"throughput\"]", clock_axis));
  std::atomic<bool> stop{true};
  study::SweepOptions options;
  options.output = folder.file("out.csv");
  options.stop = &stop;
  CHECK_FALSE(study::sweep(st, options).complete);
  REQUIRE(fs::exists(options.output + ".state"));
  fs::resize_file(options.output + ".part", 3);
  options.resume = true;
  CHECK(has(failure([&] { study::sweep(st, options); }), "is shorter than it was: rows are lost"));
  stop = false;
  options.resume = false;
  CHECK(study::sweep(st, options).complete);
  CHECK_FALSE(fs::exists(options.output + ".state"));
}

TEST_CASE("resuming another study is refused") {
  const Folder folder;
  const auto path = study_file(folder, "columns = [\"throughput\"]", clock_axis);
  auto st = study::load_study(path);
  std::atomic<bool> stop{true};
  study::SweepOptions options;
  options.output = folder.file("out.csv");
  options.stop = &stop;
  CHECK_FALSE(study::sweep(st, options).complete);
  st.fingerprint += 1;
  options.resume = true;
  CHECK_THROWS(study::sweep(st, options));
}

TEST_CASE("bad studies say where and what") {
  const Folder folder;
  const auto error = [&](const std::string& keys, const std::string& axes = clock_axis) {
    return error_of(study_file(folder, keys, axes));
  };
  const std::string good = "columns = [\"area\"]";
  CHECK(error(good) == "");
  CHECK(has(error("columns = [\"throughputt\"]"),
            "study.toml:5:12: error: no metric \"throughputt\" (did you mean \"throughput\"?)"));
  CHECK(has(error("colums = [\"area\"]"), "did you mean \"columns\"?"));
  CHECK(has(error(good + "\nwhere = \"area + 1\""), "can't add an area"));
  CHECK(has(error(good + "\nwhere = \"area\""), "a condition compares"));
  CHECK(has(error(good + "\norder = \"power desc\""), "is not one of the columns"));
  CHECK(has(error(good + "\nlimit = 0"), "limit"));
  CHECK(has(error("columns = [{ name = \"x\", formula = \"area * power\", unit = \"W\" }]"),
            "not a power"));
  CHECK(has(error("columns = [\"area\", \"area\"]"), "two columns"));
  CHECK(has(error(good, "[[vary]]\npath = \"base.lanse\"\nvalues = [1]\n"),
            "did you mean \"base.lanes\"?"));
  CHECK(has(error(good, "[[vary]]\npath = \"chip.clock\"\nvalues = [\"500 MB\"]\n"),
            "expected a frequency"));
  CHECK(
      has(error(good, "[[vary]]\npath = \"chip.clock\"\nvalues = [\"0 MHz\"]\n"), "out of range"));
  CHECK(has(error(good, clock_axis + clock_axis), "varies twice"));
  CHECK(has(error(good, "[[vary]]\npath = \"rom.law\"\nrange = { from = 1, to = 2, points = 3 }\n"),
            "list its values"));
  CHECK(has(error(good,
                  "[[vary]]\nzip = [{ path = \"base.rows\", values = [1, 2] }, { path = "
                  "\"base.width\", values = [1] }]\n"),
            "differ in number"));
  CHECK(has(error(good, ""), "expected [[vary]]"));
  CHECK(has(error_of(folder.file("none.toml")), "no such file"));
}

TEST_CASE("every error of a study is told, in its order") {
  const Folder folder;
  const auto file = study_file(folder,
                               "columns = [\"powr\", \"area\", \"aera\"]\n"
                               "set = { \"base.lnaes\" = 1, \"chip.clock\" = 3 }",
                               "[[vary]]\npath = \"base.rows\"\nvalues = [0]\n"
                               "[[vary]]\npath = \"dram.energy\"\nvalues = [\"1 pJ/bit\"]\n");
  try {
    study::load_study(file);
    FAIL("is good");
  } catch (const spec::SpecError& e) {
    const auto& all = e.diagnostics();
    REQUIRE(all.size() == 6);
    CHECK(has(all[0].message, "no metric \"powr\""));
    CHECK(has(all[1].message, "no metric \"aera\""));
    CHECK(has(all[2].message, "no spec value \"base.lnaes\""));
    CHECK(has(all[3].message, "expected a frequency"));
    CHECK(has(all[4].message, "out of range"));
    CHECK(has(all[5].message, "dram.energy is set, but [dram] is not whole"));
    CHECK(has(e.what(), "and 5 more: tomestimate check"));
  }
}

TEST_CASE("what is not finite says so, and takes no part in where, order and fronts") {
  const Folder folder;
  // log2(1 - lanes) is no number, 1 / (lanes - 32) none at 32.
  const std::string columns =
      "columns = [\"area\", { name = \"pole\", formula = \"1 / (lanes.count - 32)\" }]\n";
  const std::string axis = "[[vary]]\npath = \"lanes.count\"\nvalues = [64, 32, 16]\n";
  const auto rows_of = [&](const std::string& keys) {
    return lines(swept(study::load_study(study_file(folder, columns + keys, axis)), folder));
  };
  const auto plain = rows_of("");
  REQUIRE(plain.size() == 4);
  CHECK(plain[2] == "32,,,1 / (lanes.count - 32) is not finite");
  CHECK(has(plain[1], ",0.03125,ok"));
  CHECK(has(plain[3], ",-0.0625,ok"));
  const auto starts = [](const std::vector<std::string>& rows) {
    std::string out;
    for (std::size_t i = 1; i < rows.size(); ++i) out += rows[i].substr(0, 3);
    return out;
  };
  CHECK(starts(rows_of("order = \"pole asc\"")) == "16,64,");
  CHECK(starts(rows_of("order = \"pole desc\"")) == "64,16,");
  CHECK(starts(rows_of("where = \"1 / (lanes.count - 32) < 9\"")) == "64,16,");
}

TEST_CASE("a condition that is no number is not true") {
  const Folder folder;
  for (const std::string where :
       {"0 / (lanes.count - 32)", "not (0 / (lanes.count - 32) < 1)", "0 / (lanes.count - 32) != 3",
        "1 < 2 or 0 / (lanes.count - 32) < 1", "max(1, 1 / (lanes.count - 32)) > 0",
        "0 / (lanes.count - 32) < 1 or 1 < 2", "min(1 / (lanes.count - 32), 1) > 0"}) {
    const auto st =
        study::load_study(study_file(folder, "columns = [\"area\"]\nwhere = \"" + where + "\"",
                                     "[[vary]]\npath = \"lanes.count\"\nvalues = [32]\n"));
    study::SweepOptions options;
    options.output = folder.file("out.csv");
    const auto result = study::sweep(st, options);
    INFO(where);
    CHECK(result.rows == 0);
    CHECK(result.no_design.at(where + " is not finite") == 1);
  }
}

TEST_CASE("axis values echo what was given") {
  const Folder folder;
  const auto st = study::load_study(study_file(folder, "columns = [\"area\"]", R"(
[[vary]]
path = "weights.zero_share"
range = { from = 0.1, to = 0.5, step = 0.1 }
[[vary]]
path = "chip.clock"
values = ["0.5123 GHz", "512.3000000000001 MHz"]
)"));
  const auto rows = lines(swept(st, folder));
  REQUIRE(rows.size() == 11);
  CHECK(rows[1].starts_with("0.1,512.3,"));
  CHECK(rows[2].starts_with("0.1,512.3000000000001,"));
  CHECK(rows[3].starts_with("0.2,"));
  CHECK(rows[5].starts_with("0.3,"));
  CHECK(rows[7].starts_with("0.4,"));
  CHECK(rows[9].starts_with("0.5,"));
  // A per-layer list, which the axis makes one value all over, is that value, not a mean of it.
  const auto listed =
      lines(swept(study::load_study(
                      study_file(folder, "columns = [\"area\"]",
                                 "[[vary]]\npath = \"weights.zero_share\"\nvalues = [0.1, 0.3]\n")),
                  folder));
  CHECK(listed[1].starts_with("0.1,"));
  CHECK(listed[2].starts_with("0.3,"));
  // And a design set to them has the same numbers.
  auto own = shipped();
  spec::override_value(own.hardware, own.model, "weights.zero_share", "0.3", {});
  spec::override_value(own.hardware, own.model, "chip.clock", "512.3 MHz", {});
  CHECK(std::stod(rows[5].substr(10)) == study::metric_value(own, "area") / 1e-6);
}

TEST_CASE("ten million points on an axis are there at once") {
  const Folder folder;
  const auto st = study::load_study(
      study_file(folder, "columns = [\"throughput\"]",
                 "[[vary]]\npath = \"chip.clock\"\nrange = { from = \"400 MHz\", to = \"1 GHz\", "
                 "points = 10000000 }\n"));
  CHECK(std::holds_alternative<study::Range>(st.axes[0].members[0].values));
  const study::Space space(st.specs, st.axes, st.formulas());
  CHECK(space.points() == 10000000);
  study::Space::Worker worker(space);
  study::Space::Chunk chunk;
  worker.evaluate(9999990, 10, chunk);
  auto own = shipped();
  spec::override_value(own.hardware, own.model, "chip.clock", "1 GHz", {});
  CHECK(chunk.values[0][9] == study::metric_value(own, "throughput"));
}

TEST_CASE("a study that was told to stop while it is being recorded stops") {
  const Folder folder;
  std::string layers;
  for (int i = 1; i <= 1024; ++i) layers += (i > 1 ? ", " : "") + std::to_string(i);
  const auto st = study::load_study(
      study_file(folder, "columns = [\"area\"]",
                 "[[vary]]\npath = \"model.layers\"\nvalues = [" + layers + "]\n"));
  const std::atomic<bool> stop{true};
  study::SweepOptions options;
  options.output = folder.file("out.csv");
  options.stop = &stop;
  const auto result = study::sweep(st, options);
  CHECK_FALSE(result.complete);
  CHECK_FALSE(result.resumable);
  CHECK(folder.files() == 1);  // the study
}

TEST_CASE("keys of too many parts and files that are too long are refused before the parser") {
  const Folder folder;
  const auto path = study_file(
      folder,
      "columns = [\"area\"]\na" +
          [] {
            std::string dots;
            for (int i = 0; i < 200000; ++i) dots += ".a";
            return dots;
          }() +
          " = 1",
      clock_axis);
  CHECK(has(error_of(path), "study.toml:6:66: error: key of too many parts"));
  write(path, std::string(60 << 20, '#'));
  CHECK(has(error_of(path), "is larger than 1 MiB"));
}

TEST_CASE("the Pareto front is what comparing every pair leaves") {
  const Folder folder;
  const auto st = study::load_study(
      study_file(folder,
                 "columns = [\"throughput\", \"area\", \"power\"]\n"
                 "objectives = [\"max throughput\", \"min area\", \"min power\"]",
                 "[[vary]]\npath = \"chip.clock\"\nrange = { from = \"400 MHz\", to = \"1 GHz\", "
                 "points = 9 }\n"
                 "[[vary]]\npath = \"base.rows\"\nvalues = [8, 16, 32, 64]\n"
                 "[[vary]]\npath = \"gating.mode\"\nvalues = [\"switches\", \"none\"]\n"
                 "[[vary]]\npath = \"host.bandwidth\"\nvalues = [\"1 GB/s\", \"64 GB/s\"]\n"));
  study::SweepResult result;
  const auto front = study::pareto(st, {st.specs, st.axes, st.formulas()}, 3, result);
  const study::Space space(st.specs, st.axes, st.formulas());
  study::Space::Worker worker(space);
  study::Space::Chunk c;
  worker.evaluate(0, space.points(), c);
  std::vector<std::uint64_t> expected;
  for (std::uint64_t i = 0; i < space.points(); ++i) {
    bool beaten = false;
    for (std::uint64_t j = 0; j < space.points() && !beaten; ++j) {
      const bool no_worse = c.values[0][j] >= c.values[0][i] && c.values[1][j] <= c.values[1][i] &&
                            c.values[2][j] <= c.values[2][i];
      const bool equal = c.values[0][j] == c.values[0][i] && c.values[1][j] == c.values[1][i] &&
                         c.values[2][j] == c.values[2][i];
      beaten = (no_worse && !equal) || (equal && j < i);
    }
    if (!beaten) expected.push_back(i);
  }
  std::vector<std::uint64_t> got;
  for (const auto& f : front) got.push_back(f.point);
  CHECK(got == expected);
  CHECK(got.size() > 3);
  CHECK(got.size() < space.points());
}

TEST_CASE("goal seek finds the crossing, or says there is none") {
  const auto specs = shipped();
  const auto target = study::parse_target("throughput = 3306 token/s");
  const auto solved = study::solve(specs, "chip.clock", 1e6, 2.4e9, target);
  REQUIRE(solved.solutions.size() == 1);
  CHECK(solved.solutions[0].metric == Approx(3306).epsilon(1e-12));
  // Put back, the engine agrees.
  auto at = specs;
  at.hardware.values.chip.clock =
      units::Frequency<double>::from_value(solved.solutions[0].parameter);
  CHECK(study::metric_value(at, "throughput") == solved.solutions[0].metric);

  const auto none =
      study::solve(specs, "chip.clock", 4e8, 1e9, study::parse_target("throughput>=1e6"));
  CHECK(none.solutions.empty());
  CHECK(none.highest < 1e6);
  // The least whole number of lanes that reaches 5000 token/s.
  const auto lanes =
      study::solve(specs, "pe.lanes", 1, 4096, study::parse_target("throughput>=5000 token/s"));
  REQUIRE(!lanes.solutions.empty());
  CHECK(lanes.solutions[0].metric >= 5000);
  auto fewer = specs;
  fewer.hardware.values.base.lanes = lanes.solutions[0].parameter - 1;
  CHECK(study::metric_value(fewer, "throughput") < 5000);
  CHECK_THROWS_AS(study::parse_target("throughput"), spec::SpecError);
  CHECK_THROWS_AS(study::parse_target("thruput=3"), spec::SpecError);
  CHECK_THROWS_AS(study::parse_target("throughput=3 W"), spec::SpecError);
  CHECK_THROWS_AS(study::solve(specs, "rom.law", 0, 1, target), spec::SpecError);
}

TEST_CASE("uncertainty: known distributions, seeds, and no draw outside a range") {
  auto specs = shipped();
  for (auto* list : {&specs.hardware.sourced, &specs.model.sourced})
    for (auto& s : *list) s.range.reset();
  CHECK_THROWS_AS(study::uncertainty(specs, {"area"}, {}), spec::SpecError);
  // Only the area of a vector lane, uniform in [100, 250] um^2: the area is linear in it, so its
  // mean is the area at 175 um^2 and its 5 % and 95 % quantiles are those at 107.5 and 242.5 um^2.
  for (auto& s : specs.hardware.sourced)
    if (s.path == "tech.vector_area") s.range = {100e-12, 250e-12};
  study::UncertaintyOptions options;
  options.spread = study::Spread::uniform;
  const auto u = study::uncertainty(specs, {"area", "throughput"}, options);
  REQUIRE(u.parameters.size() == 1);
  CHECK(u.used == options.samples);
  const auto area_at = [&](double um2) {
    auto at = specs;
    at.hardware.values.tech.vector.area = units::Area<double>::from_value(um2 * 1e-12);
    return study::metric_value(at, "area");
  };
  CHECK(u.metrics[0].mean == Approx(area_at(175)).epsilon(1e-4));
  CHECK(u.metrics[0].quantiles[0] == Approx(area_at(107.5)).epsilon(1e-4));
  CHECK(u.metrics[0].quantiles[4] == Approx(area_at(242.5)).epsilon(1e-4));
  CHECK(u.metrics[0].rank_correlation[0] == Approx(1));
  CHECK(u.metrics[1].deviation == Approx(0).margin(1e-9));
  CHECK(u.metrics[1].share[0] == 0);
  const auto again = study::uncertainty(specs, {"area", "throughput"}, options);
  CHECK(again.metrics[0].mean == u.metrics[0].mean);
  options.seed = 2;
  options.sampling = study::Sampling::monte_carlo;
  const auto other = study::uncertainty(specs, {"area"}, options);
  CHECK(other.metrics[0].mean != u.metrics[0].mean);
  CHECK(other.metrics[0].mean == Approx(area_at(175)).epsilon(0.01));
}

TEST_CASE("uncertainty: unknowns are drawn, choices stay unless asked for") {
  const auto specs = shipped();
  study::UncertaintyOptions options;
  options.samples = 200;
  const auto has_path = [](const auto& list, const std::string& path) {
    return std::any_of(list.begin(), list.end(),
                       [&path](const auto& r) { return r.parameter.path == path; });
  };
  const auto u = study::uncertainty(specs, {"power"}, options);
  for (const std::string choice : {"base.width", "vector.width", "chip.voltage", "adapter.rank"}) {
    CHECK(has_path(u.fixed, choice));
    CHECK(!has_path(u.parameters, choice));
  }
  for (const std::string unknown : {"tech.sram_energy", "chip.temperature", "host.latency"})
    CHECK(has_path(u.parameters, unknown));
  options.choices = true;
  const auto all = study::uncertainty(specs, {"power"}, options);
  CHECK(all.fixed.empty());
  CHECK(all.parameters.size() == u.parameters.size() + u.fixed.size());
}

// Two values that the area is linear in, uniform: it moves by a and b over their ranges.
TEST_CASE("uncertainty: first-order shares of a sum are squares of its parts over their sum") {
  auto specs = shipped();
  for (auto* list : {&specs.hardware.sourced, &specs.model.sourced})
    for (auto& s : *list) s.range.reset();
  for (auto& s : specs.hardware.sourced) {
    if (s.path == "tech.vector_area") s.range = {2000e-12, 12000e-12};
    if (s.path == "chip.control_area") s.range = {0.4e-6, 3.4e-6};
  }
  const auto area_at = [&](double vector, double control) {
    auto at = specs;
    at.hardware.values.tech.vector.area = units::Area<double>::from_value(vector);
    at.hardware.values.chip.control_area = units::Area<double>::from_value(control);
    return study::metric_value(at, "area");
  };
  const double low = area_at(2000e-12, 0.4e-6);
  const double a = area_at(12000e-12, 0.4e-6) - low, b = area_at(2000e-12, 3.4e-6) - low;
  REQUIRE(area_at(12000e-12, 3.4e-6) == Approx(low + a + b));
  study::UncertaintyOptions options;
  options.spread = study::Spread::uniform;
  const auto u = study::uncertainty(specs, {"area"}, options);
  REQUIRE(u.parameters.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const double part = u.parameters[i].parameter.path == "tech.vector_area" ? a : b;
    CHECK(u.metrics[0].share[i] == Approx(part * part / (a * a + b * b)).margin(0.02));
  }
  CHECK(u.effective == 10000);
}

TEST_CASE("uncertainty: ranges over a decade are drawn by ratio, and one-sided ones are named") {
  auto specs = shipped();
  for (auto* list : {&specs.hardware.sourced, &specs.model.sourced})
    for (auto& s : *list) s.range.reset();
  const auto range = [&](const std::string& path, double low, double high) {
    for (auto& s : specs.hardware.sourced)
      if (s.path == path) s.range = {low, high};
  };
  const auto area_at = [&](double control) {
    auto at = specs;
    at.hardware.values.chip.control_area = units::Area<double>::from_value(control);
    return study::metric_value(at, "area");
  };
  study::UncertaintyOptions options;
  options.spread = study::Spread::uniform;
  const auto median = [&](double low, double high) {
    range("chip.control_area", low, high);
    return study::uncertainty(specs, {"area"}, options).metrics[0].quantiles[2];
  };
  CHECK(median(0.1e-6, 10e-6) == Approx(area_at(1e-6)).epsilon(1e-4));  // sqrt(0.1 x 10)
  CHECK(median(1e-6, 9e-6) == Approx(area_at(5e-6)).epsilon(1e-4));     // (1 + 9)/2

  // The spec has 0.3 mm^2 of control, and 500 MHz whatever moves the area.
  range("chip.control_area", 0.3e-6, 2e-6);
  range("chip.clock", 400e6, 600e6);
  options.choices = true;
  auto m = study::uncertainty(specs, {"area", "throughput"}, options).metrics;
  REQUIRE(m[0].one_sided.size() == 1);
  CHECK(m[0].here < m[0].quantiles.front());
  CHECK(m[0].one_sided[0].share == 1);
  CHECK(m[0].one_sided[0].median == Approx(area_at(1.15e-6)).epsilon(1e-3));
  CHECK(m[1].one_sided.empty());  // in the middle of its band
  options.given = {{"area", "area", area_at(1e-6), 0.5e-6, {}}};
  CHECK(study::uncertainty(specs, {"area"}, options).metrics[0].one_sided.empty());
}

TEST_CASE("uncertainty: given figures weigh draws, or are refused with the reason") {
  auto specs = shipped();
  for (auto* list : {&specs.hardware.sourced, &specs.model.sourced})
    for (auto& s : *list) s.range.reset();
  for (auto& s : specs.hardware.sourced)
    if (s.path == "chip.control_area") s.range = {0.4e-6, 3.4e-6};
  const auto area_at = [&](double control) {
    auto at = specs;
    at.hardware.values.chip.control_area = units::Area<double>::from_value(control);
    return study::metric_value(at, "area");
  };
  const double low = area_at(0.4e-6), high = area_at(3.4e-6);
  study::UncertaintyOptions options;
  options.spread = study::Spread::uniform;
  const double deviation = (high - low) / 30;
  options.given = {{"area", "area", (low + high) / 2, deviation, {}}};
  const auto u = study::uncertainty(specs, {"area"}, options);
  // A uniform area weighed by a narrow normal distribution is that distribution.
  CHECK(u.metrics[0].mean == Approx((low + high) / 2).epsilon(1e-4));
  CHECK(u.metrics[0].deviation == Approx(deviation).epsilon(0.02));
  // (integral w)^2 / integral w^2 = 2 sqrt(pi) deviations of the range's width.
  CHECK(u.effective == Approx(10000 * 2 * std::sqrt(3.14159265358979) / 30).epsilon(0.01));
  options.given[0].value = 2 * high;
  CHECK(has(failure([&] { study::uncertainty(specs, {"area"}, options); }), "nothing fits"));
  options.given[0].value = (low + high) / 2;
  options.given[0].deviation = deviation * 1e-3;
  CHECK(has(failure([&] { study::uncertainty(specs, {"area"}, options); }), "draws' worth"));

  const auto given = study::parse_given("power=5 W +- 10 %");
  CHECK(given.metric == "power");
  CHECK(given.value == Approx(5));
  CHECK(given.deviation == Approx(0.5));
  CHECK(study::parse_given("power=5").deviation == Approx(0.25));
  CHECK(study::parse_given("area=50 mm^2 +- 2 mm^2").deviation == Approx(2e-6));
  CHECK_THROWS_AS(study::parse_given("power>5"), spec::SpecError);
  CHECK_THROWS_AS(study::parse_given("power=5 +- 0"), spec::SpecError);
  CHECK_THROWS_AS(study::parse_given("power=5 +- 1 mm"), spec::SpecError);
}

TEST_CASE("the code of weights varies together with the share that goes with it") {
  const Folder folder;
  const std::string keys = "columns = [\"area\", \"power\"]";
  const auto rows = [&](const std::string& axes) {
    study::SweepOptions options;
    options.output = folder.file("rows.csv");
    study::sweep(study::load_study(study_file(folder, keys, axes)), options);
    return lines(read(options.output));
  };
  // What a design of its own has.
  const auto row = [&](const std::string& set, const std::string& clock) {
    auto specs = study::load_study(
        study_file(folder, keys + "\nset = {" + set + "}",
                   "[[vary]]\npath = \"chip.clock\"\nvalues = [\"" + clock + "\"]\n"));
    study::SweepOptions options;
    options.output = folder.file("one.csv");
    study::sweep(specs, options);
    const auto line = lines(read(options.output)).at(1);
    return line.substr(line.find(','));
  };
  const auto ternary = row("", "500 MHz");
  const auto half =
      row("\"weights.code\" = \"integer\", \"weights.zero_bit_ratio\" = 0.5", "500 MHz");
  const auto more =
      row("\"weights.code\" = \"integer\", \"weights.zero_bit_ratio\" = 0.6", "500 MHz");
  CHECK(half != ternary);
  const std::string code = "path = \"weights.code\", values = ";
  const std::string ratio = "path = \"weights.zero_bit_ratio\", values = ";
  const auto zip =
      rows("[[vary]]\nzip = [{" + code + "[\"ternary\", \"integer\", \"integer\"]}, {" + ratio +
           "[0.1, 0.5, 0.6]}]\n");
  REQUIRE(zip.size() == 4);
  CHECK(zip[1] == "ternary,0.1" + ternary);
  CHECK(zip[2] == "integer,0.5" + half);
  CHECK(zip[3] == "integer,0.6" + more);
  const auto crossed = rows(
      "[[vary]]\npath = \"weights.code\"\nvalues = [\"integer\"]\n[[vary]]\npath = "
      "\"weights.zero_bit_ratio\"\nrange = { from = 0.5, to = 0.6, points = 2 }\n");
  REQUIRE(crossed.size() == 3);
  CHECK(crossed[1] == "integer,0.5" + half);
  CHECK(crossed[2] == "integer,0.6" + more);
  const auto refused = [&](const std::string& axes) { return failure([&] { rows(axes); }); };
  CHECK(has(refused("[[vary]]\nzip = [{" + code +
                    "[\"integer\"]}, {path = \"weights.zero_share\", "
                    "values = [0.5]}]\n"),
            "integer weights need weights.zero_bit_ratio"));
  CHECK(has(refused("[[vary]]\nzip = [{" + code + "[\"integer\", \"ternary\"]}, {" + ratio +
                    "[0.5, 7]}]\n"),
            "weights.zero_bit_ratio of 7 is out of range"));
  CHECK(has(refused("[[vary]]\npath = \"weights.code\"\nvalues = [\"ternary\", \"integer\"]\n"
                    "[[vary]]\npath = \"weights.zero_bit_ratio\"\nvalues = [0.5]\n"),
            "weights.zero_bit_ratio does not go with ternary weights"));
}
