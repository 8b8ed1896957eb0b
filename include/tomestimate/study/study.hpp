// SPDX-License-Identifier: Apache-2.0
// Study files (TOML): which spec values vary, what to compute, filter, order and keep.
// README.md, "Studies", shows one.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <tomestimate/spec/keys.hpp>
#include <tomestimate/study/space.hpp>

namespace tomestimate::study {

// 64-bit FNV-1a hash.
std::uint64_t hash(std::string_view text, std::uint64_t seed = 14695981039346656037u);

// Keys of a study, of a table of [[vary]], of its range or log, and of a column that is a formula.
inline constexpr std::array<spec::Key, 12> study_keys{{
    {"kind", "\"study\""},
    {"name", "what reports call it"},
    {"hardware", "the hardware spec: a file, from the folder of the study, or a shipped spec"},
    {"model", "the model spec, likewise"},
    {"set", "a table of spec values by path that hold for all points; optional"},
    {"vary", "tables [[vary]], an axis each: axes are crossed, and the last moves fastest"},
    {"columns", "a list of metrics and of tables with a formula"},
    {"where",
     "a formula, such as \"power < 4[W]\": only points where it holds have a row; optional"},
    {"order", "\"COLUMN asc\" or \"COLUMN desc\": the order of rows; optional"},
    {"limit", "rows at most; optional"},
    {"objectives", "a list of \"max COLUMN\" and \"min COLUMN\", for pareto and solve; optional"},
    {"targets", "a list such as \"throughput >= 5000 token/s\" (=, >=, <=), for solve; optional"},
}};
inline constexpr std::array<spec::Key, 5> vary_keys{{
    {"path", "the spec value that varies, such as \"chip.clock\""},
    {"values", "a list of its values"},
    {"range",
     "instead of values: { from, to, points } or { from, to, step }, evenly spaced; or for solve "
     "{ from, to }, all between"},
    {"log", "instead of values: { from, to, points }, by equal factors"},
    {"zip", "instead of all these: a list of such tables, whose values move together"},
}};
inline constexpr std::array<spec::Key, 4> range_keys{{
    {"from", "the first value"},
    {"to", "the last value, or with a step the limit"},
    {"points", "how many, both ends included"},
    {"step", "the distance between two"},
}};
inline constexpr std::array<spec::Key, 3> column_keys{{
    {"name", "what the column is called"},
    {"formula", "of metrics and spec values, such as \"throughput / power\""},
    {"unit", "in which it is shown; left out for a bare number"},
}};

struct Column {
  std::string name;
  std::string unit;     // display unit
  std::string formula;  // a metric's name is one
};

struct Order {
  std::size_t column;
  bool descending;
};

enum class Goal { equal, at_least, at_most };

struct Target {
  std::string metric;
  Goal goal;
  double value;  // in base units
};

// Parses "throughput>=5000 token/s" (=, >=, <=). A bare number is in the metric's display unit.
// Throws spec::SpecError, its place the text.
Target parse_target(const std::string& text);

// "throughput >= 5000 token/s".
std::string target_text(const Target& target);

struct Objective {
  std::size_t column;
  bool maximize;
};

// The metrics that are shown where none are asked for.
inline const std::vector<std::string> usual_metrics{"throughput", "power", "area",
                                                    "energy_per_token"};

struct Study {
  std::string name;
  std::string hardware, model;                           // files of the specs
  std::vector<std::pair<std::string, std::string>> set;  // what holds for all points: path and text
  Specs specs;
  std::vector<Axis> axes;
  std::vector<Column> columns;
  std::string where;  // "" for all points
  std::optional<Order> order;
  std::uint64_t limit = 0;  // rows; 0 for all
  std::vector<Objective> objectives;
  std::vector<Target> targets;
  std::vector<std::string> files;        // that the specs are read from, bases and technology too
  std::uint64_t fingerprint = hash("");  // of the program's version, the study and all files

  // Formulas of the columns, then `where` if there is one: what a Space of this study computes.
  std::vector<std::string> formulas() const;
};

// Whether a study may have axes that are regions: what looks at points can't do with these.
enum class Regions { refused, taken };

// Loads a study and the specs it names, which are found beside it. Throws spec::SpecError with
// every error found, formulas and their units included.
Study load_study(const std::string& path, Regions regions = Regions::refused);

// Every metric, in the order of visit_metrics.
std::vector<std::string> metric_names();

// Display unit of a metric; nullopt if there is no such metric.
std::optional<std::string> metric_unit(std::string_view name);

// The same; throws spec::SpecError with did-you-mean, or else `hint`, or else all metrics.
std::string require_metric(std::string_view name, const spec::Place& place,
                           const std::string& hint = "");

}  // namespace tomestimate::study
