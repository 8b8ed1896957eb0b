// SPDX-License-Identifier: Apache-2.0
// The report command on the real binary.
#include <algorithm>
#include <map>

#include "binary.hpp"
#include "folder.hpp"

namespace fs = std::filesystem;

namespace {

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      out[fs::relative(entry.path(), folder).string()] = read(entry.path());
  return out;
}

// The binary with only `path` to find programs in.
Result run_with_path(const fs::path& path, const std::string& arguments) {
  return run_command("PATH=" + path.string() + " " + TOMESTIMATE_BINARY + " " + arguments);
}

}  // namespace

TEST_CASE("report writes every file, and the same bytes again") {
  const Folder folder;
  const auto a = folder.file("a"), b = folder.file("b");
  const auto r = run("report " + design + " -o " + a);
  CHECK(r.code == 0);
  CHECK(r.out == "24 files in " + a + "\n");
  CHECK(run("report " + design + " -o " + b).code == 0);
  const auto files = files_of(a);
  CHECK(files == files_of(b));
  for (const std::string name :
       {"report.md", "report.html", "figures/roofline.svg", "figures/timeline.svg",
        "figures/area.svg", "figures/density.svg", "figures/energy.svg", "figures/context.svg",
        "figures/shares.svg", "figures/waterfall.svg", "figures/height.svg", "tables/summary.csv",
        "tables/binds-decode.csv", "tables/layers-decode.csv", "tables/ops-prefill.csv",
        "tables/energy.csv", "tables/area.csv", "tables/capacity.csv", "tables/assumptions.csv"})
    CHECK(files.contains(name));
  CHECK(files.at("tables/summary.csv") ==
        run("estimate " + design + " --format csv --table summary").out);
  CHECK(has(files.at("report.md"), "end to end, with host link and LM head on the host"));
  CHECK(has(files.at("report.md"), "The published tom.density"));  // specs/published.toml, beside
  // 3385.93 of 3306: (3385.93 - 3306) / 3306 = 2.418 %.
  CHECK(has(files.at("report.md"), "| 3306 | 3386 | token/s | 2.418 | predicted"));
  CHECK_FALSE(has(files.at("report.md"), "roma.throughput"));
  CHECK(has(files.at("report.html"), "tomestimate report"));
  CHECK(folder.files() == 2);

  // Again, elsewhere in the design: the old report is gone.
  CHECK(run("report " + design + " --context 400 --set chip.clock=1GHz -o " + a).code == 0);
  CHECK(has(files_of(a).at("report.html"), "--context 400 --set chip.clock=1GHz"));
  CHECK(files_of(a).at("figures/timeline.svg") != files.at("figures/timeline.svg"));
  CHECK(folder.files() == 2);
}

TEST_CASE("report refuses a folder that holds something else, and files") {
  const Folder folder;
  fs::create_directory(folder.path / "mine");
  std::ofstream(folder.path / "mine/thesis.tex") << "x";
  const auto r = run("report " + design + " -o " + folder.file("mine"));
  CHECK(r.code == 1);
  CHECK(has(r.out, "thesis.tex"));
  CHECK(has(r.out, "hint"));
  CHECK(files_of(folder.path / "mine").size() == 1);
  CHECK(run("report " + design + " -o " + folder.file("mine/thesis.tex")).code == 1);
  CHECK(read(folder.path / "mine/thesis.tex") == "x");
  CHECK(run("report " + design + " -o " + folder.file("no/where")).code == 1);
  CHECK(folder.files() == 1);
}

TEST_CASE("report without gnuplot, or with one that fails: exit code 1, nothing left") {
  const Folder folder;
  const auto tools = folder.path / "tools";
  fs::create_directory(tools);
  const auto target = folder.file("r");
  const auto missing = run_with_path(tools, "report " + design + " -o " + target);
  CHECK(missing.code == 1);
  CHECK(has(missing.out, "apt-get install gnuplot-nox"));
  CHECK(std::count(missing.out.begin(), missing.out.end(), '\n') == 1);
  const auto fake = [&](const std::string& script) {
    std::ofstream(tools / "gnuplot") << "#!/bin/sh\n" << script;
    fs::permissions(tools / "gnuplot", fs::perms::owner_all);
    return run_with_path(tools, "report " + design + " -o " + target);
  };
  const auto failing = fake("echo 'no such terminal' >&2\nexit 3\n");
  CHECK(failing.code == 1);
  CHECK(has(failing.out, "exit code 3: no such terminal"));
  CHECK(fake("echo '<svg>'\n").code == 1);  // half a picture
  CHECK(fake("kill -9 $$\n").code == 1);
  CHECK(folder.files() == 1);  // the tools

  // An old report stays as it was.
  CHECK(run("report " + design + " -o " + target).code == 0);
  const auto before = files_of(target);
  CHECK(fake("exit 1\n").code == 1);
  CHECK(files_of(target) == before);
  CHECK(folder.files() == 2);
}

TEST_CASE("report of a bad design: an error, nothing left") {
  const Folder folder;
  const auto target = folder.file("r");
  CHECK(run("report " + specs + "/published.toml " + specs + "/bitnet-2b.toml -o " + target).code ==
        2);
  CHECK(run("report " + design + " --set base.lnes=3 -o " + target).code == 2);
  CHECK(run("report " + design).code == 2);  // no -o
  CHECK(run("report " + design + " -o ''").code == 2);
  CHECK(run("report " + design + " --published /no/such.toml -o " + target).code == 2);
  const auto big = run("report " + design + " --context 4096 -o " + target);
  CHECK(big.code == 1);
  CHECK(has(big.out, "does not fit the SRAM"));
  CHECK(folder.files() == 0);
}

TEST_CASE("report of other designs: ROMA, spilled KV, LM head on the chip") {
  const Folder folder;
  const auto target = folder.file("r");
  CHECK(run("report " + specs + "/roma.toml " + specs + "/llama-3.2-3b-int4.toml -o " + target)
            .code == 0);
  CHECK(has(read(target + "/report.md"), "stores base weights in a compiled macro"));
  CHECK(run("report " + design + " --set gating.mode=none -o " + target).code == 0);
  CHECK(has(read(target + "/report.md"), "Power gating is off in this spec"));
  CHECK(run("report " + design +
            " --batch 20 --context 1000 --set sram.spill=host --set 'workspace.capacity=32 MiB' "
            "--set map.head=rom --set adapter.rank=0 -o " +
            target)
            .code == 0);
  CHECK(has(read(target + "/report.md"), "Beyond, KV spills"));
  // No bit is 1: what any bit takes is left.
  CHECK(run("report " + design + " --set weights.zero_share=1 -o " + target).code == 0);
  CHECK(has(read(target + "/report.md"), "At 100.0 % zero bits this design stores"));
}

TEST_CASE("live writes a page, alone or in a report") {
  const Folder folder;
  const auto page = folder.file("page.html"), target = folder.file("r");
  const auto r = run("live " + design + " --context 300 -o " + page);
  CHECK(r.code == 0);
  CHECK(r.out.empty());
  const auto text = read(page);
  CHECK(text.starts_with("<!DOCTYPE html>"));
  CHECK(text.ends_with("</html>\n"));
  CHECK(run("report " + design + " --live -o " + target).out == "25 files in " + target + "\n");
  CHECK(fs::file_size(target + "/live.html") > 300'000);
  CHECK(run("report " + design + " -o " + target).code == 0);  // replaces a report with a page
  CHECK_FALSE(fs::exists(target + "/live.html"));

  CHECK(run("live " + design).code == 2);
  CHECK(run("live " + design + " --set base.lames=3 -o " + folder.file("x")).code == 2);
  const auto misfit = run("live " + design + " --context 4000 -o " + page);
  CHECK(misfit.code == 1);
  CHECK(has(misfit.out, "CAUTION: as made"));
  CHECK(read(page) != text);  // shown all the same
  CHECK(folder.files() == 2);
}
