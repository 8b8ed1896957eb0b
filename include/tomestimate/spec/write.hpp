// SPDX-License-Identifier: Apache-2.0
// Specs back to TOML, for commands that make one.
#pragma once

#include <string>

#include <tomestimate/spec/load.hpp>

namespace tomestimate::spec {

// A spec file with every value of `spec.sourced` as it is written there (text, grade, source,
// range, fits), in that order: those of the technology that a hardware spec names too, so that the
// file needs none. Reading it back gives the same spec, but for places and the last digit of
// ranges. `comment` goes on top, a "# " before each of its lines.
std::string to_toml(const Spec<Hardware<double>>& spec, const std::string& comment);
std::string to_toml(const Spec<Model<double>>& spec, const std::string& comment);

}  // namespace tomestimate::spec
