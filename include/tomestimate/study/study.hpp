// SPDX-License-Identifier: Apache-2.0
// Study files (TOML): which spec values vary, what to compute, filter, order and keep.
// README.md, "Studies", shows one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tomestimate/study/space.hpp>

namespace tomestimate::study {

// 64-bit FNV-1a hash.
std::uint64_t hash(std::string_view text, std::uint64_t seed = 14695981039346656037u);

struct Column {
  std::string name;
  std::string unit;     // display unit
  std::string formula;  // a metric's name is one
};

struct Order {
  std::size_t column;
  bool descending;
};

struct Objective {
  std::size_t column;
  bool maximize;
};

struct Study {
  std::string name;
  Specs specs;
  std::vector<Axis> axes;
  std::vector<Column> columns;
  std::string where;  // "" for all points
  std::optional<Order> order;
  std::uint64_t limit = 0;  // rows; 0 for all
  std::vector<Objective> objectives;
  std::vector<std::string> files;        // that the specs are read from, bases and technology too
  std::uint64_t fingerprint = hash("");  // of the program's version, the study and all files

  // Formulas of the columns, then `where` if there is one: what a Space of this study computes.
  std::vector<std::string> formulas() const;
};

// Loads a study and the specs it names, which are found beside it. Throws spec::SpecError with
// every error found, formulas and their units included.
Study load_study(const std::string& path);

// Every metric, in the order of visit_metrics.
std::vector<std::string> metric_names();

// Display unit of a metric; nullopt if there is no such metric.
std::optional<std::string> metric_unit(std::string_view name);

// The same; throws spec::SpecError with did-you-mean, or else `hint`, or else all metrics.
std::string require_metric(std::string_view name, const spec::Place& place,
                           const std::string& hint = "");

}  // namespace tomestimate::study
