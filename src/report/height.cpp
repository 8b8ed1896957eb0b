// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include <tomestimate/report/figures.hpp>

#include "binding.hpp"
#include "cells.hpp"
#include "density.hpp"
#include "plot.hpp"

namespace tomestimate::report {
namespace {

namespace ink = plot::ink;
using plot::Canvas;
using plot::Marker;

HeightPoint at_height(spec::Hardware<double> hw, const spec::Model<double>& m, double height) {
  hw.rom.bank_height = height;
  const auto density = [&](spec::RomLaw law) {
    hw.rom.law = law;
    const auto content = engine::with_head(hw, m, engine::layer_content(hw, m));
    return in(engine::density(content.stored(), content.layers_area + content.head_area),
              "MiB/mm^2");
  };
  return {height, density(spec::RomLaw::sparse_logic), density(spec::RomLaw::macro)};
}

}  // namespace

HeightCurve height_curve(const HardwareSpec& hardware, const spec::Model<double>& m,
                         const std::vector<evidence::Comparison>& published) {
  const auto& hw = hardware.values;
  HeightCurve out;
  constexpr int lowest = 6, highest = 13, per_doubling = 4;
  for (int i = lowest * per_doubling; i <= highest * per_doubling; ++i)
    out.points.push_back(at_height(hw, m, std::exp2(static_cast<double>(i) / per_doubling)));
  out.design = at_height(hw, m, hw.rom.bank_height);
  out.law = hw.rom.law;
  // Only of this machine: others have banks of other heights.
  const auto file = file_name(hardware);
  auto own = published;
  std::erase_if(own, [&file](const auto& c) { return c.hardware != file; });
  out.published = published_densities(hardware, own);
  return out;
}

Figure height_figure(const HeightCurve& curve) {
  const auto& d = curve.design;
  const bool sparse = curve.law == spec::RomLaw::sparse_logic;
  const double own = sparse ? d.sparse : d.macro;
  double most = 0;
  for (const auto& p : curve.points)
    for (const double density : {p.sparse, p.macro})
      if (std::isfinite(density)) most = std::max(most, density);
  for (const auto& p : curve.published) most = std::max(most, p.density);
  const double low = std::min(curve.points.front().height, d.height);
  const double high = std::max(curve.points.back().height, d.height);
  const plot::Panel panel{85,
                          975,
                          30,
                          400,
                          {"height of a ROM bank [words]", low, high, true},
                          {"density [MiB/mm²]", 0, plot::round_up(1.1 * most)},
                          {},
                          {},
                          ""};
  const plot::Line sparse_line{ink::rom.colour, 3}, macro_line{"#000000", 2.5, 2};
  std::vector<plot::LegendEntry> entries{
      plot::line("sparse logic, of this design's bits", sparse_line),
      plot::line(sparse ? "compiled ROM" : "this design's macro", macro_line),
      plot::marker("this design", Marker::diamond, "#000000")};
  for (const auto& p : curve.published)
    entries.push_back(plot::marker(
        fmt::format("published {}, {:.0f} % zero bits", p.name, 100 * p.zero_bit_ratio),
        Marker::square, ink::pe.colour));
  constexpr double legend_top = 462;
  Canvas canvas(Canvas::below_legend(legend_top, entries));
  canvas.begin(panel);
  std::vector<plot::Point> logic, macro;
  for (const auto& p : curve.points) {
    if (std::isfinite(p.sparse)) logic.push_back({p.height, p.sparse});
    if (std::isfinite(p.macro)) macro.push_back({p.height, p.macro});
  }
  if (!logic.empty()) canvas.curve(logic, sparse_line);
  if (!macro.empty()) canvas.curve(macro, macro_line);
  for (const auto& p : curve.published)
    canvas.mark({d.height, p.density}, Marker::square, ink::pe.colour, 1.7,
                fmt::format("published {}: {} MiB/mm²", p.name, told(p.density)));
  if (std::isfinite(own))
    canvas.mark({d.height, own}, Marker::diamond, "#000000", 1.4,
                fmt::format("this design: {} words, {} MiB/mm²", told(d.height), told(own)));
  canvas.legend(legend_top, entries);
  canvas.end();
  const auto &first = curve.points.front(), &last = curve.points.back();
  return {"height",
          "ROM density against the height of a bank",
          fmt::format("Curves of density over bank heights of {} to {} words, as sparse logic and "
                      "as a macro; this design is at {} words and {} MiB/mm².",
                      told(first.height), told(last.height), told(d.height), told(own)),
          {fmt::format("With banks of {} words this design stores {} MiB/mm², as sparse logic {} "
                       "with {} words and {} with {}. As a macro it would be {} and {}. The law "
                       "counts no routing.",
                       told(d.height), told(own), told(first.sparse), told(first.height),
                       told(last.sparse), told(last.height), told(first.macro), told(last.macro))},
          canvas.script(),
          canvas.hovers()};
}

}  // namespace tomestimate::report
