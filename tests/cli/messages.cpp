// SPDX-License-Identifier: Apache-2.0
// Messages as a user reads them.
#include <algorithm>
#include <chrono>

#include "binary.hpp"
#include "folder.hpp"

namespace fs = std::filesystem;

namespace {

// The message of a command that ends with exit code 2.
std::string refusal(const std::string& arguments) {
  const auto r = run(arguments);
  CAPTURE(arguments, r.out);
  CHECK(r.code == 2);
  return r.out;
}

}  // namespace

TEST_CASE("units: what was meant, by kind and letters") {
  const auto hint = [](const std::string& set) {
    return refusal("estimate " + design + " --set '" + set + "'");
  };
  CHECK(has(hint("chip.clock=500mhz"), "did you mean \"MHz\"?"));
  CHECK(has(hint("sram.capacity=64 mb"), "did you mean \"MB\"?"));
  CHECK(has(hint("sram.capacity=64 megabytes"), "did you mean \"MB\"?"));
  CHECK(has(hint("tech.node=7 NM"), "did you mean \"nm\"?"));
  CHECK(has(hint("tech.node=7 \u00B5m"), "this is a micro sign (write \"u\", as in \"um\")"));
  CHECK(has(hint("chip.clock=500\u00A0MHz"), "this is a no-break space (write a plain space)"));
  CHECK(has(hint("chip.clock=500 MB"), "expected a frequency for chip.clock"));
  CHECK(has(hint("chip.voltage=0.7"), "expected a voltage for chip.voltage"));
  CHECK(has(hint("chip.temperature=25 V"), "expected a temperature for chip.temperature"));
  CHECK(has(hint("gating.prewake=maybe"), "expected true or false for gating.prewake"));
}

TEST_CASE("values as people write them") {
  const auto json = [](const std::string& arguments) {
    const auto r = run("estimate " + design + " " + arguments + " --format json --table summary");
    CAPTURE(arguments, r.out);
    CHECK(r.code == 0);
    return r.out.substr(r.out.find("\"tables\""));
  };
  CHECK(json("--set weights.zero_share=30%") == json("--set weights.zero_share=0.3"));
  CHECK(json("--set 'weights.zero_share=30 percent'") == json("--set weights.zero_share=0.3"));
  CHECK(json("--set gating.prewake=off") == json("--set gating.prewake=false"));
  CHECK(json("--set gating.prewake=on") == json("--set gating.prewake=true"));
  CHECK(json("--set sram.spill=host --context 2k") == json("--set sram.spill=host --context 2000"));
  CHECK(json("--set sram.spill=host --context 2Ki") ==
        json("--set sram.spill=host --context 2048"));
  CHECK(json("--set 'sram.capacity=64000000 byte'") == json("--set 'sram.capacity=64 MB'"));
}

TEST_CASE("0 and nothing are given, and are errors") {
  for (const std::string flag : {"--batch", "--context", "--prompt"}) {
    CHECK(has(refusal("estimate " + design + " " + flag + " 0"),
              flag + " 0: error: workload." + flag.substr(2) + " of 0 is out of range (from 1 to"));
    CHECK(has(refusal("estimate " + design + " " + flag + " ''"), "expected a number"));
    CHECK(has(refusal("estimate " + design + " " + flag + " x"), "expected a number"));
  }
  CHECK(has(refusal("estimate " + design + " --table ''"), "no table \"\"; there are: summary"));
  CHECK(has(refusal("estimate " + design + " -o ''"), "names no file"));
  CHECK(has(refusal("published ''"), "names no file"));
  CHECK(has(refusal("report " + design + " -o /tmp/no --published ''"), "names no file"));
  CHECK(refusal("solve " + design + " --vary chip.clock --target power=5 --from ''") != "");
}

TEST_CASE("flags") {
  CHECK(has(refusal("estimate " + design + " --format xml"),
            "--format: \"xml\" is not one of text, csv, markdown, json\n"));
  CHECK(has(refusal("estimate " + design + " --format jsno"), "did you mean \"json\"?"));
  CHECK(has(refusal("explain power " + design + " --layer -1"),
            "--layer: the model has layers 0 to 29, not -1"));
  CHECK(has(refusal("explain power " + design + " --layer 30"), "layers 0 to 29, not 30"));
  CHECK(has(refusal("explain power " + design + " --top 0"), "range"));
  CHECK(has(refusal("solve " + design + " --vary gating.prewake --target power=5"),
            "--vary: gating.prewake is no plain number: try its values with what-if --set"));
  CHECK(has(refusal("estimate " + design + " --contxt 5"),
            "no option \"--contxt\" (did you mean \"--context\"?)"));
  CHECK(has(refusal("estimat " + design), "no command \"estimat\" (did you mean \"estimate\"?)"));
  CHECK(
      has(refusal("validate " + design + " --table nope"), "is not one of validation, mismatches"));
}

TEST_CASE("errors of a command line are all told, and it is no file to check") {
  const auto r = refusal("estimate " + design + " --set chip.clock=0MHz");
  CHECK(has(r, "--set chip.clock=0MHz: error: chip.clock of 0 MHz is out of range"));
  CHECK_FALSE(has(r, ":1:1:"));
  CHECK_FALSE(has(r, "tomestimate check"));
}

TEST_CASE("numbers of flags are those that were written, and flags take no value") {
  const auto model = specs + "/bitnet-2b.toml ";
  for (const std::string number : {"-1", "99999999999999999999", "1.5", "nan"}) {
    const auto want = "expected a whole number of 0 or more, got \"" + number + "\"";
    for (const auto& command : {"rtl --seed=" + number, "characterize --seed=" + number,
                                "run " + model + "--tokens 1 --seed=" + number,
                                "run " + model + "--tokens 1 --generate=" + number,
                                "uncertainty " + design + " --seed=" + number})
      CHECK(has(refusal(command), want));
  }
  CHECK(has(refusal("run " + model + "--tokens 1 --generate 18446744073709551615"), "at most"));
  for (const std::string number : {"nan", "0", "inf", "-1", "1e4", "x"})
    CHECK(has(refusal("run " + model + "--tokens 1 --temperature=" + number),
              "expected a number from 0.001 to 1000, got \"" + number + "\""));
  refusal("validate " + design + " --small=-1");
  refusal("estimate " + design + " --all=no");
  refusal("rtl --seed=");
  CHECK(has(refusal("uncertainty " + design + " --samples 5 --published x.toml --given area=56"),
            "--published: goes with --given ID"));
}

TEST_CASE("each bad --set is told, in one go") {
  const std::string sets =
      "--set base.lnaes=8 --set chip.clock=3 --set model.layers=x --set foo --batch z ";
  const auto r = refusal("estimate " + design + " " + sets);
  CHECK(has(r, "--set foo: error: expected PATH=VALUE (such as --set base.lanes=32)"));
  CHECK(has(r, "--set base.lnaes=8: error: no spec value \"base.lnaes\" (did you mean"));
  CHECK(has(r, "--set chip.clock=3: error: expected a frequency for chip.clock"));
  CHECK(has(r, "--set model.layers=x: error: expected a number for model.layers"));
  CHECK(has(r, "--batch z: error: expected a number for workload.batch"));
  CHECK(std::count(r.begin(), r.end(), '\n') == 5);
  const auto sweep = refusal("sweep " + design +
                             " --vary base.lanes=8 --columns powr --set chip.clock=3 "
                             "--set base.lnaes=8 --context z");
  CHECK(has(sweep, "--context z: error: expected a number for workload.context"));
  CHECK(has(sweep, "--set chip.clock=3: error: expected a frequency"));
  CHECK(has(sweep, "--set base.lnaes=8: error: no spec value"));
  CHECK(has(sweep, "--columns: error: no metric \"powr\" (did you mean \"power\"?)"));
}

TEST_CASE("errors of all designs of compare, and of all flags, are told in one go") {
  const Folder folder;
  const auto file = folder.file("bad.toml");
  std::ofstream(file) << "kind = \"hardware\"\n[chip]\nx = 1\n";
  const auto model = "," + specs + "/bitnet-2b.toml";
  const auto tom = specs + "/tom.toml" + model;
  const auto r = refusal("compare " + tom + ",chip.clock=3 none.toml" + model + " " + file + model +
                         " wide=" + tom + ",base.lnaes=3,foo " + specs +
                         "/roma.toml --set base.width=x --metric powr");
  for (const auto& part :
       {"DESIGN " + tom + ",chip.clock=3: chip.clock=3: error: expected a frequency",
        std::string("none.toml: error: no such file"),
        file + ":1:1: error: the spec has no \"name\"",
        "more: tomestimate check " + file + " lists them)",
        std::string(": foo: error: expected PATH"),
        std::string(": base.lnaes=3: error: no spec value"),
        std::string("DESIGN: error: expected [NAME=]HARDWARE,MODEL"),
        std::string("--metric powr: error: no metric")})
    CHECK(has(r, part));
  // What is set in all designs is told once.
  CHECK(r.find("--set base.width=x: error") != std::string::npos);
  CHECK(r.find("--set base.width=x: error") == r.rfind("--set base.width=x: error"));
  const auto vary = refusal("compare " + tom + ",chip.clock=3 " + tom +
                            ",base.lnaes=3 --vary chip.clock=1,2 --set foo");
  CHECK(has(vary, "chip.clock=3: error: expected a frequency"));
  CHECK(has(vary, "base.lnaes=3: error: no spec value"));
  CHECK(has(vary, "--vary chip.clock=1,2: error: expected a frequency"));
  CHECK(has(vary, "--set foo: error: expected PATH=VALUE"));
  const auto sweep = refusal("sweep " + design + " --vary foo --vary base.lnaes=3 --set foo");
  CHECK(has(sweep, "--vary: error: expected PATH=A,B,C"));
  CHECK(has(sweep, "--vary base.lnaes=3: error: no spec value"));
  CHECK(has(sweep, "--set foo: error: expected PATH=VALUE"));
}

TEST_CASE("a table that the spec leaves out is set in whole or not at all") {
  const std::string dram = "--set 'dram.bandwidth=100 GB/s' ";
  CHECK(has(refusal("estimate " + design + " " + dram),
            "--set dram.bandwidth=100 GB/s: error: dram.bandwidth is set, but [dram] is not whole "
            "(the spec does not give dram.energy)"));
  CHECK(has(refusal("estimate " + design + " --set side.lanes=4"),
            "(the spec does not give side.per_lane, side.rows, side.width_adapter, "
            "side.width_attention and 13 more)"));
  CHECK(has(refusal("sweep " + design + " --vary dram.bandwidth=1GB/s,2GB/s"),
            "[dram] is not whole"));
  CHECK(has(refusal("sweep " + design + " --vary base.lanes=8 " + dram), "[dram] is not whole"));
  const Folder folder;
  const auto file = folder.file("saved.toml");
  const auto zero = dram + "--set 'dram.energy=0 pJ/bit' --set map.weights=dram ";
  CHECK(run("what-if " + design + " " + zero + "--save " + file).code == 0);
  const std::string summary = " --table summary --format csv";
  const auto set = run("estimate " + design + " " + zero + summary);
  CHECK(set.code == 0);
  CHECK(run("estimate " + file + " " + specs + "/bitnet-2b.toml" + summary).out == set.out);
  // The axis of one and the other where it is whole.
  CHECK(run("sweep " + design + " --vary dram.bandwidth=1GB/s,2GB/s --vary dram.energy=0pJ/bit")
            .code == 0);
}

TEST_CASE("messages name what is there") {
  const auto misfit = [](const std::string& sets) {
    const auto r = run("estimate " + design + " " + sets);
    CHECK(r.code == 1);
    return r.out;
  };
  const auto both = misfit("--set adapter.rank=128");
  CHECK(has(both, "can't hold adapters ("));
  CHECK(has(both, "The highest adapter.rank that fits is"));
  CHECK_FALSE(has(both, "window"));
  const auto windows = misfit(
      "--set adapter.rank=0 --set model.full_every=0 --set model.window=4096 "
      "--context 4096");
  CHECK(has(windows, "can't hold KV in windows ("));
  CHECK(has(windows, "Take a shorter model.window"));
  CHECK_FALSE(has(windows, "adapter"));
  const auto plain = misfit("--set adapter.rank=0 --context 4096");
  CHECK(has(plain, "does not fit the SRAM"));
  CHECK(has(plain, "Take less context, more SRAM"));
  CHECK_FALSE(has(plain, "adapters"));
  const auto dram = run("estimate " + design +
                        " --set 'dram.bandwidth=100 GB/s' --set 'dram.energy=4 pJ/bit' --set "
                        "map.weights=dram");
  CHECK(has(dram.out, "relieved by dram.bandwidth"));
  CHECK_FALSE(has(dram.out, "rom.read_width"));
}

TEST_CASE("errors are bounded in length and time") {
  const Folder folder;
  const std::string huge(60'000, 'x');
  const auto start = std::chrono::steady_clock::now();
  for (const auto& arguments :
       {"estimate " + design + " --set " + huge + "=1",
        "estimate " + design + " --set chip.clock=" + huge,
        "estimate " + design + " --format " + huge, "explain " + huge + " " + design,
        "solve " + design + " --vary " + huge + " --target power=5",
        "sensitivity " + design + " --metric " + huge, "estimate " + design + " --" + huge, huge,
        "estimate " + design + " --table " + huge, "published " + huge, "compare " + huge}) {
    const auto r = run(arguments);
    CAPTURE(arguments.substr(0, 200), r.out.size(), r.out.substr(0, 500));
    CHECK(r.code == 2);
    CHECK(r.out.size() < 4000);
  }
  std::ofstream many(folder.file("many.toml"));
  many << "kind = \"hardware\"\n[chip]\n";
  for (int i = 0; i < 5000; ++i) many << "key" << i << " = 1\n";
  many.close();
  const auto r = run("check " + folder.file("many.toml"));
  CHECK(r.code == 2);
  CHECK(r.out.size() < 20'000);
  CHECK(has(r.out, " errors more"));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(60));
}

TEST_CASE("a file that is something else is named, whatever spec it should be") {
  const Folder folder;
  const auto file = folder.file("pointer.toml");
  std::ofstream(file) << "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 9\n";
  for (const std::string& command :
       {"check " + file, "estimate " + file + " " + specs + "/bitnet-2b.toml", "sweep " + file,
        "published " + file, "rescale " + file + " --node 5nm",
        "rescale " + specs + "/tom.toml --node 5nm --factors " + file,
        "characterize --cells " + file + " --heights 8 --units none"})
    CHECK(has(refusal(command),
              "pointer.toml: error: is a Git LFS pointer: fetch the file (git lfs pull)"));
}

TEST_CASE("keys of too many parts are an error in every kind of file") {
  const Folder folder;
  const auto file = folder.file("dots.toml");
  std::string key = "a";
  for (int i = 0; i < 200'000; ++i) key += ".a";
  std::ofstream(file) << key + " = 1\n";
  for (const std::string& command :
       {"check " + file, "estimate " + file + " " + specs + "/bitnet-2b.toml", "sweep " + file,
        "published " + file, "rescale " + specs + "/tom.toml --node 5nm --factors " + file,
        "characterize --cells " + file + " --heights 8 --units none"})
    CHECK(has(refusal(command), "dots.toml:1:66: error: key of too many parts (32 dots at most)"));
}

TEST_CASE("names of installed specs, in every command, and folders of that name") {
  const Folder folder;
  // As installed: bin/tomestimate and share/tomestimate/specs.
  fs::create_directories(folder.path / "bin");
  fs::create_directories(folder.path / "share/tomestimate");
  fs::copy_file(TOMESTIMATE_BINARY, folder.path / "bin/tomestimate");
  fs::create_directory_symlink(specs, folder.path / "share/tomestimate/specs");
  fs::create_directories(folder.path / "here/tom");
  fs::create_directories(folder.path / "here/bitnet-0.7b");
  std::ofstream(folder.path / "here/study.toml")
      << "kind = \"study\"\nname = \"s\"\nhardware = \"tom\"\nmodel = \"bitnet-2b\"\n"
         "columns = [\"power\"]\n[[vary]]\npath = \"chip.clock\"\nvalues = [\"1 GHz\"]\n";
  std::ofstream(folder.path / "here/figures.toml")
      << "kind = \"published\"\n[[figure]]\nid = \"a\"\nwhat = \"w\"\nvalue = \"5 W\"\n"
         "grade = \"derived\"\nsource = \"s\"\nhardware = \"tom\"\nmodel = \"bitnet-2b\"\n"
         "metric = \"power\"\n";
  const auto here = [&](const std::string& arguments) {
    const auto r = run_command("cd " + folder.file("here") + " && ../bin/tomestimate " + arguments);
    CAPTURE(arguments, r.out);
    CHECK(r.code == 0);
    return r.out;
  };
  CHECK(has(here("check tom bitnet-2b published"), "tom: ok\nbitnet-2b: ok\npublished: ok\n"));
  CHECK(has(here("estimate tom bitnet-2b"), "TOM running BitNet"));
  CHECK(has(here("compare tom,bitnet-2b roma,llama-3.2-3b-int4"), "ratio"));
  here("run bitnet-0.7b --tokens 1 --layers 0 --generate 0");
  here("sweep study.toml");
  here("check study.toml figures.toml");
  here("published figures.toml");
  here("published published");
  here("explain power tom bitnet-2b");
}
