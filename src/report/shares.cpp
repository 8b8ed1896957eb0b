// SPDX-License-Identifier: Apache-2.0
// Where area and power are, as treemaps, and what gating takes off, as a waterfall.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include <tomestimate/report/figures.hpp>
#include <tomestimate/study/parts.hpp>

#include "binding.hpp"
#include "cells.hpp"
#include "component_ink.hpp"

namespace tomestimate::report {
namespace {

using plot::Align;
using plot::Canvas;
using plot::Panel;

// The worst ratio of sides in a row of these values along `side`.
double worst_ratio(const std::vector<double>& row, double side) {
  const double sum = std::accumulate(row.begin(), row.end(), 0.0);
  const auto [low, high] = std::minmax_element(row.begin(), row.end());
  return std::max(side * side * *high / (sum * sum), sum * sum / (side * side * *low));
}

}  // namespace

std::vector<Tile> treemap(const std::vector<double>& values, double width, double height) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] > 0) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&values](auto a, auto b) { return values[a] > values[b]; });
  double sum = 0;
  for (const auto i : order) sum += values[i];
  std::vector<Tile> out;
  Tile room{0, 0, 0, width, height};  // what is left
  for (std::size_t first = 0; first < order.size();) {
    const bool upright = room.width >= room.height;  // a column at the left, or a row at the top
    const double side = upright ? room.height : room.width;
    const auto area = [&](std::size_t k) { return values[order[k]] / sum * width * height; };
    std::vector<double> row{area(first)};
    std::size_t end = first + 1;
    for (; end < order.size(); ++end) {
      auto longer = row;
      longer.push_back(area(end));
      if (worst_ratio(longer, side) > worst_ratio(row, side)) break;
      row = std::move(longer);
    }
    const double thick = std::accumulate(row.begin(), row.end(), 0.0) / side;
    double at = upright ? room.y : room.x;
    for (std::size_t k = first; k < end; ++k) {
      const double along = row[k - first] / thick;
      if (upright)
        out.push_back({order[k], room.x, at, thick, along});
      else
        out.push_back({order[k], at, room.y, along, thick});
      at += along;
    }
    if (upright) {
      room.x += thick;
      room.width -= thick;
    } else {
      room.y += thick;
      room.height -= thick;
    }
    first = end;
  }
  return out;
}

Bars area_parts(const engine::Estimate<double>& e) {
  const auto& area = e.common.area;
  const std::array<units::Area<double>, study::area_parts.size()> parts{
      area.rom,    area.sram,    area.base,  area.side,
      area.vector, area.buffers, area.wires, area.control};
  Bars out{{}, {{"chip", {}}}};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (in(parts[i], "mm^2") <= 0) continue;
    out.parts.emplace_back(study::area_parts[i].words);
    out.bars[0].parts.push_back(in(parts[i], "mm^2"));
  }
  return out;
}

std::vector<Fall> falls(const Bars& power) {
  const auto &gated = power.bars[0], &open = power.bars[1];
  std::vector<Fall> out;
  double others = 0;
  for (std::size_t i = 0; i < power.parts.size(); ++i) {
    const double change = gated.parts[i] - open.parts[i];
    if (std::abs(change) < 0.01 * open.total() || power.parts[i] == "others")
      others += change;
    else
      out.push_back({power.parts[i], change});
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.change < b.change; });
  out.push_back({"others", others});
  return out;
}

namespace {

constexpr double letters = 13;

// A treemap of one bar between left and right; parts without room for their name go to `rest`.
void draw_treemap(Canvas& canvas, const Panel& panel, const Bars& data, std::string_view unit,
                  std::vector<plot::LegendEntry>& rest) {
  canvas.begin(panel);
  const auto& values = data.bars[0].parts;
  const double sum = data.bars[0].total();
  for (const auto& tile : treemap(values, panel.x.max, panel.y.max)) {
    const auto& name = data.parts[tile.part];
    const double value = values[tile.part];
    const double top = panel.y.max - tile.y;
    const auto amount = fmt::format("{} {}, {:.{}f} %", told(value), unit, 100 * value / sum,
                                    value < 0.01 * sum ? 2 : 0);
    canvas.rectangle({tile.x, top - tile.height}, {tile.x + tile.width, top}, component_ink(name),
                     fmt::format("{}: {}", name, amount));
    const double x = panel.pixel_x(tile.x + tile.width / 2);
    const double y = panel.pixel_y(top - tile.height / 2);
    const double wide = tile.width - 8;
    if (Canvas::text_width(amount, letters) < wide && Canvas::text_width(name, letters) < wide &&
        tile.height > 48) {
      canvas.boxed_text({x, y - 11}, name, Align::center, "#000000", letters);
      canvas.boxed_text({x, y + 11}, amount, Align::center, "#000000", letters);
    } else {
      rest.push_back(plot::box(fmt::format("{} {}", name, amount), component_ink(name)));
    }
  }
  canvas.end();
}

// The largest part and its share: "ROM is 60 %".
std::string largest(const Bars& data) {
  const auto& parts = data.bars[0].parts;
  const auto i =
      static_cast<std::size_t>(std::max_element(parts.begin(), parts.end()) - parts.begin());
  return fmt::format("{} is {:.0f} %", data.parts[i], 100 * parts[i] / data.bars[0].total());
}

Panel square_of(double left, double right, std::string title) {
  constexpr double top = 36, bottom = 396;
  return {left,
          right,
          top,
          bottom,
          {"", 0, right - left, false, false},
          {"", 0, bottom - top, false, false},
          {},
          {},
          std::move(title)};
}

}  // namespace

Figure shares_figure(const Bars& area, const Bars& power) {
  const double mm2 = area.bars[0].total(), watt = power.bars[0].total();
  const auto left = square_of(20, 490, fmt::format("area: {} mm²", told(mm2)));
  const auto right = square_of(510, 980, fmt::format("power while decoding: {} W", told(watt)));
  std::vector<plot::LegendEntry> rest;
  // Drawn twice: the legend, which sets the height, is what has no room.
  Canvas trial(500);
  draw_treemap(trial, left, area, "mm²", rest);
  draw_treemap(trial, right, power, "W", rest);
  constexpr double legend_left = 20;
  const double legend_top = left.bottom + 16;
  Canvas canvas(rest.empty() ? legend_top : Canvas::below_legend(legend_top, rest, legend_left));
  std::vector<plot::LegendEntry> same;
  draw_treemap(canvas, left, area, "mm²", same);
  draw_treemap(canvas, right, power, "W", same);
  canvas.begin_overlay();
  canvas.legend(legend_top, rest, legend_left);
  canvas.end();
  return {
      "shares",
      "Where area and power are",
      fmt::format("Two treemaps: of {} mm² of chip area {}, of {} W {}.", told(mm2), largest(area),
                  told(watt), largest(power)),
      {fmt::format("Of {} mm² {}, of {} W {}. Gating is as the spec has it. Parts too small for "
                   "their names stand below.",
                   told(mm2), largest(area), told(watt), largest(power))},
      canvas.script(),
      canvas.hovers()};
}

Figure waterfall_figure(const Bars& power, spec::GatingMode gating) {
  const double open = power.bars[1].total(), gated = power.bars[0].total();
  const auto steps = falls(power);
  const double rows = static_cast<double>(steps.size()) + 2;
  Panel panel{235,
              975,
              20,
              20 + 40 * rows,
              {"power while decoding [W]", 0, plot::round_up(1.1 * std::max(open, gated))},
              {"", 0.4, rows + 0.6},
              {},
              {},
              ""};
  const auto add_name = [&](double y, std::string name) {
    panel.y_names.emplace_back(y, std::move(name));
  };
  add_name(rows, "without gating");
  for (std::size_t i = 0; i < steps.size(); ++i)
    add_name(rows - 1 - static_cast<double>(i), steps[i].name);
  add_name(1, "with gating");
  Canvas canvas(panel.bottom + 66);
  canvas.begin(panel);
  const auto bar = [&](double from, double to, double y, const plot::Ink& ink,
                       const std::string& label, const std::string& name) {
    if (from != to)
      canvas.rectangle({std::min(from, to), y - 0.33}, {std::max(from, to), y + 0.33}, ink,
                       fmt::format("{}: {}", name, label));
    canvas.text({panel.pixel_x(std::max(from, to)) + 6, panel.pixel_y(y)}, label);
  };
  constexpr plot::Ink total{"#444444"};
  bar(0, open, rows, total, fmt::format("{} W", told(open)), "without gating");
  double at = open;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const double y = rows - 1 - static_cast<double>(i), to = at + steps[i].change;
    // Down from the bar above.
    const double x = panel.pixel_x(at);
    canvas.stroke({x, panel.pixel_y(y + 0.67)}, {x, panel.pixel_y(y + 0.33)}, {"#000000", 1, 2});
    const auto label = std::abs(steps[i].change) < 5e-4 * open
                           ? std::string("0")
                           : fmt::format("{}{} W", steps[i].change < 0 ? "−" : "+",
                                         told(std::abs(steps[i].change)));
    bar(at, to, y, component_ink(steps[i].name), label, steps[i].name);
    at = to;
  }
  bar(0, gated, 1, total, fmt::format("{} W", told(gated)), "with gating");
  canvas.end();
  std::string caption;
  if (gating == spec::GatingMode::none)
    caption = fmt::format("Power gating is off in this spec: {} W either way.", told(gated));
  else if (steps.size() == 1)
    caption =
        fmt::format("Gating changes little: {} W without it, {} with it.", told(open), told(gated));
  else
    caption = fmt::format(
        "Gating takes {} W to {} W, {:.1f} times less; {} is {:.0f} % of what it takes off.",
        told(open), told(gated), open / gated, steps[0].name,
        100 * steps[0].change / (gated - open));
  return {"waterfall",
          "What gating takes off the power",
          fmt::format("A waterfall from {} W without gating to {} W with it, by component.",
                      told(open), told(gated)),
          {caption},
          canvas.script(),
          canvas.hovers()};
}

}  // namespace tomestimate::report
