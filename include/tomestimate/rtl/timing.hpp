// SPDX-License-Identifier: Apache-2.0
// The longest path of a netlist, by the delays of its cells, and the buffers that a load of many
// sinks takes.
#pragma once

#include <cstddef>
#include <optional>

#include <tomestimate/rtl/netlist.hpp>

namespace tomestimate::rtl {

// What is around a netlist.
struct Surroundings {
  double slew = 20;   // ps: of clocks, and of input ports without a register
  double wire = 0.3;  // fF: of the wire to one sink
  // Flip-flop before each input port and after each output port. None: inputs change at time 0 and
  // outputs drive a wire.
  const Cell* port_register = nullptr;
};

// ps from the edge of an ideal clock to the moment at which the last signal has been stable at a
// flip-flop for its setup, or is at an output port: arrivals and slews of rise and fall apart, the
// latest arrival with the largest slew of each net, whatever the logic lets through. nullopt if a
// gate or flip-flop has no delays.
std::optional<double> longest_path(const Netlist& netlist, const Surroundings& around);

// The buffer of the library that drives `fan_out` sinks, of its own kind and then of others, with
// the least product of time and area; nullptr without one that has delays.
const Cell* best_buffer(const CellLibrary& library, std::size_t fan_out,
                        const Surroundings& around);

// The netlist with balanced trees of `buffer` on every net, clocks aside, that has more than
// `fan_out` sinks (2 or more). `buffer` has to outlive it.
Netlist buffered(const Netlist& netlist, const Cell& buffer, std::size_t fan_out);

}  // namespace tomestimate::rtl
