// SPDX-License-Identifier: Apache-2.0
// TOML specs to typed structs, fully checked. Every leaf is a table
//     clock = { value = "500 MHz", grade = "assumption", source = "...", range = ["400 MHz", "1
//     GHz"] }
// value, grade and source are required; range is optional; fits (the published figures the value
// was fitted to) is required for grade "calibrated" and refused for the others.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/hardware.hpp>
#include <tomestimate/spec/keys.hpp>
#include <tomestimate/spec/model.hpp>

namespace tomestimate::spec {

// How sure a value is; grade_keys says what each means.
enum class Grade { published, secondary, derived, assumption, calibrated };
inline constexpr Names<5> grade_names = [] {
  Names<5> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = grade_keys[i].name;
  return names;
}();
constexpr std::string_view name(Grade g) { return grade_names[static_cast<std::size_t>(g)]; }

// What a spec says about one of its values, beside the value.
struct Sourced {
  std::string path;  // "chip.clock"
  std::string text;  // as written: "500 MHz"
  Grade grade = Grade::assumption;
  std::string source;
  std::optional<std::array<double, 2>> range;  // in base units
  std::vector<std::string> fits;
  Place place;
  // Of one that was set for this run, or that a spec restates outside of the range of its base: the
  // range of the value it took the place of.
  std::optional<std::array<double, 2>> replaced_range{};
  bool set = false;  // for this run, by override_value
};

// What a hardware spec calls its classes of units: "MVU", "L-Unit".
struct Labels {
  std::string base = "base";
  std::string side = "side";
};

template <class S>
struct Spec {
  std::string name;
  std::string description;
  Labels labels;
  S values;
  std::vector<Sourced> sourced;  // in the order of visit_hardware or visit_model
};

// Load and check; throw SpecError with every error found.
Spec<Hardware<double>> load_hardware(const std::string& path);
Spec<Model<double>> load_model(const std::string& path);

// The same from text; `file` is for messages.
Spec<Hardware<double>> parse_hardware(std::string_view text, const std::string& file);
Spec<Model<double>> parse_model(std::string_view text, const std::string& file);

// The files that a spec is read from: itself first, then those it is based on, and its technology.
// Throws SpecError.
std::vector<std::string> files_of(const std::string& path);

// Every error of a spec of either kind, in file order; empty if it is good.
std::vector<Diagnostic> check(const std::string& path);

// The path of a value by its other names: pe.lanes and lanes.count are base.lanes,
// model.zero_share is weights.zero_share, chip.node is tech.node. Any other text is returned as it
// is.
std::string resolve(const std::string& name);

// How sure a value that is set for a run is, and where it comes from.
struct Said {
  Grade grade = Grade::assumption;
  std::string source = "set for this run";
};

// Sets one value of either spec from text, as on a command line ("sram.capacity", "64 MB"), with
// the checks of its own range and unit; check_pair checks it against the others, once all are set.
// `place` is for messages. Throws SpecError.
void override_value(Spec<Hardware<double>>& hardware, Spec<Model<double>>& model,
                    const std::string& name, const std::string& text, const Place& place,
                    const Said& said = {});

// One value to set, as override_value takes it.
struct Override {
  std::string path, text;
  Place place;
  Said said = {};
};

// Sets values in their order (but the number of layers first, which lists go by), and checks that
// they are whole: of a table that the spec leaves out all values are given or none, and shares of
// zeros are those of the weights' code; the spec's own of the other code are forgotten. Throws
// SpecError with every error.
void override_values(Spec<Hardware<double>>& hardware, Spec<Model<double>>& model,
                     std::vector<Override> all);

// An error for each table that a hardware spec may leave out and of which some values are given,
// by the spec or as set or varied values, but not all. Of `set` path and place count.
std::vector<Diagnostic> half_given_tables(const std::vector<Sourced>& of_spec,
                                          const std::vector<Sourced>& set);

// Checks every rule (rules.hpp) of two specs that are used together. Throws SpecError.
void check_pair(const Hardware<double>& hardware, const Model<double>& model);

}  // namespace tomestimate::spec
