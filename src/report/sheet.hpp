// SPDX-License-Identifier: Apache-2.0
// A worksheet of libxlsxwriter that is filled row by row from the top.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <xlsxwriter.h>

namespace tomestimate::report {

using RowIndex = lxw_row_t;
using ColumnIndex = lxw_col_t;

// How cells look. libxlsxwriter owns the formats.
struct Formats {
  lxw_format *title, *heading, *number_heading, *section, *unit, *top, *wrapped, *input, *assumed,
      *number, *large, *whole, *tiny, *share, *change, *state;

  // For a computed number that is `now`: four digits or so, as it may become ten times that. A
  // whole number is shown as it comes, since it need not stay one.
  lxw_format* of(double now) const;
};

Formats make_formats(lxw_workbook* book);

// Names of cells, given to the workbook all at once: libxlsxwriter keeps them in a sorted list that
// it searches from the head, so that any order but the descending one takes quadratic time.
class CellNames {
 public:
  void add(std::string name, std::string place);
  // Throws std::runtime_error if one of them can't be a name.
  void define_all(lxw_workbook* book);

 private:
  std::vector<std::pair<std::string, std::string>> all_;  // name and place
};

class Sheet {
 public:
  // Throws std::runtime_error if the workbook takes no sheet of this name.
  Sheet(lxw_workbook* book, const Formats& formats, CellNames& cell_names, const std::string& name);

  lxw_worksheet* raw() const { return sheet_; }
  RowIndex row() const { return row_; }
  void next(RowIndex rows = 1) { row_ += rows; }
  // Makes the present row as high as the longest of wrapped texts takes: each with its column's
  // width. Not all programs do so by themselves.
  void fit(const std::vector<std::pair<std::string, double>>& wrapped);

  // Cells of the present row.
  void text(ColumnIndex column, const std::string& value, lxw_format* format = nullptr);
  void number(ColumnIndex column, double value, lxw_format* format = nullptr);
  // With the value it has now, for readers that do not compute.
  void formula(ColumnIndex column, const std::string& value, double now,
               lxw_format* format = nullptr);
  void formula(ColumnIndex column, const std::string& value, const std::string& now,
               lxw_format* format = nullptr);
  // A row of headings; those of columns from `numbers` up to `texts_again` stand over numbers.
  void headings(const std::vector<std::string>& texts, std::size_t numbers,
                std::size_t texts_again);
  // Gives a cell of the present row a name, once all are defined.
  void define(ColumnIndex column, const std::string& name);
  // "'Decode layers'!$B$7" of a cell of the present row.
  std::string place(ColumnIndex column) const;

  void widths(const std::vector<double>& all);
  // Keeps the rows above the present one, and the first column, in view, and the last of those rows
  // on every printed page.
  void freeze();
  // Lets only cells of input formats be changed. No password: a fence, not a lock.
  void protect();

 private:
  const Formats* formats_;
  CellNames* cell_names_;
  std::string name_;
  lxw_worksheet* sheet_;
  RowIndex row_ = 0;
};

}  // namespace tomestimate::report
