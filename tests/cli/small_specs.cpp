// SPDX-License-Identifier: Apache-2.0
// Specs that start small: bases, new, what-if --save, choices.
#include "binary.hpp"
#include "folder.hpp"

namespace {

std::string write(const Folder& folder, const std::string& name, const std::string& text) {
  const auto path = (folder.path / name).string();
  std::ofstream(path) << text;
  return path;
}

std::string based_on(const std::string& base, const std::string& rest) {
  return "kind = \"hardware\"\nbased_on = \"" + base + "\"\n" + rest;
}

std::string summary_csv(const std::string& arguments) {
  const auto r = run("estimate " + arguments + " --table summary --format csv");
  CHECK(r.code == 0);
  return r.out;
}

}  // namespace

TEST_CASE("paths that no spec can name are refused, others are quoted") {
  const Folder folder;
  const auto good = folder.path / "we\"ird \\ name";
  const auto bad = folder.path / "two\nlines";
  for (const auto& path : {good, bad}) {
    std::filesystem::create_directory(path);
    std::filesystem::copy(tom_spec, path / "h.toml");
    std::filesystem::copy(bitnet_spec, path / "m.toml");
    std::filesystem::copy(specs + "/technology", path / "technology");
  }
  const auto made = [&](const std::filesystem::path& from, const std::string& kind) {
    const auto quoted = "'" + from.string();
    return run("new " + kind + " --from " + quoted + (kind == "model" ? "/m.toml'" : "/h.toml'") +
               (kind == "study" ? " --model " + quoted + "/m.toml'" : "") + " -o " +
               folder.file(kind + ".toml"));
  };
  for (const std::string kind : {"hardware", "model", "study"}) {
    const auto refused = made(bad, kind);
    CHECK(refused.code == 2);
    CHECK(has(refused.out, "error: a spec can't name a path with a control character"));
    CHECK_FALSE(std::filesystem::exists(folder.file(kind + ".toml")));
    CHECK(made(good, kind).code == 0);
    CHECK(run("check " + folder.file(kind + ".toml")).code == 0);
  }
}

TEST_CASE("a spec based on another says only what differs") {
  const Folder folder;
  const auto wide = write(folder, "wide.toml", based_on(tom_spec, "[base]\nlanes = 32\n"));
  CHECK(run("check " + wide).out == wide + ": ok\n");
  CHECK(summary_csv(wide + " " + bitnet_spec) ==
        summary_csv(tom_spec + " " + bitnet_spec + " --set base.lanes=32"));

  // Grade and source are those of a guess in this file, with its line; the rest keeps its place.
  const auto assumed =
      run("estimate " + wide + " " + bitnet_spec + " --table assumptions --format csv").out;
  CHECK(has(assumed, "base.lanes,32,assumption,"));
  CHECK(has(assumed, ",wide.toml," + wide + ":4"));
  CHECK(has(assumed, tom_spec + ":"));
  CHECK(has(run("estimate " + wide + " " + bitnet_spec).out, "wide running BitNet"));

  // A base of a base, found beside; what is given is kept.
  const auto fast = write(folder, "fast.toml",
                          based_on("wide",
                                   "name = \"Fast\"\n[chip]\nclock = { value = \"600 MHz\", "
                                   "grade = \"published\", source = \"a paper\" }\n"));
  CHECK(summary_csv(fast + " " + bitnet_spec) ==
        summary_csv(tom_spec + " " + bitnet_spec + " --set base.lanes=32 --set chip.clock=600MHz"));
  CHECK(has(run("explain throughput " + fast + " " + specs + "/bitnet-3b.toml --format csv").out,
            "a paper,"));

  const auto deep =
      write(folder, "deep.toml",
            "kind = \"model\"\nbased_on = \"" + bitnet_spec + "\"\n[adapter]\nrank = 8\n");
  CHECK(summary_csv(tom_spec + " " + deep) ==
        summary_csv(tom_spec + " " + bitnet_spec + " --set adapter.rank=8"));
}

TEST_CASE("a value that is restated keeps the range of its base, unless it has one of its own") {
  const Folder folder;
  const auto swing = [&](const std::string& value) {
    const auto file =
        write(folder, "r.toml", based_on(tom_spec, "[base]\nwidth = " + value + "\n"));
    const auto above = write(folder, "s.toml", based_on("r", "[base]\nlanes = 32\n"));
    const auto command = "sensitivity " + above + " " + bitnet_spec + " --metric throughput";
    return run(command).out + run(command + " --format csv").out;
  };
  const auto caution = "base.width = 512 is outside the range that its spec states, 96 to 256";
  // tom.toml: 128, range = [96, 256].
  CHECK(has(swing("160"), "base.width,160,96,256,"));
  CHECK(has(swing("{ value = 160, range = [128, 512] }"), "base.width,160,128,512,"));
  CHECK(!has(swing("160"), "outside the range"));
  CHECK(has(swing("512"), caution));
  CHECK(!has(swing("{ value = 512, range = [128, 512] }"), "outside the range"));
  // Two steps up from where it was stated.
  const auto below = write(folder, "t.toml", based_on(tom_spec, "[base]\nwidth = 160\n"));
  const auto again = write(folder, "u.toml", based_on("t", "[base]\nwidth = 512\n"));
  CHECK(has(run("estimate " + again + " " + bitnet_spec).out, caution));
  // A spec's own range has to hold its value.
  const auto bad = write(
      folder, "v.toml", based_on(tom_spec, "[base]\nwidth = { value = 512, range = [96, 256] }\n"));
  CHECK(has(run("check " + bad).out, "v.toml:4:32: error: \"range\" of base.width does not hold"));
}

TEST_CASE("errors of a spec with a base have their place") {
  const Folder folder;
  const auto error = [&](const std::string& text) {
    const auto r = run("check " + write(folder, "a.toml", text));
    CHECK(r.code == 2);
    return r.out;
  };
  CHECK(
      has(error(based_on(tom_spec, "[base]\nlanes = 0\n")), "a.toml:4:9: error: base.lanes of 0"));
  CHECK(has(error(based_on(tom_spec, "[base]\nlane = 3\n")), "did you mean \"lanes\"?"));
  CHECK(has(error(based_on("tim", "")), "a.toml:2:12: error: no spec \"tim\""));
  CHECK(has(error(based_on(bitnet_spec, "")), "is kind = \"model\", not \"hardware\""));
  CHECK(has(error("kind = \"hardware\"\nbased_on = 3\n"), "a.toml:2:12: error: expected the spec"));
  CHECK(has(error("kind = \"hardware\"\nbase = \"tom\"\n"), "based_on = "));
  CHECK(has(error(based_on("a", "")), "specs are based on each other"));
  write(folder, "b.toml", based_on("a", ""));
  const auto loop = error(based_on("b", ""));
  CHECK(has(loop, "b.toml:2:12: error: specs are based on each other: "));
  CHECK(has(loop, "a.toml -> "));
  // An error in the base is the base's.
  write(folder, "b.toml", based_on(tom_spec, "[base]\nlanes = \"x\"\n"));
  CHECK(has(error(based_on("b", "")), "b.toml:4:9: error: "));
}

TEST_CASE("what was calibrated for a base is so no longer") {
  const Folder folder;
  write(folder, "fitted.toml",
        based_on(tom_spec,
                 "name = \"Fitted\"\n[chip]\ncontrol_area = { value = \"0.4 mm^2\", grade = "
                 "\"calibrated\", source = \"least squares\", fits = [\"a figure\"] }\n"));
  const auto fitted = (folder.path / "fitted.toml").string();
  CHECK(has(run("estimate " + fitted + " " + bitnet_spec).out, "FITTED: 1 of "));
  const auto mine = write(folder, "mine.toml", based_on("fitted", "[base]\nlanes = 8\n"));
  const auto r = run("estimate " + mine + " " + bitnet_spec + " --all");
  CHECK(r.code == 0);
  CHECK(has(r.out, "none is fitted"));
  CHECK(has(r.out, "calibrated for Fitted, no longer so here"));
}

TEST_CASE("new writes what check accepts, and changes nothing") {
  const Folder folder;
  const auto made = [&](const std::string& kind, const std::string& from) {
    auto file = (folder.path / (kind + ".toml")).string();
    CHECK(run("new " + kind + " --from " + from + " -o " + file).code == 0);
    CHECK(run("check " + file).out == file + ": ok\n");
    return file;
  };
  const auto hardware = made("hardware", tom_spec);
  CHECK(summary_csv(hardware + " " + bitnet_spec) == summary_csv(tom_spec + " " + bitnet_spec));
  CHECK(summary_csv(tom_spec + " " + made("model", bitnet_spec)) ==
        summary_csv(tom_spec + " " + bitnet_spec));
  CHECK(has(read(hardware), "# lanes = 16\n"));
  CHECK(has(read(hardware), "one of false, true"));
  const auto roma = (folder.path / "roma.toml").string();
  CHECK(run("new hardware --from " + specs + "/roma.toml -o " + roma).code == 0);
  CHECK(run("check " + roma).code == 0);

  const auto study = (folder.path / "study.toml").string();
  CHECK(run("new study --from " + tom_spec + " --model " + bitnet_spec + " -o " + study).code == 0);
  CHECK(run("check " + study).code == 0);
  CHECK(run("sweep " + study).code == 0);
  CHECK(run("pareto " + study).code == 0);
  CHECK(run("new study --from " + tom_spec + " --model " + bitnet_spec + " -o " + study).code ==
        2);  // there
  CHECK(run("new nonsense -o " + study + "2").code == 2);
}

TEST_CASE("what-if saves what changed as a spec with a base") {
  const Folder folder;
  const auto file = (folder.path / "saved.toml").string();
  const auto both = tom_spec + " " + bitnet_spec;
  CHECK(
      run("what-if " + both + " --set base.lanes=32 --set chip.clock=600MHz --save " + file).code ==
      0);
  CHECK(run("check " + file).code == 0);
  CHECK(has(read(file),
            "lanes = { value = 32, grade = \"assumption\", source = \"a what-if; in TOM "
            "it is 16\" }"));
  CHECK(!has(read(file), "per_lane"));
  CHECK(summary_csv(file + " " + bitnet_spec) ==
        summary_csv(both + " --set base.lanes=32 --set chip.clock=600MHz"));
  const auto other = (folder.path / "model.toml").string();
  CHECK(run("what-if " + both + " --set base.lanes=32 --context 128 --save " + file).code == 2);
  CHECK(run("what-if " + both + " --set base.lanes=32 --context 128 --save " + file + " --save " +
            other)
            .code == 0);
  CHECK(summary_csv(file + " " + other) ==
        summary_csv(both + " --set base.lanes=32 --context 128"));
  // One share of zeros for all projections: what the base knows of each is not inherited.
  const auto sparse = (folder.path / "sparse.toml").string();
  CHECK(run("what-if " + both + " --set weights.zero_share=0.6 --save " + sparse).code == 0);
  CHECK(summary_csv(tom_spec + " " + sparse) ==
        summary_csv(both + " --set weights.zero_share=0.6"));
  const auto own =
      run("what-if " + file + " " + bitnet_spec + " --set base.lanes=8 --save " + file);
  CHECK(own.code == 2);  // it would be based on itself
}

TEST_CASE("parameters shows switches with their choices") {
  const auto r = run("parameters " + tom_spec + " " + bitnet_spec + " --format csv").out;
  CHECK(has(r, "\nchip.clock_gating,true,,,,,\"false, true\","));
}
