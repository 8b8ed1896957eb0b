// SPDX-License-Identifier: Apache-2.0
// --set: texts of PATH=VALUE, apart by |, give a design or a SpecError; the specs of a design are
// written and load back the same. The first byte chooses the specs. A path that is none stands for
// one that is: looking for the nearest name would take most of the time.
#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <sstream>

#include <tomestimate/spec/load.hpp>

#include "written.hpp"

using namespace tomestimate;

namespace {

struct Pair {
  spec::Spec<spec::Hardware<double>> hardware;
  spec::Spec<spec::Model<double>> model;
};

// Of all three optional tables one has each and one has none.
const Pair& pair_of(std::uint8_t byte) {
  static const auto load = [](const char* hardware, const char* model) {
    return Pair{spec::load_hardware(fuzz::specs_folder() / hardware),
                spec::load_model(fuzz::specs_folder() / model)};
  };
  static const std::array<Pair, 3> pairs{load("tom.toml", "bitnet-2b.toml"),
                                         load("roma.toml", "llama-3.2-3b-int4.toml"),
                                         load("ankhdjet.toml", "falcon3-1b.toml")};
  return pairs[byte % pairs.size()];
}

const std::vector<std::string>& paths() {
  static const auto list = [] {
    std::vector<std::string> out;
    const auto add = [&out](const spec::Field& f, const auto&, const auto&...) {
      out.emplace_back(f.path);
    };
    spec::visit_hardware(pair_of(0).hardware.values, add);
    spec::visit_model(pair_of(0).model.values, add);
    return out;
  }();
  return list;
}

std::string path_of(const std::string& text) {
  const auto path = spec::resolve(text);
  if (std::find(paths().begin(), paths().end(), path) != paths().end()) return text;
  return paths()[std::hash<std::string>()(text) % paths().size()];
}

bool sets_any(const std::vector<spec::Override>& all, const std::vector<spec::Sourced>& values) {
  for (const auto& value : values)
    for (const auto& o : all)
      if (spec::resolve(o.path) == value.path) return true;
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::istringstream lines(std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  std::vector<spec::Override> all;
  for (std::string line; all.size() < 32 && std::getline(lines, line, '|');) {
    const auto equals = std::min(line.find('='), line.size());
    all.push_back({path_of(line.substr(0, equals)),
                   equals < line.size() ? line.substr(equals + 1) : "",
                   {"fuzz", 1, 1}});
  }
  try {
    auto changed = pair_of(data[0]);
    spec::override_values(changed.hardware, changed.model, all);
    spec::check_pair(changed.hardware.values, changed.model.values);
    if (sets_any(all, changed.hardware.sourced))
      fuzz::same_when_written(changed.hardware, spec::parse_hardware);
    if (sets_any(all, changed.model.sourced))
      fuzz::same_when_written(changed.model, spec::parse_model);
  } catch (const spec::SpecError&) {
  }
  return 0;
}
