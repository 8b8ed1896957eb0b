// SPDX-License-Identifier: Apache-2.0
// The machine in whole numbers, how work is dealt to its units, and its matrix op: the part that
// naive and partitioned paths share with nothing else.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include <tomestimate/kernel/kernel.hpp>

#include "weights.hpp"

namespace tomestimate::kernel {

using Count = std::uint64_t;

// A whole number of a spec as one.
inline Count whole(double x) { return static_cast<Count>(std::llround(x)); }

// One class of matrix units: base or side.
struct UnitClass {
  Count lanes, per_lane;
  Count rows, width_adapter, width_attention;
  Count out_parts, in_parts;         // that split the outputs and inputs of a matrix
  Count head_parts, position_parts;  // that split the heads and positions of attention
  Count input_words, token_tile, kv_tile;
  Count pipeline, level_latency, tree_values;
  Count buffer_width, sram_width;  // of one unit
  Count units() const { return lanes * per_lane; }
};

// What the kernel needs of the hardware spec, as whole numbers. `side` is all zero if it is unused.
struct Machine {
  UnitClass base, side;
  Count width, width_head, step_cycles;
  bool space;  // every matrix has base units of its own
  Count rom_width, bank_width, bank_height;
  Count dram_width;  // bit a cycle
  Count workspace_width;
  Count vector_units, vector_width, vector_latency;
  Count bus_values, activation_bits;
  Count wake;  // cycles
};

Machine make_machine(const spec::Hardware<double>& hw, const spec::Model<double>& model);

// Steps of at most `step` that it takes to move `amount`.
Count steps(Count amount, Count step);

// What the part that gets most has when `amount` items are dealt in chunks to `parts`, counted.
Count busiest(Count amount, Count parts, Count chunk);

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

enum class Store { rom, dram, sram };

// How a matrix is stored and dealt out.
struct Dealing {
  const UnitClass& units;
  Count out_parts, in_parts;  // that split the outputs and inputs
  Count width;                // weights per row and step
  Count step_cycles;
  Store store;
  bool base;         // counts base adds, not dense MACs
  Count group;       // weights that share a scale, in the order of rows; 0 for none
  Count group_bits;  // of a scale
};

// Bits that rows [first, last) of `columns` weights take, with the scales of groups that begin
// there.
Count stored_bits(Count first, Count last, Count columns, Count bits, Count group,
                  Count group_bits);

struct MatrixResult {
  std::vector<std::int32_t> naive;  // tokens x outputs
  std::vector<std::int32_t> parts;
  OpCounts counts;            // without latency and bank toggles
  Count address_changes = 0;  // of every unit's ROM
};

// outputs = weights . activations for every token, by plain loops and dealt to the units; counts
// what the units do.
MatrixResult multiply(const Machine& machine, const Dealing& dealing, const Matrix& weights,
                      const Activations& input, unsigned threads);

}  // namespace tomestimate::kernel
