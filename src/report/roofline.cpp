// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include <tomestimate/report/figures.hpp>

#include "binding.hpp"
#include "cells.hpp"
#include "plot.hpp"

namespace tomestimate::report {
namespace {

using engine::OpEstimate;
using engine::PassEstimate;
using spec::Op;
using Hardware = spec::Hardware<double>;
using Model = spec::Model<double>;

// What a point is made of, summed over its ops.
struct Sum {
  double operations = 0, bytes = 0, cycles = 0, ideal = 0;  // ideal: cycles on the roof
};

Sum operator+(const Sum& a, const Sum& b) {
  return {a.operations + b.operations, a.bytes + b.bytes, a.cycles + b.cycles, a.ideal + b.ideal};
}

// Top/s and TB/s of all units of a class at a width and a port.
double peak_of(const Hardware& hw, double units, double rows, double width) {
  return 2 * units * rows * width * hw.chip.clock.value() / 1e12;
}

const spec::UnitClass<double>& units_for(const Hardware& hw, spec::UnitChoice choice) {
  return choice == spec::UnitChoice::side ? hw.side : hw.base;
}

class Roofs {
 public:
  Roofs(const Hardware& hw, const Model& m, Roofline& to) : hw_(hw), to_(to) {
    const auto s = engine::make_setting(hw, m, spec::Pass<double>{1, 1, 0});
    const double units = engine::base_units(s);
    to.peak = peak_of(hw, units, hw.base.rows, hw.datapath.width / hw.datapath.step_cycles.value());
    const auto& a = units_for(hw, hw.map.attention);
    to.peak_attention = peak_of(hw, a.lanes * a.per_lane, a.rows, a.width_attention);
    const auto& l = units_for(hw, hw.map.adapter);
    to.peak_adapter = peak_of(hw, l.lanes * l.per_lane, l.rows, l.width_adapter);
    to.weights = hw.map.weights == spec::WeightPlace::dram
                     ? in(hw.dram.bandwidth, "TB/s")
                     : in(units * hw.rom.read_width * hw.chip.clock, "TB/s");
    to.sram = in(a.lanes * a.per_lane * a.sram_width * hw.chip.clock, "TB/s");
  }

  // Work on base weights, which come from ROM or DRAM. Scales of groups do not pass the ROM's port:
  // `through` is the share of the bits that do.
  Sum of_base(const OpEstimate<double>& op, double macs, double through) const {
    return of(op, Work::base, macs, in(through * op.rom_bits + op.dram_bits, "B"));
  }

  // Work on adapters, keys and values, which come from SRAM.
  Sum of_sram(const OpEstimate<double>& op, Work work) const {
    return of(op, work, op.dense_macs, in(op.sram_read, "B"));
  }

  RooflinePoint point(std::string name, Work work, const Sum& s, double layer_cycles) const {
    const auto top = [this](double operations, double cycles) {
      return operations / cycles * hw_.chip.clock.value() / 1e12;
    };
    return {std::move(name),
            work,
            s.operations / s.bytes,
            top(s.operations, s.cycles),
            top(s.operations, s.ideal),
            s.cycles / layer_cycles};
  }

 private:
  Sum of(const OpEstimate<double>& op, Work work, double macs, double bytes) const {
    Sum s;
    s.operations = 2 * macs;
    s.bytes = bytes;
    s.cycles = total_cycles(op).value();
    s.ideal = seconds(s, work) * hw_.chip.clock.value();
    return s;
  }

  double seconds(const Sum& s, Work work) const {
    const double peak = work == Work::base        ? to_.peak
                        : work == Work::attention ? to_.peak_attention
                                                  : to_.peak_adapter;
    return std::max(s.operations / peak, s.bytes / (work == Work::base ? to_.weights : to_.sram)) /
           1e12;
  }

  const Hardware& hw_;
  Roofline& to_;
};

}  // namespace

Roofline roofline(const Hardware& hw, const Model& m, const PassEstimate<double>& pass) {
  Roofline out;
  const Roofs roofs(hw, m, out);
  const auto& plan = pass.layer;
  const auto& ops = plan.ops;
  const double tokens = pass.pass.batch * pass.pass.fresh;
  const double work_cycles = (plan.load[0] + plan.load[1] + plan.load[2]).value();
  Sum all;
  std::array<double, 2> ideal{};  // of base and side units, which work side by side
  const auto add = [&](std::string name, Work work, bool on_side, const Sum& s) {
    if (s.operations == 0 || s.bytes == 0) return;
    all = all + s;
    ideal[on_side ? 1 : 0] += s.ideal;
    out.ops.push_back(roofs.point(std::move(name), work, s, work_cycles));
  };
  const auto at = [&ops](Op op) -> const OpEstimate<double>& {
    return ops[static_cast<std::size_t>(op)];
  };
  const bool adapters_on_side = hw.map.adapter == spec::UnitChoice::side;
  const bool attention_on_side = hw.map.attention == spec::UnitChoice::side;
  auto setting = engine::make_setting(hw, m, pass.pass);
  engine::enter_layer(setting, 0);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto [kind, p] = spec::info(static_cast<Op>(i));
    if (kind != spec::OpKind::linear) continue;
    const auto [outputs, inputs] = engine::layer_shape(setting, p);
    const double weights = outputs * inputs;
    const auto stored = engine::stored_bits(setting, 0, p).all.value();
    const std::string name(spec::op_names[i]);
    const double through = stored == 0 ? 0 : weights * m.weights.bits.value() / stored;
    add(name, Work::base, false, roofs.of_base(ops[i], tokens * weights, through));
    add(name, Work::adapter, adapters_on_side,
        roofs.of_sram(ops[i + 1], Work::adapter) + roofs.of_sram(ops[i + 2], Work::adapter));
  }
  add("scores", Work::attention, attention_on_side, roofs.of_sram(at(Op::scores), Work::attention));
  add("context", Work::attention, attention_on_side,
      roofs.of_sram(at(Op::context), Work::attention));
  all.cycles = plan.cycles.value();
  all.ideal = std::max(ideal[0], ideal[1]);
  out.layer = roofs.point("layer", Work::vector, all, plan.cycles.value());
  return out;
}

std::vector<Doubling> doublings(const Hardware& hw, const Model& m,
                                const spec::Pass<double>& pass) {
  const auto time = [&](const Hardware& h) {
    return engine::estimate_pass(h, m, engine::make_common(h, m, engine::layer_content(h, m)), pass)
        .time.value();
  };
  const double before = time(hw);
  const auto gain = [&](const std::function<void(Hardware&)>& change) {
    auto changed = hw;
    change(changed);
    return before / time(changed) - 1;
  };
  const auto width = [](Hardware& h) {
    h.datapath.width *= 2;
    h.base.width_adapter *= 2;
    h.base.width_attention *= 2;
  };
  const auto port = [](Hardware& h) { h.rom.read_width *= 2; };
  const auto buffer = [](Hardware& h) { h.base.buffer_width *= 2; };
  std::vector<Doubling> out{
      {"base.lanes", gain([](Hardware& h) { h.base.lanes *= 2; })},
      {"base.per_lane", gain([](Hardware& h) { h.base.per_lane *= 2; })},
      {"base widths", gain(width)},
      {"base widths with rom.read_width and base.buffer_width", gain([&](Hardware& h) {
         width(h);
         port(h);
         buffer(h);
       })},
      {"base.tree_values", gain([](Hardware& h) { h.base.tree_values *= 2; })},
      {"vector.width", gain([](Hardware& h) { h.vector.width *= 2; })},
      {"bus.width", gain([](Hardware& h) { h.bus.width *= 2; })},
      {"base.sram_width", gain([](Hardware& h) { h.base.sram_width *= 2; })}};
  if (uses_side(hw)) {
    out.push_back({"side.lanes", gain([](Hardware& h) { h.side.lanes *= 2; })});
    out.push_back({"side.sram_width", gain([](Hardware& h) { h.side.sram_width *= 2; })});
    out.push_back({"side.sram_width with side widths", gain([](Hardware& h) {
                     h.side.sram_width *= 2;
                     h.side.width_adapter *= 2;
                     h.side.width_attention *= 2;
                   })});
  }
  if (uses_dram(hw))
    out.push_back({"dram.bandwidth", gain([](Hardware& h) { h.dram.bandwidth *= 2; })});
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& x, const auto& y) { return x.gain > y.gain; });
  return out;
}

namespace {

using plot::Align;
using plot::Marker;
using plot::Panel;
namespace ink = plot::ink;

Marker marker(Work work) {
  switch (work) {
    case Work::base:
      return Marker::circle;
    case Work::adapter:
      return Marker::triangle;
    case Work::attention:
      return Marker::square;
    case Work::vector:
      break;
  }
  return Marker::diamond;
}

std::string_view colour(Work work) {
  switch (work) {
    case Work::base:
      return ink::rom.colour;
    case Work::adapter:
      return "#b87800";  // the adapters' orange, dark enough for text
    case Work::attention:
      return "#1a86c0";
    case Work::vector:
      break;
  }
  return "#000000";
}

// Names of points that lie so near each other that one label serves them.
struct Label {
  plot::Point at;  // of the highest of them, pixels
  double low;      // y of the lowest
  Work work;
  std::string text;
};

std::vector<Label> labels(const Panel& panel, std::vector<RooflinePoint> points) {
  std::stable_sort(points.begin(), points.end(), [](const auto& a, const auto& b) {
    return std::pair(a.work, -a.rate) < std::pair(b.work, -b.rate);
  });
  std::vector<Label> out;
  for (const auto& p : points) {
    const double x = panel.pixel_x(p.intensity), y = panel.pixel_y(p.rate);
    const bool near = !out.empty() && out.back().work == p.work && y - out.back().low < 13 &&
                      std::abs(x - out.back().at.x) < 6;
    if (near) {
      out.back().text += " " + p.name;
      out.back().low = y;
    } else {
      out.push_back({{x, y}, y, p.work, p.name});
    }
  }
  return out;
}

// Labels of one side, moved down until none covers the one above. Those of points at the units'
// roof, at `roof` pixels, go above it.
void draw_labels(plot::Canvas& canvas, std::vector<Label> all, bool to_the_left, double roof) {
  const auto wanted = [roof](const Label& l) {
    const double middle = (l.at.y + l.low) / 2;
    return l.work == Work::base && middle - roof < 22 ? middle - 28 : middle;
  };
  std::stable_sort(all.begin(), all.end(),
                   [&wanted](const Label& a, const Label& b) { return wanted(a) < wanted(b); });
  const double side = to_the_left ? -1 : 1;
  double last = -1e9;
  for (const auto& l : all) {
    last = std::max(wanted(l), last + 17);
    const plot::Point from{l.at.x + 8 * side, (l.at.y + l.low) / 2}, to{l.at.x + 26 * side, last};
    canvas.stroke(from, to, {"#888888", 0.7});
    canvas.boxed_text({to.x + 3 * side, to.y}, l.text, to_the_left ? Align::right : Align::left,
                      colour(l.work), plot::Canvas::label_size);
  }
}

void draw_panel(plot::Canvas& canvas, const Panel& panel, const Roofline& data) {
  canvas.begin(panel);
  const auto slope = [&](double rate, double peak, const plot::Line& line) {
    const double left = std::max(panel.x.min, panel.y.min / rate);
    canvas.curve({{left, left * rate}, {peak / rate, peak}}, line);
  };
  const auto flat = [&](double peak, double rate, const plot::Line& line) {
    canvas.curve({{std::max(panel.x.min, peak / rate), peak}, {panel.x.max, peak}}, line);
  };
  slope(data.weights, data.peak, {ink::rom.colour, 3});
  slope(data.sram, data.peak_attention, {ink::sram.colour, 3, 2});
  flat(data.peak, data.weights, {ink::pe.colour, 3});
  flat(data.peak_attention, data.sram, {ink::pe.colour, 3, 2});
  auto points = data.ops;
  points.push_back(data.layer);
  // A mark's area is its share of the layer's time.
  for (const auto& p : points)
    canvas.mark(
        {p.intensity, p.rate}, marker(p.work), colour(p.work),
        p.work == Work::vector ? 1.4 : std::max(0.7, 4 * std::sqrt(p.share)),
        fmt::format("{}: {} TOPS at {} op/byte, {:.0f} % of its roof, {:.1f} % of the layer",
                    p.name, told(p.rate), told(p.intensity), 100 * p.rate / p.roof, 100 * p.share));
  std::vector<Label> left, right;
  for (auto& label : labels(panel, points)) {
    const double from = label.at.x + 20;
    const double end = from + 10 + plot::Canvas::text_width(label.text, plot::Canvas::label_size);
    const bool covers = std::any_of(points.begin(), points.end(), [&](const auto& p) {
      const double x = panel.pixel_x(p.intensity), y = panel.pixel_y(p.rate);
      return label.work != Work::base && x > from && x < end && y > label.at.y - 14 &&
             y < label.low + 14;
    });
    const bool to_left = label.work == Work::vector || end > panel.right || covers;
    (to_left ? left : right).push_back(std::move(label));
  }
  const double roof = panel.pixel_y(data.peak);
  draw_labels(canvas, std::move(left), true, roof);
  draw_labels(canvas, std::move(right), false, roof);
  canvas.end();
}

struct Group {
  double low = 1e300, high = 0, share = 0, intensity = 0;
  bool any = false;
};

Group group(const Roofline& data, Work work) {
  Group g;
  for (const auto& p : data.ops) {
    if (p.work != work) continue;
    g.low = std::min(g.low, p.rate / p.roof);
    g.high = std::max(g.high, p.rate / p.roof);
    g.share += p.share;
    g.intensity = p.intensity;
    g.any = true;
  }
  return g;
}

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string span(const Group& g) {
  const auto low = percent(g.low), high = percent(g.high);
  return low == high ? high : fmt::format("{:.0f} to {}", 100 * g.low, high);
}

std::string side_of_ridge(double intensity, double ridge) {
  const double ratio = intensity / ridge;
  if (std::abs(ratio - 1) < 1e-3)
    return fmt::format(
        "just where the weight memory's roof meets the units' peak ({} op/byte), so both bind at "
        "the same point",
        told(ridge));
  return ratio < 1
             ? fmt::format("left of the ridge at {} op/byte, so the weight memory binds",
                           told(ridge))
             : fmt::format(
                   "right of the ridge at {} op/byte, so the units bind, not the weight memory",
                   told(ridge));
}

std::string phase_text(const std::string& phase, const Roofline& data) {
  const auto base = group(data, Work::base), adapters = group(data, Work::adapter),
             attention = group(data, Work::attention);
  std::string text = fmt::format(
      "{}: base projections do {} op per byte of weights, {}; they reach {} of their roof "
      "and take {} of a layer's work.",
      phase, told(base.intensity), side_of_ridge(base.intensity, data.peak / data.weights),
      span(base), percent(base.share));
  if (adapters.any)
    text += fmt::format(
        " Adapters reach {} of theirs (the rest is latency, the tree, and rows or "
        "columns of units that stay empty) and take {}.",
        span(adapters), percent(adapters.share));
  text += fmt::format(
      " Attention reaches {} and takes {}. A layer as a whole runs at {} of what its "
      "matrix work could: the rest is vector work, latency and ops off their roof.",
      span(attention), percent(attention.share), percent(data.layer.rate / data.layer.roof));
  return text;
}

std::string doubling_text(const std::vector<Doubling>& all) {
  std::string moved, still;
  for (const auto& d : all) {
    if (std::abs(d.gain) >= 0.005)
      moved += fmt::format("{}{} {:+.1f} %", moved.empty() ? " " : "; ", d.what, 100 * d.gain);
    else
      still += fmt::format("{}{}", still.empty() ? " " : ", ", d.what);
  }
  std::string text = "Decode speed, if doubled:" + moved;
  if (!still.empty()) text += (moved.empty() ? "" : ";") + std::string(" under 0.5 % from") + still;
  return text + ".";
}

// What binds the most of a decode step, and of prefill.
std::string binding_text(const Hardware& hw, const Model& m, const engine::Estimate<double>& e) {
  const auto top = [&](const PassEstimate<double>& pass) {
    const auto parts = binding_cycles(hw, m, pass);
    double sum = 0;
    for (const auto& part : parts) sum += part.second;
    return fmt::format("{} ({})", parts[0].first, percent(parts[0].second / sum));
  };
  return fmt::format("Most of decode is bound by {}, most of prefill by {}.", top(e.decode),
                     top(e.prefill));
}

}  // namespace

Figure roofline_figure(const Hardware& hw, const Model& m, const engine::Estimate<double>& e) {
  const auto decode = roofline(hw, m, e.decode), prefill = roofline(hw, m, e.prefill);
  double x_low = 1e300, x_high = decode.peak / decode.weights, y_low = 1e300;
  for (const auto* data : {&decode, &prefill})
    for (const auto& p : data->ops) {
      x_low = std::min(x_low, p.intensity);
      x_high = std::max(x_high, p.intensity);
      y_low = std::min(y_low, p.rate);
    }
  const plot::Axis x{"op per byte read from weight memory or SRAM [op/B]", x_low / 3, x_high * 3,
                     true};
  const plot::Axis y{"rate [Top/s]", y_low / 2, std::max(decode.peak, decode.peak_attention) * 2.6,
                     true};
  const double top = 40, bottom = 440;
  Panel left{75, 510, top, bottom, x, y, {}, {}, "decode, one step"};
  Panel right{575, 985, top, bottom, x, y, {}, {}, "prefill of the prompt"};
  right.y.title = "";
  using plot::line;
  // Neighbours differ in colour: gnuplot joins lines of one colour and forgets the dashes.
  const std::vector<plot::LegendEntry> entries{
      line(fmt::format("weight memory {} TB/s", told(decode.weights)), {ink::rom.colour, 3}),
      line(fmt::format("peak, base weights {} Top/s", told(decode.peak)), {ink::pe.colour, 3}),
      line(fmt::format("SRAM ports {} TB/s", told(decode.sram)), {ink::sram.colour, 3, 2}),
      line(fmt::format("peak, attention {} Top/s", told(decode.peak_attention)),
           {ink::pe.colour, 3, 2}),
      plot::marker("base projection", Marker::circle, colour(Work::base)),
      plot::marker("its adapter (A and B)", Marker::triangle, colour(Work::adapter)),
      plot::marker("attention", Marker::square, colour(Work::attention)),
      plot::marker("layer as a whole", Marker::diamond, colour(Work::vector))};
  constexpr double legend_top = 500;
  plot::Canvas canvas(plot::Canvas::below_legend(legend_top, entries));
  draw_panel(canvas, left, decode);
  draw_panel(canvas, right, prefill);
  canvas.begin_overlay();
  canvas.legend(legend_top, entries);
  canvas.end();
  return {
      "roofline",
      "Roofline of a layer",
      fmt::format("Two log-log rooflines, decode and prefill, with one point for each projection, "
                  "adapter and attention op of a layer and one for the layer. Peak {} Top/s, "
                  "weight memory {} TB/s, SRAM {} TB/s.",
                  told(decode.peak), told(decode.weights), told(decode.sram)),
      {binding_text(hw, m, e), doubling_text(doublings(hw, m, e.decode.pass)),
       phase_text("Decode", decode), phase_text("Prefill", prefill),
       "The area of a mark is its share of the layer's work; rates include latency."},
      canvas.script(),
      canvas.hovers()};
}

}  // namespace tomestimate::report
