// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/process/run.hpp>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "catch.hpp"
#include "folder.hpp"
#include "lives.hpp"

using namespace tomestimate::process;
using namespace std::chrono_literals;

namespace {

Run shell(const Folder& folder, const std::string& script, std::chrono::seconds limit = 60s) {
  return {{"sh", "-c", script}, "dash", folder.path, "", folder.path / "out",
          folder.path / "err",  limit};
}

std::string text(const Folder& folder, const std::string& name) {
  std::ifstream in(folder.path / name);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string failure(const Run& run) {
  try {
    run_program(run);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a program's exit code and what it prints") {
  const Folder folder;
  CHECK(run_program(shell(folder, "pwd; echo no >&2; exit 3")) == 3);
  CHECK(text(folder, "out") == folder.path.string() + "\n");
  CHECK(text(folder, "err") == "no\n");
  auto with_input = shell(folder, "cat");
  std::ofstream(folder.path / "in") << "read me";
  with_input.input = folder.path / "in";
  CHECK(run_program(with_input) == 0);
  CHECK(text(folder, "out") == "read me");
}

TEST_CASE("a program that is not there, or is ended by a signal") {
  const Folder folder;
  auto missing = shell(folder, "");
  missing.arguments = {"no-such-program"};
  CHECK(failure(missing) == "there is no no-such-program on PATH (apt-get install dash)");
  CHECK(failure(shell(folder, "kill -9 $$")) == "sh was ended by signal 9");
  auto unwritable = shell(folder, "");
  unwritable.output = folder.path / "no" / "out";
  CHECK(failure(unwritable) != "");
}

TEST_CASE("a program that takes too long is killed with all that it started") {
  const Folder folder;
  const auto start = std::chrono::steady_clock::now();
  const auto what = failure(shell(folder, "sleep 100 & echo $! > child; wait", 1s));
  CHECK(what == "sh took more than 1 s and was ended (TOMESTIMATE_TIMEOUT sets the seconds)");
  CHECK(std::chrono::steady_clock::now() - start < 20s);
  const auto child = std::stoi(text(folder, "child"));
  for (int i = 0; i < 100 && lives(child); ++i) std::this_thread::sleep_for(20ms);
  CHECK_FALSE(lives(child));
}

TEST_CASE("what a program leaves running ends with it") {
  const Folder folder;
  CHECK(run_program(shell(folder, "sleep 100 & echo $! > child")) == 0);
  const auto child = std::stoi(text(folder, "child"));
  for (int i = 0; i < 100 && lives(child); ++i) std::this_thread::sleep_for(20ms);
  CHECK_FALSE(lives(child));
}

TEST_CASE("the time limit comes from the environment") {
  unsetenv("TOMESTIMATE_TIMEOUT");
  CHECK(time_limit(7s) == 7s);
  setenv("TOMESTIMATE_TIMEOUT", "3", 1);
  CHECK(time_limit(7s) == 3s);
  for (const auto* bad : {"", "0", "-1", "3s", "99999999999"}) {
    setenv("TOMESTIMATE_TIMEOUT", bad, 1);
    CHECK_THROWS_AS(time_limit(7s), std::runtime_error);
  }
  unsetenv("TOMESTIMATE_TIMEOUT");
}
