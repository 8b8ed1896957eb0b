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

// A path in the folder of the shipped specs, beside which a technology is found.
std::string in_specs(const std::string& name) {
  return std::string(TOMESTIMATE_SPECS) + "/" + name;
}

std::string shipped(const std::string& name) {
  std::ifstream in(in_specs(name), std::ios::binary);
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
      spec::parse_model(text, in_specs("x.toml"));
    else
      spec::parse_hardware(text, in_specs("x.toml"));
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
  const auto hw = spec::load_hardware(in_specs("tom.toml"));
  CHECK(hw.name == "TOM");
  CHECK(hw.labels.base == "MVU");
  CHECK(hw.values.chip.clock.value() == 500e6);
  CHECK(hw.values.sram.capacity.value() == 37.5 * 8 * 1024 * 1024);
  CHECK(hw.values.base.lanes == 16);
  CHECK(hw.values.base.heads == spec::Heads::units);
  CHECK(hw.values.gating.mode == spec::GatingMode::switches);
  CHECK(hw.values.map.head == spec::HeadPlace::host);
  CHECK(!spec::uses_side(hw.values));
  CHECK(!spec::uses_dram(hw.values));
  CHECK(hw.sourced[1].path == "chip.voltage");
  CHECK(hw.sourced[1].text == "0.7 V");
  CHECK(hw.sourced[1].grade == spec::Grade::assumption);
  CHECK((*hw.sourced[1].range)[1] == Approx(0.8));
  CHECK(hw.sourced[1].place.line == line_of(shipped("tom.toml"), "voltage ="));

  const auto model = spec::parse_model(shipped("bitnet-2b.toml"), "m.toml");
  CHECK(model.values.layers == 30);
  CHECK(model.values.weights.zero_share.size() == 30);
  CHECK(model.values.weights.zero_share_of[0][0] == 0.4961723);
  CHECK(model.values.weights.dead_share[1] == 0.4);
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

TEST_CASE("every shipped file is good") {
  for (const auto* name :
       {"tom.toml", "roma.toml", "ankhdjet.toml", "bitnet-0.7b.toml", "bitnet-2b.toml",
        "bitnet-3b.toml", "falcon3-1b.toml", "falcon3-3b.toml", "llama-3-8b-int2.toml",
        "llama-3.2-3b-int4.toml", "llama3-8b-1.58.toml", "technology/n7.toml"}) {
    INFO(name);
    CHECK(spec::check(in_specs(name)).empty());
  }
}

TEST_CASE("each kind of bad value is refused") {
  CHECK(says(error("tom.toml", "lanes = { value = 16", "lanes = { value = nan"), "out of range"));
  CHECK(says(error("tom.toml", "lanes = { value = 16", "lanes = { value = inf"), "out of range"));
  CHECK(says(error("tom.toml", "lanes = { value = 16", "lanes = { value = 0"), "out of range"));
  CHECK(says(error("tom.toml", "per_lane = { value = 10", "per_lane = { value = 2.5"),
             "whole number"));
  CHECK(says(error("tom.toml", "per_lane = { value = 10", "per_lane = { value = \"10\""),
             "without quotes"));
  CHECK(says(error("tom.toml", "value = \"500 MHz\"", "value = 500"), "text with a unit"));
  CHECK(says(error("tom.toml", "value = \"500 MHz\"", "value = \"1e400 MHz\""), "too large"));
  CHECK(says(error("tom.toml", "value = \"500 MHz\"", "value = \"nan MHz\""), "finite"));
  CHECK(says(error("tom.toml", "value = \"500 MHz\"", "value = \"0 MHz\""), "out of range"));
  CHECK(says(error("tom.toml", "value = true", "value = \"maybe\""), "true or false"));
  CHECK(says(error("tom.toml", "value = \"sparse-logic\"", "value = \"sparse-logik\""),
             "did you mean \"sparse-logic\"?"));
  CHECK(says(error("tom.toml", "value = \"units\"", "value = \"unit\""),
             "expected one of lanes, units, none for base.heads"));
  CHECK(says(error("tom.toml", "grade = \"assumption\"", "grade = \"asumption\""),
             "did you mean \"assumption\"?"));
  CHECK(says(error("tom.toml", "range = [\"0.65 V\"", "range = [\"0.75 V\""),
             "does not hold its value"));
  CHECK(says(error("tom.toml", "grade = \"assumption\"", "grade = \"calibrated\""),
             "has no \"fits\""));
  CHECK(says(error("bitnet-2b.toml", "head_dim = { value = 128", "head_dim = { value = 127"),
             "must be even"));
  CHECK(
      says(error("bitnet-2b.toml", "dead_share = { value = [0.0001, ", "dead_share = { value = ["),
           "has 29 values for 30 layers"));
}

TEST_CASE("rules between values") {
  // 0.7 V allows 2,500 MHz.
  CHECK(says(error("tom.toml", "value = \"500 MHz\"", "value = \"2600 MHz\""),
             "above what the technology allows at this voltage"));
  // Half of the drive, 0.475 V - 0.25 V of 0.7 V - 0.25 V, allows half the clock.
  CHECK(errors_of(edited("tom.toml",
                         "value = \"0.7 V\", grade = \"assumption\", source = "
                         "\"nominal of the cells the technology is made of; not "
                         "published\", range = [\"0.65 V\", \"0.8 V\"]",
                         "value = \"0.35 V\", grade = \"assumption\", source = \"x\""))
            .empty());
  CHECK(says(error("tom.toml", "attention = { value = \"base\"", "attention = { value = \"side\""),
             "[side] is missing"));
  CHECK(says(error("tom.toml", "weights = { value = \"rom\"", "weights = { value = \"dram\""),
             "[dram] is missing"));
  CHECK(says(error("tom.toml", "sharing = { value = \"time\"", "sharing = { value = \"space\""),
             "in space, map.adapter and map.attention have to be \"side\""));
  CHECK(says(error("bitnet-2b.toml", "full_every = { value = 1", "full_every = { value = 0"),
             "need a window"));
  CHECK(says(error("bitnet-2b.toml", "bits = { value = \"2 bit\"", "bits = { value = \"3 bit\""),
             "a ternary weight has 2 bit"));
}

TEST_CASE("missing and unknown keys, with a suggestion") {
  const auto all = errors_of(edited("tom.toml", "\nclock =", "\nclok ="));
  REQUIRE(all.size() == 2);
  CHECK(says(all[0], "missing chip.clock"));
  CHECK(says(all[1], "unknown key \"chip.clok\" (did you mean \"clock\"?)"));
  CHECK(says(error("tom.toml", "[map]\n", "[map]\nx = 1\n"), "unknown key \"map.x\""));
  CHECK(says(error("tom.toml", "[labels]\nbase", "[labels]\nbsae"), "unknown key \"labels.bsae\""));
}

TEST_CASE("a table that the machine does not use may be left out, but not in part") {
  const auto gating = [](const std::string& text) {
    const auto from = text.find("[gating]");
    return text.substr(0, from) + text.substr(text.find("[schedule]"));
  };
  auto dram = edited("tom.toml", "weights = { value = \"rom\"", "weights = { value = \"dram\"");
  const std::string key = "{ value = \"50 GB/s\", grade = \"assumption\", source = \"x\" }\n";
  dram += "\n[dram]\nbandwidth = " + key;
  CHECK(says(errors_of(dram).at(0), "missing dram.energy"));
  dram += "energy = { value = \"4 pJ/bit\", grade = \"assumption\", source = \"x\" }\n";
  CHECK(errors_of(dram).empty());
  const auto from = dram.find("[rom]");
  CHECK(errors_of(gating(dram.substr(0, from) + dram.substr(dram.find("[sram]")))).empty());
}

TEST_CASE("a technology is inherited, leaf by leaf, with the places of its own file") {
  const auto tom = spec::load_hardware(in_specs("tom.toml"));
  const auto roma = spec::load_hardware(in_specs("roma.toml"));
  CHECK(tom.values.tech.rom_standard == 1);
  CHECK(roma.values.tech.rom_standard == 0.6);  // its own
  CHECK(roma.values.tech.sram_cell == tom.values.tech.sram_cell);
  const auto place = [](const auto& s, const std::string& path) {
    for (const auto& v : s.sourced)
      if (v.path == path) return v.place;
    return spec::Place{};
  };
  CHECK(place(roma, "tech.rom_standard").file == in_specs("roma.toml"));
  const auto inherited = place(roma, "tech.sram_cell");
  CHECK(inherited.file == in_specs("technology/n7.toml"));
  CHECK(inherited.line == line_of(shipped("technology/n7.toml"), "sram_cell ="));

  CHECK(says(error("tom.toml", "technology = \"n7\"", "technology = \"n6\""),
             "no technology \"n6\""));
  CHECK(says(error("tom.toml", "technology = \"n7\"", "technology = 7"),
             "expected the name of a technology"));
  CHECK(says(error("tom.toml", "technology = \"n7\"", "technology = \"bitnet-2b.toml\""),
             "expected kind = \"technology\""));
  // Without one, every value of it is missed.
  CHECK(errors_of(edited("tom.toml", "technology = \"n7\"\n", "")).size() > 50);
  // A bad value of the technology that the spec repeats is the spec's.
  CHECK(says(errors_of(shipped("tom.toml") +
                       "\n[tech]\nutilization = { value = 2, grade = \"assumption\", source = "
                       "\"x\" }\n")
                 .at(0),
             "tech.utilization of 2 is out of range"));
}

TEST_CASE("every error at once, in file order") {
  auto text = edited("tom.toml", "\"500 MHz\"", "\"500 MB\"");
  const std::string width = "width = { value = 128";
  text.replace(text.find(width), width.size(), "width = { value = -1");
  const auto all = errors_of(text);
  REQUIRE(all.size() == 2);
  CHECK(all[0].place.line < all[1].place.line);
  try {
    spec::parse_hardware(text, in_specs("x.toml"));
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

TEST_CASE("files that are something else") {
  const auto only = [](const std::string& text) {
    const auto all = errors_of(text);
    REQUIRE(all.size() == 1);
    return all[0].message + " (" + all[0].hint + ")";
  };
  CHECK(only("version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 9\n") ==
        "is a Git LFS pointer: fetch the file (git lfs pull)");
  CHECK(only("\n <!DOCTYPE html>\n<html>") == "is an HTML page (download the file itself)");
  CHECK(only("\x1F\x8B\x08") == "is compressed by gzip (gunzip it first)");
}

TEST_CASE("files that are none") {
  CHECK(spec::check("/no/such/file.toml").at(0).message == "no such file");
  CHECK(spec::check("/").at(0).message == "is a folder, not a file");
}

TEST_CASE("overrides are checked like a load") {
  auto hw = spec::load_hardware(in_specs("tom.toml"));
  auto model = spec::parse_model(shipped("bitnet-2b.toml"), "m.toml");
  const auto set = [&](const std::string& path, const std::string& text) {
    spec::override_value(hw, model, path, text, {"--set", 1, 1});
  };
  set("sram.capacity", "64 MiB");
  CHECK(hw.values.sram.capacity.value() == 64.0 * 1024 * 1024 * 8);
  set("gating.prewake", "false");
  CHECK(hw.values.gating.prewake == spec::Switch::off);
  set("gating.mode", "isolation");
  CHECK(hw.values.gating.mode == spec::GatingMode::isolation);
  set("rom.law", "macro");
  CHECK(hw.values.rom.law == spec::RomLaw::macro);
  set("weights.zero_share", "0.4");
  CHECK(model.values.weights.zero_share == std::vector<double>(30, 0.4));
  CHECK(model.values.weights.zero_share_of[0].empty());  // what was known of q holds no more
  set("model.layers", "12");
  CHECK(model.values.weights.zero_share == std::vector<double>(12, 0.4));
  set("adapter.targets", "[\"q\"]");
  CHECK(model.values.adapter.targets[1] == spec::Switch::off);
  CHECK_THROWS_AS(set("sram.capacity", "64 MHz"), spec::SpecError);
  CHECK_THROWS_AS(set("sram.capacity", "64"), spec::SpecError);
  set("lanes.count", "17");  // an older name
  CHECK(hw.values.base.lanes == 17);
  CHECK_NOTHROW(spec::check_pair(hw.values, model.values));
  set("chip.clock", "3 GHz");  // a value by itself; at 0.7 V the two together are no design
  CHECK_THROWS_AS(spec::check_pair(hw.values, model.values), spec::SpecError);
  set("chip.voltage", "0.8 V");
  CHECK_NOTHROW(spec::check_pair(hw.values, model.values));
  CHECK_THROWS_AS(set("base.lanes", "16\nx = 3"), spec::SpecError);
  CHECK_THROWS_AS(set("base.lnaes", "16"), spec::SpecError);
}

TEST_CASE("overrides together: every error, whole tables, shares that go with the code") {
  const auto tom = spec::load_hardware(in_specs("tom.toml"));
  const auto bitnet = spec::parse_model(shipped("bitnet-2b.toml"), "m.toml");
  struct Set {
    spec::Spec<spec::Hardware<double>> hardware;
    spec::Spec<spec::Model<double>> model;
    std::vector<spec::Diagnostic> errors;
  };
  const auto set = [&](const std::vector<std::pair<std::string, std::string>>& values) {
    Set out{tom, bitnet, {}};
    std::vector<spec::Override> all;
    for (const auto& [path, text] : values) all.push_back({path, text, {path, 0, 0}});
    try {
      spec::override_values(out.hardware, out.model, all);
    } catch (const spec::SpecError& e) {
      out.errors = e.diagnostics();
    }
    return out;
  };
  const auto three = set({{"base.lnaes", "8"}, {"chip.clock", "3"}, {"model.layers", "x"}}).errors;
  REQUIRE(three.size() == 3);
  CHECK(three[0].place.file == "model.layers");  // the layers are set first
  CHECK(three[2].place.file == "chip.clock");

  const auto half = set({{"dram.energy", "0 pJ/bit"}, {"base.lanes", "8"}}).errors;
  REQUIRE(half.size() == 1);
  CHECK(half[0].place.file == "dram.energy");
  CHECK(half[0].message == "dram.energy is set, but [dram] is not whole");
  CHECK(half[0].hint == "the spec does not give dram.bandwidth");
  const auto whole = set({{"dram.energy", "0 pJ/bit"}, {"dram.bandwidth", "1 GB/s"}});
  CHECK(whole.errors.empty());
  const auto back = spec::parse_hardware(spec::to_toml(whole.hardware, ""), "written");
  CHECK(back.values.dram.energy.value() == 0);
  CHECK(back.values.dram.bandwidth.value() == 8e9);
  CHECK(back.sourced.size() == tom.sourced.size() + 2);

  for (const bool code_first : {false, true}) {
    std::vector<std::pair<std::string, std::string>> values{{"weights.zero_bit_ratio", "0.25"},
                                                            {"weights.code", "integer"}};
    if (code_first) std::swap(values[0], values[1]);
    const auto integer = set(values);
    CHECK(integer.errors.empty());
    const auto read = spec::parse_model(spec::to_toml(integer.model, ""), "written").values;
    CHECK(read.weights.zero_bit_ratio == std::vector<double>(30, 0.25));
    CHECK(read.weights.zero_share.empty());
    CHECK(read.weights.zero_share_of[0].empty());
  }
  CHECK(set({{"weights.code", "integer"}}).errors.at(0).message ==
        "integer weights need weights.zero_bit_ratio");
  CHECK(set({{"weights.zero_bit_ratio", "0.5"}}).errors.at(0).message ==
        "weights.zero_bit_ratio does not go with ternary weights");
  const auto mixed = set({{"weights.code", "integer"},
                          {"weights.zero_bit_ratio", "0.5"},
                          {"weights.zero_share_q", "0.5"}});
  CHECK(mixed.errors.at(0).message == "weights.zero_share_q does not go with integer weights");

  // Lists are those of the new layers, whatever comes first.
  const auto lists = set({{"weights.zero_share", "[0.1, 0.2]"}, {"model.layers", "2"}});
  CHECK(lists.errors.empty());
  CHECK(lists.model.values.weights.zero_share == std::vector<double>{0.1, 0.2});
}

TEST_CASE("a spec written and read again is the same spec") {
  for (const auto* file : {"tom.toml", "roma.toml", "ankhdjet.toml"}) {
    const auto before = spec::load_hardware(in_specs(file));
    const auto text = spec::to_toml(before, "made by a test");
    const auto after = spec::parse_hardware(text, "written");
    CHECK(after.labels.base == before.labels.base);
    CHECK(after.labels.side == before.labels.side);
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
  auto hw = spec::load_hardware(in_specs("tom.toml"));
  auto model = spec::parse_model(shipped("bitnet-2b.toml"), "bitnet-2b.toml");
  spec::override_value(hw, model, "base.lanes", "32 # twice", {"--set", 1, 1});
  spec::override_value(hw, model, "weights.zero_share", "0.4 ", {"--set", 0, 0});
  CHECK_THROWS_AS(spec::override_value(hw, model, "weights.zero_share", "0.4\n", {"--set", 0, 0}),
                  spec::SpecError);
  CHECK(spec::parse_hardware(spec::to_toml(hw, ""), "written").values.base.lanes == 32);
  CHECK(spec::parse_model(spec::to_toml(model, ""), "written").values.weights.zero_share[0] == 0.4);
}

TEST_CASE("a range whose end is the value is read again") {
  // 12 digits of the upper end are 0.423456789012, less than the value.
  const auto text = shipped("tom.toml") +
                    "\n[tech]\nutilization = { value = 0.4234567890123456, grade = \"assumption\", "
                    "source = \"x\", range = [0.194, 0.4234567890123456] }\n";
  const auto before = spec::parse_hardware(text, in_specs("made here"));
  const auto after = spec::parse_hardware(spec::to_toml(before, ""), "written");
  CHECK(after.values.tech.utilization == before.values.tech.utilization);
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
