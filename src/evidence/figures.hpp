// SPDX-License-Identifier: Apache-2.0
// A file of published figures as it is written.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tomestimate/evidence/published.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/study/study.hpp>

namespace tomestimate::evidence {

using HardwareSpec = spec::Spec<spec::Hardware<double>>;
using ModelSpec = spec::Spec<spec::Model<double>>;

// A text of a figure, and where it is.
struct Text {
  std::string text;
  spec::Place place;
};

// One [[figure]], as far as it can be checked without its specs.
struct Figure {
  Text id;
  std::string what;
  double value = 0;  // in `unit`
  std::string unit;
  std::string grade, source, note;
  bool compared = false;  // if not, note says why, and what follows is empty
  std::string hardware, model;
  Text metric;
  using Overrides = std::vector<std::pair<std::string, Text>>;  // path, value
  Overrides set;
  std::optional<std::string> bound;  // "upper" or "lower"
  std::vector<Text> follows, given_by;
  std::optional<Text> tolerance;
  std::vector<Overrides> choices;  // where the source leaves values open
};

// Reads and checks a file. Throws spec::SpecError with every error.
std::vector<Figure> read_figures(const std::string& path);

// The same from text; `path` is for messages.
std::vector<Figure> parse_figures(std::string_view text, const std::string& path);

// The figure beside what these specs, which it names, make of it. Throws spec::SpecError.
Comparison compare(const Figure& figure, study::Specs specs);

// The file of a spec that the figure names. Throws spec::SpecError at the figure if there is none.
std::string spec_file(const Figure& figure, const std::string& name,
                      const std::filesystem::path& folder);

// The specs that a compared figure names, from the folder of its file.
study::Specs specs_of(const Figure& figure, const std::filesystem::path& folder);

// Sets what a figure is told at. Throws spec::SpecError with every error.
void set_values(const Figure::Overrides& set, HardwareSpec& hardware, ModelSpec& model);

// Spec values that were fitted to the figure of that id.
std::vector<std::string> fitted_to(const std::string& id, const study::Specs& specs);

// Value of the metric in `unit`.
double metric_value(const std::string& name, const HardwareSpec& hardware, const ModelSpec& model,
                    const std::string& unit);

}  // namespace tomestimate::evidence
