// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/cautions.hpp>

#include <algorithm>

#include <tomestimate/spec/rescale.hpp>
#include <tomestimate/study/evaluation.hpp>

#include "catch.hpp"
#include "studies.hpp"

using namespace tomestimate;

namespace {

study::Specs with(const std::vector<std::pair<std::string, std::string>>& sets) {
  auto specs = shipped();
  for (const auto& [path, value] : sets)
    spec::override_value(specs.hardware, specs.model, path, value, {"test", 0, 0});
  return specs;
}

std::string said(const std::vector<std::string>& cautions) {
  std::string out;
  for (const auto& c : cautions) out += c + "\n";
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("what hangs on a value: the metrics that do, and no others") {
  const auto specs = shipped();
  // The link: whole tokens only.
  CHECK(study::reach(specs, "host.latency").metrics ==
        Names{"end_to_end.throughput", "end_to_end.tpot", "end_to_end.ttft", "end_to_end.power",
              "end_to_end.energy_per_token"});
  // A label, and units that TOM does not have.
  CHECK(study::reach(specs, "tech.node").metrics.empty());
  CHECK(study::reach(specs, "side.lanes").metrics.empty());
  // What a size of area only moves: no time, no capacity.
  const auto cell = study::reach(specs, "tech.sram_cell").metrics;
  CHECK(std::count(cell.begin(), cell.end(), "area") == 1);
  CHECK(std::count(cell.begin(), cell.end(), "throughput") == 0);
  // Times a rank of 0 adapters read nothing, whatever their bits.
  const auto traffic = study::reach(with({{"adapter.rank", "0"}}), "adapter.bits").metrics;
  CHECK(std::count(traffic.begin(), traffic.end(), "power") == 0);
  CHECK(std::count(traffic.begin(), traffic.end(), "throughput") == 0);
  CHECK_THROWS_AS(study::reach(specs, "tech.nod"), spec::SpecError);
}

TEST_CASE("a switch is told by what its other choices change") {
  CHECK(!study::reach(shipped(), "gating.prewake").metrics.empty());
  // Where nothing is cut off nothing has to be woken.
  CHECK(study::reach(with({{"gating.mode", "isolation"}}), "gating.prewake").metrics.empty());
  CHECK(has(said(study::cautions(with({{"gating.mode", "isolation"}, {"gating.prewake", "off"}}))),
            "no metric hangs on gating.prewake"));
}

TEST_CASE("a share of zeros that the shares of projections come before is named") {
  CHECK(has(study::shadowed_share(shipped()), "weights.zero_share_q"));
  CHECK(study::shadowed_share(with({{"weights.zero_share", "0.4"}})).empty());
  CHECK(said(study::cautions(with({{"weights.zero_share", "0.4"}}))).empty());
}

TEST_CASE("the specs as shipped have nothing to be told") {
  CHECK(said(study::cautions(shipped())).empty());
  CHECK(study::carried(shipped(), {"power"}).empty());
}

TEST_CASE("values outside the range that a spec states are named, the ends are inside") {
  CHECK(has(said(study::cautions(with({{"chip.voltage", "0.9 V"}}))),
            "chip.voltage = 0.9 V is outside the range that its spec states, 0.65 V to 0.8 V"));
  const auto at_end = said(study::cautions(with({{"chip.voltage", "0.8 V"}})));
  CHECK(!has(at_end, "outside"));
  // Set twice it still has the range of its spec.
  CHECK(study::stated_range(with({{"chip.voltage", "0.9 V"}, {"chip.voltage", "0.7 V"}}),
                            "chip.voltage")
            .has_value());
  CHECK(study::beyond_range(shipped(), "vector.width", 512));
  CHECK(!study::beyond_range(shipped(), "vector.width", 256));
  CHECK(!study::beyond_range(shipped(), "base.lanes", 1e6));  // no range, nothing to leave
}

TEST_CASE("at another supply the share that hangs on it is what is switched, of all energy") {
  const auto specs = with({{"chip.voltage", "0.8 V"}});
  const auto carried = study::carried(specs, {"power", "throughput"});
  REQUIRE(carried.size() == 1);
  const auto& hw = specs.hardware.values;
  const auto e = study::evaluate(hw, specs.model.values).base.decode.energy;
  CHECK(carried[0].shares[0] == Approx(1 - (leakage(e) / total(e))));
  CHECK(carried[0].shares[1] == 0);
}

TEST_CASE("warmer, the share is what leaks") {
  const auto specs = with({{"chip.temperature", "60 degC"}});
  const auto carried = study::carried(specs, {"power"});
  REQUIRE(carried.size() == 1);
  const auto e = study::evaluate(specs.hardware.values, specs.model.values).base.decode.energy;
  CHECK(carried[0].shares[0] == Approx(leakage(e) / total(e)));
}

TEST_CASE("a node that is only said to be another one is told, and so is rescaling") {
  const auto label = said(study::cautions(with({{"tech.node", "5 nm"}})));
  CHECK(has(label, "no metric hangs on tech.node in this design: tomestimate rescale"));
  CHECK(has(label, "tech.node is said to be 5 nm (set for this run)"));
  CHECK(has(label, "of area"));
  auto specs = shipped();
  specs.hardware =
      spec::rescale(specs.hardware, "12 nm", TOMESTIMATE_SPECS "/technology/node-factors.toml")
          .hardware;
  CHECK(has(said(study::cautions(specs)), "values of the technology were carried from 7 nm to 12"));
}

TEST_CASE("a fitted value is told once the design is another one, with its elasticity") {
  auto specs = with({{"base.lanes", "32"}});
  for (auto& s : specs.hardware.sourced)
    if (s.path == "chip.clock") {
      s.grade = spec::Grade::calibrated;
      s.fits = {"tom.throughput"};
    }
  const auto text = said(study::cautions(specs, {"throughput"}));
  CHECK(has(text,
            "chip.clock was fitted to tom.throughput with the specs as they were, and "
            "base.lanes is set; 100 % of throughput hangs on that"));
}

TEST_CASE("a change that something else hides is told as such") {
  const auto before = shipped();
  // No more than 6 words of inputs fall to an MVU: a seventh has no use, and no time or energy.
  auto after = with({{"base.lanes", "16"}});
  CHECK(study::without_effect(before, after).empty());  // not changed at all
  after = with({{"host.compute", "3 TOPS"}});           // the host's memory is the limit
  const auto text = said(study::without_effect(before, after));
  CHECK(has(text, "host.compute = 3 TOPS instead of 2 TOPS changes no metric here"));
  CHECK(has(text, "something else binds"));
}

TEST_CASE("studies: axes without effect, by number and by switch, and axes that leave a range") {
  const Folder own;
  const auto cautions = [&own](const std::string& keys, const std::string& axes) {
    const auto st = study::load_study(study_file(own, keys, axes));
    return said(study::cautions(st, {st.specs, st.axes, st.formulas()}));
  };
  CHECK(has(cautions("columns = [\"throughput\"]",
                     "[[vary]]\npath = \"host.latency\"\nvalues = [\"1 us\", "
                     "\"2 us\"]"),
            "no column hangs on host.latency: end_to_end.throughput"));
  // The same in a column, or a condition, that does.
  CHECK(cautions("columns = [\"throughput\"]\nwhere = \"end_to_end.tpot < 1[s]\"",
                 "[[vary]]\npath = \"host.latency\"\nvalues = [\"1 us\", \"2 "
                 "us\"]")
            .empty());
  CHECK(has(cautions("columns = [\"throughput\"]",
                     "[[vary]]\npath = \"rom.law\"\nvalues = [\"macro\", "
                     "\"sparse-logic\"]"),
            "rom.law changes no column at 2 points"));
  const auto wide = cautions("columns = [\"area\"]",
                             "[[vary]]\npath = \"vector.width\"\nvalues = [64, 128, 512]");
  CHECK(has(wide, "vector.width at 512 is outside the range that its spec states, 64 to 256"));
}

TEST_CASE("power of layers, by their times, is the power of the chip where nothing else runs") {
  const auto specs = with({{"gating.wake_latency", "0 ns"}, {"map.head", "none"}});
  const auto& hw = specs.hardware.values;
  const auto& m = specs.model.values;
  const auto e = study::evaluate(hw, m).base;
  units::Energy<double> sum{};
  for (std::size_t l = 0; l < m.layers; ++l) {
    const auto layer = engine::estimate_layer(hw, m, e.common, e.decode, l);
    sum += layer.power * engine::seconds(hw, layer.cycles);
  }
  CHECK((sum / e.decode.time).value() == Approx(e.chip.power.value()));
}
