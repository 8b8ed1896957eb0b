// SPDX-License-Identifier: Apache-2.0
// What a spec may say: every value with its unit, range and choices, as text for people.
#pragma once

#include <string>
#include <vector>

#include <tomestimate/spec/load.hpp>

namespace tomestimate::spec {

struct Description {
  std::string path;
  std::string doc;
  std::string unit;         // display unit; "" for a bare number or a choice
  double min = 0, max = 0;  // in `unit`; equal for choices
  bool whole = false;
  std::vector<std::string> choices;  // of a switch, a name or a list of names
  bool list = false;                 // of names, or of a number for each layer
  Needed needed = Needed::always;
};

// What it may be: "from 1 to 20000 MHz", "from 1 to 64, whole", "one of false, true".
std::string legal(const Description& description);

// In visiting order.
std::vector<Description> describe(const Hardware<double>& hardware);
std::vector<Description> describe(const Model<double>& model);

}  // namespace tomestimate::spec
