// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/timing.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <limits>
#include <utility>

namespace tomestimate::rtl {
namespace {

enum Edge : std::size_t { rise, fall };
constexpr std::array edges{rise, fall};
constexpr double never = -std::numeric_limits<double>::infinity();

// When a net changes at the latest, and how slowly, by edge.
struct Arrival {
  std::array<double, 2> time{never, never};
  std::array<double, 2> slew{0, 0};

  void add(Edge edge, double t, double s) {
    time[edge] = std::max(time[edge], t);
    slew[edge] = std::max(slew[edge], s);
  }
};

bool has_delays(const Cell& cell) {
  std::vector<bool> timed(cell.inputs.size(), false);
  for (const auto& arc : cell.arcs) timed[arc.input] = true;
  for (std::size_t i = 0; i < timed.size(); ++i)
    if (!timed[i] && (!cell.flip_flop || cell.inputs[i].clock)) return false;
  return true;
}

bool starts(Sense sense, Edge in, Edge out) {
  return sense == Sense::any || (sense == Sense::positive) == (in == out);
}

Arrival through(const Cell& cell, const Arrival& in, std::size_t input, double load) {
  Arrival out;
  for (const auto& arc : cell.arcs) {
    if (arc.input != input) continue;
    for (const auto e : edges)
      for (const auto i : edges) {
        const auto& edge = e == rise ? arc.rise : arc.fall;
        if (!starts(arc.sense, i, e) || in.time[i] == never || edge.delay.values.empty()) continue;
        out.add(e, in.time[i] + edge.delay(in.slew[i], load), edge.slew(in.slew[i], load));
      }
  }
  return out;
}

// From the clock's edge at time 0.
Arrival clocked(const Cell& flip_flop, double slew, double load) {
  Arrival clock, out;
  for (const auto e : edges) clock.add(e, 0, slew);
  for (std::size_t i = 0; i < flip_flop.inputs.size(); ++i) {
    if (!flip_flop.inputs[i].clock) continue;
    const auto q = through(flip_flop, clock, i, load);
    for (const auto e : edges) out.add(e, q.time[e], q.slew[e]);
  }
  return out;
}

// When data have been stable for the setup.
double setup_done(const InputPin& pin, const Arrival& data, double clock_slew) {
  double out = never;
  for (const auto e : edges) {
    if (data.time[e] == never) continue;
    double setup = pin.setups.empty() ? 0 : never;
    for (const auto& s : pin.setups)
      setup = std::max(setup, (e == rise ? s.rise : s.fall)(clock_slew, data.slew[e]));
    out = std::max(out, data.time[e] + setup);
  }
  return out;
}

// The pin of a flip-flop that an output port drives.
const InputPin* data_pin(const Cell* flip_flop) {
  if (flip_flop == nullptr) return nullptr;
  const auto found = std::find_if(flip_flop->inputs.begin(), flip_flop->inputs.end(),
                                  [](const InputPin& p) { return !p.clock; });
  return found == flip_flop->inputs.end() ? nullptr : &*found;
}

// fF of each net.
std::vector<double> loads_of(const Netlist& netlist, const Surroundings& around) {
  std::vector<double> out(netlist.nets, 0);
  for (const auto* gates : {&netlist.gates, &netlist.flip_flops})
    for (const auto& g : *gates)
      for (std::size_t i = 0; i < g.inputs.size(); ++i)
        out[g.inputs[i]] += g.cell->inputs[i].capacitance + around.wire;
  const auto* outside = data_pin(around.port_register);
  for (const auto n : netlist.outputs)
    out[n] += around.wire + (outside != nullptr ? outside->capacitance : 0);
  return out;
}

}  // namespace

std::optional<double> longest_path(const Netlist& netlist, const Surroundings& around) {
  for (const auto* gates : {&netlist.gates, &netlist.flip_flops})
    for (const auto& g : *gates)
      if (!has_delays(*g.cell)) return std::nullopt;
  const auto* outside = around.port_register;
  if (outside != nullptr && !has_delays(*outside)) return std::nullopt;

  const auto loads = loads_of(netlist, around);
  std::vector<Arrival> arrivals(netlist.nets);
  for (const auto n : netlist.inputs) {
    if (outside != nullptr)
      arrivals[n] = clocked(*outside, around.slew, loads[n]);
    else
      for (const auto e : edges) arrivals[n].add(e, 0, around.slew);
  }
  for (const auto& g : netlist.flip_flops)
    arrivals[g.output] = clocked(*g.cell, around.slew, loads[g.output]);
  for (const auto& g : netlist.gates) {
    auto& out = arrivals[g.output];
    for (std::size_t i = 0; i < g.inputs.size(); ++i) {
      const auto by = through(*g.cell, arrivals[g.inputs[i]], i, loads[g.output]);
      for (const auto e : edges) out.add(e, by.time[e], by.slew[e]);
    }
  }

  double longest = 0;
  for (const auto& g : netlist.flip_flops)
    for (std::size_t i = 0; i < g.inputs.size(); ++i)
      if (!g.cell->inputs[i].clock)
        longest =
            std::max(longest, setup_done(g.cell->inputs[i], arrivals[g.inputs[i]], around.slew));
  const InputPin nothing;
  const auto* pin = data_pin(outside);
  for (const auto n : netlist.outputs)
    longest =
        std::max(longest, setup_done(pin != nullptr ? *pin : nothing, arrivals[n], around.slew));
  return longest;
}

const Cell* best_buffer(const CellLibrary& library, std::size_t fan_out,
                        const Surroundings& around) {
  double pins = 0, capacitance = 0;
  for (const auto& [name, cell] : library.cells)
    for (const auto& pin : cell.inputs) {
      pins += 1;
      capacitance += pin.capacitance;
    }
  const auto sinks = static_cast<double>(fan_out);
  const Cell* best = nullptr;
  double least = 0;  // ps um^2
  for (const auto& [name, cell] : library.cells) {
    if (cell.flip_flop || cell.inputs.size() != 1 || !has_delays(cell)) continue;
    const auto same = Function(cell.function, cell.input_names())([](std::size_t) { return 2u; });
    if (same != 2) continue;
    Arrival in;
    for (const auto e : edges) in.add(e, 0, around.slew);
    const auto inner = through(cell, in, 0, sinks * (cell.inputs[0].capacitance + around.wire));
    const auto leaf = through(cell, inner, 0, sinks * (capacitance / pins + around.wire));
    const double product = std::max(leaf.time[rise], leaf.time[fall]) * cell.area;
    if (best != nullptr && product >= least) continue;
    best = &cell;
    least = product;
  }
  return best;
}

Netlist buffered(const Netlist& netlist, const Cell& buffer, std::size_t fan_out) {
  auto out = netlist;
  std::vector<std::vector<Net*>> sinks(netlist.nets);
  for (auto* gates : {&out.gates, &out.flip_flops})
    for (auto& g : *gates)
      for (std::size_t i = 0; i < g.inputs.size(); ++i)
        if (!g.cell->inputs[i].clock) sinks[g.inputs[i]].push_back(&g.inputs[i]);
  for (auto& n : out.outputs) sinks[n].push_back(&n);

  // Trees from the leaves up, each after those it drives.
  std::vector<std::deque<Gate>> trees(netlist.nets);
  for (Net n = 0; n < netlist.nets; ++n) {
    if (n == netlist.low || n == netlist.high) continue;
    while (sinks[n].size() > fan_out) {
      std::vector<Net*> above;
      for (std::size_t at = 0; at < sinks[n].size(); at += fan_out) {
        const auto made = static_cast<Net>(out.nets++);
        trees[n].push_back({&buffer, {n}, made});
        above.push_back(&trees[n].back().inputs[0]);
        const auto end = std::min(at + fan_out, sinks[n].size());
        for (auto i = at; i < end; ++i) *sinks[n][i] = made;
      }
      sinks[n] = std::move(above);
    }
  }

  // A gate's tree comes after it, a port's or flip-flop's before all gates.
  out.level.assign(out.nets, 0);
  std::vector<Gate> sorted;
  const auto put = [&](Gate gate) {
    for (const auto n : gate.inputs)
      out.level[gate.output] = std::max(out.level[gate.output], out.level[n] + 1);
    sorted.push_back(std::move(gate));
  };
  const auto put_tree = [&](Net n) {
    std::for_each(trees[n].rbegin(), trees[n].rend(), [&](Gate& g) { put(std::move(g)); });
  };
  std::vector<bool> driven(netlist.nets, false);
  for (const auto& g : netlist.gates) driven[g.output] = true;
  for (Net n = 0; n < netlist.nets; ++n)
    if (!driven[n]) put_tree(n);
  for (auto& g : out.gates) {
    const auto n = g.output;
    put(std::move(g));
    put_tree(n);
  }
  out.gates = std::move(sorted);
  return out;
}

}  // namespace tomestimate::rtl
