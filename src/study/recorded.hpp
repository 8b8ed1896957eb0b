// SPDX-License-Identifier: Apache-2.0
// The engine run once on symbols: every metric and rule of a design as a computation over the spec
// values that vary.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tomestimate/study/axis.hpp>
#include <tomestimate/study/formula.hpp>

namespace tomestimate::study {

class Recorded {
 public:
  // `varied`: paths of numbers, with a value each, in base units; input i of the recording is the
  // i-th of them.
  Recorded(const Specs& specs, const std::vector<std::pair<std::string, double>>& varied);
  Recorded(const Recorded&) = delete;
  Recorded& operator=(const Recorded&) = delete;

  const Recording& recording() const { return recording_; }
  const Scope& scope() const { return scope_; }  // metrics and spec values, in base units
  // Each by its reason, and broken above 0.
  const std::vector<std::pair<std::string_view, Symbol>>& rules() const { return rules_; }

 private:
  Value parameter(const Parameter& p) const;

  Recording recording_;
  std::vector<std::pair<std::string, Symbol>> inputs_;
  std::vector<std::pair<std::string_view, Value>> metrics_;
  std::vector<std::pair<std::string_view, Symbol>> rules_;
  std::vector<Parameter> parameters_;
  Scope scope_;
};

}  // namespace tomestimate::study
