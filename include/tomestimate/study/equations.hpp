// SPDX-License-Identifier: Apache-2.0
// The engine's equations as expressions over named values, recorded by running the engine on
// Symbols. What explain prints and what the workbook computes.
//
// All expressions hold in one coherent system of units: mm, us, uJ (so mm^2, W, MHz), bit, cycle,
// token. The equations are homogeneous (Boost.Units checks them), so they hold in any such system;
// this one has readable numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tomestimate/study/metric.hpp>
#include <tomestimate/study/space.hpp>

namespace tomestimate::study {

// The coherent unit of a dimension: "us", "mm^2", "bit/cycle". "" for a bare number.
std::string coherent_unit(const units::Dimension& dimension);

struct Expression {
  enum class Kind {
    number,
    name,
    sum,
    product,
    quotient,
    max,
    min,
    ceil,
    floor,
    log2,
    exp2,
    round_half_up
  };
  Kind kind = Kind::number;
  double number = 0;
  std::uint32_t name = 0;  // index into Equations::names()
  std::vector<Expression> arguments;
  std::vector<double> coefficients;  // of a sum: one an argument
};

// An input (a spec value) or a quantity that an equation gives.
struct Named {
  std::string name;
  std::string path;  // of an input: the spec value it is, or is an entry of
  std::string doc;
  std::string unit;   // display unit
  double factor = 1;  // of the display unit, in the coherent one
  double value = 0;   // in the display unit
  bool input = false;
  Role role = Role::step;
  std::optional<std::uint32_t> same_as;  // another name of that one
  Expression equation;                   // of a quantity, in coherent units
};

// A rule of the specs: broken where the excess is above 0.
struct NamedRule {
  std::string message;
  Expression excess;
  double value = 0;  // of the excess, now
};

class Equations {
 public:
  explicit Equations(const Specs& specs);

  // Inputs in visiting order, metrics, then all other quantities. Quantities that are 0 whatever
  // the inputs are have no name. An operand of an equation is always a name with no `same_as`.
  const std::vector<Named>& names() const { return names_; }
  const std::vector<NamedRule>& rules() const { return rules_; }

  // Index of a name. Throws spec::SpecError with did-you-mean.
  std::uint32_t find(std::string_view name) const;
  // The same; null if there is no such name.
  const Named* look_up(std::string_view name) const;

  // d ln(of) / d ln(x) for every name x, through the present values; in rounding (ceil, floor) the
  // slope is taken as 1, so that shares of a sum add up to 1 whatever is rounded on the way. 0 for
  // what `of` does not hang on.
  std::vector<double> shares(std::uint32_t of) const;

  // Names that the equation of `of` takes, theirs, and so on: nearest first, each once, with its
  // distance from `of`.
  std::vector<std::pair<std::uint32_t, int>> operands(std::uint32_t of) const;

 private:
  struct Builder;
  Recording recording_;
  std::vector<Named> names_;
  std::map<std::string, std::uint32_t, std::less<>> index_;
  std::vector<std::optional<std::uint32_t>> nodes_;  // node of each name; none for a constant
  std::vector<NamedRule> rules_;
};

// How a notation writes the parts of an expression.
struct Notation {
  std::function<std::string(const Named&)> name;
  std::function<std::string(double)> number;
  // max, min, ceil, floor, log2, exp2, round_half_up of rendered arguments.
  std::function<std::string(Expression::Kind, const std::vector<std::string>&)> call;
};

// As explain prints it: "ceil(model.hidden / base.width) * decode.tokens".
const Notation& plain_notation();

std::string write(const Expression& expression, const std::vector<Named>& names,
                  const Notation& notation);

// In plain notation.
std::string plain_text(const Expression& expression, const std::vector<Named>& names);

}  // namespace tomestimate::study
