// Published figures beside the estimate.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tomestimate::study {

// How the estimate of a figure relates to the figure.
enum class Relation {
  predicted,     // no spec value was fitted to it
  calibrated,    // a spec value was: the small error proves nothing
  not_compared,  // no estimate, for the reason given
};

struct Comparison {
  std::string id;      // "tom.throughput": what `fits` in a spec names
  std::string figure;  // "decode throughput"
  double published = 0;  // in `unit`
  std::string unit;
  std::string grade;
  std::string source;
  Relation relation = Relation::not_compared;
  std::optional<double> estimate;          // in `unit`
  std::vector<std::string> calibrated_by;  // spec values fitted to it, "lanes.count"
  std::string note;                        // why it misses, or is not compared

  // (estimate - published) / published
  std::optional<double> error() const;
};

// Reads a file of published figures (specs/published.toml says how) and evaluates each with the
// specs it names, which are found beside it. Throws spec::SpecError for a bad file.
std::vector<Comparison> compare_published(const std::string& path);

}  // namespace tomestimate::study
