// SPDX-License-Identifier: Apache-2.0
// Drawing with gnuplot: panels, boxes, curves and a legend of its own below them, in pixels of the
// whole picture. Colours are Okabe and Ito's, told apart in grey by hatching, dashes and markers.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tomestimate/report/figures.hpp>

namespace tomestimate::report::plot {

// Colour, and the gnuplot fill pattern drawn over it (0: none).
struct Ink {
  std::string_view colour;
  int hatch = 0;
  std::string_view hatch_colour = "#ffffff";
};

constexpr int crossed = 1, falling = 4, rising = 5, steep_rising = 6, steep_falling = 7;

// One ink for one meaning, in every figure.
namespace ink {
inline constexpr Ink rom{"#0072b2"};  // and the base projections that read it
inline constexpr Ink rom_idle{"#0072b2", falling};
inline constexpr Ink rom_wake{"#000000"};
inline constexpr Ink sram{"#e69f00", rising, "#000000"};  // and the adapters that read it
inline constexpr Ink sram_leakage{"#e69f00"};
inline constexpr Ink kv{"#56b4e9", steep_rising, "#000000"};  // attention
inline constexpr Ink pe{"#d55e00", crossed};
inline constexpr Ink vector{"#009e73", steep_falling};
inline constexpr Ink buffer{"#f0e442", crossed, "#000000"};
inline constexpr Ink clock{"#cc79a7"};  // clock tree and control
inline constexpr Ink logic_leakage{"#cc79a7", falling, "#000000"};
inline constexpr Ink interconnect{"#ffffff", rising, "#000000"};
inline constexpr Ink host{"#777777", crossed};
inline constexpr Ink latency{"#dddddd"};
inline constexpr Ink rest{"#bbbbbb"};
}  // namespace ink

struct Line {
  std::string_view colour;
  double width = 2.5;
  int dash = 1;  // gnuplot dash type; 1 is solid
};

// gnuplot point types, filled.
enum class Marker { square = 5, circle = 7, triangle = 9, diamond = 13 };

struct Point {
  double x = 0, y = 0;
};

struct Axis {
  std::string title;
  double min = 0, max = 1;
  bool log = false;
  bool numbers = true;
};

// Whether positive values from `low` to `high` span two decades or more: small ones would lie on
// the zero of an even axis.
bool spans_decades(double low, double high);

// A log axis of such values, with room around them.
Axis log_axis(std::string title, double low, double high);

// A plot area by its edges in pixels, from the upper left corner of the picture.
struct Panel {
  double left = 0, right = 0, top = 0, bottom = 0;
  Axis x, y;
  std::vector<std::pair<double, std::string>> y_names;  // in place of numbers
  Axis y2;                                              // right axis, if it has a title
  std::string title;
  std::vector<std::pair<double, std::string>> x_names{};  // likewise

  double pixel_x(double x_value) const;
  double pixel_y(double y_value) const;
};

enum class Align { left, center, right };

struct LegendEntry {
  std::string text;
  Ink box{""};      // if it has a colour
  Line line{""};    // likewise
  Marker marker{};  // with `colour`
  std::string_view colour;
};

LegendEntry box(std::string text, const Ink& ink);
LegendEntry line(std::string text, const Line& line);
LegendEntry marker(std::string text, Marker marker, std::string_view colour);

class Canvas {
 public:
  explicit Canvas(double height);  // and as wide as all

  // What follows is drawn in this panel.
  void begin(const Panel& panel);
  // What follows is drawn over the finished panels, in pixels.
  void begin_overlay();
  void end();

  // In the panel's coordinates. `tip` is what a pointer that rests there is told.
  void rectangle(Point from, Point to, const Ink& ink, std::string tip = "");
  void shade(Point from, Point to, const Ink& ink);  // behind grid and curves, without a border
  void cell(Point from, Point to, const Ink& ink);   // over the grid, without a border
  void curve(const std::vector<Point>& points, const Line& line, bool on_y2 = false);
  // Many marks, below all else.
  void cloud(const std::vector<Point>& points, Marker marker, std::string_view colour, double size);
  void mark(Point at, Marker marker, std::string_view colour, double size, std::string tip = "");
  // In pixels.
  void text(Point at, const std::string& text, Align align = Align::left,
            std::string_view colour = "#000000", double size = font_size);
  // The same on white, so that no line runs through it.
  void boxed_text(Point at, const std::string& text, Align align, std::string_view colour,
                  double size);
  void stroke(Point from, Point to, const Line& line);

  // Entries from left to right, in rows, below `top` (pixels).
  void legend(double top, const std::vector<LegendEntry>& entries, double left = 70);
  // Where such a legend ends, with a margin: the height of a picture that ends with it.
  static double below_legend(double top, const std::vector<LegendEntry>& entries, double left = 70);

  // What the picture says, in larger letters above all panels, and what it is of below that.
  void heading(const std::string& finding, const std::string& subject);
  // Where such a heading ends.
  static double below_heading(const std::string& finding, const std::string& subject);

  // The finished commands, and what to tell where.
  std::string script() const;
  const std::vector<Hover>& hovers() const { return hovers_; }

  static constexpr double width = 1000;  // pixels of every picture
  static constexpr double font_size = 15;
  static constexpr double label_size = 13;  // of text beside marks and lines
  // Pixels that a text takes, about.
  static double text_width(std::string_view text, double size = font_size);

 private:
  std::string at(Point pixel) const;
  // The name of these points as data of the panel.
  std::string block_of(const std::vector<Point>& points);
  void label(Point at, const std::string& text, Align align, std::string_view colour, double size,
             std::string_view more);
  // A rectangle between two gnuplot positions, filled and hatched.
  void fill(const std::string& where, const Ink& ink, std::string_view border);

  double height_;
  std::string script_;
  std::string data_, plots_;  // of the panel
  Panel panel_;
  std::vector<Hover> hovers_;
  int blocks_ = 0;
};

// What stands around the panels of a picture that has its finding as a heading.
struct Frame {
  std::string title, subject;
  double legend_top = 0;
  std::vector<LegendEntry> legend{};
  double left = 0;  // of the legend
};

// The figure, with its frame drawn over the finished panels. The title is its caption, too.
Figure framed(Canvas& canvas, std::string id, const Frame& frame, std::string alt);

// Colours from light to dark of one hue, for numbers from 0 to 1; in grey they are told apart by
// their lightness. Text on those above 0.55 is white.
Ink shade_of(double share);

// A round number at or above x, for the end of an axis.
double round_up(double x);

}  // namespace tomestimate::report::plot
