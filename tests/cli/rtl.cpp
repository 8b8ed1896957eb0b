// SPDX-License-Identifier: Apache-2.0
// rtl and characterize on the real binary, with the real simulator and the real synthesis.
#include <filesystem>
#include <fstream>
#include <string>

#include "binary.hpp"
#include "catch.hpp"
#include "folder.hpp"

namespace fs = std::filesystem;

namespace {

const std::string asap7 = specs + "/technology/asap7-cells.toml";
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

// Small enough for a test, large enough for a fit.
const std::string small_grid =
    " --heights 8,16 --zero-shares 0.25,0.5 --held-out-heights 12 --held-out-zero-shares 0.4"
    " --width 4 --units none";

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

TEST_CASE("a bank of a layer's weights from an array reads back as them") {
  const Folder folder;
  const std::string header = "{'descr': '|i1', 'fortran_order': False, 'shape': (6, 8), }\n";
  std::string bytes = "\x93NUMPY";
  bytes += std::string("\x01\x00", 2) + static_cast<char>(header.size()) + '\0' + header;
  for (int i = 0; i < 48; ++i) bytes += static_cast<char>(i * 7 % 3 - 1);
  std::ofstream(folder.file("w.npy"), std::ios::binary) << bytes;
  const auto weights = "--weights " + folder.file("w.npy");
  REQUIRE(make_rom(folder, weights + " --rows 1 --width 4").code == 0);  // a row is two words
  CHECK(has(simulate(folder), "PASS: 12 words of 4 weights"));
  REQUIRE(make_rom(folder, weights).code == 0);
  CHECK(has(simulate(folder), "PASS: 6 words of 8 weights"));
  CHECK(make_rom(folder, weights + " --rows 1 --width 3").code == 2);
}

TEST_CASE("an arithmetic unit with its testbench") {
  const Folder folder;
  REQUIRE(make_rom(folder, "--unit mvu --lanes 4 --vectors 32 --module slice").code == 0);
  CHECK(has(read(folder.file("rom.v")),
            "// Made by: tomestimate rtl --unit mvu --lanes 4 --module slice\n"));
  CHECK(has(simulate(folder), "PASS: 32 vectors"));
  REQUIRE(make_rom(folder, "--unit fp16-add --seed 3").code == 0);
  CHECK(has(simulate(folder), "PASS: 64 vectors"));
  for (const std::string bad : {"--unit mvu --lanes 3", "--unit mvu --lanes 2048", "--unit alu",
                                "--unit mvu --words 4", "--lanes 4", "--unit mvu --vectors 0"}) {
    const auto r = run("rtl " + bad);
    CAPTURE(bad, r.out);
    CHECK(r.code == 2);
  }
}

TEST_CASE("characterize's tables are the same for any number of threads") {
  const auto command = "characterize --cells " + asap7 + small_grid;
  const auto one = run(command + " --format csv --table banks --threads 1");
  CHECK(one.code == 0);
  CHECK(has(one.out,
            "use,words,weights a word,zero weights [%],zero bits [%],cells,gates deep,"
            "area [um^2],area a bit [um^2/bit],"));
  CHECK(has(one.out, "\nfit,8,4,25,62.5,"));                 // 32 weights, 8 of them zero
  CHECK(has(one.out, "\nheld out,12,4,39.58333333333333"));  // round(0.4 x 48) = 19 of 48
  CHECK(run(command + " --format csv --table banks --threads 3").out == one.out);
}

TEST_CASE("characterize writes values of a technology, and goes on from what it kept") {
  const Folder folder;
  const auto command = "characterize --cells " + asap7 + small_grid + " --resume " +
                       folder.file("kept") + " -o " + folder.file("t.toml");
  const auto r = run(command + " --variant slvt-ss");
  CAPTURE(r.out);
  CHECK(r.code == 0);
  CHECK(has(r.out, "asap7 slvt-ss at 0.63 V, 100 C"));
  CHECK(has(r.out, "No delays in this library"));
  const auto text = read(folder.file("t.toml"));
  CHECK(has(text, "[bank]\narea_entropy = { value = \""));
  CHECK(has(text, "grade = \"derived\""));
  CHECK(has(text, "area_error = { value = 1, "));
  CHECK(has(text, "[flip_flop]"));
  // With no yosys any more all of it is known, but yosys's version.
  CHECK(run(command + " --variant slvt-ss --format csv").code == 0);
  CHECK(read(folder.file("t.toml")) == text);
}

TEST_CASE("characterize --resume believes what it wrote, and spoils nothing else") {
  const Folder folder;
  const auto file = folder.file("kept");
  const auto command = "characterize --liberty " + tiny_cells +
                       " --heights 8 --zero-shares 0.25 --held-out-heights none --width 4 --units"
                       " none --format csv --table paths --resume " +
                       file;
  const auto write = [&](const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
  };
  // Files of somebody's, whole lines or not.
  for (const std::string text : {"notes without a line end", "a\t1 2 3\n", "kind = \"hardware\"\n",
                                 "tomestimate characterize 0.0 2\na\t1\t0\n"}) {
    write(text);
    const auto r = run(command);
    CAPTURE(r.out);
    CHECK(r.code == 2);
    CHECK(has(r.out, text.starts_with("tomestimate")
                         ? "kept:1:1: error: was written by another version"
                         : "kept:1:1: error: is no file that characterize"));
    CHECK(read(file) == text);
  }
  fs::remove(file);
  const auto first = run(command);
  REQUIRE(first.code == 0);
  const auto kept = read(file);
  // A flipped digit is refused, a line cut short is measured again.
  for (const auto at : {kept.size() - 30, kept.size() / 2}) {
    auto bad = kept;
    bad[at] = bad[at] == '7' ? '8' : '7';
    write(bad);
    const auto r = run(command);
    CAPTURE(r.out, at);
    CHECK(r.code == 2);
    CHECK(has(r.out, "kept:2:1: error: is damaged: this line is not as it was written"));
    CHECK(read(file) == bad);
  }
  for (const auto left : {kept.size() - 1, kept.size() - 40, std::size_t{10}, std::size_t{0}}) {
    write(kept.substr(0, left));
    const auto r = run(command);
    CHECK(r.out == first.out);
    CHECK(read(file) == kept);
  }
  // One run at a time.
  const auto r =
      run_command("exec 9>>" + file + "; flock -n 9; " + TOMESTIMATE_BINARY + " " + command);
  CHECK(r.code == 1);
  CHECK(has(r.out, "is writing it; give another file, or wait for its end"));
  CHECK(read(file) == kept);
}

TEST_CASE("longest paths where the library has delays: gates of 1 ns, by their depth") {
  const Folder folder;
  const auto command = "characterize --liberty " + tiny_cells +
                       " --heights 16 --zero-shares 0.25 --held-out-heights none --width 4"
                       " --units none --format csv --table paths --resume " +
                       folder.file("kept") + " -o " + folder.file("t.toml");
  const auto r = run(command);
  CHECK(r.code == 0);
  CHECK(
      has(r.out,
          "of,gates deep,as mapped [ns],with buffers [ns],\"buffers, of area [%]\",clock [MHz]\n"));
  const auto row = r.out.substr(r.out.find("bank 16 x 4"));
  CAPTURE(r.out);
  const auto field = [&row](int n) {
    std::size_t at = row.find("weights\"") + 9;
    for (int i = 1; i < n; ++i) at = row.find(',', at) + 1;
    return std::stod(row.substr(at));
  };
  CHECK(field(2) == Approx(field(1)));  // as many ns as gates
  CHECK(field(3) >= field(2));
  CHECK(field(5) == Approx(1000 / field(3)));
  CHECK(has(read(folder.file("t.toml")), "longest_path = { value = \""));
  CHECK(run(command).out == r.out);               // from what was kept
  CHECK(run(command + " --slew 500").code == 0);  // measured again
  CHECK(run(command + " --slew -1").code == 2);
}

TEST_CASE("weights of one's own are one more bank to judge by") {
  const Folder folder;
  std::ofstream(folder.file("w.csv")) << "1,0,-1,0\n0,0,1,1\n-1,-1,0,0\n1,1,1,-1\n";
  const auto r = run("characterize --cells " + asap7 + small_grid + " --weights " +
                     folder.file("w.csv") + " --format csv --table banks");
  CHECK(r.code == 0);
  CHECK(has(r.out, "\ngiven,4,4,37.5,"));
}

TEST_CASE("characterize with a real library") {
  if (!fs::exists(osu018)) {
    WARN("SKIPPED: no " + osu018 + " (package qflow-tech-osu018, not in Debian 13)");
    return;
  }
  const auto r = run("characterize --liberty " + osu018 + small_grid);
  CHECK(r.code == 0);
  CHECK(has(r.out, "(a NAND2 is 24 um^2)"));
  CHECK(has(r.out, "Longest paths"));
  CHECK(has(r.out, "before and after ports stands a DFF"));
  CHECK(!has(r.out, "No delays"));
}

TEST_CASE("characterize without yosys, or with one that fails: exit code 1, nothing left") {
  const Folder folder;
  fs::create_directory(folder.path / "tmp");
  fs::create_directory(folder.path / "bin");
  const auto characterize = [&](const std::string& path) {
    return run_command("TMPDIR=" + folder.file("tmp") + " PATH=" + path + " " + TOMESTIMATE_BINARY +
                       " characterize --cells " + asap7 + small_grid + " -o " +
                       folder.file("out.toml"));
  };
  const auto nothing_left = [&] {
    return fs::is_empty(folder.path / "tmp") && !fs::exists(folder.file("out.toml"));
  };
  const auto missing = characterize("/nonexistent");
  CHECK(missing.code == 1);
  CHECK(has(missing.out, "there is no yosys on PATH (apt-get install yosys)"));
  CHECK(nothing_left());

  // One that maps the NAND of the first check, and nothing after it.
  const auto real = run_command("command -v yosys").out;
  const auto fake = [&](const std::string& failure) {
    std::ofstream(folder.file("bin/yosys"))
        << "#!/bin/sh\ncase \"$*\" in *task*) " << failure << ";; esac\nexec "
        << real.substr(0, real.find('\n')) << " \"$@\"\n";
    fs::permissions(folder.file("bin/yosys"), fs::perms::owner_all);
    return characterize(folder.file("bin") + ":/usr/bin:/bin");
  };
  const auto failing = fake("echo 'ERROR: boom'; exit 3");
  CHECK(failing.code == 1);
  CHECK(has(failing.out, "synthesis of "));
  CHECK(has(failing.out, "ERROR: boom"));
  CHECK(nothing_left());

  const auto stopped = fake("kill -INT $$");
  CHECK(stopped.code == 1);
  CHECK(has(stopped.out, "yosys was ended by signal 2"));
  CHECK(nothing_left());
}

TEST_CASE("characterize refuses bad cells and flags") {
  const Folder folder;
  std::ofstream(folder.file("bad.lib")) << "library (bad) { this is not Liberty\n";
  const auto bad = run("characterize --liberty " + folder.file("bad.lib") + small_grid);
  CHECK(bad.code == 2);
  CHECK(has(bad.out, "bad.lib:1:"));
  CHECK(has(bad.out, "is it a Liberty file of standard cells?"));
  CHECK(run("characterize --liberty /no/such.lib").code == 2);
  CHECK(run("characterize --cells asap8" + small_grid).code == 2);
  CHECK(run("characterize --cells " + specs + "/bitnet-2b.toml" + small_grid).code == 2);
  for (const std::string flags :
       {"--variant hvt-tt", "--heights 8x4", "--heights 1", "--heights 99999", "--zero-shares 1.1",
        "--zero-shares nan", "--held-out-heights 64 --held-out-zero-shares 0.3", "--units alu",
        "--lanes 3", "--wire -1", "--wire nan", "--zero-blocks 0.4", "--width 0", "--threads 0",
        "--form rom", "--table nope", "--weights /no/such.csv"}) {
    const auto r = run("characterize --cells " + asap7 + " " + flags);
    CAPTURE(flags, r.out);
    CHECK(r.code == 2);
  }
  CHECK(folder.files() == 1);
}

TEST_CASE("bank and int8 MVU of a layer that was run read back the reference's sums") {
  const Folder folder;
  const auto dump = folder.file("dump"), bench = folder.file("bench.v");
  REQUIRE(run("run " + test_data +
              "/reference/data/packed --tokens 5,17,3,9 --dump-weights --dump " + dump)
              .code == 0);
  for (const std::string projection : {"q", "k", "v", "o", "gate", "up", "down"}) {
    REQUIRE(make_rom(folder, "--dump " + dump + " --layer 1 --projection " + projection +
                                 " --first-row 3 --rows 6 --lanes 16")
                .code == 0);
    CHECK(simulate(folder) == "PASS: 24 sums\n");
  }
  CHECK(has(read(folder.file("rom.v")), "output wire [31:0] sum"));

  // An activation with another last bit, and a sum whose sign is lost.
  const auto good = read(bench);
  auto text = good;
  const auto digit = text.find(';', text.find("codes[0] = ")) - 1;
  text[digit] = text[digit] == '0' ? '1' : '0';
  std::ofstream(bench) << text;
  CHECK(has(simulate(folder), "of 24 sums differ"));
  text = good;
  const auto sign = text.find("= 32'hffff");
  REQUIRE(sign != std::string::npos);
  std::ofstream(bench) << text.replace(sign + 6, 4, "0000");
  CHECK(has(simulate(folder), "FAIL: 1 of 24 sums differ"));
}

TEST_CASE("bank and MVU of a layer that was run read back the reference's sums") {
  const std::string model =
      "run " + test_data + "/reference/data/packed --tokens 5,17,3 --generate 1 ";
  const Folder folder;
  const auto dump = folder.file("dump"), rom = folder.file("rom.v"), bench = folder.file("bench.v");
  REQUIRE(run(model + "--arithmetic fp8 --dump-weights --dump " + dump).code == 0);
  // 3 tokens x rows.
  REQUIRE(make_rom(folder, "--dump " + dump + " --layer 1 --projection down --lanes 32").code == 0);
  CHECK(simulate(folder) == "PASS: 12 sums\n");
  for (const std::string projection : {"q", "k", "v", "o", "gate", "up", "down"}) {
    REQUIRE(make_rom(folder, "--dump " + dump + " --layer 2 --projection " + projection +
                                 " --first-row 5 --rows 7 --lanes 8 --form minterms")
                .code == 0);
    CHECK(simulate(folder) == "PASS: 21 sums\n");
  }

  // A testbench that wants another sum.
  auto text = read(bench);
  const auto last = text.find(';', text.find("wanted[20] = ")) - 1;
  text[last] = text[last] == '0' ? '1' : '0';
  // The last hexadecimal digit of a sum in units of 2^-18 is 0, as it is a multiple of 2^-9.
  CHECK(text[last] == '1');
  std::ofstream(bench) << text;
  CHECK(has(simulate(folder), "FAIL: 1 of 21 sums differ"));

  const auto refused = [&](const std::string& flags, const std::string& why) {
    const auto result = run("rtl --dump " + flags);
    INFO(result.out);
    CHECK(result.code == 2);
    CHECK(has(result.out, why));
  };
  refused(dump + " --layer 3", "has no codes of q in layer 3");
  refused(dump + " --rows 65", "q has 64 rows, and 65 from 0 are beyond them");
  refused(dump + " --first-row 64", "q has 64 rows");
  refused(dump + " --lanes 128", "128 lanes do not divide the 64 inputs of q");
  refused(dump + " --lanes 3", "power of two");
  refused(dump + " --projection x", "is not one of");
  refused(dump + " --seed 3", "excludes");
  refused(folder.file("none"), "no such file");
  const auto other = folder.file("other");
  REQUIRE(run(model + "--arithmetic fp8 --dump " + other).code == 0);
  refused(other, "has no weights of q in layer 0");
  std::ofstream(other + "/manifest.json") << "[1]";
  refused(other, "is no manifest of a dump");
  fs::resize_file(dump + "/pass000/layer00/q.output.sums.npy", 200);
  refused(dump, "ends before its array of 3 x 64");
  CHECK(run("rtl --lanes 8").code == 2);
}
