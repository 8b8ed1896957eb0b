// SPDX-License-Identifier: Apache-2.0
// A report as data: paragraphs and tables with units, rendered to text, CSV, Markdown or JSON.
// Every format carries the same numbers; text rounds them to read, the others keep full precision.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tomestimate::report {

struct Column {
  std::string name;
  std::string unit;    // "" for text or a bare number
  int importance = 0;  // where there is no room the least important go first
};

using Cell = std::variant<std::monostate, std::string, double>;  // monostate: nothing to say
using Row = std::vector<Cell>;

struct Table {
  std::string id;  // what --table takes: "summary"
  std::string title;
  std::vector<Column> columns;  // a row has one cell a column
  std::vector<Row> rows;
  std::vector<std::string> notes;
  bool merge_equal_rows = false;  // text: rows equal but for column 0 become one, "0-29"
};

struct Document {
  std::string title;
  std::vector<std::string> lead;
  std::vector<Table> tables;
};

// Adds each as a line of the lead that says CAUTION; `of` names what it is about, or is "".
void add_cautions(Document& document, const std::vector<std::string>& cautions,
                  const std::string& of = "");

enum class Format { text, csv, markdown, json };

// How text is laid out; the other formats don't care.
struct TextStyle {
  std::size_t width = 0;  // characters a line, 80 at least; 0 for no limit
  bool colour = false;    // ANSI: titles bold, rules dim, cautions yellow
};

// Renders the whole document; ends with a newline. Where text has a width, text columns wrap, and
// if that is not enough columns are left out, never the first, with a line saying so.
std::string render(const Document& document, Format format, const TextStyle& style = {});

}  // namespace tomestimate::report
