// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/load.hpp>
#include <tomestimate/spec/write.hpp>

#include <fstream>
#include <iterator>
#include <random>

#include "catch.hpp"

using namespace tomestimate;
using spec::Diagnostic;

namespace {

std::string shipped(const std::string& name) {
  std::ifstream in(std::string(TOMESTIMATE_SPECS) + "/" + name, std::ios::binary);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

// tom.toml or bitnet-2b.toml with `from` replaced by `to`, which must be there.
std::string edited(const std::string& name, const std::string& from, const std::string& to) {
  auto text = shipped(name);
  const auto at = text.find(from);
  INFO(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::uint32_t line_of(const std::string& text, const std::string& part) {
  const auto at = text.find(part);
  REQUIRE(at != std::string::npos);
  return 1 + static_cast<std::uint32_t>(
                 std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

std::vector<Diagnostic> errors_of(const std::string& text, bool model = false) {
  try {
    if (model)
      spec::parse_model(text, "x.toml");
    else
      spec::parse_hardware(text, "x.toml");
  } catch (const spec::SpecError& e) {
    return e.diagnostics();
  }
  return {};
}

// The one error of an edited shipped spec.
Diagnostic error(const std::string& name, const std::string& from, const std::string& to) {
  const auto all = errors_of(edited(name, from, to), name != "tom.toml");
  INFO(from << " -> " << to);
  REQUIRE(all.size() == 1);
  return all[0];
}

bool says(const Diagnostic& d, const std::string& part) {
  INFO(spec::format(d));
  return spec::format(d).find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the shipped TOM and BitNet-2B load with their sources") {
  const auto hw = spec::parse_hardware(shipped("tom.toml"), "tom.toml");
  CHECK(hw.name == "TOM");
  CHECK(hw.values.chip.clock.value() == 500e6);
  CHECK(hw.values.sram.capacity.value() == 320e6);
  CHECK(hw.values.gating.enabled == spec::Switch::on);
  CHECK(hw.sourced[1].path == "chip.clock");
  CHECK(hw.sourced[1].text == "500 MHz");
  CHECK(hw.sourced[1].grade == spec::Grade::assumption);
  CHECK((*hw.sourced[1].range)[1] == 1e9);
  CHECK(hw.sourced[1].place.line == line_of(shipped("tom.toml"), "clock ="));

  const auto model = spec::parse_model(shipped("bitnet-2b.toml"), "m.toml");
  CHECK(model.values.layers == 30);
  CHECK(model.values.weights.zero_share == std::vector<double>(30, 0.3));
  // Weights of a layer, by hand: q and o 2560 x 2560, k and v 2560 x 640, three of 2560 x 6912.
  double weights = 0;
  for (int p = 0; p < 7; ++p) {
    const auto s = spec::shape(model.values, static_cast<spec::Projection>(p));
    weights += s.outputs * s.inputs;
  }
  CHECK(weights == 2 * 2560.0 * 2560 + 2 * 2560.0 * 640 + 3 * 2560.0 * 6912);
}

TEST_CASE("a wrong unit: place, what was expected, what came") {
  const auto d = error("tom.toml", "value = \"500 MHz\"", "value = \"500 MB\"");
  CHECK(says(d, "expected a frequency for chip.clock, such as \"1 MHz\"; got information"));
  CHECK(d.place.line == line_of(shipped("tom.toml"), "clock ="));
  CHECK(d.place.column == std::string("clock = { value = ").size() + 1);
}

TEST_CASE("an unknown unit points into the text") {
  const auto d = error("tom.toml", "value = \"500 MHz\"", "value = \"500 MHx\"");
  CHECK(d.place.column == std::string("clock = { value = \"500 ").size() + 1);
  CHECK(says(d, "did you mean \"MHz\"?"));
}

TEST_CASE("each kind of bad value is refused") {
  CHECK(says(error("tom.toml", "count = { value = 16", "count = { value = nan"), "out of range"));
  CHECK(says(error("tom.toml", "count = { value = 16", "count = { value = inf"), "out of range"));
  CHECK(says(error("tom.toml", "count = { value = 16", "count = { value = 0"), "out of range"));
  CHECK(says(error("tom.toml", "per_tree = { value = 16", "per_tree = { value = 2.5"),
             "whole number"));
  CHECK(says(error("tom.toml", "per_tree = { value = 16", "per_tree = { value = 3"),
             "does not divide"));
  CHECK(says(error("tom.toml", "per_tree = { value = 16", "per_tree = { value = \"16\""),
             "without quotes"));
  CHECK(says(error("tom.toml", "value = \"500 MHz\"", "value = 500"), "text with a unit"));
  CHECK(says(error("tom.toml", "value = \"500 MHz\"", "value = \"1e400 MHz\""), "too large"));
  CHECK(says(error("tom.toml", "value = \"500 MHz\"", "value = \"nan MHz\""), "finite"));
  CHECK(says(error("tom.toml", "value = \"500 MHz\"", "value = \"0 MHz\""), "out of range"));
  CHECK(says(error("tom.toml", "value = true", "value = \"maybe\""), "true or false"));
  CHECK(says(error("tom.toml", "value = \"sparse-logic\"", "value = \"sparse-logik\""),
             "did you mean \"sparse-logic\"?"));
  CHECK(says(error("tom.toml", "grade = \"assumption\"", "grade = \"asumption\""),
             "did you mean \"assumption\"?"));
  CHECK(says(error("tom.toml", "range = [\"400 MHz\", \"1000 MHz\"]",
                   "range = [\"600 MHz\", \"1000 MHz\"]"),
             "does not hold its value"));
  CHECK(says(error("tom.toml", ", fits = [\"tom.area.sram\"]", ""), "has no \"fits\""));
  CHECK(says(error("bitnet-2b.toml", "head_dim = { value = 128", "head_dim = { value = 127"),
             "must be even"));
  CHECK(says(
      error("bitnet-2b.toml", "zero_share = { value = 0.3", "zero_share = { value = [0.3, 0.4]"),
      "has 2 values for 30 layers"));
}

TEST_CASE("missing and unknown keys, with a suggestion") {
  const auto all = errors_of(edited("tom.toml", "\nclock =", "\nclok ="));
  REQUIRE(all.size() == 2);
  CHECK(says(all[0], "missing chip.clock"));
  CHECK(says(all[1], "unknown key \"chip.clok\" (did you mean \"clock\"?)"));
  CHECK(says(error("tom.toml", "[mapping]\n", "[mapping]\nx = 1\n"), "unknown key \"mapping.x\""));
}

TEST_CASE("every error at once, in file order") {
  auto text = edited("tom.toml", "\"500 MHz\"", "\"500 MB\"");
  const std::string width = "width = { value = 32";
  text.replace(text.find(width), width.size(), "width = { value = -1");
  const auto all = errors_of(text);
  REQUIRE(all.size() == 2);
  CHECK(all[0].place.line < all[1].place.line);
  try {
    spec::parse_hardware(text, "x.toml");
  } catch (const spec::SpecError& e) {
    CHECK(std::string(e.what()).find("and 1 more") != std::string::npos);
  }
}

TEST_CASE("TOML errors keep their place") {
  const auto all = errors_of("kind = \"hardware\"\nname = \n");
  REQUIRE(all.size() == 1);
  CHECK(all[0].place.line >= 2);
  CHECK(errors_of("").size() == 1);
  CHECK(says(errors_of("kind = \"model\"\n")[0], "expected kind = \"hardware\""));
}

TEST_CASE("files that are none") {
  CHECK(spec::check("/no/such/file.toml").at(0).message == "no such file");
  CHECK(spec::check("/").at(0).message == "is a folder, not a file");
}

TEST_CASE("overrides are checked like a load") {
  auto hw = spec::parse_hardware(shipped("tom.toml"), "tom.toml");
  auto model = spec::parse_model(shipped("bitnet-2b.toml"), "m.toml");
  const auto set = [&](const std::string& path, const std::string& text) {
    spec::override_value(hw, model, path, text, {"--set", 1, 1});
  };
  set("sram.capacity", "64 MiB");
  CHECK(hw.values.sram.capacity.value() == 64.0 * 1024 * 1024 * 8);
  set("gating.enabled", "false");
  CHECK(hw.values.gating.enabled == spec::Switch::off);
  set("rom.law", "macro");
  CHECK(hw.values.rom.law == spec::RomLaw::macro);
  set("weights.zero_share", "0.4");
  CHECK(model.values.weights.zero_share == std::vector<double>(30, 0.4));
  set("model.layers", "12");
  CHECK(model.values.weights.zero_share == std::vector<double>(12, 0.4));
  set("adapter.targets", "[\"q\"]");
  CHECK(model.values.adapter.targets[1] == spec::Switch::off);
  CHECK_THROWS_AS(set("sram.capacity", "64 MHz"), spec::SpecError);
  CHECK_THROWS_AS(set("sram.capacity", "64"), spec::SpecError);
  set("lanes.count", "17");  // a value by itself; per_tree is 16, so the two together are no design
  CHECK_THROWS_AS(spec::check_pair(hw.values, model.values), spec::SpecError);
  CHECK_THROWS_AS(set("lanes.count", "16\nx = 3"), spec::SpecError);
  CHECK_THROWS_AS(set("lanes.cuont", "16"), spec::SpecError);
}

TEST_CASE("a spec written and read again is the same spec") {
  for (const auto* file : {"tom.toml", "roma.toml"}) {
    const auto before = spec::parse_hardware(shipped(file), file);
    const auto text = spec::to_toml(before, "made by a test");
    const auto after = spec::parse_hardware(text, "written");
    REQUIRE(after.sourced.size() == before.sourced.size());
    for (std::size_t i = 0; i < before.sourced.size(); ++i) {
      CHECK(after.sourced[i].path == before.sourced[i].path);
      CHECK(after.sourced[i].text == before.sourced[i].text);
      CHECK(after.sourced[i].grade == before.sourced[i].grade);
      CHECK(after.sourced[i].source == before.sourced[i].source);
      CHECK(after.sourced[i].fits == before.sourced[i].fits);
      CHECK(after.sourced[i].range.has_value() == before.sourced[i].range.has_value());
    }
    CHECK(spec::to_toml(after, "made by a test") == text);
  }
  auto model = spec::parse_model(shipped("bitnet-2b.toml"), "bitnet-2b.toml");
  model.name = "quote \" backslash \\ \xC2\xB5";
  CHECK(spec::parse_model(spec::to_toml(model, "a\nb"), "written").name == model.name);
  // As in the name of a checkpoint's file: it is made visible, so that the spec reads back.
  model.name = "tab \t escape \033 byte \xFF";
  CHECK(spec::parse_model(spec::to_toml(model, "a\033\xFF"), "written").name ==
        "tab \\x09 escape \\x1b byte \\xff");
}

TEST_CASE("what an override was given is written as a value") {  // found by fuzz/study.cpp
  auto hw = spec::parse_hardware(shipped("tom.toml"), "tom.toml");
  auto model = spec::parse_model(shipped("bitnet-2b.toml"), "bitnet-2b.toml");
  spec::override_value(hw, model, "lanes.count", "32 # twice", {"--set", 1, 1});
  spec::override_value(hw, model, "weights.zero_share", "0.4 ", {"--set", 0, 0});
  CHECK_THROWS_AS(spec::override_value(hw, model, "weights.zero_share", "0.4\n", {"--set", 0, 0}),
                  spec::SpecError);
  CHECK(spec::parse_hardware(spec::to_toml(hw, ""), "written").values.lanes.count == 32);
  CHECK(spec::parse_model(spec::to_toml(model, ""), "written").values.weights.zero_share[0] == 0.4);
}

TEST_CASE("a range whose end is the value is read again") {
  auto text = shipped("tom.toml");
  const auto put = [&text](const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
  };
  // 12 digits of the upper end are 0.423456789012, less than the value.
  put("efficiency = { value = 0.424", "efficiency = { value = 0.4234567890123456");
  put("range = [0.194, 0.52]", "range = [0.194, 0.4234567890123456]");
  const auto before = spec::parse_hardware(text, "made here");
  const auto after = spec::parse_hardware(spec::to_toml(before, ""), "written");
  CHECK(after.values.rom_macro.efficiency == before.values.rom_macro.efficiency);
}

TEST_CASE("damaged specs load or say where they are bad") {
  const auto good = shipped("tom.toml");
  std::mt19937 random(7);
  for (int i = 0; i < 1500; ++i) {
    auto text = good;
    const auto at = random() % text.size();
    switch (random() % 3) {
      case 0:
        text.erase(at, 1 + random() % 20);
        break;
      case 1:
        text[at] = static_cast<char>(random() % 256);
        break;
      default:
        text.insert(at, text.substr(random() % text.size(), random() % 30));
    }
    for (const auto& d : errors_of(text)) {
      CHECK(d.place.line >= 1);
      CHECK(!d.message.empty());
    }
  }
}
