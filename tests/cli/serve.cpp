// SPDX-License-Identifier: Apache-2.0
// `tomestimate serve`: a line in, a line out.
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <sstream>
#include <vector>

#include <nlohmann/json.hpp>

#include "binary.hpp"
#include "folder.hpp"

namespace {

using Json = nlohmann::json;

struct Served {
  int code;
  std::vector<Json> answers;
};

Served serve(const std::string& input, const std::string& flags = "") {
  const Folder folder;
  const auto file = (folder.path / "lines").string();
  std::ofstream(file) << input;
  const auto r = run("serve " + design + " " + flags + " < " + file);
  Served served{r.code, {}};
  std::istringstream lines(r.out);
  for (std::string line; std::getline(lines, line);) served.answers.push_back(Json::parse(line));
  return served;
}

std::string error_of(const std::string& line) {
  const auto served = serve(line + "\n");
  CHECK(served.code != 0);
  REQUIRE(served.answers.size() == 1);
  return served.answers[0].at("error");
}

// name -> value of the summary table.
std::map<std::string, double> summary(const std::string& flags) {
  std::istringstream rows(run("estimate " + design + " --table summary --format csv " + flags).out);
  std::map<std::string, double> out;
  std::string row;
  std::getline(rows, row);
  while (std::getline(rows, row)) {
    const auto comma = row.find(',');
    out[row.substr(0, comma)] = std::stod(row.substr(comma + 1));
  }
  return out;
}

}  // namespace

TEST_CASE("serve gives the metrics of estimate, each line from the same start") {
  const auto served = serve("{}\n{\"chip.clock\": \"600 MHz\"}\n{}\n{\"model.layers\": 20}");
  CHECK(served.code == 0);
  REQUIRE(served.answers.size() == 4);
  CHECK(served.answers[0] == served.answers[2]);
  const std::vector<std::string> flags{"", "--set 'chip.clock=600 MHz'", "",
                                       "--set model.layers=20"};
  for (std::size_t i = 0; i < flags.size(); ++i) {
    const auto expected = summary(flags[i]);
    REQUIRE(expected.size() > 20);
    CHECK(served.answers[i].size() == expected.size());
    for (const auto& [name, value] : expected) CHECK(served.answers[i].at(name) == Approx(value));
  }
}

TEST_CASE("serve takes numbers, texts, switches and lists, and gives the metrics asked for") {
  const auto served =
      serve(R"({"gating.mode": "none", "metrics": ["power"]})"
            "\n"
            R"({"workload.context": 128, "metrics": ["throughput", "area"]})"
            "\n"
            R"({"model.layers": 2, "weights.zero_share": [0.1, 0.2], "metrics": ["area"]})"
            "\n");
  CHECK(served.code == 0);
  REQUIRE(served.answers.size() == 3);
  CHECK(served.answers[0].size() == 1);
  CHECK(served.answers[0].at("power") == Approx(summary("").at("power_ungated")));
  CHECK(served.answers[1].size() == 2);
  CHECK(served.answers[1].at("throughput") == Approx(summary("--context 128").at("throughput")));
  CHECK(served.answers[2].contains("area"));
}

TEST_CASE("serve tells the cautions of a line, as estimate does") {
  const auto lead = [](const std::string& flags) {
    std::vector<std::string> out;
    const std::string word = "CAUTION: ";
    const auto document = Json::parse(run("estimate " + design + " --format json " + flags).out);
    for (const std::string line : document.at("lead"))
      if (line.rfind(word, 0) == 0) out.push_back(line.substr(word.size()));
    return out;
  };
  const auto served = serve(R"({"base.width": 512, "metrics": ["area"]}
{"chip.voltage": "0.75 V"}
{"tech.node": "5 nm"}
{"tech.node": "5 nm", "base.width": 512}
{"base.width": 512, "cautions": false}
{"base.width": 256}
{"gating.mode": "none", "chip.temperature": "85 degC"}
{"gating.mode": "none", "gating.wake_latency": "30 ns"}
{"gating.mode": "switches", "gating.wake_latency": "30 ns"})");
  REQUIRE(served.answers.size() == 9);
  const std::vector<std::string> flags{
      "--set base.width=512",
      "--set 'chip.voltage=0.75 V'",
      "--set 'tech.node=5 nm'",
      "--set 'tech.node=5 nm' --set base.width=512",
      "",
      "--set base.width=256",
      "--set gating.mode=none --set 'chip.temperature=85 degC'",
      "--set gating.mode=none --set 'gating.wake_latency=30 ns'",
      "--set gating.mode=switches --set 'gating.wake_latency=30 ns'"};
  for (std::size_t i = 0; i < flags.size(); ++i) {
    CAPTURE(flags[i]);
    const auto expected = lead(flags[i]);
    CHECK(served.answers[i].contains("cautions") == !expected.empty());
    if (!expected.empty())
      CHECK(served.answers[i].at("cautions").get<std::vector<std::string>>() == expected);
  }
  CHECK(!served.answers[0].at("cautions").empty());
  CHECK(has(error_of(R"({"cautions": 1})"), "true or false"));
  // Those of the design that all lines start from.
  CHECK(serve("{}\n", "--set base.width=512").answers[0].contains("cautions"));
}

TEST_CASE("serve answers a bad line with its place, and goes on") {
  const auto served = serve("{bad\n{}\n");
  CHECK(served.code == 2);
  REQUIRE(served.answers.size() == 2);
  CHECK(has(served.answers[0].at("error"), "standard input:1:byte 1: error: the JSON"));
  CHECK(served.answers[1].contains("throughput"));

  CHECK(has(error_of(R"({"chip.clok": 1})"),
            "standard input:1:1: error: no spec value \"chip.clok\" (did you mean"));
  CHECK(has(error_of(R"({"metrics": ["powr"]})"), "did you mean \"power\"?"));
  CHECK(has(error_of(R"({"metrics": "power"})"), "no list of names"));
  CHECK(has(error_of(R"({"chip.clock": null})"), "chip.clock has no value"));
  CHECK(has(error_of(R"({"chip.clock": "9 kg"})"), "standard input:1:1: error:"));
  CHECK(has(error_of(R"({"chip.clock": "1 GHz", "chip.clock": "2 GHz"})"), "twice"));
  CHECK(has(error_of("[1]"), "no object"));
  CHECK(has(error_of(""), "the JSON ends"));
  CHECK(has(error_of(std::string(100000, '[')), "nested deeper than"));
  CHECK(has(error_of("{\"a\":" + std::string(100000, '[')), "nested deeper than"));
  CHECK(has(error_of("{\"chip.clock\": \"" + std::string(2 << 20, '1') + "\"}"),
            "more than 1048576 bytes"));
  CHECK(has(error_of("{\"\xff\": 1}"), "error"));
}

TEST_CASE("serve tells each bad value of a line, and takes tables in whole only") {
  const auto served = serve(R"({"chip.clock": 3, "base.lnaes": 8}
{"dram.bandwidth": "1 GB/s"}
{"dram.bandwidth": "1 GB/s", "dram.energy": "0 pJ/bit", "metrics": ["area"]}
{"dram.energy": "1 pJ/bit"}
{"weights.code": "integer", "weights.zero_bit_ratio": 0.5, "metrics": ["area"]})");
  REQUIRE(served.answers.size() == 5);
  const std::string both = served.answers[0].at("error");
  CHECK(has(both, "standard input:1:1: error: expected a frequency for chip.clock"));
  CHECK(has(both, "standard input:1:1: error: no spec value \"base.lnaes\""));
  CHECK_FALSE(has(both, "tomestimate check"));
  CHECK(has(served.answers[1].at("error"), "(the spec does not give dram.energy)"));
  CHECK(served.answers[2].contains("area"));
  CHECK(has(served.answers[3].at("error"), "(the spec does not give dram.bandwidth)"));
  CHECK(served.answers[4].contains("area"));
}

TEST_CASE("serve: hostile lines have one answer each, and the next is read") {
  const std::string good = R"({"metrics":["power"],"cautions":false})";
  std::string many = "{";
  for (int i = 0; i < 20'000; ++i) many += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
  const std::vector<std::pair<std::string, std::string>> lines{
      {std::string(100'000, '['), "nested deeper than 32"},
      {R"({"chip.clock":"600 MHz","chip.clock":"700 MHz"})", "chip.clock is there twice"},
      {good + std::string(1, '\0') + "{}", "byte 38: error: the JSON has a zero byte"},
      {R"({"base.lanes":1e400})", "a number that is too large"},
      {R"({"base.lanes":NaN})", "expected a number for base.lanes"},
      {"{\"chip.clock\":\"\xff\"}", "the JSON ends or breaks off here"},
      {R"({"chip.clock":"600 MHz\u0000x"})", "text with a control character"},
      {R"({"chip.clock":"\u202e600 MHz"})", "turns the direction of writing"},
      {R"({"\u001b[31m":1})", "no spec value"},
      {R"({"weights.zero_share":[]})", "has no values"},
      {R"({"base.lanes":true})", "expected a number for base.lanes"},
      {many + "}", "and 19950 more"}};
  std::string input;
  for (const auto& [line, answer] : lines) input += line + "\n" + good + "\n";
  const auto served = serve(input + R"({"chip.clock":)");
  CHECK(served.code == 2);
  REQUIRE(served.answers.size() == 2 * lines.size() + 1);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto error = served.answers[2 * i].at("error").get<std::string>();
    CAPTURE(error, lines[i].second);
    CHECK(has(error, lines[i].second));
    CHECK(error.size() < 10'000);
    CHECK(served.answers[2 * i + 1] == served.answers[1]);
  }
  CHECK(has(served.answers.back().at("error").get<std::string>(), "breaks off here"));
}

TEST_CASE("serve says why a line is no design") {
  const auto served = serve(R"({"workload.context": 100000})");
  CHECK(served.code == 1);
  CHECK(has(served.answers.at(0).at("error"), "does not fit the SRAM"));
}

// A program that waits for each answer before it asks on must get it.
TEST_CASE("serve answers each line at once") {
  int to[2], from[2];
  REQUIRE(pipe(to) == 0);
  REQUIRE(pipe(from) == 0);
  const auto child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(to[0], 0);
    dup2(from[1], 1);
    for (const int fd : {to[0], to[1], from[0], from[1]}) close(fd);
    const auto hardware = std::string(TOMESTIMATE_SPECS) + "/tom.toml";
    const auto model = std::string(TOMESTIMATE_SPECS) + "/bitnet-2b.toml";
    execl(TOMESTIMATE_BINARY, TOMESTIMATE_BINARY, "serve", hardware.c_str(), model.c_str(),
          static_cast<char*>(nullptr));
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  FILE* in = fdopen(from[0], "r");
  std::array<char, 8192> line{};
  for (int i = 0; i < 3; ++i) {
    REQUIRE(write(to[1], "{}\n", 3) == 3);
    REQUIRE(fgets(line.data(), line.size(), in) != nullptr);
    CHECK(Json::parse(line.data()).contains("throughput"));
  }
  close(to[1]);
  std::fclose(in);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
}
