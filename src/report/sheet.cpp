// SPDX-License-Identifier: Apache-2.0
#include "sheet.hpp"

#include <strings.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>
#include <range/v3/algorithm/sort.hpp>
#include <range/v3/view/enumerate.hpp>

#include <tomestimate/spec/text.hpp>

namespace tomestimate::report {

namespace rv = ranges::views;

Formats make_formats(lxw_workbook* book) {
  const auto make = [book] { return workbook_add_format(book); };
  Formats f{make(), make(), make(), make(), make(), make(), make(), make(),
            make(), make(), make(), make(), make(), make(), make(), make()};
  format_set_bold(f.title);
  format_set_font_size(f.title, 14);
  for (auto* heading : {f.heading, f.number_heading}) {
    format_set_bold(heading);
    format_set_bottom(heading, LXW_BORDER_THIN);
    format_set_text_wrap(heading);
    format_set_align(heading, LXW_ALIGN_VERTICAL_BOTTOM);
  }
  format_set_align(f.number_heading, LXW_ALIGN_RIGHT);
  format_set_indent(f.unit, 1);
  format_set_bold(f.section);
  format_set_text_wrap(f.wrapped);
  // Beside texts of several lines.
  for (auto* format :
       {f.top, f.wrapped, f.unit, f.input, f.assumed, f.number, f.large, f.whole, f.tiny})
    format_set_align(format, LXW_ALIGN_VERTICAL_TOP);
  format_set_num_format(f.number, "[>=1000]#,##0;[>=1]#,##0.000;0.0000");
  format_set_num_format(f.large, "#,##0");
  format_set_num_format(f.whole, "General");
  format_set_num_format(f.tiny, "0.000E+00");
  // Blue is what modelling sheets give to cells meant to be changed.
  for (auto* input : {f.input, f.assumed}) {
    format_set_font_color(input, 0x0000FF);
    format_set_border(input, LXW_BORDER_HAIR);
    format_set_unlocked(input);
  }
  format_set_bg_color(f.assumed, 0xFFF2CC);
  format_set_num_format(f.share, "0.00%");
  format_set_num_format(f.change, "+0.00%;-0.00%;0.00%");
  format_set_bold(f.state);
  return f;
}

lxw_format* Formats::of(double now) const {
  const double size = std::abs(now);
  if (now == std::floor(now)) return size >= 1e5 ? large : size >= 1e3 ? number : whole;
  return size < 1e-3 ? tiny : number;
}

void CellNames::add(std::string name, std::string place) {
  all_.emplace_back(std::move(name), std::move(place));
}

void CellNames::define_all(lxw_workbook* book) {
  // As libxlsxwriter compares them: without case.
  ranges::sort(all_, [](const auto& a, const auto& b) {
    return strcasecmp(a.first.c_str(), b.first.c_str()) > 0;
  });
  for (const auto& [name, place] : all_)
    if (workbook_define_name(book, name.c_str(), ("=" + place).c_str()) != LXW_NO_ERROR)
      throw std::runtime_error("no name of a cell: " + name);
}

Sheet::Sheet(lxw_workbook* book, const Formats& formats, CellNames& cell_names,
             const std::string& name)
    : formats_(&formats),
      cell_names_(&cell_names),
      name_(name),
      sheet_(workbook_add_worksheet(book, name.c_str())) {
  if (sheet_ == nullptr) throw std::runtime_error("cannot make the sheet " + name);
  worksheet_set_landscape(sheet_);
  worksheet_set_paper(sheet_,
                      9);  // A4; where paper is Letter, Excel and LibreOffice fit it to that
  worksheet_set_margins(sheet_, 0.4, 0.4, 0.5, 0.6);
  worksheet_set_footer(sheet_, "&L&A&R&P of &N");
  worksheet_fit_to_pages(sheet_, 1, 0);  // as wide as a page, as long as it takes
}

void Sheet::fit(const std::vector<std::pair<std::string, double>>& wrapped) {
  double lines = 1;
  for (const auto& [text, width] : wrapped)
    lines = std::max(lines, std::ceil(static_cast<double>(text.size()) / (1.1 * width)));
  if (lines > 1) worksheet_set_row(sheet_, row_, 15 * std::min(lines, 27.0), nullptr);
}

void Sheet::text(ColumnIndex column, const std::string& value, lxw_format* format) {
  // A cell takes 32,767 characters.
  worksheet_write_string(sheet_, row_, column, spec::shortened(value, 32'000).c_str(), format);
}

void Sheet::number(ColumnIndex column, double value, lxw_format* format) {
  worksheet_write_number(sheet_, row_, column, value, format);
}

void Sheet::formula(ColumnIndex column, const std::string& value, double now, lxw_format* format) {
  worksheet_write_formula_num(sheet_, row_, column, value.c_str(), format, now);
}

void Sheet::formula(ColumnIndex column, const std::string& value, const std::string& now,
                    lxw_format* format) {
  worksheet_write_formula_str(sheet_, row_, column, value.c_str(), format, now.c_str());
}

void Sheet::headings(const std::vector<std::string>& texts, std::size_t numbers,
                     std::size_t texts_again) {
  for (const auto& [i, heading] : texts | rv::enumerate)
    text(static_cast<ColumnIndex>(i), heading,
         i >= numbers && i < texts_again ? formats_->number_heading : formats_->heading);
  next();
}

void Sheet::define(ColumnIndex column, const std::string& name) {
  cell_names_->add(name, place(column));
}

std::string Sheet::place(ColumnIndex column) const {
  std::array<char, LXW_MAX_CELL_NAME_LENGTH> cell{};
  lxw_rowcol_to_cell_abs(cell.data(), row_, column, 1, 1);
  return fmt::format("'{}'!{}", name_, cell.data());
}

void Sheet::widths(const std::vector<double>& all) {
  for (const auto& [i, width] : all | rv::enumerate)
    worksheet_set_column(sheet_, static_cast<ColumnIndex>(i), static_cast<ColumnIndex>(i), width,
                         formats_->top);
}

void Sheet::freeze() {
  worksheet_freeze_panes(sheet_, row_, 1);
  if (row_ > 0) worksheet_repeat_rows(sheet_, row_ - 1, row_ - 1);
}

void Sheet::protect() {
  lxw_protection allowed{};
  allowed.format_cells = allowed.format_columns = allowed.format_rows = 1;
  worksheet_protect(sheet_, nullptr, &allowed);
}

}  // namespace tomestimate::report
