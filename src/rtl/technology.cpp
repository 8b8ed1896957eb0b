// SPDX-License-Identifier: Apache-2.0
// Characterized values as a piece of a technology spec.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <tomestimate/rtl/characterization.hpp>

namespace tomestimate::rtl {
namespace {

struct Range {
  double low;
  double high;
};

// One value as the specs write it.
std::string line(const std::string& key, double value, const std::string& unit,
                 const std::string& source, const std::optional<Range>& range = std::nullopt) {
  const auto quantity = [&](double x) {
    return unit.empty() ? fmt::format("{:.5g}", x) : fmt::format("\"{:.5g} {}\"", x, unit);
  };
  return fmt::format(
      "{} = {{ value = {}, grade = \"derived\", source = \"{}\"{} }}\n", key, quantity(value),
      source,
      range ? fmt::format(", range = [{}, {}]", quantity(range->low), quantity(range->high)) : "");
}

std::string origin(const Characterization& c) {
  return fmt::format("{} mapped to {}, {:g} V {:g} C, cells only, unplaced", c.yosys, c.library,
                     c.voltage, c.temperature);
}

template <class T>
std::string list(std::vector<T> items) {
  std::sort(items.begin(), items.end());
  return fmt::format("{}", fmt::join(items, ", "));
}

std::string grid_text(const Characterization& c) {
  const auto& g = c.plan.banks;
  return fmt::format("{} form, words of {} weights, heights {} x zero weights {}; held out {} x {}",
                     name(g.form), g.weights, list(g.heights), list(g.zero_shares),
                     list(g.held_out_heights), list(g.held_out_zero_shares));
}

const Law* first_law(const Characterization& c, const std::string& quantity) {
  const auto found = std::find_if(c.laws.begin(), c.laws.end(),
                                  [&](const Law& l) { return l.quantity == quantity; });
  return found == c.laws.end() ? nullptr : &*found;
}

// The coefficients of a law, and a factor whose range is its error on banks not seen: the larger
// of the worst one and twice the root mean square.
std::string law_lines(const Characterization& c, const std::string& quantity,
                      const std::string& prefix, const std::vector<std::string>& names) {
  const auto* law = first_law(c, quantity);
  if (law == nullptr) return "";
  const auto source =
      fmt::format("{}: {}, of {}; {}", quantity, law->expression, origin(c), grid_text(c));
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i)
    out += line(prefix + names[i], law->coefficients[i], law->unit, source);
  const bool judged =
      std::any_of(c.banks.begin(), c.banks.end(), [](const BankFacts& b) { return b.held_out; });
  const auto& e = judged ? law->held_out : law->fit;
  const double error = std::max(std::abs(e.worst), 2 * e.rms);
  return out +
         line(prefix + "error", 1, "",
              fmt::format("factor on the law of {}; range: {} rms {:.1f} %, worst {:+.1f} %; in "
                          "the fit rms {:.1f} %, worst {:+.1f} %",
                          quantity, judged ? "banks held out," : "no bank held out, the fit's",
                          100 * e.rms, 100 * e.worst, 100 * law->fit.rms, 100 * law->fit.worst),
              Range{1 - error, 1 + error});
}

// Glitches with a unit of delay a gate bound them from above: no short pulse is filtered. The bound
// is near in banks, some eight gates deep, and the value midway; it is far off in arithmetic, forty
// gates deep, and the value none.
std::string glitch_line(const std::string& key, std::vector<double> factors, bool near) {
  if (factors.empty()) return "";
  std::sort(factors.begin(), factors.end());
  const double middle = factors[factors.size() / 2];
  return line(key, near ? (1 + middle) / 2 : 1, "",
              fmt::format("factor for glitches: {}; a unit of delay a gate, which filters no short "
                          "pulse, gives {:.3g}",
                          near ? "midway between none and the bound" : "none counted", middle),
              Range{1, factors.back()});
}

// Register to register, with buffers where the library has any; nothing without delays.
std::string path_line(const Characterization& c, const PathFacts& path, const std::string& of) {
  const double ps = path.buffered > 0 ? path.buffered : path.mapped;
  if (!(ps > 0)) return "";
  return line(
      "longest_path", ps / 1000, "ns",
      fmt::format("{}, register to register, {}; no wire delay, no margin; {}", of,
                  path.buffered > 0 ? fmt::format("trees of {} on nets of more than {} sinks",
                                                  *c.buffer_name, most_sinks)
                                    : "no buffers",
                  origin(c)));
}

std::string slowest_bank_line(const Characterization& c) {
  const auto slowest =
      std::max_element(c.banks.begin(), c.banks.end(), [](const auto& a, const auto& b) {
        return std::max(a.path.buffered, a.path.mapped) < std::max(b.path.buffered, b.path.mapped);
      });
  return path_line(c, slowest->path,
                   fmt::format("{} x {} weights, the slowest bank", slowest->shape.words,
                               slowest->shape.word_weights()));
}

std::string bank_table(const Characterization& c) {
  if (c.banks.empty()) return "";
  std::vector<double> in_order, random;
  for (const auto& b : c.banks)
    if (b.gates.area > 0) {
      in_order.push_back(b.in_order.glitches);
      random.push_back(b.random.glitches);
    }
  return fmt::format("\n# A bank of logic. {}.\n", law_symbols) + "[bank]\n" +
         law_lines(c, "area a bit", "area_", {"entropy", "entropy_height", "bit"}) +
         law_lines(c, "access in order", "order_", {"area", "entropy", "height"}) +
         glitch_line("order_glitches", std::move(in_order), true) +
         law_lines(c, "access at random", "random_", {"area", "ones"}) +
         glitch_line("random_glitches", std::move(random), true) +
         law_lines(c, "leakage", "leakage_", {"area"}) + slowest_bank_line(c);
}

std::string flip_flop_table(const Characterization& c) {
  if (!c.flip_flop_name) return "";
  const auto& cell = c.flip_flop;
  double energy = 0;
  for (const auto& pin : cell.inputs)
    if (pin.clock)
      energy +=
          c.voltage * c.voltage * (pin.capacitance + c.wire) + pin.energy.rise + pin.energy.fall;
  const auto source = fmt::format("{} of {}", *c.flip_flop_name, c.library);
  return "\n[flip_flop]\n" + line("area", cell.area, "um^2", source) +
         line("clock_energy", energy, "fJ",
              source +
                  fmt::format(": two edges, data held, {:g} fF of wire; no clock tree", c.wire)) +
         line("leakage", cell.leakage / 1000, "nW", source);
}

std::string unit_table(const Characterization& c, const UnitFacts& u) {
  std::string table(name(u.unit));
  std::replace(table.begin(), table.end(), '-', '_');
  const auto lanes = static_cast<double>(u.lanes);
  const auto per = u.lanes > 1 ? fmt::format(
                                     "1/{} of a unit of {} lanes, its tree, accumulator and "
                                     "registers included; ",
                                     u.lanes, u.lanes)
                               : "";
  const auto source = per + origin(c);
  auto out = fmt::format("\n[{}]\n", table) + line("area", u.gates.area / lanes, "um^2", source) +
             line("leakage", u.gates.leakage / 1000 / lanes, "nW", source);
  if (u.gates.flip_flops > 0) out += line("flip_flops", u.gates.flip_flops / lanes, "", source);
  out += path_line(c, u.path, "the unit as one stage");
  std::vector<double> glitches;
  static constexpr const char* names[] = {"energy", "energy_held", "energy_8bit",
                                          "energy_8bit_held"};
  for (std::size_t i = 0; i < u.activities.size(); ++i) {
    const auto& e = u.activities[i].energy;
    out += line(names[i], (e.total(c.wire) - e.clock(c.wire)) / lanes, "fJ",
                fmt::format("{}, without clock and glitches, {:g} fF of wire a sink; {}",
                            u.activities[i].stimulus, c.wire, source));
    glitches.push_back(e.glitches);
  }
  return out + glitch_line("glitches", std::move(glitches), false);
}

}  // namespace

std::string technology_toml(const Characterization& c) {
  auto out = fmt::format("# Made by tomestimate characterize: {}.\n", origin(c));
  out += bank_table(c) + flip_flop_table(c);
  for (const auto& unit : c.units)  // specs have no int8 unit
    if (unit.unit != Unit::mvu_int8) out += unit_table(c, unit);
  return out;
}

}  // namespace tomestimate::rtl
