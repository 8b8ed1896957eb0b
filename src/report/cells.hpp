// SPDX-License-Identifier: Apache-2.0
// Tables as rows of text, for every renderer.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <range/v3/range/conversion.hpp>
#include <range/v3/view/transform.hpp>

#include <tomestimate/report/document.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/study/axis.hpp>

namespace tomestimate::report {

using Strings = std::vector<std::string>;

// "time [us]", by column.
Strings headings(const Table& table);

// Four significant digits; whole numbers of up to seven digits in full.
std::string rounded(double value);

// At most four digits and no trailing zeros, for running text: 15, 0.02, 58.49.
std::string told(double value);

// The same with a unit, if there is one: "58.49 W".
std::string told(double value, std::string_view unit);

// A value in base units with the parameter's display unit: "500 MHz".
std::string shown(const study::Parameter& parameter, double base);

// A metric's value as printed: the rank that fits is 0 where not even no adapter does, and the
// engine has less than 0.
double printed(std::string_view metric, double value);

// What published figures call a spec: its file without folders.
template <class S>
std::string file_name(const spec::Spec<S>& spec) {
  return std::filesystem::path(spec.sourced.at(0).place.file).filename().string();
}

// Whether a column has numbers.
bool is_numeric(const Table& table, std::size_t column);

template <class Number>
Strings row_text(const Row& row, Number number) {
  return row | ranges::views::transform([&number](const Cell& cell) {
           if (const auto* text = std::get_if<std::string>(&cell)) return *text;
           if (const auto* value = std::get_if<double>(&cell)) return std::string(number(*value));
           return std::string();
         }) |
         ranges::to<Strings>;
}

// The rows with rounded numbers; equal ones merged if the table is so.
std::vector<Strings> readable_rows(const Table& table);

std::string joined(const Strings& cells, std::string_view separator);

// Text as Markdown takes it: printable, and without markup, HTML or links of its own.
std::string markdown_text(const std::string& text);

// Markdown of a table's headings, these rows, and its notes.
std::string markdown_table(const Table& table, const std::vector<Strings>& rows);

}  // namespace tomestimate::report
