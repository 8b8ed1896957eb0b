// SPDX-License-Identifier: Apache-2.0
#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>

namespace tomestimate::cli {
namespace {

std::size_t terminal_width(int file) {
  winsize size{};
  if (ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  std::size_t columns = 0;
  if (const char* text = std::getenv("COLUMNS")) {
    const std::string_view digits(text);
    std::from_chars(digits.data(), digits.data() + digits.size(), columns);
  }
  return columns > 0 ? columns : 80;
}

// Where the text of a line begins, below which it goes on: after the gap behind a name, or where
// the line itself begins.
std::size_t text_column(const std::string& line) {
  constexpr std::size_t names = 20;  // a name of an option begins before this
  const auto first = std::min(line.find_first_not_of(' '), line.size());
  if (first == 0 || first > names) return first;
  const auto gap = line.find("  ", first);
  return gap == std::string::npos ? first + 2 : line.find_first_not_of(' ', gap);
}

// Letters, not bytes.
std::size_t letters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

void add_wrapped(std::string& out, const std::string& line, std::size_t width) {
  const auto column = text_column(line);
  if (letters(line) <= width || column + 10 > width) {
    out += line + "\n";
    return;
  }
  // What stands before the text stays as it is.
  const auto begin =
      line.find("  ", std::min(line.find_first_not_of(' '), line.size())) == std::string::npos
          ? std::min(line.find_first_not_of(' '), line.size())
          : column;
  std::string row = line.substr(0, begin);
  bool fresh = true;
  const auto put = [&](const std::string& word) {
    if (!fresh && letters(row) + 1 + letters(word) > width) {
      out += row + "\n";
      row = std::string(column, ' ');
      fresh = true;
    }
    row += (fresh ? "" : " ") + word;
    fresh = false;
  };
  std::istringstream words(line.substr(begin));
  for (std::string word; words >> word;) {
    for (auto bar = word.find('|'); letters(row) + 1 + letters(word) > width &&
                                    letters(word) > width - column && bar != std::string::npos;) {
      // As many choices as fit.
      for (auto next = word.find('|', bar + 1);
           next != std::string::npos && letters(row) + 2 + next <= width;
           next = word.find('|', bar + 1))
        bar = next;
      put(word.substr(0, bar + 1));
      word.erase(0, bar + 1);
      bar = word.find('|');
      out += row + "\n";
      row = std::string(column, ' ');
      fresh = true;
    }
    put(word);
  }
  out += row + "\n";
}

// As no-color.org has it: set and not empty.
bool wants_colour() {
  const char* none = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return (none == nullptr || *none == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

}  // namespace

bool on_terminal() { return isatty(STDOUT_FILENO) != 0; }

report::TextStyle terminal_style() {
  if (!on_terminal()) return {};
  return {terminal_width(STDOUT_FILENO), wants_colour()};
}

std::string fitted(const std::string& text, int file) {
  if (isatty(file) == 0) return text;
  constexpr std::size_t least = 80;
  const auto width = std::max(least, terminal_width(file));
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) add_wrapped(out, line, width);
  return out;
}

}  // namespace tomestimate::cli
