// SPDX-License-Identifier: Apache-2.0
// The whole estimate: area, capacity, prefill and decode. Nothing here (nor in any engine header)
// allocates, prints, reads files or branches on text; T is the number type that carries values.
#pragma once

#include <tomestimate/engine/energy.hpp>

namespace tomestimate::engine {

template <class T>
struct AreaBreakdown {
  Area<T> rom{};
  Area<T> sram{};
  Area<T> pe{};
  Area<T> vector{};
  Area<T> control{};

  Area<T> logic() const { return pe + vector + control; }
  Area<T> total() const { return rom + sram + logic(); }
};

// The same stored bits by the three laws, for comparison.
template <class T>
struct RomAlternatives {
  StoredBits<T> stored{};
  Area<T> sparse_logic{};
  Area<T> macro{};
  Area<T> sram{};
};

// All bits in ROM: every layer, and LM head with embedding if they are there.
template <class T>
StoredBits<T> chip_stored_bits(const spec::Hardware<T>& hw, const spec::Model<T>& m) {
  auto sum = head_stored_bits(hw, m);
  for (std::size_t layer = 0; layer < m.layers; ++layer) sum = sum + layer_stored_bits(m, layer);
  return sum;
}

template <class T>
RomAlternatives<T> rom_alternatives(const spec::Hardware<T>& hw, const StoredBits<T>& stored) {
  return {stored, stored.ones * hw.rom.area_per_one_bit + stored.all * hw.rom.area_per_bit,
          stored.all * array_area_per_bit(hw.rom_macro),
          stored.all * array_area_per_bit(hw.sram_macro)};
}

// Logic area depends on the hardware alone.
template <class T>
AreaBreakdown<T> logic_area(const spec::Hardware<T>& hw) {
  AreaBreakdown<T> a;
  a.pe = hw.lanes.count * hw.pe.rows * hw.pe.width * hw.pe.area_per_weight;
  a.vector = hw.vector.area;
  a.control = hw.logic.control_area;
  return a;
}

template <class T>
AreaBreakdown<T> area(const spec::Hardware<T>& hw, const spec::Model<T>& m) {
  auto a = logic_area(hw);
  a.rom = rom_area(hw, chip_stored_bits(hw, m));
  a.sram = hw.sram.capacity * array_area_per_bit(hw.sram_macro);
  return a;
}

// One layer of a pass: its ops, ROM, time and energy. `energy` has the layer's events, its ROM
// domains over the whole pass, and leakage and clock while the layer runs.
template <class T>
struct LayerEstimate {
  std::array<OpEstimate<T>, spec::layer_op_count> ops{};
  OpEstimate<T> events{};  // summed over the ops
  StoredBits<T> stored{};
  Area<T> rom_area{};
  Cycles<T> cycles{};  // with exposed wakes
  Cycles<T> exposed_wake{};
  Cycles<T> lane_idle{};  // summed over lanes
  T bank_wakes{};
  Cycles<T> bank_idle{};  // summed over banks
  EnergyBreakdown<T> energy{};
};

// A pass over all layers, tail and host link.
template <class T>
struct PassEstimate {
  spec::Pass<T> pass{};
  Schedule<T> schedule{};
  OpEstimate<T> events{};  // of the whole pass
  Bits<T> link_bits{};
  Time<T> link_time{};
  Time<T> time{};
  EnergyBreakdown<T> energy{};
  T dense_macs{};      // base and 8-bit, zero weights counted
  T pe_utilization{};  // useful MAC positions / positions offered in the pass's cycles
};

template <class T>
Time<T> seconds(const spec::Hardware<T>& hw, Cycles<T> count) {
  return count / hw.chip.clock;
}

template <class T>
Bits<T> host_link_bits(const Setting<T>& s, T max_context) {
  const auto& m = s.model;
  const Bits<T> tokens =
      s.hw.mapping.lm_head == spec::Placement::host
          ? s.tokens * m.hidden * m.embedding.bits + s.pass.batch * m.hidden * m.activation_bits
          : (s.tokens + s.pass.batch) * bits(T(32));
  if (s.hw.sram.spill == spec::Spill::error) return tokens;
  return tokens + spilled_bits(m, s.pass, max_context);
}

// Adds the idle and wake energy of the ROM domains of layer l.
template <class T>
void add_layer_rom_energy(const Setting<T>& s, const Schedule<T>& plan, std::size_t layer,
                          Time<T> pass_time, EnergyBreakdown<T>& e) {
  for (std::size_t i = 0; i < spec::projection_count; ++i) {
    const auto stored = stored_bits(s.model, layer, static_cast<spec::Projection>(i));
    add_domain_energy(s.hw, rom_area(s.hw, stored), seconds(s.hw, plan.projections[i].awake),
                      pass_time, e);
  }
}

// Everything of a pass; layers differ only in what their weights make of ROM reads and adds.
template <class T>
PassEstimate<T> estimate_pass(const spec::Hardware<T>& hw, const spec::Model<T>& m,
                              const spec::Pass<T>& pass) {
  const auto s = make_setting(hw, m, pass);
  const T layers = T(static_cast<double>(m.layers));
  PassEstimate<T> e;
  e.pass = pass;
  e.schedule = make_schedule(s);
  const T max_context =
      capacity(hw, m, pass.batch, s.tokens, T(pass.past + pass.fresh)).max_context;
  e.link_bits = host_link_bits(s, max_context);
  e.link_time = hw.host.latency + e.link_bits / hw.host.bandwidth;
  e.time = seconds(hw, e.schedule.total) + e.link_time;

  // Only layer 0's events are multiplied: they are the same in every layer until weights come in.
  OpEstimate<T> layer_events;
  for (const auto& op : e.schedule.ops) add_events(layer_events, op);
  visit_op(layer_events, [layers](std::string_view, auto& count) { count *= layers; });
  add_events(e.events, layer_events);
  add_events(e.events, e.schedule.final_norm);
  add_events(e.events, e.schedule.lm_head);
  T weights = T(0);
  for (std::size_t layer = 0; layer < m.layers; ++layer) {
    for (std::size_t i = 0; i < spec::projection_count; ++i) {
      const auto p = static_cast<spec::Projection>(i);
      const auto [outputs, inputs] = shape(m, p);
      OpEstimate<T> reads;
      add_layer_weights(s, layer, p, reads);
      add_events(e.events, reads);
      weights += outputs * inputs;
    }
    add_layer_rom_energy(s, e.schedule, layer, e.time, e.energy);
  }
  if (hw.mapping.lm_head == spec::Placement::rom)
    add_domain_energy(hw, rom_area(hw, head_stored_bits(hw, m)), seconds(hw, e.schedule.head.awake),
                      e.time, e.energy);
  add_event_energy(hw, e.events, e.energy);
  add_time_energy(hw, logic_area(hw).logic(), e.time, e.energy);
  e.energy.host_link += e.link_bits * hw.host.energy;

  const T base = s.tokens * weights;
  e.dense_macs = base + e.events.macs_8bit;
  const T positions = hw.lanes.count * hw.pe.rows * e.schedule.total.value();
  e.pe_utilization =
      base / (positions * hw.pe.width) + e.events.macs_8bit / (positions * hw.pe.width_8bit);
  return e;
}

// Layer l of a pass.
template <class T>
LayerEstimate<T> estimate_layer(const spec::Hardware<T>& hw, const spec::Model<T>& m,
                                const PassEstimate<T>& whole, std::size_t layer) {
  const auto s = make_setting(hw, m, whole.pass);
  const auto& plan = whole.schedule;
  LayerEstimate<T> e;
  e.ops = plan.ops;
  for (std::size_t i = 0; i < e.ops.size(); ++i) {
    const auto [kind, p] = spec::info(static_cast<Op>(i));
    if (kind == spec::OpKind::linear) add_layer_weights(s, layer, p, e.ops[i]);
    add_events(e.events, e.ops[i]);
  }
  e.stored = layer_stored_bits(m, layer);
  e.rom_area = rom_area(hw, e.stored);
  e.exposed_wake = layer == 0 ? plan.exposed_first : plan.exposed;
  e.cycles = plan.layer + e.exposed_wake;
  e.lane_idle = hw.lanes.count * e.cycles - e.events.lane_active;
  for (const auto& domain : plan.projections) {
    if (hw.gating.enabled == spec::Switch::off) break;
    e.bank_wakes += domain.banks;
    e.bank_idle += domain.banks * (plan.total - domain.awake);
  }
  add_event_energy(hw, e.events, e.energy);
  add_layer_rom_energy(s, plan, layer, whole.time, e.energy);
  add_time_energy(hw, logic_area(hw).logic(), seconds(hw, e.cycles), e.energy);
  return e;
}

template <class T>
struct Estimate {
  AreaBreakdown<T> area{};
  RomAlternatives<T> rom{};
  Capacity<T> decode_capacity{};
  Capacity<T> prefill_capacity{};
  PassEstimate<T> decode{};
  PassEstimate<T> prefill{};

  Time<T> ttft{};
  Time<T> tpot{};
  TokenRate<T> throughput{};
  Power<T> power{};
  EnergyPerToken<T> energy_per_token{};
  OperationsPerEnergy<T> efficiency{};
  TokenRateDensity<T> throughput_density{};
  OperationRate<T> peak_rate{};
  Bandwidth<T> rom_bandwidth_available{};
  Bandwidth<T> rom_bandwidth_needed{};  // to keep every PE busy, one token at a time
  Bandwidth<T> rom_bandwidth_used{};    // averaged over a decode step
  Time<T> gating_break_even{};
};

// Estimates decode at the workload's context and batch, and prefill of its prompt.
template <class T>
Estimate<T> estimate(const spec::Hardware<T>& hw, const spec::Model<T>& m) {
  const auto& w = m.workload;
  const T two = T(2);
  Estimate<T> e;
  e.area = area(hw, m);
  e.rom = rom_alternatives(hw, chip_stored_bits(hw, m));
  e.decode = estimate_pass(hw, m, {w.batch, T(1), w.context - T(1)});
  e.prefill = estimate_pass(hw, m, {w.batch, w.prompt, T(0)});
  e.decode_capacity = capacity(hw, m, w.batch, w.batch, w.context);
  e.prefill_capacity = capacity(hw, m, w.batch, T(w.batch * w.prompt), w.prompt);

  e.ttft = e.prefill.time;
  e.tpot = e.decode.time;
  e.throughput = tokens(w.batch) / e.tpot;
  e.power = total(e.decode.energy) / e.tpot;
  e.energy_per_token = total(e.decode.energy) / tokens(w.batch);
  e.efficiency = operations(T(two * e.decode.dense_macs)) / total(e.decode.energy);
  e.throughput_density = e.throughput / e.area.total();
  const T positions = hw.lanes.count * hw.pe.rows * hw.pe.width;
  e.peak_rate = operations(T(two * positions)) / cycles(T(1)) * hw.chip.clock;
  e.rom_bandwidth_available = hw.lanes.count * hw.rom.read_width * hw.chip.clock;
  e.rom_bandwidth_needed = positions * m.weights.bits / cycles(T(1)) * hw.chip.clock;
  e.rom_bandwidth_used = e.decode.events.rom_bits / e.tpot;
  e.gating_break_even = break_even_idle_time(hw);
  return e;
}

}  // namespace tomestimate::engine
