// SPDX-License-Identifier: Apache-2.0
// One design evaluated as an architect looks at it: as specified, and beside it the two designs
// that explain it (no power gating; LM head on the chip). And its metrics by name.
#pragma once

#include <string_view>

#include <tomestimate/engine/estimate.hpp>
#include <tomestimate/number/symbol.hpp>
#include <tomestimate/spec/rules.hpp>
#include <tomestimate/study/metric.hpp>

namespace tomestimate::study {

template <class T>
struct Evaluation {
  engine::Estimate<T> base;
  engine::Estimate<T> ungated;
  engine::Estimate<T> head_on_chip;
};

// The hardware without anything that keeps idle ROM banks from burning.
template <class T>
spec::Hardware<T> without_gating(spec::Hardware<T> hw) {
  hw.gating.mode = spec::GatingMode::none;
  return hw;
}

template <class T>
Evaluation<T> evaluate(const spec::Hardware<T>& hw, const spec::Model<T>& m) {
  auto head_on_chip = hw;
  head_on_chip.map.head = spec::HeadPlace::rom;
  const auto layers = engine::layer_content(hw, m);
  return {engine::estimate(hw, m, layers), engine::estimate(without_gating(hw), m, layers),
          engine::estimate(head_on_chip, m, layers)};
}

namespace detail {

// Slack of the memories: below 0 if adapters and KV cache (unless it may spill), or the residual
// stream, do not fit. Only its sign means something.
template <class T>
T memory_slack(const spec::Hardware<T>& hw, const engine::Estimate<T>& e) {
  using units::min;
  const auto of = [&](const engine::Capacity<T>& c) {
    const T room = min(c.room.value(), T((c.workspace_available - c.workspace).value()));
    return hw.sram.spill == spec::Spill::error ? T(min(room, T(c.max_context - c.context))) : room;
  };
  return min(of(e.decode_capacity), of(e.prefill_capacity));
}

}  // namespace detail

// Calls visit(message, excess) for every rule that makes numbers a design, the memories' among
// them; a rule is broken where its excess is above 0.
template <class T, class Visit>
void visit_rules(const spec::Hardware<T>& hw, const spec::Model<T>& m, const engine::Estimate<T>& e,
                 Visit&& visit) {
  const auto rule = [&visit](const spec::Rule& r, const T& excess) { visit(r.message, excess); };
  spec::visit_hardware_rules(hw, rule);
  spec::visit_model_rules(m, rule);
  spec::visit_pair_rules(hw, m, rule);
  visit(std::string_view("does not fit the SRAM"), T(T(0) - detail::memory_slack(hw, e)));
}

// Calls visit(Metric, value) for every metric; value is a quantity or a bare T. `hw` is what was
// evaluated.
template <class T, class Visit>
void visit_metrics(const spec::Hardware<T>& hw, const Evaluation<T>& all, Visit&& visit) {
  const auto& e = all.base;
  const auto& area = e.common.area;
  const T one = T(1);
  visit(Metric{"throughput", "token/s", "decode throughput on the chip, all sequences"},
        e.chip.throughput);
  visit(Metric{"tpot", "us", "time per output token (one decode step) on the chip"}, e.chip.tpot);
  visit(Metric{"ttft", "ms", "time to first token (prefill of the prompt) on the chip"},
        e.chip.ttft);
  visit(Metric{"power", "W", "average power of the chip while decoding"}, e.chip.power);
  visit(Metric{"power_ungated", "W", "the same without power gating"}, all.ungated.chip.power);
  visit(Metric{"gating_saving", "%", "power saved by gating"},
        T(one - (e.chip.power / all.ungated.chip.power)));
  visit(Metric{"energy_per_token", "uJ/token", "energy of the chip per decoded token"},
        e.chip.energy_per_token);
  visit(Metric{"end_to_end.throughput", "token/s",
               "decode throughput with host link and LM head on the host"},
        e.end_to_end.throughput);
  visit(Metric{"end_to_end.tpot", "us", "time per output token, likewise"}, e.end_to_end.tpot);
  visit(Metric{"end_to_end.ttft", "ms", "time to first token, likewise"}, e.end_to_end.ttft);
  visit(Metric{"end_to_end.power", "W", "average power of chip, link, DRAM and host memory"},
        e.end_to_end.power);
  visit(Metric{"end_to_end.energy_per_token", "uJ/token", "energy of the same per token"},
        e.end_to_end.energy_per_token);
  visit(Metric{"efficiency", "TOPS/W", "2 op per dense MAC, decode on the chip"}, e.efficiency);
  visit(Metric{"peak_rate", "TOPS", "all base units on base weights"}, e.peak_rate);
  visit(Metric{"pe_utilization", "%", "operand positions of the base units in use, decode"},
        e.decode.pe_utilization);
  visit(Metric{"area", "mm^2", "chip area"}, area.total());
  visit(Metric{"area.rom", "mm^2", "ROM area, power switches included"}, area.rom);
  visit(Metric{"area.sram", "mm^2", "area of the SRAM of adapters and KV cache"}, area.sram);
  visit(Metric{"area.logic", "mm^2", "all but ROM and that SRAM"}, area.logic());
  visit(Metric{"area.units", "mm^2", "base and side units"}, area.units());
  visit(Metric{"area.rom_share", "%", "ROM share of the area"}, T(area.rom / area.total()));
  visit(Metric{"area.sram_share", "%", "SRAM share of the area"}, T(area.sram / area.total()));
  visit(Metric{"area.logic_share", "%", "logic share of the area"}, T(area.logic() / area.total()));
  visit(Metric{"throughput_density", "token/s/mm^2", "throughput per chip area"},
        e.throughput_density);
  visit(Metric{"rom.stored", "MiB", "bits of weights in ROM"}, e.rom.stored.all);
  visit(Metric{"rom.capacity", "MiB", "bits in ROM, norm gains included"},
        e.rom.stored.all + e.common.content.norms);
  visit(Metric{"rom.banks", "", "ROM banks"}, e.banks.chip);
  visit(Metric{"units", "", "units that hold base weights"}, e.units);
  visit(Metric{"rom.zero_bit_ratio", "%", "share of stored weight bits that are 0"},
        T(one - (e.rom.stored.ones / e.rom.stored.all)));
  visit(Metric{"rom.density", "MiB/mm^2", "stored bits per ROM area, without power switches"},
        engine::density(e.rom.stored,
                        units::Area<T>(e.common.content.layers_area + e.common.content.head_area)));
  visit(Metric{"rom.over_compiled", "", "ROM density over that of a compiled ROM"},
        T(e.rom.compiled / (e.common.content.layers_area + e.common.content.head_area)));
  visit(Metric{"rom.over_sram", "", "ROM density over that of the SRAM"},
        T(e.rom.sram / (e.common.content.layers_area + e.common.content.head_area)));
  visit(Metric{"rom.read_rate", "TB/s", "ROM bits read per second, decode"}, e.rom_bandwidth_used);
  visit(Metric{"rom.all_banks_rate", "TB/s", "all ROM banks read at once"}, e.rom_bandwidth_all);
  visit(Metric{"compiled_rom.density", "MiB/mm^2", "density of a compiled ROM of the SRAM's depth"},
        one / engine::compiled_rom_area_per_bit(hw.tech, hw.sram.depth));
  visit(Metric{"sram.density", "MiB/mm^2", "density of the SRAM, ports not counted"},
        one / engine::sram_area_per_bit(hw.tech, hw.sram.depth));
  visit(Metric{"max_context", "", "positions per sequence that fit the SRAM"},
        e.decode_capacity.max_context);
  visit(Metric{"max_rank", "", "adapter rank that fits at the context"},
        e.decode_capacity.max_rank);
  visit(Metric{"clock_limit", "MHz", "what the technology allows at the supply voltage"},
        spec::clock_limit(hw));
}

}  // namespace tomestimate::study

// Compiled once, in src/study/engine_on_*.cpp, and not in each file that calls them.
namespace tomestimate::engine {
extern template LayerEstimate<double> estimate_layer(const spec::Hardware<double>&,
                                                     const spec::Model<double>&,
                                                     const Common<double>&,
                                                     const PassEstimate<double>&, std::size_t);
extern template PassEstimate<double> estimate_pass(const spec::Hardware<double>&,
                                                   const spec::Model<double>&,
                                                   const Common<double>&,
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
