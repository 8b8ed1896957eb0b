// SPDX-License-Identifier: Apache-2.0
// What binds an op or a pass: for tables, sentences and figures. And quantities told in a unit.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tomestimate/study/evaluation.hpp>
#include <tomestimate/units/unit_text.hpp>

namespace tomestimate::report {

template <class Unit>
double in(const units::Quantity<Unit, double>& q, std::string_view unit) {
  return units::from_base(q.value(), unit);
}
inline double in(double value, std::string_view unit) {
  return unit.empty() ? value : units::from_base(value, unit);
}

using OpCycles = std::array<std::pair<std::string_view, double>, 7>;

// Cycles an op needs of each resource.
OpCycles resources(const engine::OpEstimate<double>& op);

// The slowest resource of an op; several, joined by " = ", if they are equally slow; "" if the op
// takes no time.
std::string binding(const engine::OpEstimate<double>& op);

// Ops of a layer that its time hangs on: those on the longest path, or with many token groups in
// the pipeline those of the busiest class.
std::array<bool, spec::layer_op_count> critical_ops(const spec::Hardware<double>& hw,
                                                    const engine::LayerPlan<double>& plan);

// Cycles of a pass on the chip by what binds them, longest first; ops that others hide do not
// count.
std::vector<std::pair<std::string, double>> binding_cycles(
    const spec::Hardware<double>& hw, const spec::Model<double>& m,
    const engine::PassEstimate<double>& pass);

// What relieves it on this machine, running this model.
std::string_view remedy(std::string_view what, const spec::Hardware<double>& hw,
                        const spec::Model<double>& m);

}  // namespace tomestimate::report
