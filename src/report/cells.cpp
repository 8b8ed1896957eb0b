// SPDX-License-Identifier: Apache-2.0
#include "cells.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>

#include <fmt/format.h>
#include <range/v3/view/enumerate.hpp>

#include <tomestimate/report/reports.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/study/csv.hpp>

namespace tomestimate::report {
namespace {

namespace rv = ranges::views;

// Runs of rows that agree in all but their first cell, as one row labelled "first-last".
std::vector<Strings> merged(const std::vector<Strings>& rows) {
  const auto same = [](const Strings& a, const Strings& b) {
    return std::equal(a.begin() + 1, a.end(), b.begin() + 1, b.end());
  };
  std::vector<Strings> out;
  for (auto first = rows.begin(); first != rows.end();) {
    auto last = first;
    while (last + 1 != rows.end() && same(*first, *(last + 1))) ++last;
    out.push_back(*first);
    if (last != first) out.back()[0] += "-" + (*last)[0];
    first = last + 1;
  }
  return out;
}

}  // namespace

Strings headings(const Table& table) {
  return table.columns |
         rv::transform([](const Column& c) { return study::heading(c.name, c.unit); }) |
         ranges::to<Strings>;
}

std::string rounded(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e7) return fmt::format("{:.0f}", value);
  const double size = std::abs(value);
  if (size < 1e-3 || size >= 1e7) return fmt::format("{:.3e}", value);
  const int decimals = std::max(0, 3 - static_cast<int>(std::floor(std::log10(size))));
  return fmt::format("{:.{}f}", value, decimals);
}

std::string told(double value) {
  return std::abs(value) >= 1e4 && std::abs(value) < 1e7 ? fmt::format("{:.0f}", value)
                                                         : fmt::format("{:.4g}", value);
}

std::string told(double value, std::string_view unit) {
  return unit.empty() ? told(value) : fmt::format("{} {}", told(value), unit);
}

std::string shown(const study::Parameter& p, double base) {
  const double value = base / study::unit_factor(p.unit);
  return p.unit.empty() ? fmt::format("{:.6g}", value) : fmt::format("{:.6g} {}", value, p.unit);
}

std::string heading_of(const std::string& label, std::size_t design) {
  if (!label.empty()) return label;
  return design < 26 ? std::string(1, static_cast<char>('A' + design))
                     : fmt::format("#{}", design + 1);
}

double printed(std::string_view metric, double value) {
  return metric == "max_rank" ? std::max(0.0, value) : value;
}

bool is_numeric(const Table& table, std::size_t column) {
  return std::any_of(table.rows.begin(), table.rows.end(), [column](const Row& row) {
    return std::holds_alternative<double>(row[column]);
  });
}

std::vector<Strings> readable_rows(const Table& table) {
  const auto rows = table.rows | rv::transform([](const Row& r) { return row_text(r, rounded); }) |
                    ranges::to<std::vector<Strings>>;
  return table.merge_equal_rows ? merged(rows) : rows;
}

std::string markdown_text(const std::string& given) {
  const auto text = spec::visible(given);
  const auto is_word = [&text](std::size_t i) {
    return i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) != 0 ||
                               static_cast<unsigned char>(text[i]) >= 0x80);
  };
  // "a * b" is a product.
  const auto alone = [&text](std::size_t at) {
    return at > 0 && text[at - 1] == ' ' && at + 1 < text.size() && text[at + 1] == ' ';
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool within = i > 0 && is_word(i - 1) && is_word(i + 1);  // snake_case stays as it is
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += is_word(i + 1) || (i + 1 < text.size() && text[i + 1] == '#') ? "&amp;" : "&";
    else if (c == '*' && alone(i))
      out += c;
    else if (std::string_view("\\`*|~").find(c) != std::string_view::npos || (c == '_' && !within))
      out += std::string("\\") + c;
    else if (c == ']' && i + 1 < text.size() &&
             std::string_view("([:").find(text[i + 1]) != std::string_view::npos)
      out += "\\]";  // "[us]" is no link
    else if (i == 0 && std::string_view("#>").find(c) != std::string_view::npos)
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out;
}

std::string joined(const Strings& cells, std::string_view separator) {
  return fmt::format("{}", fmt::join(cells, separator));
}

std::string markdown_table(const Table& table, const std::vector<Strings>& rows) {
  const auto line = [](const Strings& cells) {
    return "| " + joined(cells | rv::transform(markdown_text) | ranges::to<Strings>, " | ") +
           " |\n";
  };
  std::string out = line(headings(table));
  out += "|";
  for (const auto& [i, column] : table.columns | rv::enumerate)
    out += is_numeric(table, i) ? "---:|" : "---|";
  out += "\n";
  for (const auto& row : rows) out += line(row);
  if (!table.notes.empty()) out += "\n";
  for (const auto& note : table.notes) out += fmt::format("- {}\n", markdown_text(note));
  return out;
}

}  // namespace tomestimate::report
