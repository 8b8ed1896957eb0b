// SPDX-License-Identifier: Apache-2.0
// The bit-exact reference: runs a pass of the layer graph in integers on the machine of
// specs/machine.md and counts what happens. It is the oracle for the engine's closed forms, so it
// shares none of their code: it counts by walking words, tokens, positions and chunks.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <tomestimate/spec/graph.hpp>

namespace tomestimate::kernel {

// Events and busy cycles of one op; names as in specs/machine.md, "Counts".
struct OpCounts {
  std::uint64_t compute_cycles = 0, memory_cycles = 0, sram_cycles = 0, buffer_cycles = 0;
  std::uint64_t tree_cycles = 0, broadcast_cycles = 0, vector_cycles = 0, latency_cycles = 0;
  std::uint64_t unit_active_cycles = 0;
  std::uint64_t rom_words = 0, rom_bits = 0, rom_one_bits = 0, bank_toggles = 0, dram_bits = 0;
  std::uint64_t base_adds = 0, dense_macs = 0, tree_adds = 0;
  std::uint64_t sram_read_bits = 0, sram_write_bits = 0;
  std::uint64_t workspace_read_bits = 0, workspace_write_bits = 0;
  std::uint64_t buffer_read_bits = 0, buffer_write_bits = 0;
  std::uint64_t broadcast_bits = 0, vector_elements = 0;
};

// Calls visit(name, member) for every count, in the engine's order and by its names.
template <class C, class Visit>
void visit_counts(C& c, Visit&& visit) {
  visit("compute_cycles", c.compute_cycles);
  visit("memory_cycles", c.memory_cycles);
  visit("sram_cycles", c.sram_cycles);
  visit("buffer_cycles", c.buffer_cycles);
  visit("tree_cycles", c.tree_cycles);
  visit("broadcast_cycles", c.broadcast_cycles);
  visit("vector_cycles", c.vector_cycles);
  visit("latency_cycles", c.latency_cycles);
  visit("unit_active_cycles", c.unit_active_cycles);
  visit("rom_words", c.rom_words);
  visit("rom_bits", c.rom_bits);
  visit("rom_one_bits", c.rom_one_bits);
  visit("bank_toggles", c.bank_toggles);
  visit("dram_bits", c.dram_bits);
  visit("base_adds", c.base_adds);
  visit("dense_macs", c.dense_macs);
  visit("tree_adds", c.tree_adds);
  visit("sram_read_bits", c.sram_read_bits);
  visit("sram_write_bits", c.sram_write_bits);
  visit("workspace_read_bits", c.workspace_read_bits);
  visit("workspace_write_bits", c.workspace_write_bits);
  visit("buffer_read_bits", c.buffer_read_bits);
  visit("buffer_write_bits", c.buffer_write_bits);
  visit("broadcast_bits", c.broadcast_bits);
  visit("vector_elements", c.vector_elements);
}

// Slowest resource plus latency: resources of an op overlap.
inline std::uint64_t op_cycles(const OpCounts& c) {
  return std::max({c.compute_cycles, c.memory_cycles, c.sram_cycles, c.buffer_cycles, c.tree_cycles,
                   c.broadcast_cycles, c.vector_cycles}) +
         c.latency_cycles;
}

struct LayerCounts {
  std::array<OpCounts, spec::layer_op_count> ops{};
  std::uint64_t path_cycles = 0;  // end of ffn_residual, the work of all tokens taken as one
  std::uint64_t base_load = 0, side_load = 0, vector_load = 0;  // busy cycles of each class
  std::uint64_t layer_cycles = 0;  // token groups pipelined, without exposed wakes
  std::uint64_t exposed_wake_cycles = 0;
  std::uint64_t bank_wakes = 0;
  std::uint64_t bank_idle_cycles = 0;
};

struct PassCounts {
  std::vector<LayerCounts> layers;
  OpCounts final_norm;
  OpCounts lm_head;
  std::uint64_t head_exposed_wake_cycles = 0;
  std::uint64_t chip_banks = 0;  // of ROM, LM head included
  std::uint64_t cycles = 0;
  std::uint64_t link_bits = 0;       // spill to the host included, spill to the DRAM not
  std::uint64_t embedding_bits = 0;  // read from ROM
  std::uint64_t output_hash = 0;     // of the residual stream after the last layer
  std::string first_difference;      // "layer 2 k": where naive and partitioned path differ, or ""
};

// Runs one pass. Weights, cached keys and values, and the input come from generators that `seed`
// feeds; a ternary matrix has exactly round(zero_share x weights) zeros, an integer one of base
// weights or embeddings exactly round(zero_bit_ratio x bits) zero bits. Every matrix and attention
// op is computed twice, by plain loops and dealt to the units, and compared integer by integer.
// Operands of more than 8 bit are counted with their own width and computed with 8-bit stand-ins.
// The result does not depend on `threads`. Takes specs that keep the rules of spec/rules.hpp;
// throws std::invalid_argument if a layer has dead neurons only, or a DRAM gives no bit a cycle.
// `progress` is called before each layer.
PassCounts run(const spec::Hardware<double>& hw, const spec::Model<double>& model,
               const spec::Pass<double>& pass, unsigned threads, std::uint64_t seed,
               const std::function<void(std::size_t layer)>& progress = {});

}  // namespace tomestimate::kernel
