// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/rows.hpp>

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>
#include <range/v3/algorithm/all_of.hpp>

namespace tomestimate::report {
namespace {

// The cells of the next row of a CSV, which is taken off `csv`.
std::vector<std::string> take_row(std::string_view& csv) {
  std::vector<std::string> cells(1);
  bool inside = false;
  std::size_t at = 0;
  for (; at < csv.size() && (inside || csv[at] != '\n'); ++at) {
    if (csv[at] == '"') {
      // Two quotes inside quotes are one.
      if (inside && at + 1 < csv.size() && csv[at + 1] == '"')
        cells.back() += csv[at++];
      else
        inside = !inside;
    } else if (csv[at] == ',' && !inside) {
      cells.emplace_back();
    } else {
      cells.back() += csv[at];
    }
  }
  csv.remove_prefix(std::min(csv.size(), at + 1));
  return cells;
}

Cell cell(const std::string& text) {
  if (text.empty()) return {};
  double value = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  return read.ec == std::errc() && read.ptr == end ? Cell{value} : Cell{text};
}

// "power [W]" apart.
Column column(const std::string& heading) {
  const auto open = heading.rfind(" [");
  if (open == std::string::npos || !heading.ends_with(']')) return {heading, ""};
  return {heading.substr(0, open), heading.substr(open + 2, heading.size() - open - 3)};
}

}  // namespace

Document rows_document(const std::string& title, std::string_view csv, std::size_t most) {
  Table table{"rows", "Points", {}, {}, {}};
  for (const auto& heading : take_row(csv)) table.columns.push_back(column(heading));
  std::size_t more = 0;
  while (!csv.empty()) {
    const auto cells = take_row(csv);
    if (table.rows.size() == most) {
      ++more;
      continue;
    }
    Row row;
    for (const auto& text : cells) row.push_back(cell(text));
    row.resize(table.columns.size());
    table.rows.push_back(std::move(row));
  }
  // A status that is "ok" everywhere says nothing.
  const auto last = table.columns.size() - 1;
  if (table.columns[last].name == "status" && ranges::all_of(table.rows, [last](const Row& row) {
        return row[last] == Cell{std::string("ok")};
      })) {
    table.columns.pop_back();
    for (auto& row : table.rows) row.pop_back();
  }
  if (more > 0)
    table.notes.push_back(fmt::format("{} more rows: -o FILE or a pipe has them all", more));
  return {title, {}, {std::move(table)}};
}

}  // namespace tomestimate::report
