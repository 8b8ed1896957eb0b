// SPDX-License-Identifier: Apache-2.0
#include "binding.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include <range/v3/algorithm/stable_sort.hpp>

#include <tomestimate/study/parts.hpp>

namespace tomestimate::report {

using engine::OpEstimate;

OpCycles resources(const OpEstimate<double>& op) {
  OpCycles out;
  std::size_t i = 0;
  engine::visit_op_cycles(op, [&](std::string_view, const auto& cycles) {
    if (i < out.size()) out[i] = {study::resources[i].words, cycles.value()};  // latency is last
    ++i;
  });
  return out;
}

std::string binding(const OpEstimate<double>& op) {
  double worst = 0;
  for (const auto& [name, cycles] : resources(op)) worst = std::max(worst, cycles);
  std::string names;
  if (worst == 0) return names;
  for (const auto& [name, cycles] : resources(op))
    if (cycles == worst) names += (names.empty() ? "" : " = ") + std::string(name);
  return names;
}

std::array<bool, spec::layer_op_count> critical_ops(const spec::Hardware<double>& hw,
                                                    const engine::LayerPlan<double>& plan) {
  std::array<bool, spec::layer_op_count> out{};
  const auto end = [&plan](std::size_t i) {
    return (plan.start[i] + total_cycles(plan.ops[i])).value();
  };
  // One pass of tokens through the layer: from its end back through whatever ended last before each
  // op.
  const double bottleneck = std::max({plan.load[0], plan.load[1], plan.load[2]}).value();
  if (plan.cycles.value() < (bottleneck + plan.path.value()) / 2 && plan.cycles < plan.path) {
    // Token groups in a pipeline: the busiest class is what takes the time.
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto c = static_cast<std::size_t>(engine::class_of(hw.map, static_cast<spec::Op>(i)));
      out[i] = plan.load[c].value() == bottleneck;
    }
    return out;
  }
  for (std::size_t at = out.size() - 1;;) {
    out[at] = true;
    const double start = plan.start[at].value();
    if (start == 0) return out;
    std::size_t before = out.size();
    for (std::size_t i = 0; i < at; ++i)
      if (end(i) == start && total_cycles(plan.ops[i]).value() > 0) before = i;
    if (before == out.size()) return out;
    at = before;
  }
}

std::vector<std::pair<std::string, double>> binding_cycles(
    const spec::Hardware<double>& hw, const spec::Model<double>& m,
    const engine::PassEstimate<double>& pass) {
  std::map<std::string, double> by_name;
  const auto add = [&](const OpEstimate<double>& op, double times) {
    const auto name = binding(op);
    const double latency = op.latency.value();
    if (!name.empty()) by_name[name] += times * (total_cycles(op).value() - latency);
    by_name["pipeline and tree latency"] += times * latency;
  };
  const auto layers = static_cast<double>(m.layers);
  const auto critical = critical_ops(hw, pass.layer);
  for (std::size_t i = 0; i < critical.size(); ++i)
    if (critical[i]) add(pass.layer.ops[i], layers);
  add(pass.final_norm, 1);
  add(pass.lm_head, 1);
  by_name["exposed ROM wake"] = (pass.exposed_first + pass.exposed + pass.exposed_head).value();
  std::vector<std::pair<std::string, double>> sorted(by_name.begin(), by_name.end());
  std::erase_if(sorted, [](const auto& entry) { return entry.second == 0; });
  ranges::stable_sort(sorted, std::greater{}, [](const auto& entry) { return entry.second; });
  return sorted;
}

std::string_view remedy(std::string_view what, const spec::Hardware<double>& hw,
                        const spec::Model<double>& m) {
  const bool dram = hw.map.weights == spec::WeightPlace::dram;
  if (dram && what.find("weight memory") != std::string_view::npos)
    return what == "weight memory" ? "dram.bandwidth"
                                   : "dram.bandwidth together with what binds beside it";
  if (what.starts_with("SRAM port") && m.adapter.rank > 0)
    return "sram_width of the units, more units, or a lower adapter rank";
  using Pair = std::pair<std::string_view, std::string_view>;
  static constexpr std::array<Pair, 12> remedies{{
      {"unit compute = weight memory = activation buffer",
       "base.lanes or base.per_lane; or base.width with rom.read_width and base.buffer_width: none "
       "of "
       "these alone but the units"},
      {"unit compute = weight memory",
       "base.lanes or base.per_lane; or base.width with rom.read_width: either alone gains "
       "nothing"},
      {"unit compute = activation buffer",
       "base.lanes, base.per_lane or the clock; base.width only with base.buffer_width"},
      {"unit compute = SRAM port", "units; or a wider port with a wider unit"},
      {"unit compute", "more lanes or units, a wider unit, or the clock"},
      {"weight memory", "rom.read_width"},
      {"SRAM port", "sram_width of the units, or more units"},
      {"activation buffer", "buffer_width of the units"},
      {"reduction tree", "tree_values of the units"},
      {"broadcast bus", "bus.width"},
      {"vector unit", "vector.width, or fewer passes (fused norm and quantization)"},
      {"exposed ROM wake", "gating.prewake, shorter gating.wake_latency"},
  }};
  for (const auto& [prefix, text] : remedies)
    if (what.substr(0, prefix.size()) == prefix) return text;
  return "pipeline and level_latency of the units; fewer, larger ops";
}

}  // namespace tomestimate::report
