// SPDX-License-Identifier: Apache-2.0
// Text of specs, flags and file names in every format: it can't become a formula, markup, or an
// escape sequence.
#include <sstream>

#include "binary.hpp"
#include "folder.hpp"

namespace fs = std::filesystem;

namespace {

// A copy of a shipped spec with another name (a TOML string), and its path.
std::string named(const Folder& folder, const std::string& spec, const std::string& name) {
  auto text = read(specs + "/" + spec);
  const auto at = text.find("\nname = ");
  REQUIRE(at != std::string::npos);
  text.replace(at, text.find('\n', at + 1) - at, "\nname = " + name);
  std::ofstream(folder.path / spec) << text;
  return folder.file(spec);
}

// A cell of CSV that a spreadsheet computes.
bool has_formula(const std::string& csv) {
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    bool quoted = false, start = true;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (start && (line[i] == ' ' || line[i] == '"')) {
        quoted ^= line[i] == '"';
        continue;
      }
      const bool number = i + 1 < line.size() && (isdigit(line[i + 1]) != 0 || line[i + 1] == '.');
      if (start &&
          (line[i] == '=' || line[i] == '@' || ((line[i] == '+' || line[i] == '-') && !number)))
        return true;
      if (line[i] == '"') quoted = !quoted;
      start = line[i] == ',' && !quoted;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("names that look like formulas stay text in CSV") {
  CHECK(has_formula("a,=1"));
  CHECK_FALSE(has_formula("a,'=1,\"b,=1\",-1"));
  const Folder folder;
  const auto model = named(folder, "bitnet-2b.toml", R"x("=HYPERLINK(\"http://x\",\"click\")")x");
  for (const std::string name :
       {"\"=1+1\"", "\"x,=cmd|' /C calc'!A0\"", "\"@SUM(1)\"", "\"+a\"", "\"-a\""}) {
    const auto pair = named(folder, "tom.toml", name) + " " + model;
    const auto r = run("estimate " + pair + " --format csv");
    CAPTURE(name, r.out.substr(0, 300));
    CHECK(r.code == 0);
    CHECK_FALSE(has_formula(r.out));
  }
  const auto tom = folder.file("tom.toml");
  const auto compared = run("compare =1,x " + tom + "," + model + " --format csv");
  CHECK(compared.code == 2);
  std::ofstream(folder.file("study.toml"))
      << "kind = \"study\"\nname = \"s\"\nhardware = \"tom.toml\"\nmodel = \"bitnet-2b.toml\"\n"
         "columns = [{ name = \"=1+1\", formula = \"power\", unit = \"W\" }]\n"
         "[[vary]]\npath = \"chip.clock\"\nvalues = [\"1 GHz\"]\n";
  const auto swept = run("sweep " + folder.file("study.toml"));
  CHECK(swept.code == 0);
  CHECK(has(swept.out, "chip.clock [MHz],'=1+1 [W],status\n1000,"));
}

TEST_CASE("names that look like markup stay text in Markdown, HTML and SVG") {
  const Folder folder;
  const auto tom = specs + "/tom.toml ";
  const auto model = named(folder, "bitnet-2b.toml",
                           R"("<script>alert(1)</script> | a & b `x` [l](http://e) *s* 'q'")");
  const auto markdown = run("estimate " + tom + model + " --format markdown").out;
  CHECK(
      has(markdown, R"(&lt;script>alert(1)&lt;/script> \| a & b \`x\` [l\](http://e) \*s\* 'q')"));
  CHECK_FALSE(has(markdown, "<script"));
  CHECK(run("report " + tom + model + " -o " + folder.file("r")).code == 0);
  for (const auto& entry : fs::recursive_directory_iterator(folder.path / "r"))
    if (entry.is_regular_file() && entry.path().extension() != ".xlsx")
      CHECK_FALSE(has(read(entry.path()), "<script"));
  CHECK(has(read(folder.file("r/report.html")),
            "&lt;script&gt;alert(1)&lt;/script&gt; | a &amp; b `x` [l](http://e) *s* &#39;q&#39;"));
}

TEST_CASE("text that does not print is refused in every kind of spec, with its place") {
  const Folder folder;
  for (const std::string bad : {R"("a\u001b[31mb")", R"("a\nb")", R"("a\u202eb")", R"("a\u0000b")",
                                R"("a\tb")", R"("a\u009bb")", R"("a\u200bb")"}) {
    const auto r = run("check " + named(folder, "tom.toml", bad));
    CAPTURE(bad, r.out);
    CHECK(r.code == 2);
    CHECK(has(r.out, "tom.toml:5:8: error: text with "));
    CHECK_FALSE(has(r.out, "\033"));
  }
  CHECK(run("check " + named(folder, "tom.toml", "\"a\xFFz\"")).code == 2);
  std::ofstream(folder.file("study.toml")) << "kind = \"study\"\nname = \"a\\u001b\"\n";
  CHECK(has(run("check " + folder.file("study.toml")).out, "study.toml:2:8: error: text with a"));
  std::ofstream(folder.file("figures.toml"))
      << "kind = \"published\"\n[[figure]]\nid = \"a\\u001b\"\n";
  CHECK(has(run("check " + folder.file("figures.toml")).out, "figures.toml:3:6: error: text with"));
}

TEST_CASE("flags and file names do nothing to a terminal") {
  const Folder folder;
  const std::string spaced = " " + specs + "/tom.toml " + specs + "/bitnet-2b.toml ";
  for (const std::string& arguments :
       {std::string("estimate $'\\e[31m' x"), "estimate" + spaced + "--set $'chip.clock=\\e[31m'",
        "estimate" + spaced + "--set $'\\e[31m=1'", "estimate" + spaced + "--format $'\\e[31m'",
        "estimate" + spaced + "$'--\\e[31m'", std::string("$'\\e[31m'"),
        "check $'" + folder.file("\\e[31m.toml") + "'", "explain $'\\e[31m'" + spaced,
        "estimate" + spaced + "-o $'/no/\\e[31m'"}) {
    const auto r =
        run_command("bash -c \"" + std::string(TOMESTIMATE_BINARY) + " " + arguments + "\"");
    CAPTURE(arguments, r.out);
    CHECK(r.code != 0);
    CHECK_FALSE(has(r.out, "\033"));
    CHECK(has(r.out, "\\x1b[31m"));
  }
  // A file's name goes into the comment of what is made from it.
  const auto odd = folder.file("odd\xFF\033.toml");
  fs::copy(specs + "/tom.toml", odd);
  const auto made = folder.file("made.toml");
  const auto r =
      run_command("bash -c \"" + std::string(TOMESTIMATE_BINARY) + " rescale $'" +
                  folder.file("odd\\xff\\e.toml") + "' --node '12 nm' -o " + made + "\"");
  CAPTURE(r.out);
  CHECK(r.code == 0);
  CHECK_FALSE(has(r.out, "\033"));
  CHECK(has(read(made), "odd\\xff\\x1b.toml by tomestimate rescale"));
  CHECK(run("check " + made).code == 0);
}

TEST_CASE("a workbook of any name can be read, and holds no control bytes") {
  const Folder folder;
  const auto tom = named(folder, "tom.toml", "\"" + std::string(4000, 'x') + " <&> '\"");
  const auto file = folder.file("w.xlsx");
  CHECK(run("workbook " + tom + " " + specs + "/bitnet-2b.toml -o " + file).code == 0);
  const auto core = run_command(
      "python3 -c 'import sys, zipfile, xml.dom.minidom as m\n"
      "book = zipfile.ZipFile(sys.argv[1])\n"
      "[m.parseString(book.read(n)) for n in book.namelist() if n.endswith(\".xml\")]\n"
      "print(\"well-formed\")' " +
      file);
  CHECK(has(core.out, "well-formed"));
}
