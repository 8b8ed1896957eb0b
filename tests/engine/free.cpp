// SPDX-License-Identifier: Apache-2.0
// Nothing is free: twice of a resource takes area or energy. Any that does not would be a knob that
// a search turns up for nothing.
#include <tomestimate/spec/load.hpp>

#include <set>
#include <type_traits>

#include "catch.hpp"
#include "designs.hpp"

using namespace designs;

namespace {

using Hardware = spec::Hardware<double>;
using Model = spec::Model<double>;
using Paths = std::set<std::string>;

// Doubles what one path names.
class Double {
 public:
  explicit Double(std::string path) : path_(std::move(path)) {}
  template <class Member, class... Names>
  void operator()(const spec::Field& field, Member& member, const Names&...) {
    if constexpr (!std::is_enum_v<Member>)
      if (field.path == path_) member *= 2.0;
  }

 private:
  std::string path_;
};

struct Cost {
  double area, decode, prefill;
};

Cost cost(const Hardware& h, const Model& m) {
  const auto e = engine::estimate(h, m);
  const auto energy = [](const auto& pass) {
    return (total(pass.energy) + pass.outside.total()).value();
  };
  return {e.common.area.total().value(), energy(e.decode), energy(e.prefill)};
}

// Of `paths`, those whose double takes neither more area nor more energy.
Paths free_of_cost(const Hardware& h, const Model& m, const Paths& paths) {
  const auto before = cost(h, m);
  Paths out;
  for (const auto& path : paths) {
    auto twice = h;
    spec::visit_hardware(twice, Double(path));
    const auto after = cost(twice, m);
    if (after.area <= before.area && after.decode <= before.decode &&
        after.prefill <= before.prefill)
      out.insert(path);
  }
  return out;
}

// Resources of the chip; depths, bank shapes and the host are none.
const Paths chip{"base.lanes",           "base.per_lane", "base.rows",          "base.input_words",
                 "base.token_tile",      "base.kv_tile",  "base.tree_values",   "base.buffer_width",
                 "base.buffer_capacity", "sram.capacity", "workspace.capacity", "workspace.width",
                 "vector.count",         "vector.width",  "bus.width",          "host.bandwidth",
                 "base.width",           "rom.read_width"};
const Paths side{"side.lanes",       "side.per_lane",       "side.rows",
                 "side.input_words", "side.token_tile",     "side.kv_tile",
                 "side.tree_values", "side.buffer_width",   "side.buffer_capacity",
                 "side.sram_width",  "side.width_attention"};

Paths operator+(Paths a, const Paths& b) {
  a.insert(b.begin(), b.end());
  return a;
}

struct Values {
  Hardware hw;
  Model model;
  Values(const std::string& hardware_file, const std::string& model_file)
      : hw(spec::load_hardware(std::string(TOMESTIMATE_SPECS "/") + hardware_file).values),
        model(spec::load_model(std::string(TOMESTIMATE_SPECS "/") + model_file).values) {}
  Paths free(const Paths& paths) const { return free_of_cost(hw, model, paths); }
};

// What is still free is named in each test, so that no more of it comes unseen.

}  // namespace

TEST_CASE("nothing is free in TOM") {
  const Values tom("tom.toml", "bitnet-2b.toml");
  CHECK(tom.free(chip + Paths{"base.sram_width", "base.width_adapter", "base.width_attention"})
            .empty());
}

TEST_CASE("nothing is free in ROMA") {
  const Values roma("roma.toml", "llama-3.2-3b-int4.toml");
  // The wider of two datapaths of one unit sets its area, so a narrower one is free up to it.
  CHECK(roma.free(chip + side + Paths{"base.width_head", "side.width_adapter"}) ==
        Paths{"base.kv_tile", "side.width_adapter"});  // no attention on base
}

TEST_CASE("nothing is free in Ankhdjet") {
  const Values ankhdjet("ankhdjet.toml", "bitnet-2b.toml");
  // In space a unit has no registers of its own, no tree, and as many lanes as its tile has weights
  // over the cycles of a step, so wider tiles are fewer.
  CHECK(ankhdjet.free(chip + side) == Paths{"base.input_words", "base.kv_tile", "base.token_tile",
                                            "base.tree_values", "base.width", "rom.read_width"});
}

TEST_CASE("a DRAM is not free") {
  Values tom("tom.toml", "bitnet-2b.toml");
  tom.hw.map.weights = spec::WeightPlace::dram;
  tom.hw.dram.bandwidth = of<units::Bandwidth<double>>(1e12);
  CHECK(tom.free({"dram.bandwidth"}).empty());
}

TEST_CASE("each class that reads the SRAM pays for its ports") {
  Values roma("roma.toml", "llama-3.2-3b-int4.toml");
  roma.hw.map.adapter = spec::UnitChoice::base;
  CHECK(roma.free({"base.sram_width", "side.sram_width"}).empty());
}

TEST_CASE("a faster clock takes more power") {
  for (const auto* file : {"tom.toml", "ankhdjet.toml"}) {
    Values s(file, "bitnet-2b.toml");
    const auto before = engine::estimate(s.hw, s.model).chip.power;
    s.hw.chip.clock *= 1.5;
    CHECK(engine::estimate(s.hw, s.model).chip.power > before);
  }
}
