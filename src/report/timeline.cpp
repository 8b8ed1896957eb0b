// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <tomestimate/report/figures.hpp>

#include "binding.hpp"
#include "cells.hpp"
#include "plot.hpp"

namespace tomestimate::report {
namespace {

using spec::Op;

Work work_of(spec::OpKind kind) {
  switch (kind) {
    case spec::OpKind::linear:
      return Work::base;
    case spec::OpKind::lora_a:
    case spec::OpKind::lora_b:
      return Work::adapter;
    case spec::OpKind::attention:
      return Work::attention;
    case spec::OpKind::vector:
      break;
  }
  return Work::vector;
}

}  // namespace

Timeline timeline(const HardwareSpec& hardware, const spec::Model<double>& m,
                  const engine::PassEstimate<double>& decode) {
  const auto& hw = hardware.values;
  const auto& plan = decode.layer;
  Timeline t;
  t.cycle_us = in(engine::seconds(hw, units::cycles(1.0)), "us");
  t.layers = m.layers;
  const auto layers = static_cast<double>(m.layers);
  t.layer = plan.cycles.value();
  t.exposed_first = decode.exposed_first.value();
  t.exposed = m.layers > 1 ? decode.exposed.value() / (layers - 1) : 0;
  t.final_norm = total_cycles(decode.final_norm).value();
  t.head = (decode.exposed_head + total_cycles(decode.lm_head)).value();
  t.step_us = in(decode.time, "us");
  t.link_us = in(decode.link_time, "us");
  t.host_us = in(decode.head_time, "us");
  t.wakes_by_matrix = hw.gating.domain != spec::GatingDomain::layer;

  std::array<std::size_t, engine::class_count> row{};
  std::array<double, engine::class_count> units{};
  const auto add_class = [&](engine::Class c, const std::string& label, double count) {
    const auto i = static_cast<std::size_t>(c);
    row[i] = t.classes.size();
    units[i] = count;
    t.classes.push_back(label);
    t.loads.push_back(plan.load[i].value());
  };
  const auto setting = engine::make_setting(hw, m, decode.pass);
  add_class(engine::Class::base, hardware.labels.base, engine::base_units(setting));
  if (uses_side(hw))
    add_class(engine::Class::side, hardware.labels.side, hw.side.lanes * hw.side.per_lane);
  add_class(engine::Class::vector, "vector unit", 0);
  for (std::size_t i = 0; i < plan.ops.size(); ++i) {
    const auto& op = plan.ops[i];
    const double cycles = total_cycles(op).value();
    if (cycles == 0) continue;
    const auto id = static_cast<Op>(i);
    const auto c = static_cast<std::size_t>(engine::class_of(hw.map, id));
    const double busy = cycles - op.latency.value();
    t.ops.push_back({std::string(spec::op_names[i]), work_of(spec::info(id).kind), row[c],
                     plan.start[i].value(), busy, op.latency.value(),
                     busy == 0 || units[c] == 0 ? 0 : op.unit_active.value() / busy / units[c],
                     binding(op)});
  }
  return t;
}

namespace {

namespace ink = plot::ink;
using plot::Align;
using plot::Ink;
using plot::Panel;

const Ink& ink_of(Work work) {
  switch (work) {
    case Work::base:
      return ink::rom;
    case Work::adapter:
      return ink::sram;
    case Work::attention:
      return ink::kv;
    case Work::vector:
      break;
  }
  return ink::vector;
}

constexpr Ink even_layer{"#eeeeee"}, odd_layer{"#c8c8c8"};

// All layers, tail and host link of a step; layer 0 is opened below.
void draw_step(plot::Canvas& canvas, const Panel& panel, const Timeline& t) {
  canvas.begin(panel);
  double at = 0;
  const auto block = [&](double us, const Ink& ink) {
    if (us > 0) canvas.rectangle({at, 0}, {at + us, 1}, ink);
    at += us;
  };
  for (std::size_t l = 0; l < t.layers; ++l) {
    block((l == 0 ? t.exposed_first : t.exposed) * t.cycle_us, ink::rom_wake);
    const double from = panel.pixel_x(at);
    block(t.layer * t.cycle_us, l % 2 == 0 ? even_layer : odd_layer);
    const auto number = std::to_string(l);
    if (panel.pixel_x(at) - from > plot::Canvas::text_width(number, 12) + 6)
      canvas.text({(from + panel.pixel_x(at)) / 2, (panel.top + panel.bottom) / 2}, number,
                  Align::center, "#000000", 12);
  }
  block(t.final_norm * t.cycle_us, ink::vector);
  block(t.head * t.cycle_us, ink::rom);
  canvas.end();
}

double row_y(std::size_t row) { return -static_cast<double>(row); }

// Names in the bars that are wide enough for them.
void name_ops(plot::Canvas& canvas, const Panel& panel, const Timeline& t) {
  for (const auto& op : t.ops) {
    const double from = panel.pixel_x((op.start + t.exposed_first) * t.cycle_us);
    const double to = panel.pixel_x((op.start + t.exposed_first + op.busy) * t.cycle_us);
    const auto name = op.work == Work::adapter ? op.name.substr(op.name.find('.') + 1) : op.name;
    if (to - from > plot::Canvas::text_width(name, 12) + 2)
      canvas.text({(from + to) / 2, panel.pixel_y(row_y(op.row))}, name, Align::center,
                  op.work == Work::base ? "#ffffff" : "#000000", 12);
  }
}

void draw_layer(plot::Canvas& canvas, const Panel& panel, const Timeline& t) {
  canvas.begin(panel);
  const double shift = t.exposed_first;  // the layer's ops start when it is awake
  const auto bar = [&](double from, double cycles, std::size_t row, const Ink& ink,
                       const std::string& name) {
    if (cycles > 0)
      canvas.rectangle({from * t.cycle_us, row_y(row) - 0.36},
                       {(from + cycles) * t.cycle_us, row_y(row) + 0.36}, ink,
                       fmt::format("{}: {:.0f} cycles", name, cycles));
  };
  bar(0, t.exposed_first, 0, ink::rom_wake, "wake");
  for (const auto& op : t.ops) {
    bar(op.start + shift, op.busy, op.row, ink_of(op.work),
        op.bound_by.empty() ? op.name : op.name + ", bound by " + op.bound_by);
    bar(op.start + shift + op.busy, op.latency, op.row, ink::latency, op.name + ", latency");
  }
  name_ops(canvas, panel, t);
  canvas.end();
}

// Share of the units of the first class (and, hatched by colour, of others) at work.
void draw_active(plot::Canvas& canvas, const Panel& panel, const Timeline& t) {
  canvas.begin(panel);
  for (const auto& op : t.ops)
    if (op.active > 0)
      canvas.rectangle({(op.start + t.exposed_first) * t.cycle_us, 0},
                       {(op.start + t.exposed_first + op.busy) * t.cycle_us, 100 * op.active},
                       ink_of(op.work));
  canvas.end();
}

std::vector<std::string> caption(const Timeline& t) {
  std::array<double, 4> by_work{};
  double latency = 0, work = 0;
  for (const auto& op : t.ops) {
    by_work[static_cast<std::size_t>(op.work)] += op.busy + op.latency;
    latency += op.latency;
    work += op.busy + op.latency;
  }
  const auto share = [&](Work w) {
    return fmt::format("{:.0f} %", 100 * by_work[static_cast<std::size_t>(w)] / work);
  };
  const double layers = static_cast<double>(t.layers);
  std::string text = fmt::format(
      "A decode step takes {} µs on the chip, and base projections are {} of a layer's work: {} "
      "layers of {} µs each",
      told(t.step_us), share(Work::base), t.layers, told(t.layer * t.cycle_us));
  const double exposed = (t.exposed_first + (layers - 1) * t.exposed) * t.cycle_us;
  text += exposed > 0 ? fmt::format(", {} µs of exposed wakes", told(exposed))
                      : std::string(", no exposed wakes");
  if (t.head > 0)
    text += fmt::format(", {} µs for final norm and LM head",
                        told((t.final_norm + t.head) * t.cycle_us));
  text += fmt::format(". After it come {} µs on the host link", told(t.link_us));
  text +=
      t.host_us > 0 ? fmt::format(" and {} µs for the LM head on the host.", told(t.host_us)) : ".";
  std::vector<std::string> out{text};
  const bool has_adapters = by_work[static_cast<std::size_t>(Work::adapter)] > 0;
  text = fmt::format(
      "Of a layer's work, base projections are {}, {}attention {}, the vector unit {}; "
      "pipeline and tree latency is {:.0f} % of it.",
      share(Work::base), has_adapters ? "adapters " + share(Work::adapter) + ", " : "",
      share(Work::attention), share(Work::vector), 100 * latency / work);
  for (std::size_t c = 0; c < t.classes.size(); ++c)
    text += fmt::format("{} {} is busy for {:.0f} %", c == 0 ? " Of the layer's time," : ",",
                        t.classes[c], 100 * t.loads[c] / t.layer);
  out.push_back(text + ".");
  if (t.wakes_by_matrix && t.exposed_first > 0)
    out.push_back(
        "Exposed wakes are drawn together at the layer's start, though each domain has its own.");
  return out;
}

}  // namespace

Figure timeline_figure(const Timeline& t) {
  const double layer_us = (t.layer + t.exposed_first) * t.cycle_us;
  Panel step{
      160,
      985,
      36,
      76,
      {"", 0, t.step_us, false, false},
      {"", 0, 1},
      {{0.5, "layers"}},
      {},
      fmt::format("one decode step on the chip: {} layers, {} µs", t.layers, told(t.step_us))};
  const double rows = static_cast<double>(t.classes.size());
  Panel layer{160,
              985,
              140,
              140 + 74 * rows,
              {"", 0, layer_us, false, false},
              {"", 0.5 - rows, 0.5},
              {},
              {},
              fmt::format("layer 0, by class of units: {} µs", told(layer_us))};
  for (std::size_t c = 0; c < t.classes.size(); ++c)
    layer.y_names.emplace_back(row_y(c), t.classes[c]);
  Panel active{
      160,
      985,
      layer.bottom + 15,
      layer.bottom + 110,
      {fmt::format("time in layer 0 [µs], 1 µs is {} cycles", told(1 / t.cycle_us)), 0, layer_us},
      {"units at work [%]", 0, 108},
      {{0, "0"}, {50, "50"}, {100, "100"}},
      {},
      ""};
  const std::vector<plot::LegendEntry> entries{
      plot::box("base projection", ink::rom), plot::box("adapter", ink::sram),
      plot::box("attention", ink::kv),        plot::box("vector op", ink::vector),
      plot::box("latency", ink::latency),     plot::box("exposed wake", ink::rom_wake)};
  constexpr double legend_left = 70;
  const double legend_top = active.bottom + 62;
  plot::Canvas canvas(plot::Canvas::below_legend(legend_top, entries, legend_left));
  draw_step(canvas, step, t);
  draw_layer(canvas, layer, t);
  draw_active(canvas, active, t);
  canvas.begin_overlay();
  // From layer 0 in the strip to the whole width below.
  const double right = step.pixel_x(layer_us);
  canvas.stroke({step.left, step.bottom}, {layer.left, layer.top}, {"#888888", 0.8, 2});
  canvas.stroke({right, step.bottom}, {layer.right, layer.top}, {"#888888", 0.8, 2});
  canvas.legend(legend_top, entries, legend_left);
  canvas.end();
  return {"timeline",
          "Timeline of a decode step and of a layer",
          fmt::format(
              "A strip of all {} layers of a decode step of {} µs; below it layer 0 in time, a row "
              "for each class of units, and the share of units at work.",
              t.layers, told(t.step_us)),
          caption(t),
          canvas.script(),
          canvas.hovers()};
}

}  // namespace tomestimate::report
