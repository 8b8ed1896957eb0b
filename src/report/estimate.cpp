// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/reports.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <range/v3/algorithm/find.hpp>
#include <range/v3/algorithm/stable_sort.hpp>
#include <range/v3/view/enumerate.hpp>
#include <range/v3/view/filter.hpp>

#include <tomestimate/study/quantities.hpp>
#include <tomestimate/units/unit_text.hpp>

#include "binding.hpp"
#include "cells.hpp"

namespace tomestimate::report {
namespace {

namespace rv = ranges::views;
using engine::OpEstimate;
using engine::PassEstimate;
using Estimate = engine::Estimate<double>;
using Evaluation = study::Evaluation<double>;
using Layer = engine::LayerEstimate<double>;
using spec::Op;
using Hardware = spec::Hardware<double>;
using Model = spec::Model<double>;

// ---- what binds ----

Table binding_table(const Hardware& hw, const Model& m, const PassEstimate<double>& pass,
                    std::string id, std::string title) {
  Table table{std::move(id),
              std::move(title),
              {{"bound by", ""}, {"time", "us"}, {"share", "%"}, {"relieved by", ""}},
              {},
              {}};
  const auto parts = binding_cycles(hw, m, pass);
  double sum = 0;
  for (const auto& part : parts) sum += part.second;
  for (const auto& [name, cycles] : parts)
    table.rows.push_back({name, in(engine::seconds(hw, units::cycles(cycles)), "us"),
                          100 * cycles / sum, std::string(remedy(name))});
  if (pass.schedule.layer < pass.schedule.matrix + pass.schedule.vector)
    table.notes.push_back(
        "token groups overlap matrix and vector work, so these times add up to more than the pass");
  return table;
}

// ---- summary ----

Table summary_table(const Hardware& hw, const Evaluation& all) {
  Table table{
      "summary", "Summary", {{"metric", ""}, {"value", ""}, {"unit", ""}, {"what", ""}}, {}, {}};
  study::visit_metrics(hw, all, [&table](const study::Metric& metric, const auto& value) {
    table.rows.push_back({std::string(metric.name), printed(metric.name, in(value, metric.unit)),
                          std::string(metric.unit), std::string(metric.doc)});
  });
  return table;
}

// ---- layers and ops ----

// What takes the largest share of a layer's time, and that share.
std::string layer_binding(const Layer& layer) {
  std::map<std::string, double> by_name;
  double sum = layer.exposed_wake.value();
  for (const auto& op : layer.ops) {
    by_name[binding(op)] += total_cycles(op).value();
    sum += total_cycles(op).value();
  }
  const auto top = std::max_element(by_name.begin(), by_name.end(),
                                    [](auto& a, auto& b) { return a.second < b.second; });
  return fmt::format("{} ({:.0f} %)", top->first, 100 * top->second / sum);
}

Table layer_table(const Hardware& hw, const Hardware& ungated_hw, const Model& m,
                  const PassEstimate<double>& pass, const PassEstimate<double>& ungated,
                  std::string id, std::string title) {
  Table table{std::move(id), std::move(title), {{"layer", ""}}, {}, {}, true};
  for (std::size_t l = 0; l < m.layers; ++l) {
    const auto layer = engine::estimate_layer(hw, m, pass, l);
    const auto open = engine::estimate_layer(ungated_hw, m, ungated, l);
    Row row{std::to_string(l)};
    study::visit_layer_metrics(
        hw, m, pass.pass, layer, total(open.energy),
        [&](const study::LayerMetric& metric, const auto& value) {
          if (l == 0)
            table.columns.push_back({std::string(metric.heading), std::string(metric.unit)});
          row.push_back(in(value, metric.unit));
        });
    row.push_back(layer_binding(layer));
    table.rows.push_back(std::move(row));
  }
  table.columns.push_back({"bound by", ""});
  table.notes.push_back(
      "E: events of the layer, its ROM domains over the whole pass, leakage and clock while it "
      "runs");
  return table;
}

Cell cycles_cell(units::Cycles<double> c) { return c.value() == 0 ? Cell{} : Cell{c.value()}; }

Row op_row(const Hardware& hw, std::string name, const OpEstimate<double>& op, double width) {
  // Lane-active cycles over lane cycles, times how full those cycles were, is positions used over
  // positions offered.
  const double uses = op.macs_8bit + op.base_adds;
  const Cell edge = op.compute.value() == 0
                        ? Cell{}
                        : Cell{100 * engine::edge_utilization(hw, uses, op.compute, width)};
  return {std::move(name),
          cycles_cell(op.compute),
          cycles_cell(op.rom),
          cycles_cell(op.sram),
          cycles_cell(op.buffer),
          cycles_cell(op.tree),
          cycles_cell(op.broadcast),
          cycles_cell(op.vector),
          cycles_cell(op.latency),
          total_cycles(op).value(),
          edge,
          binding(op)};
}

Table op_table(const Hardware& hw, const Model& m, const PassEstimate<double>& pass, std::string id,
               std::string title) {
  Table table{std::move(id),
              std::move(title),
              {{"op", ""},
               {"compute", "cycle"},
               {"ROM", "cycle"},
               {"SRAM", "cycle"},
               {"buffer", "cycle"},
               {"tree", "cycle"},
               {"broadcast", "cycle"},
               {"vector", "cycle"},
               {"latency", "cycle"},
               {"total", "cycle"},
               {"PE use", "%"},
               {"bound by", ""}},
              {},
              {}};
  const double tokens = pass.pass.batch * pass.pass.fresh;
  for (const auto& [i, op] : pass.schedule.ops | rv::enumerate) {
    if (total_cycles(op).value() == 0) continue;
    const auto [kind, projection] = spec::info(static_cast<Op>(i));
    auto counted = op;
    const bool base = kind == spec::OpKind::linear;
    // Dense: a zero weight occupies its PE position all the same.
    const auto shape = spec::shape(m, projection);
    if (base) counted.base_adds = tokens * shape.outputs * shape.inputs;
    table.rows.push_back(
        op_row(hw, std::string(spec::op_names[i]), counted, base ? hw.pe.width : hw.pe.width_8bit));
  }
  table.rows.push_back(op_row(hw, "final_norm (once)", pass.schedule.final_norm, 1));
  if (hw.mapping.lm_head == spec::Placement::rom)
    table.rows.push_back(op_row(hw, "lm_head (once)", pass.schedule.lm_head, hw.pe.width_8bit));
  table.notes.push_back(
      "total = slowest resource + latency; PE use = edge losses of the shape only");
  return table;
}

// ---- energy, area, capacity ----

Table energy_table(const Evaluation& all) {
  Table table{"energy",
              "Energy of a decode step, with and without power gating",
              {{"component", ""},
               {"gated", "uJ"},
               {"share", "%"},
               {"power", "W"},
               {"ungated", "uJ"},
               {"ungated power", "W"}},
              {},
              {}};
  const auto& gated = all.base.decode;
  const auto& open = all.ungated.decode;
  const auto sum = total(gated.energy);
  std::vector<double> ungated;
  visit_energy(open.energy, [&](std::string_view, const auto& e) { ungated.push_back(e.value()); });
  std::size_t i = 0;
  visit_energy(gated.energy, [&](std::string_view name, const auto& e) {
    const auto other = units::Energy<double>::from_value(ungated[i++]);
    table.rows.push_back({std::string(name), in(e, "uJ"), 100 * (e / sum).value(),
                          in(e / gated.time, "W"), in(other, "uJ"), in(other / open.time, "W")});
  });
  table.rows.push_back({std::string("total"), in(sum, "uJ"), 100.0, in(sum / gated.time, "W"),
                        in(total(open.energy), "uJ"), in(total(open.energy) / open.time, "W")});
  return table;
}

// Power gating in words: is it on, is its latency hidden, does it pay?
void add_gating_notes(const Hardware& hw, const Model& m, const Estimate& e, Table& table) {
  if (hw.gating.enabled == spec::Switch::off) {
    table.notes.push_back("power gating is off in this spec: both sides are the same");
    return;
  }
  const auto& plan = e.decode.schedule;
  const auto sleep = e.tpot - engine::seconds(hw, plan.projections[0].awake);
  table.notes.push_back(fmt::format(
      "a domain sleeps {:.4g} us of each step; break-even is {:.4g} ns: gating {}", in(sleep, "us"),
      in(e.gating_break_even, "ns"), sleep > e.gating_break_even ? "pays" : "LOSES ENERGY"));
  table.notes.push_back(fmt::format(
      "wake takes {} cycles; exposed: {} in the first layer (cold), {} in each of the other {}",
      plan.wake.value(), plan.exposed_first.value(), plan.exposed.value(), m.layers - 1));
}

Table area_table(const Hardware& hw, const Estimate& e) {
  Table table{"area",
              "Area, and the ROM by the two alternatives",
              {{"component", ""}, {"area", "mm^2"}, {"share", "%"}, {"density", "MB/mm^2"}},
              {},
              {}};
  const auto chip = e.area.total();
  const auto add = [&](std::string name, units::Area<double> a, Cell density = {}) {
    table.rows.push_back(
        {std::move(name), in(a, "mm^2"), 100 * (a / chip).value(), std::move(density)});
  };
  const auto dense = [&](units::Area<double> a) {
    return Cell{in(engine::density(e.rom.stored, a), "MB/mm^2")};
  };
  add("ROM", e.area.rom, dense(e.area.rom));
  add("SRAM", e.area.sram, in(hw.sram.capacity / e.area.sram, "MB/mm^2"));
  add("PEs", e.area.pe);
  add("vector unit", e.area.vector);
  add("control and trees", e.area.control);
  add("chip", chip);
  add("ROM if sparse logic", e.rom.sparse_logic, dense(e.rom.sparse_logic));
  add("ROM if compiled macro", e.rom.macro, dense(e.rom.macro));
  add("ROM if SRAM", e.rom.sram, dense(e.rom.sram));
  return table;
}

Table capacity_table(const Estimate& e) {
  Table table{"capacity",
              "SRAM capacity",
              {{"phase", ""},
               {"available", "MB"},
               {"adapters", "MB"},
               {"workspace", "MB"},
               {"KV cache", "MB"},
               {"used", "%"},
               {"context", ""},
               {"max context", ""},
               {"max rank", ""}},
              {},
              {}};
  const auto add = [&](std::string phase, const engine::Capacity<double>& c) {
    table.rows.push_back({std::move(phase), in(c.available, "MB"), in(c.adapters, "MB"),
                          in(c.workspace, "MB"), in(c.kv, "MB"),
                          100 * (c.used() / c.available).value(), c.context, c.max_context,
                          std::max(0.0, c.max_rank)});
  };
  add("decode", e.decode_capacity);
  add("prefill", e.prefill_capacity);
  return table;
}

// Why a phase does not fit the SRAM; nullopt if it does.
std::optional<std::string> misfit(const Hardware& hw, const engine::Capacity<double>& c,
                                  std::string_view what) {
  if (c.adapters + c.workspace > c.available)
    return fmt::format(
        "SRAM of {:.4g} MB can't hold adapters ({:.4g} MB) and workspace ({:.4g} MB) for {}: "
        "the highest rank that fits is {:.0f}",
        in(c.available, "MB"), in(c.adapters, "MB"), in(c.workspace, "MB"), what,
        std::max(0.0, c.max_rank));
  if (c.context > c.max_context && hw.sram.spill == spec::Spill::error)
    return fmt::format(
        "{} of {:.0f} tokens does not fit the SRAM: {:.4g} MB, less adapters ({:.4g} MB) and "
        "workspace ({:.4g} MB), hold {:.0f}. Take less context or rank, more SRAM, or "
        "sram.spill = \"host\"",
        what, c.context, in(c.available, "MB"), in(c.adapters, "MB"), in(c.workspace, "MB"),
        c.max_context);
  return std::nullopt;
}

std::optional<std::string> misfit(const Hardware& hw, const Estimate& e) {
  const auto decode = misfit(hw, e.decode_capacity, "decode context");
  return decode ? decode : misfit(hw, e.prefill_capacity, "prompt");
}

// ---- assumptions and lead ----

bool is_assumed(const spec::Sourced& v) {
  return v.grade == spec::Grade::assumption || v.grade == spec::Grade::calibrated;
}

// Most important first: by the largest elasticity of any of these metrics.
Table assumption_table(const study::Specs& specs) {
  const std::vector<std::string> metrics{"throughput", "power", "area"};
  Table table{"assumptions",
              "Assumptions and calibrated values behind these numbers, most important first",
              {{"value", ""},
               {"is", ""},
               {"grade", ""},
               {"throughput", "el."},
               {"power", "el."},
               {"area", "el."},
               {"source", ""},
               {"place", ""}},
              {},
              {}};
  const auto slopes = study::slopes(specs, metrics);
  std::vector<std::pair<double, Row>> ranked;
  for (const auto* list : {&specs.hardware.sourced, &specs.model.sourced})
    for (const auto& v : *list | rv::filter(is_assumed)) {
      Row row{v.path, v.text, std::string(spec::name(v.grade))};
      const auto found =
          ranges::find(slopes, v.path, [](const auto& s) { return s.parameter.path; });
      double most = 0;
      for (std::size_t i = 0; i < metrics.size(); ++i) {
        const auto elasticity =
            found == slopes.end() ? std::nullopt : found->by_metric[i].elasticity;
        row.push_back(elasticity ? Cell{*elasticity} : Cell{});
        most = std::max(most, std::abs(elasticity.value_or(0)));
      }
      row.push_back(v.source);
      row.push_back(fmt::format("{}:{}", v.place.file, v.place.line));
      ranked.emplace_back(most, std::move(row));
    }
  ranges::stable_sort(ranked, std::greater{}, [](const auto& entry) { return entry.first; });
  for (auto& entry : ranked) table.rows.push_back(std::move(entry.second));
  table.notes.push_back(
      "el.: elasticity, % of change of the metric for 1 % more of the value; of a whole number the "
      "mean "
      "between half and twice of it; empty for switches and names");
  return table;
}

std::string binding_text(const Hardware& hw, const Model& m, const PassEstimate<double>& decode) {
  const auto parts = binding_cycles(hw, m, decode);
  double sum = 0;
  for (const auto& part : parts) sum += part.second;
  return fmt::format("binds: {} takes {:.0f} % of a decode step; relieved by {}", parts[0].first,
                     100 * parts[0].second / sum, remedy(parts[0].first));
}

std::vector<std::string> lead(const HardwareSpec& hardware, const ModelSpec& model,
                              const Evaluation& all) {
  const auto& hw = hardware.values;
  const auto& m = model.values;
  const auto& e = all.base;
  std::vector<std::string> text{
      fmt::format("workload: batch {:.0f}, prompt {:.0f} tokens, decode at context {:.0f}",
                  m.workload.batch, m.workload.prompt, m.workload.context),
      fmt::format("{:.0f} token/s, {:.3g} W, {:.4g} uJ/token, {:.3g} mm^2",
                  in(e.throughput, "token/s"), in(e.power, "W"), in(e.energy_per_token, "uJ/token"),
                  in(e.area.total(), "mm^2")),
      binding_text(hw, m, e.decode)};
  if (hw.mapping.lm_head == spec::Placement::host)
    text.push_back(fmt::format(
        "CAUTION: LM head and embedding are on the host, whose time is not counted. On the chip "
        "({} in ROM) it would be {:.0f} token/s and {:.3g} mm^2",
        fmt::format("{:.0f} bit", m.embedding.bits.value()),
        in(all.head_on_chip.throughput, "token/s"), in(all.head_on_chip.area.total(), "mm^2")));
  const auto spilled = [&](const engine::Capacity<double>& c, std::string_view phase) {
    if (c.context > c.max_context)
      text.push_back(fmt::format("SPILL: {} keeps {:.0f} of {:.0f} KV positions on the host link",
                                 phase, c.context - c.max_context, c.context));
  };
  const double most = std::max(e.decode.dense_macs, e.prefill.dense_macs);
  if (most > 0x1p53)
    text.push_back(fmt::format(
        "CAUTION: counts above 2^53 (9.0e15) are rounded; a pass has {:.3g} multiplications",
        most));
  spilled(e.decode_capacity, "decode");
  spilled(e.prefill_capacity, "prefill");
  return text;
}

}  // namespace

std::string binding_sentence(const HardwareSpec& hardware, const ModelSpec& model) {
  const auto& hw = hardware.values;
  return binding_text(hw, model.values, engine::estimate(hw, model.values).decode);
}

std::optional<std::string> does_not_fit(const HardwareSpec& hardware, const ModelSpec& model) {
  return misfit(hardware.values, engine::estimate(hardware.values, model.values));
}

Document estimate_document(const HardwareSpec& hardware, const ModelSpec& model) {
  const auto& hw = hardware.values;
  const auto& m = model.values;
  const auto all = study::evaluate(hw, m);
  if (const auto why = misfit(hw, all.base)) throw std::domain_error(*why);
  auto ungated_hw = hw;
  ungated_hw.gating.enabled = spec::Switch::off;

  Document document{
      fmt::format("{} running {}", hardware.name, model.name), lead(hardware, model, all), {}};
  auto& tables = document.tables;
  tables.push_back(summary_table(hw, all));
  tables.push_back(binding_table(hw, m, all.base.decode, "binds-decode", "What binds decode"));
  tables.push_back(binding_table(hw, m, all.base.prefill, "binds-prefill", "What binds prefill"));
  tables.push_back(layer_table(hw, ungated_hw, m, all.base.decode, all.ungated.decode,
                               "layers-decode", "Layers, one decode step"));
  tables.push_back(layer_table(hw, ungated_hw, m, all.base.prefill, all.ungated.prefill,
                               "layers-prefill", "Layers, prefill of the prompt"));
  tables.push_back(op_table(hw, m, all.base.decode, "ops-decode", "Ops of a layer, decode"));
  tables.push_back(op_table(hw, m, all.base.prefill, "ops-prefill", "Ops of a layer, prefill"));
  tables.push_back(energy_table(all));
  add_gating_notes(hw, m, all.base, tables.back());
  tables.push_back(area_table(hw, all.base));
  tables.push_back(capacity_table(all.base));
  tables.push_back(assumption_table({hardware, model}));
  return document;
}

}  // namespace tomestimate::report
