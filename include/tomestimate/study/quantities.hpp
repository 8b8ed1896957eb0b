// SPDX-License-Identifier: Apache-2.0
// The engine's results by name: what one layer does, and every quantity between the spec values and
// the metrics ("decode.gate.cycles", "decode.energy.rom_read"). Generic over the number type:
// reports read doubles, explain and the workbook read symbols.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include <tomestimate/study/evaluation.hpp>

namespace tomestimate::study {

struct LayerMetric {
  std::string_view name;
  std::string_view heading;  // of its column in a table
  std::string_view unit;     // display unit; "" for a bare number
  std::string_view doc;
};

// SRAM traffic of a layer by purpose.
template <class T>
struct SramTraffic {
  units::Bits<T> adapter{}, kv_read{}, kv_write{};
};

template <class T>
SramTraffic<T> sram_traffic(const engine::LayerEstimate<T>& layer) {
  SramTraffic<T> t;
  for (std::size_t i = 0; i < layer.plan.ops.size(); ++i) {
    const auto& op = layer.plan.ops[i];
    const auto id = static_cast<spec::Op>(i);
    const auto kind = spec::info(id).kind;
    if (kind == spec::OpKind::lora_a || kind == spec::OpKind::lora_b) t.adapter += op.sram_read;
    if (kind == spec::OpKind::attention) t.kv_read += op.sram_read;
    if (id == spec::Op::rope) t.kv_write += op.sram_write;
  }
  return t;
}

// Calls visit(LayerMetric, value) for every metric of one layer of a pass. `energy_ungated` is the
// layer's energy in the same pass without power gating.
template <class T, class Visit>
void visit_layer_metrics(const spec::Hardware<T>& hw, const engine::LayerEstimate<T>& layer,
                         const units::Energy<T>& energy_ungated, Visit&& visit) {
  const auto areas = engine::rom_alternatives(hw, layer.stored);
  const auto traffic = sram_traffic(layer);
  const auto time = engine::seconds(hw, layer.cycles);
  visit(LayerMetric{"time", "time", "us", "time of the layer, exposed wakes included"}, time);
  visit(LayerMetric{"exposed_wake", "wake", "cycle", "wake latency that nothing hides"},
        layer.exposed_wake);
  visit(LayerMetric{"rom_bits", "ROM", "Mbit", "bits read from ROM"}, layer.events.rom_bits);
  visit(LayerMetric{"one_bit_share", "1-bits", "%", "share of its stored bits that are 1"},
        T(layer.stored.ones / layer.stored.all));
  visit(LayerMetric{"rom_rate", "ROM rate", "TB/s", "ROM bits read per second while it runs"},
        layer.events.rom_bits / time);
  visit(LayerMetric{"rom_area", "area", "mm^2", "area of its ROM, power switches not counted"},
        layer.rom_area);
  visit(LayerMetric{"rom_area_compiled", "compiled", "mm^2", "the same bits in a compiled ROM"},
        areas.compiled);
  visit(LayerMetric{"rom_area_as_sram", "as SRAM", "mm^2", "the same bits in SRAM"}, areas.sram);
  visit(LayerMetric{"adapter_traffic", "adapter", "Mbit", "adapter weights read from SRAM"},
        traffic.adapter);
  visit(LayerMetric{"kv_read", "KV read", "Mbit", "keys and values read from SRAM"},
        traffic.kv_read);
  visit(LayerMetric{"kv_write", "KV write", "Mbit", "keys and values written to SRAM"},
        traffic.kv_write);
  visit(
      LayerMetric{"buffer_traffic", "act. buffer", "Mbit", "activation buffers, read and written"},
      layer.events.buffer_read + layer.events.buffer_write);
  visit(
      LayerMetric{
          "energy", "E gated", "uJ",
          "its events, its ROM domains over the whole pass, leakage and clock while it runs"},
      total(layer.energy));
  visit(LayerMetric{"power", "power", "W", "of the chip while it runs, its wake counted here"},
        layer.power);
  visit(LayerMetric{"energy_ungated", "E ungated", "uJ", "the same without power gating"},
        energy_ungated);
}

namespace detail {

using Name = std::string;

template <class T, class Visit>
void visit_op_quantities(const Name& name, const engine::OpEstimate<T>& op, Visit&& visit) {
  engine::visit_op(op, [&](std::string_view count, const auto& value) {
    visit(fmt::format("{}.{}", name, count), "", Role::step, value);
  });
  visit(name + ".cycles", "one run of the op: its slowest resource, then its latency", Role::part,
        total_cycles(op));
}

template <class T, class Visit>
void visit_schedule(const Name& pass, const engine::PassEstimate<T>& e, Visit&& visit) {
  const auto& plan = e.layer;
  for (std::size_t i = 0; i < plan.ops.size(); ++i) {
    const auto name = fmt::format("{}.{}", pass, spec::op_names[i]);
    visit_op_quantities(name, plan.ops[i], visit);
    visit(name + ".start", "from the layer's start, operands there and its class free", Role::step,
          plan.start[i]);
  }
  visit_op_quantities(pass + ".final_norm", e.final_norm, visit);
  visit_op_quantities(pass + ".lm_head", e.lm_head, visit);
  for (std::size_t c = 0; c < engine::class_count; ++c)
    visit(fmt::format("{}.load.{}", pass, engine::class_names[c]),
          "cycles of the ops of this class in a layer", Role::step, plan.load[c]);
  visit(pass + ".path_cycles", "longest path through a layer, all tokens taken as one", Role::step,
        plan.path);
  visit(pass + ".layer_cycles", "a layer, token groups pipelined, without exposed wakes",
        Role::step, plan.cycles);
  visit(pass + ".layers_cycles", "all layers, without exposed wakes", Role::part, e.layers);
  visit(pass + ".wake_cycles", "from wake to first read of a ROM domain", Role::step, e.wake);
  visit(pass + ".exposed_wake_first", "exposed wakes of the first layer, which starts cold",
        Role::part, e.exposed_first);
  visit(pass + ".exposed_wake", "exposed wakes of all other layers", Role::part, e.exposed);
  visit(pass + ".exposed_wake_head", "exposed wake of the LM head", Role::part, e.exposed_head);
  visit(pass + ".total_cycles", "the pass on the chip", Role::step, e.total);
  for (std::size_t p = 0; p < spec::projection_count; ++p)
    visit(fmt::format("{}.{}.banks", pass, spec::projection_names[p]), "ROM banks of it in a layer",
          Role::step, plan.banks.projection[p]);
}

template <class T, class Visit>
void visit_pass_energy(const Name& pass, const engine::PassEstimate<T>& e, Visit&& visit) {
  engine::visit_energy(e.energy, [&](std::string_view component, const auto& value) {
    visit(fmt::format("{}.energy.{}", pass, component), "", Role::part, value);
  });
  visit(pass + ".energy", "energy of the chip in the pass", Role::step, total(e.energy));
  visit(pass + ".bank_toggle", "energy of one ROM bank whose address moves", Role::step,
        e.bank_toggle);
}

template <class T, class Visit>
void visit_pass(const spec::Hardware<T>& hw, const spec::Model<T>& m, const Name& pass,
                const engine::PassEstimate<T>& e, Visit&& visit) {
  const auto s = engine::make_setting(hw, m, e.pass);
  visit(pass + ".tokens", "new tokens, all sequences", Role::step, s.tokens);
  visit(pass + ".token_groups", "groups of up to base.token_tile tokens", Role::step, s.groups);
  visit_schedule(pass, e, visit);
  engine::visit_op_events(e.events, [&](std::string_view count, const auto& value) {
    visit(fmt::format("{}.{}", pass, count), "of the whole pass", Role::step, value);
  });
  visit(pass + ".chip_time", "the pass on the chip", Role::part, e.time);
  visit(pass + ".link_bits", "over the host link", Role::step, e.link_bits);
  visit(pass + ".link_time", "host link, hidden behind nothing", Role::part, e.link_time);
  visit(pass + ".head_time", "LM head on the host", Role::part, e.head_time);
  visit(pass + ".end_to_end_time", "the pass with host link and LM head on the host", Role::step,
        e.end_to_end);
  visit(pass + ".dense_macs_total", "MACs, zero weights counted", Role::step,
        T(e.base_macs + e.macs.total()));
  visit_pass_energy(pass, e, visit);
  visit(pass + ".outside.link", "energy of the host link", Role::part, e.outside.link);
  visit(pass + ".outside.dram", "energy of the DRAM", Role::part, e.outside.dram);
  visit(pass + ".outside.head", "energy of the LM head on the host", Role::part, e.outside.head);
  visit(pass + ".waiting", "leakage of the chip while it waits for link and host", Role::part,
        e.waiting);
}

// The weights of each projection; layers that hold the same have one name.
template <class T, class Visit>
void visit_weights(const spec::Hardware<T>& hw, const spec::Model<T>& m, Visit&& visit) {
  auto s = engine::make_setting(hw, m, spec::Pass<T>{T(1), T(1), T(0)});
  for (std::size_t layer = 0; layer < m.layers; ++layer) {
    engine::enter_layer(s, layer);
    for (std::size_t i = 0; i < spec::projection_count; ++i) {
      const auto p = static_cast<spec::Projection>(i);
      const auto name = fmt::format("layer{}.{}", layer, spec::projection_names[i]);
      const auto stored = engine::stored_bits(s, layer, p);
      visit(name + ".stored_bits", "bits in ROM", Role::step, stored.all);
      visit(name + ".stored_ones", "1-bits in ROM", Role::step, stored.ones);
    }
    visit(fmt::format("layer{}.rom_area", layer), "ROM area of the layer", Role::part,
          engine::rom_area(hw, engine::layer_stored_bits(s, layer)));
  }
}

template <class T, class Visit>
void visit_capacity(const Name& pass, const engine::Capacity<T>& c, Visit&& visit) {
  visit(pass + ".sram.adapters", "adapters in SRAM", Role::part, c.adapters);
  visit(pass + ".sram.kv", "KV cache in SRAM", Role::part, c.kv);
  visit(pass + ".workspace", "residual stream in the workspace", Role::part, c.workspace);
  visit(pass + ".sram.max_context", "positions per sequence that fit", Role::step, c.max_context);
  visit(pass + ".sram.max_rank", "adapter rank that fits", Role::step, c.max_rank);
}

template <class T, class Visit>
void visit_areas(const engine::Common<T>& common, Visit&& visit) {
  const auto& a = common.area;
  visit("area.base", "base units", Role::part, a.base);
  visit("area.side", "side units", Role::part, a.side);
  visit("area.vector", "vector units", Role::part, a.vector);
  visit("area.buffers", "activation buffers and workspace", Role::part, a.buffers);
  visit("area.wires", "broadcast bus and links", Role::part, a.wires);
  visit("area.control", "controller and network", Role::part, a.control);
  visit("area.layers", "base weights in ROM", Role::step, common.content.layers_area);
  visit("area.norms", "norm gains in ROM", Role::part, common.content.norm_area);
  visit("area.head", "LM head and embedding in ROM", Role::part, common.content.head_area);
  visit("base.flip_flops", "clocked flip-flops of the base units", Role::step,
        common.cells.base.flip_flops);
  visit("side.flip_flops", "clocked flip-flops of the side units", Role::step,
        common.cells.side.flip_flops);
  visit("vector.flip_flops", "clocked flip-flops of the vector units", Role::step,
        common.cells.vector.flip_flops);
}

template <class T, class Visit>
void visit_layer(const spec::Hardware<T>& hw, const Name& name,
                 const engine::LayerEstimate<T>& layer, const engine::LayerEstimate<T>& open,
                 Visit&& visit) {
  engine::visit_op_events(layer.events, [&](std::string_view count, const auto& value) {
    visit(fmt::format("{}.events.{}", name, count), "of the layer", Role::detail, value);
  });
  engine::visit_energy(layer.energy, [&](std::string_view component, const auto& value) {
    visit(fmt::format("{}.energy.{}", name, component), "of the layer", Role::part, value);
  });
  visit_layer_metrics(
      hw, layer, total(open.energy), [&](const LayerMetric& metric, const auto& value) {
        visit(fmt::format("{}.{}", name, metric.name), metric.doc, Role::step, value);
      });
}

template <class T, class Visit>
void visit_layers(const spec::Hardware<T>& hw, const spec::Model<T>& m, const Name& pass,
                  const engine::Common<T>& common, const engine::PassEstimate<T>& gated,
                  const engine::PassEstimate<T>& open, Visit&& visit) {
  const auto open_hw = without_gating(hw);
  for (std::size_t l = 0; l < m.layers; ++l)
    visit_layer(hw, layer_name(pass, l), engine::estimate_layer(hw, m, common, gated, l),
                engine::estimate_layer(open_hw, m, common, open, l), visit);
}

}  // namespace detail

// Calls visit(name, doc, Role, value) for every quantity that is no metric (visit_metrics has
// those). A value may be visited under several names.
template <class T, class Visit>
void visit_quantities(const spec::Hardware<T>& hw, const spec::Model<T>& m,
                      const Evaluation<T>& all, Visit&& visit) {
  const auto& e = all.base;
  const auto& ungated = all.ungated;
  const auto& head = all.head_on_chip;
  visit("q_dim", "query heads x head dimension", Role::step, T(m.heads * m.head_dim));
  visit("kv_dim", "key and value heads x head dimension", Role::step, T(m.kv_heads * m.head_dim));
  detail::visit_weights(hw, m, visit);
  visit("rom.stored_ones", "1-bits in ROM", Role::step, e.rom.stored.ones);
  visit("rom.as_sparse_logic", "ROM area as sparse logic", Role::step, e.rom.sparse_logic);
  visit("rom.as_compiled", "ROM area as a compiled ROM", Role::step, e.rom.compiled);
  visit("rom.as_sram", "ROM area as SRAM", Role::step, e.rom.sram);
  detail::visit_areas(e.common, visit);
  visit("epoch_cycles", "cycles between decoded tokens", Role::step, e.epoch);
  detail::visit_capacity("decode", e.decode_capacity, visit);
  detail::visit_capacity("prefill", e.prefill_capacity, visit);
  detail::visit_pass(hw, m, "decode", e.decode, visit);
  detail::visit_pass(hw, m, "prefill", e.prefill, visit);
  visit("ungated.total_cycles", "a decode step on the chip, without power gating", Role::step,
        ungated.decode.total);
  detail::visit_pass_energy("ungated", ungated.decode, visit);
  visit("head_on_chip.total_cycles", "a decode step with the LM head in ROM", Role::step,
        head.decode.total);
  visit("head_on_chip.throughput", "decode throughput with the LM head in ROM", Role::step,
        head.chip.throughput);
  visit("head_on_chip.area", "chip area with the LM head in ROM", Role::step,
        head.common.area.total());
  detail::visit_layers(hw, m, "decode", e.common, e.decode, ungated.decode, visit);
  detail::visit_layers(hw, m, "prefill", e.common, e.prefill, ungated.prefill, visit);
}

}  // namespace tomestimate::study
