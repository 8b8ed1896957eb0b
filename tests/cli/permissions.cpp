// SPDX-License-Identifier: Apache-2.0
// The real binary where it may not read or write: the reason, the code, and nothing left behind.
// Root may do all, so under root it runs as nobody.
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <vector>

#include "binary.hpp"
#include "folder.hpp"

namespace fs = std::filesystem;

namespace {

constexpr unsigned nobody = 65534;

// A folder of somebody who may write in it, with inputs of others, and the program beside it.
struct Nobody {
  Folder folder;
  fs::path here = folder.path / "here";

  Nobody() {
    fs::permissions(folder.path, static_cast<fs::perms>(0755));
    fs::create_directory(folder.path / "bin");
    fs::copy_file(TOMESTIMATE_BINARY, folder.path / "bin/tomestimate");
    fs::copy(specs, here, fs::copy_options::recursive);
    fs::copy(test_data + "/import/data/llama-cpp-tq.gguf", here / "m.gguf");
    fs::copy(test_data + "/import/data/i8", here / "checkpoint");
    fs::copy(test_data + "/rtl/tiny.lib", here / "cells.lib");
    write("weights.txt", "1 0 -1 0\n0 0 1 1\n");
    write("study.toml",
          "kind = \"study\"\nname = \"s\"\nhardware = \"tom.toml\"\nmodel = \"bitnet-2b.toml\"\n"
          "columns = [\"power\"]\n[[vary]]\npath = \"chip.clock\"\nvalues = [\"1 GHz\"]\n");
    fs::permissions(here, static_cast<fs::perms>(0777));
  }
  ~Nobody() {  // so that it can be removed
    std::error_code ignored;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path, ignored))
      fs::permissions(entry.path(), fs::perms::owner_all, fs::perm_options::add, ignored);
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(here / name) << text;
  }
  void set_mode(const std::string& name, unsigned mode) const {
    fs::permissions(here / name, static_cast<fs::perms>(mode));
  }

  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(here))
      all[entry.path().string()] = entry.is_regular_file() ? read(entry.path()) : "folder";
    return all;
  }

  Result run_here(const std::string& arguments, const std::string& before = "") const {
    const auto as = geteuid() != 0 ? std::string()
                                   : "setpriv --reuid=" + std::to_string(nobody) +
                                         " --regid=" + std::to_string(nobody) + " --clear-groups ";
    return run_command("cd " + here.string() + " && env " + before + " " + as +
                       folder.file("bin/tomestimate") + " " + arguments);
  }
};

// Somebody who may run a program that is there for all.
bool runs() {
  const Nobody place;
  if (place.run_here("--version").code == 0) return true;
  WARN("SKIPPED: this program can't be run as nobody here");
  return false;
}

const std::string copied_design = "tom.toml bitnet-2b.toml ";
const std::string copied_grid =
    "--liberty cells.lib --heights 8 --zero-shares 0.25 --held-out-heights none --width 4 "
    "--units none ";

}  // namespace

TEST_CASE("inputs that may not be read: which, and that they may not") {
  if (!runs()) return;
  struct Case {
    std::string arguments;
    std::string file;
    int code = 2;
  };
  for (const auto& c :
       std::vector<Case>{{"estimate " + copied_design, "tom.toml"},
                         {"estimate " + copied_design, "technology/n7.toml"},
                         {"estimate " + copied_design, "technology"},
                         {"rescale tom.toml --node '5 nm'", "technology/node-factors.toml"},
                         {"check study.toml", "study.toml"},
                         {"sweep study.toml", "bitnet-2b.toml"},
                         {"published published.toml", "published.toml"},
                         {"report " + copied_design + "-o r", "published.toml"},
                         {"workbook " + copied_design + "-o w.xlsx", "tom.toml"},
                         {"live " + copied_design + "-o l.html", "bitnet-2b.toml"},
                         {"import m.gguf", "m.gguf"},
                         {"import checkpoint -o m.toml", "checkpoint"},
                         {"import checkpoint", "checkpoint/config.json"},
                         {"import checkpoint", "checkpoint/model.safetensors"},
                         {"run checkpoint --tokens 1", "checkpoint"},
                         {"run m.gguf --tokens 1", "m.gguf"},
                         {"rtl --weights weights.txt -o r.v", "weights.txt"},
                         {"rtl --dump checkpoint -o r.v", "checkpoint"},
                         {"characterize " + copied_grid, "cells.lib"},
                         {"merge weights.txt cells.lib -o m.csv", "weights.txt", 1}}) {
    const Nobody place;
    const auto before = place.contents();
    const bool is_folder = fs::is_directory(place.here / c.file);
    place.set_mode(c.file, 0);
    const auto r = place.run_here(c.arguments);
    CAPTURE(c.arguments, c.file, r.out);
    CHECK(r.code == c.code);
    CHECK(has(r.out, "Permission denied"));
    CHECK(has(r.out, c.file.substr(0, c.file.find('.'))));
    CHECK_FALSE(has(r.out, "filesystem error"));
    place.set_mode(c.file, is_folder ? 0777 : 0666);
    CHECK(place.contents() == before);
  }
}

TEST_CASE("outputs that may not be written: before work starts, with the reason") {
  if (!runs()) return;
  const std::vector<std::string> commands{
      "estimate " + copied_design + "-o ",
      "workbook " + copied_design + "-o ",
      "live " + copied_design + "-o ",
      "sweep study.toml -o ",
      "import m.gguf -o ",
      "rtl -o ",
      "rtl -o kept --testbench ",
      "rescale tom.toml --node '5 nm' -o ",
      "what-if " + copied_design + "--set chip.clock=1GHz --save ",
      "characterize " + copied_grid + "-o ",
      "characterize " + copied_grid + "--resume ",
      "published published.toml -o "};
  const std::vector<std::string> folders{"report " + copied_design + "-o ",
                                         "run bitnet-2b.toml --tokens 1 --layers 0 --dump "};
  const auto refused = [](const Nobody& place, const std::string& arguments,
                          const std::string& reason) {
    const auto before = place.contents();
    const auto r = place.run_here(arguments);
    CAPTURE(arguments, r.out);
    CHECK(r.code == 1);
    CHECK(has(r.out, reason));
    CHECK(place.contents() == before);
  };
  for (const auto* all : {&commands, &folders})
    for (const auto& command : *all) {
      const Nobody place;
      fs::create_directory(place.here / "closed");
      place.set_mode("closed", 0555);
      refused(place, command + "closed/x", "Permission denied");
      refused(place, command + "none/x", "No such file or directory");
      refused(place, command + "tom.toml/x", "Not a directory");
    }
  for (const auto& command : commands) {
    const Nobody place;
    place.write("old", "old");
    place.set_mode("old", 0444);
    refused(place, command + "old", "Permission denied");
  }
  for (const auto& command : folders) {
    const Nobody place;  // a folder that can't be emptied
    fs::create_directories(place.here / "old/figures");
    place.set_mode("old/figures", 0555);
    refused(place, command + "old", "cannot be replaced: Permission denied");
  }
}

TEST_CASE("in a sticky folder only its owner replaces a file: said before work starts") {
  if (!runs()) return;
  if (geteuid() != 0) {
    WARN("SKIPPED: one user can't make another's files");
    return;
  }
  for (const auto& command : std::vector<std::string>{
           "estimate " + copied_design + "-o ", "sweep study.toml -o ",
           "report " + copied_design + "-o ", "characterize " + copied_grid + "-o "}) {
    const Nobody place;
    const bool folder = command.starts_with("report");
    fs::create_directory(place.here / "sticky");
    place.set_mode("sticky", 01777);
    if (folder)
      fs::create_directory(place.here / "sticky/x");
    else
      place.write("sticky/x", "old");
    place.set_mode("sticky/x", folder ? 0777 : 0666);
    const auto before = place.contents();
    const auto r = place.run_here(command + "sticky/x");
    CAPTURE(command, r.out);
    CHECK(r.code == 1);
    CHECK(has(r.out, "cannot be replaced: the folder is sticky, and what is there another user's"));
    CHECK(place.contents() == before);
  }
}

TEST_CASE("a temporary folder that can't be made names TMPDIR") {
  if (!runs()) return;
  const Nobody place;
  fs::create_directory(place.here / "closed");
  place.set_mode("closed", 0555);
  const auto before = place.contents();
  for (const auto& [folder, reason] :
       std::map<std::string, std::string>{{"closed", "Permission denied"},
                                          {"none", "No such file or directory"},
                                          {"tom.toml", "Not a directory"}})
    for (const auto& command : std::vector<std::string>{
             "workbook " + copied_design + "-o w.xlsx", "report " + copied_design + "-o r",
             "sweep study.toml --plot p.svg", "characterize " + copied_grid + "-o t.toml"}) {
      const auto r = place.run_here(command, "TMPDIR=" + folder);
      CAPTURE(command, r.out);
      CHECK(r.code == 1);
      CHECK(has(r.out, "no temporary folder can be made in " + folder + " (TMPDIR): " + reason));
      CHECK(place.contents() == before);
    }
}
