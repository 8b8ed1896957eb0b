// SPDX-License-Identifier: Apache-2.0
// The whole estimate: area, capacity, prefill and decode. Nothing here (nor in any engine header)
// allocates, prints, reads files or branches on text; T is the number type that carries values.
#pragma once

#include <tomestimate/engine/energy.hpp>

namespace tomestimate::engine {

// What passes have in common, worked out once.
template <class T>
struct Common {
  RomContent<T> content{};
  LogicCells<T> cells{};
  AreaBreakdown<T> area{};
};

// Energy spent beside the chip.
template <class T>
struct OutsideEnergy {
  Energy<T> dram{};
  Energy<T> link{};
  Energy<T> head{};  // LM head on the host

  Energy<T> total() const { return dram + link + head; }
};

// A pass over all layers and the tail on the chip, and what comes on top end to end.
template <class T>
struct PassEstimate {
  spec::Pass<T> pass{};
  LayerPlan<T> layer{};  // of the first layer
  OpEstimate<T> final_norm{};
  OpEstimate<T> lm_head{};
  Cycles<T> wake{};
  Cycles<T> exposed_first{};  // exposed wakes of the first layer
  Cycles<T> exposed{};        // of all other layers together
  Cycles<T> exposed_head{};
  Cycles<T> layers{};      // all layers, without exposed wakes
  Cycles<T> total{};       // of the pass, on the chip
  Time<T> time{};          // on the chip, spill to DRAM included
  OpEstimate<T> events{};  // of the whole pass
  DenseMacs<T> macs{};
  T base_macs{};  // base weights x tokens, zero weights counted
  Bits<T> embedding_bits{};
  Bits<T> dram_bits{};
  Energy<T> bank_toggle{};  // of one mean bank, at the technology's voltage
  EnergyBreakdown<T> energy{};

  Bits<T> link_bits{};
  Time<T> link_time{};
  Time<T> head_time{};  // LM head on the host
  Time<T> end_to_end{};
  OutsideEnergy<T> outside{};
  Energy<T> waiting{};  // leakage of the chip while it waits for link and host
  T pe_utilization{};
};

template <class T>
Time<T> seconds(const spec::Hardware<T>& hw, Cycles<T> count) {
  return count / hw.chip.clock;
}

namespace detail {

// What the layers of a pass add up to.
template <class T>
struct Layers {
  Cycles<T> cycles{}, exposed_first{}, exposed{};
  OpEstimate<T> events{};
  DenseMacs<T> macs{};
  ClockedCycles<T> clocked{};
  Cycles<T> awake{};   // of ROM domains, mean over the layers by area
  WakeLead<T> lead{};  // what the last layer leaves
};

template <class T>
void add_layers(const Setting<T>& s, const LayerPlan<T>& plan, T times, Layers<T>& sum) {
  sum.cycles += times * plan.cycles;
  for (const auto& op : plan.ops) add_events(sum.events, op, times);
  const auto macs = dense_macs(plan.ops);
  sum.macs.adapter += times * macs.adapter;
  sum.macs.attention += times * macs.attention;
  const auto clocked = layer_clocked(s, plan);
  sum.clocked.base += times * clocked.base;
  sum.clocked.side += times * clocked.side;
  sum.clocked.vector += times * clocked.vector;
  sum.awake += times / T(static_cast<double>(s.model.layers)) * mean_awake_cycles(s, plan);
  sum.lead = lead_after(plan);
}

// Layers of one kind come in runs, each planned once. `first` gets the plan of layer 0.
template <class T>
Layers<T> run_layers(Setting<T> s, const Banks<T>& chip, LayerPlan<T>& first) {
  const auto& m = s.model;
  Layers<T> sum;
  for (std::size_t from = 0; from < m.layers;) {
    std::size_t to = from + 1;
    while (to < m.layers && same_kind(s.hw, m, to)) ++to;
    enter_layer(s, from);
    const auto plan = plan_layer(s, chip);
    const auto wake = layer_exposed_wake<T>(s.hw, m, plan, from == 0 ? nullptr : &sum.lead);
    (from == 0 ? sum.exposed_first : sum.exposed) += wake;
    if (from == 0) first = plan;
    add_layers(s, plan, T(static_cast<double>(to - from)), sum);
    if (to - from > 1)
      sum.exposed +=
          T(static_cast<double>(to - from - 1)) * layer_exposed_wake<T>(s.hw, m, plan, &sum.lead);
    from = to;
  }
  return sum;
}

// 1-bits read and base adds of all layers.
template <class T>
void add_weights(const Setting<T>& s, const StoredBits<T>& stored, OpEstimate<T>& events) {
  if (s.hw.map.weights == spec::WeightPlace::rom) events.rom_one_bits += s.groups * stored.ones;
}

// Weights of all layers that are applied to each token, zero ones counted or not.
template <class T>
struct Weights {
  T all{}, used{};
};

template <class T>
Weights<T> count_weights(Setting<T> s, const StoredBits<T>& stored) {
  Weights<T> w;
  const auto& m = s.model;
  for (std::size_t from = 0; from < m.layers;) {
    std::size_t to = from + 1;
    while (to < m.layers && same_kind(s.hw, m, to)) ++to;
    enter_layer(s, from);
    T layer = T(0);
    for (std::size_t i = 0; i < spec::projection_count; ++i) {
      const auto [outputs, inputs] = layer_shape(s, static_cast<spec::Projection>(i));
      layer += outputs * inputs;
    }
    w.all += T(static_cast<double>(to - from)) * layer;
    from = to;
  }
  // A ternary weight that isn't zero has one 1-bit.
  w.used = m.weights.code == spec::WeightCode::ternary ? stored.ones.value() : w.all;
  return w;
}

// Exposed wake of the LM head's own domain.
template <class T>
Cycles<T> head_exposed_wake(const spec::Hardware<T>& hw, const WakeLead<T>& lead,
                            const OpEstimate<T>& final_norm) {
  if (!wakes(hw) || hw.map.head != spec::HeadPlace::rom) return {};
  const bool by_layer = hw.gating.domain == spec::GatingDomain::layer;
  if (hw.map.weights != spec::WeightPlace::rom) return wake_cycles(hw);
  return exposed_wake(hw,
                      Cycles<T>((by_layer ? lead.layer : lead.matrix) + total_cycles(final_norm)));
}

template <class T>
Bits<T> host_link_bits(const Setting<T>& s, T max_context) {
  const auto& m = s.model;
  Bits<T> sum =
      s.hw.map.head == spec::HeadPlace::rom
          ? (s.tokens + s.pass.batch) * bits(T(32))
          : s.tokens * m.hidden * m.activation_bits + s.pass.batch * m.hidden * m.residual_bits;
  if (s.hw.sram.spill == spec::Spill::host) sum += spilled_bits(m, s.pass, max_context);
  return sum;
}

// LM head on the host: its table through memory, or its operations, whichever takes longer.
template <class T>
Time<T> host_head_time(const Setting<T>& s) {
  if (s.hw.map.head != spec::HeadPlace::host) return {};
  const auto& e = s.model.embedding;
  const T size = e.vocabulary * s.model.hidden;
  const Time<T> memory = size * e.bits / s.hw.host.memory_bandwidth;
  const Time<T> compute = operations(T(T(2) * s.pass.batch * size)) / s.hw.host.compute;
  return max(memory, compute);
}

// Operand pairs in use over those that the base units could take in the pass.
template <class T>
T pe_utilization(const Setting<T>& s, const PassEstimate<T>& e) {
  const auto& hw = s.hw;
  const T slots = base_units(s) * hw.base.rows * e.total.value();
  T use = e.base_macs * hw.datapath.step_cycles.value() / hw.datapath.width;
  use += e.macs.head * hw.datapath.step_cycles.value() / hw.datapath.width_head;
  if (hw.map.adapter == spec::UnitChoice::base) use += e.macs.adapter / hw.base.width_adapter;
  if (hw.map.attention == spec::UnitChoice::base) use += e.macs.attention / hw.base.width_attention;
  return use / slots;
}

template <class T>
void add_chip_energy(const Setting<T>& s, const Common<T>& common, const Banks<T>& banks,
                     const Layers<T>& layers, PassEstimate<T>& e) {
  const auto& hw = s.hw;
  if (uses_rom(hw)) e.bank_toggle = bank_toggle_energy(hw, s.model.data, common.content, banks);
  add_event_energy(hw, s.model, e.bank_toggle, e.events, e.base_macs, e.macs, e.embedding_bits,
                   e.energy);
  auto clocked = layers.clocked;
  clocked.base += total_cycles(e.lm_head);
  clocked.vector += total_cycles(e.final_norm);
  add_clock_energy(hw, common.cells, clocked, e.total, e.energy);
  add_leakage(hw, common.cells, e.time, e.energy);
  const auto& c = common.content;
  e.energy.rom_leakage +=
      rom_leakage(hw, c.layers_area, seconds(hw, layers.awake), e.time) +
      rom_leakage(hw, c.head_area, seconds(hw, Cycles<T>(total_cycles(e.lm_head) + e.wake)),
                  e.time);
  e.energy.rom_wake += rom_wake(hw, Area<T>(c.layers_area + c.head_area));
}

template <class T>
void add_end_to_end(const Setting<T>& s, T max_context, PassEstimate<T>& e) {
  const auto& hw = s.hw;
  e.link_bits = host_link_bits(s, max_context);
  e.link_time = hw.host.latency + e.link_bits / hw.host.bandwidth;
  e.head_time = host_head_time(s);
  e.end_to_end = e.time + e.link_time + e.head_time;
  e.outside.link = e.link_bits * hw.host.energy;
  if (uses_dram(hw)) e.outside.dram = e.dram_bits * hw.dram.energy;
  if (hw.map.head == spec::HeadPlace::host)
    e.outside.head = table_bits(s.model).all * hw.host.memory_energy;
  e.waiting = leakage(e.energy) * T((e.link_time + e.head_time) / e.time);
}

}  // namespace detail

// Everything of a pass.
template <class T>
PassEstimate<T> estimate_pass(const spec::Hardware<T>& hw, const spec::Model<T>& m,
                              const Common<T>& common, const spec::Pass<T>& pass) {
  const auto s = make_setting(hw, m, pass);
  const auto banks = count_banks(s);
  PassEstimate<T> e;
  e.pass = pass;
  const auto layers = detail::run_layers(s, banks, e.layer);
  e.final_norm = final_norm(s);
  e.lm_head = lm_head(s, banks);
  e.wake = wake_cycles(hw);
  e.exposed_first = layers.exposed_first;
  e.exposed = layers.exposed;
  e.exposed_head = detail::head_exposed_wake(hw, layers.lead, e.final_norm);
  e.layers = layers.cycles;
  e.total = e.layers + e.exposed_first + e.exposed + e.exposed_head + total_cycles(e.final_norm) +
            total_cycles(e.lm_head);

  e.events = layers.events;
  e.macs = layers.macs;
  e.macs.head = e.lm_head.dense_macs;
  const auto weights = detail::count_weights(s, common.content.layers);
  detail::add_weights(s, common.content.layers, e.events);
  e.events.base_adds += s.tokens * weights.used;
  e.base_macs = s.tokens * weights.all;
  add_events(e.events, e.final_norm);
  add_events(e.events, e.lm_head);
  if (hw.map.head == spec::HeadPlace::rom)
    e.embedding_bits = s.tokens * m.hidden * m.embedding.bits;

  const T max_context =
      capacity(hw, m, pass.batch, s.tokens, T(pass.past + pass.fresh)).max_context;
  e.time = seconds(hw, e.total);
  e.dram_bits = e.events.dram_bits;
  if (hw.sram.spill == spec::Spill::dram) {
    const Bits<T> spilled = spilled_bits(m, pass, max_context);
    e.dram_bits += spilled;
    e.time += spilled / hw.dram.bandwidth;
  }
  detail::add_chip_energy(s, common, banks, layers, e);
  detail::add_end_to_end(s, max_context, e);
  e.pe_utilization = detail::pe_utilization(s, e);
  return e;
}

// One layer of a pass. `energy` has the layer's events and clock, its ROM domains over the whole
// pass, and other leakage while the layer runs.
template <class T>
struct LayerEstimate {
  LayerPlan<T> plan{};     // with 1-bits and base adds in its ops
  OpEstimate<T> events{};  // summed over the ops
  StoredBits<T> stored{};
  Area<T> rom_area{};
  Cycles<T> cycles{};  // with exposed wakes
  Cycles<T> exposed_wake{};
  T bank_wakes{};
  Cycles<T> bank_idle{};  // summed over banks
  EnergyBreakdown<T> energy{};
  Power<T> power{};  // of the chip while the layer runs: its wake counts here, other ROM is cut off
};

// Layer l of a pass.
template <class T>
LayerEstimate<T> estimate_layer(const spec::Hardware<T>& hw, const spec::Model<T>& m,
                                const Common<T>& common, const PassEstimate<T>& whole,
                                std::size_t layer) {
  auto s = make_setting(hw, m, whole.pass);
  const auto chip = count_banks(s);
  WakeLead<T> lead;
  if (layer > 0) {
    enter_layer(s, layer - 1);
    lead = lead_after(plan_layer(s, chip));
  }
  enter_layer(s, layer);
  LayerEstimate<T> e;
  e.plan = plan_layer(s, chip);
  for (std::size_t i = 0; i < spec::projection_count; ++i)
    if (const auto p = static_cast<spec::Projection>(i); spec::has_projection(m, p))
      add_layer_weights(s, layer, p, e.plan.ops[static_cast<std::size_t>(projection_ops[i])]);
  for (const auto& op : e.plan.ops) add_events(e.events, op);
  e.stored = layer_stored_bits(s, layer);
  if (hw.map.weights == spec::WeightPlace::rom) e.rom_area = rom_area(hw, e.stored);
  e.exposed_wake = layer_exposed_wake<T>(hw, m, e.plan, layer == 0 ? nullptr : &lead);
  e.cycles = e.plan.cycles + e.exposed_wake;
  const bool gated = wakes(hw) && hw.map.weights == spec::WeightPlace::rom;
  for (std::size_t i = 0; gated && i < spec::projection_count; ++i) {
    const auto p = static_cast<spec::Projection>(i);
    e.bank_wakes += e.plan.banks.projection[i];
    e.bank_idle += e.plan.banks.projection[i] * (whole.total - awake_cycles(s, e.plan, p));
  }
  T weights = T(0);
  for (std::size_t i = 0; i < spec::projection_count; ++i) {
    const auto [outputs, inputs] = layer_shape(s, static_cast<spec::Projection>(i));
    weights += outputs * inputs;
  }
  add_event_energy(hw, m, whole.bank_toggle, e.events, T(s.tokens * weights),
                   dense_macs(e.plan.ops), Bits<T>{}, e.energy);
  add_clock_energy(hw, common.cells, layer_clocked(s, e.plan), e.cycles, e.energy);
  add_leakage(hw, common.cells, seconds(hw, e.cycles), e.energy);
  e.energy.rom_leakage +=
      rom_leakage(hw, e.rom_area, seconds(hw, mean_awake_cycles(s, e.plan)), whole.time);
  e.energy.rom_wake += rom_wake(hw, e.rom_area);
  const Time<T> time = seconds(hw, e.cycles);
  const Time<T> awake = seconds(hw, min(mean_awake_cycles(s, e.plan), e.cycles));
  const Area<T> others = common.content.layers_area + common.content.head_area - e.rom_area;
  e.power = (total(e.energy) - e.energy.rom_leakage + rom_leakage(hw, e.rom_area, awake, time) +
             rom_leakage(hw, others, Time<T>{}, time)) /
            time;
  return e;
}

// How fast, and at what energy. On the chip, or end to end.
template <class T>
struct Performance {
  Time<T> ttft{};
  Time<T> tpot{};
  TokenRate<T> throughput{};
  Power<T> power{};
  EnergyPerToken<T> energy_per_token{};
};

template <class T>
struct Estimate {
  Common<T> common{};
  RomAlternatives<T> rom{};
  Banks<T> banks{};
  T units{};  // that hold base weights
  Capacity<T> decode_capacity{};
  Capacity<T> prefill_capacity{};
  PassEstimate<T> decode{};
  PassEstimate<T> prefill{};

  Performance<T> chip{};
  Performance<T> end_to_end{};
  Cycles<T> epoch{};  // of layers in lockstep; the whole decode pass of layers in sequence
  OperationsPerEnergy<T> efficiency{};
  TokenRateDensity<T> throughput_density{};
  OperationRate<T> peak_rate{};
  Bandwidth<T> rom_bandwidth_available{};
  Bandwidth<T> rom_bandwidth_needed{};  // to keep every unit busy, one token at a time
  Bandwidth<T> rom_bandwidth_used{};    // averaged over a decode step
  Bandwidth<T> rom_bandwidth_all{};     // of all banks of the chip at once
};

template <class T>
Common<T> make_common(const spec::Hardware<T>& hw, const spec::Model<T>& m,
                      const RomContent<T>& layers) {
  Common<T> c;
  c.content = with_head(hw, m, layers);
  c.cells = logic_cells(make_setting(hw, m, spec::Pass<T>{T(1), T(1), T(0)}));
  c.area = area(hw, c.content, c.cells);
  return c;
}

namespace detail {

// Cycles of an epoch of layers in lockstep: the longest base op, then the longest other op.
template <class T>
Cycles<T> epoch_cycles(const spec::Hardware<T>& hw, const LayerPlan<T>& plan) {
  Cycles<T> base{};
  Cycles<T> other{};
  for (std::size_t i = 0; i < plan.ops.size(); ++i) {
    const bool linear = spec::info(static_cast<Op>(i)).kind == spec::OpKind::linear;
    auto& longest = linear ? base : other;
    longest = max(longest, total_cycles(plan.ops[i]));
  }
  return base + other + hw.schedule.sync;
}

// Decode of `batch` tokens in every `interval`.
template <class T>
void set_rates(T batch, Time<T> interval, Time<T> leaks, Energy<T> switched, Energy<T> leaked,
               Performance<T>& p) {
  p.throughput = tokens(batch) / interval;
  p.power = switched / interval + leaked / leaks;
  p.energy_per_token = p.power / p.throughput;
}

template <class T>
void set_performance(const spec::Hardware<T>& hw, T batch, Estimate<T>& e) {
  const auto& d = e.decode;
  const bool lockstep = hw.schedule.layers == spec::LayerSchedule::lockstep;
  e.epoch = lockstep ? epoch_cycles(hw, d.layer) : d.total;
  const Time<T> interval = lockstep ? seconds(hw, e.epoch) : d.time;
  const auto leaked = leakage(d.energy);
  const auto switched = total(d.energy) - leaked;
  e.chip.ttft = e.prefill.time;
  e.chip.tpot = d.time;
  set_rates(batch, interval, d.time, Energy<T>(switched), leaked, e.chip);
  e.end_to_end.ttft = e.prefill.end_to_end;
  e.end_to_end.tpot = d.end_to_end;
  set_rates(batch, d.end_to_end, d.end_to_end, Energy<T>(switched + d.outside.total()),
            Energy<T>(leaked + d.waiting), e.end_to_end);
}

}  // namespace detail

// Estimates decode at the workload's context and batch, and prefill of its prompt. `layers` is what
// layer_content gives.
template <class T>
Estimate<T> estimate(const spec::Hardware<T>& hw, const spec::Model<T>& m,
                     const RomContent<T>& layers) {
  const auto& w = m.workload;
  const T two = T(2);
  Estimate<T> e;
  e.common = make_common(hw, m, layers);
  const auto s = make_setting(hw, m, spec::Pass<T>{w.batch, T(1), w.context - T(1)});
  e.banks = count_banks(s);
  if (uses_rom(hw)) e.rom = rom_alternatives(hw, e.common.content.stored());
  e.decode = estimate_pass(hw, m, e.common, s.pass);
  e.prefill = estimate_pass(hw, m, e.common, {w.batch, w.prompt, T(0)});
  e.decode_capacity = capacity(hw, m, w.batch, w.batch, w.context);
  e.prefill_capacity = capacity(hw, m, w.batch, T(w.batch * w.prompt), w.prompt);

  detail::set_performance(hw, w.batch, e);
  const T macs = e.decode.base_macs + e.decode.macs.total();
  e.efficiency = operations(T(two * macs)) / tokens(w.batch) / e.chip.energy_per_token;
  e.throughput_density = e.chip.throughput / e.common.area.total();
  e.units = base_units(s);
  const T weights = e.units * hw.base.rows * hw.datapath.width / hw.datapath.step_cycles.value();
  e.peak_rate = operations(T(two * weights)) / cycles(T(1)) * hw.chip.clock;
  if (uses_rom(hw)) {
    e.rom_bandwidth_available = e.units * hw.rom.read_width * hw.chip.clock;
    e.rom_bandwidth_all = e.banks.chip * hw.rom.bank_width * hw.chip.clock;
  }
  e.rom_bandwidth_needed = weights * m.weights.bits / cycles(T(1)) * hw.chip.clock;
  e.rom_bandwidth_used = e.decode.events.rom_bits / e.decode.time;
  return e;
}

template <class T>
Estimate<T> estimate(const spec::Hardware<T>& hw, const spec::Model<T>& m) {
  return estimate(hw, m, layer_content(hw, m));
}

}  // namespace tomestimate::engine
