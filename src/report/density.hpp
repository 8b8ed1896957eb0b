// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <tomestimate/report/figures.hpp>

namespace tomestimate::report {

// Published ROM densities of the hardware's specs, with the zero-bit ratio each is told at.
std::vector<DensityPoint> published_densities(const HardwareSpec& hardware,
                                              const std::vector<evidence::Comparison>& all);

}  // namespace tomestimate::report
