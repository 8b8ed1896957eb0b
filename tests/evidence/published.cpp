// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/published.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>

#include <tomestimate/evidence/check.hpp>

#include "catch.hpp"
#include "folder.hpp"

using namespace tomestimate;

namespace {

const std::string good = R"(kind = "published"
[[figure]]
id = "a"
what = "rate"
value = "3306 token/s"
grade = "published"
source = "abstract"
hardware = "tom.toml"
model = "bitnet-2b.toml"
metric = "throughput"
[[figure]]
id = "b"
what = "area"
value = "56.9 mm^2"
grade = "secondary"
source = "record"
not_compared = "no spec"
)";

// Every error of the good file with one text replaced, one a line.
std::string errors(const std::string& from, const std::string& to) {
  const Folder folder;
  for (const std::string spec : {"tom.toml", "bitnet-2b.toml"})
    std::filesystem::copy(std::string(TOMESTIMATE_SPECS) + "/" + spec, folder.path / spec);
  std::filesystem::copy(std::string(TOMESTIMATE_SPECS) + "/technology", folder.path / "technology");
  auto text = good;
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  std::ofstream(folder.path / "f.toml") << text;
  std::string out;
  for (auto d : evidence::check(folder.file("f.toml"))) {
    d.place.file = "f.toml";
    out += spec::format(d) + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("a good file of published figures") { CHECK(errors("rate", "rate") == ""); }

TEST_CASE("a figure is of what its metric measures") {
  CHECK(errors("3306 token/s", "3306 W") ==
        "f.toml:5:9: error: 3306 W is a power, but throughput is a token rate (a value in "
        "token/s)\n");
  CHECK(errors("3306 token/s", "3306") ==
        "f.toml:5:9: error: 3306 is a bare number, but throughput is a token rate (a value in "
        "token/s)\n");
  CHECK(errors("3306 token/s", "3.306 token/ms") == "");
}

TEST_CASE("values that are none") {
  for (const std::string bad : {"nan token/s", "inf token/s", "token/s", "1e999 token/s"})
    CHECK(errors("3306 token/s", bad).find("f.toml:5:10: error: " + bad) == 0);
  CHECK(errors("3306 token/s", "3306 tokn/s") ==
        "f.toml:5:15: error: 3306 tokn/s: unknown unit \"tokn\" (did you mean \"token\"?)\n");
  CHECK(errors("56.9 mm^2", "56.9 mmm") ==
        "f.toml:14:15: error: 56.9 mmm: unknown unit \"mmm\" (did you mean \"mm\"?)\n");
}

TEST_CASE("grades, keys, metrics and kinds that are none") {
  CHECK(errors("grade = \"published\"", "grade = \"publishd\"") ==
        "f.toml:6:9: error: expected one of published, secondary, derived, assumption, calibrated "
        "for \"grade\" (did you mean \"published\"?)\n");
  CHECK(errors("grade = \"secondary\"", "grade = 3").find("f.toml:15:9: error: expected text") ==
        0);
  CHECK(errors("what = \"rate\"", "waht = \"rate\"") ==
        "f.toml:4:8: error: unknown key \"waht\" (did you mean \"what\"?)\n"
        "f.toml:2:1: error: figure has no \"what\"\n");
  CHECK(errors("\"throughput\"", "\"throughptu\"") ==
        "f.toml:10:10: error: no metric \"throughptu\" (did you mean \"throughput\"?)\n");
  CHECK(errors("kind = \"published\"", "kind = \"figures\"").find("f.toml:1:8: error: expected") ==
        0);
  CHECK(errors("\"throughput\"", "\"throughput\"\nbound = \"above\"").find("f.toml:11:9: error") ==
        0);
}

TEST_CASE("ids: used once, known, and not in a circle") {
  CHECK(errors("id = \"b\"", "id = \"a\"") == "f.toml:12:6: error: id \"a\" is used twice\n");
  CHECK(errors("\"throughput\"", "\"throughput\"\nfollows = [\"c\"]") ==
        "f.toml:11:12: error: no figure \"c\" (did you mean \"a\"?)\n");
  CHECK(errors("\"throughput\"", "\"throughput\"\nfollows = [\"a\"]") ==
        "f.toml:11:12: error: figures that follow each other: a -> a (one of them has to stand "
        "alone)\n");
  const auto circle = errors("not_compared = \"no spec\"",
                             "hardware = \"tom.toml\"\nmodel = \"bitnet-2b.toml\"\n"
                             "metric = \"area\"\nfollows = [\"c\"]\n"
                             "[[figure]]\nid = \"c\"\nwhat = \"area\"\nvalue = \"5 mm^2\"\n"
                             "grade = \"derived\"\nsource = \"s\"\nhardware = \"tom.toml\"\n"
                             "model = \"bitnet-2b.toml\"\nmetric = \"area\"\nfollows = [\"b\"]");
  CHECK(circle.find("figures that follow each other: b -> c -> b") != std::string::npos);
  CHECK(std::count(circle.begin(), circle.end(), '\n') == 1);
}

TEST_CASE("every error of a file is told") {
  const auto all = errors("grade = \"published\"", "grade = \"x\"\nfoo = 1\nnote = 3");
  CHECK(std::count(all.begin(), all.end(), '\n') == 3);
}

TEST_CASE("a figure of a spec that is not there is told as the figure's error") {
  const auto said = errors("hardware = \"tom.toml\"", "hardware = \"no-such.toml\"");
  CHECK(said.find("f.toml:3:6: error: names ") == 0);
  CHECK(said.find("no-such.toml: no such file") != std::string::npos);
}

TEST_CASE("what comparing reads") {
  const auto path = std::string(TOMESTIMATE_SPECS) + "/published.toml";
  const auto files = evidence::files_of_published(path);
  CHECK(std::count(files.begin(), files.end(), path) == 1);
  CHECK(std::count(files.begin(), files.end(), std::string(TOMESTIMATE_SPECS) + "/tom.toml") == 1);
  CHECK(evidence::compare_published(path).size() > 20);
}

TEST_CASE("each shipped figure is evaluated or excused, and none is fitted to") {
  const auto path = std::string(TOMESTIMATE_SPECS) + "/published.toml";
  CHECK(evidence::check(path).empty());
  for (const auto& c : evidence::compare_published(path)) {
    INFO(c.id);
    CHECK(!c.figure.empty());
    CHECK(!c.source.empty());
    CHECK(c.estimate.has_value() == (c.relation != evidence::Relation::not_compared));
    if (c.estimate)
      CHECK(std::isfinite(*c.estimate));
    else
      CHECK(!c.note.empty());
    CHECK(c.calibrated_by.empty());
  }
}
