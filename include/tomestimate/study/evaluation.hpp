// SPDX-License-Identifier: Apache-2.0
// One design evaluated as an architect looks at it: as specified, and beside it the two designs
// that explain it (no power gating; LM head on the chip). And its metrics by name.
#pragma once

#include <string_view>

#include <tomestimate/engine/estimate.hpp>
#include <tomestimate/number/symbol.hpp>
#include <tomestimate/spec/rules.hpp>

namespace tomestimate::study {

template <class T>
struct Evaluation {
  engine::Estimate<T> base;
  engine::Estimate<T> ungated;
  engine::Estimate<T> head_on_chip;
};

template <class T>
Evaluation<T> evaluate(const spec::Hardware<T>& hw, const spec::Model<T>& m) {
  auto ungated = hw;
  ungated.gating.enabled = spec::Switch::off;
  auto head_on_chip = hw;
  head_on_chip.mapping.lm_head = spec::Placement::rom;
  return {engine::estimate(hw, m), engine::estimate(ungated, m), engine::estimate(head_on_chip, m)};
}

namespace detail {

// Slack of the SRAM: below 0 if adapters and workspace, or the context (unless it may spill), do
// not fit. Only its sign means something.
template <class T>
T sram_slack(const spec::Hardware<T>& hw, const engine::Estimate<T>& e) {
  using units::min;
  const auto of = [&](const engine::Capacity<T>& c) {
    const T room = c.available.value() - (c.adapters + c.workspace).value();
    return hw.sram.spill == spec::Spill::error ? T(min(room, T(c.max_context - c.context))) : room;
  };
  return min(of(e.decode_capacity), of(e.prefill_capacity));
}

}  // namespace detail

// Calls visit(message, excess) for every rule that makes numbers a design, the SRAM's among them; a
// rule is broken where its excess is above 0.
template <class T, class Visit>
void visit_rules(const spec::Hardware<T>& hw, const spec::Model<T>& m, const engine::Estimate<T>& e,
                 Visit&& visit) {
  const auto rule = [&visit](const spec::Rule& r, const T& excess) { visit(r.message, excess); };
  spec::visit_hardware_rules(hw, rule);
  spec::visit_model_rules(m, rule);
  spec::visit_pair_rules(hw, m, rule);
  visit(std::string_view("does not fit the SRAM"), T(T(0) - detail::sram_slack(hw, e)));
}

struct Metric {
  std::string_view name;
  std::string_view unit;  // display unit; "" for a bare number
  std::string_view doc;
};

// Calls visit(Metric, value) for every metric; value is a quantity or a bare T. `hw` is what was
// evaluated.
template <class T, class Visit>
void visit_metrics(const spec::Hardware<T>& hw, const Evaluation<T>& all, Visit&& visit) {
  const auto& e = all.base;
  const T one = T(1);
  visit(Metric{"throughput", "token/s", "decode throughput at the context, all sequences"},
        e.throughput);
  visit(Metric{"tpot", "us", "time per output token (one decode step)"}, e.tpot);
  visit(Metric{"ttft", "ms", "time to first token (prefill of the prompt)"}, e.ttft);
  visit(Metric{"power", "W", "average power while decoding"}, e.power);
  visit(Metric{"power_ungated", "W", "the same without power gating"}, all.ungated.power);
  visit(Metric{"gating_saving", "%", "power saved by gating"},
        T(one - (e.power / all.ungated.power)));
  visit(Metric{"energy_per_token", "uJ/token", "energy per decoded token"}, e.energy_per_token);
  visit(Metric{"efficiency", "TOPS/W", "2 op per dense MAC, decode"}, e.efficiency);
  visit(Metric{"peak_rate", "TOPS", "all PEs on base weights"}, e.peak_rate);
  visit(Metric{"pe_utilization", "%", "PE positions in use, decode"}, e.decode.pe_utilization);
  visit(Metric{"area", "mm^2", "chip area"}, e.area.total());
  visit(Metric{"area.rom", "mm^2", "ROM area"}, e.area.rom);
  visit(Metric{"area.sram", "mm^2", "SRAM area"}, e.area.sram);
  visit(Metric{"area.logic", "mm^2", "PEs, vector unit and control"}, e.area.logic());
  visit(Metric{"area.rom_share", "%", "ROM share of the area"}, T(e.area.rom / e.area.total()));
  visit(Metric{"area.sram_share", "%", "SRAM share of the area"}, T(e.area.sram / e.area.total()));
  visit(Metric{"area.logic_share", "%", "logic share of the area"},
        T(e.area.logic() / e.area.total()));
  visit(Metric{"throughput_density", "token/s/mm^2", "throughput per chip area"},
        e.throughput_density);
  visit(Metric{"rom.stored", "MB", "bits in ROM"}, e.rom.stored.all);
  visit(Metric{"rom.zero_bit_ratio", "%", "share of stored bits that are 0"},
        T(one - (e.rom.stored.ones / e.rom.stored.all)));
  visit(Metric{"rom.density", "MB/mm^2", "stored bits per ROM area"},
        engine::density(e.rom.stored, e.area.rom));
  visit(Metric{"rom.over_macro", "", "ROM density over that of a compiled ROM"},
        T(e.rom.macro / e.area.rom));
  visit(Metric{"rom.over_sram", "", "ROM density over that of the SRAM"},
        T(e.rom.sram / e.area.rom));
  visit(Metric{"rom.read_rate", "Tbit/s", "ROM bits read per second, decode"},
        e.rom_bandwidth_used);
  visit(Metric{"rom_macro.density", "Mbit/mm^2", "density of the compiled ROM"},
        one / engine::array_area_per_bit(hw.rom_macro));
  visit(Metric{"max_context", "", "positions per sequence that fit the SRAM"},
        e.decode_capacity.max_context);
  visit(Metric{"max_rank", "", "adapter rank that fits at the context"},
        e.decode_capacity.max_rank);
  visit(Metric{"gating.break_even", "ns", "idle time from which gating saves energy"},
        e.gating_break_even);
}

}  // namespace tomestimate::study

// Compiled once, in src/study/engine_on_*.cpp, and not in each file that calls them.
namespace tomestimate::engine {
extern template LayerEstimate<double> estimate_layer(const spec::Hardware<double>&,
                                                     const spec::Model<double>&,
                                                     const PassEstimate<double>&, std::size_t);
extern template PassEstimate<double> estimate_pass(const spec::Hardware<double>&,
                                                   const spec::Model<double>&,
                                                   const spec::Pass<double>&);
extern template Estimate<double> estimate(const spec::Hardware<double>&,
                                          const spec::Model<double>&);
}  // namespace tomestimate::engine
namespace tomestimate::study {
extern template Evaluation<double> evaluate(const spec::Hardware<double>&,
                                            const spec::Model<double>&);
extern template Evaluation<number::Symbol> evaluate(const spec::Hardware<number::Symbol>&,
                                                    const spec::Model<number::Symbol>&);
}  // namespace tomestimate::study
