// SPDX-License-Identifier: Apache-2.0
// What was set in a spec after it was loaded.
#pragma once

#include <tomestimate/spec/load.hpp>

namespace tomestimate::spec {

// Whether override_value set this value.
bool was_set(const Sourced& value);

}  // namespace tomestimate::spec
