// SPDX-License-Identifier: Apache-2.0
// When ROM domains are awake, and what of waking them nothing hides.
// Equations: specs/machine.md, "Gating".
#pragma once

#include <tomestimate/engine/schedule.hpp>

namespace tomestimate::engine {

template <class T>
bool wakes(const spec::Hardware<T>& hw) {
  return uses_rom(hw) && hw.gating.mode == spec::GatingMode::switches;
}

// From wake to first read; 0 where nothing wakes.
template <class T>
Cycles<T> wake_cycles(const spec::Hardware<T>& hw) {
  if (!wakes(hw)) return {};
  return cycles(T(ceil_tolerant(T((hw.gating.wake_latency * hw.chip.clock).value()))));
}

// What is left of a wake that had `lead` to hide in.
template <class T>
Cycles<T> exposed_wake(const spec::Hardware<T>& hw, Cycles<T> lead) {
  const auto wake = wake_cycles(hw);
  if (hw.gating.prewake == spec::Switch::off) return wake;
  return max(Cycles<T>(wake - lead), Cycles<T>{});
}

inline constexpr std::array<Op, spec::projection_count> projection_ops{
    Op::q, Op::k, Op::v, Op::o, Op::gate, Op::up, Op::down};

// What a layer leaves for the wakes of the next one to hide in.
template <class T>
struct WakeLead {
  Cycles<T> layer{};   // cycles of the layer
  Cycles<T> matrix{};  // from the start of its last projection to its end
};

template <class T>
Cycles<T> start_of(const LayerPlan<T>& plan, Op op) {
  return plan.start[static_cast<std::size_t>(op)];
}

template <class T>
WakeLead<T> lead_after(const LayerPlan<T>& plan) {
  return {plan.cycles, plan.path - start_of(plan, Op::down)};
}

// Exposed wakes of a layer; `before` is what the layer before it leaves, null for the first layer.
template <class T>
Cycles<T> layer_exposed_wake(const spec::Hardware<T>& hw, const spec::Model<T>& m,
                             const LayerPlan<T>& plan, const WakeLead<T>* before) {
  if (!wakes(hw) || hw.map.weights != spec::WeightPlace::rom) return {};
  const auto cold = wake_cycles(hw);
  if (hw.gating.domain == spec::GatingDomain::layer)
    return before == nullptr ? cold : exposed_wake(hw, before->layer);
  Cycles<T> sum = before == nullptr
                      ? cold
                      : exposed_wake(hw, Cycles<T>(before->matrix + start_of(plan, Op::q)));
  auto last = start_of(plan, Op::q);
  for (std::size_t i = 1; i < spec::projection_count; ++i) {
    if (!spec::has_projection(m, static_cast<spec::Projection>(i))) continue;
    const auto start = start_of(plan, projection_ops[i]);
    sum += exposed_wake(hw, Cycles<T>(start - last));
    last = start;
  }
  return sum;
}

// Cycles that the ROM domain of projection p is awake in a pass.
template <class T>
Cycles<T> awake_cycles(const Setting<T>& s, const LayerPlan<T>& plan, spec::Projection p) {
  const auto wake = wake_cycles(s.hw);
  if (s.hw.gating.domain == spec::GatingDomain::layer) return plan.cycles + wake;
  const auto op =
      total_cycles(plan.ops[static_cast<std::size_t>(projection_ops[static_cast<std::size_t>(p)])]);
  // Token groups in a pipeline keep every matrix of the layer busy.
  return op + is_above(s.groups, T(1)) * (plan.cycles - op) + wake;
}

// The same, over the projections of a layer by their share of its bits.
template <class T>
Cycles<T> mean_awake_cycles(const Setting<T>& s, const LayerPlan<T>& plan) {
  if (s.hw.gating.domain == spec::GatingDomain::layer) return plan.cycles + wake_cycles(s.hw);
  Cycles<T> sum{};
  T weights = T(0);
  for (std::size_t i = 0; i < spec::projection_count; ++i) {
    const auto p = static_cast<spec::Projection>(i);
    const auto [outputs, inputs] = layer_shape(s, p);
    const T size = outputs * inputs;
    sum += size * awake_cycles(s, plan, p);
    weights += size;
  }
  return sum / weights;
}

}  // namespace tomestimate::engine
