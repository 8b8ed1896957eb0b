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

Timeline timeline(const spec::Hardware<double>& hw, const spec::Model<double>& m,
                  const engine::PassEstimate<double>& decode) {
  const auto& plan = decode.schedule;
  Timeline t;
  t.cycle_us = in(engine::seconds(hw, units::cycles(1.0)), "us");
  t.lanes = hw.lanes.count;
  t.layers = m.layers;
  t.layer = plan.layer.value();
  t.exposed_first = plan.exposed_first.value();
  t.exposed = plan.exposed.value();
  t.final_norm = total_cycles(plan.final_norm).value();
  t.head = (plan.exposed_head + total_cycles(plan.lm_head)).value();
  t.link_us = in(decode.link_time, "us");
  t.step_us = in(decode.time, "us");
  t.wakes_by_matrix = hw.gating.domain == spec::GatingDomain::matrix;
  t.overlapped = plan.layer < plan.matrix + plan.vector;
  // Overlapped, matrix work is drawn from the layer's start and vector work up to its end.
  double matrix_at = 0, vector_at = t.overlapped ? t.layer - plan.vector.value() : 0;
  for (std::size_t i = 0; i < plan.ops.size(); ++i) {
    const auto& op = plan.ops[i];
    const double cycles = total_cycles(op).value();
    if (cycles == 0) continue;
    const auto work = work_of(spec::info(static_cast<Op>(i)).kind);
    double& at = t.overlapped && work == Work::vector ? vector_at : matrix_at;
    t.ops.push_back({std::string(spec::op_names[i]),
                     work,
                     at,
                     {op.compute.value(), op.rom.value(), op.buffer.value(), op.sram.value(),
                      op.tree.value(), op.broadcast.value(), op.vector.value()},
                     op.latency.value(),
                     op.compute.value() == 0 ? 0 : (op.lane_active / op.compute).value()});
    at += cycles;
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
  block(t.link_us, ink::host);
  canvas.end();
}

void name_ops(plot::Canvas& canvas, const Panel& panel, const Timeline& t, double shift) {
  const auto label = [&](double from, double to, const std::string& text) {
    const double left = panel.pixel_x((from + shift) * t.cycle_us);
    const double right = panel.pixel_x((to + shift) * t.cycle_us);
    if (right - left > plot::Canvas::text_width(text, 13))
      canvas.text({(left + right) / 2, panel.pixel_y(0)}, text, Align::center, "#000000", 13);
  };
  double attention_from = -1;
  for (std::size_t i = 0; i < t.ops.size(); ++i) {
    const auto& op = t.ops[i];
    const double end = op.start + *std::max_element(op.busy.begin(), op.busy.end()) + op.latency;
    if (op.work == Work::base) label(op.start, end, op.name);
    if (op.name == "attn.scores") attention_from = op.start;
    if (op.name == "attn.context") label(attention_from, end, "attention");
  }
}

void draw_layer(plot::Canvas& canvas, const Panel& panel, const Timeline& t) {
  canvas.begin(panel);
  const double shift = t.exposed_first;  // the layer's ops start when it is awake
  const auto bar = [&](double from, double cycles, double row, const Ink& ink,
                       const std::string& name) {
    if (cycles > 0)
      canvas.rectangle({from * t.cycle_us, row - 0.38}, {(from + cycles) * t.cycle_us, row + 0.38},
                       ink, fmt::format("{}: {:.0f} cycles", name, cycles));
  };
  bar(0, t.exposed_first, -2, ink::rom_wake, "wake");
  for (const auto& op : t.ops) {
    const double start = op.start + shift;
    for (std::size_t r = 0; r < op.busy.size(); ++r)
      bar(start, op.busy[r], -1 - static_cast<double>(r), ink_of(op.work), op.name);
    const double slowest = *std::max_element(op.busy.begin(), op.busy.end());
    bar(start + slowest, op.latency, -8, ink::latency, op.name + ", latency");
  }
  name_ops(canvas, panel, t, shift);
  canvas.end();
}

void draw_lanes(plot::Canvas& canvas, const Panel& panel, const Timeline& t) {
  canvas.begin(panel);
  for (const auto& op : t.ops)
    if (op.active_lanes > 0)
      canvas.rectangle({(op.start + t.exposed_first) * t.cycle_us, 0},
                       {(op.start + t.exposed_first + op.busy[0]) * t.cycle_us, op.active_lanes},
                       ink_of(op.work));
  canvas.end();
}

struct Share {
  double cycles = 0, lane_cycles = 0;
};

std::vector<std::string> caption(const Timeline& t) {
  const double layer = t.layer + t.exposed_first;
  std::array<Share, 4> by_work{};
  double latency = 0, matrix_and_vector = 0;
  for (const auto& op : t.ops) {
    auto& s = by_work[static_cast<std::size_t>(op.work)];
    const double cycles = *std::max_element(op.busy.begin(), op.busy.end()) + op.latency;
    s.cycles += cycles;
    s.lane_cycles += op.busy[0] * op.active_lanes;
    latency += op.latency;
    matrix_and_vector += cycles;
  }
  const auto share = [&](Work w) {
    return fmt::format("{:.0f} %",
                       100 * by_work[static_cast<std::size_t>(w)].cycles / matrix_and_vector);
  };
  double lanes = 0;
  for (const auto& s : by_work) lanes += s.lane_cycles;
  const double layers = static_cast<double>(t.layers);
  std::string text = fmt::format("A decode step takes {} µs: {} layers of {} µs each",
                                 told(t.step_us), t.layers, told(t.layer * t.cycle_us));
  const double exposed = (t.exposed_first + (layers - 1) * t.exposed) * t.cycle_us;
  text += exposed > 0
              ? fmt::format(", {} µs of exposed wakes ({} cycles in layer 0, {} in each other)",
                            told(exposed), t.exposed_first, t.exposed)
              : std::string(", no exposed wakes");
  text += fmt::format(
      ", {} µs for final norm{}, {} µs on the host link (drawn last; nothing hides it).",
      told((t.final_norm + t.head) * t.cycle_us), t.head > 0 ? " and LM head" : "",
      told(t.link_us));
  std::vector<std::string> out{text};
  out.push_back(fmt::format(
      "Of a layer's work, base projections are {}, adapters {}, attention {}, the vector unit {}; "
      "pipeline and tree latency is {:.0f} % of it. Base and adapter paths take turns on the same "
      "lanes: {:.1f} of {} lanes are active on average, {:.0f} % of lane cycles idle.",
      share(Work::base), share(Work::adapter), share(Work::attention), share(Work::vector),
      100 * latency / matrix_and_vector, lanes / layer, t.lanes,
      100 * (1 - lanes / layer / t.lanes)));
  if (t.wakes_by_matrix && t.exposed_first > 0)
    out.push_back(
        "Exposed wakes are drawn together at the layer's start, though each matrix has its "
        "own.");
  if (t.overlapped)
    out.push_back(
        "Token groups overlap matrix and vector work: each is drawn in sequence, though the "
        "two interleave.");
  return out;
}

}  // namespace

Figure timeline_figure(const Timeline& t) {
  const double layer_us = (t.layer + t.exposed_first) * t.cycle_us;
  const plot::Axis layer_x{"", 0, layer_us, false, false};
  Panel step{160,
             985,
             36,
             76,
             {"", 0, t.step_us, false, false},
             {"", 0, 1},
             {{0.5, "layers"}},
             {},
             fmt::format("one decode step: {} layers, {} µs", t.layers, told(t.step_us))};
  Panel layer{160,
              985,
              140,
              410,
              layer_x,
              {"", -8.5, 0.5},
              {{0, "op"}, {-8, "latency"}},
              {},
              fmt::format("layer 0, by resource: {} µs", told(layer_us))};
  for (std::size_t r = 0; r < Timeline::resources.size(); ++r)
    layer.y_names.emplace_back(-1 - static_cast<double>(r), std::string(Timeline::resources[r]));
  Panel lanes{
      160,
      985,
      425,
      520,
      {fmt::format("time in layer 0 [µs], 1 µs is {} cycles", told(1 / t.cycle_us)), 0, layer_us},
      {"active lanes", 0, t.lanes * 1.08},
      {{0, "0"}, {t.lanes / 2, told(t.lanes / 2)}, {t.lanes, fmt::format("{} (all)", t.lanes)}},
      {},
      ""};
  plot::Canvas canvas(1000, 640);
  draw_step(canvas, step, t);
  draw_layer(canvas, layer, t);
  draw_lanes(canvas, lanes, t);
  canvas.begin_overlay();
  // From layer 0 in the strip to the whole width below.
  const double right = step.pixel_x(layer_us);
  canvas.stroke({step.left, step.bottom}, {layer.left, layer.top}, {"#888888", 0.8, 2});
  canvas.stroke({right, step.bottom}, {layer.right, layer.top}, {"#888888", 0.8, 2});
  canvas.legend(582,
                {plot::box("base projection", ink::rom), plot::box("adapter", ink::sram),
                 plot::box("attention", ink::kv), plot::box("vector op", ink::vector),
                 plot::box("latency", ink::latency), plot::box("exposed wake", ink::rom_wake),
                 plot::box("host link", ink::host)},
                160);
  canvas.end();
  return {"timeline",
          "Timeline of a decode step, a layer and its lanes",
          fmt::format(
              "A strip of all {} layers of a decode step of {} µs; below it layer 0 in time, with "
              "the cycles each op needs of each resource, and the active lanes of {}.",
              t.layers, told(t.step_us), t.lanes),
          caption(t),
          canvas.script(),
          canvas.hovers()};
}

}  // namespace tomestimate::report
