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
  units::Bits<T> adapter{}, kv_read{}, kv_write{}, residual{};
};

template <class T>
SramTraffic<T> sram_traffic(const engine::LayerEstimate<T>& layer) {
  SramTraffic<T> t;
  for (std::size_t i = 0; i < layer.ops.size(); ++i) {
    const auto& op = layer.ops[i];
    const auto id = static_cast<spec::Op>(i);
    const auto kind = spec::info(id).kind;
    if (kind == spec::OpKind::lora_a || kind == spec::OpKind::lora_b) t.adapter += op.sram_read;
    if (kind == spec::OpKind::attention) t.kv_read += op.sram_read;
    if (id == spec::Op::rope) t.kv_write += op.sram_write;
    if (id == spec::Op::attn_residual || id == spec::Op::ffn_residual)
      t.residual += op.sram_read + op.sram_write;
  }
  return t;
}

// Calls visit(LayerMetric, value) for every metric of one layer of `pass`. `energy_ungated` is the
// layer's energy in the same pass without power gating.
template <class T, class Visit>
void visit_layer_metrics(const spec::Hardware<T>& hw, const spec::Model<T>& m,
                         const spec::Pass<T>& pass, const engine::LayerEstimate<T>& layer,
                         const units::Energy<T>& energy_ungated, Visit&& visit) {
  const auto areas = engine::rom_alternatives(hw, layer.stored);
  const auto traffic = sram_traffic(layer);
  const auto time = engine::seconds(hw, layer.cycles);
  const T tokens = pass.batch * pass.fresh;
  const T slots = layer.cycles.value() * hw.lanes.count * hw.pe.rows;
  const T base = tokens * T(layer.stored.all / m.weights.bits);
  visit(LayerMetric{"time", "time", "us", "time of the layer, exposed wakes included"}, time);
  visit(LayerMetric{"exposed_wake", "wake", "cycle", "wake latency that nothing hides"},
        layer.exposed_wake);
  visit(LayerMetric{"rom_bits", "ROM", "Mbit", "bits read from ROM"}, layer.events.rom_bits);
  visit(LayerMetric{"one_bit_share", "1-bits", "%", "share of its stored bits that are 1"},
        T(layer.stored.ones / layer.stored.all));
  visit(LayerMetric{"rom_rate", "ROM rate", "Tbit/s", "ROM bits read per second while it runs"},
        layer.events.rom_bits / time);
  visit(LayerMetric{"rom_area", "area", "mm^2", "area of its ROM"}, layer.rom_area);
  visit(LayerMetric{"rom_area_as_macro", "as macro", "mm^2", "the same bits in a compiled ROM"},
        areas.macro);
  visit(LayerMetric{"rom_area_as_sram", "as SRAM", "mm^2", "the same bits in SRAM"}, areas.sram);
  visit(LayerMetric{"adapter_traffic", "adapter", "Mbit", "adapter weights read from SRAM"},
        traffic.adapter);
  visit(LayerMetric{"kv_read", "KV read", "Mbit", "keys and values read from SRAM"},
        traffic.kv_read);
  visit(LayerMetric{"kv_write", "KV write", "Mbit", "keys and values written to SRAM"},
        traffic.kv_write);
  visit(LayerMetric{"residual_traffic", "residual", "Mbit", "residual stream, read and written"},
        traffic.residual);
  visit(
      LayerMetric{"buffer_traffic", "act. buffer", "Mbit", "activation buffers, read and written"},
      layer.events.buffer_read + layer.events.buffer_write);
  visit(LayerMetric{"pe_utilization", "PE use", "%", "PE positions in use while it runs"},
        T(base / (slots * hw.pe.width) + layer.events.macs_8bit / (slots * hw.pe.width_8bit)));
  visit(
      LayerMetric{
          "energy", "E gated", "uJ",
          "its events, its ROM domains over the whole pass, leakage and clock while it runs"},
      total(layer.energy));
  visit(LayerMetric{"energy_ungated", "E ungated", "uJ", "the same without power gating"},
        energy_ungated);
}

// A layer in names of quantities: "decode.layer3", whose metrics are "decode.layer3.energy" and so
// on.
inline std::string layer_name(std::string_view pass, std::size_t layer) {
  return fmt::format("{}.layer{}", pass, layer);
}

// What a quantity is to a metric it goes into.
enum class Role {
  metric,  // a metric itself
  part,    // a term that metrics are sums of: cycles of an op, energy of a component, an area
  step,    // anything else between spec values and metrics
  detail,  // a step that needs no name where another has its equation
};

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
void visit_schedule(const Name& pass, const engine::Schedule<T>& plan, Visit&& visit) {
  for (std::size_t i = 0; i < plan.ops.size(); ++i)
    visit_op_quantities(fmt::format("{}.{}", pass, spec::op_names[i]), plan.ops[i], visit);
  visit_op_quantities(pass + ".final_norm", plan.final_norm, visit);
  visit_op_quantities(pass + ".lm_head", plan.lm_head, visit);
  visit(pass + ".matrix_cycles", "linear, adapter and attention ops of a layer, in sequence",
        Role::step, plan.matrix);
  visit(pass + ".vector_cycles", "vector ops of a layer, in sequence", Role::step, plan.vector);
  visit(pass + ".layer_cycles", "a layer, token groups pipelined, without exposed wakes",
        Role::step, plan.layer);
  visit(pass + ".wake_cycles", "from wake to first read of a ROM domain", Role::step, plan.wake);
  visit(pass + ".exposed_wake_first", "exposed wakes of the first layer, which starts cold",
        Role::part, plan.exposed_first);
  visit(pass + ".exposed_wake", "exposed wakes of every other layer", Role::part, plan.exposed);
  visit(pass + ".exposed_wake_head", "exposed wake of the LM head", Role::part, plan.exposed_head);
  visit(pass + ".total_cycles", "the pass on the chip", Role::step, plan.total);
  for (std::size_t p = 0; p < spec::projection_count; ++p) {
    const auto name = fmt::format("{}.{}", pass, spec::projection_names[p]);
    visit(name + ".banks", "ROM banks of it in a layer, in all lanes", Role::step,
          plan.projections[p].banks);
    visit(name + ".awake_cycles", "its ROM domain is awake", Role::step, plan.projections[p].awake);
  }
}

// When the ROM domains of a pass are awake, and what that burns.
template <class T, class Visit>
void visit_idle_times(const spec::Hardware<T>& hw, const Name& pass,
                      const engine::PassEstimate<T>& e, Visit&& visit) {
  for (std::size_t p = 0; p < spec::projection_count; ++p) {
    const auto name = fmt::format("{}.{}", pass, spec::projection_names[p]);
    const auto awake = engine::seconds(hw, e.schedule.projections[p].awake);
    visit(name + ".awake_time", "its ROM domain is awake", Role::step, awake);
    visit(name + ".burning_time", "time at full idle power that costs as much as the pass",
          Role::step, engine::burning_time(hw, awake, e.time));
  }
}

template <class T, class Visit>
void visit_pass_energy(const Name& pass, const engine::PassEstimate<T>& e, Visit&& visit) {
  engine::visit_energy(e.energy, [&](std::string_view component, const auto& value) {
    visit(fmt::format("{}.energy.{}", pass, component), "", Role::part, value);
  });
  visit(pass + ".energy", "energy of the pass", Role::step, total(e.energy));
}

template <class T, class Visit>
void visit_pass(const spec::Hardware<T>& hw, const spec::Model<T>& m, const Name& pass,
                const engine::PassEstimate<T>& e, Visit&& visit) {
  const auto s = engine::make_setting(hw, m, e.pass);
  visit(pass + ".tokens", "new tokens, all sequences", Role::step, s.tokens);
  visit(pass + ".token_groups", "groups of up to pe.accumulators tokens", Role::step, s.groups);
  visit_schedule(pass, e.schedule, visit);
  engine::visit_op(e.events, [&](std::string_view count, const auto& value) {
    visit(fmt::format("{}.{}", pass, count), "of the whole pass", Role::step, value);
  });
  visit(pass + ".chip_time", "the pass on the chip", Role::step,
        engine::seconds(hw, e.schedule.total));
  visit(pass + ".link_bits", "over the host link", Role::step, e.link_bits);
  visit(pass + ".link_time", "host link, hidden behind nothing", Role::part, e.link_time);
  visit(pass + ".time", "the pass with its host link", Role::step, e.time);
  visit_idle_times(hw, pass, e, visit);
  visit(pass + ".dense_macs", "MACs, zero weights counted", Role::step, e.dense_macs);
  visit_pass_energy(pass, e, visit);
}

// The weights of each projection; layers that hold the same have one name.
template <class T, class Visit>
void visit_weights(const spec::Hardware<T>& hw, const spec::Model<T>& m, Visit&& visit) {
  for (std::size_t layer = 0; layer < m.layers; ++layer) {
    for (std::size_t i = 0; i < spec::projection_count; ++i) {
      const auto p = static_cast<spec::Projection>(i);
      const auto name = fmt::format("layer{}.{}", layer, spec::projection_names[i]);
      const auto stored = engine::stored_bits(m, layer, p);
      visit(name + ".stored_bits", "bits in ROM", Role::step, stored.all);
      visit(name + ".stored_ones", "1-bits in ROM", Role::step, stored.ones);
      visit(name + ".rom_area", "ROM area", Role::step, engine::rom_area(hw, stored));
    }
    visit(fmt::format("layer{}.rom_area", layer), "ROM area of the layer", Role::part,
          engine::rom_area(hw, engine::layer_stored_bits(m, layer)));
  }
}

template <class T, class Visit>
void visit_capacity(const Name& pass, const engine::Capacity<T>& c, Visit&& visit) {
  visit(pass + ".sram.adapters", "adapters in SRAM", Role::part, c.adapters);
  visit(pass + ".sram.workspace", "residual stream and FFN vectors in SRAM", Role::part,
        c.workspace);
  visit(pass + ".sram.kv", "KV cache in SRAM", Role::part, c.kv);
  visit(pass + ".sram.max_context", "positions per sequence that fit", Role::step, c.max_context);
  visit(pass + ".sram.max_rank", "adapter rank that fits", Role::step, c.max_rank);
}

template <class T, class Visit>
void visit_layer(const spec::Hardware<T>& hw, const spec::Model<T>& m, const Name& name,
                 const engine::PassEstimate<T>& pass, const engine::LayerEstimate<T>& layer,
                 const engine::LayerEstimate<T>& open, Visit&& visit) {
  engine::visit_op(layer.events, [&](std::string_view count, const auto& value) {
    visit(fmt::format("{}.events.{}", name, count), "of the layer", Role::detail, value);
  });
  engine::visit_energy(layer.energy, [&](std::string_view component, const auto& value) {
    visit(fmt::format("{}.energy.{}", name, component), "of the layer", Role::part, value);
  });
  visit_layer_metrics(hw, m, pass.pass, layer, total(open.energy),
                      [&](const LayerMetric& metric, const auto& value) {
                        visit(fmt::format("{}.{}", name, metric.name), metric.doc, Role::step,
                              value);
                      });
}

template <class T, class Visit>
void visit_layers(const spec::Hardware<T>& hw, const spec::Model<T>& m, const Name& pass,
                  const engine::PassEstimate<T>& gated, const engine::PassEstimate<T>& open,
                  Visit&& visit) {
  auto open_hw = hw;
  open_hw.gating.enabled = spec::Switch::off;
  for (std::size_t l = 0; l < m.layers; ++l)
    visit_layer(hw, m, layer_name(pass, l), gated, engine::estimate_layer(hw, m, gated, l),
                engine::estimate_layer(open_hw, m, open, l), visit);
}

}  // namespace detail

// Calls visit(name, doc, Role, value) for every quantity that is no metric (visit_metrics has
// those). A value may be visited under several names.
template <class T, class Visit>
void visit_quantities(const spec::Hardware<T>& hw, const spec::Model<T>& m,
                      const Evaluation<T>& all, Visit&& visit) {
  const auto& e = all.base;
  visit("trees", "reduction trees", Role::step, T(hw.lanes.count / hw.lanes.per_tree));
  visit("lane_sram_width", "SRAM bits per cycle of one lane", Role::step,
        engine::lane_sram_width(hw));
  visit("q_dim", "query heads x head dimension", Role::step, T(m.heads * m.head_dim));
  visit("kv_dim", "key and value heads x head dimension", Role::step, T(m.kv_heads * m.head_dim));
  detail::visit_weights(hw, m, visit);
  visit("rom.stored_ones", "1-bits in ROM", Role::step, e.rom.stored.ones);
  visit("rom.as_sparse_logic", "ROM area as sparse logic", Role::step, e.rom.sparse_logic);
  visit("rom.as_macro", "ROM area as a compiled ROM", Role::step, e.rom.macro);
  visit("rom.as_sram", "ROM area as SRAM", Role::step, e.rom.sram);
  visit("area.pe", "area of the PEs", Role::part, e.area.pe);
  visit("area.vector", "area of the vector unit", Role::part, e.area.vector);
  visit("area.control", "area of control and trees", Role::part, e.area.control);
  detail::visit_capacity("decode", e.decode_capacity, visit);
  detail::visit_capacity("prefill", e.prefill_capacity, visit);
  detail::visit_pass(hw, m, "decode", e.decode, visit);
  detail::visit_pass(hw, m, "prefill", e.prefill, visit);
  visit("ungated.total_cycles", "a decode step on the chip, without power gating", Role::step,
        all.ungated.decode.schedule.total);
  visit("ungated.time", "a decode step without power gating", Role::step, all.ungated.decode.time);
  detail::visit_pass_energy("ungated", all.ungated.decode, visit);
  visit("head_on_chip.total_cycles", "a decode step with the LM head in ROM", Role::step,
        all.head_on_chip.decode.schedule.total);
  visit("head_on_chip.throughput", "decode throughput with the LM head in ROM", Role::step,
        all.head_on_chip.throughput);
  visit("head_on_chip.area", "chip area with the LM head in ROM", Role::step,
        all.head_on_chip.area.total());
  detail::visit_layers(hw, m, "decode", e.decode, all.ungated.decode, visit);
  detail::visit_layers(hw, m, "prefill", e.prefill, all.ungated.prefill, visit);
}

}  // namespace tomestimate::study
