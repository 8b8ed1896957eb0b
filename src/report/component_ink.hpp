// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "plot.hpp"

namespace tomestimate::report {

// Of a component of area, energy or power, by its name in Bars.
plot::Ink component_ink(std::string_view name);

}  // namespace tomestimate::report
