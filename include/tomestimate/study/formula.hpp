// SPDX-License-Identifier: Apache-2.0
// Formulas that users write, over metrics and spec values, checked for units:
//     (area - 20[mm^2]) * power     throughput > 3000[token/s] and area < 60[mm^2]
// + - * / ( ), comparisons < <= > >= == !=, and, or, not, min(a, b), max(a, b), ceil(x), floor(x),
// log2(x), numbers with an optional unit in brackets. What is not finite (0 / 0) stays so whatever
// compares it or chooses between it and another.
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <tomestimate/number/symbol.hpp>
#include <tomestimate/units/unit_text.hpp>

namespace tomestimate::study {

using namespace number;  // the number types that studies run the engine on

// A number in base units and what it measures.
struct Value {
  Symbol number;
  units::Dimension dimension{};
};

// What the names in a formula mean.
struct Scope {
  std::function<std::optional<Value>(std::string_view name)> find;
  std::vector<std::string_view> names;  // for did-you-mean
};

// A formula that does not parse, names nothing, or adds unlike units. offset is into the text.
struct FormulaError : std::runtime_error {
  FormulaError(std::size_t at, const std::string& message)
      : std::runtime_error(message), offset(at) {}
  std::size_t offset;
};

// Evaluates text; throws FormulaError.
Value evaluate_formula(std::string_view text, const Scope& scope);

// One of the parts of a formula that "and" joins.
struct Condition {
  std::string text;
  Symbol excess;        // it holds where this is below 0, or is 0 and 0 is allowed
  bool strict = false;  // 0 is not
};

// A formula as conditions that all must hold: "a < b and c >= d" is two, whose excess is a - b and
// d - c; of what is no comparison it is 0.5 less 1 or 0. Throws FormulaError.
std::vector<Condition> conditions(std::string_view text, const Scope& scope);

}  // namespace tomestimate::study
