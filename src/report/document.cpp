// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/document.hpp>

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/transform.hpp>

#include <tomestimate/spec/text.hpp>
#include <tomestimate/study/csv.hpp>

#include "cells.hpp"
#include "text.hpp"

namespace tomestimate::report {
namespace {

namespace rv = ranges::views;
using study::csv_cell;
using study::csv_comment;

// Shortest text that reads back as the same double.
std::string exact(double value) { return fmt::format("{}", value); }

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

std::string render(const Document& document, Format format, const TextStyle& style) {
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
  return render_text(printable(document), style);
}

void add_cautions(Document& document, const std::vector<std::string>& cautions,
                  const std::string& of) {
  for (const auto& text : cautions)
    document.lead.push_back("CAUTION: " + (of.empty() ? text : of + ": " + text));
}

}  // namespace tomestimate::report
