// SPDX-License-Identifier: Apache-2.0
// The engine recorded for a page: once for every choice of switches, names and layer counts that
// fits, all in one recording, where equal operations are one node: TOM's 256 combinations of eight
// two-way choices take eight times the nodes of one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <tomestimate/number/symbol.hpp>
#include <tomestimate/study/metric.hpp>
#include <tomestimate/study/space.hpp>

namespace tomestimate::page {

// A number of the specs, or a run of equal entries of a per-layer list.
struct Input {
  std::string name;  // "chip.clock", "weights.zero_share.layer3to5"
  std::string path;
  double value = 0;                                            // in base units
  std::optional<std::pair<std::size_t, std::size_t>> entries;  // first and last, of a list of runs
};

// What the engine branches or loops on.
struct Choice {
  struct Option {
    std::string label;
    std::string text;  // as an override takes it
  };
  std::string path, doc;
  std::vector<Option> options;
  std::size_t now = 0;  // as the specs say
  bool count = false;   // a number of things, not a switch or name
};

// A metric or another quantity, in `unit`.
struct Quantity {
  std::string name, doc, unit;
  double factor = 1;  // of the unit, in base units
  study::Role role = study::Role::step;
};

// The engine for one combination of options. Outputs by index into Recorded::quantities and rules;
// what a combination does not have, it has no symbol for.
struct Variant {
  std::vector<std::size_t> picks;  // option of each choice
  std::map<std::size_t, number::Symbol> quantities;
  std::map<std::size_t, number::Symbol> rules;  // broken where above 0
};

struct Recorded {
  number::Recording recording;
  std::vector<Input> inputs;  // input i of the recording
  std::vector<Choice> choices;
  std::vector<Quantity> quantities;
  std::vector<std::string> rules;
  std::vector<Variant> variants;  // the first is the design as it is
  std::size_t changes = 0;        // choices that may differ from the design at once
};

// Combinations in order of how many choices they change, as many as a page holds; a count is
// changed alone. Options that make no spec (a code whose numbers are missing) are left out.
void record(const study::Specs& specs, Recorded& out);

}  // namespace tomestimate::page
