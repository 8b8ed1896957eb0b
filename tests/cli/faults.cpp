// SPDX-License-Identifier: Apache-2.0
// The real binary under signals, programs that hang, and full disks: nothing is left behind,
// nothing hangs, and what was there stays whole.
#include <algorithm>
#include <chrono>
#include <thread>

#include <sys/mount.h>

#include "binary.hpp"
#include "folder.hpp"
#include "lives.hpp"

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

// Where a command works, and stand-ins for the programs that it starts.
struct Place {
  Folder folder;

  Place() {
    for (const auto* name : {"tmp", "bin", "out"}) fs::create_directory(folder.path / name);
  }

  // A program that tells its process, and hangs with a child that hangs too.
  void hanging(const std::string& name, const std::string& first = "") const {
    std::ofstream(folder.path / "bin" / name)
        << "#!/bin/sh\n"
        << first << "echo $$ >> " << folder.file("started") << "\nsleep 1000 &\necho $! >> "
        << folder.file("started") << "\nwait\n";
    fs::permissions(folder.path / "bin" / name, fs::perms::owner_all);
  }

  std::string command(const std::string& arguments, const std::string& before = "") const {
    return "cd " + folder.path.string() + " && TMPDIR=" + folder.file("tmp") +
           " PATH=" + folder.file("bin") + ":$PATH " + before + " " + TOMESTIMATE_BINARY + " " +
           arguments;
  }

  Result run_here(const std::string& arguments, const std::string& before = "") const {
    return run_command(command(arguments, before));
  }

  // No process that was started lives, and nothing is left in the temporary folder.
  bool clean() const {
    std::ifstream in(folder.file("started"));
    for (pid_t process = 0; in >> process;)
      for (int i = 0; lives(process); ++i) {
        if (i == 250) return false;
        std::this_thread::sleep_for(20ms);
      }
    return fs::is_empty(folder.path / "tmp") && fs::is_empty(folder.path / "out");
  }
};

}  // namespace

TEST_CASE("signals at any time: temporary folders go, what was there stays") {
  const Place place;
  std::ofstream(place.folder.file("kept.xlsx")) << "old";
  const std::vector<std::string> commands{
      "workbook " + design + " -o kept.xlsx", "report " + design + " -o out/report",
      "run " + test_data + "/reference/data/packed --tokens 1,2,3 --generate 300 --dump out/dump"};
  for (const auto& command : commands)
    for (const std::string signal : {"INT", "TERM", "HUP"})
      for (const std::string after : {"0.02", "0.1", "0.2", "0.35", "0.5"}) {
        const auto r =
            place.run_here(command, "timeout --preserve-status -k 20 -s " + signal + " " + after);
        CAPTURE(command, signal, after, r.out);
        const bool done = r.code == 0;
        const bool ended = r.code == 128 + (signal == "INT" ? 2 : signal == "TERM" ? 15 : 1);
        CHECK((done || ended));
        if (done) {
          fs::remove_all(place.folder.path / "out/report");
          fs::remove_all(place.folder.path / "out/dump");
          std::ofstream(place.folder.file("kept.xlsx")) << "old";
        }
        CHECK(place.clean());
        CHECK(read(place.folder.file("kept.xlsx")) == "old");
      }
}

TEST_CASE("gnuplot and yosys end with the program that started them") {
  for (const std::string signal : {"INT", "TERM", "HUP", "KILL"}) {
    const Place place;
    place.hanging("gnuplot");
    place.hanging("yosys");
    for (const auto& arguments : {"report " + design + " -o out/report",
                                  "characterize --liberty " + tiny_cells + " --units none"}) {
      // Once the stand-in runs, and not before. A shell has INT ignored by what runs behind it.
      const auto r =
          run_command("rm -f " + place.folder.file("started") + "; " +
                      place.command(arguments, "env --default-signal") +
                      " & p=$!; for i in $(seq 600); do [ $(cat " + place.folder.file("started") +
                      " 2>/dev/null | wc -l) -ge 2 ] && break; sleep 0.05; done; kill -s " +
                      signal + " $p; wait $p; echo ended $?");
      CAPTURE(signal, arguments, r.out);
      CHECK(has(r.out, "ended 1"));
      if (signal == "KILL") {
        // The leftover goes when the next one makes a folder. A grandchild may outlive this.
        CHECK_FALSE(fs::is_empty(place.folder.path / "tmp"));
        CHECK(place.run_here("workbook " + design + " -o kept.xlsx").code == 0);
        run_command("kill -9 $(cat " + place.folder.file("started") + ")");
      }
      CHECK(place.clean());
    }
  }
}

TEST_CASE("a program that hangs is ended, with a clear message") {
  const Place place;
  place.hanging("gnuplot");
  place.hanging("yosys");
  const auto report =
      place.run_here("report " + design + " -o out/report", "TOMESTIMATE_TIMEOUT=1");
  CHECK(report.code == 1);
  CHECK(has(report.out, "gnuplot took more than 1 s and was ended"));
  CHECK(place.clean());
  const auto calibrate = place.run_here("characterize --liberty " + tiny_cells + " --units none",
                                        "TOMESTIMATE_TIMEOUT=1");
  CHECK(calibrate.code == 1);
  CHECK(has(calibrate.out, "yosys took more than 1 s and was ended"));
  CHECK(place.clean());
}

TEST_CASE("ignored signals stay ignored") {
  const Place place;
  const auto r = run_command("trap '' HUP; " + place.command("workbook " + design + " -o w.xlsx") +
                             " & p=$!; sleep 0.1; kill -HUP $p; wait $p; echo ended $?");
  CHECK(has(r.out, "ended 0"));
}

TEST_CASE("a full disk: the reason, and what was there stays whole") {
  const Place place;
  const auto disk = place.folder.path / "disk";
  fs::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0) {
    WARN("SKIPPED: no small file system can be mounted here");
    return;
  }
  std::ofstream(disk / "old.csv") << "old";
  std::ofstream(disk / "ballast") << std::string(40'000, 'x');
  const auto out = [&](const std::string& command, const std::string& file) {
    return place.run_here(command + " -o " + (disk / file).string());
  };
  const auto csv = out("quantities " + design + " --format csv", "old.csv");
  CHECK(csv.code == 1);
  CHECK(has(csv.out, "No space left on device"));
  CHECK(read(disk / "old.csv") == "old");
  const auto report = out("report " + design, "report");
  CHECK(report.code == 1);
  CHECK(has(report.out, "No space left on device"));
  const auto book = run_command("TMPDIR=" + disk.string() + " " + TOMESTIMATE_BINARY +
                                " workbook " + design + " -o " + place.folder.file("w.xlsx"));
  CHECK(book.code == 1);
  CHECK(has(book.out, "No space left on device"));
  CHECK(has(book.out, disk.string()));
  CHECK(has(book.out, "TMPDIR"));
  CHECK(std::count(book.out.begin(), book.out.end(), '\n') == 1);
  CHECK_FALSE(fs::exists(place.folder.file("w.xlsx")));
  const auto left = std::distance(fs::directory_iterator(disk), {});
  umount(disk.c_str());
  CHECK(left == 2);
  CHECK(place.clean());
}
