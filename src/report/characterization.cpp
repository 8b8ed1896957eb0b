// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include <tomestimate/report/reports.hpp>

namespace tomestimate::report {
namespace {

using rtl::BankFacts;
using rtl::Characterization;
using rtl::Law;

constexpr double bits_a_mebibyte = 8.0 * 1024 * 1024;
constexpr double square_um_a_square_mm = 1e6;

double in_percent(double share) { return 100 * share; }

double bits(const BankFacts& b) { return static_cast<double>(b.counts.bits()); }

double word_bits(const BankFacts& b) { return 2.0 * static_cast<double>(b.shape.word_weights()); }

const Law* law_of(const Characterization& c, const std::string& quantity) {
  const auto found = std::find_if(c.laws.begin(), c.laws.end(),
                                  [&](const Law& l) { return l.quantity == quantity; });
  return found == c.laws.end() ? nullptr : &*found;
}

bool has_held_out(const Characterization& c) {
  return std::any_of(c.banks.begin(), c.banks.end(),
                     [](const BankFacts& b) { return b.held_out && b.gates.area > 0; });
}

Table laws_table(const Characterization& c) {
  Table t{"laws",
          "Laws over height and 1-bits",
          {{"quantity", ""},
           {"law", ""},
           {"unit", ""},
           {"a", ""},
           {"b", ""},
           {"c", ""},
           {"rms", "%"},
           {"worst", "%"},
           {"held-out rms", "%"},
           {"held-out worst", "%"}},
          {},
          {std::string(rtl::law_symbols) + "; the first law of a quantity is the one in the TOML"}};
  for (const auto& law : c.laws) {
    const auto coefficient = [&](std::size_t i) -> Cell {
      if (i >= law.coefficients.size()) return std::monostate{};
      return law.coefficients[i];
    };
    const auto judged = [&](double error) {
      return has_held_out(c) ? Cell(in_percent(error)) : Cell();
    };
    t.rows.push_back({law.quantity, law.expression, law.unit, coefficient(0), coefficient(1),
                      coefficient(2), in_percent(law.fit.rms), in_percent(law.fit.worst),
                      judged(law.held_out.rms), judged(law.held_out.worst)});
  }
  return t;
}

// What the first law of area gives for a bank, over what was measured, less 1.
Cell area_error(const Characterization& c, const BankFacts& b) {
  const auto* law = law_of(c, "area a bit");
  if (law == nullptr || !(b.gates.area > 0)) return std::monostate{};
  const double h = rtl::entropy(b.ones_share());
  const double x = std::log2(static_cast<double>(b.shape.words));
  const auto& k = law->coefficients;
  return in_percent((h * (k[0] + k[1] * x) + k[2]) * bits(b) / b.gates.area - 1);
}

Table banks_table(const Characterization& c) {
  Table t{
      "banks",
      "Banks",
      {{"use", ""},
       {"words", ""},
       {"weights a word", ""},
       {"zero weights", "%"},
       {"zero bits", "%"},
       {"cells", ""},
       {"gates deep", ""},
       {"area", "um^2"},
       {"area a bit", "um^2/bit"},
       {"density", "MiB/mm^2"},
       {"law's error", "%"},
       {"leakage", "nW"},
       {"access in order", "fJ/bit"},
       {"with glitches", "fJ/bit"},
       {"access at random", "fJ/bit"},
       {"at random, with glitches", "fJ/bit"}},
      {},
      {"fJ/bit is of an output bit, of an access or of a change of the address that nobody reads",
       "with glitches: a unit of delay a gate, no short pulse filtered, so an upper bound"}};
  for (const auto& b : c.banks) {
    const double in_order = b.in_order.total(c.wire) / word_bits(b);
    const double random = b.random.total(c.wire) / word_bits(b);
    const Cell density =
        b.gates.area > 0 ? Cell(bits(b) / bits_a_mebibyte / b.gates.area * square_um_a_square_mm)
                         : Cell();
    t.rows.push_back(
        {std::string(b.given      ? "given"
                     : b.held_out ? "held out"
                                  : "fit"),
         static_cast<double>(b.shape.words), static_cast<double>(b.shape.word_weights()),
         in_percent(b.zero_share()), in_percent(1 - b.ones_share()), b.gates.cells, b.gates.depth,
         b.gates.area, b.gates.area / bits(b), density, area_error(c, b), b.gates.leakage / 1000,
         in_order, in_order * b.in_order.glitches, random, random * b.random.glitches});
  }
  return t;
}

Table units_table(const Characterization& c) {
  Table t{"units",
          "Arithmetic units, a lane",
          {{"unit", ""},
           {"lanes", ""},
           {"operands", ""},
           {"area", "um^2"},
           {"flip-flops", ""},
           {"gates deep", ""},
           {"leakage", "nW"},
           {"energy", "fJ"},
           {"of it clock", "fJ"},
           {"glitches", ""}},
          {},
          {"energy is of a lane and cycle, without glitches; glitches is the factor on it, clock "
           "aside, with a unit of delay a gate: an upper bound"}};
  for (const auto& u : c.units) {
    const auto lanes = static_cast<double>(u.lanes);
    for (const auto& a : u.activities)
      t.rows.push_back({std::string(name(u.unit)), lanes, a.stimulus, u.gates.area / lanes,
                        u.gates.flip_flops / lanes, u.gates.depth, u.gates.leakage / 1000 / lanes,
                        a.energy.total(c.wire) / lanes, a.energy.clock(c.wire) / lanes,
                        a.energy.glitches});
  }
  return t;
}

// Nothing where cells have no delays.
void add_path(Table& table, const Characterization& c, std::string what, double depth, double area,
              const rtl::PathFacts& path) {
  const auto some = [](double x, double shown) { return x > 0 ? Cell(shown) : Cell(); };
  const auto ns = [&](double ps) { return some(ps, ps / 1000); };
  const double period = path.buffered > 0 ? path.buffered : path.mapped;
  table.rows.push_back({std::move(what), depth, ns(path.mapped), ns(path.buffered),
                        c.buffer_name ? some(area, in_percent(path.buffers / area)) : Cell(),
                        some(period, 1e6 / period)});
}

Table paths_table(const Characterization& c) {
  const auto surely = [](const std::optional<std::string>& name, const std::string& before,
                         const std::string& without) { return name ? before + *name : without; };
  Table t{
      "paths",
      "Longest paths",
      {{"of", ""},
       {"gates deep", ""},
       {"as mapped", "ns"},
       {"with buffers", "ns"},
       {"buffers, of area", "%"},
       {"clock", "MHz"}},
      {},
      {fmt::format("from a register's clock (ideal, slew {:g} ps) to the next one's setup{}; "
                   "{:g} fF of wire a sink; not placed, no margin, and every path taken for one "
                   "that the logic lets through",
                   c.plan.slew,
                   surely(c.flip_flop_name, "; before and after ports stands a ",
                          "; no flip-flop in this library, so from port to port without one"),
                   c.wire),
       fmt::format("beyond its points a table goes on with its last slope; {}",
                   surely(c.buffer_name,
                          fmt::format("with buffers: balanced trees on nets of more than {} "
                                      "sinks, of ",
                                      rtl::most_sinks),
                          "no buffer in this library"))}};
  for (const auto& b : c.banks)
    add_path(t, c,
             fmt::format("bank {} x {}, {:.3g} % zero weights", b.shape.words,
                         b.shape.word_weights(), in_percent(b.zero_share())),
             b.gates.depth, b.gates.area, b.path);
  for (const auto& u : c.units)
    add_path(t, c,
             u.lanes > 1 ? fmt::format("{} of {} lanes", name(u.unit), u.lanes)
                         : std::string(name(u.unit)),
             u.gates.depth, u.gates.area, u.path);
  return t;
}

std::string law_sentence(const Characterization& c, const Law& law) {
  const auto held_out =
      has_held_out(c) ? fmt::format("{:.1f} % held out (worst {:+.1f} %)",
                                    in_percent(law.held_out.rms), in_percent(law.held_out.worst))
                      : std::string("no bank held out");
  return fmt::format("{}: {} {}, rms {:.1f} % in the fit (worst {:+.1f} %), {}.", law.quantity,
                     law.expression, law.unit, in_percent(law.fit.rms), in_percent(law.fit.worst),
                     held_out);
}

}  // namespace

Document characterization_document(const Characterization& c) {
  Document document{"Technology by synthesis", {}, {}};
  const auto& g = c.plan.banks;
  document.lead.push_back(fmt::format(
      "{} maps to {} at {:g} V, {:g} C (a NAND2 is {:g} um^2). Cells only, unplaced: divide by a "
      "utilization for area on a die. {:g} fF of wire a sink.",
      c.yosys, c.library, c.voltage, c.temperature, c.nand2_area, c.wire));
  if (!c.banks.empty()) {
    document.lead.push_back(fmt::format(
        "{} banks, {} form, seed {}, {:g} % of blocks of {} weights zero throughout.",
        c.banks.size(), name(g.form), g.seed, in_percent(g.zero_blocks), rtl::block_weights));
    for (const auto* quantity : {"area a bit", "access in order", "access at random", "leakage"})
      if (const auto* law = law_of(c, quantity)) document.lead.push_back(law_sentence(c, *law));
    if (c.laws.empty())
      document.lead.push_back(
          "No law: the banks of the fit have too few heights or zero shares to tell its terms "
          "apart.");
    document.tables.push_back(laws_table(c));
    document.tables.push_back(banks_table(c));
  }
  if (!c.units.empty()) document.tables.push_back(units_table(c));
  if (c.delays)
    document.tables.push_back(paths_table(c));
  else
    document.lead.push_back("No delays in this library: it says nothing of a longest path.");
  return document;
}

}  // namespace tomestimate::report
