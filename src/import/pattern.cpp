// SPDX-License-Identifier: Apache-2.0
#include "pattern.hpp"

#include <algorithm>
#include <vector>

namespace tomestimate::importer {
namespace {

constexpr std::size_t most_alternatives = 256;

// A regular expression with "*" for what may be anything; alternatives and groups stay.
std::string with_stars(std::string_view expression) {
  std::string out;
  for (std::size_t i = 0; i < expression.size(); ++i) {
    const char c = expression[i];
    if (c == '\\' && i + 1 < expression.size()) {
      const char escaped = expression[++i];
      out += std::string_view("dDwWsSbB").find(escaped) == std::string_view::npos ? escaped : '*';
    } else if (c == '[') {
      i = std::min(expression.find(']', i + 1), expression.size());
      out += '*';
    } else if (c == '{') {
      i = std::min(expression.find('}', i + 1), expression.size());
      out += '*';
    } else if (c == '.' && i + 1 < expression.size() &&
               std::string_view("*+?{").find(expression[i + 1]) != std::string_view::npos) {
      continue;  // what follows makes the star
    } else if (std::string_view("+?").find(c) != std::string_view::npos) {
      out += '*';
    } else if (c != '^' && c != '$') {
      out += c;
    }
  }
  return out;
}

// The alternatives without groups; "*" alone if there are too many, or the parentheses don't match.
std::vector<std::string> alternatives(std::string pattern) {
  std::vector<std::string> todo{std::move(pattern)};
  std::vector<std::string> out;
  while (!todo.empty()) {
    if (todo.size() + out.size() > most_alternatives) return {"*"};
    auto text = std::move(todo.back());
    todo.pop_back();
    const auto close = text.find(')');
    const auto open = close == std::string::npos ? close : text.rfind('(', close);
    if (close != std::string::npos && open == std::string::npos) return {"*"};
    // The innermost group, or all of it; "?:" begins a group that is not numbered.
    const bool grouped = open != std::string::npos;
    const auto from = grouped ? open + 1 : 0;
    const auto end = grouped ? close : text.size();
    if (!grouped && text.find('|') == std::string::npos) {
      out.push_back(text.find('(') == std::string::npos ? std::move(text) : "*");
      continue;
    }
    for (std::size_t at = from; at <= end;) {
      const auto bar = std::min(text.find('|', at), end);
      todo.push_back((grouped ? text.substr(0, open) : "") + text.substr(at, bar - at) +
                     (grouped ? text.substr(close + 1) : ""));
      at = bar + 1;
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> wildcards(std::string_view pattern) {
  constexpr std::string_view mark = "re:";
  if (!pattern.starts_with(mark)) return {std::string(pattern)};
  return alternatives(with_stars(pattern.substr(mark.size())));
}

// Pieces between stars come one after the other.
bool stands_for(std::string_view wildcard, std::string_view name) {
  std::size_t at = 0;
  for (std::size_t from = 0; from <= wildcard.size();) {
    const auto star = std::min(wildcard.find('*', from), wildcard.size());
    const auto piece = wildcard.substr(from, star - from);
    const auto found = name.find(piece, at);
    if (found == std::string_view::npos) return false;
    at = found + piece.size();
    from = star + 1;
  }
  return !wildcard.empty();
}

}  // namespace tomestimate::importer
