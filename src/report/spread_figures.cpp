// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

#include <tomestimate/report/study_figures.hpp>
#include <tomestimate/study/csv.hpp>

#include "cells.hpp"
#include "plot.hpp"

namespace tomestimate::report {
namespace {

using plot::Align;
using plot::Canvas;
using plot::Marker;
using plot::Panel;

constexpr double small = 12;  // pixels of letters
constexpr plot::Ink at_low{"#a6cee3"}, at_high{"#0072b2"};

// One bar of a tornado, in the metric's display unit.
struct Swing {
  std::string name, low_text, high_text;  // the value, and what it is at its ends
  std::optional<double> low, high;
};

void draw_swing(Canvas& canvas, const Panel& panel, const Swing& s, double y, double here) {
  const auto bar = [&](double to, const plot::Ink& ink, const std::string& tip) {
    if (to != here)
      canvas.rectangle({std::min(here, to), y - 0.36}, {std::max(here, to), y + 0.36}, ink, tip);
  };
  const auto low = s.low.value_or(here), high = s.high.value_or(here);
  const auto draw_low = [&] {
    bar(low, at_low, fmt::format("{} = {}: {}", s.name, s.low_text, told(low)));
  };
  const auto draw_high = [&] {
    bar(high, at_high, fmt::format("{} = {}: {}", s.name, s.high_text, told(high)));
  };
  // Where both ends are on one side the longer bar is below.
  const bool low_first = std::abs(low - here) > std::abs(high - here);
  if (low_first) draw_low();
  draw_high();
  if (!low_first) draw_low();
  const auto text = [&](double at, const std::string& what, bool left) {
    canvas.text({panel.pixel_x(at) + (left ? -5 : 5), panel.pixel_y(y)}, what,
                left ? Align::right : Align::left, "#000000", small);
  };
  const bool low_left = low < high;
  text(std::min({low, high, here}), low_left ? s.low_text : s.high_text, true);
  text(std::max({low, high, here}), low_left ? s.high_text : s.low_text, false);
}

}  // namespace

Figure tornado_figure(const study::Specs& specs, const std::string& metric,
                      const std::vector<study::Sensitivity>& all, std::size_t top) {
  const auto unit = study::metric_unit(metric).value();
  const double factor = study::unit_factor(unit);
  const double here = study::metric_value(specs, metric) / factor;
  std::vector<Swing> swings;
  double low = here, high = here, names = 0, ends = 0;
  for (const auto& s : all) {
    if (swings.size() == top || s.swing(here * factor) == 0) continue;
    const auto shown_end = [&](double value, const std::optional<double>& result) {
      return shown(s.parameter, value) + (result ? "" : ": no design");
    };
    Swing swing{s.parameter.path, shown_end(s.low, s.at_low), shown_end(s.high, s.at_high), {}, {}};
    if (s.at_low) swing.low = *s.at_low / factor;
    if (s.at_high) swing.high = *s.at_high / factor;
    for (const auto& end : {swing.low, swing.high}) {
      low = std::min(low, end.value_or(here));
      high = std::max(high, end.value_or(here));
    }
    names = std::max(names, Canvas::text_width(swing.name));
    for (const auto& text : {swing.low_text, swing.high_text})
      ends = std::max(ends, Canvas::text_width(text, small));
    swings.push_back(std::move(swing));
  }
  if (swings.empty()) throw std::runtime_error("nothing to draw: no value moves " + metric);
  const auto& first = swings[0];
  const auto title =
      fmt::format("{} is {}; {} moves it most: {} at {}, {} at {}", metric, told(here, unit),
                  first.name, first.low ? told(*first.low) : "no design", first.low_text,
                  first.high ? told(*first.high, unit) : "no design", first.high_text);
  const auto subject = design_title(specs.hardware, specs.model) +
                       "; each value at the ends of its range, or of 10 % around it, or at half "
                       "and twice a whole one";
  const double rows = static_cast<double>(swings.size());
  const double above = Canvas::below_heading(title, subject) + 6;
  Panel panel{names + 25,
              980,
              above,
              above + 27 * rows + 8,
              {study::heading(metric, unit), low, high},
              {"", 0.4, rows + 0.6},
              {},
              {},
              ""};
  // Room for what the ends say.
  const double share = std::min(0.35, (ends + 12) / (panel.right - panel.left));
  const double margin = (high - low) * share / (1 - 2 * share);
  panel.x.min = low - margin;
  panel.x.max = high + margin;
  const std::vector<plot::LegendEntry> entries{plot::box("at the low end", at_low),
                                               plot::box("at the high end", at_high)};
  for (std::size_t i = 0; i < swings.size(); ++i)
    panel.y_names.emplace_back(rows - static_cast<double>(i), swings[i].name);
  const double legend_top = panel.bottom + 60;
  Canvas canvas(Canvas::below_legend(legend_top, entries, panel.left));
  canvas.begin(panel);
  for (std::size_t i = 0; i < swings.size(); ++i)
    draw_swing(canvas, panel, swings[i], rows - static_cast<double>(i), here);
  const double middle = panel.pixel_x(here);
  canvas.stroke({middle, panel.top}, {middle, panel.bottom}, {"#000000", 1.5});
  canvas.end();
  return plot::framed(
      canvas, "tornado", {title, subject, legend_top, entries, panel.left},
      fmt::format("{} bars of {} of {}, the longest first.", swings.size(), metric, subject));
}

// ---- uncertainty ----

namespace {

constexpr plot::Ink most_draws{"#d6e6f2"}, half_draws{"#56a0cf"};

// Quantiles and the spec's value of a metric, in its display unit.
struct Band {
  std::string name, unit;
  std::array<double, 5> at{};
  double here = 0;
};

void draw_band(Canvas& canvas, const Band& band, double top, double left) {
  const double low = std::min(band.at.front(), band.here),
               high = std::max(band.at.back(), band.here);
  const double span = high > low ? high - low : std::max(1.0, std::abs(high));
  Panel panel{left,
              970,
              top,
              top + 62,
              {"", low - 0.12 * span, high + 0.12 * span},
              {"", 0, 1},
              {{0.4, study::heading(band.name, band.unit)}},
              {},
              ""};
  canvas.begin(panel);
  const auto tip = [&](const char* what, double from, double to) {
    return fmt::format("{} of the draws: {} to {}", what, told(from), told(to, band.unit));
  };
  canvas.rectangle({band.at[0], 0.16}, {band.at[4], 0.64}, most_draws,
                   tip("90 %", band.at[0], band.at[4]));
  canvas.rectangle({band.at[1], 0.16}, {band.at[3], 0.64}, half_draws,
                   tip("50 %", band.at[1], band.at[3]));
  const double middle = panel.pixel_x(band.at[2]);
  canvas.stroke({middle, panel.pixel_y(0.64)}, {middle, panel.pixel_y(0.16)}, {"#000000", 3});
  canvas.mark({band.here, 0.4}, Marker::diamond, "#d55e00", 1.3,
              "with the specs' values: " + told(band.here, band.unit));
  const double y = panel.pixel_y(0.82);
  double free = 0;  // where the last text ends
  for (const std::size_t i : {0u, 2u, 4u}) {
    const auto text = told(band.at[i]);
    const double half = Canvas::text_width(text, small) / 2;
    const double x = std::max(panel.pixel_x(band.at[i]), free + half + 6);
    canvas.boxed_text({x, y}, text, Align::center, "#000000", small);
    free = x + half;
  }
  canvas.end();
}

}  // namespace

Figure uncertainty_figure(const study::Specs& specs, const study::Uncertainty& u) {
  std::vector<Band> bands;
  double names = 0;
  for (const auto& m : u.metrics) {
    const auto unit = study::metric_unit(m.metric).value();
    const double factor = study::unit_factor(unit);
    Band band{m.metric, unit, {}, m.here / factor};
    for (std::size_t i = 0; i < band.at.size(); ++i) band.at[i] = m.quantiles[i] / factor;
    names = std::max(names, Canvas::text_width(study::heading(m.metric, unit)));
    bands.push_back(std::move(band));
  }
  std::string title = "In 90 % of the draws ";
  for (std::size_t i = 0; i < std::min<std::size_t>(2, bands.size()); ++i)
    title += fmt::format("{}{} is {} to {}", i == 0 ? "" : " and ", bands[i].name,
                         told(bands[i].at[0]), told(bands[i].at[4], bands[i].unit));
  const auto subject = fmt::format(
      "{}; {} draws of the {} values that have a range, {} are designs",
      design_title(specs.hardware, specs.model), u.samples, u.parameters.size(), u.used);
  constexpr double row = 100;
  const double top = Canvas::below_heading(title, subject) + 6;
  const double left = names + 30;
  const std::vector<plot::LegendEntry> entries{
      plot::box("90 % of draws", most_draws), plot::box("50 %", half_draws),
      plot::line("median", {"#000000", 3}),
      plot::marker("with the specs' values", Marker::diamond, "#d55e00")};
  const double legend_top = top + row * static_cast<double>(bands.size());
  Canvas canvas(Canvas::below_legend(legend_top, entries, left));
  for (std::size_t i = 0; i < bands.size(); ++i)
    draw_band(canvas, bands[i], top + row * static_cast<double>(i), left);
  return plot::framed(
      canvas, "uncertainty", {title, subject, legend_top, entries, left},
      fmt::format("A band of quantiles for each of {} metrics of {}.", bands.size(), subject));
}

}  // namespace tomestimate::report
