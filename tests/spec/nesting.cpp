// SPDX-License-Identifier: Apache-2.0
// Nesting is bounded before any parser that goes down level by level.
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/load.hpp>

#include <string>

#include "catch.hpp"

using namespace tomestimate;

namespace {

std::string repeated(const std::string& part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

std::string error_of(const std::string& toml) {
  try {
    spec::bound_nesting(toml, "x.toml");
  } catch (const spec::SpecError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("keys of too many parts are refused with their place") {
  const auto where = "x.toml:2:68: error: key of too many parts (32 dots at most)";
  CHECK(error_of("a = 1\n  a" + repeated(".a", 200000) + " = 1") == where);
  CHECK(error_of("a = \"\"\"\n\"\"\"a" + repeated(".a", 200000)).find("x.toml:2:69:") == 0);
  CHECK_FALSE(error_of("[a" + repeated(".a", 33) + "]").empty());
  CHECK_FALSE(error_of("x = { a" + repeated(".\"a\"", 33) + " = 1 }").empty());
  CHECK_FALSE(error_of("a" + repeated(" .\t'a'", 33)).empty());
  CHECK_FALSE(error_of("s = \"it's\"\na" + repeated(".a", 33)).empty());
  CHECK_FALSE(error_of("s = '\\'\na" + repeated(".a", 33)).empty());
  CHECK_FALSE(error_of("s = \"\\\"\"\na" + repeated(".a", 33)).empty());
  CHECK_FALSE(error_of("x = { s = \"\"\"a\"\"\"\"\", a" + repeated(".a", 33) + " = 1 }").empty());
  CHECK(error_of("s = \"\"\"\\\n\"\"\"\na" + repeated(".a", 33)).find("x.toml:3:") == 0);
  // Specs, and what --set takes, go through it.
  CHECK_THROWS_AS(spec::parse_hardware("a" + repeated(".a", 200000) + " = 1", "x.toml"),
                  spec::SpecError);
}

TEST_CASE("dots that part no key are free") {
  CHECK(error_of("a" + repeated(".a", 32) + " = 1").empty());
  CHECK(error_of("x = [" + repeated("1.5, ", 100) + "]\n# " + repeated(".", 100)).empty());
  CHECK(error_of("x = \"" + repeated(".", 100) + "\"\ny = '" + repeated(".", 100) + "'").empty());
  CHECK(error_of("x = \"\"\"\n" + repeated(".\n", 100) + "\"\"\"\ny = '''" + repeated(".", 99) +
                 "'''")
            .empty());
  CHECK(error_of("x = \"never ends" + repeated(".", 99)).empty());  // the parser says so
  CHECK(error_of(repeated("a.b = 1\n", 100)).empty());
}
