// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <tomestimate/report/study_figures.hpp>
#include <tomestimate/study/csv.hpp>

#include "cells.hpp"
#include "series.hpp"

namespace tomestimate::report {
namespace {

using plot::Align;
using plot::Canvas;
using plot::Marker;
using plot::Panel;
using study::Found;
using study::Study;

constexpr std::size_t most_lines = 4;

[[noreturn]] void nothing_to_draw(const Study& study) {
  throw std::runtime_error(study.where.empty()
                               ? "nothing to draw: no point is a design"
                               : "nothing to draw: no point is a design that meets " + study.where);
}

std::string gap_text(const Study& study) {
  return study.where.empty() ? "no design" : "no design, or left out by where";
}

// ---- one axis ----

// Columns of one unit share a panel; bare numbers may be of any size.
std::vector<LinePanel> line_panels(const Study& study, const std::vector<Found>& points,
                                   const AxisView& view) {
  std::vector<LinePanel> out;
  for (std::size_t c = 0; c < std::min(study.columns.size(), most_lines); ++c) {
    const auto& column = study.columns[c];
    auto panel = std::find_if(out.begin(), out.end(), [&](const LinePanel& p) {
      return !p.unit.empty() && p.unit == column.unit;
    });
    if (panel == out.end()) {
      panel = out.emplace(out.end());
      panel->unit = column.unit;
      panel->y_title = study::heading(column.name, column.unit);
    } else {
      panel->y_title = "[" + column.unit + "]";
    }
    Series series{column.name, std::vector<std::optional<double>>(view.at.size())};
    for (const auto& p : points) series.values[p.point] = p.values[c];
    panel->series.push_back(std::move(series));
  }
  return out;
}

// What the spec says of the value that varies, where that is a number.
std::optional<double> of_spec(const Study& study, const AxisView& view) {
  const auto& p = study.axes[0].members[0].parameter;
  if (!view.numbers) return std::nullopt;
  return p.value / study::unit_factor(p.unit);
}

Figure line_figure(const Study& study, const std::vector<Found>& points) {
  const auto view = view_of(study.axes[0]);
  auto panels = line_panels(study, points, view);
  const auto& first = panels[0];
  const auto title = finding(view, first.series[0], first.unit);
  const auto subject = subject_of(study);
  const double height = panels.size() == 1 ? 340 : panels.size() == 2 ? 220 : 150;
  double top = Canvas::below_heading(title, subject) + 8;
  const auto mark = of_spec(study, view);
  for (auto& p : panels) {
    p.top = top;
    p.bottom = top + height;
    p.mark = mark;
    p.x_title = &p == &panels.back();
    top = p.bottom + 34;
  }
  std::vector<plot::LegendEntry> entries;
  if (mark && *mark >= view.at.front() && *mark <= view.at.back())
    entries.push_back(plot::line("the spec's " + told(*mark, view.unit), {"#555555", 1.5, 2}));
  if (points.size() < view.at.size()) entries.push_back(plot::box(gap_text(study), no_numbers));
  const double legend_top = panels.back().bottom + 60;
  Canvas canvas(entries.empty() ? legend_top + 4 : Canvas::below_legend(legend_top, entries, 100));
  // Names of the panels' widest line, so that all are as wide.
  double right = Canvas::width;
  for (const auto& p : panels) right = std::min(right, panel_of(view, p).right);
  for (const auto& p : panels) {
    auto panel = panel_of(view, p);
    panel.right = right;
    canvas.begin(panel);
    draw_lines(canvas, panel, view, p);
    canvas.end();
  }
  return plot::framed(canvas, "sweep", {title, subject, legend_top, entries, 100},
                      fmt::format("Lines of {} values over {} of {}; {} of {} points have numbers.",
                                  std::min(study.columns.size(), most_lines), view.title, subject,
                                  points.size(), view.at.size()));
}

// ---- two axes ----

// How far a value is on the axis that its panel has, from 0 at `low` to 1 at `high`.
double share_between(double low, double value, double high) {
  if (plot::spans_decades(low, high)) return std::log(value / low) / std::log(high / low);
  return high > low ? (value - low) / (high - low) : 0.5;
}

struct HeatMap {
  AxisView x, y;
  std::vector<Found> points;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  std::size_t least = 0, most = 0;  // of `points`

  std::size_t column(const Found& p) const { return p.point / y.at.size(); }
  std::size_t row(const Found& p) const { return p.point % y.at.size(); }
  double share(double value) const { return share_between(low, value, high); }
};

HeatMap heat_map(const Study& study, const std::vector<Found>& points) {
  HeatMap map{view_of(study.axes[0]), view_of(study.axes[1]), points};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double v = points[i].values[0];
    if (v < map.low) map.least = i;
    if (v > map.high) map.most = i;
    map.low = std::min(map.low, v);
    map.high = std::max(map.high, v);
  }
  for (auto* view : {&map.x, &map.y})
    for (std::size_t i = 0; i < view->at.size(); ++i) view->at[i] = static_cast<double>(i);
  return map;
}

void draw_cells(Canvas& canvas, const Panel& panel, const HeatMap& map, const std::string& name,
                const std::string& unit) {
  const double wide = panel.pixel_x(1) - panel.pixel_x(0);
  const double high = panel.pixel_y(0) - panel.pixel_y(1);
  constexpr double size = 12;
  const bool few = map.points.size() <= 400;
  for (const auto& p : map.points) {
    const double x = static_cast<double>(map.column(p)), y = static_cast<double>(map.row(p));
    const double share = map.share(p.values[0]);
    const auto text = told(p.values[0]);
    if (!few) {
      canvas.cell({x - 0.5, y - 0.5}, {x + 0.5, y + 0.5}, plot::shade_of(share));
      continue;
    }
    canvas.rectangle({x - 0.5, y - 0.5}, {x + 0.5, y + 0.5}, plot::shade_of(share),
                     fmt::format("{}: {} {} at {}, {}", name, text, unit, map.x.told(map.column(p)),
                                 map.y.told(map.row(p))));
    if (wide > Canvas::text_width(text, size) + 4 && high > size + 3)
      canvas.text({panel.pixel_x(x), panel.pixel_y(y)}, text, Align::center,
                  share > 0.55 ? "#ffffff" : "#000000", size);
  }
}

// A frame around the cell that has the most.
void frame_most(Canvas& canvas, const Panel& panel, const HeatMap& map) {
  const auto& p = map.points[map.most];
  const double x = static_cast<double>(map.column(p)), y = static_cast<double>(map.row(p));
  const double left = panel.pixel_x(x - 0.5), right = panel.pixel_x(x + 0.5);
  const double top = panel.pixel_y(y + 0.5), bottom = panel.pixel_y(y - 0.5);
  // White around it, as the cell is dark.
  for (const auto& frame : {plot::Line{"#ffffff", 6}, plot::Line{"#d55e00", 3}}) {
    canvas.stroke({left, top}, {right, top}, frame);
    canvas.stroke({right, top}, {right, bottom}, frame);
    canvas.stroke({right, bottom}, {left, bottom}, frame);
    canvas.stroke({left, bottom}, {left, top}, frame);
  }
}

void draw_scale(Canvas& canvas, const Panel& panel) {
  canvas.begin(panel);
  constexpr int steps = 64;
  const auto at = [&y = panel.y](int i) {
    const double share = static_cast<double>(i) / steps;
    return y.log ? y.min * std::pow(y.max / y.min, share) : y.min + share * (y.max - y.min);
  };
  for (int i = 0; i < steps; ++i)
    canvas.shade({0, at(i)}, {1, at(i + 1)}, plot::shade_of((i + 0.5) / steps));
  canvas.end();
}

Figure heat_figure(const Study& study, const std::vector<Found>& points) {
  const auto map = heat_map(study, points);
  const auto& column = study.columns[0];
  const auto place = [&](std::size_t i) {
    return fmt::format("{} = {}, {} = {}", study.axes[0].members[0].parameter.path,
                       map.x.told(map.column(points[i])), study.axes[1].members[0].parameter.path,
                       map.y.told(map.row(points[i])));
  };
  const auto title =
      fmt::format("{} is {} to {}; most at {}, least at {}", column.name, told(map.low),
                  told(map.high, column.unit), place(map.most), place(map.least));
  const auto subject = subject_of(study);
  const double top = Canvas::below_heading(title, subject) + 28;
  const auto columns = static_cast<double>(map.x.at.size());
  const auto rows = static_cast<double>(map.y.at.size());
  Panel panel{130,
              850,
              top,
              top + 400,
              {map.x.title, -0.5, columns - 0.5},
              {map.y.title, -0.5, rows - 0.5},
              map.y.names(400, false),
              {},
              ""};
  panel.x_names = map.x.names(panel.right - panel.left, true);
  const double span = map.high > map.low ? 0 : std::max(1.0, std::abs(map.high)) / 2;
  Panel scale{930,
              955,
              top,
              panel.bottom,
              {"", 0, 1, false, false},
              {"", map.low - span, map.high + span, plot::spans_decades(map.low, map.high)},
              {},
              {},
              ""};
  scale.x_names = {{0.5, ""}};
  std::vector<plot::LegendEntry> entries{plot::box("most", {"#d55e00"})};
  const auto all = map.x.at.size() * map.y.at.size();
  if (points.size() < all) entries.push_back(plot::box(gap_text(study), no_numbers));
  const double legend_top = panel.bottom + 60;
  Canvas canvas(Canvas::below_legend(legend_top, entries, panel.left));
  canvas.begin(panel);
  canvas.shade({panel.x.min, panel.y.min}, {panel.x.max, panel.y.max}, no_numbers);
  draw_cells(canvas, panel, map, column.name, column.unit);
  canvas.end();
  draw_scale(canvas, scale);
  canvas.begin_overlay();
  canvas.text({scale.right + 20, top - 14}, study::heading(column.name, column.unit), Align::right);
  frame_most(canvas, panel, map);
  canvas.end();
  return plot::framed(
      canvas, "sweep", {title, subject, legend_top, entries, panel.left},
      fmt::format("Heat map of {} over {} and {} of {}; {} of {} points have numbers.", column.name,
                  map.x.title, map.y.title, subject, points.size(), all));
}

// ---- front ----

// Which of the front has the best of both, each from its worst to its best.
std::size_t knee(const std::vector<Found>& front, const study::Objective& a,
                 const study::Objective& b) {
  const auto share = [&front](const study::Objective& o, const Found& p) {
    double low = p.values[o.column], high = low;
    for (const auto& other : front) {
      low = std::min(low, other.values[o.column]);
      high = std::max(high, other.values[o.column]);
    }
    const double at = share_between(low, p.values[o.column], high);
    return o.maximize ? at : 1 - at;
  };
  std::size_t best = 0;
  double most = -1;
  for (std::size_t i = 0; i < front.size(); ++i)
    if (const double both = share(a, front[i]) + share(b, front[i]); both > most) {
      most = both;
      best = i;
    }
  return best;
}

// "base.lanes = 8, chip.clock = 500 MHz" of a point.
std::string values_of(const Study& study, std::uint64_t point) {
  std::string out;
  for (auto a = study.axes.size(); a-- > 0;) {
    const auto& axis = study.axes[a];
    const auto i = point % axis.size();
    point /= axis.size();
    const auto& v = axis.members[0];
    const auto value = v.is_number() ? told(v.number(i), v.parameter.unit) : v.text(i);
    out = fmt::format("{} = {}{}{}", v.parameter.path, value, out.empty() ? "" : ", ", out);
  }
  return out;
}

struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void include(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  plot::Axis axis(std::string title) const {
    if (plot::spans_decades(low, high)) return plot::log_axis(std::move(title), low, high);
    const double span = high > low ? high - low : std::max(1.0, std::abs(high));
    const bool from_zero = low >= 0 && low < 0.4 * high;
    return {std::move(title), from_zero ? 0 : low - 0.08 * span, high + 0.12 * span};
  }
};

}  // namespace

std::optional<std::string> no_sweep_figure(const Study& study) {
  if (study.axes.size() > 2)
    return fmt::format(
        "a picture has one axis (lines) or two (a heat map); this study has {}: pareto --plot "
        "takes any number",
        study.axes.size());
  std::uint64_t points = 1;
  for (const auto& axis : study.axes) {
    points *= axis.size();
    if (points > most_drawn)
      return fmt::format("a picture has room for {} points, and this study has more", most_drawn);
  }
  return std::nullopt;
}

Figure sweep_figure(const Study& study, const std::vector<Found>& points) {
  if (points.empty()) nothing_to_draw(study);
  return study.axes.size() == 1 ? line_figure(study, points) : heat_figure(study, points);
}

Figure pareto_figure(const Study& study, const std::vector<Found>& front,
                     const std::vector<Found>& others) {
  if (front.empty()) nothing_to_draw(study);
  const auto &y = study.objectives[0], &x = study.objectives[1];
  const auto named = [&](const study::Objective& o) {
    return study::heading(study.columns[o.column].name, study.columns[o.column].unit);
  };
  const auto value = [&](const Found& p, const study::Objective& o) { return p.values[o.column]; };
  const auto told_of = [&](const Found& p, const study::Objective& o) {
    return told(value(p, o), study.columns[o.column].unit);
  };
  auto sorted = front;
  std::sort(sorted.begin(), sorted.end(),
            [&](const Found& a, const Found& b) { return value(a, x) < value(b, x); });
  const auto middle = knee(sorted, y, x);
  const bool plain = study.objectives.size() == 2;  // of more the front is a cloud
  auto title = fmt::format("{} designs are on the front", front.size());
  const auto [low, high_one] = std::minmax_element(
      sorted.begin(), sorted.end(),
      [&](const Found& a, const Found& b) { return value(a, y) < value(b, y); });
  if (plain)
    title += fmt::format(", from {} at {} to {} at {}; a middle is {} at {}",
                         told_of(sorted.front(), y), told_of(sorted.front(), x),
                         told_of(sorted.back(), y), told_of(sorted.back(), x),
                         told_of(sorted[middle], y), told_of(sorted[middle], x));
  else
    title += fmt::format(": {} from {} to {}, {} from {} to {}", study.columns[y.column].name,
                         told_of(*low, y), told_of(*high_one, y), study.columns[x.column].name,
                         told_of(sorted.front(), x), told_of(sorted.back(), x));
  auto subject = subject_of(study);
  if (study.objectives.size() > 2) {
    subject += "; other objectives:";
    for (std::size_t i = 2; i < study.objectives.size(); ++i)
      subject +=
          fmt::format("{} {} {}", i == 2 ? "" : ",", study.objectives[i].maximize ? "max" : "min",
                      study.columns[study.objectives[i].column].name);
  }
  Extent wide, high;
  for (const auto* list : {&std::as_const(sorted), &others})
    for (const auto& p : *list) {
      wide.include(value(p, x));
      high.include(value(p, y));
    }
  const double top = Canvas::below_heading(title, subject) + 6;
  const Panel panel{110, 970, top, top + 400, wide.axis(named(x)), high.axis(named(y)), {}, {}, ""};
  constexpr std::string_view grey = "#999999";
  std::vector<plot::LegendEntry> entries{
      plot::marker(fmt::format("on the front ({})", front.size()), Marker::circle, "#d55e00"),
      plot::marker("beaten", Marker::square, grey)};
  const double legend_top = panel.bottom + 60;
  Canvas canvas(Canvas::below_legend(legend_top, entries, panel.left));
  canvas.begin(panel);
  std::vector<plot::Point> beaten;
  for (const auto& p : others) beaten.push_back({value(p, x), value(p, y)});
  canvas.cloud(beaten, Marker::square, grey, 0.35);
  if (plain) {
    // What a design must beat, in steps.
    std::vector<plot::Point> steps;
    for (const auto& p : sorted) {
      if (!steps.empty())
        steps.push_back(x.maximize ? plot::Point{steps.back().x, value(p, y)}
                                   : plot::Point{value(p, x), steps.back().y});
      steps.push_back({value(p, x), value(p, y)});
    }
    if (steps.size() > 1) canvas.curve(steps, {"#d55e00", 2});
  }
  for (const auto& p : sorted)
    canvas.mark({value(p, x), value(p, y)}, Marker::circle, "#d55e00", 0.9,
                fmt::format("{}: {}, {}", values_of(study, p.point), told_of(p, y), told_of(p, x)));
  const auto name = [&](const Found& p, bool below) {
    constexpr double size = 12;
    const auto text = values_of(study, p.point);
    const double room = panel.right - panel.left - 12, length = Canvas::text_width(text, size);
    if (length > room) return;  // a pointer is told
    const double at = panel.pixel_x(value(p, x)), to = panel.pixel_y(value(p, y));
    canvas.boxed_text({std::clamp(at + 10, panel.left + 6, panel.right - length - 6),
                       std::clamp(to + (below ? 15 : -15), panel.top + 10, panel.bottom - 10)},
                      text, Align::left, "#000000", size);
  };
  if (plain) name(sorted.front(), true);
  if (plain && middle != 0 && middle + 1 != sorted.size()) name(sorted[middle], true);
  if (plain && sorted.size() > 1) name(sorted.back(), false);
  canvas.end();
  return plot::framed(canvas, "front", {title, subject, legend_top, entries, panel.left},
                      fmt::format("Points of {}: {} over {}, with the {} of the front marked.",
                                  subject, named(y), named(x), front.size()));
}

}  // namespace tomestimate::report
