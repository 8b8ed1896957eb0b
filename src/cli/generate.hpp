// SPDX-License-Identifier: Apache-2.0
// Man page and shell completions, from the commands and options that the App itself has: they can't
// disagree with --help.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace tomestimate::cli {

// What an option takes: help shows it after the option, and completions offer it.
//   "a|b|c"                one of these words (so is a CLI::IsMember check)
//   "PATH", "PATH=VALUE"   the name of a spec value
//   "METRIC", "METRIC=..." the name of a metric
//   "FILE"                 a file
//   anything else          text that can't be guessed
struct OptionPage {
  std::vector<std::string> names;  // "-o", "--output"
  std::string value;               // "FILE"; "" for a flag
  std::string doc;
  std::string initial;  // default value; "" if there is none to show
  bool required = false;
  bool repeats = false;
};

struct Argument {
  std::string name;  // "HARDWARE"
  std::string doc;
  bool required = false;
  bool repeats = false;
};

// The program itself (name "") or one of its commands.
struct Page {
  std::string name;
  std::string doc;
  std::vector<Argument> arguments;
  std::vector<OptionPage> options;
};

// The program, then its commands in the order of --help. Hidden commands and options are left out.
std::vector<Page> pages(const CLI::App& app);

// The words of "a|b|c"; none for any other value.
std::vector<std::string> choices(const std::string& value);

// Text as roff takes it; a line of its own must not start with a control character.
std::string roff(const std::string& text);

std::string man_page(const std::vector<Page>& pages);
std::string bash_completion(const std::vector<Page>& pages);
std::string zsh_completion(const std::vector<Page>& pages);
std::string fish_completion(const std::vector<Page>& pages);

}  // namespace tomestimate::cli
