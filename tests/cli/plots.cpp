// SPDX-License-Identifier: Apache-2.0
// --plot of the real binary: a picture beside the same tables, and errors that cost nothing.
#include <algorithm>

#include "binary.hpp"
#include "folder.hpp"

namespace fs = std::filesystem;

namespace {

std::string without_flag(const std::string& text, const std::string& part) {
  const auto at = text.find(part);
  return at == std::string::npos ? text : text.substr(0, at) + text.substr(at + part.size());
}

}  // namespace

TEST_CASE("each study draws its picture beside what it prints") {
  const Folder folder;
  const std::string flag = " --plot " + folder.file("p.svg");
  for (const std::string& command :
       {"sweep " + design + " --vary base.lanes=8,16" + flag,
        "sweep " + design + " --vary base.lanes=8,16 --vary chip.clock=0.5,1GHz" + flag,
        "pareto " + design + " --vary base.lanes=8,16 --max throughput --min area" + flag,
        "sensitivity " + design + " --top 4" + flag,
        "uncertainty " + design + " --samples 50" + flag,
        "compare " + tom_spec + "," + bitnet_spec + " " + tom_spec + "," + bitnet_spec +
            ",base.lanes=32" + flag,
        "compare " + tom_spec + "," + bitnet_spec + " --vary workload.context=64,256 --published " +
            specs + "/published.toml" + flag}) {
    CAPTURE(command);
    const auto r = run(command);
    CHECK(r.code == 0);
    CHECK(r.out == run(without_flag(command, flag)).out);
    const auto svg = read(folder.path / "p.svg");
    CHECK(has(svg, "<svg role=\"img\""));
    CHECK(has(svg, "</svg>"));
    CHECK(run(command).code == 0);  // again, over the old one
    CHECK(read(folder.path / "p.svg") == svg);
    fs::remove(folder.path / "p.svg");
    CHECK(folder.files() == 0);
  }
}

TEST_CASE("two runs on one picture: it is one of the two, whole") {
  const Folder folder;
  const auto sweep = [&](const std::string& vary, const std::string& name) {
    return std::string(TOMESTIMATE_BINARY) + " sweep " + design + " --vary " + vary + " --plot " +
           folder.file(name) + " > /dev/null";
  };
  const std::string one = "base.lanes=8,16", two = "chip.clock=0.2..1GHz/5";
  CHECK(run_command(sweep(one, "one.svg")).code == 0);
  CHECK(run_command(sweep(two, "two.svg")).code == 0);
  for (int i = 0; i < 3; ++i) {
    fs::remove(folder.path / "both.svg");
    const auto both =
        run_command(sweep(one, "both.svg") + " & " + sweep(two, "both.svg") + "; wait $!");
    CHECK(both.code == 0);
    const auto svg = read(folder.path / "both.svg");
    CHECK((svg == read(folder.path / "one.svg") || svg == read(folder.path / "two.svg")));
  }
  CHECK(folder.files() == 3);
}

TEST_CASE("names that look like XML stay text in pictures") {
  const Folder folder;
  const auto named = folder.file("named.toml");
  std::ofstream(named) << "kind = \"hardware\"\nbased_on = \"" << tom_spec
                       << "\"\nname = \"a ]]> b url(#c <!-- id='d &amp;\"\n";
  const auto file = folder.file("p.svg");
  CHECK(run("sweep " + named + " " + bitnet_spec + " --vary base.lanes=8,16 --plot " + file).code ==
        0);
  CHECK(run_command("xmllint --noout " + file).out == "");
  CHECK(has(read(file), "a ]]&gt; b url(#c &lt;!-- id='d &amp;amp;"));
}

TEST_CASE("compare over a spec value is a table of designs") {
  const auto r =
      run("compare " + tom_spec + "," + bitnet_spec + " " + tom_spec + "," + bitnet_spec +
          ",base.lanes=32 --vary workload.context=256,2048 --metric tpot --metric power "
          "--format csv");
  CHECK(r.code == 0);
  CHECK(has(r.out, "workload.context,A [us],B [us]"));
  CHECK(has(r.out, "\n256,295.34"));
  CHECK(has(r.out, "\n2048,,\n"));  // does not fit
  const auto bad = run("compare " + tom_spec + "," + bitnet_spec + " --vary workload.contxt=1,2");
  CHECK(bad.code == 2);
  CHECK(has(bad.out, "did you mean \"workload.context\"?"));
  CHECK(run("compare " + tom_spec + "," + bitnet_spec + " --published x.toml").code == 2);
  const auto many =
      run("compare " + tom_spec + "," + bitnet_spec + " --vary chip.clock=0.2..1GHz/20000");
  CHECK(many.code == 2);
  CHECK(has(many.out, "10000 values at most"));
  CHECK(run("compare " + tom_spec + "," + bitnet_spec + " --metric powr").code == 2);
}

TEST_CASE("designs of compare have names") {
  const auto pair = tom_spec + "," + bitnet_spec;
  const auto r =
      run("compare base=" + pair + " 'wide one'=" + pair + ",base.lanes=32 --format csv");
  CHECK(r.code == 0);
  CHECK(has(r.out, "metric,unit,base,wide one,wide one/base\n"));
  const auto over = run("compare " + pair + " w=" + pair +
                        ",base.lanes=32 --vary workload.context=256,512 --format csv");
  CHECK(has(over.out, "workload.context,A [token/s],w [token/s]"));
  const Folder folder;
  const auto svg = folder.file("p.svg");
  CHECK(run("compare base=" + pair + " w=" + pair + " --plot " + svg).code == 0);
  CHECK(has(read(svg), ">base<"));
  // A file that is there may have "=" in its path, and then a name too.
  fs::copy_file(tom_spec, folder.file("a=b.toml"));
  fs::create_directory(folder.file("technology"));
  for (const auto& entry : fs::directory_iterator(specs + "/technology"))
    fs::copy_file(entry.path(), folder.file("technology/" + entry.path().filename().string()));
  const auto here = [&folder](const std::string& text) {
    return run_command("cd " + folder.file("") + " && " TOMESTIMATE_BINARY " " + text);
  };
  CHECK(has(here("compare a=b.toml," + bitnet_spec + " --format csv").out, "metric,unit,A\n"));
  CHECK(has(here("compare x=a=b.toml," + bitnet_spec + " --format csv").out, "metric,unit,x\n"));
  const auto missing = run("compare no/a=b.toml," + bitnet_spec);
  CHECK(missing.code == 2);
  CHECK(has(missing.out, "no/a=b.toml"));
  const auto error = [&](const std::string& designs, const std::string& text) {
    const auto bad = run("compare " + designs);
    CAPTURE(designs, bad.out);
    CHECK(bad.code == 2);
    CHECK(has(bad.out, text));
    CHECK(has(bad.out, "DESIGN: "));
  };
  error("=" + pair, "no name before \"=\"; expected [NAME=]HARDWARE,MODEL[,PATH=VALUE...]");
  error("' '=" + pair, "no name before");
  error("\"$(printf 'a\\033b')\"=" + pair, "a control character");
  error(std::string(25, 'n') + "=" + pair, "24 bytes at most");
  error("a=" + pair + " a=" + pair, "\"a\" is what design 1 and design 2 are called");
  error("B=" + pair + " " + pair, "\"B\" is what design 1 and design 2 are called");
  error("a=" + tom_spec, "expected [NAME=]HARDWARE,MODEL");
}

TEST_CASE("what can't be drawn is one error before work starts, and nothing is written") {
  const Folder folder;
  const auto svg = folder.file("p.svg"), csv = folder.file("rows.csv");
  const std::string lanes = " --vary base.lanes=8,16", sweep = "sweep " + design;
  fs::copy(tom_spec, folder.path / "tom.svg");
  fs::copy(specs + "/technology", folder.path / "technology");
  for (const auto& [command, said] : std::initializer_list<std::pair<std::string, std::string>>{
           {sweep + lanes + " --plot " + folder.file("p.png"), "ends in .svg"},
           {sweep + lanes + " --plot ''", "ends in .svg"},
           {sweep + lanes + " --vary chip.clock=0.5,1GHz --vary workload.batch=1,2 -o " + csv +
                " --plot " + svg,
            "this study has 3"},
           {sweep + " --vary chip.clock=0.2..1GHz/20000 -o " + csv + " --plot " + svg,
            "room for 10000 points"},
           {sweep + lanes + " --shard 1/2 -o " + csv + " --plot " + svg, "--plot"},
           {sweep + lanes + " -o " + svg + " --plot " + svg, "which this run writes as -o"},
           {"pareto " + design + lanes + " --max throughput --plot " + svg, "two objectives"},
           {"sensitivity " + folder.file("tom.svg") + " " + bitnet_spec + " --plot " +
                folder.file("tom.svg"),
            "reads as HARDWARE"}}) {
    const auto r = run(command);
    CAPTURE(command, r.out);
    CHECK(r.code == 2);
    CHECK(has(r.out, said));
    CHECK(folder.files() == 2);
  }
  for (const auto& [command, said] : std::initializer_list<std::pair<std::string, std::string>>{
           {sweep + lanes + " --where \"power<0.001[W]\" -o " + csv + " --plot " + svg,
            "nothing to draw"},
           {"sensitivity " + design + " --plot " + folder.file("no/p.svg"), "no/p.svg"}}) {
    const auto r = run(command);
    CAPTURE(command, r.out);
    CHECK(r.code == 1);
    CHECK(has(r.out, said));
    CHECK(folder.files() == 2);
  }
}

TEST_CASE("a picture without gnuplot: exit code 1, the package's name, nothing written") {
  const Folder folder;
  for (const std::string& command :
       {"sweep " + design + " --vary base.lanes=8,16 -o " + folder.file("rows.csv"),
        "uncertainty " + design + " --samples 50 -o " + folder.file("table.txt")}) {
    const auto r = run_command("PATH=/nowhere " + std::string(TOMESTIMATE_BINARY) + " " + command +
                               " --plot " + folder.file("p.svg"));
    CAPTURE(command, r.out);
    CHECK(r.code == 1);
    CHECK(has(r.out, "apt-get install gnuplot-nox"));
    CHECK(folder.files() == 0);
  }
}
