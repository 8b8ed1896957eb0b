// SPDX-License-Identifier: Apache-2.0
// The figures of a design report: what each shows as numbers, and the picture with its caption.
// Numbers come from the engine; captions are made from the numbers.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tomestimate/evidence/published.hpp>
#include <tomestimate/report/reports.hpp>

// Declared, so that a changed equation compiles only the figures that take its results apart.
namespace tomestimate::engine {
template <class T>
struct Estimate;
template <class T>
struct PassEstimate;
}  // namespace tomestimate::engine
namespace tomestimate::study {
template <class T>
struct Evaluation;
}  // namespace tomestimate::study

namespace tomestimate::report {

// A place of a figure that tells its value where a pointer rests on it, in pixels.
struct Hover {
  double left = 0, top = 0, width = 0, height = 0;
  std::string text;
};

struct Figure {
  std::string id;  // figures/ID.svg
  std::string title;
  std::string alt;                   // what is drawn, for who cannot see it
  std::vector<std::string> caption;  // what to conclude; the first says the most
  std::string script;                // gnuplot commands
  std::vector<Hover> hovers;         // later ones lie on top
};

// What an op of a layer works on.
enum class Work { base, adapter, attention, vector };

// ---- roofline ----

struct RooflinePoint {
  std::string name;  // "gate"; the adapter of a projection has its name too; "layer"
  Work work = Work::base;
  double intensity = 0;  // op per byte read from ROM (base) or SRAM (others)
  double rate = 0;       // Top/s over the op's cycles, latency included
  double roof = 0;       // Top/s that units and memory would allow at this intensity
  double share = 0;      // of the layer's work cycles
};

// 2 op per MAC, zero weights counted, as `peak_rate` counts.
struct Roofline {
  double peak = 0;                 // Top/s on base weights
  double peak_attention = 0;       // Top/s on keys and values
  double peak_adapter = 0;         // Top/s on adapter weights
  double weights = 0;              // TB/s of all ROM ports, or of the DRAM
  double sram = 0;                 // TB/s of all SRAM ports
  std::vector<RooflinePoint> ops;  // projections, their adapters (A and B together), attention
  RooflinePoint layer;             // all of them, over the layer's cycles
};

Roofline roofline(const spec::Hardware<double>& hw, const spec::Model<double>& m,
                  const engine::PassEstimate<double>& pass);

// How much faster a pass gets if one thing (or what belongs together) is doubled; 0.5 is half as
// fast again.
struct Doubling {
  std::string what;
  double gain = 0;
};

// Lanes, units and widths, alone and with the ports they need; trees, vector units, bus, SRAM
// ports. Largest gain first; below 0 where wider steps fill worse.
std::vector<Doubling> doublings(const spec::Hardware<double>& hw, const spec::Model<double>& m,
                                const spec::Pass<double>& pass);

// ---- stacked bars ----

struct Bar {
  std::string name;
  std::vector<double> parts;  // one for each name of Bars::parts
  double total() const;
};

struct Bars {
  std::vector<std::string> parts;
  std::vector<Bar> bars;
};

// mm^2 with the ROM as sparse logic, as logic if all bits were 1, as compiled macro, as SRAM.
Bars area_bars(const spec::Hardware<double>& hw, const engine::Estimate<double>& e);

// uJ of a decode step with and without power gating. Components below 2 % of both bars are one.
Bars energy_bars(const study::Evaluation<double>& all);

// W of the chip while decoding, by the same components; with gating first. The bars are the metrics
// power and power_ungated.
Bars power_bars(const study::Evaluation<double>& all);

// mm^2 of the chip as it is, one bar. Parts without area are left out.
Bars area_parts(const engine::Estimate<double>& e);

// One part of a treemap: a rectangle within the whole, from its upper left corner.
struct Tile {
  std::size_t part = 0;  // of the values
  double x = 0, y = 0, width = 0, height = 0;
};

// Rectangles in a whole of that size, as areas the shares of the values above 0, largest first;
// as square as may be (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000).
std::vector<Tile> treemap(const std::vector<double>& values, double width, double height);

// One step of a waterfall, from the total before it.
struct Fall {
  std::string name;
  double change = 0;
};

// What gating changes in the bars of power_bars, the largest fall first; below 1 % of the power
// without gating in one, "others".
std::vector<Fall> falls(const Bars& power);

// ---- timeline ----

struct TimelineOp {
  std::string name;
  Work work = Work::base;
  std::size_t row = 0;   // index of its class in Timeline::classes
  double start = 0;      // cycle in the layer
  double busy = 0;       // cycles of its slowest resource
  double latency = 0;    // cycles after them
  double active = 0;     // share of the units of its class at work meanwhile
  std::string bound_by;  // "unit compute = weight memory"
};

struct Timeline {
  std::vector<std::string> classes;  // rows of the picture, as the spec calls them
  std::vector<double> loads;         // of each: cycles at work in a layer
  double cycle_us = 0;
  std::size_t layers = 0;
  double layer = 0;              // cycles without exposed wakes
  double exposed_first = 0;      // cycles
  double exposed = 0;            // of every other layer, their mean
  double final_norm = 0;         // cycles
  double head = 0;               // of the LM head on the chip, with its exposed wake
  double step_us = 0;            // on the chip
  double link_us = 0;            // host link after it
  double host_us = 0;            // LM head on the host after that
  bool wakes_by_matrix = false;  // exposed wakes are of several matrices of a layer
  std::vector<TimelineOp> ops;
};

Timeline timeline(const HardwareSpec& hardware, const spec::Model<double>& m,
                  const engine::PassEstimate<double>& decode);

// ---- curves ----

struct ContextPoint {
  double context = 0;
  double throughput = 0;  // token/s, all sequences
  double tpot = 0;        // us
};

struct ContextCurve {
  std::vector<ContextPoint> points;  // contexts rising
  ContextPoint present;
  double largest = 0;   // context that fits the SRAM; 0 if none
  bool spills = false;  // what does not fit goes off the chip
};

// Decode over contexts that are a design: up to the largest that fits, or beyond if KV may spill.
ContextCurve context_curve(const spec::Hardware<double>& hw, const spec::Model<double>& m);

struct DensityPoint {
  std::string name;
  double zero_bit_ratio = 0;
  double density = 0;       // MiB/mm^2
  bool calibrated = false;  // the curve was fitted to it
};

struct DensityCurve {
  std::vector<DensityPoint> sparse;     // the sparse-logic law
  double macro = 0;                     // MiB/mm^2 of a compiled ROM
  double sram = 0;                      // and of SRAM
  spec::RomLaw law{};                   // of this design
  DensityPoint design;                  // all its stored bits
  std::vector<DensityPoint> layers;     // one each, if they differ
  std::vector<DensityPoint> published;  // where both numbers are
};

DensityCurve density_curve(const HardwareSpec& hardware, const spec::Model<double>& m,
                           const std::vector<evidence::Comparison>& published);

struct HeightPoint {
  double height = 0;  // words of a bank
  double sparse = 0;  // MiB/mm^2 as sparse logic, of this design's bits
  double macro = 0;   // of its macro
};

struct HeightCurve {
  std::vector<HeightPoint> points;  // heights rising
  HeightPoint design;
  spec::RomLaw law{};
  std::vector<DensityPoint> published;  // at the design's height
};

// Density over the height of a ROM bank, from 64 to 8,192 words: where the laws were measured.
HeightCurve height_curve(const HardwareSpec& hardware, const spec::Model<double>& m,
                         const std::vector<evidence::Comparison>& published);

// ---- pictures ----

Figure roofline_figure(const spec::Hardware<double>& hw, const spec::Model<double>& m,
                       const engine::Estimate<double>& e);
Figure timeline_figure(const Timeline& t);
Figure area_figure(const Bars& bars, spec::RomLaw law);
Figure density_figure(const DensityCurve& curve);
Figure energy_figure(const Bars& bars, spec::GatingMode gating);
Figure context_figure(const ContextCurve& curve);
Figure shares_figure(const Bars& area, const Bars& power);
Figure waterfall_figure(const Bars& power, spec::GatingMode gating);
Figure height_figure(const HeightCurve& curve);

// All nine; without weights in ROM the six that are not of it.
std::vector<Figure> design_figures(const HardwareSpec& hardware, const ModelSpec& model,
                                   const std::vector<evidence::Comparison>& published);

// What a figure says first: its heading, and title of the SVG. And the rest of that paragraph.
// Without a caption the title.
std::pair<std::string, std::string> finding(const Figure& figure);

// The picture as SVG with finding and alt text; all its ids begin with the figure's. The same bytes
// on every run. Throws std::runtime_error if gnuplot is not there or fails.
std::string draw(const Figure& figure);

}  // namespace tomestimate::report
