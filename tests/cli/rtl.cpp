// SPDX-License-Identifier: Apache-2.0
// rtl and calibrate on the real binary, with the real simulator and the real synthesis.
#include <filesystem>
#include <fstream>
#include <string>

#include "binary.hpp"
#include "catch.hpp"
#include "folder.hpp"

namespace fs = std::filesystem;

namespace {

const std::string specs = TOMESTIMATE_SPECS;
const std::string tests = TOMESTIMATE_TESTS;
const std::string tom = specs + "/tom.toml";
const std::string tiny = tests + "/rtl/tiny.lib";
const std::string osu018 = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

// What the testbench prints when it runs with the ROM, both in `folder`.
std::string simulate(const Folder& folder) {
  const auto compiled = run_command("iverilog -g2001 -Wall -o " + folder.file("sim") + " " +
                                    folder.file("rom.v") + " " + folder.file("bench.v"));
  CHECK(compiled.out == "");
  REQUIRE(compiled.code == 0);
  return run_command("vvp -n " + folder.file("sim")).out;
}

Result make_rom(const Folder& folder, const std::string& arguments) {
  return run("rtl " + arguments + " -o " + folder.file("rom.v") + " --testbench " +
             folder.file("bench.v"));
}

// The row of `published` that is of figure `id`, as CSV has it.
std::string row(const std::string& csv, const std::string& id) {
  const auto at = csv.find("\n" + id + ",");
  return at == std::string::npos ? "" : csv.substr(at + 1, csv.find('\n', at + 1) - at - 1);
}

// Small enough for a test, large enough for a fit.
const std::string small_grid =
    " --sizes 8x4,16x4 --zero-shares 0.25,0.5 --held-out-sizes 16x8 --held-out-zero-shares 0.4";

}  // namespace

TEST_CASE("every word of a ROM reads back as its weights") {
  for (const std::string form : {"case", "minterms"})
    for (const std::string shape :
         {"--words 1 --rows 1 --width 1", "--words 2 --rows 1 --width 3",
          "--words 37 --rows 3 --width 5", "--words 256 --rows 8 --width 8 --seed 9",
          "--words 64 --zero-share 0", "--words 64 --zero-share 1"}) {
      const Folder folder;
      REQUIRE(make_rom(folder, shape + " --module tile --form " + form).code == 0);
      const auto out = simulate(folder);
      CHECK(has(out, "PASS: "));
      CHECK(!has(out, "FAIL"));
    }
}

TEST_CASE("a ROM with one wrong bit fails its testbench") {
  const Folder folder;
  REQUIRE(make_rom(folder, "--words 4 --rows 2 --width 2").code == 0);
  auto text = read(folder.file("rom.v"));
  const auto digit = text.find("2'd2: word = 8'b") + 16;
  text[digit] = text[digit] == '0' ? '1' : '0';
  std::ofstream(folder.file("rom.v")) << text;
  const auto out = simulate(folder);
  CHECK(has(out, "word 2 weight 3: read "));
  CHECK(has(out, "FAIL: 1 of 16 weights differ"));
}

TEST_CASE("the ROM's header has command and counts, and the same bytes come again") {
  const auto r = run("rtl --words 10 --rows 2 --width 5 --zero-share 0.29 --seed 4");
  CHECK(r.code == 0);
  CHECK(has(r.out,
            "// Made by: tomestimate rtl --words 10 --rows 2 --width 5 --zero-share 0.29 "
            "--seed 4 --form case --module rom\n"));
  // 0.29 x 100 = 29 zeros; 71 1-bits among 200.
  CHECK(has(r.out, "// 100 weights: 29 zero (29.00 %), "));
  CHECK(has(r.out, "// 200 bits: 71 are 1, 129 are 0 (64.50 %).\n"));
  CHECK(run("rtl --words 10 --rows 2 --width 5 --zero-share 0.29 --seed 4").out == r.out);
  CHECK(run("rtl --words 10 --rows 2 --width 5 --zero-share 0.29 --seed 5").out != r.out);
}

TEST_CASE("weights from a file") {
  const Folder folder;
  std::ofstream(folder.file("w.csv")) << "1,0,-1,0\n0,0,+1,1\n-1,-1,0,0\n";
  REQUIRE(make_rom(folder, "--weights " + folder.file("w.csv") + " --rows 2 --width 2").code == 0);
  CHECK(has(read(folder.file("rom.v")), "2'd0: word = 8'b00100001;"));  // 0, -1, 0, +1
  CHECK(has(read(folder.file("rom.v")), "12 weights: 6 zero (50.00 %), 3 plus (25.00 %), 3 minus"));
  CHECK(has(simulate(folder), "PASS: 3 words of 4 weights"));

  CHECK(make_rom(folder, "--weights " + folder.file("w.csv") + " --rows 3").code == 2);
  CHECK(make_rom(folder, "--weights " + folder.file("w.csv") + " --words 3").code == 2);
  std::ofstream(folder.file("w.csv")) << "1,0\n0,7\n";
  const auto bad = run("rtl --weights " + folder.file("w.csv"));
  CHECK(bad.code == 2);
  CHECK(has(bad.out, "w.csv:2:3: error: \"7\" is no ternary weight (expected -1, 0 or 1)"));
  CHECK(run("rtl --weights /no/such.csv").code == 2);
}

TEST_CASE("rtl refuses bad flags, and writes nothing then") {
  const Folder folder;
  for (const std::string bad :
       {"--words 0", "--rows -1", "--width 70000", "--zero-share 1.5", "--zero-share nan",
        "--zero-share 0.3x", "--seed x", "--module 3rom", "--module case", "--form table",
        "--words 4194304 --rows 2 --width 2", "--words 1e3", "extra"}) {
    const auto r = make_rom(folder, bad);
    CAPTURE(bad, r.out);
    CHECK(r.code == 2);
  }
  CHECK(folder.files() == 0);
  CHECK(run("rtl -o " + folder.file("no/rom.v")).code == 1);
  CHECK(run("rtl > /dev/full").code == 1);
  CHECK(folder.files() == 0);
}

TEST_CASE("calibrate prints residuals and stores a spec that published judges anew") {
  const Folder folder;
  for (const auto& entry : fs::directory_iterator(specs))
    fs::copy(entry.path(), folder.path / entry.path().filename());
  const auto csv = [&] {
    return run("published " + folder.file("published.toml") + " --format csv").out;
  };
  const auto before = csv();
  CHECK(has(row(before, "tom.rom-density"), "calibrated (rom.area_per_one_bit)"));
  CHECK(has(row(before, "tom.area.rom"), "follows tom.rom-density"));

  // The spec is calibrated and put in place, with the areas of a library brought to its node.
  const auto file = folder.file("tom.toml");
  const auto r = run("calibrate " + file + " --liberty " + tiny + small_grid +
                     " --scale 0.01 --scale-source 'a made-up ratio' -o " + file + ".new");
  std::filesystem::rename(file + ".new", file);
  CHECK(r.code == 0);
  CHECK(has(r.out, "4 tiles in the fit, 1 held out"));
  CHECK(has(r.out, "no longer met by calibration: tom.rom-density"));
  CHECK(run("check " + folder.file("tom.toml")).code == 0);
  const auto text = read(folder.file("tom.toml"));
  CHECK(has(text, "fits = [\"synthesis.tiny\"]"));
  CHECK(has(text, "areas scaled by 0.01: a made-up ratio"));
  CHECK(has(text, "node = { value = \"7 nm\""));
  CHECK(run("estimate " + folder.file("tom.toml") + " " + specs + "/bitnet-2b.toml").code == 0);

  const auto after = csv();
  CHECK(has(row(after, "tom.rom-density"), ",predicted,"));
  CHECK(has(row(after, "tom.area.rom"), ",predicted,"));
  CHECK(has(row(after, "tom.area"), "\"follows tom.area.sram, tom.area.logic\""));
  CHECK(has(row(after, "tom.area.sram"), "calibrated (sram.capacity)"));   // others stay
  CHECK(has(row(after, "tom.stored"), "follows bitnet.ternary-weights"));  // given by inputs
}

TEST_CASE("calibrate's tables are the same for any number of threads") {
  const auto command = "calibrate " + tom + " --liberty " + tiny + small_grid;
  const auto one = run(command + " --format csv --table tiles --threads 1");
  CHECK(one.code == 0);
  CHECK(has(one.out,
            "use,words,weights a word,zero weights [%],bits [bit],1-bits [bit],measured "
            "[um^2],fitted [um^2],residual [um^2],residual [%],NAND2 a bit\n"));
  CHECK(has(one.out, "\nfit,8,4,25,64,24,"));               // 32 weights, 8 of them zero
  CHECK(has(one.out, "\nheld out,16,8,39.84375,256,77,"));  // 128 weights, round(51.2) = 51 zero
  CHECK(run(command + " --format csv --table tiles --threads 3").out == one.out);
}

TEST_CASE("a spec at the library's node says so") {
  const Folder folder;
  const auto r = run("calibrate " + tom + " --liberty " + tiny +
                     " --sizes 8x4 --zero-shares 0.25,0.5 --held-out-sizes none --node '180 nm'"
                     " -o " +
                     folder.file("out.toml"));
  CHECK(r.code == 0);
  CHECK(has(r.out, "2 tiles in the fit, 0 held out"));
  CHECK(has(r.out, "cannot be told: the fit has one size of tile"));
  const auto text = read(folder.file("out.toml"));
  CHECK(has(text, "node = { value = \"180 nm\", grade = \"assumption\""));
  CHECK(has(text, "# CAUTION: chip.node is 180 nm for the ROM law alone"));
  CHECK(run("check " + folder.file("out.toml")).code == 0);
}

TEST_CASE("calibrate with a real library") {
  if (!fs::exists(osu018)) {
    WARN("SKIPPED: no " + osu018 + " (package qflow-tech-osu018, not in Debian 13)");
    return;
  }
  const auto r = run("calibrate " + tom + " --liberty " + osu018 +
                     " --sizes 16x8,32x8 --zero-shares 0.3,0.6 --held-out-sizes 32x8"
                     " --held-out-zero-shares 0.4");
  CHECK(r.code == 0);
  CHECK(has(r.out, "library osu018_stdcells (a NAND2 is 24 um^2)"));
}

TEST_CASE("calibrate without yosys, or with one that fails: exit code 1, nothing left") {
  const Folder folder;
  fs::create_directory(folder.path / "tmp");
  fs::create_directory(folder.path / "bin");
  const auto calibrate = [&](const std::string& path) {
    return run_command("TMPDIR=" + folder.file("tmp") + " PATH=" + path + " " + TOMESTIMATE_BINARY +
                       " calibrate " + tom + " --liberty " + tiny + small_grid +
                       " --node '7 nm' -o " + folder.file("out.toml"));
  };
  const auto nothing_left = [&] {
    return fs::is_empty(folder.path / "tmp") && !fs::exists(folder.file("out.toml"));
  };
  const auto missing = calibrate("/nonexistent");
  CHECK(missing.code == 1);
  CHECK(has(missing.out, "there is no yosys on PATH (apt-get install yosys)"));
  CHECK(nothing_left());

  // One that maps the NAND of the first check, and nothing after it.
  const auto real = run_command("command -v yosys").out;
  std::ofstream(folder.file("bin/yosys"))
      << "#!/bin/sh\ncase \"$*\" in *tile*) echo 'ERROR: boom'; exit 3;; esac\nexec "
      << real.substr(0, real.find('\n')) << " \"$@\"\n";
  fs::permissions(folder.file("bin/yosys"), fs::perms::owner_all);
  const auto failing = calibrate(folder.file("bin") + ":/usr/bin:/bin");
  CHECK(failing.code == 1);
  CHECK(has(failing.out, "synthesis of "));
  CHECK(has(failing.out, "ERROR: boom"));
  CHECK(nothing_left());

  std::ofstream(folder.file("bin/yosys"))
      << "#!/bin/sh\ncase \"$*\" in *tile*) kill -INT $$;; esac\nexec "
      << real.substr(0, real.find('\n')) << " \"$@\"\n";
  const auto stopped = calibrate(folder.file("bin") + ":/usr/bin:/bin");
  CHECK(stopped.code == 1);
  CHECK(has(stopped.out, "yosys was ended by signal 2"));
  CHECK(nothing_left());
}

TEST_CASE("calibrate refuses bad libraries, specs and flags") {
  const Folder folder;
  std::ofstream(folder.file("bad.lib")) << "library (bad) { this is not Liberty\n";
  const auto bad = run("calibrate " + tom + " --liberty " + folder.file("bad.lib") + small_grid);
  CHECK(bad.code == 2);
  CHECK(has(bad.out, "bad.lib: error: Yosys 0."));
  CHECK(has(bad.out, "is it a Liberty file of standard cells?"));
  CHECK(run("calibrate " + tom + " --liberty /no/such.lib").code == 2);
  CHECK(run("calibrate " + specs + "/bitnet-2b.toml --liberty " + tiny).code == 2);
  CHECK(run("calibrate " + tom).code == 2);
  const auto out = " -o " + folder.file("out.toml");
  for (const std::string& flags :
       {std::string("--sizes 8"),
        std::string("--sizes 8x0"),
        std::string("--sizes 8x4,16x"),
        std::string("--sizes 99999x99999"),
        std::string("--sizes none"),
        std::string("--zero-shares 0.5"),
        std::string("--zero-shares 0.5,0.5"),
        std::string("--zero-shares 0.5,1.1"),
        std::string("--zero-shares 0.5,nan"),
        std::string("--held-out-sizes 64x64 --held-out-zero-shares 0.35"),  // in the fit
        std::string("--scale 2"),
        std::string("--scale-source why"),
        std::string("--scale 0 --scale-source why"),
        std::string("--scale -1 --scale-source why"),
        std::string("--scale nan --scale-source why"),
        std::string("--scale 2 --scale-source why --node '7 nm'"),
        std::string("--threads 0"),
        std::string("--form rom"),
        std::string("--table nope"),
        out,
        out + " --node 180",
        out + " --node '180 um^2'"}) {
    const auto r = run("calibrate " + tom + " --liberty " + tiny + " " + flags);
    CAPTURE(flags, r.out);
    CHECK(r.code == 2);
  }
  CHECK(folder.files() == 1);
}
