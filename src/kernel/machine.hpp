// SPDX-License-Identifier: Apache-2.0
// The machine in whole numbers, and its matrix op: the part that naive and lane-partitioned paths
// share with nothing else.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <tomestimate/kernel/kernel.hpp>

#include "weights.hpp"

namespace tomestimate::kernel {

using Count = std::uint64_t;

// What the kernel needs of the specs, as whole numbers.
struct Machine {
  Count lanes, per_tree, trees;
  Count rows, width, width_8bit, accumulators, pipeline;
  Count rom_width, bank_words;
  Count sram_width;  // of one lane
  Count buffer_width;
  Count vector_width, bus_values, activation_bits;
  Count tree_values, level_latency;
  Count wake;  // cycles
};

Machine make_machine(const spec::Hardware<double>& hw, const spec::Model<double>& model);

// Steps of at most `step` that it takes to move `amount`, counted.
Count steps(Count amount, Count step);

// Depth of a binary tree over `leaves`, counted by halving.
Count tree_depth(Count leaves);

// Activations of all tokens of a pass: token t's row is values[t * size, ...).
struct Activations {
  std::size_t size;
  std::vector<std::int16_t> values;
  std::span<const std::int16_t> token(std::size_t t) const {
    return std::span(values).subspan(t * size, size);
  }
};

// How a matrix is dealt out and where its weights are.
struct Dealing {
  Count trees;     // groups of lanes that split the outputs
  Count per_tree;  // lanes of a group that split the inputs
  Count width;     // weights per row and cycle
  bool in_rom;
  bool base;  // counts base adds, not 8-bit MACs
};

struct MatrixResult {
  std::vector<std::int32_t> naive;  // tokens x outputs
  std::vector<std::int32_t> lanes;
  OpCounts counts;  // without latency
  Count fullest_lane_words = 0;
};

// outputs = weights . activations for every token, by plain loops and by lanes; counts the lanes.
MatrixResult multiply(const Machine& machine, const Dealing& dealing, const Matrix& weights,
                      const Activations& input, unsigned threads);

}  // namespace tomestimate::kernel
