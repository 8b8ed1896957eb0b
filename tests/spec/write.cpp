// SPDX-License-Identifier: Apache-2.0
// What overrides do to a spec as a file: it reads back, in the order of its values.
#include <tomestimate/spec/write.hpp>

#include <algorithm>

#include "catch.hpp"

using namespace tomestimate;

namespace {

const std::string folder = TOMESTIMATE_SPECS;

struct Pair {
  spec::Spec<spec::Hardware<double>> hardware = spec::load_hardware(folder + "/tom.toml");
  spec::Spec<spec::Model<double>> model = spec::load_model(folder + "/bitnet-2b.toml");

  void set(const std::string& path, const std::string& text) {
    spec::override_value(hardware, model, path, text, {"--set", 1, 1});
  }
  spec::Model<double> model_back() const {
    return spec::parse_model(spec::to_toml(model, ""), "written").values;
  }
  bool has(const std::string& path) const {
    return std::any_of(model.sourced.begin(), model.sourced.end(),
                       [&](const auto& s) { return s.path == path; });
  }
};

}  // namespace

TEST_CASE("a written hardware spec has its technology in it, and its labels") {
  const Pair d;
  const auto text = spec::to_toml(d.hardware, "");
  const auto back = spec::parse_hardware(text, "written");  // no technology beside it
  CHECK(text.find("technology =") == std::string::npos);
  CHECK(back.labels.base == "MVU");
  CHECK(back.values.tech.max_clock.value() == d.hardware.values.tech.max_clock.value());
  CHECK(back.sourced.size() == d.hardware.sourced.size());
}

TEST_CASE("lists of a model with other layers are written as they are") {
  Pair d;
  d.set("model.layers", "32");
  const auto more = d.model_back();
  REQUIRE(more.weights.zero_share.size() == 32);
  CHECK(more.weights.zero_share[31] == more.weights.zero_share[1]);  // round again
  CHECK(more.weights.zero_share_of[0].size() == 32);
  d.set("model.layers", "4");
  CHECK(d.model_back().weights.dead_share.size() == 4);
  CHECK(d.model_back().weights.dead_share == d.model.values.weights.dead_share);
}

TEST_CASE("one zero share for all forgets what was known of each projection") {
  Pair d;
  CHECK(d.has("weights.zero_share_q"));
  d.set("weights.zero_share", "0.4");
  CHECK(!d.has("weights.zero_share_q"));
  CHECK(spec::zero_share(d.model_back().weights, 3, spec::Projection::q) == 0.4);
  // What is set anew has its place among the weights, not a table of its own at the end.
  d.set("weights.zero_share_q", "0.5");
  CHECK(spec::zero_share(d.model_back().weights, 3, spec::Projection::q) == 0.5);
  CHECK(spec::zero_share(d.model_back().weights, 3, spec::Projection::k) == 0.4);
}

TEST_CASE("side units need all their values") {
  Pair d;
  d.set("map.adapter", "side");
  d.set("side.lanes", "4");
  CHECK_THROWS_AS(spec::check_pair(d.hardware.values, d.model.values), spec::SpecError);
}
