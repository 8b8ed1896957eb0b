// SPDX-License-Identifier: Apache-2.0
// Outputs of the real binary: none may be an input, devices stay devices, and what can't be written
// is refused with the reason before work starts.
#include <algorithm>
#include <array>
#include <map>

#include <sys/stat.h>

#include "binary.hpp"
#include "folder.hpp"

namespace fs = std::filesystem;

namespace {

// Copies of a design, a study on it, and what else commands read.
struct Inputs {
  Folder folder;

  Inputs() {
    for (const std::string name : {"tom.toml", "bitnet-2b.toml", "published.toml"})
      fs::copy(specs + "/" + name, folder.path / name);
    for (const auto& entry : fs::directory_iterator(specs))
      fs::copy(entry.path(), folder.path / entry.path().filename(),
               fs::copy_options::skip_existing);
    fs::copy(specs + "/technology", folder.path / "technology");
    fs::copy(test_data + "/import/data/llama-cpp-tq.gguf", folder.path / "m.gguf");
    fs::copy(test_data + "/import/data/i8", folder.path / "checkpoint");
    fs::copy(test_data + "/rtl/tiny.lib", folder.path / "cells.lib");
    std::ofstream(folder.path / "weights.txt") << "1 0 -1 0\n0 0 1 1\n";
    std::ofstream(folder.path / "study.toml")
        << "kind = \"study\"\nname = \"s\"\nhardware = \"tom.toml\"\nmodel = \"bitnet-2b.toml\"\n"
           "columns = [\"power\"]\n[[vary]]\npath = \"chip.clock\"\nvalues = [\"1 GHz\"]\n";
    std::ofstream(folder.path / "based.toml")
        << "kind = \"model\"\nbased_on = \"bitnet-2b\"\n[model]\nlayers = 1\n";
    fs::create_symlink("tom.toml", folder.path / "link.toml");
    fs::create_hard_link(folder.path / "tom.toml", folder.path / "hard.toml");
    fs::create_directory(folder.path / "sub");
  }

  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path))
      if (entry.is_regular_file()) all[entry.path().string()] = read(entry.path());
    return all;
  }

  Result run_here(const std::string& arguments) const {
    return run_command("cd " + folder.path.string() + " && " + TOMESTIMATE_BINARY + " " +
                       arguments);
  }
};

}  // namespace

TEST_CASE("no output of any command may be one of its inputs: exit code 2, naming both") {
  const Inputs inputs;
  const auto before = inputs.contents();
  const std::string local = "tom.toml bitnet-2b.toml ";
  for (const std::array<std::string, 3>& c : std::initializer_list<std::array<std::string, 3>>{
           {"import m.gguf -o m.gguf", "m.gguf", "SOURCE"},
           {"import m.gguf -o ./sub/../m.gguf", "m.gguf", "SOURCE"},
           {"import checkpoint -o checkpoint/config.json", "config.json", "SOURCE"},
           {"estimate " + local + "--format csv -o tom.toml", "tom.toml", "HARDWARE"},
           {"estimate " + local + "-o bitnet-2b.toml", "bitnet-2b.toml", "MODEL"},
           {"estimate " + local + "-o link.toml", "link.toml", "HARDWARE"},
           {"estimate " + local + "-o hard.toml", "hard.toml", "HARDWARE"},
           {"estimate link.toml bitnet-2b.toml -o tom.toml", "tom.toml", "HARDWARE"},
           {"estimate " + local + "-o sub/../tom.toml", "sub/../tom.toml", "HARDWARE"},
           {"validate --small " + local + "-o tom.toml", "tom.toml", "HARDWARE"},
           {"workbook " + local + "-o bitnet-2b.toml", "bitnet-2b.toml", "MODEL"},
           {"what-if " + local + "--set chip.clock=1GHz -o tom.toml", "tom.toml", "HARDWARE"},
           {"compare tom.toml,bitnet-2b.toml roma.toml,bitnet-2b.toml -o roma.toml", "roma.toml",
            "HARDWARE"},
           {"solve " + local + "--vary chip.clock --target power=5 -o tom.toml", "tom.toml",
            "HARDWARE"},
           {"sensitivity " + local + "-o tom.toml", "tom.toml", "HARDWARE"},
           {"uncertainty " + local + "-o tom.toml", "tom.toml", "HARDWARE"},
           {"parameters " + local + "-o tom.toml", "tom.toml", "HARDWARE"},
           {"explain power " + local + "-o tom.toml", "tom.toml", "HARDWARE"},
           {"quantities " + local + "-o tom.toml", "tom.toml", "HARDWARE"},
           {"sweep study.toml -o study.toml", "study.toml", "STUDY"},
           {"sweep study.toml -o tom.toml", "tom.toml", "HARDWARE"},
           {"sweep " + local + "--vary base.lanes=8 --save tom.toml", "tom.toml", "HARDWARE"},
           {"sweep " + local + "--vary base.lanes=8 --save r.csv -o r.csv", "r.csv", "-o"},
           {"pareto study.toml -o bitnet-2b.toml", "bitnet-2b.toml", "MODEL"},
           {"merge weights.txt cells.lib -o cells.lib", "cells.lib", "SHARD"},
           {"published published.toml -o published.toml", "published.toml", "FIGURES"},
           {"published published.toml -o tom.toml", "tom.toml", "FIGURES"},
           {"rtl --weights weights.txt -o weights.txt", "weights.txt", "--weights"},
           {"rtl --weights weights.txt --testbench weights.txt", "weights.txt", "--weights"},
           {"rtl -o sub/same.v --testbench sub/../sub/same.v", "same.v", "-o"},
           {"characterize --liberty cells.lib -o cells.lib", "cells.lib", "--liberty"},
           {"rescale tom.toml --node '12 nm' -o tom.toml", "tom.toml", "HARDWARE"},
           {"rescale tom.toml --node '12 nm' -o technology/n7.toml", "technology/n7.toml",
            "part of HARDWARE"},
           {"rescale tom.toml --node '12 nm' -o technology/node-factors.toml", "node-factors.toml",
            "--factors"},
           {"run based.toml --tokens 1 -o bitnet-2b.toml", "bitnet-2b.toml", "part of MODEL"},
           {"validate " + local + "--data based.toml --tokens 1 -o based.toml", "based.toml",
            "--data"},
           {"live " + local + "-o bitnet-2b.toml", "bitnet-2b.toml", "MODEL"},
           {"report " + local + "-o .", "tom.toml", "HARDWARE"},
           {"report " + local + "--published published.toml -o sub/..", "tom.toml", "HARDWARE"}}) {
    const auto r = inputs.run_here(c[0]);
    CAPTURE(c[0], r.out);
    CHECK(r.code == 2);
    CHECK(has(r.out, c[1]));
    CHECK(has(r.out, c[2]));
    CHECK(inputs.contents() == before);
  }
}

TEST_CASE("the .part of an output is not what the same run has saved") {
  const Inputs inputs;
  const auto r = inputs.run_here(
      "sweep tom.toml bitnet-2b.toml --vary base.lanes=8 --save r.csv.part -o r.csv");
  CHECK(r.code == 2);
  CHECK(has(r.out, "the .part of -o: r.csv.part would overwrite r.csv.part"));
  CHECK(has(read(inputs.folder.file("r.csv.part")), "kind = \"study\""));
}

TEST_CASE("a .part that leads to another file is no sweep's") {
  const Inputs inputs;
  const auto part = inputs.folder.path / "r.csv.part";
  const auto refused = [&](const std::string& reason) {
    const auto before = inputs.contents();
    const auto r = inputs.run_here("sweep study.toml -o r.csv");
    CAPTURE(r.out);
    CHECK(r.code == 1);
    CHECK(has(r.out, "r.csv.part: " + reason));
    CHECK(inputs.contents() == before);
    fs::remove(part);
  };
  fs::create_symlink("cells.lib", part);
  refused("is a link, and no file of a sweep");
  fs::create_hard_link(inputs.folder.path / "cells.lib", part);
  refused("has another name, or is no regular file");
  REQUIRE(mkfifo(part.c_str(), 0600) == 0);
  refused("has another name, or is no regular file");
  fs::create_directory(part);
  refused("is a folder, not a file");
}

TEST_CASE("outputs to devices, pipes and links") {
  const Inputs inputs;
  const auto file = [&](const std::string& name) { return inputs.folder.file(name); };
  const std::string csv = "estimate tom.toml bitnet-2b.toml --format csv --table summary -o ";
  const auto right =
      inputs.run_here("estimate tom.toml bitnet-2b.toml --format csv --table summary");
  for (const std::string& command : {csv, std::string("workbook tom.toml bitnet-2b.toml -o "),
                                     std::string("sweep study.toml -o "),
                                     std::string("import m.gguf -o "), std::string("rtl -o ")}) {
    CAPTURE(command);
    CHECK(inputs.run_here(command + "/dev/null").code == 0);
    CHECK(fs::is_character_file("/dev/null"));
    const auto full = inputs.run_here(command + "/dev/full");
    CHECK(full.code == 1);
    if (!command.starts_with("sweep")) CHECK(has(full.out, "No space left on device"));
  }
  CHECK(inputs.run_here(csv + "/dev/stdout").out == right.out);
  CHECK(inputs.run_here(csv + "/dev/stdout | cat").out == right.out);

  REQUIRE(mkfifo(file("fifo").c_str(), 0600) == 0);
  CHECK(run_command("cd " + inputs.folder.path.string() + "; cat fifo & " + TOMESTIMATE_BINARY +
                    " " + csv + "fifo; wait")
            .out == right.out);
  CHECK(fs::is_fifo(file("fifo")));

  fs::create_symlink("sub/real.csv", file("alias.csv"));
  CHECK(inputs.run_here(csv + "alias.csv").code == 0);
  CHECK(fs::is_symlink(file("alias.csv")));
  CHECK(read(file("sub/real.csv")) == right.out);
  CHECK(inputs.run_here("sweep study.toml -o alias.csv").code == 0);
  CHECK(fs::is_symlink(file("alias.csv")));
  CHECK(has(read(file("sub/real.csv")), "chip.clock [MHz],power"));
}

TEST_CASE("what cannot be written is refused before work starts, with the reason") {
  const Inputs inputs;
  const auto before = inputs.contents();
  for (const std::string command :
       {"estimate tom.toml bitnet-2b.toml -o ", "workbook tom.toml bitnet-2b.toml -o ",
        "sweep study.toml -o ", "import m.gguf -o ", "rtl -o ", "pareto study.toml -o ",
        "characterize --liberty cells.lib -o "}) {
    for (const auto& [where, why] : {std::pair<std::string, std::string>{"sub", "is a folder"},
                                     {"no/such/out", "No such file or directory"},
                                     {"tom.toml/out", "Not a directory"}}) {
      const auto r = inputs.run_here(command + where);
      CAPTURE(command, where, r.out);
      CHECK(r.code == 1);
      CHECK(has(r.out, why));
      CHECK(has(r.out, where));
    }
    const auto nothing = inputs.run_here(command + "''");
    CHECK(nothing.code == 2);
    CHECK(has(nothing.out, "names no file"));
  }
  CHECK(inputs.run_here("report tom.toml bitnet-2b.toml -o no/such").code == 1);
  CHECK(inputs.contents() == before);
}

TEST_CASE("a full or missing temporary folder names TMPDIR, once") {
  const Inputs inputs;
  for (const std::string command :
       {"workbook tom.toml bitnet-2b.toml -o w.xlsx", "report tom.toml bitnet-2b.toml -o r",
        "characterize --liberty cells.lib"}) {
    const auto r = run_command("cd " + inputs.folder.path.string() + " && TMPDIR=/no/such " +
                               TOMESTIMATE_BINARY + " " + command);
    CAPTURE(command, r.out);
    CHECK(r.code == 1);
    CHECK(has(r.out, "/no/such (TMPDIR): No such file or directory"));
    CHECK(std::count(r.out.begin(), r.out.end(), '\n') == 1);
  }
}
