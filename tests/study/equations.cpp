// SPDX-License-Identifier: Apache-2.0
// Equations as expressions: each must give its quantity's value, say where it comes from, and share
// a sum among its terms.
#include <tomestimate/study/equations.hpp>
#include <tomestimate/study/study.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "catch.hpp"
#include "studies.hpp"

using namespace tomestimate;
using study::Equations;
using study::Expression;
using study::Named;
using Kind = Expression::Kind;

namespace {

void set(study::Specs& specs, const std::string& path, const std::string& text) {
  spec::override_value(specs.hardware, specs.model, path, text, {path, 1, 1});
}

// In coherent units, from the values of the names it holds.
double evaluate(const Expression& e, const std::vector<Named>& names) {
  std::vector<double> x;
  for (const auto& a : e.arguments) x.push_back(evaluate(a, names));
  switch (e.kind) {
    case Kind::number:
      return e.number;
    case Kind::name:
      return names[e.name].value * names[e.name].factor;
    case Kind::sum:
      return std::inner_product(x.begin(), x.end(), e.coefficients.begin(), 0.0);
    case Kind::product:
      return std::accumulate(x.begin(), x.end(), 1.0, std::multiplies{});
    case Kind::quotient:
      return x[0] / x[1];
    case Kind::max:
      return *std::max_element(x.begin(), x.end());
    case Kind::min:
      return *std::min_element(x.begin(), x.end());
    case Kind::ceil:
      return std::ceil(x[0] - 1e-9 * std::abs(x[0]));
    case Kind::floor:
      return std::floor(x[0] + 1e-9 * std::abs(x[0]));
    case Kind::log2:
      return std::log2(x[0]);
    case Kind::exp2:
      return std::exp2(x[0]);
    case Kind::round_half_up:
      break;
  }
  return std::floor(x[0] + 0.5);
}

std::string text(const Equations& all, const std::string& name) {
  return study::plain_text(all.names()[all.find(name)].equation, all.names());
}

}  // namespace

TEST_CASE("every equation gives its quantity, in the unit it says") {
  auto uneven = shipped();
  set(uneven, "model.layers", "3");
  set(uneven, "weights.zero_share", "[0.3, 0.35, 0.3]");
  set(uneven, "workload.batch", "3");
  set(uneven, "workload.context", "100");
  for (const auto& specs : {shipped(), uneven, shipped("roma.toml", "llama-3.2-3b-int4.toml")}) {
    const Equations all(specs);
    for (const auto& n : all.names()) {
      INFO(n.name << " [" << n.unit << "]");
      CHECK(std::holds_alternative<units::ParsedUnit>(units::parse_unit(n.unit)));
      if (n.input) continue;
      const double value = evaluate(n.equation, all.names()) / n.factor;
      CHECK(std::abs(value - n.value) <= 1e-9 * std::abs(n.value));
    }
  }
}

TEST_CASE("coherent units are spelled as they are scaled") {
  using namespace units;
  const auto factor = [](const std::string& unit) {
    return std::get<ParsedUnit>(parse_unit(unit)).factor;
  };
  // 1 W = 1 uJ / 1 us; 1 MHz = 1 cycle / us; 1 uJ/mm^2 = 1e-6 J / 1e-6 m^2.
  CHECK(study::coherent_unit(dimension_of<power_unit>()) == "W");
  CHECK(study::coherent_unit(dimension_of<frequency_unit>()) == "MHz");
  CHECK(study::coherent_unit(dimension_of<bandwidth_unit>()) == "bit/us");
  CHECK(study::coherent_unit(dimension_of<dimensionless_unit>()).empty());
  CHECK(factor(study::coherent_unit(dimension_of<energy_density_unit>())) == Approx(1));
  const Equations all(shipped());
  for (const auto& n : all.names()) {
    if (n.input || study::metric_unit(n.name)) continue;
    INFO(n.name << " [" << n.unit << "]");
    CHECK(n.factor == Approx(1).epsilon(1e-12));
  }
}

TEST_CASE("equations read as the engine's") {
  const Equations all(shipped());
  CHECK(text(all, "throughput") == "workload.batch / tpot");
  CHECK(text(all, "tpot") == "epoch_cycles / chip.clock");
  CHECK(text(all, "decode.chip_time") == "tpot");  // layers in sequence: an epoch is a step
  CHECK(text(all, "end_to_end.tpot") == "tpot + decode.link_time + decode.head_time");
  CHECK(text(all, "decode.link_time") == "host.latency + decode.link_bits / host.bandwidth");
  CHECK(text(all, "area") == "area.rom + area.sram + area.logic");
  CHECK(text(all, "area.sram").starts_with("sram.capacity * tech.sram_cell / ("));
  CHECK(text(all, "layer0.q.stored_ones") ==
        "q_dim * model.hidden - round(weights.zero_share_q.layer0 * q_dim * model.hidden)");
  // 30 layers of one shape, and v costs what k costs: one name, 2 times.
  CHECK(text(all, "decode.layers_cycles") == "30 * decode.layer_cycles");
  CHECK(text(all, "decode.v.cycles") == "decode.k.cycles");
  CHECK(text(all, "decode.load.base").find("2 * decode.k.cycles") != std::string::npos);
}

TEST_CASE("layers of their own have inputs of their own") {
  auto specs = shipped();
  set(specs, "model.layers", "5");
  set(specs, "weights.zero_share", "[0.3, 0.35, 0.35, 0.35, 0.4]");
  const Equations all(specs);
  CHECK(all.names()[all.find("weights.zero_share.layer0")].value == 0.3);
  CHECK(all.names()[all.find("weights.zero_share.layer1to3")].value == 0.35);
  CHECK(all.names()[all.find("weights.zero_share.layer4")].path == "weights.zero_share");
  CHECK_FALSE(all.names()[all.find("layer4.rom_area")].same_as);
  CHECK(all.names()[all.find("layer2.rom_area")].same_as == all.find("layer1.rom_area"));
}

TEST_CASE("shares of a sum are its terms over it") {
  const Equations all(shipped());
  const auto value = [&](const std::string& name) { return all.names()[all.find(name)].value; };
  const auto of_area = all.shares(all.find("area"));
  CHECK(of_area[all.find("area.rom")] == Approx(value("area.rom") / value("area")));
  const auto of_power = all.shares(all.find("power"));
  double sum = 0;
  for (std::size_t i = 0; i < all.names().size(); ++i) {
    const auto& n = all.names()[i];
    if (!n.name.starts_with("decode.energy.") || n.same_as) continue;
    INFO(n.name);
    CHECK(of_power[i] == Approx(n.value / value("decode.energy")));
    sum += of_power[i];
  }
  CHECK(sum == Approx(1));
  // 30 layers x gate and up x cycles, over all cycles: what gate and up take of a step.
  const auto of_tpot = all.shares(all.find("tpot"));
  CHECK(of_tpot[all.find("decode.gate.cycles")] ==
        Approx(30 * 2 * value("decode.gate.cycles") / value("chip.clock") / value("tpot")));
  // The chip's area has nothing to do with the clock.
  CHECK(of_area[all.find("chip.clock")] == 0);
}

TEST_CASE("operands are all that a quantity hangs on") {
  const Equations all(shipped());
  const auto reached = all.operands(all.find("tpot"));
  const auto distance = [&](const std::string& name) {
    for (const auto& [n, d] : reached)
      if (n == all.find(name)) return d;
    return -1;
  };
  CHECK(distance("epoch_cycles") == 1);
  CHECK(distance("chip.clock") == 1);
  CHECK(distance("decode.layers_cycles") == 2);
  CHECK(distance("decode.layer_cycles") == 3);
  CHECK(distance("host.latency") == -1);  // off the chip
  CHECK(distance("tech.sram_leakage") == -1);
  CHECK(distance("tpot") == -1);
}

TEST_CASE("an unknown quantity is an error with a hint") {
  const Equations all(shipped());
  try {
    all.find("decode.gate.cycels");
    FAIL("no error");
  } catch (const spec::SpecError& e) {
    CHECK(e.diagnostics()[0].hint == "did you mean \"decode.gate.cycles\"?");
  }
}
