// SPDX-License-Identifier: Apache-2.0
// What varies in a study: spec values by name, and their values along an axis.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <tomestimate/spec/load.hpp>
#include <tomestimate/units/unit_text.hpp>

namespace tomestimate::study {

// So many values of an axis are kept, as numbers or text; those of a longer one are worked out.
inline constexpr std::uint64_t most_kept = 65536;

struct Specs {
  spec::Spec<spec::Hardware<double>> hardware;
  spec::Spec<spec::Model<double>> model;
};

// A spec value by name, as it is now.
struct Parameter {
  std::string path;
  std::string unit;  // display unit
  std::string doc;
  double min = 0, max = 0;  // legal range in `unit`
  bool whole = false;
  bool number = false;  // a number the equations take; else the engine branches or loops on it
  double value = 0;     // in base units; of a per-layer list: the mean
  units::Dimension dimension{};
};

// Every value of both specs, in visiting order.
std::vector<Parameter> parameters(const Specs& specs);

// The parameter of that name. Throws spec::SpecError with did-you-mean.
Parameter find_parameter(const Specs& specs, const std::string& name, const spec::Place& place);

// What the specs say of a value beside the value; null if they do not say it.
const spec::Sourced* find_sourced(const Specs& specs, std::string_view path);

// Factor from display unit to base units.
double unit_factor(std::string_view unit);

// What a spec value would be, in base units, if it were set to `text`. Throws spec::SpecError like
// spec::override_value.
double value_if_set(const Specs& specs, const std::string& path, const std::string& text,
                    const spec::Place& place);

// Whether a value goes with one code of the weights only, or is weights.code: what such values may
// be hangs on each other.
bool is_of_code(std::string_view path);

// Of values that are set together, leaves out the shares that do not go with the weights.code among
// them.
void leave_out_other_shares(std::vector<spec::Override>& together);

// The numbers of a range, worked out when they are asked for.
class Range {
 public:
  // Both in the display unit; `points` from 2 up, `to` included. Of `whole` numbers each once.
  static Range spread(double from, double to, std::uint64_t points, bool whole);
  // from, from + step, ... up to `to`.
  static Range steps(double from, double to, double step, bool whole);
  // By ratio; `from` above 0.
  static Range ratios(double from, double to, std::uint64_t points);

  std::uint64_t size() const { return size_; }
  // The decimal number that is meant: 0.3 after two steps of 0.1 from 0.1, not 0.30000000000000004.
  double at(std::uint64_t i) const;

 private:
  Range whole_numbers() const;

  std::uint64_t size_ = 0;
  double start_ = 0, step_ = 0, scale_ = 1;  // (start + i * step) / scale, or start * step^i
  bool exact_ = false;                       // start, step and scale are whole
  bool ratios_ = false, whole_ = false;
  std::optional<double> last_;  // the last number, where it is given
};

// The number of decimal digits, 15 of which every double can tell apart, that is nearest to x.
double decimal(double x);

// One spec value along an axis, in its display unit.
struct Varied {
  using Texts = std::vector<std::string>;  // of what is no number
  using Numbers = std::vector<double>;

  Parameter parameter;
  using Values = std::variant<Texts, Numbers, Range>;
  Values values;

  bool is_number() const { return !std::holds_alternative<Texts>(values); }
  std::uint64_t size() const;
  double number(std::uint64_t i) const;     // in the display unit; of a number only
  std::string text(std::uint64_t i) const;  // as an override takes it
};

// A number in base units as one in the parameter's display unit. Set to it, the parameter has the
// same number, or, where the unit it was given in does not allow that, one a rounding away.
double in_display_unit(const Parameter& parameter, double base);

// A number at one value in base units.
Varied varied(const Parameter& parameter, double base);

// Values that move together; all have the same length. Axes are crossed, the last moving fastest.
struct Axis {
  std::vector<Varied> members;
  bool region = false;  // two values, and all between them too: solve searches these
  std::uint64_t size() const { return members.at(0).size(); }
};

// Sets specs to the values that each axis has at the index that `at` gives for it; those that go
// with one code of the weights in one go. Throws spec::SpecError.
void set_point(Specs& specs, std::span<const Axis> axes,
               const std::function<std::uint64_t(std::size_t axis)>& at);

}  // namespace tomestimate::study
