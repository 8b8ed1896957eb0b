// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/document.hpp>

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <range/v3/numeric/accumulate.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/enumerate.hpp>
#include <range/v3/view/transform.hpp>
#include <range/v3/view/zip.hpp>

#include <tomestimate/spec/text.hpp>
#include <tomestimate/study/csv.hpp>

#include "cells.hpp"

namespace tomestimate::report {
namespace {

namespace rv = ranges::views;
using study::csv_cell;
using study::csv_comment;

// Shortest text that reads back as the same double.
std::string exact(double value) { return fmt::format("{}", value); }

// Bytes that continue a UTF-8 character take no width.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t to, bool right) {
  const std::string fill(to - std::min(to, width(text)), ' ');
  return right ? fill + text : text + fill;
}

constexpr std::size_t widest_text = 56;  // of a cell; longer ones go on below

// Text broken at spaces into lines of at most `limit`; a longer word has a line of its own.
Strings wrapped(const std::string& text, std::size_t limit) {
  Strings lines{""};
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    const auto word = text.substr(at, end - at);
    auto& line = lines.back();
    if (line.empty())
      line = word;
    else if (width(line) + 1 + width(word) <= limit)
      line += " " + word;
    else
      lines.push_back(word);
    at = end + 1;
  }
  return lines;
}

// A row as the printed lines it takes.
std::vector<Strings> wrapped(const Strings& row) {
  std::vector<Strings> lines;
  for (const auto& [c, cell] : row | rv::enumerate) {
    const auto parts = width(cell) > widest_text ? wrapped(cell, widest_text) : Strings{cell};
    while (lines.size() < parts.size()) lines.emplace_back(row.size());
    for (const auto& [i, part] : parts | rv::enumerate) lines[i][c] = part;
  }
  return lines;
}

void append_text(const Table& table, std::string& out) {
  const auto body = readable_rows(table);
  const auto names = table.columns | rv::transform(&Column::name) | ranges::to<Strings>;
  const auto units = table.columns | rv::transform(&Column::unit) | ranges::to<Strings>;
  const bool has_units = ranges::accumulate(units, std::string{}) != "";
  std::vector<Strings> lines{names};
  if (has_units) lines.push_back(units);
  for (const auto& row : body) {
    const auto parts = wrapped(row);
    lines.insert(lines.end(), parts.begin(), parts.end());
  }

  out += fmt::format("\n{}\n", table.title);
  std::vector<std::size_t> widths(table.columns.size());
  for (const auto& line : lines)
    for (auto&& [w, cell] : rv::zip(widths, line)) w = std::max(w, width(cell));
  const auto rule = ranges::accumulate(widths, std::size_t{0}) + 2 * widths.size();
  std::vector<bool> numeric;
  for (std::size_t c = 0; c < table.columns.size(); ++c) numeric.push_back(is_numeric(table, c));
  for (const auto& [i, line] : lines | rv::enumerate) {
    std::string text;
    for (const auto& [c, cell] : line | rv::enumerate) {
      const bool last = c + 1 == line.size();
      const bool right = numeric[c];
      text += "  " + (last && !right ? cell : padded(cell, widths[c], right));
    }
    out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
    if (i + 1 == (has_units ? 2u : 1u)) out += "  " + std::string(rule - 2, '-') + "\n";
  }
  for (const auto& note : table.notes) out += fmt::format("  * {}\n", note);
}

void append_csv(const Table& table, std::string& out) {
  const auto quoted = [](const Strings& cells) {
    return joined(cells | rv::transform(csv_cell) | ranges::to<Strings>, ",") + "\n";
  };
  out += quoted(headings(table));
  for (const auto& row : table.rows) out += quoted(row_text(row, exact));
}

void append_markdown(const Table& table, std::string& out) {
  const auto body = table.rows | rv::transform([](const Row& r) { return row_text(r, exact); }) |
                    ranges::to<std::vector<Strings>>;
  out += fmt::format("\n## {}\n\n{}", markdown_text(table.title), markdown_table(table, body));
}

nlohmann::ordered_json to_json(const Table& table) {
  nlohmann::ordered_json out{{"id", table.id}, {"title", table.title}};
  for (const auto& column : table.columns)
    out["columns"].push_back({{"name", column.name}, {"unit", column.unit}});
  out["rows"] = nlohmann::ordered_json::array();
  for (const auto& row : table.rows) {
    auto cells = nlohmann::ordered_json::array();
    for (const auto& cell : row) {
      if (const auto* text = std::get_if<std::string>(&cell)) cells.push_back(*text);
      if (const auto* value = std::get_if<double>(&cell)) cells.push_back(*value);
      if (std::holds_alternative<std::monostate>(cell)) cells.push_back(nullptr);
    }
    out["rows"].push_back(std::move(cells));
  }
  out["notes"] = table.notes;
  return out;
}

// Text of specs, flags and file names must do nothing to a terminal.
Document printable(Document document) {
  const auto mend = [](std::string& text) { text = spec::visible(text); };
  mend(document.title);
  for (auto& paragraph : document.lead) mend(paragraph);
  for (auto& table : document.tables) {
    mend(table.title);
    for (auto& column : table.columns) mend(column.name);
    for (auto& row : table.rows)
      for (auto& cell : row)
        if (auto* text = std::get_if<std::string>(&cell)) mend(*text);
    for (auto& note : table.notes) mend(note);
  }
  return document;
}

std::string render_text(const Document& document) {
  std::string out = document.title + "\n";
  for (const auto& paragraph : document.lead) out += paragraph + "\n";
  for (const auto& table : document.tables) append_text(table, out);
  return out;
}

// A single table is plain CSV; several are set apart by a blank line and a "# id: title" line, and
// the paragraphs are "# " lines at the top.
std::string render_csv(const Document& document) {
  std::string out;
  const bool several = document.tables.size() > 1;
  if (several) {
    out += csv_comment(document.title) + "\n";
    for (const auto& paragraph : document.lead) out += csv_comment(paragraph) + "\n";
  }
  for (const auto& table : document.tables) {
    if (several) out += "\n" + csv_comment(table.id + ": " + table.title) + "\n";
    append_csv(table, out);
  }
  return out;
}

std::string render_markdown(const Document& document) {
  std::string out = fmt::format("# {}\n", markdown_text(document.title));
  for (const auto& paragraph : document.lead)
    out += fmt::format("\n{}\n", markdown_text(paragraph));
  for (const auto& table : document.tables) append_markdown(table, out);
  return out;
}

std::string render_json(const Document& document) {
  nlohmann::ordered_json out{{"title", document.title}, {"lead", document.lead}};
  out["tables"] = nlohmann::ordered_json::array();
  for (const auto& table : document.tables) out["tables"].push_back(to_json(table));
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string render(const Document& document, Format format) {
  switch (format) {
    case Format::csv:
      return render_csv(document);
    case Format::markdown:
      return render_markdown(document);
    case Format::json:
      return render_json(document);
    case Format::text:
      break;
  }
  return render_text(printable(document));
}

}  // namespace tomestimate::report
