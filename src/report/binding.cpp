// SPDX-License-Identifier: Apache-2.0
#include "binding.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include <range/v3/algorithm/stable_sort.hpp>

namespace tomestimate::report {

using engine::OpEstimate;

OpCycles resources(const OpEstimate<double>& op) {
  return {{{"PE compute", op.compute.value()},
           {"ROM read", op.rom.value()},
           {"SRAM port", op.sram.value()},
           {"activation buffer", op.buffer.value()},
           {"reduction tree", op.tree.value()},
           {"broadcast bus", op.broadcast.value()},
           {"vector unit", op.vector.value()}}};
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
  for (const auto& op : pass.schedule.ops) add(op, layers);
  add(pass.schedule.final_norm, 1);
  add(pass.schedule.lm_head, 1);
  const auto& plan = pass.schedule;
  by_name["exposed ROM wake"] =
      plan.exposed_first.value() + (layers - 1) * plan.exposed.value() + plan.exposed_head.value();
  by_name["host link"] = (pass.link_time * hw.chip.clock).value();
  std::vector<std::pair<std::string, double>> sorted(by_name.begin(), by_name.end());
  std::erase_if(sorted, [](const auto& entry) { return entry.second == 0; });
  ranges::stable_sort(sorted, std::greater{}, [](const auto& entry) { return entry.second; });
  return sorted;
}

std::string_view remedy(std::string_view what) {
  using Pair = std::pair<std::string_view, std::string_view>;
  static constexpr std::array<Pair, 12> remedies{{
      {"PE compute = ROM read = activation buffer",
       "lanes; or pe.rows with rom.read_width; or pe.width with that and buffer.read_width: none "
       "of "
       "these alone but lanes"},
      {"PE compute = ROM read",
       "lanes or a wider PE with its ROM port; either alone gains nothing"},
      {"PE compute = activation buffer",
       "lanes.count, pe.rows or the clock; pe.width only with buffer.read_width"},
      {"PE compute", "lanes.count, pe.rows, pe.width or the clock"},
      {"ROM read", "rom.read_width"},
      {"SRAM port", "sram.banks, sram.port_width, or a lower adapter rank"},
      {"activation buffer", "buffer.read_width"},
      {"reduction tree", "interconnect.tree_values"},
      {"broadcast bus", "interconnect.broadcast_width"},
      {"vector unit", "vector.width, or fewer passes (fused norm and quantization)"},
      {"exposed ROM wake", "gating.prewake, shorter gating.wake_latency"},
      {"host link", "host.latency, host.bandwidth"},
  }};
  for (const auto& [prefix, text] : remedies)
    if (what.substr(0, prefix.size()) == prefix) return text;
  return "pe.pipeline, interconnect.level_latency; fewer, larger ops";
}

}  // namespace tomestimate::report
