// SPDX-License-Identifier: Apache-2.0
#include "text.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include <fmt/format.h>
#include <range/v3/algorithm/any_of.hpp>
#include <range/v3/view/enumerate.hpp>

#include "cells.hpp"

namespace tomestimate::report {
namespace {

namespace rv = ranges::views;
using Widths = std::vector<std::size_t>;

constexpr std::size_t narrowest = 80;     // a narrower terminal gets lines of this width
constexpr std::size_t widest_text = 56;   // of a cell, where nothing limits the line
constexpr std::size_t least_text = 12;    // a text column is not made narrower than this,
constexpr std::size_t longest_word = 24;  // nor than its longest word, up to this

constexpr std::string_view bold = "1", dim = "2", red = "31", green = "32", yellow = "33";

std::string coloured(const std::string& text, std::string_view code, const TextStyle& style) {
  return style.colour && !code.empty() ? fmt::format("\033[{}m{}\033[0m", code, text) : text;
}

// Bytes that continue a UTF-8 character take no width.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t to, bool right) {
  const std::string fill(to - std::min(to, width(text)), ' ');
  return right ? fill + text : text + fill;
}

// The bytes of the first `count` characters.
std::size_t bytes(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; at < text.size(); ++at)
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && count-- == 0) break;
  return at;
}

// Text broken at spaces into lines of at most `limit`; a longer word is broken too, or, if `whole`,
// has a line of its own.
Strings wrapped(const std::string& text, std::size_t limit, bool whole) {
  Strings lines{""};
  const auto put = [&lines, limit](std::string_view word) {
    auto& line = lines.back();
    if (line.empty())
      line = word;
    else if (width(line) + 1 + width(word) <= limit)
      line += fmt::format(" {}", word);
    else
      lines.emplace_back(word);
  };
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    std::string_view word(text.data() + at, end - at);
    while (!whole && width(word) > limit) {
      const auto part = bytes(word, limit);
      put(word.substr(0, part));
      word.remove_prefix(part);
    }
    put(word);
    at = end + 1;
  }
  return lines;
}

std::size_t widest_word(std::string_view text) {
  std::size_t most = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    most = std::max(most, width(text.substr(at, end - at)));
    at = end + 1;
  }
  return most;
}

// ---- the columns of a table ----

struct Grid {
  std::vector<Strings> rows;
  Strings names, units;
  std::vector<bool> numeric;
  std::vector<int> importance;
};

Grid grid(const Table& table) {
  Grid out{readable_rows(table), {}, {}, {}, {}};
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    out.names.push_back(table.columns[c].name);
    out.units.push_back(table.columns[c].unit);
    out.numeric.push_back(is_numeric(table, c));
    out.importance.push_back(table.columns[c].importance);
  }
  return out;
}

bool has_units(const Grid& g) {
  return ranges::any_of(g.units, [](const auto& unit) { return !unit.empty(); });
}

template <class Member>
void erase_at(Member& member, std::size_t c) {
  member.erase(member.begin() + static_cast<std::ptrdiff_t>(c));
}

void drop(Grid& g, std::size_t c) {
  for (auto& row : g.rows) erase_at(row, c);
  erase_at(g.names, c);
  erase_at(g.units, c);
  erase_at(g.numeric, c);
  erase_at(g.importance, c);
}

// The least important column, of equals the last, never the first.
std::size_t least_important(const Grid& g) {
  std::size_t least = g.names.size() - 1;
  for (std::size_t c = g.names.size(); c-- > 1;)
    if (g.importance[c] < g.importance[least]) least = c;
  return least;
}

// Width that a column takes of itself.
std::size_t natural(const Grid& g, std::size_t c) {
  auto most = std::max(width(g.names[c]), width(g.units[c]));
  for (const auto& row : g.rows) most = std::max(most, width(row[c]));
  return most;
}

// And at least: numbers stand on one line; text and headings wrap.
std::size_t least(const Grid& g, std::size_t c) {
  const auto heading = std::max(widest_word(g.names[c]), width(g.units[c]));
  std::size_t most = 0;
  for (const auto& row : g.rows)
    most =
        std::max(most, g.numeric[c] ? width(row[c]) : std::min(longest_word, widest_word(row[c])));
  if (!g.numeric[c]) most = std::max(most, std::min(least_text, natural(g, c)));
  return std::max(heading, most);
}

std::size_t line_width(const Widths& widths) {
  return std::accumulate(widths.begin(), widths.end(), 2 * widths.size());
}

// Takes from the widest column that can give, until all fit. False if they can't.
bool shrink(Widths& widths, const Widths& least, std::size_t limit) {
  while (line_width(widths) > limit) {
    std::size_t widest = widths.size();
    for (std::size_t c = 0; c < widths.size(); ++c)
      if (widths[c] > least[c] && (widest == widths.size() || widths[c] > widths[widest]))
        widest = c;
    if (widest == widths.size()) return false;
    --widths[widest];
  }
  return true;
}

// Widths of the columns, less those that had to go (their names are appended to `dropped`).
Widths fit(Grid& g, std::size_t limit, Strings& dropped) {
  for (;;) {
    Widths widths, floors;
    for (std::size_t c = 0; c < g.names.size(); ++c) {
      widths.push_back(natural(g, c));
      floors.push_back(least(g, c));
    }
    if (limit == 0) {
      for (std::size_t c = 0; c < widths.size(); ++c) {
        std::size_t word = widest_word(g.names[c]);
        for (const auto& row : g.rows) word = std::max(word, widest_word(row[c]));
        if (!g.numeric[c]) widths[c] = std::min(widths[c], std::max(word, widest_text));
      }
      return widths;
    }
    if (shrink(widths, floors, limit) || widths.size() == 1) return widths;
    const auto c = least_important(g);
    dropped.insert(dropped.begin(), g.names[c]);
    drop(g, c);
  }
}

// ---- lines ----

// One row as the printed lines it takes.
std::vector<Strings> lines_of(const Strings& row, const Widths& widths, bool whole) {
  std::vector<Strings> lines;
  for (const auto& [c, cell] : row | rv::enumerate) {
    const auto parts = wrapped(cell, widths[c], whole);
    while (lines.size() < parts.size()) lines.emplace_back(row.size());
    for (const auto& [i, part] : parts | rv::enumerate) lines[i][c] = part;
  }
  return lines;
}

void append_lines(const std::vector<Strings>& lines, const Grid& g, const Widths& widths,
                  std::string& out) {
  for (const auto& line : lines) {
    std::string text;
    for (const auto& [c, cell] : line | rv::enumerate)
      text += "  " + padded(cell, widths[c], g.numeric[c]);
    out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  }
}

// A paragraph after `first`; what goes on below is set in by `indent`.
void append_paragraph(const std::string& text, std::string_view first, std::string_view indent,
                      std::string_view colour, const TextStyle& style, std::string& out) {
  const auto lines =
      style.width == 0 ? Strings{text} : wrapped(text, style.width - indent.size(), false);
  for (const auto& [i, line] : lines | rv::enumerate)
    out += fmt::format("{}{}\n", i == 0 ? first : indent, coloured(line, colour, style));
}

void append_table(const Table& table, const TextStyle& style, std::string& out) {
  auto g = grid(table);
  Strings dropped;
  const auto widths = fit(g, style.width, dropped);
  const bool whole = style.width == 0;
  out += "\n";
  append_paragraph(table.title, "", "  ", bold, style, out);
  append_lines(lines_of(g.names, widths, whole), g, widths, out);
  if (has_units(g)) append_lines({g.units}, g, widths, out);
  out += "  " + coloured(std::string(line_width(widths) - 2, '-'), dim, style) + "\n";
  for (const auto& row : g.rows) append_lines(lines_of(row, widths, whole), g, widths, out);
  const auto note = [&](const std::string& text) {
    append_paragraph(text, "  * ", "    ", dim, style, out);
  };
  for (const auto& text : table.notes) note(text);
  if (!dropped.empty())
    note(fmt::format("no room here for {}: a wider terminal, a pipe or --format shows {}",
                     joined(dropped, ", "), dropped.size() == 1 ? "it" : "them"));
}

std::string_view paragraph_colour(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> marks{
      {{"CAUTION", yellow},
       {"SPILL", yellow},
       {"MISS", yellow},
       {"FITTED", yellow},
       {"FAIL", red},
       {"NO SOLUTION", red},
       {"PASS", green}}};
  for (const auto& [mark, colour] : marks)
    if (text.starts_with(mark)) return colour;
  return "";
}

}  // namespace

std::string render_text(const Document& document, const TextStyle& given) {
  auto style = given;
  if (style.width != 0) style.width = std::max(style.width, narrowest);
  std::string out;
  append_paragraph(document.title, "", "  ", bold, style, out);
  for (const auto& text : document.lead)
    append_paragraph(text, "", "  ", paragraph_colour(text), style, out);
  for (const auto& table : document.tables) append_table(table, style, out);
  return out;
}

}  // namespace tomestimate::report
