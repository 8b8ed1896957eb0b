// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/reports.hpp>

#include <algorithm>
#include <cmath>
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

#include <tomestimate/report/figures.hpp>
#include <tomestimate/spec/changes.hpp>
#include <tomestimate/study/cautions.hpp>
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
                          100 * cycles / sum, std::string(remedy(name, hw, m))});
  table.notes.push_back("of the time on the chip; work that other classes hide does not count");
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
  for (const auto& op : layer.plan.ops) {
    by_name[binding(op)] += total_cycles(op).value();
    sum += total_cycles(op).value();
  }
  const auto top = std::max_element(by_name.begin(), by_name.end(),
                                    [](auto& a, auto& b) { return a.second < b.second; });
  return fmt::format("{} ({:.0f} %)", top->first, 100 * top->second / sum);
}

Table layer_table(const Hardware& hw, const Model& m, const engine::Common<double>& common,
                  const PassEstimate<double>& pass, const PassEstimate<double>& ungated,
                  std::string id, std::string title) {
  const auto ungated_hw = study::without_gating(hw);
  Table table{std::move(id), std::move(title), {{"layer", ""}}, {}, {}, true};
  for (std::size_t l = 0; l < m.layers; ++l) {
    const auto layer = engine::estimate_layer(hw, m, common, pass, l);
    const auto open = engine::estimate_layer(ungated_hw, m, common, ungated, l);
    Row row{std::to_string(l)};
    study::visit_layer_metrics(
        hw, layer, total(open.energy), [&](const study::LayerMetric& metric, const auto& value) {
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

Row op_row(std::string name, std::string_view on, Cell start, const OpEstimate<double>& op) {
  return {std::move(name),
          std::string(on),
          std::move(start),
          cycles_cell(op.compute),
          cycles_cell(op.memory),
          cycles_cell(op.sram),
          cycles_cell(op.buffer),
          cycles_cell(op.tree),
          cycles_cell(op.broadcast),
          cycles_cell(op.vector),
          cycles_cell(op.latency),
          total_cycles(op).value(),
          binding(op)};
}

// What the spec calls a class of units.
std::string_view class_label(const spec::Labels& labels, engine::Class c) {
  if (c == engine::Class::base) return labels.base;
  return c == engine::Class::side ? std::string_view(labels.side) : "vector unit";
}

Table op_table(const HardwareSpec& hardware, const PassEstimate<double>& pass, std::string id,
               std::string title) {
  const auto& hw = hardware.values;
  Table table{std::move(id),
              std::move(title),
              {{"op", ""},
               {"on", ""},
               {"start", "cycle", -1},
               {"compute", "cycle"},
               {"weights", "cycle"},
               {"SRAM", "cycle"},
               {"buffer", "cycle"},
               {"tree", "cycle"},
               {"bus", "cycle"},
               {"vector", "cycle"},
               {"latency", "cycle"},
               {"total", "cycle", 1},
               {"bound by", "", 1}},
              {},
              {}};
  for (const auto& [i, op] : pass.layer.ops | rv::enumerate) {
    if (total_cycles(op).value() == 0) continue;
    const auto id_of = static_cast<Op>(i);
    table.rows.push_back(op_row(std::string(spec::op_names[i]),
                                class_label(hardware.labels, engine::class_of(hw.map, id_of)),
                                pass.layer.start[i].value(), op));
  }
  if (hw.map.head == spec::HeadPlace::rom) {
    table.rows.push_back(op_row("final_norm (once)", "vector unit", {}, pass.final_norm));
    table.rows.push_back(op_row("lm_head (once)", hardware.labels.base, {}, pass.lm_head));
  }
  table.notes.push_back(
      fmt::format("total = slowest resource + latency; the layer takes {:.0f} cycles: {:.0f} on "
                  "its longest path, "
                  "{:.0f} of {}, {:.0f} of {}, {:.0f} of the vector unit",
                  pass.layer.cycles.value(), pass.layer.path.value(), pass.layer.load[0].value(),
                  hardware.labels.base, pass.layer.load[1].value(), hardware.labels.side,
                  pass.layer.load[2].value()));
  return table;
}

// ---- energy, area, capacity ----

// Power gating in words: is it on, and is its latency hidden?
void add_gating_notes(const Hardware& hw, const Model& m, const Estimate& e, Table& table) {
  const auto& plan = e.decode;
  switch (hw.gating.mode) {
    case spec::GatingMode::none:
      table.notes.push_back("no gating in this spec: both sides are the same");
      return;
    case spec::GatingMode::isolation:
      table.notes.push_back("idle banks see no address change; nothing is cut off from the supply");
      return;
    case spec::GatingMode::switches:
      break;
  }
  table.notes.push_back(fmt::format(
      "wake takes {} cycles; exposed: {} in the first layer (cold), {} in the other {} together",
      plan.wake.value(), plan.exposed_first.value(), plan.exposed.value(), m.layers - 1));
}

Table energy_table(const Hardware& hw, const Model& m, const Evaluation& all) {
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
  add_gating_notes(hw, m, all.base, table);
  return table;
}

Table area_table(const Hardware& hw, const Estimate& e) {
  Table table{"area",
              "Area, and the ROM by the two alternatives",
              {{"component", ""}, {"area", "mm^2"}, {"share", "%"}, {"density", "MiB/mm^2"}},
              {},
              {}};
  const auto& area = e.common.area;
  const auto chip = area.total();
  const auto add = [&](std::string name, units::Area<double> a, Cell density = {}) {
    table.rows.push_back(
        {std::move(name), in(a, "mm^2"), 100 * (a / chip).value(), std::move(density)});
  };
  const auto dense = [&](units::Area<double> a) {
    return Cell{in(engine::density(e.rom.stored, a), "MiB/mm^2")};
  };
  if (uses_rom(hw)) add("ROM", area.rom, dense(area.rom));
  add("SRAM", area.sram, in(hw.sram.capacity / area.sram, "MiB/mm^2"));
  add("base units", area.base);
  if (uses_side(hw)) add("side units", area.side);
  add("vector units", area.vector);
  add("buffers and workspace", area.buffers);
  add("bus and links", area.wires);
  add("control", area.control);
  add("chip", chip);
  if (!uses_rom(hw)) return table;
  add("ROM if sparse logic", e.rom.sparse_logic, dense(e.rom.sparse_logic));
  add("ROM if compiled", e.rom.compiled, dense(e.rom.compiled));
  add("ROM if SRAM", e.rom.sram, dense(e.rom.sram));
  return table;
}

Table capacity_table(const Estimate& e) {
  Table table{"capacity",
              "SRAM and workspace",
              {{"phase", ""},
               {"SRAM", "MiB"},
               {"adapters", "MiB"},
               {"KV cache", "MiB"},
               {"used", "%"},
               {"context", ""},
               {"max context", ""},
               {"max rank", ""},
               {"workspace", "MiB"},
               {"residuals", "MiB"}},
              {},
              {}};
  const auto add = [&](std::string phase, const engine::Capacity<double>& c) {
    table.rows.push_back({std::move(phase), in(c.available, "MiB"), in(c.adapters, "MiB"),
                          in(c.kv, "MiB"), 100 * (c.used() / c.available).value(), c.context,
                          c.max_context, c.max_rank, in(c.workspace_available, "MiB"),
                          in(c.workspace, "MiB")});
  };
  add("decode", e.decode_capacity);
  add("prefill", e.prefill_capacity);
  return table;
}

// What is in the SRAM beside the KV of layers that attend to all positions: "adapters (3 MiB) and
// KV in windows (2 MiB)"; "" if nothing is.
std::string beside_kv(const engine::Capacity<double>& c) {
  const auto windowed = c.available - c.adapters - c.room;
  std::vector<std::string> parts;
  if (c.adapters.value() > 0)
    parts.push_back(fmt::format("adapters ({:.4g} MiB)", in(c.adapters, "MiB")));
  if (windowed.value() > 0.5)
    parts.push_back(fmt::format("KV in windows ({:.4g} MiB)", in(windowed, "MiB")));
  return fmt::format("{}", fmt::join(parts, " and "));
}

// What would make room.
std::string more_room(const engine::Capacity<double>& c) {
  if (c.adapters.value() == 0) return "Take a shorter model.window, a smaller batch or more SRAM";
  return c.max_rank > 0 ? fmt::format("The highest adapter.rank that fits is {:.0f}", c.max_rank)
                        : "No adapter.rank fits: take less context, a smaller batch or more SRAM";
}

// Why a phase does not fit the memories; nullopt if it does.
std::optional<std::string> misfit(const Hardware& hw, const engine::Capacity<double>& c,
                                  std::string_view what) {
  if (c.workspace > c.workspace_available)
    return fmt::format(
        "the workspace of {:.4g} MiB can't hold the residual stream ({:.4g} MiB) of {}. Take fewer "
        "tokens or a larger workspace.capacity",
        in(c.workspace_available, "MiB"), in(c.workspace, "MiB"), what);
  const auto beside = beside_kv(c);
  if (c.room.value() < 0)
    return fmt::format("SRAM of {:.4g} MiB can't hold {} for {}. {}", in(c.available, "MiB"),
                       beside, what, more_room(c));
  if (c.context > c.max_context && hw.sram.spill == spec::Spill::error)
    return fmt::format(
        "{} of {:.0f} tokens does not fit the SRAM: {:.4g} MiB{} hold {:.0f}. Take less context{}, "
        "more SRAM, or sram.spill = \"host\"",
        what, c.context, in(c.available, "MiB"), beside.empty() ? "" : ", less " + beside + ",",
        c.max_context, c.adapters.value() > 0 ? " or rank" : "");
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
                     100 * parts[0].second / sum, remedy(parts[0].first, hw, m));
}

// How many of the numbers behind the estimate were fitted to published figures.
std::string fitted_text(const study::Specs& specs) {
  std::size_t fitted = 0, assumed = 0, all = 0;
  std::string first;
  for (const auto* list : {&specs.hardware.sourced, &specs.model.sourced})
    for (const auto& v : *list) {
      ++all;
      if (v.grade == spec::Grade::assumption) ++assumed;
      if (v.grade != spec::Grade::calibrated) continue;
      if (fitted++ < 3) first += (first.empty() ? "" : ", ") + v.path;
    }
  if (fitted == 0)
    return fmt::format("of {} spec values none is fitted to a published figure; {} are assumptions",
                       all, assumed);
  return fmt::format(
      "FITTED: {} of {} spec values were fitted to published figures ({}{}): what "
      "hangs on them proves nothing; {} are assumptions",
      fitted, all, first, fitted > 3 ? ", ..." : "", assumed);
}

std::string workload_text(const Model& m) {
  return fmt::format("workload: batch {:.0f}, prompt {:.0f} tokens, decode at context {:.0f}",
                     m.workload.batch, m.workload.prompt, m.workload.context);
}

void add_spills(const Estimate& e, std::vector<std::string>& text) {
  const auto spilled = [&](const engine::Capacity<double>& c, std::string_view phase) {
    if (c.context > c.max_context)
      text.push_back(fmt::format("SPILL: {} keeps {:.0f} of {:.0f} KV positions off the chip",
                                 phase, c.context - c.max_context, c.context));
  };
  spilled(e.decode_capacity, "decode");
  spilled(e.prefill_capacity, "prefill");
}

// Doubles count exactly up to 2^53.
void add_rounding(const Estimate& e, std::vector<std::string>& text) {
  const double most = std::max(e.decode.base_macs + e.decode.macs.total(),
                               e.prefill.base_macs + e.prefill.macs.total());
  if (most > 0x1p53)
    text.push_back(fmt::format(
        "CAUTION: counts above 2^53 (9.0e15) are rounded; a pass has {:.3g} multiplications",
        most));
}

// Power while decoding, in the layer that draws most, and over a token with what the chip waits
// for. In lockstep all layers work at once, and none draws most.
std::string power_text(const Hardware& hw, const Model& m, const Estimate& e) {
  const auto& d = e.decode;
  const double average = in((total(d.energy) + d.waiting) / d.end_to_end, "W");
  auto text = fmt::format("power of the chip: {:.3g} W while decoding", in(e.chip.power, "W"));
  if (hw.schedule.layers == spec::LayerSchedule::sequential) {
    double most = 0;
    std::size_t worst = 0;
    for (std::size_t l = 0; l < m.layers; ++l)
      if (const double p = in(engine::estimate_layer(hw, m, e.common, d, l).power, "W");
          p > most * (1 + 1e-9)) {
        most = p;
        worst = l;
      }
    text += fmt::format(", {:.3g} W in the layer that draws most (layer {})", most, worst);
    if (most < in(e.chip.power, "W")) text += ", and more in the LM head";
  }
  return text +
         fmt::format(", {:.3g} W over a token end to end, where it waits {:.0f} % of the time",
                     average, 100 * (1 - d.time.value() / d.end_to_end.value()));
}

std::vector<std::string> lead(const HardwareSpec& hardware, const ModelSpec& model,
                              const Evaluation& all) {
  const auto& hw = hardware.values;
  const auto& m = model.values;
  const auto& e = all.base;
  std::vector<std::string> text{
      workload_text(m),
      fmt::format("on the chip: {:.0f} token/s, {:.3g} W, {:.4g} uJ/token, {:.3g} mm^2",
                  in(e.chip.throughput, "token/s"), in(e.chip.power, "W"),
                  in(e.chip.energy_per_token, "uJ/token"), in(e.common.area.total(), "mm^2")),
      binding_text(hw, m, e.decode), power_text(hw, m, e)};
  if (hw.map.head == spec::HeadPlace::host)
    text.push_back(fmt::format(
        "end to end, with host link and LM head on the host: {:.0f} token/s, {:.4g} uJ/token. With "
        "the "
        "LM head in ROM ({:.0f} bit) the chip would make {:.0f} token/s on {:.3g} mm^2",
        in(e.end_to_end.throughput, "token/s"), in(e.end_to_end.energy_per_token, "uJ/token"),
        m.embedding.bits.value(), in(all.head_on_chip.chip.throughput, "token/s"),
        in(all.head_on_chip.common.area.total(), "mm^2")));
  else
    text.push_back(fmt::format(
        "end to end, with host link: {:.0f} token/s, {:.4g} uJ/token{}",
        in(e.end_to_end.throughput, "token/s"), in(e.end_to_end.energy_per_token, "uJ/token"),
        hw.map.head == spec::HeadPlace::none ? "; no LM head is in these numbers" : ""));
  add_rounding(e, text);
  add_spills(e, text);
  text.push_back(fitted_text({hardware, model}));
  return text;
}

// ---- in brief ----

// "chip.clock = 1 GHz, ..." of what was set for this run; "" if nothing was.
std::string changes(const std::vector<spec::Sourced>& values) {
  std::string text;
  for (const auto& v : values | rv::filter(spec::was_set))
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", v.path, v.text);
  return text;
}

std::string named(const std::string& name, const std::vector<spec::Sourced>& values) {
  const auto text = changes(values);
  return text.empty() ? name : fmt::format("{} with {}", name, text);
}

Table key_table(const Hardware& hw, const Evaluation& all) {
  Table table{
      "key",
      "Key results",
      {{"result", ""}, {"unit", ""}, {"on the chip", ""}, {"end to end", ""}, {"metric", ""}},
      {},
      {}};
  std::map<std::string_view, std::pair<double, std::string_view>> values;
  study::visit_metrics(hw, all, [&values](const study::Metric& metric, const auto& value) {
    values[metric.name] = {in(value, metric.unit), metric.unit};
  });
  using Line = std::pair<std::string_view, std::string_view>;
  for (const auto& [what, metric] :
       {Line{"decode throughput", "throughput"}, Line{"time per output token", "tpot"},
        Line{"time to first token", "ttft"}, Line{"power, decoding", "power"},
        Line{"energy per token", "energy_per_token"}, Line{"area", "area"},
        Line{"longest context that fits", "max_context"}}) {
    const auto whole = values.find(fmt::format("end_to_end.{}", metric));
    table.rows.push_back(
        {std::string(what), std::string(values.at(metric).second), values.at(metric).first,
         whole == values.end() ? Cell{} : Cell{whole->second.first}, std::string(metric)});
  }
  return table;
}

// The parts of a total that are 1 % of it and more, largest first.
using NamedParts = std::vector<std::pair<std::string, double>>;

NamedParts largest(NamedParts parts, double total, std::size_t most) {
  std::erase_if(parts, [total](const auto& part) { return part.second < 0.01 * total; });
  ranges::stable_sort(parts, std::greater{}, [](const auto& part) { return part.second; });
  if (parts.size() > most) parts.resize(most);
  return parts;
}

// Power and area side by side.
Table parts_table(const Hardware& hw, const Evaluation& all) {
  constexpr std::size_t most = 6;
  Table table{"parts",
              "Where power and area go",
              {{"power of", ""},
               {"power", "W"},
               {"share", "%"},
               {"area of", ""},
               {"area", "mm^2"},
               {"share", "%"}},
              {},
              {}};
  NamedParts power, area;
  const auto& decode = all.base.decode;
  visit_energy(decode.energy, [&](std::string_view name, const auto& e) {
    power.emplace_back(name, in(e / decode.time, "W"));
  });
  for (const auto& row : area_table(hw, all.base).rows) {
    const auto& name = std::get<std::string>(row[0]);
    if (name == "chip") break;
    area.emplace_back(name, std::get<double>(row[1]));
  }
  const double watts = in(total(decode.energy) / decode.time, "W");
  const double size = in(all.base.common.area.total(), "mm^2");
  power = largest(std::move(power), watts, most);
  area = largest(std::move(area), size, most);
  for (std::size_t i = 0; i < std::max(power.size(), area.size()); ++i) {
    Row row;
    const auto put = [&row, i](const NamedParts& parts, double whole) {
      if (i >= parts.size())
        row.insert(row.end(), {Cell{}, Cell{}, Cell{}});
      else
        row.insert(row.end(), {Cell{parts[i].first}, Cell{parts[i].second},
                               Cell{100 * parts[i].second / whole}});
    };
    put(power, watts);
    put(area, size);
    table.rows.push_back(std::move(row));
  }
  return table;
}

// What binds decode beside what doubling something brings.
Table relief_table(const Hardware& hw, const Model& m, const PassEstimate<double>& decode) {
  constexpr std::size_t most = 5;
  Table table{"relief",
              "What binds decode, and what relief brings",
              {{"bound by", ""}, {"time", "%"}, {"twice the", ""}, {"throughput", "%"}},
              {},
              {}};
  const auto binds = binding_cycles(hw, m, decode);
  auto gains = doublings(hw, m, decode.pass);
  std::erase_if(gains, [](const Doubling& d) { return std::abs(d.gain) < 0.005; });
  double sum = 0;
  for (const auto& part : binds) sum += part.second;
  for (std::size_t i = 0; i < std::min(most, std::max(binds.size(), gains.size())); ++i) {
    Row row(4);
    if (i < binds.size()) {
      row[0] = binds[i].first;
      row[1] = 100 * binds[i].second / sum;
    }
    if (i < gains.size()) {
      row[2] = gains[i].what;
      row[3] = fmt::format("{:+.0f}", 100 * gains[i].gain);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Speed on the chip and with the host, which differ, and why.
std::string scopes_text(const Hardware& hw, const Evaluation& all) {
  const auto& e = all.base;
  auto text =
      fmt::format("on the chip {:.0f} token/s, end to end {:.0f}: the latter with host link",
                  in(e.chip.throughput, "token/s"), in(e.end_to_end.throughput, "token/s"));
  if (hw.map.head == spec::HeadPlace::host)
    return text + fmt::format(
                      " and the LM head on the host (in ROM it would be {:.0f} token/s on "
                      "{:.3g} mm^2)",
                      in(all.head_on_chip.chip.throughput, "token/s"),
                      in(all.head_on_chip.common.area.total(), "mm^2"));
  return text + (hw.map.head == spec::HeadPlace::none ? "; no LM head is in either" : "");
}

std::vector<std::string> brief_lead(const HardwareSpec& hardware, const ModelSpec& model,
                                    const Evaluation& all) {
  std::vector<std::string> text{workload_text(model.values), scopes_text(hardware.values, all),
                                binding_text(hardware.values, model.values, all.base.decode),
                                power_text(hardware.values, model.values, all.base)};
  add_rounding(all.base, text);
  add_spills(all.base, text);
  text.push_back(fitted_text({hardware, model}));
  return text;
}

}  // namespace

std::string design_title(const HardwareSpec& hardware, const ModelSpec& model) {
  return fmt::format("{} running {}", named(hardware.name, hardware.sourced),
                     named(model.name, model.sourced));
}

Document estimate_brief(const HardwareSpec& hardware, const ModelSpec& model) {
  const auto& hw = hardware.values;
  const auto& m = model.values;
  const auto all = study::evaluate(hw, m);
  if (const auto why = misfit(hw, all.base)) throw std::domain_error(*why);
  const auto& decode = all.base.decode;
  Document document{design_title(hardware, model),
                    brief_lead(hardware, model, all),
                    {key_table(hw, all), relief_table(hw, m, decode), parts_table(hw, all)}};
  add_cautions(document, study::cautions({hardware, model}));
  return document;
}

std::string binding_sentence(const HardwareSpec& hardware, const ModelSpec& model) {
  const auto& hw = hardware.values;
  return binding_text(hw, model.values, engine::estimate(hw, model.values).decode);
}

std::optional<std::string> does_not_fit(const HardwareSpec& hardware, const ModelSpec& model) {
  return misfit(hardware.values, engine::estimate(hardware.values, model.values));
}

Document estimate_document(const HardwareSpec& hardware, const ModelSpec& model,
                           std::string_view only) {
  const auto& hw = hardware.values;
  const auto& m = model.values;
  const auto all = study::evaluate(hw, m);
  if (const auto why = misfit(hw, all.base)) throw std::domain_error(*why);
  const auto& decode = all.base.decode;
  const auto& prefill = all.base.prefill;

  Document document{design_title(hardware, model), lead(hardware, model, all), {}};
  add_cautions(document, study::cautions({hardware, model}));
  const auto add = [&](std::string_view id, const auto& make) {
    if (only.empty() || only == id) document.tables.push_back(make(std::string(id)));
  };
  add("summary", [&](auto) { return summary_table(hw, all); });
  add("binds-decode",
      [&](auto id) { return binding_table(hw, m, decode, id, "What binds decode"); });
  add("binds-prefill",
      [&](auto id) { return binding_table(hw, m, prefill, id, "What binds prefill"); });
  add("layers-decode", [&](auto id) {
    return layer_table(hw, m, all.base.common, decode, all.ungated.decode, id,
                       "Layers, one decode step");
  });
  add("layers-prefill", [&](auto id) {
    return layer_table(hw, m, all.base.common, prefill, all.ungated.prefill, id,
                       "Layers, prefill of the prompt");
  });
  add("ops-decode",
      [&](auto id) { return op_table(hardware, decode, id, "Ops of a layer, decode"); });
  add("ops-prefill",
      [&](auto id) { return op_table(hardware, prefill, id, "Ops of a layer, prefill"); });
  add("energy", [&](auto) { return energy_table(hw, m, all); });
  add("area", [&](auto) { return area_table(hw, all.base); });
  add("capacity", [&](auto) { return capacity_table(all.base); });
  add("assumptions", [&](auto) { return assumption_table({hardware, model}); });
  return document.tables.empty() ? estimate_document(hardware, model) : document;
}

}  // namespace tomestimate::report
