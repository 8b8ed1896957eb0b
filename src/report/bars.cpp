// SPDX-License-Identifier: Apache-2.0
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

namespace ink = plot::ink;
using plot::Align;
using plot::Ink;
using plot::Panel;

// Of each of study::energy_parts.
constexpr std::array<Ink, study::energy_parts.size()> energy_inks{
    ink::rom,          ink::rom_idle,      ink::rom_wake, ink::pe,   ink::kv,
    ink::interconnect, ink::interconnect,  ink::buffer,   ink::sram, ink::sram_leakage,
    ink::vector,       ink::logic_leakage, ink::clock};

constexpr std::string_view small_ones = "others";

// A bar of stacked parts along x. A pointer is told the numbers of its parts, in the bar's unit.
void draw_bar(plot::Canvas& canvas, const Panel& panel, const Bar& bar,
              const std::vector<std::string>& names, double y, const std::string& at_end,
              std::string_view unit) {
  double x = 0;
  const double whole = std::accumulate(bar.parts.begin(), bar.parts.end(), 0.0);
  for (std::size_t i = 0; i < bar.parts.size(); ++i) {
    const double to = x + bar.parts[i];
    if (bar.parts[i] > 0)
      canvas.rectangle({x, y - 0.33}, {to, y + 0.33}, component_ink(names[i]),
                       fmt::format("{}: {} {}, {:.1f} %", names[i], told(bar.parts[i]), unit,
                                   100 * bar.parts[i] / whole));
    x = to;
  }
  canvas.text({panel.pixel_x(x) + 8, panel.pixel_y(y)}, at_end);
}

std::vector<plot::LegendEntry> legend(const Bars& data) {
  std::vector<plot::LegendEntry> entries;
  for (const auto& name : data.parts) entries.push_back(plot::box(name, component_ink(name)));
  return entries;
}

// Bars from top to bottom, in the order of the data.
Panel bar_panel(const Bars& data, double top, double height_of_one, const std::string& x_title,
                double x_max) {
  Panel panel{235,
              975,
              top,
              top + height_of_one * static_cast<double>(data.bars.size()),
              {x_title, 0, x_max},
              {"", 0.5, static_cast<double>(data.bars.size()) + 0.5},
              {},
              {},
              ""};
  for (std::size_t i = 0; i < data.bars.size(); ++i)
    panel.y_names.emplace_back(static_cast<double>(data.bars.size() - i), data.bars[i].name);
  return panel;
}

std::string change(double ratio) {
  if (std::abs(1 - ratio) < 0.005) return "about the same";
  return fmt::format("{:.0f} % {}", 100 * std::abs(1 - ratio), ratio < 1 ? "less" : "MORE");
}

double longest(const Bars& data) {
  double most = 0;
  for (const auto& bar : data.bars) most = std::max(most, bar.total());
  return most;
}

}  // namespace

Ink component_ink(std::string_view name) {
  for (std::size_t i = 0; i < energy_inks.size(); ++i)
    if (study::energy_parts[i].words == name) return energy_inks[i];
  if (name == "ROM") return ink::rom;
  if (name == "SRAM") return ink::sram;
  if (name == "units" || name == "base units") return ink::pe;
  if (name == "side units") return ink::kv;
  if (name == "vector units") return ink::vector;
  if (name == "buffers and workspace") return ink::buffer;
  if (name == "bus and links") return ink::interconnect;
  if (name == "control" || name == "buffers, bus, links, control") return ink::clock;
  return ink::rest;
}

double Bar::total() const { return std::accumulate(parts.begin(), parts.end(), 0.0); }

// ---- area ----

Bars area_bars(const spec::Hardware<double>& hw, const engine::Estimate<double>& e) {
  const auto half = engine::rom_alternatives(hw, {e.rom.stored.all, 0.5 * e.rom.stored.all});
  const auto& area = e.common.area;
  // As the design has it: by layer, and a macro of its own kind.
  const auto own = e.common.content.layers_area + e.common.content.head_area;
  const bool is_macro = hw.rom.law == spec::RomLaw::macro;
  Bars out{{"ROM", "SRAM", "units", "vector unit", "buffers, bus, links, control",
            "norm gains, power switches"},
           {}};
  const auto add = [&](std::string name, units::Area<double> rom) {
    out.bars.push_back(
        {std::move(name),
         {in(rom, "mm^2"), in(area.sram, "mm^2"), in(area.units(), "mm^2"), in(area.vector, "mm^2"),
          in(area.buffers + area.wires + area.control, "mm^2"), in(area.rom - own, "mm^2")}});
  };
  add("sparse logic", is_macro ? e.rom.sparse_logic : own);
  add("logic, half of the bits 1", half.sparse_logic);
  add(is_macro ? "macro" : "compiled ROM", is_macro ? own : e.rom.compiled);
  add("SRAM", e.rom.sram);
  return out;
}

Figure area_figure(const Bars& data, spec::RomLaw law) {
  const std::size_t ours = law == spec::RomLaw::sparse_logic ? 0 : 2;
  auto named = data;
  named.bars[ours].name += " (this)";
  const double x_max = longest(data) * 1.13;
  const auto panel =
      bar_panel(named, 30, 64, "chip area, by how the ROM's bits are stored [mm²]", x_max);
  const double legend_top = panel.bottom + 64;
  plot::Canvas canvas(plot::Canvas::below_legend(legend_top, legend(data), 160));
  canvas.begin(panel);
  for (std::size_t i = 0; i < data.bars.size(); ++i) {
    const double y = static_cast<double>(data.bars.size() - i);
    draw_bar(canvas, panel, data.bars[i], data.parts, y, told(data.bars[i].total()), "mm²");
    const double rom = data.bars[i].parts[0];
    const auto label = told(rom);
    const double middle = panel.pixel_x(rom / 2);
    if (2 * (middle - panel.left) > plot::Canvas::text_width(label) + 8)
      canvas.text({middle, panel.pixel_y(y)}, label, Align::center, "#ffffff");
  }
  canvas.legend(legend_top, legend(data), 160);
  canvas.end();

  const auto rom = [&](std::size_t i) { return data.bars[i].parts[0]; };
  const auto chip = [&](std::size_t i) { return told(data.bars[i].total()); };
  std::string caption;
  if (ours == 0 && rom(0) == 0)
    caption = fmt::format(
        "Sparse logic takes no area where no bit is 1; a compiled ROM would make "
        "the chip {} mm² instead of {}.",
        chip(2), chip(0));
  else if (ours == 0)
    caption = fmt::format(
        "With the ROM as sparse logic the chip takes {} mm², as a compiled ROM {}, as SRAM {}. The "
        "ROM takes {} of it; a compiled ROM would take {:.2f} times that, SRAM {:.2f} times. With "
        "half of the bits 1 the logic would take {}: "
        "its zero bits save {:.0f} % of that, and without them it would {} a compiled ROM.",
        chip(0), chip(2), chip(3), told(rom(0)), rom(2) / rom(0), rom(3) / rom(0), told(rom(1)),
        100 * (1 - rom(0) / rom(1)), rom(1) > rom(2) ? "lose to" : "still beat");
  else
    caption = fmt::format(
        "This design stores base weights in a compiled macro: {} mm² of a chip of {}, whatever the "
        "bits are. As sparse logic the ROM would take {:.2f} times that (chip {}), as SRAM {:.2f} "
        "times (chip {}).",
        told(rom(2)), chip(2), rom(0) / rom(2), chip(0), rom(3) / rom(2), chip(3));
  return {
      "area",
      "Chip area, and what it would be without sparsity",
      fmt::format("Stacked bars of the chip's area with the ROM as sparse logic ({} mm²), logic "
                  "with half of the bits 1 ({}), compiled ROM ({}) and SRAM ({}).",
                  chip(0), chip(1), chip(2), chip(3)),
      {caption},
      canvas.script(),
      canvas.hovers()};
}

// ---- energy ----

namespace {

using Parts = std::array<double, study::energy_parts.size()>;

Parts in_uj(const engine::EnergyBreakdown<double>& e) {
  Parts out{};
  std::size_t i = 0;
  visit_energy(e, [&](std::string_view, const auto& part) { out[i++] = in(part, "uJ"); });
  return out;
}

// Switching is paid for once in the time between tokens, which lockstep makes shorter than a step;
// leakage for as long as the step takes.
Parts in_watt(const engine::Estimate<double>& e) {
  auto out = in_uj(e.decode.energy);
  const double step = in(e.decode.time, "us");
  const double interval = in(units::tokens(e.decode.pass.batch) / e.chip.throughput, "us");
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] /= study::energy_parts[i].id.ends_with("leakage") ? step : interval;
  return out;
}

Bars component_bars(const Parts& gated, const Parts& open) {
  const double gated_sum = std::accumulate(gated.begin(), gated.end(), 0.0);
  const double open_sum = std::accumulate(open.begin(), open.end(), 0.0);
  Bars out{{}, {{"with gating", {}}, {"without gating", {}}}};
  double rest_gated = 0, rest_open = 0;
  for (std::size_t i = 0; i < gated.size(); ++i) {
    if (gated[i] < 0.02 * gated_sum && open[i] < 0.02 * open_sum) {
      rest_gated += gated[i];
      rest_open += open[i];
      continue;
    }
    out.parts.emplace_back(study::energy_parts[i].words);
    out.bars[0].parts.push_back(gated[i]);
    out.bars[1].parts.push_back(open[i]);
  }
  out.parts.emplace_back(small_ones);
  out.bars[0].parts.push_back(rest_gated);
  out.bars[1].parts.push_back(rest_open);
  return out;
}

}  // namespace

Bars energy_bars(const study::Evaluation<double>& all) {
  return component_bars(in_uj(all.base.decode.energy), in_uj(all.ungated.decode.energy));
}

Bars power_bars(const study::Evaluation<double>& all) {
  return component_bars(in_watt(all.base), in_watt(all.ungated));
}

Figure energy_figure(const Bars& data, spec::GatingMode gating) {
  Bars shares = data;
  for (auto& bar : shares.bars) {
    const double sum = bar.total();
    for (auto& part : bar.parts) part *= 100 / sum;
  }
  const auto top = bar_panel(data, 30, 62, "energy of a decode step [µJ]", longest(data) * 1.13);
  const auto below = bar_panel(shares, 222, 62, "share [%]", 100);
  const double legend_top = below.bottom + 64;
  plot::Canvas canvas(plot::Canvas::below_legend(legend_top, legend(data), 110));
  canvas.begin(top);
  for (std::size_t i = 0; i < data.bars.size(); ++i)
    draw_bar(canvas, top, data.bars[i], data.parts, static_cast<double>(data.bars.size() - i),
             told(data.bars[i].total()), "µJ");
  canvas.end();
  canvas.begin(below);
  for (std::size_t i = 0; i < shares.bars.size(); ++i)
    draw_bar(canvas, below, shares.bars[i], shares.parts,
             static_cast<double>(shares.bars.size() - i), "", "%");
  canvas.legend(legend_top, legend(data), 110);
  canvas.end();

  const auto leading = [&](const Bar& bar, std::size_t rank) {
    std::vector<std::size_t> order(bar.parts.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return bar.parts[a] > bar.parts[b]; });
    const auto i = order[std::min(rank, order.size() - 1)];
    return fmt::format("{} ({:.0f} %)", data.parts[i], 100 * bar.parts[i] / bar.total());
  };
  const auto &gated = data.bars[0], &open = data.bars[1];
  std::string caption;
  if (gating == spec::GatingMode::none)
    caption = fmt::format(
        "Power gating is off in this spec, so both bars are the same: {} µJ, led by "
        "{} and {}.",
        told(gated.total()), leading(gated, 0), leading(gated, 1));
  else
    caption = fmt::format(
        "Gating takes a step from {} to {} µJ, {}. Without it {} leads; with it {} and {} do, so "
        "that "
        "is where the next saving is.",
        told(open.total()), told(gated.total()), change(gated.total() / open.total()),
        leading(open, 0), leading(gated, 0), leading(gated, 1));
  caption += fmt::format(" \"{}\" are components below 2 % of both bars.", small_ones);
  return {"energy",
          "Energy of a decode step, with and without power gating",
          fmt::format("Stacked bars of the energy of a decode step: {} µJ with gating, {} without; "
                      "below, the same as shares.",
                      told(gated.total()), told(open.total())),
          {caption},
          canvas.script(),
          canvas.hovers()};
}

}  // namespace tomestimate::report
