// SPDX-License-Identifier: Apache-2.0
// Published figures beside the estimate.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tomestimate/study/uncertainty.hpp>

namespace tomestimate::evidence {

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
