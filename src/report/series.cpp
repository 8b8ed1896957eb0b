// SPDX-License-Identifier: Apache-2.0
#include "series.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <tomestimate/report/reports.hpp>
#include <tomestimate/study/csv.hpp>

#include "cells.hpp"

namespace tomestimate::report {
namespace {

using plot::Align;
using plot::Canvas;
using plot::Marker;
using plot::Panel;

constexpr std::array<plot::Line, 6> strokes{{{"#0072b2", 3, 1},
                                             {"#d55e00", 3, 2},
                                             {"#009e73", 3, 4},
                                             {"#000000", 2.5, 3},
                                             {"#cc79a7", 3, 5},
                                             {"#e69f00", 3, 2}}};
constexpr std::array<Marker, 4> markers{Marker::circle, Marker::square, Marker::triangle,
                                        Marker::diamond};
constexpr std::size_t most_marked = 40;  // points of a line that still have marks

bool rises(const std::vector<double>& values) {
  return std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) == values.end();
}

// Whether rising values are about even on a log axis, as 8, 16, 32 and 1, 2, 5, 10 are, and from 1
// to 10 or more in all. Even steps are not: on a log axis the first of them is the largest by far.
bool by_factors(const std::vector<double>& values) {
  if (values.size() < 3 || values.front() <= 0) return false;
  constexpr double rounding = 1e-9;
  if (values.back() < 10 * values.front() * (1 - rounding)) return false;
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    const double step = std::log(values[i] / values[i - 1]);
    least = std::min(least, step);
    most = std::max(most, step);
  }
  return most <= 2 * least * (1 + rounding);
}

// Runs of indices whose value is there, or is missing.
std::vector<std::pair<std::size_t, std::size_t>> runs(const Series& series, bool there) {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    if (series.values[i].has_value() != there) continue;
    if (!out.empty() && out.back().second == i)
      ++out.back().second;
    else
      out.emplace_back(i, i + 1);
  }
  return out;
}

double halfway(const AxisView& view, std::size_t a, std::size_t b) {
  return view.log ? std::sqrt(view.at[a] * view.at[b]) : (view.at[a] + view.at[b]) / 2;
}

// What any of them has: a gap is where none has a number.
Series any_of(const std::vector<Series>& all, std::size_t size) {
  Series any{"", std::vector<std::optional<double>>(size)};
  for (const auto& s : all)
    for (std::size_t i = 0; i < s.values.size(); ++i)
      if (s.values[i]) any.values[i] = s.values[i];
  return any;
}

void shade_gaps(Canvas& canvas, const Panel& panel, const AxisView& view,
                const std::vector<Series>& all) {
  for (const auto& [first, end] : runs(any_of(all, view.at.size()), false)) {
    const double from = first == 0 ? panel.x.min : halfway(view, first - 1, first);
    const double to = end == view.at.size() ? panel.x.max : halfway(view, end - 1, end);
    canvas.shade({from, panel.y.min}, {to, panel.y.max}, no_numbers);
  }
}

struct EndLabel {
  double x, y;  // pixels
  std::string text;
};

// Labels that would lie on each other are moved apart.
void draw_end_labels(Canvas& canvas, std::vector<EndLabel> labels) {
  std::sort(labels.begin(), labels.end(), [](const auto& a, const auto& b) { return a.y < b.y; });
  double low = 0;
  for (auto& label : labels) {
    label.y = std::max(label.y, low);
    low = label.y + Canvas::label_size + 5;
    canvas.boxed_text({label.x + 9, label.y}, label.text, Align::left, "#000000",
                      Canvas::label_size);
  }
}

}  // namespace

plot::Axis AxisView::axis() const {
  if (!numbers) return {"", 0.5, static_cast<double>(at.size()) + 0.5};
  const double low = at.front(), high = at.back();
  if (low < high) return {title, low, high, log};
  const double around = low == 0 ? 1 : std::abs(low) / 2;
  return {title, low - around, low + around};
}

std::string AxisView::told(std::size_t i) const {
  return unit.empty() ? text[i] : text[i] + " " + unit;
}

std::vector<std::pair<double, std::string>> AxisView::names(double pixels, bool beside) const {
  double widest = Canvas::font_size + 3;
  if (beside)
    for (const auto& t : text) widest = std::max(widest, Canvas::text_width(t) + 12);
  const auto room = std::max(1.0, std::floor(pixels / widest));
  const auto step = static_cast<std::size_t>(std::ceil(static_cast<double>(text.size()) / room));
  std::vector<std::pair<double, std::string>> out;
  for (std::size_t i = 0; i < text.size(); i += step) out.emplace_back(at[i], text[i]);
  return out;
}

AxisView view_of(const study::Axis& axis) {
  const auto& first = axis.members[0];
  AxisView out;
  out.numbers = first.is_number();
  for (std::uint64_t i = 0; i < first.size(); ++i) {
    out.at.push_back(out.numbers ? first.number(i) : 0);
    out.text.push_back(out.numbers ? report::told(first.number(i)) : first.text(i));
  }
  out.unit = out.numbers ? first.parameter.unit : "";
  out.title = study::heading(first.parameter.path, out.unit);
  for (std::size_t i = 1; i < axis.members.size(); ++i)
    out.title += (i == 1 ? ", with " : ", ") + axis.members[i].parameter.path;
  out.numbers = out.numbers && rises(out.at);
  out.log =
      out.numbers && (by_factors(out.at) || plot::spans_decades(out.at.front(), out.at.back()));
  if (!out.numbers)
    for (std::size_t i = 0; i < out.at.size(); ++i) out.at[i] = static_cast<double>(i + 1);
  return out;
}

std::string finding(const AxisView& view, const Series& series, const std::string& unit) {
  const auto& v = series.values;
  const auto there = [](const auto& x) { return x.has_value(); };
  const auto first = static_cast<std::size_t>(std::find_if(v.begin(), v.end(), there) - v.begin());
  const auto last =
      v.size() - 1 -
      static_cast<std::size_t>(std::find_if(v.rbegin(), v.rend(), there) - v.rbegin());
  std::size_t least = first, most = first;
  for (auto i = first; i <= last; ++i) {
    if (!v[i]) continue;
    if (*v[i] < *v[least]) least = i;
    if (*v[i] > *v[most]) most = i;
  }
  const auto number = [&](std::size_t i) { return told(*v[i], unit); };
  const auto path = view.title.substr(0, view.title.find(" ["));
  if (first == last)
    return fmt::format("{} is {} at {} = {}", series.name, number(first), path, view.told(first));
  if (*v[most] - *v[least] <= 1e-9 * std::abs(*v[most]))
    return fmt::format("{} stays {} from {} to {} of {}", series.name, number(first),
                       view.text[first], view.told(last), path);
  if (!view.numbers)
    return fmt::format("{} is least, {}, at {} = {}, and most, {}, at {}", series.name,
                       number(least), path, view.told(least), number(most), view.told(most));
  auto out = fmt::format("{} goes from {} to {} as {} goes from {} to {}", series.name,
                         told(*v[first]), number(last), path, view.text[first], view.told(last));
  if (most != first && most != last)
    out += fmt::format("; most is {} at {}", number(most), view.told(most));
  if (least != first && least != last)
    out += fmt::format("; least is {} at {}", number(least), view.told(least));
  return out;
}

bool has_gaps(const std::vector<Series>& all) {
  return std::any_of(all.begin(), all.end(), [](const auto& s) {
    return std::any_of(s.values.begin(), s.values.end(), [](const auto& v) { return !v; });
  });
}

bool has_common_gap(const std::vector<Series>& all) {
  return !runs(any_of(all, all.at(0).values.size()), false).empty();
}

namespace {

constexpr double left_edge = 100;

// The text at the end of a line.
std::string end_text(const Series& s, std::size_t end, bool named) {
  return named ? fmt::format("{} {}", s.name, told(*s.values[end])) : told(*s.values[end]);
}

// Where a panel may end so that the text at the end of the line has room.
double right_edge(const AxisView& view, const Series& s, bool named) {
  const auto there = runs(s, true);
  if (there.empty()) return Canvas::width;
  const auto end = there.back().second - 1;
  const Panel whole{0, 1, 0, 1, view.axis(), {}, {}, {}, ""};
  const double text =
      std::min(320.0, Canvas::text_width(end_text(s, end, named), Canvas::label_size)) + 18;
  return left_edge +
         (Canvas::width - left_edge - text) / std::max(0.3, whole.pixel_x(view.at[end]));
}

plot::Axis y_axis(const std::string& title, double low, double high) {
  if (plot::spans_decades(low, high)) return plot::log_axis(title, low, high);
  const double span = high > low ? high - low : std::max(1.0, std::abs(high));
  // From 0, unless that would flatten what the lines do.
  const bool from_zero = low >= 0 && low < 0.6 * high;
  return {title, from_zero ? 0 : low - 0.15 * span, high + 0.15 * span};
}

}  // namespace

Panel panel_of(const AxisView& view, const LinePanel& lines) {
  double low = 1e300, high = -1e300, right = Canvas::width - 30;
  const auto include = [&](double y) {
    low = std::min(low, y);
    high = std::max(high, y);
  };
  for (const auto& s : lines.series) {
    for (const auto& v : s.values)
      if (v) include(*v);
    right = std::min(right, right_edge(view, s, lines.series.size() > 1));
  }
  for (const auto& p : lines.points) include(p.y);
  if (low > high) low = high = 0;
  Panel panel{left_edge,    right,       lines.top,
              lines.bottom, view.axis(), y_axis(lines.y_title, low, high),
              {},           {},          ""};
  for (const auto& p : lines.points) {
    panel.x.min = std::min(panel.x.min, p.x);
    panel.x.max = std::max(panel.x.max, p.x);
  }
  panel.x.title = lines.x_title ? view.title : "";
  if (!view.numbers) panel.x_names = view.names(panel.right - panel.left, true);
  return panel;
}

void draw_lines(Canvas& canvas, const Panel& panel, const AxisView& view, const LinePanel& lines) {
  shade_gaps(canvas, panel, view, lines.series);
  if (lines.mark && *lines.mark >= panel.x.min && *lines.mark <= panel.x.max) {
    const double x = panel.pixel_x(*lines.mark);
    canvas.stroke({x, panel.top}, {x, panel.bottom}, {"#555555", 1, 2});
  }
  std::vector<EndLabel> labels;
  for (std::size_t k = 0; k < lines.series.size(); ++k) {
    const auto& s = lines.series[k];
    const auto& stroke = strokes[k % strokes.size()];
    std::optional<std::size_t> end;
    for (const auto& [from, to] : runs(s, true)) {
      std::vector<plot::Point> points;
      for (auto i = from; i < to; ++i) points.push_back({view.at[i], *s.values[i]});
      if (view.numbers && points.size() > 1) canvas.curve(points, stroke);
      if (view.at.size() <= most_marked || points.size() == 1)
        for (auto i = from; i < to; ++i)
          canvas.mark(
              {view.at[i], *s.values[i]}, markers[k % markers.size()], stroke.colour, 0.9,
              fmt::format("{} at {}: {} {}", s.name, view.told(i), told(*s.values[i]), lines.unit));
      end = to - 1;
      // Marks without a line are each told.
      if (!view.numbers && lines.series.size() == 1 && view.at.size() <= most_marked / 2)
        for (auto i = from; i < to; ++i)
          canvas.text({panel.pixel_x(view.at[i]), panel.pixel_y(*s.values[i]) - 15},
                      told(*s.values[i]), Align::center, "#000000", Canvas::label_size);
    }
    if (end && (view.numbers || lines.series.size() > 1))
      labels.push_back({panel.pixel_x(view.at[*end]), panel.pixel_y(*s.values[*end]),
                        end_text(s, *end, lines.series.size() > 1)});
  }
  draw_end_labels(canvas, std::move(labels));
}

std::string subject_of(const study::Study& study) {
  auto out = design_title(study.specs.hardware, study.specs.model);
  if (!study.where.empty()) out += ", where " + study.where;
  return out;
}

}  // namespace tomestimate::report
