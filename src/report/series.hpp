// SPDX-License-Identifier: Apache-2.0
// Lines over one axis of a study, for pictures of sweeps and of designs side by side.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tomestimate/study/study.hpp>

#include "plot.hpp"

namespace tomestimate::report {

// An axis of a study as a picture shows it: rising numbers by size, all else in even steps.
struct AxisView {
  std::string title;  // "chip.clock [MHz]"
  std::string unit;
  std::vector<double> at;         // where each value is
  std::vector<std::string> text;  // each value
  bool numbers = false;
  bool log = false;

  plot::Axis axis() const;
  std::string told(std::size_t i) const;  // "500 MHz"
  // Ticks for `pixels`, as many texts as have room; beside each other, or below.
  std::vector<std::pair<double, std::string>> names(double pixels, bool beside) const;
};

AxisView view_of(const study::Axis& axis);

struct Series {
  std::string name;
  std::vector<std::optional<double>> values;  // by index of the axis; none: no number there
};

// "power goes from 0.887 to 9.815 W as chip.clock goes from 200 to 2300 MHz; most is ...".
std::string finding(const AxisView& view, const Series& series, const std::string& unit);

// Beginning and end of a panel with lines of one unit, named at their ends, gaps shaded.
// `mark`, if any, is where the spec is: a line down. `more` may draw in between.
struct LinePanel {
  double top = 0, bottom = 0;
  std::string y_title, unit;
  bool x_title = true;
  std::vector<Series> series;
  std::optional<double> mark;
  std::vector<plot::Point> points;  // to be in range
};
plot::Panel panel_of(const AxisView& view, const LinePanel& lines);
void draw_lines(plot::Canvas& canvas, const plot::Panel& panel, const AxisView& view,
                const LinePanel& lines);

constexpr plot::Ink no_numbers{"#f2f2f2", plot::falling, "#c8c8c8"};

// Whether a value of any of them is missing, and whether one is of all, which is shaded.
bool has_gaps(const std::vector<Series>& all);
bool has_common_gap(const std::vector<Series>& all);

// What the subject line of a study's picture says: its design, and `where`.
std::string subject_of(const study::Study& study);

}  // namespace tomestimate::report
