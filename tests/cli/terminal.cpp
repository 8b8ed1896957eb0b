// SPDX-License-Identifier: Apache-2.0
// What a person at a terminal sees: a real one, of a given width, by forkpty.
#include <pty.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include "binary.hpp"
#include "folder.hpp"

namespace {

const std::string other = specs + "/roma.toml " + specs + "/llama-3.2-3b-int4.toml";

// Runs the program on a terminal of that many columns (0: one that does not say).
Result run_on_terminal(const std::string& arguments, unsigned short columns,
                       const std::string& environment = "env -u NO_COLOR -u COLUMNS TERM=xterm") {
  winsize size{};
  size.ws_col = columns;
  size.ws_row = 24;
  int terminal = -1;
  const auto command =
      "exec " + environment + " " + std::string(TOMESTIMATE_BINARY) + " " + arguments;
  const auto child = forkpty(&terminal, nullptr, nullptr, &size);
  REQUIRE(child >= 0);
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  Result result{};
  std::array<char, 4096> buffer{};
  // A terminal whose program is gone gives an error, not an end.
  for (ssize_t n; (n = ::read(terminal, buffer.data(), buffer.size())) > 0;)
    result.out.append(buffer.data(), static_cast<std::size_t>(n));
  close(terminal);
  int status = 0;
  waitpid(child, &status, 0);
  result.code = WEXITSTATUS(status);
  std::erase(result.out, '\r');
  return result;
}

// Without colour.
std::string plain(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033')
      i = text.find('m', i);
    else
      out += text[i];
  }
  return out;
}

// Characters of the longest line.
std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  for (const auto& line : lines(plain(text)))
    most = std::max(
        most, static_cast<std::size_t>(std::count_if(
                  line.begin(), line.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; })));
  return most;
}

}  // namespace

TEST_CASE("estimate fits a terminal of 80 columns and two thirds of a page") {
  const auto r = run_on_terminal("estimate " + design, 80);
  CHECK(r.code == 0);
  CHECK(widest(r.out) <= 80);
  CHECK(lines(r.out).size() <= 48);
  const auto text = plain(r.out);
  CHECK(has(text, "TOM running BitNet b1.58 2B4T"));
  CHECK(has(text, "binds: "));
  CHECK(has(text, "none is fitted"));
  CHECK(has(text, "end to end"));
  CHECK(has(text, "base.lanes"));
  CHECK(has(text, "--all"));
}

TEST_CASE("every command fits 80 columns") {
  std::string pair = design;
  std::replace(pair.begin(), pair.end(), ' ', ',');
  for (const auto& command : std::vector<std::string>{
           "estimate --all " + design, "explain power " + other, "quantities " + other,
           "compare " + pair + " " + pair + ",base.lanes=32 " + pair + ",base.lanes=8",
           "what-if " + design + " --set base.lanes=32", "parameters " + design,
           "sensitivity " + design, "uncertainty --samples 50 " + design,
           "sweep " + design + " --vary base.lanes=8,16",
           "pareto " + design + " --vary base.lanes=8,16 --max throughput --min area",
           "solve " + design + " --vary chip.clock --target \"throughput=3000 token/s\"",
           "published " + specs + "/published.toml", "help glossary"}) {
    const auto r = run_on_terminal(command, 80);
    INFO(command);
    CHECK(r.code == 0);
    CHECK(widest(r.out) <= 80);
    // A narrower terminal gets 80 too; a wide one more.
    CHECK(run_on_terminal(command, 40).out == r.out);
  }
}

TEST_CASE("help and errors fit 80 columns, with names that are too long for them") {
  const auto help = run("--help").out;
  std::vector<std::string> commands{"--help", "help"};
  std::istringstream rows(help.substr(help.find("Subcommands:")));
  std::string row;
  std::getline(rows, row);
  while (std::getline(rows, row) && row.starts_with("  ")) {
    const auto name = row.substr(2, row.find(' ', 2) - 2);
    if (!name.empty()) commands.push_back(name + " --help");
  }
  CHECK(commands.size() > 25);
  for (const auto& command : commands) {
    INFO(command);
    const auto r = run_on_terminal(command, 80);
    CHECK(r.code == 0);
    CHECK(widest(r.out) <= 80);
    // The same words, wrapped or not.
    const auto words = [](const std::string& text) {
      std::string out;
      for (const char c : text)
        if (std::isspace(static_cast<unsigned char>(c)) == 0) out += c;
      return out;
    };
    CHECK(words(r.out) == words(run(command).out));
  }
  const auto options = run_on_terminal("solve --help", 80).out;
  CHECK(has(options, "\n" + std::string(30, ' ') + "states, or a quarter of to four times"));

  const Folder folder;
  const auto named = folder.file("long.toml");
  std::ofstream(named) << "kind = \"hardware\"\nname = \"" << std::string(100, 'x')
                       << " of November\"\n"
                       << "based_on = \"" << specs << "/tom.toml\"\n[base]\nlanes = 32\n";
  const auto model = " " + specs + "/bitnet-2b.toml";
  for (const auto& command : std::vector<std::string>{
           "estimate " + named + model +
               " --set base.lnaes=1 --set chip.clock=3 --set gating.mode=foo",
           "estimate " + design + " --context 100000", "estimat", "explain powr " + design,
           "what-if " + named + model + " --set chip.voltage=0.75V", "compare a=" + named + ",x"}) {
    INFO(command);
    std::istringstream printed(plain(run_on_terminal(command, 80).out));
    for (std::string line, word; std::getline(printed, line);) {
      // But for words that have no end.
      const auto longest = [&line] {
        std::istringstream all(line);
        std::size_t most = 0;
        for (std::string w; all >> w;) most = std::max(most, w.size());
        return most;
      };
      CHECK((line.size() <= 80 || longest() >= 80));
    }
  }
}

TEST_CASE("columns that have no room are named") {
  const auto narrow = plain(run_on_terminal("estimate --table ops-decode " + design, 80).out);
  CHECK(has(narrow, "no room here for"));
  CHECK(has(narrow, "op "));  // the first column stays
  CHECK(
      !has(run_on_terminal("estimate --table ops-decode " + design, 250).out, "no room here for"));
  CHECK(!has(run("estimate --table ops-decode " + design).out, "no room here for"));
}

TEST_CASE("width is the terminal's, or COLUMNS, and none in a pipe") {
  const auto command = "estimate --table assumptions " + design;
  CHECK(widest(run_on_terminal(command, 120).out) <= 120);
  CHECK(widest(run_on_terminal(command, 120).out) > 80);
  CHECK(widest(run_on_terminal(command, 0, "env COLUMNS=100").out) <= 100);
  CHECK(widest(run_on_terminal(command, 0, "env COLUMNS=100").out) > 80);
  CHECK(widest(run_on_terminal(command, 0, "env COLUMNS=x").out) <= 80);
  CHECK(widest(run_command("COLUMNS=80 " + std::string(TOMESTIMATE_BINARY) + " " + command).out) >
        100);
}

TEST_CASE("colour on a terminal only, and not with NO_COLOR") {
  const auto command = "estimate " + design;
  CHECK(has(run_on_terminal(command, 80).out, "\033[1mTOM running"));
  CHECK(!has(run_on_terminal(command, 80, "env NO_COLOR=1").out, "\033"));
  CHECK(has(run_on_terminal(command, 80, "env NO_COLOR=").out, "\033"));
  CHECK(!has(run_on_terminal(command, 80, "env -u NO_COLOR TERM=dumb").out, "\033"));
  CHECK(!has(run(command).out, "\033"));
  const Folder folder;
  const auto file = folder.file("out.txt");
  CHECK(run_on_terminal(command + " -o " + file, 80).code == 0);
  CHECK(!has(read(file), "\033"));
  CHECK(read(file) == run(command).out);
}

TEST_CASE("a table by --table, all by --all and by formats for programs") {
  CHECK(has(run("estimate --all " + design).out, "Ops of a layer, prefill"));
  CHECK(!has(run("estimate " + design).out, "Ops of a layer, prefill"));
  CHECK(has(run("estimate --format markdown " + design).out, "## Ops of a layer, prefill"));
  CHECK(has(run("help estimate").out, "layers-decode"));
  CHECK(has(run("--generate bash").out, "layers-decode"));
  const auto typo = run("estimate --table ops " + design);
  CHECK(typo.code == 2);
  CHECK(has(typo.out, "ops-decode"));
}

TEST_CASE("a changed design says what was changed") {
  CHECK(
      run("estimate " + design + " --set base.lanes=32 --context 128")
          .out.starts_with(
              "TOM with base.lanes = 32 running BitNet b1.58 2B4T with workload.context = 128\n"));
}

TEST_CASE("what-if shows what changed, most first") {
  const auto r = run("what-if " + design + " --set base.lanes=32");
  CHECK(r.code == 0);
  CHECK(has(r.out, "metrics stay as they are"));
  CHECK(r.out.find("\n  units ") < r.out.find("\n  throughput "));
  CHECK(r.out.find("\n  throughput ") < r.out.find("\n  area "));
  CHECK(!has(r.out, "\n  sram.density "));
  CHECK(has(run("what-if --all " + design + " --set base.lanes=32").out, "\n  sram.density "));
  CHECK(has(run("what-if --format csv " + design + " --set base.lanes=32").out, "\nsram.density,"));
}

TEST_CASE("sweep prints a table on a terminal, and CSV elsewhere") {
  const auto command = "sweep " + design + " --vary base.lanes=8,16 --columns throughput";
  const auto r = run_on_terminal(command, 80);
  CHECK(r.code == 0);
  CHECK(has(plain(r.out), "\n  base.lanes  throughput\n                 token/s\n"));
  CHECK(run(command).out.starts_with("base.lanes,throughput [token/s],status\n8,"));
}

TEST_CASE("help, versions and mistyped words are answered") {
  CHECK(run("help").code == 0);
  CHECK(run("help").out == run("--help").out);
  CHECK(run("help estimate").out == run("estimate --help").out);
  CHECK(run("-V").out == run("--version").out);
  CHECK(has(run("help glossary").out, "matrix-vector unit"));
  CHECK(has(run("help chips").out, "| MVU 1..10: ROM banks,     |"));
  CHECK(widest(run("help chips").out) <= 80);
  const auto typo = run("estimat " + design);
  CHECK(typo.code == 2);
  CHECK(has(typo.out, "did you mean \"estimate\"?"));
  CHECK(has(run("help estimat").out, "did you mean \"estimate\"?"));
  const auto flag = run("estimate " + design + " --contxt 3");
  CHECK(flag.code == 2);
  CHECK(has(flag.out, "did you mean \"--context\"?"));
}

TEST_CASE("long computations say on a terminal how far they are, and leave no line of it") {
  const std::string packed = std::string(TOMESTIMATE_TESTS) + "/reference/data/packed";
  const std::string gone = "\033[K";  // after a carriage return
  for (const auto& [command, line] : std::vector<std::pair<std::string, std::string>>{
           {"run " + packed + " --tokens 1,2 --generate 2", "pass 2 of 2, layer 3 of 3"},
           {"validate --small " + design, "small: no adapter, layer 3 of 3"},
           {"import " + packed, "tensor 21 of 21"},
           {"uncertainty " + design + " --metric area --samples 200000", "200000 draws"}}) {
    const auto r = run_on_terminal(command, 80);
    CAPTURE(r.out);
    CHECK(r.code == 0);
    CHECK(has(r.out, gone + line));
    CHECK(r.out.rfind(gone) + gone.size() < r.out.size());
    CHECK(!r.out.substr(r.out.rfind(gone)).starts_with(gone + line));
    CHECK(!has(run(command).out, "layer 3 of 3"));
  }
}
