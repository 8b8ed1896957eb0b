// SPDX-License-Identifier: Apache-2.0
// The real binary, started as a user would: output, errors, exit codes, files.
#include <algorithm>
#include <sstream>

#include "binary.hpp"
#include "folder.hpp"

namespace fs = std::filesystem;

namespace {

// A copy of a shipped spec, beside its technologies, with one text replaced, which must be there.
std::string edited(const Folder& folder, const std::string& spec, const std::string& from,
                   const std::string& to) {
  auto text = read(specs + "/" + spec);
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  std::ofstream(folder.path / spec) << text;
  if (!fs::exists(folder.path / "technology"))
    fs::create_directory_symlink(specs + "/technology", folder.path / "technology");
  return (folder.path / spec).string();
}

}  // namespace

TEST_CASE("estimate says what binds and names assumptions") {
  const auto r = run("estimate --all " + design);
  CHECK(r.code == 0);
  CHECK(has(r.out, "TOM running BitNet b1.58 2B4T"));
  CHECK(has(r.out, "binds: unit compute = weight memory takes 71 % of a decode step"));
  CHECK(has(r.out, "on the chip: 3386 token/s, 2.16 W, 637 uJ/token, 55.4 mm^2"));
  CHECK(has(r.out, "end to end, with host link and LM head on the host: 149 token/s"));
  CHECK(
      has(r.out, "With the LM head in ROM (8 bit) the chip would make 2360 token/s on 81.5 mm^2"));
  CHECK(has(r.out, "base.pipeline"));
  CHECK(has(r.out, "tom.toml:"));
  CHECK(has(r.out, "technology/n7.toml:"));
}

TEST_CASE("the same bytes on every run") {
  for (const std::string format : {"text", "csv", "markdown", "json"}) {
    const auto command = "estimate " + design + " --format " + format;
    CHECK(run(command).out == run(command).out);
  }
}

TEST_CASE("golden summary of TOM on BitNet-2B") {
  const auto r = run("estimate " + design + " --format csv --table summary");
  CHECK(r.code == 0);
  CHECK(r.out == read(std::string(TOMESTIMATE_TESTS) + "/cli/summary.csv"));
}

TEST_CASE("formats carry units in headers") {
  const auto csv = run("estimate " + design + " --format csv --table layers-decode").out;
  CHECK(has(csv, "time [us]"));
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 31);
  const auto json = run("estimate " + design + " --format json").out;
  CHECK(has(json, "\"unit\": \"us\""));
  CHECK(has(run("estimate " + design + " --format markdown").out, "## Summary\n\n| metric |"));
}

TEST_CASE("files are replaced in one step, or not at all") {
  const Folder folder;
  const auto file = (folder.path / "out.csv").string();
  std::ofstream(file) << "old";
  CHECK(run("estimate " + design + " --format csv -o " + file).code == 0);
  CHECK(has(read(file), "throughput"));
  CHECK(folder.files() == 1);

  const auto before = read(file);
  CHECK(run("estimate " + design + " --context 100000 --format csv -o " + file).code == 1);
  CHECK(read(file) == before);
  CHECK(folder.files() == 1);
  const auto nowhere = run("estimate " + design + " -o " + folder.path.string() + "/no/out");
  CHECK(nowhere.code == 1);
  CHECK(has(nowhere.out, "no/out"));
}

TEST_CASE("a full disk is an error") {
  CHECK(run("estimate " + design + " > /dev/full").code == 1);
}

TEST_CASE("what doesn't fit the SRAM is an error or a named spill") {
  const auto error = run("estimate " + design + " --context 4096");
  CHECK(error.code == 1);
  CHECK(has(error.out, "decode context of 4096 tokens does not fit the SRAM"));
  const auto spill = run("estimate " + design + " --context 4096 --set sram.spill=host");
  CHECK(spill.code == 0);
  CHECK(has(spill.out, "SPILL: decode keeps"));
  const auto rank = run("estimate " + design + " --set adapter.rank=128");
  CHECK(rank.code == 1);
  CHECK(has(rank.out, "The highest adapter.rank that fits is"));
}

TEST_CASE("bad specs: one clear error with the place, exit code 2") {
  const Folder folder;
  const std::string model = " " + specs + "/bitnet-2b.toml";
  const auto unit =
      run("estimate " + edited(folder, "tom.toml", "\"500 MHz\"", "\"500 MB\"") + model);
  CHECK(unit.code == 2);
  CHECK(has(unit.out, "tom.toml:"));
  CHECK(has(unit.out, "expected a frequency"));
  const auto key = run("estimate " + edited(folder, "tom.toml", "per_lane =", "per_lne =") + model);
  CHECK(key.code == 2);
  CHECK(has(key.out, "per_lane"));
  const auto nan = run("check " + edited(folder, "tom.toml", "value = 16,", "value = nan,"));
  CHECK(nan.code == 2);
  const auto missing = run("estimate /no/such.toml" + model);
  CHECK(missing.code == 2);
  CHECK(has(missing.out, "/no/such.toml"));
  CHECK(run("estimate" + model + model).code == 2);  // a model where hardware belongs
}

TEST_CASE("bad flags: exit code 2") {
  CHECK(run("").code == 2);
  CHECK(run("estimat " + design).code == 2);
  CHECK(run("estimate " + design + " --format pdf").code == 2);
  CHECK(run("estimate " + design + " --table nope").code == 2);
  CHECK(run("estimate " + design + " --set nonsense").code == 2);
  CHECK(run("estimate " + design + " --context 0.5").code == 2);
  CHECK(run("estimate " + design + " --context -3").code == 2);
  const auto key = run("estimate " + design + " --set base.lnes=3");
  CHECK(key.code == 2);
  CHECK(has(key.out, "did you mean \"base.lanes\"?"));
  CHECK(run("validate " + design + " --threads 0").code == 2);
}

TEST_CASE("check accepts every shipped spec") {
  std::string files;
  for (const auto& entry : fs::directory_iterator(specs))
    if (entry.path().extension() == ".toml" && entry.path().stem() != "published")
      files += " " + entry.path().string();
  const auto r = run("check" + files);
  CHECK(r.code == 0);
  CHECK(!has(r.out, "error"));
}

TEST_CASE("validate compares small graphs") {
  const auto r = run("validate --small " + design);
  CHECK(r.code == 0);
  CHECK(has(r.out, "PASS:"));
}

TEST_CASE("validate takes a prefill of --prompt tokens at full size") {
  const auto r = run("validate " + design +
                     " --set model.layers=1 --prompt 3 --format csv --table validation");
  CHECK(r.code == 0);
  CHECK(has(r.out, "full: prefill,1,3,0,"));
  CHECK(has(run("validate " + design + " --prompt 9000").out, "take less --context, --prompt"));
}

TEST_CASE("published says what is predicted") {
  const auto r = run("published " + specs + "/published.toml");
  CHECK(r.code == 0);
  CHECK(has(r.out, "tom.throughput"));
  CHECK(has(r.out, "predicted"));
}

TEST_CASE("help names every command and its flags") {
  const auto top = run("--help");
  CHECK(top.code == 0);
  for (const std::string command : {"estimate", "validate", "published", "check"}) {
    CHECK(has(top.out, command));
    CHECK(run(command + " --help").code == 0);
  }
  CHECK(has(run("estimate --help").out, "--context"));
}

TEST_CASE("what-if shows before, after, delta and ratio, and says when the change does not fit") {
  const auto r = run("what-if " + design + " --set gating.mode=none --format csv");
  CHECK(r.code == 0);
  CHECK(has(r.out, "metric,unit,before,after,delta,ratio"));
  // 147,670 cycles, of which 10 are the exposed wake.
  CHECK(has(r.out, "tpot,us,295.34000000000003,295.32000000000005,"));
  const auto small = run("what-if " + design + " --set pe.lanes=1024 --set model.zero_share=0.4");
  CHECK(small.code == 1);
  CHECK(has(small.out, "CAUTION: after is no design that works: decode context of 256 tokens"));
  CHECK(run("what-if " + design).code == 2);
  const auto typo = run("what-if " + design + " --set base.widht=8");
  CHECK(typo.code == 2);
  CHECK(has(typo.out, "did you mean \"base.width\"?"));
}

TEST_CASE("sweep, shards and merge on the binary give the same bytes") {
  const Folder folder;
  const auto study = std::string(TOMESTIMATE_TESTS) + "/../reports/studies/lanes-clock.toml";
  const auto file = [&](const std::string& name) { return folder.file(name); };
  CHECK(run("sweep " + study + " --threads 1 -o " + file("one")).code == 0);
  CHECK(run("sweep " + study + " --shard 1/2 -o " + file("a")).code == 0);
  CHECK(run("sweep " + study + " --shard 2/2 -o " + file("b")).code == 0);
  CHECK(run("merge " + file("b") + " " + file("a") + " -o " + file("both")).code == 0);
  CHECK(read(file("one")) == read(file("both")));
  const auto out = run("sweep " + study);
  CHECK(out.out == read(file("one")));  // nothing else on a pipe: no progress, no colour
  CHECK(run("merge " + file("a") + " -o " + file("x")).code == 1);
  CHECK(run("sweep " + study + " --shard 3/2").code == 2);
  CHECK(run("sweep " + study + " --resume").code == 2);
  const auto unordered = std::string(TOMESTIMATE_TESTS) + "/../reports/studies/million.toml";
  const auto nothing = run("sweep " + unordered + " --resume -o " + file("y"));
  CHECK(nothing.code == 1);
  CHECK(has(nothing.out, "nothing to resume"));
  CHECK(run("sweep /no/such.toml").code == 2);
  CHECK(folder.files() == 4);
}

TEST_CASE("goal seek, front, tornado, ranges, side by side, names") {
  const auto solved =
      run("solve " + design + " --vary chip.clock --target 'throughput=3306 token/s'");
  CHECK(solved.code == 0);
  CHECK(has(solved.out, "488.2"));  // 147,670 cycles x 3306 / s
  const auto none =
      run("solve " + design +
          " --vary chip.clock --from '400 MHz' --to '1 GHz' --target 'throughput>=1e6'");
  CHECK(none.code == 1);
  CHECK(has(none.out, "NO SOLUTION in range: throughput goes from"));
  const auto front =
      run("pareto " + std::string(TOMESTIMATE_TESTS) + "/../reports/studies/front.toml");
  CHECK(front.code == 0);
  CHECK(has(front.out, "points are on the front of max throughput, min area, min power"));
  const auto tornado = run("sensitivity " + design + " --metric power --format csv");
  CHECK(tornado.code == 0);
  CHECK(has(tornado.out, "chip.clock,500 MHz,450 MHz,550 MHz,10 %"));
  CHECK(run("sensitivity " + design + " --metric pwoer").code == 2);
  const auto ranges = run("uncertainty " + design + " --samples 500 --seed 3 --format json");
  CHECK(ranges.code == 0);
  CHECK(ranges.out == run("uncertainty " + design + " --samples 500 --seed 3 --format json").out);
  const auto pair = specs + "/tom.toml," + specs + "/bitnet-2b.toml";
  const auto sides = run("compare " + pair + " " + pair + ",chip.clock=1GHz --format csv");
  CHECK(sides.code == 0);
  CHECK(has(sides.out, "metric,unit,A,B,B/A"));
  CHECK(run("compare " + specs + "/tom.toml").code == 2);
  CHECK(has(run("parameters " + design + " --names").out, "\nsram.capacity\n"));
}

TEST_CASE("text tables stay narrow enough to read") {
  const auto r = run("estimate " + design + " --table assumptions");
  CHECK(r.code == 0);
  std::istringstream in(r.out);
  std::size_t longest = 0;
  bool body = false;
  for (std::string line; std::getline(in, line);) {
    body = body || has(line, "-----");
    if (body) longest = std::max(longest, line.size());
  }
  CHECK(body);
  CHECK(longest < 260);
  CHECK(has(r.out, "7 nm"));
}

TEST_CASE("check takes every kind of file that is shipped") {
  const auto r = run("check " + specs + "/*.toml " + specs + "/technology/n7.toml " +
                     TOMESTIMATE_TESTS + "/../reports/studies/*.toml");
  CHECK(r.code == 0);
  CHECK(has(r.out, "published.toml: ok"));
  CHECK(has(r.out, "front.toml: ok"));
  CHECK(has(r.out, "n7.toml: ok"));
  CHECK(run("check /no/such.toml").code == 2);
  CHECK(run("check /").code == 2);
}
