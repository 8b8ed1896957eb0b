// SPDX-License-Identifier: Apache-2.0
// Pictures of studies, with what they say as a heading: for a file of their own (draw in
// figures.hpp). Values are in display units.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tomestimate/evidence/published.hpp>
#include <tomestimate/report/figures.hpp>

namespace tomestimate::report {

// Points that a picture of a sweep has room for.
inline constexpr std::uint64_t most_drawn = 10'000;

// Why there is no picture of a study's sweep; nullopt if there is one.
std::optional<std::string> no_sweep_figure(const study::Study& study);

// One axis: a line for each column, a panel for each unit, of the first four. Two axes: a heat map
// of the first column. `points` are all of study::spread_points. Throws std::runtime_error if there
// are none.
Figure sweep_figure(const study::Study& study, const std::vector<study::Found>& points);

// The first two objectives against each other: the front among the other points. Throws
// std::runtime_error if the front has no point.
Figure pareto_figure(const study::Study& study, const std::vector<study::Found>& front,
                     const std::vector<study::Found>& others);

// A metric at both ends of what moves it most, `top` bars at most.
Figure tornado_figure(const study::Specs& specs, const std::string& metric,
                      const std::vector<study::Sensitivity>& all, std::size_t top);

// Of each metric the bands that hold 50 % and 90 % of the draws, median and spec value.
Figure uncertainty_figure(const study::Specs& specs, const study::Uncertainty& uncertainty);

// Bars of some metrics, a panel each, with ratios to the first design.
Figure compare_figure(const std::vector<Design>& designs, const std::vector<std::string>& metrics);

// A design over one axis. Of several the axes are the same, and the columns are the metrics.
struct DesignCurve {
  std::string name;  // as the user gave it
  study::Study study;
  std::vector<study::Found> points;
  std::string label{};  // what columns and lines call it; "": a letter, or its specs
};

// The columns of all designs by value of the axis; empty where a design has no numbers.
Document curves_document(const std::vector<DesignCurve>& designs);

// The first column of all designs as lines, beside the published figures of it that are of their
// specs. Throws std::runtime_error if no design has a point.
Figure curves_figure(const std::vector<DesignCurve>& designs,
                     const std::vector<evidence::Comparison>& published);

}  // namespace tomestimate::report
