// SPDX-License-Identifier: Apache-2.0
// Published figures beside the estimate.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tomestimate/spec/keys.hpp>
#include <tomestimate/study/uncertainty.hpp>

namespace tomestimate::evidence {

// Keys of a file of published figures. What reads one knows these and no others, and the manual
// page lists them.
inline constexpr std::array<spec::Key, 2> published_keys{{
    {"kind", "\"published\""},
    {"figure", "tables [[figure]], a figure each"},
}};

// Of one figure. What is optional says so, and goes with an estimate (no not_compared).
inline constexpr std::array<spec::Key, 16> figure_keys{{
    {"id",
     "its name, used once: the key fits of a spec value names it, and so do follows and given_by"},
    {"what", "what the figure is, in words"},
    {"value", "a text with the number and its unit, as published"},
    {"grade",
     "one of the grades of spec values: published is the paper's abstract or own sentence, "
     "secondary a record of it, derived worked out from such figures, as the source says"},
    {"source", "where it comes from"},
    {"hardware",
     "the hardware spec to evaluate: a file, from the folder of this one, or a shipped "
     "spec"},
    {"model", "the model spec, likewise"},
    {"metric", "the metric that the figure is a value of"},
    {"not_compared",
     "instead of hardware, model and metric: why there is no estimate of this figure"},
    {"set", "a table of spec values by path that the figure was told for, each a text; optional"},
    {"choices",
     "where the source leaves spec values open, a list of such tables, each of which gives a "
     "prediction of its own; optional"},
    {"bound",
     "\"upper\" or \"lower\": the figure is a limit that the estimate must keep, not a value to "
     "meet; optional"},
    {"follows",
     "a list of ids of figures that already decide the estimate by values calibrated to them; one "
     "counts only while a value of the specs lists it under fits; optional"},
    {"given_by",
     "a list of ids of figures that inputs of the specs came from, and that decide the estimate; "
     "optional"},
    {"tolerance", "of the figure, such as \"2 %\", where uncertainty is given it; 5 % if left out"},
    {"note", "what is to be said beside the estimate, such as why it misses; optional"},
}};

// How the estimate of a figure relates to the figure.
enum class Relation {
  predicted,   // no spec value was fitted to it
  calibrated,  // a spec value was: the small error proves nothing
  follows,     // it hangs on figures that were calibrated, or that inputs came from: no test either
  within_bound,  // the figure is a limit, and the estimate keeps it
  out_of_bound,
  not_compared,  // no estimate, for the reason given
};

// What one combination of choices predicts.
struct ChoicePoint {
  std::vector<std::pair<std::string, std::string>> values;  // spec value, text
  std::optional<double> estimate;                           // in the figure's unit
  std::optional<double> error;                              // of the published value
  std::string why_not;                                      // no estimate: it is no design
};

struct Comparison {
  std::string id;        // "tom.throughput": what `fits` in a spec names
  std::string figure;    // "decode throughput"
  double published = 0;  // in `unit`
  std::string unit;
  std::string grade;
  std::string source;
  std::string hardware, model, metric;  // what is evaluated, as the file says; "" if not compared
  std::vector<std::pair<std::string, std::string>> set;  // spec values it is told for, as written
  Relation relation = Relation::not_compared;
  std::optional<double> estimate;          // in `unit`
  std::vector<std::string> calibrated_by;  // spec values fitted to it, "base.lanes"
  std::vector<std::string> follows;        // ids of the figures it hangs on
  std::string note;                        // why it misses, or is not compared
  std::vector<ChoicePoint> choices;        // where the source leaves values open

  // (estimate - published) / published; none for a bound
  std::optional<double> error() const;
};

// Reads a file of published figures (specs/published.toml says how) and evaluates each with the
// specs it names, which are found beside it or installed. Throws spec::SpecError with every error
// of the file.
std::vector<Comparison> compare_published(const std::string& path);

// A figure of the file to condition `specs` on (uncertainty), with its tolerance, or 5 %. Throws
// spec::SpecError if there is none of that id, or it is no value of these specs' hardware and
// model.
study::Given given_figure(const std::string& path, const std::string& id,
                          const study::Specs& specs);

// The files that comparing reads: this one and the specs it names. Throws spec::SpecError.
std::vector<std::string> files_of_published(const std::string& path);

}  // namespace tomestimate::evidence
