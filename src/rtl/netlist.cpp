// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/netlist.hpp>

#include <algorithm>
#include <bit>
#include <map>
#include <stdexcept>
#include <unordered_map>

#include <fmt/format.h>

namespace tomestimate::rtl {
namespace {

// Reads BLIF line by line; a backslash at a line's end continues it.
class BlifReader {
 public:
  BlifReader(std::string_view text, const CellLibrary& library) : text_(text), library_(library) {
    out_.low = net("$false");
    out_.high = net("$true");
    net("$undef");
  }

  Netlist read() {
    std::vector<std::string_view> words;
    while (next_line(words)) {
      if (words.empty()) continue;
      const auto kind = words[0];
      if (kind == ".inputs")
        ports(words, out_.inputs, out_.input_names);
      else if (kind == ".outputs")
        ports(words, out_.outputs, out_.output_names);
      else if (kind == ".subckt" || kind == ".gate")
        gate(words);
      else if (kind == ".names")
        names(words);
      else if (kind == ".latch")
        fail("a flip-flop that the library has no cell for");
    }
    merge_aliases();
    out_.nets = index_.size();
    sort_gates();
    return std::move(out_);
  }

 private:
  [[noreturn]] static void fail(const std::string& what) {
    throw std::runtime_error("netlist: " + what);
  }

  bool next_line(std::vector<std::string_view>& words) {
    words.clear();
    if (at_ >= text_.size()) return false;
    for (bool more = true; more && at_ < text_.size();) {
      const auto end = std::min(text_.find('\n', at_), text_.size());
      auto line = text_.substr(at_, end - at_);
      at_ = end + 1;
      more = !line.empty() && line.back() == '\\';
      if (more) line.remove_suffix(1);
      if (!line.empty() && line[0] == '#') continue;
      split(line, words);
    }
    return true;
  }

  static void split(std::string_view line, std::vector<std::string_view>& words) {
    for (std::size_t at = line.find_first_not_of(" \t\r"); at < line.size();) {
      const auto end = std::min(line.find_first_of(" \t\r", at), line.size());
      words.push_back(line.substr(at, end - at));
      at = line.find_first_not_of(" \t\r", end);
    }
  }

  Net net(std::string_view name) {
    const auto [found, fresh] =
        index_.try_emplace(std::string(name), static_cast<Net>(index_.size()));
    return found->second;
  }

  void ports(const std::vector<std::string_view>& words, std::vector<Net>& nets,
             std::vector<std::string>& names) {
    for (std::size_t i = 1; i < words.size(); ++i) {
      nets.push_back(net(words[i]));
      names.emplace_back(words[i]);
    }
  }

  void gate(const std::vector<std::string_view>& words) {
    if (words.size() < 3) fail("a cell without pins");
    const auto found = library_.cells.find(words[1]);
    if (found == library_.cells.end())
      fail(fmt::format("cell {} is no gate of one output in the library", words[1]));
    const auto& cell = found->second;
    Gate gate{&cell, std::vector<Net>(cell.inputs.size(), out_.low), out_.low};
    for (std::size_t i = 2; i < words.size(); ++i) {
      const auto equals = words[i].find('=');
      if (equals == std::string_view::npos) fail("a pin without a net");
      const auto pin = words[i].substr(0, equals);
      const auto wire = net(words[i].substr(equals + 1));
      const auto input = std::find_if(cell.inputs.begin(), cell.inputs.end(),
                                      [&](const InputPin& p) { return p.name == pin; });
      if (pin == cell.output)
        gate.output = wire;
      else if (input != cell.inputs.end())
        gate.inputs[static_cast<std::size_t>(input - cell.inputs.begin())] = wire;
    }
    (cell.flip_flop ? out_.flip_flops : out_.gates).push_back(std::move(gate));
  }

  // A constant (".names n", with a line "1" if it is high) or an alias (".names a b", "1 1").
  void names(const std::vector<std::string_view>& words) {
    if (words.size() == 2) {
      const bool high = text_.substr(at_, 1) == "1";
      if (words[1][0] != '$' ||
          (words[1] != "$false" && words[1] != "$true" && words[1] != "$undef"))
        aliases_.emplace_back(net(words[1]), high ? out_.high : out_.low);
      if (high) at_ = std::min(text_.find('\n', at_), text_.size()) + 1;
    } else if (words.size() == 3) {
      aliases_.emplace_back(net(words[2]), net(words[1]));
      at_ = std::min(text_.find('\n', at_), text_.size()) + 1;
    } else {
      fail("logic that is no cell");
    }
  }

  void merge_aliases() {
    std::map<Net, Net> of(aliases_.begin(), aliases_.end());
    const auto resolve = [&](Net& n) {
      for (auto found = of.find(n); found != of.end(); found = of.find(n)) n = found->second;
    };
    for (auto* gates : {&out_.gates, &out_.flip_flops})
      for (auto& g : *gates)
        for (auto& n : g.inputs) resolve(n);
    for (auto& n : out_.outputs) resolve(n);
  }

  // Kahn's order; sets the levels on the way.
  void sort_gates() {
    std::vector<std::vector<std::uint32_t>> readers(out_.nets);
    std::vector<std::uint32_t> missing(out_.gates.size(), 0);
    std::vector<bool> driven(out_.nets, false);
    for (const auto& g : out_.gates) driven[g.output] = true;
    for (std::uint32_t i = 0; i < out_.gates.size(); ++i)
      for (const auto n : out_.gates[i].inputs)
        if (driven[n]) {
          readers[n].push_back(i);
          ++missing[i];
        }
    out_.level.assign(out_.nets, 0);
    std::vector<std::uint32_t> order;
    for (std::uint32_t i = 0; i < out_.gates.size(); ++i)
      if (missing[i] == 0) order.push_back(i);
    for (std::size_t at = 0; at < order.size(); ++at) {
      const auto& g = out_.gates[order[at]];
      std::uint32_t deepest = 0;
      for (const auto n : g.inputs) deepest = std::max(deepest, out_.level[n]);
      out_.level[g.output] = deepest + 1;
      for (const auto r : readers[g.output])
        if (--missing[r] == 0) order.push_back(r);
    }
    if (order.size() != out_.gates.size()) fail("a loop of gates");
    std::vector<Gate> sorted;
    sorted.reserve(order.size());
    for (const auto i : order) sorted.push_back(std::move(out_.gates[i]));
    out_.gates = std::move(sorted);
  }

  std::string_view text_;
  const CellLibrary& library_;
  std::size_t at_ = 0;
  Netlist out_;
  std::unordered_map<std::string, Net> index_;
  std::vector<std::pair<Net, Net>> aliases_;
};

template <class Visit>
void for_each_gate(const Netlist& netlist, Visit visit) {
  for (const auto& g : netlist.gates) visit(g);
  for (const auto& g : netlist.flip_flops) visit(g);
}

}  // namespace

double Netlist::area() const {
  double sum = 0;
  for_each_gate(*this, [&](const Gate& g) { sum += g.cell->area; });
  return sum;
}

double Netlist::leakage() const {
  double sum = 0;
  for_each_gate(*this, [&](const Gate& g) { sum += g.cell->leakage; });
  return sum;
}

std::size_t Netlist::depth() const {
  return level.empty() ? 0 : *std::max_element(level.begin(), level.end());
}

Netlist parse_blif(std::string_view blif, const CellLibrary& library) {
  return BlifReader(blif, library).read();
}

Evaluator::Evaluator(const Netlist& netlist, Delay delay)
    : netlist_(netlist), delay_(delay), values_(netlist.nets, 0) {
  std::map<const Cell*, std::uint32_t> known;
  const auto index = [&](const Gate& gate) {
    const auto [found, fresh] =
        known.try_emplace(gate.cell, static_cast<std::uint32_t>(functions_.size()));
    if (fresh) functions_.emplace_back(gate.cell->function, gate.cell->input_names());
    return found->second;
  };
  for (const auto& g : netlist.gates) of_gate_.push_back(index(g));
  for (const auto& g : netlist.flip_flops) of_flip_flop_.push_back(index(g));
  values_[netlist.high] = ~std::uint64_t{0};
  forget_activity();
}

void Evaluator::forget_activity() {
  activity_.rises.assign(netlist_.nets, 0);
  activity_.falls.assign(netlist_.nets, 0);
  activity_.steps = 0;
}

void Evaluator::set(Net net, std::uint64_t value) {
  const auto before = values_[net];
  values_[net] = value;
  if (!started_ || value == before) return;
  activity_.rises[net] += static_cast<std::uint64_t>(std::popcount(value & ~before));
  activity_.falls[net] += static_cast<std::uint64_t>(std::popcount(before & ~value));
}

std::uint64_t Evaluator::evaluate(const Gate& gate, std::size_t function) const {
  return functions_[function]([&](std::size_t i) { return values_[gate.inputs[i]]; });
}

void Evaluator::step(std::span<const std::uint64_t> inputs) {
  next_.clear();
  for (std::size_t i = 0; i < netlist_.flip_flops.size(); ++i)
    next_.push_back(evaluate(netlist_.flip_flops[i], of_flip_flop_[i]));
  for (std::size_t i = 0; i < next_.size(); ++i) set(netlist_.flip_flops[i].output, next_[i]);
  for (std::size_t i = 0; i < inputs.size(); ++i) set(netlist_.inputs[i], inputs[i]);
  if (delay_ == Delay::none || !started_)
    settle_at_once();
  else
    settle_by_units();
  if (started_) activity_.steps += 64;
  started_ = true;
}

void Evaluator::settle_at_once() {
  for (std::size_t i = 0; i < netlist_.gates.size(); ++i)
    set(netlist_.gates[i].output, evaluate(netlist_.gates[i], of_gate_[i]));
}

void Evaluator::settle_by_units() {
  for (bool changed = true; changed;) {
    changed = false;
    next_.clear();
    for (std::size_t i = 0; i < netlist_.gates.size(); ++i)
      next_.push_back(evaluate(netlist_.gates[i], of_gate_[i]));
    for (std::size_t i = 0; i < netlist_.gates.size(); ++i) {
      const auto net = netlist_.gates[i].output;
      changed = changed || values_[net] != next_[i];
      set(net, next_[i]);
    }
  }
}

SwitchingEnergy switching_energy(const Netlist& netlist, const Activity& activity, double voltage,
                                 double wire) {
  SwitchingEnergy out;
  const double half_square = voltage * voltage / 2;
  const auto edges = [&](Net n) {
    return static_cast<double>(activity.rises[n] + activity.falls[n]);
  };
  const auto inside = [&](Net n, const EdgeEnergy& e) {
    return static_cast<double>(activity.rises[n]) * e.rise +
           static_cast<double>(activity.falls[n]) * e.fall;
  };
  for_each_gate(netlist, [&](const Gate& g) {
    out.internal += inside(g.output, g.cell->energy);
    for (std::size_t i = 0; i < g.inputs.size(); ++i) {
      const auto& pin = g.cell->inputs[i];
      if (pin.clock) {
        out.clock_pins += 2 * half_square * pin.capacitance + pin.energy.rise + pin.energy.fall;
        out.clock_wires += 2 * half_square * wire;
        continue;
      }
      out.pins += half_square * edges(g.inputs[i]) * pin.capacitance;
      out.wires += half_square * edges(g.inputs[i]) * wire;
      out.internal += inside(g.inputs[i], pin.energy);
    }
  });
  for (const auto n : netlist.outputs) out.wires += half_square * edges(n) * wire;
  const auto steps = static_cast<double>(std::max<std::uint64_t>(1, activity.steps));
  out.pins /= steps;
  out.wires /= steps;
  out.internal /= steps;
  return out;
}

double toggle_share(const Netlist& netlist, const Activity& activity) {
  std::uint64_t edges = 0, driven = 0;
  const auto add = [&](Net n) {
    edges += activity.rises[n] + activity.falls[n];
    ++driven;
  };
  for_each_gate(netlist, [&](const Gate& g) { add(g.output); });
  for (const auto n : netlist.inputs) add(n);
  return static_cast<double>(edges) /
         static_cast<double>(std::max<std::uint64_t>(1, activity.steps * driven));
}

}  // namespace tomestimate::rtl
