// SPDX-License-Identifier: Apache-2.0
// Studies without a file: sweep, pareto and solve on two specs and flags.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "binary.hpp"
#include "folder.hpp"

TEST_CASE("sweep on two specs gives the bytes of the study it saves") {
  const Folder folder;
  const auto study = (folder.path / "study.toml").string();
  const auto r =
      run("sweep " + design +
          " --vary base.lanes=8,16,32 --vary chip.clock=0.2..1GHz/3 --where \"power < "
          "4[W]\" --columns throughput,power --context 128 --set adapter.rank=8 --save " +
          study);
  CHECK(r.code == 0);
  CHECK(r.out.starts_with("base.lanes,chip.clock [MHz],throughput [token/s],power [W],status\n"));
  CHECK(has(r.out, "\n16,600,"));
  CHECK(run("check " + study).code == 0);
  CHECK(run("sweep " + study).out == r.out);
}

TEST_CASE("values of --vary: lists, ranges, steps, switches, names") {
  const auto rows = [](const std::string& vary) {
    // What the area does not hang on is told on standard error.
    const auto r = run_command("( " TOMESTIMATE_BINARY " sweep " + design +
                               " --columns area --vary " + vary + " 2>/dev/null )");
    CHECK(r.code == 0);
    return r.out;
  };
  CHECK(lines(rows("chip.clock=200MHz,0.3GHz")).size() == 3);
  CHECK(has(rows("chip.clock=200,300MHz"), "\n200,"));  // one unit for all
  CHECK(lines(rows("chip.clock=0.2..1GHz/20")).size() == 21);
  CHECK(has(rows("chip.clock=100MHz..10GHz/3log"), "\n1000,"));
  CHECK(has(rows("chip.clock=\"200..400 MHz:50\""), "\n250,"));
  CHECK(lines(rows("host.bandwidth=\"1..3 GB/s/3\"")).size() == 4);  // a unit with a slash
  CHECK(lines(rows("chip.clock_gating=true,false")).size() == 3);
  CHECK(lines(rows("sram.spill=error,host")).size() == 3);
  CHECK(lines(rows("base.lanes=8..16/3")).size() == 4);
}

TEST_CASE("errors of a study without a file are at its flags") {
  const auto error = [](const std::string& flags) {
    const auto r = run("sweep " + design + " " + flags);
    CHECK(r.code == 2);
    return r.out;
  };
  CHECK(has(error("--vary base.lnes=8"), "--vary base.lnes=8"));
  CHECK(has(error("--vary base.lnes=8"), "did you mean \"base.lanes\"?"));
  CHECK(has(error("--vary base.lanes=8 --where \"powr < 3\""), "--where \"powr < 3\""));
  CHECK(has(error("--vary base.lanes=8 --columns powr"), "did you mean \"power\"?"));
  CHECK(has(error("--vary base.lanes=8.."), "PATH=A..B/N"));
  CHECK(has(error("--vary base.lanes=8..16/0"), "PATH=A..B/N"));
  CHECK(has(error("--vary base.lanes"), "PATH=A,B,C"));
  CHECK(has(error("--vary base.lanes=8,,9"), "PATH=A,B,C"));
  CHECK(has(error("--vary base.lanes=8 --vary base.lanes=9"), "varies twice"));
  CHECK(has(error(""), "--vary"));
  const Folder folder;
  const auto study = (folder.path / "study.toml").string();
  CHECK(run("sweep " + design + " --vary base.lnes=8 --save " + study).code == 2);
  CHECK(folder.files() == 0);
  CHECK(run("sweep " + design + " --vary base.lanes=8 --save " + study).code == 0);
  CHECK(run("sweep " + study + " --vary base.lanes=8").code == 2);
}

TEST_CASE("pareto and solve on two specs") {
  const auto front = run("pareto " + design +
                         " --vary base.lanes=8,16,32 --vary chip.clock=0.2..1GHz/5 --max "
                         "throughput --min area --format csv");
  CHECK(front.code == 0);
  CHECK(lines(front.out).size() == 4);  // the fastest clock at each number of lanes
  CHECK(run("pareto " + design + " --vary base.lanes=8,16").code == 2);

  const auto search =
      "solve " + design + " --vary base.lanes=8,16,32 --vary chip.clock=0.2..1GHz/5 ";
  const auto best = run(search + "--where \"throughput > 2000[token/s]\" --min power");
  CHECK(best.code == 0);
  CHECK(has(best.out, "The least power of 15 points"));
  // By hand: of all points that are fast enough that with the least power.
  const auto all = run("sweep " + design +
                       " --vary base.lanes=8,16,32 --vary chip.clock=0.2..1GHz/5 --where "
                       "\"throughput > 2000[token/s]\" --columns power");
  double least = 1e9;
  std::istringstream in(all.out);
  std::string row;
  for (std::getline(in, row); std::getline(in, row);)
    least = std::min(least, std::stod(row.substr(row.find(',', row.find(',') + 1) + 1)));
  const auto csv = run(search + "--where \"throughput > 2000[token/s]\" --min power --format csv");
  std::istringstream found(csv.out);
  std::getline(found, row);
  std::getline(found, row);
  std::istringstream cells(row);
  std::string cell;
  for (int i = 0; i < 4; ++i) std::getline(cells, cell, ',');  // lanes, clock, throughput, power
  CHECK(std::stod(cell) == least);

  const auto none = run(search + "--where \"power < 0.001[W]\" --max throughput");
  CHECK(none.code == 1);
  CHECK(has(none.out, "NO SOLUTION"));
  CHECK(run("solve " + design + " --vary chip.clock --target \"throughput=3000 token/s\"").code ==
        0);
  CHECK(run("solve " + design + " --vary chip.clock").code == 2);
  CHECK(run(search + "--min power --max throughput").code == 2);
}

TEST_CASE("solve searches ranges, proves, and takes several targets") {
  const auto solve = "solve " + design + " ";
  // The smallest chip with 2,000 token/s under 4 W, in one command.
  const auto best =
      run(solve + "--min area --where \"throughput >= 2000[token/s] and power < 4[W]\"");
  CHECK(best.code == 0);
  CHECK(has(best.out, "The least area where throughput >= 2000[token/s] and power < 4[W]: "));
  CHECK(has(best.out, "proved: no design of these ranges has area below"));
  CHECK(has(best.out, "this design: tomestimate what-if "));
  // The design that it names is the one whose numbers it prints.
  const auto from = best.out.find("--set");
  const auto sets = best.out.substr(from, best.out.find('\n', from) - from);
  const auto check = run("estimate " + design + " " + sets + " --table summary --format csv");
  CHECK(check.code == 0);
  const auto area = best.out.find("area", best.out.find("Before and after"));
  const auto line = best.out.substr(area, best.out.find('\n', area) - area);
  CHECK(has(check.out, line.substr(line.rfind(' ') + 1).substr(0, 4)));

  const auto two = run(solve +
                       "--target \"throughput=3306 token/s\" --target \"power=3 W\" --vary "
                       "chip.clock --vary chip.temperature");
  CHECK(two.code == 0);
  CHECK(has(two.out, "all targets are met"));
  const auto none = run(solve + "--max throughput --where \"power < 0.001[W]\"");
  CHECK(none.code == 1);
  CHECK(has(none.out, "NO SOLUTION: proved"));
  CHECK(has(none.out,
            "power < 0.001[W] is met by no design of these ranges: nearest to it is power "));
  const auto torn =
      run(solve + "--min area --where \"throughput >= 2000[token/s] and power < 1[W]\"");
  CHECK(torn.code == 1);
  CHECK(has(torn.out,
            "power < 1[W] is met by some designs, but not where all else is: nearest to it is "
            "power 1.19"));
  // Switches by their values, numbers between ends.
  CHECK(run(solve + "--min power --vary gating.mode=none,switches --vary chip.clock=0.1..1GHz")
            .code == 0);

  CHECK(run(solve + "--min power --vary gating.mode").code == 2);
  CHECK(run(solve + "--min power --max area --vary chip.clock=0.1..1GHz").code == 2);
  CHECK(run(solve + "--min power --tolerance 2").code == 2);
  CHECK(run(solve + "--min power --where \"power <\"").code == 2);
  CHECK(run(solve + "--min power --from 1MHz").code == 2);
  CHECK(run(solve + "--vary chip.clock=0.1..1GHz").code == 2);
  CHECK(run(solve + "--target powr=3 --target area=50").code == 2);
}

TEST_CASE("ranges are kept as a study, which solve searches and nothing else") {
  const Folder folder;
  const auto file = folder.file("ranges.toml");
  const auto flags =
      run("solve " + design +
          " --vary base.lanes --vary chip.clock=0.3..1GHz --set adapter.rank=8 --context 300 "
          "--min area --where \"power < 4[W]\" --target \"throughput>=2000 token/s\" --save " +
          file);
  CHECK(flags.code == 0);
  const auto kept = run("solve " + file);
  CHECK(kept.code == 0);
  const auto numbers = [](const std::string& out) {
    return out.substr(out.find("What was chosen"));
  };
  CHECK(numbers(kept.out) == numbers(flags.out));
  CHECK(kept.out.substr(0, kept.out.find("this design")) ==
        flags.out.substr(0, flags.out.find("this design")));
  // The design that it names is the one found.
  const auto from = kept.out.find("tomestimate what-if") + 12;
  CHECK(run(kept.out.substr(from, kept.out.find('\n', from) - from)).code == 0);
  CHECK(run("check " + file).code == 0);
  for (const auto* other : {"sweep ", "pareto "}) {
    const auto refused = run(other + file);
    CHECK(refused.code == 2);
    CHECK(has(refused.out, "all from one to the other is for solve"));
  }
  CHECK(run("solve " + file + " --min power").code == 2);
  const std::string study = read(file);
  const auto with = [&](const std::string& was, const std::string& is) {
    auto text = study;
    text.replace(text.find(was), was.size(), is);
    std::ofstream(folder.file("other.toml")) << text;
    return run("solve " + folder.file("other.toml"));
  };
  const auto bad = with("throughput>=2000 token/s", "throughput>=2000 W");
  CHECK(bad.code == 2);
  CHECK(has(bad.out, "other.toml:"));
  CHECK(has(bad.out, "expected"));
  CHECK(with("\"min area\"", "\"min area\", \"max throughput\"").code == 2);
  const auto nothing = with("objectives = [\"min area\"]", "");
  CHECK(nothing.code == 0);  // the target alone
  CHECK(has(nothing.out, "all targets are met"));
  // Points, no ranges: the best of these.
  const auto grid = folder.file("grid.toml");
  const auto points =
      run("solve " + design + " --vary base.lanes=8,16,32 --min area --save " + grid);
  CHECK(points.code == 0);
  CHECK(run("solve " + grid).out == points.out);
}

TEST_CASE("compare sets values in all designs") {
  std::string pair = design;
  std::replace(pair.begin(), pair.end(), ' ', ',');
  const auto r = run("compare " + pair + " " + pair +
                     ",base.lanes=32 --context 128 --set "
                     "adapter.rank=8 --format csv");
  CHECK(r.code == 0);
  CHECK(r.out == run("compare " + pair + ",workload.context=128,adapter.rank=8 " + pair +
                     ",workload.context=128,adapter.rank=8,base.lanes=32 --format csv")
                     .out);
}
