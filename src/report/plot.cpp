// SPDX-License-Identifier: Apache-2.0
#include "plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace tomestimate::report::plot {
namespace {

// In single quotes gnuplot substitutes nothing; a quote is doubled.
std::string gnuplot_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out + "'";
}

std::string_view name(Align align) {
  switch (align) {
    case Align::center:
      return "center";
    case Align::right:
      return "right";
    case Align::left:
      break;
  }
  return "left";
}

double along(const Axis& axis, double value) {
  return axis.log ? std::log(value / axis.min) / std::log(axis.max / axis.min)
                  : (value - axis.min) / (axis.max - axis.min);
}

constexpr std::string_view thin_border = "border lc rgb '#000000' lw 0.5";

// 1, 2 and 5 in each decade; where that is more than `room` decades have, 1 in each or in each
// n-th.
std::string log_ticks(const Axis& axis, double room) {
  const double decades = std::log10(axis.max / axis.min);
  const bool digits = 3 * decades <= room;
  const double step = digits ? 1 : std::max(1.0, std::ceil(decades / room));
  std::string out;
  for (double power = std::floor(std::log10(axis.min)); power <= std::log10(axis.max);
       power += step)
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double tick = digit * std::pow(10, power);
      if ((digits || digit == 1) && tick >= axis.min && tick <= axis.max)
        out += fmt::format("{}{:.6g}", out.empty() ? "" : ",", tick);
    }
  return out;
}

// gnuplot spaces ticks for wide panels: in narrow ones their numbers would run into each other.
std::string even_ticks(const Axis& axis, double room) {
  constexpr double enough = 7;
  if (room >= enough) return "autofreq";
  const double least = (axis.max - axis.min) / std::max(1.0, room);
  const double decade = std::pow(10, std::floor(std::log10(least)));
  double step = 10 * decade;
  for (const double digit : {5.0, 2.0, 1.0})
    if (digit * decade >= least) step = digit * decade;
  return fmt::format("{:.6g}", step);
}

using Names = std::vector<std::pair<double, std::string>>;

std::string stroke_style(const Line& line) {
  return fmt::format("lc rgb '{}' lw {} dt {}", line.colour, line.width, line.dash);
}

}  // namespace

bool spans_decades(double low, double high) { return low > 0 && high >= 100 * low * (1 - 1e-9); }

Axis log_axis(std::string title, double low, double high) {
  const double ratio = high / low;
  return {std::move(title), low / std::pow(ratio, 0.08), high * std::pow(ratio, 0.12), true};
}

double Panel::pixel_x(double x_value) const { return left + along(x, x_value) * (right - left); }
double Panel::pixel_y(double y_value) const { return bottom - along(y, y_value) * (bottom - top); }

LegendEntry box(std::string text, const Ink& ink) { return {std::move(text), ink, {""}, {}, ""}; }
LegendEntry line(std::string text, const Line& line) {
  return {std::move(text), {""}, line, {}, ""};
}
LegendEntry marker(std::string text, Marker marker, std::string_view colour) {
  return {std::move(text), {""}, {""}, marker, colour};
}

Canvas::Canvas(double height) : height_(height) {
  script_ = fmt::format(
      "set encoding utf8\n"
      "set terminal svg noenhanced size {},{} font 'sans-serif,{}' background rgb '#ffffff'\n"
      "set style textbox opaque margins 0.4,0.4 noborder\n"
      "set multiplot\nunset key\nset tics front\n",
      width, height, font_size);
}

std::string Canvas::at(Point pixel) const {
  return fmt::format("screen {:.6f},{:.6f}", pixel.x / width, 1 - pixel.y / height_);
}

void Canvas::begin(const Panel& panel) {
  panel_ = panel;
  data_.clear();
  plots_ = "NaN notitle";
  script_ += fmt::format(
      "set lmargin at screen {:.6f}\nset rmargin at screen {:.6f}\n"
      "set tmargin at screen {:.6f}\nset bmargin at screen {:.6f}\n",
      panel.left / width, panel.right / width, 1 - panel.top / height_, 1 - panel.bottom / height_);
  const auto axis = [this](std::string_view a, const Axis& values, double room) {
    script_ +=
        fmt::format("set {}range [{}:{}]\n{}set logscale {}\nset {}label {}\n", a, values.min,
                    values.max, values.log ? "" : "un", a, a, gnuplot_text(values.title));
    script_ += fmt::format("set format {} {}\n", a,
                           !values.numbers ? "''"
                           : values.log    ? "'%g'"
                                           : "'%.10g'");
    script_ += fmt::format("set {}tics {}\n", a,
                           values.log ? "(" + log_ticks(values, room) + ")"
                           : a == "x" ? even_ticks(values, room)
                                      : "autofreq");
  };
  // gnuplot puts the title of the x axis where it likes; the legend must not meet it.
  auto x = panel.x;
  x.title.clear();
  constexpr double wide = 55, high = 18;  // pixels of a tick's number
  const double rows = (panel.bottom - panel.top) / high;
  axis("x", x, (panel.right - panel.left) / wide);
  if (!panel.x.title.empty())
    text({(panel.left + panel.right) / 2, panel.bottom + 44}, panel.x.title, Align::center);
  axis("y", panel.y, rows);
  if (panel.y2.title.empty()) {
    script_ += "unset y2tics\nunset y2label\nset ytics mirror\n";
  } else {
    axis("y2", panel.y2, rows);
    script_ += "set ytics nomirror\n";
  }
  const auto name_ticks = [this](std::string_view a, const Names& all) {
    std::string names;
    for (const auto& [value, text] : all)
      names += fmt::format("{}{} {}", names.empty() ? "" : ", ", gnuplot_text(text), value);
    script_ += fmt::format("set {}tics scale 0 ({})\n", a, names);
  };
  script_ += "set tics scale 1\n";
  if (!panel.x_names.empty()) name_ticks("x", panel.x_names);
  if (!panel.y_names.empty()) name_ticks("y", panel.y_names);
  script_ += fmt::format("set grid {}xtics {}ytics lc rgb '#dddddd' lt 1\n",
                         panel.x_names.empty() ? "" : "no", panel.y_names.empty() ? "" : "no");
  if (!panel.title.empty())
    text({(panel.left + panel.right) / 2, panel.top - 14}, panel.title, Align::center);
}

void Canvas::begin_overlay() {
  data_.clear();
  plots_ = "NaN notitle";
  script_ +=
      "set lmargin at screen 0\nset rmargin at screen 1\nset tmargin at screen 1\n"
      "set bmargin at screen 0\nunset tics\nunset border\nunset grid\nunset logscale\n"
      "set xlabel ''\nset ylabel ''\nset y2label ''\n";
}

void Canvas::end() {
  script_ += data_ + "plot " + plots_ + "\nunset object\nunset label\nunset arrow\n";
}

void Canvas::fill(const std::string& where, const Ink& ink, std::string_view border) {
  script_ +=
      fmt::format("set object rectangle {} fc rgb '{}' fs solid {}\n", where, ink.colour, border);
  if (ink.hatch != 0)
    script_ +=
        fmt::format("set object rectangle {} fc rgb '{}' fs transparent pattern {} noborder\n",
                    where, ink.hatch_colour, ink.hatch);
}

void Canvas::rectangle(Point from, Point to, const Ink& ink, std::string tip) {
  if (!tip.empty()) {
    const double left = panel_.pixel_x(from.x), top = panel_.pixel_y(to.y);
    hovers_.push_back(
        {left, top, panel_.pixel_x(to.x) - left, panel_.pixel_y(from.y) - top, std::move(tip)});
  }
  fill(fmt::format("from first {},{} to first {},{} front", from.x, from.y, to.x, to.y), ink,
       thin_border);
}

void Canvas::shade(Point from, Point to, const Ink& ink) {
  fill(fmt::format("from first {},{} to first {},{} behind", from.x, from.y, to.x, to.y), ink,
       "noborder");
}

void Canvas::cell(Point from, Point to, const Ink& ink) {
  fill(fmt::format("from first {},{} to first {},{} front", from.x, from.y, to.x, to.y), ink,
       "noborder");
}

std::string Canvas::block_of(const std::vector<Point>& points) {
  const auto name = fmt::format("$d{}", ++blocks_);
  data_ += name + " << EOD\n";
  for (const auto& p : points) data_ += fmt::format("{} {}\n", p.x, p.y);
  data_ += "EOD\n";
  return name;
}

void Canvas::curve(const std::vector<Point>& points, const Line& line, bool on_y2) {
  plots_ += fmt::format(", {} using 1:2 axes x1y{} with lines {} notitle", block_of(points),
                        on_y2 ? 2 : 1, stroke_style(line));
}

void Canvas::cloud(const std::vector<Point>& points, Marker marker, std::string_view colour,
                   double size) {
  plots_ += fmt::format(", {} using 1:2 with points pt {} ps {:.3f} lc rgb '{}' notitle",
                        block_of(points), static_cast<int>(marker), size, colour);
}

void Canvas::mark(Point p, Marker marker, std::string_view colour, double size, std::string tip) {
  const double half = std::max(6.0, 5 * size);  // pixels
  if (!tip.empty())
    hovers_.push_back({panel_.pixel_x(p.x) - half, panel_.pixel_y(p.y) - half, 2 * half, 2 * half,
                       std::move(tip)});
  script_ += fmt::format("set label '' at first {},{} point pt {} ps {:.3f} lc rgb '{}' front\n",
                         p.x, p.y, static_cast<int>(marker), size, colour);
}

void Canvas::label(Point p, const std::string& text, Align align, std::string_view colour,
                   double size, std::string_view more) {
  script_ += fmt::format("set label {} at {} {} tc rgb '{}' font ',{}' front{}\n",
                         gnuplot_text(text), at(p), name(align), colour, size, more);
}

void Canvas::text(Point p, const std::string& text, Align align, std::string_view colour,
                  double size) {
  label(p, text, align, colour, size, "");
}

void Canvas::boxed_text(Point p, const std::string& text, Align align, std::string_view colour,
                        double size) {
  label(p, text, align, colour, size, " boxed");
}

void Canvas::stroke(Point from, Point to, const Line& line) {
  script_ += fmt::format("set arrow from {} to {} nohead {} front\n", at(from), at(to),
                         stroke_style(line));
}

namespace {

constexpr double legend_sample = 34, legend_gap = 8, legend_row = 24;

// The middle of the left edge of each entry.
std::vector<Point> legend_places(double top, const std::vector<LegendEntry>& entries, double left) {
  constexpr double between = 24;
  Point pen{left, top + legend_row / 2};
  std::vector<Point> out;
  for (const auto& entry : entries) {
    const double wide = legend_sample + legend_gap + Canvas::text_width(entry.text);
    if (pen.x > left && pen.x + wide > Canvas::width - 10) pen = {left, pen.y + legend_row};
    out.push_back(pen);
    pen.x += wide + between;
  }
  return out;
}

constexpr double finding_size = 17, finding_row = 23, subject_size = 13, heading_left = 20;

// Text in lines that fit the picture.
std::vector<std::string> lines_of(const std::string& text, double size) {
  std::vector<std::string> lines(1);
  for (std::size_t from = 0; from < text.size();) {
    const auto end = std::min(text.find(' ', from), text.size());
    const auto word = text.substr(from, end - from);
    const auto longer = lines.back().empty() ? word : lines.back() + " " + word;
    if (lines.back().empty() || Canvas::text_width(longer, size) < Canvas::width - 2 * heading_left)
      lines.back() = longer;
    else
      lines.push_back(word);
    from = end + 1;
  }
  return lines;
}

}  // namespace

void Canvas::legend(double top, const std::vector<LegendEntry>& entries, double left) {
  const auto places = legend_places(top, entries, left);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& entry = entries[i];
    const auto pen = places[i];
    if (!entry.box.colour.empty())
      fill(fmt::format("from {} to {} front noclip", at({pen.x, pen.y + 7}),
                       at({pen.x + legend_sample, pen.y - 7})),
           entry.box, thin_border);
    if (!entry.line.colour.empty()) stroke(pen, {pen.x + legend_sample, pen.y}, entry.line);
    if (!entry.colour.empty())
      script_ += fmt::format("set label '' at {} point pt {} ps 1.3 lc rgb '{}' front\n",
                             at({pen.x + legend_sample / 2, pen.y}), static_cast<int>(entry.marker),
                             entry.colour);
    text({pen.x + legend_sample + legend_gap, pen.y}, entry.text);
  }
}

double Canvas::below_legend(double top, const std::vector<LegendEntry>& entries, double left) {
  return legend_places(top, entries, left).back().y + legend_row / 2 + 10;
}

void Canvas::heading(const std::string& finding, const std::string& subject) {
  double y = 22;
  for (const auto& line : lines_of(finding, finding_size)) {
    text({heading_left, y}, line, Align::left, "#000000", finding_size);
    y += finding_row;
  }
  for (const auto& line : lines_of(subject, subject_size)) {
    text({heading_left, y}, line, Align::left, "#444444", subject_size);
    y += finding_row - 4;
  }
}

double Canvas::below_heading(const std::string& finding, const std::string& subject) {
  return 22 + finding_row * static_cast<double>(lines_of(finding, finding_size).size()) +
         (finding_row - 4) * static_cast<double>(lines_of(subject, subject_size).size());
}

Figure framed(Canvas& canvas, std::string id, const Frame& frame, std::string alt) {
  canvas.begin_overlay();
  canvas.heading(frame.title, frame.subject);
  canvas.legend(frame.legend_top, frame.legend, frame.left);
  canvas.end();
  return {std::move(id),       frame.title,     std::move(alt),
          {frame.title + "."}, canvas.script(), canvas.hovers()};
}

std::string Canvas::script() const { return script_ + "unset multiplot\nunset output\n"; }

double Canvas::text_width(std::string_view text, double size) {
  const auto characters = std::count_if(text.begin(), text.end(), [](unsigned char c) {
    return (c & 0xC0) != 0x80;  // bytes that continue a UTF-8 character take no width
  });
  return 0.56 * size * static_cast<double>(characters);
}

Ink shade_of(double share) {
  // The ends are Okabe and Ito's blue at a tenth and at its darkest.
  static const auto colours = [] {
    std::array<std::string, 64> out;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double t = static_cast<double>(i) / static_cast<double>(out.size() - 1);
      const auto part = [t](double light, double middle, double dark) {
        return std::lround(t < 0.5 ? light + 2 * t * (middle - light)
                                   : middle + (2 * t - 1) * (dark - middle));
      };
      out[i] = fmt::format("#{:02x}{:02x}{:02x}", part(235, 80, 5), part(243, 160, 40),
                           part(250, 205, 80));
    }
    return out;
  }();
  const auto last = static_cast<double>(colours.size() - 1);
  return {colours[static_cast<std::size_t>(std::lround(std::clamp(share, 0.0, 1.0) * last))]};
}

double round_up(double x) {
  if (!(x > 0)) return 1;
  const double decade = std::pow(10, std::floor(std::log10(x)));
  for (const double step : {1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0})
    if (x <= step * decade * (1 + 1e-9)) return step * decade;
  return 10 * decade;
}

}  // namespace tomestimate::report::plot
