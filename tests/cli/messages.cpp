// SPDX-License-Identifier: Apache-2.0
// Messages as a user reads them.
#include <chrono>

#include "binary.hpp"
#include "folder.hpp"

namespace fs = std::filesystem;

namespace {

const std::string specs = TOMESTIMATE_SPECS;
const std::string design = specs + "/tom.toml " + specs + "/bitnet-2b.toml ";

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
    return refusal("estimate " + design + "--set '" + set + "'");
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
    const auto r = run("estimate " + design + arguments + " --format json --table summary");
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
    CHECK(has(refusal("estimate " + design + flag + " 0"),
              flag + " 0: error: workload." + flag.substr(2) + " of 0 is out of range (from 1 to"));
    CHECK(has(refusal("estimate " + design + flag + " ''"), "expected a number"));
    CHECK(has(refusal("estimate " + design + flag + " x"), "expected a number"));
  }
  CHECK(has(refusal("estimate " + design + "--table ''"), "no table \"\"; there are: summary"));
  CHECK(has(refusal("estimate " + design + "-o ''"), "names no file"));
  CHECK(has(refusal("published ''"), "names no file"));
  CHECK(has(refusal("report " + design + "-o /tmp/no --published ''"), "names no file"));
  CHECK(refusal("solve " + design + "--vary chip.clock --target power=5 --from ''") != "");
}

TEST_CASE("flags") {
  CHECK(has(refusal("estimate " + design + "--format xml"),
            "--format: \"xml\" is not one of text, csv, markdown, json\n"));
  CHECK(has(refusal("estimate " + design + "--format jsno"), "did you mean \"json\"?"));
  CHECK(has(refusal("explain power " + design + "--layer -1"),
            "--layer: the model has layers 0 to 29, not -1"));
  CHECK(has(refusal("explain power " + design + "--layer 30"), "layers 0 to 29, not 30"));
  CHECK(has(refusal("explain power " + design + "--top 0"), "range"));
  CHECK(has(refusal("solve " + design + "--vary gating.prewake --target power=5"),
            "--vary: gating.prewake is no plain number: try its values with what-if --set"));
  CHECK(has(refusal("estimate " + design + "--contxt 5"),
            "no option \"--contxt\" (did you mean \"--context\"?)"));
  CHECK(has(refusal("estimat " + design), "no command \"estimat\" (did you mean \"estimate\"?)"));
  CHECK(
      has(refusal("validate " + design + "--table nope"), "is not one of validation, mismatches"));
}

TEST_CASE("errors of a command line are all told, and it is no file to check") {
  const auto r = refusal("estimate " + design + "--set chip.clock=0MHz");
  CHECK(has(r, "--set chip.clock=0MHz: error: chip.clock of 0 MHz is out of range"));
  CHECK_FALSE(has(r, ":1:1:"));
  CHECK_FALSE(has(r, "tomestimate check"));
}

TEST_CASE("errors are bounded in length and time") {
  const Folder folder;
  const std::string huge(60'000, 'x');
  const auto start = std::chrono::steady_clock::now();
  for (const auto& arguments :
       {"estimate " + design + "--set " + huge + "=1",
        "estimate " + design + "--set chip.clock=" + huge,
        "estimate " + design + "--format " + huge, "explain " + huge + " " + design,
        "solve " + design + "--vary " + huge + " --target power=5",
        "sensitivity " + design + "--metric " + huge, "estimate " + design + "--" + huge, huge,
        "estimate " + design + "--table " + huge, "published " + huge, "compare " + huge}) {
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

TEST_CASE("names of installed specs, in every command, and folders of that name") {
  const Folder folder;
  // As installed: bin/tomestimate and share/tomestimate/specs.
  fs::create_directories(folder.path / "bin");
  fs::create_directories(folder.path / "share/tomestimate");
  fs::copy_file(TOMESTIMATE_BINARY, folder.path / "bin/tomestimate");
  fs::create_directory_symlink(specs, folder.path / "share/tomestimate/specs");
  fs::create_directories(folder.path / "here/tom");
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
  here("sweep study.toml");
  here("check study.toml figures.toml");
  here("published figures.toml");
  here("published published");
  here("explain power tom bitnet-2b");
}
