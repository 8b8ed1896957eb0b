// SPDX-License-Identifier: Apache-2.0
// What a whole is the sum of, for pictures and tables: the quantities that are its parts, and words
// for them.
#pragma once

#include <array>
#include <string_view>

namespace tomestimate::study {

struct Part {
  std::string_view id;     // last word of the quantity's name
  std::string_view words;  // to read
};

// area.ID: they add up to area.
constexpr std::array<Part, 8> area_parts{{
    {"rom", "ROM"},
    {"sram", "SRAM"},
    {"base", "base units"},
    {"side", "side units"},
    {"vector", "vector units"},
    {"buffers", "buffers and workspace"},
    {"wires", "bus and links"},
    {"control", "control"},
}};

// PASS.energy.ID, as engine::visit_energy calls them: they add up to PASS.energy.
constexpr std::array<Part, 13> energy_parts{{
    {"rom", "ROM switching"},
    {"rom_leakage", "ROM leakage"},
    {"rom_wake", "ROM wake"},
    {"base_units", "base weights applied"},
    {"dense_macs", "adapters and attention"},
    {"tree", "reduction tree"},
    {"bus", "broadcast bus"},
    {"buffer", "buffers and workspace"},
    {"sram", "SRAM access"},
    {"sram_leakage", "SRAM leakage"},
    {"vector", "vector unit"},
    {"logic_leakage", "logic leakage"},
    {"clock", "clock"},
}};

// PASS.OP.ID, as engine::visit_op_cycles calls them: the largest and the latency make
// PASS.OP.cycles.
constexpr std::array<Part, 7> resources{{
    {"compute_cycles", "unit compute"},
    {"memory_cycles", "weight memory"},
    {"sram_cycles", "SRAM port"},
    {"buffer_cycles", "activation buffer"},
    {"tree_cycles", "reduction tree"},
    {"broadcast_cycles", "broadcast bus"},
    {"vector_cycles", "vector unit"},
}};

}  // namespace tomestimate::study
