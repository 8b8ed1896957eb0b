// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>

#include <fmt/format.h>
#include <range/v3/algorithm/contains.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/join.hpp>

#include "generate.hpp"

namespace tomestimate::cli {
namespace {

// What can follow an option.
enum class Follows { text, words, file, parameter, metric };

struct Completed {
  Follows what = Follows::text;
  bool assigned = false;  // "=" and a value come after the name
};

Completed completed(const OptionPage& option) {
  const auto name = option.value.substr(0, option.value.find('='));
  const bool assigned = name.size() < option.value.size();
  if (!choices(option.value).empty()) return {Follows::words, false};
  if (name == "PATH") return {Follows::parameter, assigned};
  if (name == "METRIC") return {Follows::metric, assigned};
  if (name == "FILE") return {Follows::file, false};
  return {};
}

// 'text' for any of the three shells. fish alone takes backslashes inside quotes.
std::string literal(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

template <class Words>
std::string joined(const Words& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

// Options of any command whose next word is their value: it is no spec.
std::set<std::string> valued_options(const std::vector<Page>& pages) {
  std::set<std::string> all;
  for (const auto& page : pages)
    for (const auto& option : page.options)
      if (!option.value.empty()) all.insert(option.names.begin(), option.names.end());
  return all;
}

std::vector<std::string> commands(const std::vector<Page>& pages) {
  std::vector<std::string> names;
  for (const auto& page : pages)
    if (!page.name.empty()) names.push_back(page.name);
  return names;
}

std::string replaced(std::string text, const std::vector<std::pair<std::string, std::string>>& by) {
  for (const auto& [from, to] : by) text.replace(text.find(from), from.size(), to);
  return text;
}

// ---- bash ----

constexpr const char* bash_script =
    R"SH(# Completion of tomestimate for bash: written by tomestimate --generate bash.

# The flags of command $1.
_tomestimate_flags() {
  case $1 in
@FLAGS@  esac
}

# What follows flag $2 of command $1: words, @parameter, @metric, @file or @text. Nothing if none.
_tomestimate_value() {
  case "$1 $2" in
@VALUES@  esac
}

_tomestimate() {
  local current=${COMP_WORDS[COMP_CWORD]} before=$((COMP_CWORD - 1))
  # Bash makes "=" a word of its own.
  if [[ $current == "=" ]]; then
    current=""
  elif [[ ${COMP_WORDS[before]} == "=" ]]; then
    ((--before))
  fi
  local command="" specs=() word i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    case $word in
      @VALUED@)
        if [[ ${COMP_WORDS[i + 1]} == "=" ]]; then ((++i)); fi
        ((++i))
        ;;
      =) ((++i)) ;;
      -*) ;;
      *) if [[ -z $command ]]; then command=$word; else specs+=("$word"); fi ;;
    esac
  done
  local names="" value
  value=$(_tomestimate_value "$command" "${COMP_WORDS[before]}")
  case $value in
    @parameter*) names=$("${COMP_WORDS[0]}" parameters "${specs[@]:0:2}" --names 2> /dev/null) ;;
    @metric*)
      names=$("${COMP_WORDS[0]}" estimate "${specs[@]:0:2}" --table summary --format csv 2> /dev/null |
        tail -n +2 | cut -d, -f1)
      ;;
    @file) compopt -o filenames ;;
    "")
      if [[ $before -lt $((COMP_CWORD - 1)) || $current == "=" ]]; then
        return  # the value of PATH=
      elif [[ $current == -* ]]; then
        names=$(_tomestimate_flags "$command")
      elif [[ -z $command ]]; then
        names="@COMMANDS@"
      else
        value=@file
        compopt -o filenames
      fi
      ;;
    @text) ;;
    *) names=$value ;;
  esac
  if [[ $value == *= ]]; then
    compopt -o nospace
    names=$(sed 's/$/=/' <<< "$names")
  fi
  if [[ $value == @file ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  elif [[ -n $names ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$names" -- "$current")
  fi
}
complete -F _tomestimate tomestimate
)SH";

std::string bash_value(const OptionPage& option) {
  const auto [what, assigned] = completed(option);
  const std::string equals = assigned ? "=" : "";
  switch (what) {
    case Follows::words:
      return joined(choices(option.value));
    case Follows::file:
      return "@file";
    case Follows::parameter:
      return "@parameter" + equals;
    case Follows::metric:
      return "@metric" + equals;
    case Follows::text:
      break;
  }
  return "@text";
}

// ---- zsh ----

constexpr const char* zsh_script = R"SH(#compdef tomestimate
# Completion of tomestimate for zsh: written by tomestimate --generate zsh.

# The names of spec values, and of metrics, of the two specs on the line.
_tomestimate_parameters() {
  local -a names=(${(f)"$($tomestimate parameters ${(Q)line[1,2]} --names 2> /dev/null)"})
  compadd "$@" -a names
}

_tomestimate_metrics() {
  local -a names=(${${${(f)"$($tomestimate estimate ${(Q)line[1,2]} \
    --table summary --format csv 2> /dev/null)"}[2,-1]}%%,*})
  compadd "$@" -a names
}

_tomestimate() {
  local tomestimate=${(Q)words[1]} context state state_descr
  local -a line
  local -A opt_args
  local -a commands=(
@COMMANDS@  )
  _arguments -C \
@OPTIONS@    '1:command:->command' \
    '*::argument:->arguments'
  case $state in
    command) _describe command commands ;;
    arguments)
      case $words[1] in
@CASES@      esac
      ;;
  esac
}

if [[ $funcstack[1] == _tomestimate ]]; then
  _tomestimate "$@"
else
  compdef _tomestimate tomestimate
fi
)SH";

// Text inside a description of _arguments.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += (c == '[' || c == ']' || c == ':' || c == '\\' ? "\\" : "") + std::string(1, c);
  return out;
}

std::string zsh_action(const OptionPage& option) {
  const auto [what, assigned] = completed(option);
  const std::string equals = assigned ? " -S =" : "";
  switch (what) {
    case Follows::words:
      return "(" + joined(choices(option.value)) + ")";
    case Follows::file:
      return "_files";
    case Follows::parameter:
      return "_tomestimate_parameters" + equals;
    case Follows::metric:
      return "_tomestimate_metrics" + equals;
    case Follows::text:
      break;
  }
  return " ";
}

std::string zsh_options(const Page& page, const std::string& indent) {
  std::string out;
  for (const auto& option : page.options)
    for (const auto& name : option.names) {
      auto spec = fmt::format("{}{}[{}]", option.repeats ? "*" : "", name, zsh_text(option.doc));
      if (!option.value.empty())
        spec += fmt::format(":{}:{}", zsh_text(option.value), zsh_action(option));
      out += indent + literal(spec) + " \\\n";
    }
  return out;
}

std::string zsh_case(const Page& page) {
  const std::string indent(12, ' ');
  auto out =
      fmt::format("        {})\n          _arguments \\\n{}", page.name, zsh_options(page, indent));
  for (const auto& a : page.arguments)
    out += indent + literal(fmt::format("{}:{}:_files", a.repeats ? "*" : "", a.name)) + " \\\n";
  out.erase(out.size() - 3);  // the last " \"
  return out + "\n          ;;\n";
}

// ---- fish ----

constexpr const char* fish_script =
    R"SH(# Completion of tomestimate for fish: written by tomestimate --generate fish.

# Runs command $argv[1] on the two specs on the line, with the rest of $argv.
function __tomestimate_run
    set -l words (commandline -opc)
    set -l places
    set -l i 2
    while test $i -le (count $words)
        if contains -- $words[$i] @VALUED@
            set i (math $i + 1)
        else if not string match -q -- '-*' $words[$i]
            set -a places $words[$i]
        end
        set i (math $i + 1)
    end
    $words[1] $argv[1] $places[2..3] $argv[2..] 2>/dev/null
end

function __tomestimate_parameters
    __tomestimate_run parameters --names
end

function __tomestimate_metrics
    __tomestimate_run estimate --table summary --format csv | tail -n +2 | cut -d, -f1
end

function __tomestimate_assigned
    for name in ($argv[1])
        echo $name=
    end
end

)SH";

std::string fish_action(const OptionPage& option) {
  const auto [what, assigned] = completed(option);
  const auto names = [assigned = assigned](const std::string& function) {
    return assigned ? fmt::format(" -x -a '(__tomestimate_assigned {})'", function)
                    : fmt::format(" -x -a '({})'", function);
  };
  switch (what) {
    case Follows::words:
      return " -x -a " + literal(joined(choices(option.value)));
    case Follows::file:
      return " -r -F";
    case Follows::parameter:
      return names("__tomestimate_parameters");
    case Follows::metric:
      return names("__tomestimate_metrics");
    case Follows::text:
      break;
  }
  return " -x";
}

std::string fish_options(const Page& page) {
  const auto where = page.name.empty() ? std::string("__fish_use_subcommand")
                                       : "__fish_seen_subcommand_from " + page.name;
  std::string out;
  for (const auto& option : page.options) {
    out += "complete -c tomestimate -n " + literal(where);
    for (const auto& name : option.names)
      out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    if (!option.value.empty()) out += fish_action(option);
    out += " -d " + literal(option.doc) + "\n";
  }
  return out;
}

}  // namespace

std::string bash_completion(const std::vector<Page>& pages) {
  std::string flags;
  std::map<std::string, std::vector<std::string>> values;  // what follows, after which
  for (const auto& page : pages) {
    std::vector<std::string> names;
    for (const auto& option : page.options)
      for (const auto& name : option.names) {
        names.push_back(name);
        if (!option.value.empty())
          values[bash_value(option)].push_back(fmt::format("\"{} {}\"", page.name, name));
      }
    flags += fmt::format("    \"{}\") echo \"{}\" ;;\n", page.name, joined(names));
  }
  std::string cases;
  for (const auto& [value, after] : values)
    cases += fmt::format("    {})\n      echo \"{}\"\n      ;;\n",
                         fmt::join(after, " | \\\n      "), value);
  return replaced(bash_script,
                  {{"@FLAGS@", flags},
                   {"@VALUES@", cases},
                   {"@VALUED@", fmt::format("{}", fmt::join(valued_options(pages), " | "))},
                   {"@COMMANDS@", joined(commands(pages))}});
}

std::string zsh_completion(const std::vector<Page>& pages) {
  std::string described, cases;
  for (const auto& page : pages) {
    if (page.name.empty()) continue;
    described += "    " + literal(page.name + ":" + zsh_text(page.doc)) + "\n";
    cases += zsh_case(page);
  }
  return replaced(zsh_script, {{"@COMMANDS@", described},
                               {"@OPTIONS@", zsh_options(pages.at(0), "    ")},
                               {"@CASES@", cases}});
}

std::string fish_completion(const std::vector<Page>& pages) {
  auto out = replaced(fish_script, {{"@VALUED@", joined(valued_options(pages))}});
  for (const auto& page : pages) {
    if (!page.name.empty())
      out += fmt::format("complete -c tomestimate -n __fish_use_subcommand -f -a {} -d {}\n",
                         page.name, literal(page.doc));
    out += fish_options(page);
  }
  return out;
}

}  // namespace tomestimate::cli
