// SPDX-License-Identifier: Apache-2.0
// A hardware spec carried to another technology node by factors, each with its source.
#pragma once

#include <string>
#include <vector>

#include <tomestimate/spec/load.hpp>

namespace tomestimate::spec {

struct Rescaled {
  Spec<Hardware<double>> hardware;
  std::vector<std::string> cautions;  // what was carried, and how far to trust it
};

// The spec with every value of its technology multiplied by the factors from its node to `node`
// ("12 nm"), which are in a file of kind "node-factors" (specs/technology/node-factors.toml), and
// with the supply of that node. Structure and clock stay. Ranges widen by those of the factors.
// Throws SpecError for a bad file, for a node that is not in it, or where the clock is above what
// the new node allows.
Rescaled rescale(const Spec<Hardware<double>>& hardware, const std::string& node,
                 const std::string& factors_file);

}  // namespace tomestimate::spec
