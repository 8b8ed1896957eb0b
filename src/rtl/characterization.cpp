// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/characterization.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <map>
#include <mutex>
#include <numbers>
#include <random>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <tomestimate/rtl/synthesis.hpp>
#include <tomestimate/rtl/timing.hpp>
#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/text.hpp>

#include "hash.hpp"
#include "kept.hpp"

namespace tomestimate::rtl {
namespace {

constexpr std::size_t streams = 64;
constexpr const char* top_module = "unit";
using Numbers = Kept::Numbers;
using Words = std::vector<std::uint64_t>;

// ---- what is kept of a measurement ----

void put(Numbers& out, const Gates& g) {
  out.insert(out.end(), {g.area, g.leakage, g.cells, g.flip_flops, g.depth});
}
void put(Numbers& out, const Energy& e) {
  out.insert(out.end(), {e.pins, e.wires, e.internal, e.clock_pins, e.clock_wires, e.glitches});
}
void put(Numbers& out, const PathFacts& p) {
  out.insert(out.end(), {p.mapped, p.buffered, p.buffers});
}
constexpr std::size_t gates_numbers = 5;
constexpr std::size_t path_numbers = 3;
constexpr std::size_t fixed_numbers = gates_numbers + path_numbers;
constexpr std::size_t energy_numbers = 6;
Gates gates_at(const Numbers& n, std::size_t i) {
  return {n[i], n[i + 1], n[i + 2], n[i + 3], n[i + 4]};
}
PathFacts path_at(const Numbers& n, std::size_t i) { return {n[i], n[i + 1], n[i + 2]}; }
Energy energy_at(const Numbers& n, std::size_t i) {
  return {n[i], n[i + 1], n[i + 2], n[i + 3], n[i + 4], n[i + 5]};
}

// ---- evaluation ----

Gates gates_of(const Netlist& netlist) {
  return {netlist.area(), netlist.leakage(),
          static_cast<double>(netlist.gates.size() + netlist.flip_flops.size()),
          static_cast<double>(netlist.flip_flops.size()), static_cast<double>(netlist.depth())};
}

// Steps of a stimulus: `next(step, inputs)` sets the inputs' words.
template <class Next>
Activity run(const Netlist& netlist, Delay delay, std::size_t warm_up, std::size_t steps,
             Next next) {
  Evaluator evaluator(netlist, delay);
  Words inputs(netlist.inputs.size(), 0);
  for (std::size_t step = 0; step <= warm_up + steps; ++step) {
    if (step == warm_up + 1) evaluator.forget_activity();
    next(step, inputs);
    evaluator.step(inputs);
  }
  return evaluator.activity();
}

// `make` starts the stimulus anew: glitches are those of the same operands.
template <class Make>
Energy measure(const Netlist& netlist, double voltage, std::size_t warm_up, std::size_t steps,
               std::size_t glitch_steps, Make make) {
  const auto energies = [&](Delay delay, std::size_t n) {
    const auto activity = run(netlist, delay, warm_up, n, make());
    return switching_energy(netlist, activity, voltage, 1);
  };
  const auto settled = energies(Delay::none, steps);
  const auto same = energies(Delay::none, glitch_steps);
  const auto glitching = energies(Delay::unit, glitch_steps);
  const auto clockless = [](const SwitchingEnergy& e) { return e.pins + e.internal; };
  return {settled.pins,        settled.wires,
          settled.internal,    settled.clock_pins,
          settled.clock_wires, clockless(same) > 0 ? clockless(glitching) / clockless(same) : 1};
}

// Addresses of 64 streams: each reads its own part of the words in order, or words at random.
auto addresses(std::size_t words, std::size_t lines, bool in_order) {
  return [=, random = std::mt19937_64(1)](std::size_t step, Words& inputs) mutable {
    std::fill(inputs.begin(), inputs.end(), 0);
    for (std::size_t s = 0; s < streams; ++s) {
      const auto address = in_order ? (s * words / streams + step) % words
                                    : static_cast<std::size_t>(random() % words);
      for (std::size_t i = 0; i < lines; ++i) inputs[i] |= std::uint64_t(address >> i & 1) << s;
    }
  };
}

Energy access_energy(const Netlist& netlist, double voltage, std::size_t words, bool in_order) {
  const auto steps = std::clamp<std::size_t>(words / streams, 16, 128);
  return measure(netlist, voltage, 0, steps, 16,
                 [&] { return addresses(words, netlist.inputs.size(), in_order); });
}

// Where the bits of a port are among the inputs, bit 0 first.
std::vector<std::size_t> port(const Netlist& netlist, std::string_view name) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < netlist.input_names.size(); ++i) {
    const std::string_view text = netlist.input_names[i];
    if (text.substr(0, text.find('[')) == name) out.push_back(i);
  }
  return out;
}

double normal(std::mt19937_64& random) {
  const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 1) * 0x1p-53; };
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

constexpr double weight_zeros = 0.42;   // BitNet b1.58 2B4T, all layers
constexpr double activation_sigma = 4;  // of E4M3
constexpr double activation_sigma_int8 = 32;
constexpr double weight_sigma = 2.5;  // of 4-bit weights around their zero point, 8

struct Stimulus {
  std::string name;
  bool ternary;
  bool held;  // activations stay
};

std::vector<Stimulus> stimuli(Unit unit) {
  if (unit == Unit::mvu)
    return {{"ternary weights, new activations", true, false},
            {"ternary weights, held activations", true, true},
            {"E4M3 x E4M3, both new", false, false},
            {"E4M3 x E4M3, one held", false, true}};
  if (unit == Unit::mvu_int8)
    return {{"ternary weights, new activations", true, false},
            {"ternary weights, held activations", true, true}};
  if (unit == Unit::l_unit)
    return {{"4-bit weights, new activations", false, false},
            {"4-bit weights, held activations", false, true}};
  return {{"both operands new", false, false}};
}

std::uint32_t draw_operand(Unit unit, bool first, bool ternary, std::mt19937_64& random) {
  const auto integer = [&](double sigma, double centre, double low, double high) {
    return static_cast<std::uint32_t>(static_cast<std::int64_t>(
        std::clamp(std::nearbyint(centre + sigma * normal(random)), low, high)));
  };
  if (!first && ternary) {
    const auto u = static_cast<double>(random() >> 11) * 0x1p-53;
    return u < weight_zeros ? 0u : 1u + static_cast<std::uint32_t>(random() >> 63);
  }
  switch (unit) {
    case Unit::mvu:
      return encode_float(activation_sigma * normal(random), 4, 3);
    case Unit::mvu_int8:
      return integer(activation_sigma_int8, 0, -128, 127);
    case Unit::l_unit:
      return first ? encode_float(normal(random), 5, 10) : integer(weight_sigma, 8, 0, 15);
    case Unit::fp16_add:
    case Unit::fp16_multiply:
      return encode_float(normal(random), 5, 10);
    case Unit::fp32_add:
    case Unit::fp32_multiply:
      return encode_float(normal(random), 8, 23);
    case Unit::int32_add:
      return integer(20000, 0, -2e9, 2e9);
    case Unit::int8_multiply:
      return integer(40, 128, 0, 255);
  }
  return 0;
}

// Operands of 64 streams, a sum of `sum_length` cycles each.
auto operands(const Netlist& netlist, Unit unit, std::size_t lanes, const Stimulus& stimulus) {
  const bool wide = has_lanes(unit);
  const auto a = port(netlist, wide ? "activations" : "a");
  const auto b = port(netlist, wide ? "operands" : "b");
  const auto clear = port(netlist, "clear");
  const auto ternary = port(netlist, "ternary");
  const auto zero = port(netlist, "zero");
  return [=, random = std::mt19937_64(1)](std::size_t step, Words& inputs) mutable {
    constexpr std::size_t sum_length = 8;
    const auto fill = [&](const std::vector<std::size_t>& bits, bool first) {
      const auto width = bits.size() / lanes;
      for (const auto i : bits) inputs[i] = 0;
      for (std::size_t s = 0; s < streams; ++s)
        for (std::size_t lane = 0; lane < lanes; ++lane) {
          const auto code = draw_operand(unit, first, stimulus.ternary, random);
          for (std::size_t i = 0; i < width; ++i)
            inputs[bits[lane * width + i]] |= std::uint64_t(code >> i & 1) << s;
        }
    };
    const auto all = [&](const std::vector<std::size_t>& bits, std::size_t value) {
      for (std::size_t i = 0; i < bits.size(); ++i)
        inputs[bits[i]] = (value >> i & 1) != 0 ? ~std::uint64_t{0} : 0;
    };
    all(clear, step % sum_length == 0 ? 1 : 0);
    all(ternary, stimulus.ternary ? 1 : 0);
    all(zero, 8);
    if (step == 0 || !stimulus.held) fill(a, true);
    fill(b, false);
  };
}

// ---- tasks ----

struct Task {
  std::string what;     // "bank 1024x64"
  std::string key;      // of the kept file
  std::size_t size;     // larger ones go first
  std::size_t numbers;  // that it gives
  std::function<Numbers(const std::string& name)> measure;
};

class Characterizer {
 public:
  Characterizer(const Cells& cells, const std::string& file, const Plan& plan, double wire)
      : cells_(cells), synthesizer_(cells, file), plan_(plan) {
    const auto* flip_flop = smallest_flip_flop();
    around_ = {plan.slew, wire, flip_flop != nullptr ? &flip_flop->second : nullptr};
    for (const auto& [name, cell] : cells.library.cells) delays_ = delays_ || !cell.arcs.empty();
    buffer_ = best_buffer(cells.library, most_sinks, around_);
    const auto& grid = plan.banks;
    const auto cross = [&](const auto& heights, const auto& shares, bool held_out) {
      for (const auto words : heights)
        for (const double z : shares)
          add_bank(clustered_tile({words, 1, grid.weights}, z, grid.zero_blocks,
                                  grid.seed + tiles_.size()),
                   held_out, false);
    };
    cross(grid.heights, grid.zero_shares, false);
    cross(grid.held_out_heights, grid.held_out_zero_shares, true);
    for (const auto& tile : plan.given) add_bank(tile, true, true);
    for (const auto unit : plan.units) add_unit(unit);
  }

  Characterization run(unsigned threads, const Progress& progress) {
    const auto wire = around_.wire;
    const auto results = measure_all(threads, progress);
    Characterization out;
    out.plan = plan_;
    out.library = cells_.library.name;
    out.voltage = cells_.library.voltage;
    out.temperature = cells_.library.temperature;
    out.yosys = synthesizer_.version();
    out.delays = delays_;
    out.nand2_area = synthesizer_.nand2_area();
    out.wire = wire;
    if (const auto* smallest = smallest_flip_flop()) {
      out.flip_flop_name = smallest->first;
      out.flip_flop = smallest->second;
    }
    for (const auto& [name, cell] : cells_.library.cells)
      if (&cell == buffer_) out.buffer_name = name;
    for (std::size_t i = 0; i < tiles_.size(); ++i) out.banks.push_back(bank(i, results[i]));
    for (std::size_t i = 0; i < plan_.units.size(); ++i)
      out.units.push_back(unit(plan_.units[i], results[tiles_.size() + i]));
    std::vector<BankSample> samples;
    for (const auto& b : out.banks)
      samples.push_back({static_cast<double>(b.shape.words), b.ones_share(),
                         static_cast<double>(b.counts.bits()), b.gates.area, b.in_order.total(wire),
                         b.random.total(wire), b.gates.leakage, b.held_out});
    out.laws = fit_laws(samples);
    return out;
  }

 private:
  struct BankTile {
    Tile tile;
    bool held_out;
    bool given;
  };

  std::string key(const std::string& what, const std::string& verilog) const {
    const auto path = delays_ ? fmt::format(";{} ps;{} fF", around_.slew, around_.wire) : "";
    return fmt::format("{};{:016x};{};{};{:016x}{}", spec::visible(cells_.library.name),
                       hash(cells_.liberty), synthesizer_.version(), what, hash(verilog), path);
  }

  void add_bank(Tile tile, bool held_out, bool given) {
    const auto shape = tile.shape;
    auto verilog = rom_verilog(tile, top_module, plan_.banks.form, "");
    tiles_.push_back({std::move(tile), held_out, given});
    auto what = fmt::format("bank {}x{}", shape.words, shape.word_weights());
    auto id = key(what, verilog);
    tasks_.push_back(
        {std::move(what), std::move(id), shape.weights(), fixed_numbers + 2 * energy_numbers,
         [this, shape, text = std::move(verilog)](const std::string& name) {
           const auto netlist = synthesizer_.synthesize(text, top_module, name);
           Numbers out;
           put(out, gates_of(netlist));
           put(out, path_of(netlist));
           for (const bool in_order : {true, false})
             put(out, access_energy(netlist, cells_.library.voltage, shape.words, in_order));
           return out;
         }});
  }

  void add_unit(Unit unit) {
    const auto lanes = has_lanes(unit) ? plan_.lanes : 1;
    auto verilog = unit_verilog(unit, lanes, top_module, "");
    const auto list = stimuli(unit);
    auto what = fmt::format("{} {}", rtl::name(unit), lanes);
    auto id = key(what, verilog);
    tasks_.push_back(
        {std::move(what), std::move(id), lanes * 2048, fixed_numbers + list.size() * energy_numbers,
         [this, unit, lanes, list, text = std::move(verilog)](const std::string& name) {
           const auto netlist = synthesizer_.synthesize(text, top_module, name);
           Numbers out;
           put(out, gates_of(netlist));
           put(out, path_of(netlist));
           for (const auto& stimulus : list)
             put(out, measure(netlist, cells_.library.voltage, 8, 64, 8,
                              [&] { return operands(netlist, unit, lanes, stimulus); }));
           return out;
         }});
  }

  static Numbers measured(const Task& task, const std::string& name) try {
    return task.measure(name);
  } catch (const std::runtime_error& e) {
    throw std::runtime_error(fmt::format("synthesis of {}: {}", task.what, e.what()));
  }

  std::vector<Numbers> measure_all(unsigned threads, const Progress& progress) {
    Kept kept(plan_.kept);
    std::vector<Numbers> out(tasks_.size());
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (const auto* known = kept.find(tasks_[i].key, tasks_[i].numbers))
        out[i] = *known;
      else
        open.push_back(i);
    }
    std::stable_sort(open.begin(), open.end(),
                     [&](std::size_t x, std::size_t y) { return tasks_[x].size > tasks_[y].size; });
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::size_t done = tasks_.size() - open.size();
    progress(done, tasks_.size());
    std::exception_ptr error;
    const auto work = [&] {
      for (std::size_t i = next++; i < open.size(); i = next++) {
        const auto& task = tasks_[open[i]];
        try {
          auto numbers = measured(task, fmt::format("task{}", open[i]));
          const std::lock_guard lock(mutex);
          kept.add(task.key, numbers);
          out[open[i]] = std::move(numbers);
          progress(++done, tasks_.size());
        } catch (...) {
          const std::lock_guard lock(mutex);
          if (!error) error = std::current_exception();
          next = open.size();
        }
      }
    };
    {
      std::vector<std::jthread> pool;
      for (unsigned t = 0; t < threads; ++t) pool.emplace_back(work);
    }
    if (error) std::rethrow_exception(error);
    return out;
  }

  BankFacts bank(std::size_t i, const Numbers& n) const {
    const auto& b = tiles_[i];
    return {b.tile.shape,
            count(b.tile),
            b.held_out,
            b.given,
            gates_at(n, 0),
            path_at(n, gates_numbers),
            energy_at(n, fixed_numbers),
            energy_at(n, fixed_numbers + energy_numbers)};
  }

  UnitFacts unit(Unit unit, const Numbers& n) const {
    UnitFacts out{
        unit, has_lanes(unit) ? plan_.lanes : 1, gates_at(n, 0), path_at(n, gates_numbers), {}};
    const auto list = stimuli(unit);
    for (std::size_t i = 0; i < list.size(); ++i)
      out.activities.push_back({list[i].name, energy_at(n, fixed_numbers + i * energy_numbers)});
    return out;
  }

  // nullptr without one.
  const std::pair<const std::string, Cell>* smallest_flip_flop() const {
    const std::pair<const std::string, Cell>* best = nullptr;
    for (const auto& entry : cells_.library.cells)
      if (entry.second.flip_flop && (best == nullptr || entry.second.area < best->second.area))
        best = &entry;
    return best;
  }

  PathFacts path_of(const Netlist& netlist) const {
    PathFacts out;
    if (!delays_) return out;
    out.mapped = longest_path(netlist, around_).value_or(0);
    if (buffer_ == nullptr) return out;
    const auto trees = buffered(netlist, *buffer_, most_sinks);
    out.buffered = longest_path(trees, around_).value_or(0);
    out.buffers = trees.area() - netlist.area();
    return out;
  }

  const Cells& cells_;
  Synthesizer synthesizer_;
  const Plan& plan_;
  Surroundings around_;
  bool delays_ = false;
  const Cell* buffer_ = nullptr;
  std::vector<BankTile> tiles_;
  std::vector<Task> tasks_;
};

}  // namespace

double BankFacts::zero_share() const {
  return static_cast<double>(counts.zero) / static_cast<double>(shape.weights());
}

double BankFacts::ones_share() const {
  return static_cast<double>(counts.ones()) / static_cast<double>(counts.bits());
}

Characterization characterize(const Cells& cells, const std::string& file, const Plan& plan,
                              double wire, unsigned threads, const Progress& progress) {
  return Characterizer(cells, file, plan, wire).run(threads, progress);
}

}  // namespace tomestimate::rtl
