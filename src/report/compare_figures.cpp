// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <stdexcept>

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

constexpr double name_size = 13;

// "tom,bitnet-2b,base.lanes=32": the specs without folders and ending.
std::string short_name(const std::string& design) {
  std::string out;
  std::size_t from = 0;
  for (int part = 0; from <= design.size(); ++part) {
    const auto end = std::min(design.find(',', from), design.size());
    const auto text = design.substr(from, end - from);
    out +=
        (part == 0 ? "" : ", ") + (part < 2 ? std::filesystem::path(text).stem().string() : text);
    from = end + 1;
  }
  return out;
}

// ---- bars ----

// A metric of each design; none where it is not a number, as the density of no ROM.
using Values = std::vector<std::optional<double>>;

Values values_of(const std::vector<Design>& designs, const std::string& metric,
                 const std::string& unit) {
  Values out;
  for (const auto& d : designs) {
    const double value = study::metric_value(d.specs, metric) / study::unit_factor(unit);
    out.push_back(std::isfinite(value) ? std::optional(printed(metric, value)) : std::nullopt);
  }
  return out;
}

double largest(const Values& values) {
  double most = 0;
  for (const auto& v : values) most = std::max(most, v.value_or(0));
  return most;
}

double smallest(const Values& values) {
  double least = 0;
  for (const auto& v : values) least = std::min(least, v.value_or(0));
  return least;
}

// Bars of a metric, a design each, from top to bottom; labelled with value and ratio to the first.
void draw_metric(Canvas& canvas, const Panel& panel, const Values& values,
                 const std::vector<std::string>& names, const std::string& unit) {
  canvas.begin(panel);
  const double rows = static_cast<double>(values.size());
  for (std::size_t d = 0; d < values.size(); ++d) {
    const double y = rows - static_cast<double>(d), value = values[d].value_or(0);
    if (value != 0)
      canvas.rectangle({std::min(0.0, value), y - 0.33}, {std::max(0.0, value), y + 0.33},
                       d == 0 ? plot::Ink{"#0072b2"} : plot::Ink{"#9ecae1"},
                       fmt::format("{}: {} {}", names[d], told(value), unit));
    auto label = values[d] ? told(value) : "none";
    if (d > 0 && values[d] && values[0].value_or(0) != 0)
      label += fmt::format("  ({:.3g} x)", value / *values[0]);
    canvas.text({panel.pixel_x(std::max(0.0, value)) + 6, panel.pixel_y(y)}, label, Align::left,
                "#000000", name_size);
  }
  canvas.end();
}

// "throughput is most, 19918 token/s, of C and least, 2360, of B".
std::string extremes(const std::string& metric, const Values& values,
                     const std::vector<std::string>& headings, const std::string& unit) {
  std::optional<std::size_t> least, most;
  for (std::size_t d = 0; d < values.size(); ++d) {
    if (!values[d]) continue;
    if (!least || *values[d] < *values[*least]) least = d;
    if (!most || *values[d] > *values[*most]) most = d;
  }
  if (!least) return fmt::format("no design has a {}", metric);
  const auto high = told(*values[*most], unit);
  if (*values[*least] == *values[*most]) return fmt::format("{} is {} of all", metric, high);
  return fmt::format("{} is most, {}, of {} and least, {}, of {}", metric, high, headings[*most],
                     told(*values[*least]), headings[*least]);
}

}  // namespace

Figure compare_figure(const std::vector<Design>& designs, const std::vector<std::string>& metrics) {
  std::vector<std::string> headings, names;
  double left_margin = 50;
  for (std::size_t d = 0; d < designs.size(); ++d) {
    headings.push_back(heading_of(designs[d].label, d));
    names.push_back(headings[d] + ": " + short_name(designs[d].name));
    left_margin = std::max(left_margin, Canvas::text_width(headings[d]) + 20);
  }
  const double rows = static_cast<double>(designs.size());
  const auto first_unit = study::metric_unit(metrics[0]).value();
  const auto title =
      extremes(metrics[0], values_of(designs, metrics[0], first_unit), headings, first_unit);
  const std::string subject =
      fmt::format("{}; in brackets: times {}", fmt::join(names, "; "), headings[0]);
  const double above = Canvas::below_heading(title, subject) + 24;
  const double wide = 480 - left_margin;
  constexpr double value_room = 133;  // pixels of a bar's value and ratio
  const double tall = 30 * rows + 10, row = tall + 78;
  const double lines = static_cast<double>((metrics.size() + 1) / 2);
  Canvas canvas(above + row * lines - 12);
  for (std::size_t k = 0; k < metrics.size(); ++k) {
    const auto unit = study::metric_unit(metrics[k]).value();
    const auto values = values_of(designs, metrics[k], unit);
    const double low = smallest(values), high = largest(values);
    const double left = left_margin + (k % 2 == 0 ? 0 : 495),
                 top = above + row * static_cast<double>(k / 2);
    Panel panel{left,
                left + wide,
                top,
                top + tall,
                {"", low, high > 0 ? high * wide / (wide - value_room) : 1},
                {"", 0.4, rows + 0.6},
                {},
                {},
                study::heading(metrics[k], unit)};
    for (std::size_t d = 0; d < designs.size(); ++d)
      panel.y_names.emplace_back(rows - static_cast<double>(d), headings[d]);
    draw_metric(canvas, panel, values, names, unit);
  }
  return plot::framed(canvas, "compare", {title, subject},
                      fmt::format("Bars of {} for {} designs: {}.", fmt::join(metrics, ", "),
                                  designs.size(), subject));
}

// ---- over an axis ----

namespace {

std::vector<Series> series_of(const std::vector<DesignCurve>& designs, std::size_t column,
                              std::size_t size) {
  std::vector<Series> out;
  for (const auto& d : designs) {
    Series s{d.label.empty() ? short_name(d.name) : d.label,
             std::vector<std::optional<double>>(size)};
    for (const auto& p : d.points) s.values[p.point] = p.values[column];
    out.push_back(std::move(s));
  }
  return out;
}

// "3491 to 1928 token/s", from the first value that is there to the last; "" if none is.
std::string ends_of(const Series& s, const std::string& unit) {
  std::vector<double> there;
  for (const auto& v : s.values)
    if (v) there.push_back(*v);
  if (there.empty()) return "";
  return fmt::format("{} to {}", told(there.front()), told(there.back(), unit));
}

struct PublishedMark {
  plot::Point at;
  std::string text;  // for a pointer
};

// Published figures of a design's specs, at the value of the axis that each is told for.
void add_published(const DesignCurve& design, const std::vector<evidence::Comparison>& all,
                   std::vector<PublishedMark>& out) {
  const auto& specs = design.study.specs;
  const auto& p = design.study.axes[0].members[0].parameter;
  const auto& column = design.study.columns[0];
  for (const auto& c : all) {
    if (c.metric != column.formula || c.relation == evidence::Relation::within_bound ||
        c.relation == evidence::Relation::out_of_bound || c.hardware != file_name(specs.hardware) ||
        c.model != file_name(specs.model))
      continue;
    double x = p.value;
    for (const auto& [path, value] : c.set)
      if (path == p.path) x = study::value_if_set(specs, path, value, {c.id, 0, 0});
    const auto factor = study::unit_factor(p.unit);
    const double y = c.published / units::from_base(1.0, c.unit) / study::unit_factor(column.unit);
    if (std::none_of(out.begin(), out.end(),
                     [&](const auto& m) { return m.text.starts_with(c.id); }))
      out.push_back({{x / factor, y}, fmt::format("{}: {} {}", c.id, told(c.published), c.unit)});
  }
}

}  // namespace

Document curves_document(const std::vector<DesignCurve>& designs) {
  const auto& study = designs[0].study;
  const auto view = view_of(study.axes[0]);
  Document document{"Designs over " + study.axes[0].members[0].parameter.path, {}, {}};
  for (std::size_t d = 0; d < designs.size(); ++d)
    document.lead.push_back(
        fmt::format("{}: {} ({})", heading_of(designs[d].label, d),
                    design_title(designs[d].study.specs.hardware, designs[d].study.specs.model),
                    designs[d].name));
  for (std::size_t c = 0; c < study.columns.size(); ++c) {
    const auto& column = study.columns[c];
    const auto series = series_of(designs, c, view.at.size());
    Table table{column.name,
                study::heading(column.name, column.unit),
                {{study.axes[0].members[0].parameter.path, view.unit}},
                {},
                {}};
    for (std::size_t d = 0; d < designs.size(); ++d)
      table.columns.push_back({heading_of(designs[d].label, d), column.unit});
    for (std::size_t i = 0; i < view.at.size(); ++i) {
      Row row{view.numbers ? Cell{view.at[i]} : Cell{view.text[i]}};
      for (const auto& s : series) row.push_back(s.values[i] ? Cell{*s.values[i]} : Cell{});
      table.rows.push_back(std::move(row));
    }
    if (has_gaps(series)) table.notes.push_back("an empty cell is no design");
    document.tables.push_back(std::move(table));
  }
  return document;
}

Figure curves_figure(const std::vector<DesignCurve>& designs,
                     const std::vector<evidence::Comparison>& published) {
  const auto& study = designs[0].study;
  const auto& column = study.columns[0];
  const auto view = view_of(study.axes[0]);
  auto series = series_of(designs, 0, view.at.size());
  std::string title;
  for (const auto& s : series)
    if (const auto ends = ends_of(s, column.unit); !ends.empty())
      title += fmt::format("{} {} {}", title.empty() ? "" : ";", s.name, ends);
  if (title.empty()) throw std::runtime_error("nothing to draw: no value makes a design");
  title = fmt::format("{} over {} from {} to {}:{}", column.name,
                      study.axes[0].members[0].parameter.path, view.text.front(),
                      view.told(view.text.size() - 1), title);
  auto subject = study::heading(column.name, column.unit) + " against " + view.title;
  if (has_gaps(series)) subject += "; where a line ends, there is no design";
  std::vector<PublishedMark> marks;
  if (view.numbers)
    for (const auto& d : designs) add_published(d, published, marks);
  std::erase_if(marks, [&view](const auto& m) {
    return m.at.x < view.at.front() || m.at.x > view.at.back();
  });
  LinePanel lines;
  lines.top = Canvas::below_heading(title, subject) + 6;
  lines.bottom = lines.top + 400;
  lines.y_title = study::heading(column.name, column.unit);
  lines.unit = column.unit;
  lines.series = std::move(series);
  for (const auto& m : marks) lines.points.push_back(m.at);
  const auto panel = panel_of(view, lines);
  std::vector<plot::LegendEntry> entries;
  if (!marks.empty()) entries.push_back(plot::marker("published", Marker::diamond, "#000000"));
  if (has_common_gap(lines.series)) entries.push_back(plot::box("no design", no_numbers));
  const double legend_top = panel.bottom + 60;
  Canvas canvas(entries.empty() ? legend_top + 4
                                : Canvas::below_legend(legend_top, entries, panel.left));
  canvas.begin(panel);
  draw_lines(canvas, panel, view, lines);
  for (const auto& m : marks) {
    canvas.mark(m.at, Marker::diamond, "#000000", 1.5, m.text);
    canvas.boxed_text({panel.pixel_x(m.at.x), panel.pixel_y(m.at.y) - 15}, told(m.at.y),
                      Align::center, "#000000", 11);
  }
  canvas.end();
  return plot::framed(canvas, "curves", {title, subject, legend_top, entries, panel.left},
                      fmt::format("Lines of {} for {} designs, with {} published figures.", subject,
                                  designs.size(), marks.size()));
}

}  // namespace tomestimate::report
