// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <range/v3/algorithm/any_of.hpp>
#include <range/v3/algorithm/contains.hpp>

#include <tomestimate/report/figures.hpp>

#include "binding.hpp"
#include "cells.hpp"
#include "density.hpp"
#include "plot.hpp"

namespace tomestimate::report {
namespace {

namespace ink = plot::ink;
using plot::Align;
using plot::Marker;
using plot::Panel;

ContextPoint at_context(const spec::Hardware<double>& hw, const spec::Model<double>& m,
                        double context) {
  const double batch = m.workload.batch;
  // Only its time is looked at, which needs neither areas nor cells.
  const auto pass =
      engine::estimate_pass(hw, m, engine::Common<double>{}, {batch, 1.0, context - 1});
  return {context, batch / pass.time.value(), in(pass.time, "us")};
}

constexpr double most_points = 400;
constexpr plot::Ink beyond{"#f2f2f2", plot::falling, "#c8c8c8"};  // what does not fit

}  // namespace

// ---- context ----

ContextCurve context_curve(const spec::Hardware<double>& hw, const spec::Model<double>& m) {
  const double batch = m.workload.batch, context = m.workload.context;
  ContextCurve out;
  out.present = at_context(hw, m, context);
  out.largest = std::max(0.0, engine::capacity(hw, m, batch, batch, context).max_context);
  out.spills = hw.sram.spill != spec::Spill::error;
  const double end = out.spills ? std::max({4 * out.largest, 2 * context, 16.0}) : out.largest;
  const double step = std::max(1.0, std::ceil(end / most_points));
  for (double c = 1; c < end; c += step) out.points.push_back(at_context(hw, m, c));
  // The edge of a spill is a corner of the curve: it has a point of its own.
  if (out.spills && out.largest >= 1) out.points.push_back(at_context(hw, m, out.largest));
  if (end >= 1) out.points.push_back(at_context(hw, m, end));
  std::stable_sort(out.points.begin(), out.points.end(),
                   [](const auto& a, const auto& b) { return a.context < b.context; });
  return out;
}

Figure context_figure(const ContextCurve& curve) {
  const auto &first = curve.points.front(), &last = curve.points.back();
  double rate = 0, tpot = 0;
  for (const auto& p : curve.points) {
    rate = std::max(rate, p.throughput);
    tpot = std::max(tpot, p.tpot);
  }
  const double x_max = plot::round_up(curve.spills ? last.context : last.context * 1.15);
  Panel panel{95,
              905,
              40,
              400,
              {"context length [tokens per sequence]", 0, x_max},
              {"decode throughput [token/s]", 0, plot::round_up(rate * 1.15)},
              {},
              {"time per output token [µs]", 0, plot::round_up(tpot * 1.35)},
              ""};
  const plot::Line rate_line{ink::rom.colour, 3}, time_line{ink::pe.colour, 3, 2};
  const std::vector<plot::LegendEntry> entries{
      plot::line("throughput (left)", rate_line), plot::line("time per token (right)", time_line),
      plot::marker("present context", Marker::circle, "#000000"),
      plot::box(curve.spills ? "KV spills off the chip" : "does not fit the SRAM", beyond)};
  constexpr double legend_top = 462;
  plot::Canvas canvas(plot::Canvas::below_legend(legend_top, entries));
  canvas.begin(panel);
  if (x_max > curve.largest)
    canvas.shade({curve.largest, panel.y.min}, {x_max, panel.y.max}, beyond);
  std::vector<plot::Point> rates, times;
  for (const auto& p : curve.points) {
    rates.push_back({p.context, p.throughput});
    times.push_back({p.context, p.tpot});
  }
  canvas.curve(rates, rate_line);
  canvas.curve(times, time_line, true);
  // Names at the lines themselves, each on its own side of the other.
  const double rate_y = panel.pixel_y(rates.front().y);
  const double time_y = panel.bottom - (panel.bottom - panel.top) * times.front().y / panel.y2.max;
  const double up = rate_y <= time_y ? 1 : -1;
  canvas.text({panel.left + 8, rate_y - 16 * up}, "throughput", Align::left, ink::rom.colour);
  canvas.text({panel.left + 8, time_y + 16 * up}, "time per token", Align::left, ink::pe.colour);
  canvas.mark({curve.present.context, curve.present.throughput}, Marker::circle, "#000000", 1.5,
              fmt::format("context {}: {} token/s, {} µs a token", told(curve.present.context),
                          told(curve.present.throughput), told(curve.present.tpot)));
  const double edge = panel.pixel_x(curve.largest);
  canvas.stroke({edge, panel.top}, {edge, panel.bottom}, {"#000000", 1.5, 4});
  canvas.text({edge + (edge > 700 ? -6 : 6), panel.top + 14},
              fmt::format("{} tokens fit", told(curve.largest)),
              edge > 700 ? Align::right : Align::left);
  canvas.legend(legend_top, entries);
  canvas.end();

  const auto now = fmt::format(
      " At the present context of {} decode makes {} token/s, {} µs a token.",
      told(curve.present.context), told(curve.present.throughput), told(curve.present.tpot));
  std::string caption;
  const auto fits = [&](const ContextPoint& p) { return p.context <= curve.largest; };
  const auto end = std::find_if_not(curve.points.begin(), curve.points.end(), fits);
  if (end == curve.points.begin()) {
    caption = "No context fits the SRAM." + now;
  } else {
    const auto& full = *(end - 1);
    caption = fmt::format(
        "From context 1 to {}, the largest that fits the SRAM, throughput goes from {} to {} "
        "token/s ({:+.1f} %).{}",
        told(full.context), told(first.throughput), told(full.throughput),
        100 * (full.throughput / first.throughput - 1), now);
    if (!curve.spills) {
      caption += fmt::format(" Longer contexts are refused (sram.spill = \"error\"): {}",
                             full.throughput > 0.8 * first.throughput
                                 ? "capacity ends the context, not speed."
                                 : "capacity ends the context, after speed has fallen.");
    } else {
      const auto half = std::find_if(end, curve.points.end(), [&](const auto& p) {
        return p.throughput < full.throughput / 2;
      });
      caption += half == curve.points.end()
                     ? fmt::format(" Beyond, KV spills off the chip: at {} it is {} token/s.",
                                   told(last.context), told(last.throughput))
                     : fmt::format(
                           " Beyond, KV spills off the chip, and by context {} throughput "
                           "is below half of that ({} token/s at {}).",
                           told(half->context), told(last.throughput), told(last.context));
    }
  }
  return {"context",
          "Throughput against context length",
          fmt::format("Curves of decode throughput and time per token for contexts of 1 to {}; {} "
                      "positions fit the SRAM.",
                      told(last.context), told(curve.largest)),
          {caption},
          canvas.script(),
          canvas.hovers()};
}

// ---- density ----

namespace {

// MiB/mm^2 of a bit that takes `area`.
double density_of(units::AreaPerBit<double> area) { return in(1.0 / area, "MiB/mm^2"); }

double zero_bits(const engine::StoredBits<double>& stored) {
  return 1 - (stored.ones / stored.all).value();
}

// Whether a value of the specs was fitted to the figure.
bool fits_law(const HardwareSpec& hardware, const std::string& figure) {
  return ranges::any_of(hardware.sourced, [&figure](const spec::Sourced& v) {
    return ranges::contains(v.fits, figure);
  });
}

double in_base(double value, const std::string& unit) {
  return value / units::from_base(1.0, unit);
}

}  // namespace

std::vector<DensityPoint> published_densities(const HardwareSpec& hardware,
                                              const std::vector<evidence::Comparison>& all) {
  std::vector<DensityPoint> out;
  for (const auto& density : all) {
    if (density.metric != "rom.density") continue;
    // The first ratio is the one that the figure is told at.
    const auto ratio = std::find_if(all.begin(), all.end(), [&density](const auto& r) {
      return r.metric == "rom.zero_bit_ratio" && r.hardware == density.hardware &&
             r.model == density.model;
    });
    if (ratio != all.end())
      out.push_back({density.id, in_base(ratio->published, ratio->unit),
                     in(in_base(density.published, density.unit), "MiB/mm^2"),
                     fits_law(hardware, density.id)});
  }
  return out;
}

DensityCurve density_curve(const HardwareSpec& hardware, const spec::Model<double>& m,
                           const std::vector<evidence::Comparison>& published) {
  const auto& hw = hardware.values;
  DensityCurve out;
  for (int percent = 0; percent <= 99; ++percent) {
    const double z = percent / 100.0;
    const auto megabit = units::bits(1e6);
    const auto area = engine::sparse_logic_area(hw, {megabit, (1 - z) * megabit});
    if (area.value() > 0) out.sparse.push_back({"", z, density_of(area / megabit)});
  }
  out.macro = density_of(engine::compiled_rom_area_per_bit(hw.tech, hw.sram.depth));
  out.sram = density_of(engine::sram_area_per_bit(hw.tech, hw.sram.depth));
  out.law = hw.rom.law;
  const auto point = [&hw](std::string name, const engine::StoredBits<double>& stored) {
    return DensityPoint{std::move(name), zero_bits(stored),
                        in(engine::density(stored, engine::rom_area(hw, stored)), "MiB/mm^2")};
  };
  out.design = point("design", engine::with_head(hw, m, engine::layer_content(hw, m)).stored());
  auto s = engine::make_setting(hw, m, spec::Pass<double>{1, 1, 0});
  for (std::size_t l = 0; l < m.layers; ++l) {
    engine::enter_layer(s, l);
    out.layers.push_back(point(fmt::format("layer {}", l), engine::layer_stored_bits(s, l)));
  }
  const auto [low, high] = std::minmax_element(
      out.layers.begin(), out.layers.end(),
      [](const auto& a, const auto& b) { return a.zero_bit_ratio < b.zero_bit_ratio; });
  if (low->zero_bit_ratio == high->zero_bit_ratio) out.layers.clear();
  out.published = published_densities(hardware, published);
  return out;
}

namespace {

// Zero-bit ratio from which sparse logic is denser than `other`, read off the curve between its
// points. Only where most bits are 0: the law is the same for as many 1.
std::string beaten_from(const DensityCurve& curve, double other, const std::string& what) {
  constexpr double most = 0.5;
  for (std::size_t i = 0; i < curve.sparse.size(); ++i) {
    const auto& b = curve.sparse[i];
    if (b.zero_bit_ratio < most || b.density <= other) continue;
    if (b.zero_bit_ratio == most) return fmt::format("{} at any ratio", what);
    // 1/density is all but linear between two points.
    const auto& a = curve.sparse[i - 1];
    const double part = (1 / a.density - 1 / other) / (1 / a.density - 1 / b.density);
    return fmt::format("{} from {:.1f} % zero bits", what,
                       100 * (a.zero_bit_ratio + part * (b.zero_bit_ratio - a.zero_bit_ratio)));
  }
  return fmt::format("{} nowhere", what);
}

std::vector<std::string> density_caption(const DensityCurve& curve) {
  const auto& d = curve.design;
  if (!std::isfinite(d.density))
    return {"All bits of this design are 0: sparse logic needs no area for them."};
  std::string text = fmt::format(
      "At {:.1f} % zero bits this design stores {} MiB/mm² as {}, {:.2f} times a compiled ROM and "
      "{:.2f} times SRAM. ",
      100 * d.zero_bit_ratio, told(d.density),
      curve.law == spec::RomLaw::sparse_logic ? "sparse logic" : "compiled macro",
      d.density / curve.macro, d.density / curve.sram);
  text += fmt::format("By its law sparse logic beats {} and {}.",
                      beaten_from(curve, curve.macro, "a compiled ROM"),
                      beaten_from(curve, curve.sram, "SRAM"));
  if (curve.law == spec::RomLaw::macro) text += " A macro gains nothing from zero bits.";
  std::vector<std::string> out{text};
  if (!curve.layers.empty()) {
    const auto [low, high] = std::minmax_element(
        curve.layers.begin(), curve.layers.end(),
        [](const auto& a, const auto& b) { return a.zero_bit_ratio < b.zero_bit_ratio; });
    out.push_back(fmt::format("Layers differ: from {:.1f} % ({}) to {:.1f} % zero bits ({}).",
                              100 * low->zero_bit_ratio, low->name, 100 * high->zero_bit_ratio,
                              high->name));
  }
  for (const auto& p : curve.published)
    out.push_back(fmt::format("The published {} ({} MiB/mm² at {:.0f} % zero bits) {}.", p.name,
                              told(p.density), 100 * p.zero_bit_ratio,
                              p.calibrated ? "was used to fit the curve and proves nothing"
                                           : "was not used for this curve"));
  return out;
}

}  // namespace

Figure density_figure(const DensityCurve& curve) {
  double most = std::max(curve.macro, curve.sram);
  const auto include = [&most](const DensityPoint& p) {
    if (std::isfinite(p.density)) most = std::max(most, p.density);
  };
  include(curve.design);
  for (const auto& p : curve.published) include(p);
  for (const auto& p : curve.layers) include(p);
  Panel panel{85,
              975,
              30,
              400,
              {"zero-bit ratio of the stored bits [%]", 0, 100},
              {"density [MiB/mm²]", 0, plot::round_up(1.6 * most)},
              {},
              {},
              ""};
  const plot::Line sparse_line{ink::rom.colour, 3}, macro_line{"#000000", 2.5, 2},
      sram_line{ink::sram.colour, 3, 4};
  std::vector<plot::LegendEntry> entries{
      plot::line("sparse logic (law of the technology)", sparse_line),
      plot::line(fmt::format("compiled ROM {} MiB/mm²", told(curve.macro)), macro_line),
      plot::line(fmt::format("SRAM {} MiB/mm²", told(curve.sram)), sram_line)};
  if (std::isfinite(curve.design.density))
    entries.push_back(plot::marker("this design", Marker::diamond, "#000000"));
  if (!curve.layers.empty())
    entries.push_back(plot::marker("its layers", Marker::circle, ink::kv.colour));
  for (const auto& p : curve.published)
    entries.push_back(plot::marker(
        fmt::format("published {}{}", p.name, p.calibrated ? ", the curve's calibration" : ""),
        Marker::square, ink::pe.colour));
  constexpr double legend_top = 462;
  plot::Canvas canvas(plot::Canvas::below_legend(legend_top, entries));
  canvas.begin(panel);
  std::vector<plot::Point> sparse;
  for (const auto& p : curve.sparse)
    if (p.density <= panel.y.max) sparse.push_back({100 * p.zero_bit_ratio, p.density});
  canvas.curve(sparse, sparse_line);
  canvas.curve({{0, curve.macro}, {100, curve.macro}}, macro_line);
  canvas.curve({{0, curve.sram}, {100, curve.sram}}, sram_line);
  // A point without area has no density to draw.
  const auto mark = [&canvas](const DensityPoint& p, Marker marker, std::string_view colour,
                              double size) {
    if (std::isfinite(p.density))
      canvas.mark({100 * p.zero_bit_ratio, p.density}, marker, colour, size,
                  fmt::format("{}: {} % zero bits, {} MB/mm²", p.name, told(100 * p.zero_bit_ratio),
                              told(p.density)));
  };
  for (const auto& p : curve.layers) mark(p, Marker::circle, ink::kv.colour, 0.8);
  for (const auto& p : curve.published) mark(p, Marker::square, ink::pe.colour, 1.9);
  mark(curve.design, Marker::diamond, "#000000", 1.4);
  canvas.legend(legend_top, entries);
  canvas.end();
  return {
      "density",
      "ROM density against the share of zero bits",
      fmt::format("Curve of sparse-logic density over the zero-bit ratio, with lines of a compiled "
                  "ROM at {} and SRAM at {} MiB/mm²; this design is at {:.1f} % and {} MiB/mm².",
                  told(curve.macro), told(curve.sram), 100 * curve.design.zero_bit_ratio,
                  told(curve.design.density)),
      density_caption(curve),
      canvas.script(),
      canvas.hovers()};
}

}  // namespace tomestimate::report
