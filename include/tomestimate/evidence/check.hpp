// SPDX-License-Identifier: Apache-2.0
// Checking a file of any kind.
#pragma once

#include <string>
#include <vector>

#include <tomestimate/spec/diagnostic.hpp>

namespace tomestimate::evidence {

// Every error found in a file of any kind: hardware, model, study or published figures; empty if it
// is good.
std::vector<spec::Diagnostic> check(const std::string& path);

}  // namespace tomestimate::evidence
