// SPDX-License-Identifier: Apache-2.0
// Man page and completions say what --help says; installed specs are found by name.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "binary.hpp"
#include "catch.hpp"
#include "folder.hpp"

namespace fs = std::filesystem;

namespace {

// The commands, as --help lists them.
std::vector<std::string> commands() {
  std::vector<std::string> out;
  bool listed = false;
  for (const auto& line : lines(run("--help").out)) {
    // Three spaces and more: the rest of a long description.
    if (listed && line.starts_with("  ") && !line.starts_with("   "))
      out.push_back(line.substr(2, line.find(' ', 2) - 2));
    listed = (listed || has(line, "ubcommands:") || has(line, "SUBCOMMANDS:")) && !line.empty();
  }
  REQUIRE(out.size() >= 13);
  return out;
}

// The flags that the --help of a command ("" for the program's) lists.
const std::set<std::string>& flags(std::string_view command) {
  static std::map<std::string, std::set<std::string>> known;
  auto& out = known[std::string(command)];
  if (!out.empty()) return out;
  static const std::regex names("^ +(-[a-zA-Z])?,? *(--[a-z][a-z0-9-]*)?");
  for (const auto& line : lines(run(std::string(command) + " --help").out)) {
    std::smatch found;
    if (!std::regex_search(line, found, names)) continue;
    for (const auto i : {1u, 2u})
      if (found[i].matched) out.insert(found[i].str());
  }
  REQUIRE(out.contains("--help"));
  return out;
}

// A tree as cmake --install makes it.
struct Installed {
  Folder folder;
  std::string binary = folder.file("bin/tomestimate");
  Installed() {
    fs::create_directories(folder.path / "bin");
    fs::create_directories(folder.path / "share/tomestimate");
    fs::copy_file(TOMESTIMATE_BINARY, binary);
    fs::create_directory_symlink(specs, folder.path / "share/tomestimate/specs");
  }
  // Runs a command line with this `tomestimate`, in an empty folder.
  Result operator()(const std::string& line) const {
    return run_command("cd " + folder.file("share") + " && PATH=" + folder.file("bin") +
                       ":$PATH; export PATH; " + line);
  }
};

std::string generated(const Folder& folder, const std::string& kind) {
  const auto file = folder.file(kind);
  REQUIRE(run("--generate " + kind + " > " + file).code == 0);
  return file;
}

std::vector<std::string> complete_bash(const Folder& folder, const std::string& words) {
  return lines(run_command(std::string(TOMESTIMATE_TESTS) + "/cli/complete.bash " +
                           generated(folder, "bash") + " " + TOMESTIMATE_BINARY + " " + words)
                   .out);
}

// zsh and fish find a completion by the name of the program. What zsh offers for each line:
// starting it takes a second or two, so all lines go to one.
std::map<std::string, std::vector<std::string>> complete_zsh(
    const Installed& installed, const std::vector<std::string>& typed) {
  auto command =
      std::string(TOMESTIMATE_TESTS) + "/cli/complete.zsh " + generated(installed.folder, "zsh");
  for (const auto& line : typed) command += " '" + line + "'";
  std::map<std::string, std::vector<std::string>> out;
  std::vector<std::string>* words = nullptr;
  for (const auto& line : lines(installed(command).out)) {
    if (line.starts_with("> "))
      words = &out[line.substr(2)];
    else if (words != nullptr)
      words->push_back(line);
  }
  return out;
}

std::vector<std::string> complete_fish(const Installed& installed, const std::string& line) {
  const auto file = generated(installed.folder, "fish");
  auto out =
      lines(installed("HOME=" + installed.folder.path.string() + " fish --no-config -c \"source " +
                      file + "; complete -C '" + line + "'\"")
                .out);
  for (auto& word : out) word = word.substr(0, word.find('\t'));  // then the description
  return out;
}

std::string without(std::string text, const std::string& part) {
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at))
    text.erase(at, part.size());
  return text;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("the man page has every command and flag of --help, and no lint") {
  const Folder folder;
  const auto file = generated(folder, "man");
  const auto lint = run_command("mandoc -T lint -W warning " + file);
  CHECK(lint.out == "");
  CHECK(lint.code == 0);
  const auto page = without(read(file), "\\");  // "\-" is "-"
  for (const std::string section : {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS",
                                    "EXIT STATUS", "FILES", "EXAMPLES"})
    CHECK(has(page, "\n.SH " + section + "\n"));
  for (const auto& flag : flags("")) CHECK(has(page, "fB" + flag + "fR"));
  for (const auto& command : commands()) {
    INFO(command);
    CHECK(has(page, "fBtomestimate " + command + "fR"));  // synopsis
    const auto from = page.find("\n.SS " + command + "\n");
    REQUIRE(from != std::string::npos);
    const auto section = page.substr(from, page.find("\n.S", from + 1) - from);
    for (const auto& flag : flags(command)) CHECK(has(section, "fB" + flag + "fR"));
  }
}

namespace {

// What a spec or study says, as "table.key", or "key" before the tables.
std::set<std::string> keys_of(const std::string& file) {
  static const std::regex head(R"(^\[+([a-z_]+)\]+)"), key(R"(^([a-z_]+) = )");
  std::set<std::string> out;
  std::string table;
  for (const auto& line : lines(read(file))) {
    std::smatch found;
    if (std::regex_search(line, found, head)) table = found[1].str() + ".";
    if (std::regex_search(line, found, key)) out.insert(table + found[1].str());
  }
  return out;
}

// The text of a man page from a heading to the next one of its kind, or of a higher one.
std::string part_of(const std::string& page, const std::string& heading) {
  const auto from = page.find("\n" + heading + "\n");
  REQUIRE(from != std::string::npos);
  auto end = page.find("\n.SH ", from + 1);
  if (heading.starts_with(".SS")) end = std::min(end, page.find("\n.SS ", from + 1));
  return page.substr(from, end - from);
}

}  // namespace

TEST_CASE("the formats of specs have every key of the shipped specs, studies and figures") {
  const Folder folder;
  const auto file = generated(folder, "spec-man");
  const auto lint = run_command("mandoc -T lint -W warning " + file);
  CHECK(lint.out == "");
  CHECK(lint.code == 0);
  const auto page = read(file);
  std::size_t seen = 0;
  const auto look = [&](const fs::path& spec) {
    const auto text = read(spec.string());
    std::smatch kind;
    static const std::regex kinds("\nkind = \"(hardware|model|technology|study|published)\"");
    if (!std::regex_search(text, kind, kinds)) return;  // cells, node factors
    const std::string top = kind[1] == "study"       ? ".SH STUDIES"
                            : kind[1] == "published" ? ".SH PUBLISHED FIGURES"
                                                     : ".SH SPECS";
    for (const auto& key : keys_of(spec.string())) {
      INFO(spec << ": " << key);
      const auto dot = key.find('.');
      const auto table = key.substr(0, dot);
      const auto part =
          part_of(page, dot == std::string::npos               ? top
                        : table == "vary" || table == "figure" ? ".SS [[" + table + "]]"
                        : table == "labels"                    ? ".SH SPECS"
                                                               : ".SS [" + table + "]");
      const auto name = table == "labels" ? table : key.substr(dot + 1);
      CHECK(has(part, "\n.TP\n\\fB" + name + "\\fR\n"));
      ++seen;
    }
  };
  for (const auto* place : {"", "/technology", "/../reports/studies"})
    for (const auto& entry : fs::directory_iterator(specs + place))
      if (entry.path().extension() == ".toml") look(entry.path());
  CHECK(seen > 700);
  for (const auto& path : lines(run("parameters " + design + " --names").out)) {
    INFO(path);
    const auto dot = path.find('.');
    CHECK(has(part_of(page, ".SS [" + path.substr(0, dot) + "]"),
              "\\fB" + path.substr(dot + 1) + "\\fR\n"));
  }
  // Unit, range and choices are those that are checked.
  CHECK(has(part_of(page, ".SS [chip]"), "From 1 to 20000 MHz."));
  CHECK(has(part_of(page, ".SS [base]"), "From 1 to 1048576, whole."));
  CHECK(has(part_of(page, ".SS [gating]"), "One of none, isolation, switches. May be left out"));
  CHECK(has(part_of(page, ".SS [adapter]"), "A list of some of q, k, v, o, gate, up, down."));
}

TEST_CASE("the examples in the formats of specs are good") {
  const Installed installed;
  const auto page = read(generated(installed.folder, "spec-markdown"));
  std::size_t examples = 0;
  const std::string begin = "```toml\n";
  for (auto at = page.find(begin); at != std::string::npos; at = page.find(begin, at)) {
    at += begin.size();
    std::ofstream(installed.folder.file("share/example.toml"))
        << page.substr(at, page.find("```", at) - at);
    const auto checked = installed("tomestimate check example.toml");
    CHECK(checked.out == "example.toml: ok\n");
    CHECK(checked.code == 0);
    ++examples;
  }
  CHECK(examples == 3);
}

TEST_CASE("a flag that takes a default, a choice or many values says so in the man page") {
  const auto page = without(run("--generate man").out, "\\");
  CHECK(has(page, "fB--metricfR fIMETRICfR\nthe metric (default: throughput)"));
  CHECK(has(page, "fB--formatfR fItext|csv|markdown|jsonfR"));
  CHECK(has(page, "fBtomestimate checkfR fISPECfR..."));
  CHECK(has(page, "fBtomestimate publishedfR [fIFIGURESfR]"));
  CHECK(has(page, "fBtomestimate mergefR fISHARDfR... fB--outputfR fIFILEfR"));
}

TEST_CASE("the examples of the man page run on installed specs") {
  const Installed installed;
  int examples = 0;
  for (const auto& line : lines(without(run("--generate man").out, "\\"))) {
    if (!line.starts_with("tomestimate ") || has(line, " - ")) continue;
    INFO(line);
    CHECK(installed(line).code == 0);
    ++examples;
  }
  CHECK(examples == 7);
}

TEST_CASE("bash offers every command and flag of --help") {
  const Folder folder;
  CHECK(complete_bash(folder, "''") == commands());
  const auto completed = [&](const std::string& command) {
    const auto words = complete_bash(folder, command + " -");
    return std::set<std::string>(words.begin(), words.end());
  };
  CHECK(completed("") == flags(""));
  for (const auto& command : commands()) {
    INFO(command);
    CHECK(completed(command) == flags(command));
  }
}

TEST_CASE("bash offers values: choices, names of spec values and metrics, files") {
  const Folder folder;
  const auto complete = [&](const std::string& words) { return complete_bash(folder, words); };
  CHECK(complete("est") == Words{"estimate"});
  CHECK(complete("estimate --format ''") == Words{"text", "csv", "markdown", "json"});
  CHECK(complete("estimate --format = m") == Words{"markdown"});
  CHECK(complete("estimate --format =") == Words{"text", "csv", "markdown", "json"});
  CHECK(complete("sweep x --isa av") == Words{"avx2", "avx512"});
  CHECK(complete("--generate z") == Words{"zsh"});
  CHECK(complete("solve " + design + " --vary chip.") ==
        Words{"chip.clock", "chip.voltage", "chip.temperature", "chip.control_area",
              "chip.clock_gating"});
  CHECK(complete("estimate " + design + " --set chip.v") ==
        Words{"option -o nospace", "chip.voltage="});
  // Values of other flags are no specs, also where bash splits them at "=".
  CHECK(complete("estimate --batch 2 --set chip.clock = 1GHz " + design + " --set chip.v") ==
        Words{"option -o nospace", "chip.voltage="});
  CHECK(complete("estimate " + design + " --set chip.clock = ''") == Words{""});
  CHECK(complete("sensitivity " + design + " --metric thr") ==
        Words{"throughput", "throughput_density"});
  CHECK(complete("solve " + design + " --target tp") == Words{"option -o nospace", "tpot="});
  CHECK(complete("estimate /no/such /spec --set ''") == Words{"option -o nospace", "="});
  const auto place = "'" + specs + "/tom'";
  CHECK(complete("estimate " + place) == Words{"option -o filenames", specs + "/tom.toml"});
  CHECK(complete("check a b " + place) == Words{"option -o filenames", specs + "/tom.toml"});
  CHECK(complete("estimate " + design + " -o " + place) ==
        Words{"option -o filenames", specs + "/tom.toml"});
  CHECK(complete("estimate --batch ''") == Words{""});
}

TEST_CASE("fish offers every command and flag of --help, and values") {
  const Installed installed;
  const auto complete = [&](const std::string& line) { return complete_fish(installed, line); };
  auto sorted = commands();
  std::sort(sorted.begin(), sorted.end());
  CHECK(complete("tomestimate ") == sorted);
  for (const auto& command : commands()) {
    INFO(command);
    const auto words = complete("tomestimate " + command + " -");
    CHECK(std::set<std::string>(words.begin(), words.end()) == flags(command));
  }
  CHECK(complete("tomestimate estimate --format m") == Words{"markdown"});
  CHECK(complete("tomestimate estimate --batch 2 tom bitnet-2b --set chip.v") ==
        Words{"chip.voltage="});
  CHECK(complete("tomestimate solve tom bitnet-2b --target thr") ==
        Words{"throughput=", "throughput_density="});
  CHECK(complete("tomestimate estimate " + specs + "/tom") == Words{specs + "/tom.toml"});
}

TEST_CASE("zsh offers every command and flag of --help, and values") {
  const Installed installed;
  auto sorted = commands();
  std::sort(sorted.begin(), sorted.end());
  std::map<std::string, Words> expected{
      {"tomestimate ", sorted},
      {"tomestimate estimate --format m", {"markdown"}},
      {"tomestimate estimate --batch 2 tom bitnet-2b --set chip.v", {"chip.voltage"}},
      {"tomestimate solve tom bitnet-2b --target thr", {"throughput", "throughput_density"}},
      {"tomestimate estimate " + specs + "/tom", {"tom.toml"}}};
  for (const auto& command : commands())
    expected["tomestimate " + command + " -"] = {flags(command).begin(), flags(command).end()};
  Words typed;
  for (const auto& [line, words] : expected) typed.push_back(line);
  auto found = complete_zsh(installed, typed);
  for (auto& [line, words] : expected) {
    INFO(line);
    std::sort(words.begin(), words.end());
    std::sort(found[line].begin(), found[line].end());
    CHECK(found[line] == words);
  }
}

TEST_CASE("what can't be generated") {
  CHECK(run("--generate csh").code == 2);
  CHECK(run("--generate").code == 2);
  CHECK(run("--generate man > /dev/full").code == 1);
}

TEST_CASE("installed specs are found by name, and published figures without one") {
  const Installed installed;
  const auto by_name = installed("tomestimate estimate tom bitnet-2b --format csv");
  CHECK(by_name.code == 0);
  CHECK(by_name.out == installed("tomestimate estimate tom.toml bitnet-2b.toml --format csv").out);
  const auto figures = installed("tomestimate published --format csv");
  CHECK(figures.code == 0);
  CHECK(has(figures.out, "tom.throughput"));

  const auto typo = installed("tomestimate estimate tomm bitnet-2b");
  CHECK(typo.code == 2);
  CHECK(has(typo.out, "no such file, and no installed spec of that name (did you mean \"tom\"?)"));
  const auto other = installed("tomestimate estimate tom transformer");
  CHECK(other.code == 2);
  CHECK(has(other.out, "(installed: a100, ankhdjet, bitnet-0.7b, "));
  CHECK(installed("tomestimate estimate bitnet-2b tom").code == 2);
  // A path is a path, and a file here comes before an installed one.
  CHECK(has(installed("tomestimate estimate ./tom bitnet-2b").out, "./tom: error: no such file\n"));
  std::ofstream(installed.folder.file("share/tom")) << "kind = 1\n";
  CHECK(has(installed("tomestimate estimate tom bitnet-2b").out, "tom:1:"));
}

TEST_CASE("README's table of commands is what --help lists") {
  const auto readme = read(std::string(TOMESTIMATE_TESTS) + "/../README.md");
  const auto from = readme.find("| command | does |\n");
  REQUIRE(from != std::string::npos);
  std::vector<std::string> rows;
  const auto table = readme.substr(from, readme.find("\n\n", from) - from);
  for (const auto& line : lines(table)) {
    if (!line.starts_with("| `")) continue;
    rows.push_back(line.substr(3, line.find_first_of(" `", 3) - 3));
    // Flags that the row names are flags of the command.
    static const std::regex flag("--[a-z][a-z0-9-]*");
    for (auto i = std::sregex_iterator(line.begin(), line.end(), flag); i != std::sregex_iterator();
         ++i) {
      INFO(rows.back() << " " << i->str());
      CHECK(flags(rows.back()).contains(i->str()));
    }
  }
  auto listed = commands();
  std::sort(rows.begin(), rows.end());
  std::sort(listed.begin(), listed.end());
  CHECK(rows == listed);
}
