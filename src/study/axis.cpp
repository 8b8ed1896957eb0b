// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/axis.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>

#include <fmt/format.h>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/number/lift.hpp>

namespace tomestimate::study {
namespace {

constexpr std::string_view code_path = "weights.code";
constexpr std::string_view integer_share = "weights.zero_bit_ratio";
constexpr std::string_view ternary_share = "weights.zero_share";  // and those by projection

constexpr double exact_limit = 9007199254740992.0;  // 2^53: whole numbers up to it are exact

// Collects the parameters of a spec.
struct Collect {
  std::vector<Parameter>& out;

  void add(const spec::Field& f, bool number, double value, units::Dimension dimension) const {
    out.push_back({std::string(f.path), std::string(f.unit), std::string(f.doc), f.min, f.max,
                   f.whole == spec::Whole::yes, number, value, dimension});
  }
  template <class Member>
  void operator()(const spec::Field& f, const Member& m) const {
    add(f, true, number::raw(m), number::dimension_of_value(m));
  }
  void operator()(const spec::Field& f, std::size_t m) const {
    add(f, false, static_cast<double>(m), {});
  }
  void operator()(const spec::Field& f, const std::vector<double>& list) const {
    if (list.empty()) return;  // the list that does not go with weights.code
    const bool one = std::all_of(list.begin(), list.end(), [&](double x) { return x == list[0]; });
    const double sum = std::accumulate(list.begin(), list.end(), 0.0);
    // The mean of equal values is not always that value, to the last digit.
    add(f, true, one ? list[0] : sum / static_cast<double>(list.size()), {});
  }
  template <class Member, class Names>
  void operator()(const spec::Field& f, const Member&, const Names&) const {
    add(f, false, 0, {});
  }
};

// x as digits / power of ten, both whole and exact.
struct Decimal {
  double digits, scale;
};

std::optional<Decimal> as_decimal(double x) {
  double scale = 1;
  for (int places = 0; places <= 15; ++places, scale *= 10) {
    const double digits = std::round(x * scale);
    if (std::abs(digits) >= exact_limit) return std::nullopt;
    if (digits / scale == x) return Decimal{digits, scale};
  }
  return std::nullopt;
}

// Two numbers over one scale.
struct Pair {
  double a, b, scale;
};

std::optional<Pair> as_decimals(double a, double b) {
  const auto x = as_decimal(a);
  const auto y = as_decimal(b);
  if (!x || !y) return std::nullopt;
  const double scale = std::max(x->scale, y->scale);
  const Pair pair{x->digits * (scale / x->scale), y->digits * (scale / y->scale), scale};
  if (std::abs(pair.a) >= exact_limit || std::abs(pair.b) >= exact_limit) return std::nullopt;
  return pair;
}

}  // namespace

std::vector<Parameter> parameters(const Specs& specs) {
  std::vector<Parameter> out;
  spec::visit_hardware(specs.hardware.values, Collect{out});
  spec::visit_model(specs.model.values, Collect{out});
  return out;
}

Parameter find_parameter(const Specs& specs, const std::string& name, const spec::Place& place) {
  const auto path = spec::resolve(name);
  const auto all = parameters(specs);
  const auto found = ranges::find(all, path, &Parameter::path);
  if (found != all.end()) return *found;
  std::vector<std::string_view> known;
  for (const auto& p : all) known.push_back(p.path);
  const auto near = units::nearest(name, known);
  throw spec::SpecError({{place, fmt::format("no spec value \"{}\"", name),
                          near ? fmt::format("did you mean \"{}\"?", *near) : ""}});
}

const spec::Sourced* find_sourced(const Specs& specs, std::string_view path) {
  for (const auto* list : {&specs.hardware.sourced, &specs.model.sourced}) {
    const auto found = ranges::find(*list, path, &spec::Sourced::path);
    if (found != list->end()) return &*found;
  }
  return nullptr;
}

double unit_factor(std::string_view unit) {
  return std::get<units::ParsedUnit>(units::parse_unit(unit)).factor;
}

double value_if_set(const Specs& specs, const std::string& path, const std::string& text,
                    const spec::Place& place) {
  auto copy = specs;
  spec::override_value(copy.hardware, copy.model, path, text, place);
  return find_parameter(copy, path, place).value;
}

bool is_of_code(std::string_view path) {
  return path == code_path || path == integer_share || path.starts_with(ternary_share);
}

void leave_out_other_shares(std::vector<spec::Override>& together) {
  const auto code = ranges::find(together, code_path, &spec::Override::path);
  if (code == together.end()) return;
  const bool ternary = code->text == "ternary";
  const bool integer = code->text == "integer";
  std::erase_if(together, [=](const spec::Override& o) {
    return (ternary && o.path == integer_share) || (integer && o.path.starts_with(ternary_share));
  });
}

double decimal(double x) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, x, std::chars_format::scientific, 14);
  double out = x;
  std::from_chars(text, end.ptr, out);
  return out;
}

Range Range::spread(double from, double to, std::uint64_t points, bool whole) {
  Range r;
  r.size_ = points;
  r.whole_ = whole;
  const auto gaps = static_cast<double>(points - 1);
  const auto ends = as_decimals(from, to);
  r.exact_ = ends && std::max(std::abs(ends->a), std::abs(ends->b)) * gaps < exact_limit &&
             ends->scale * gaps < exact_limit;
  if (r.exact_) {
    r.start_ = ends->a * gaps;
    r.step_ = ends->b - ends->a;
    r.scale_ = ends->scale * gaps;
  } else {
    r.start_ = from;
    r.step_ = (to - from) / gaps;
    r.last_ = to;
  }
  return whole ? r.whole_numbers() : r;
}

Range Range::steps(double from, double to, double step, bool whole) {
  Range r;
  r.whole_ = whole;
  const auto one = as_decimals(from, step);
  const auto end = as_decimals(to, step);
  if (one && end) {
    const double scale = std::max(one->scale, end->scale);
    r.start_ = one->a * (scale / one->scale);
    r.step_ = one->b * (scale / one->scale);
    r.scale_ = scale;
    const double last = end->a * (scale / end->scale);
    r.exact_ = std::max({std::abs(r.start_), std::abs(last), r.step_}) < exact_limit;
    // Whole numbers below 2^53 divide to the whole quotient or below it, never above.
    if (r.exact_) r.size_ = static_cast<std::uint64_t>(std::floor((last - r.start_) / r.step_)) + 1;
  }
  if (!r.exact_) {
    r.start_ = from;
    r.step_ = step;
    r.scale_ = 1;
    r.size_ = static_cast<std::uint64_t>(std::floor((to - from) / step * (1 + 1e-12))) + 1;
  }
  return whole ? r.whole_numbers() : r;
}

Range Range::ratios(double from, double to, std::uint64_t points) {
  Range r;
  r.size_ = points;
  r.ratios_ = true;
  r.start_ = from;
  r.step_ = to / from;
  r.last_ = to;
  return r;
}

// Numbers that lie less than 1 apart give every whole number between the first and the last.
Range Range::whole_numbers() const {
  if (step_ >= scale_) return *this;
  Range r;
  r.start_ = at(0);
  r.step_ = 1;
  r.size_ = static_cast<std::uint64_t>(at(size_ - 1) - r.start_) + 1;
  r.exact_ = r.whole_ = true;
  return r;
}

double Range::at(std::uint64_t i) const {
  const auto k = static_cast<double>(i);
  if (last_ && i + 1 == size_) return whole_ ? std::round(*last_) : *last_;
  double x = 0;
  if (ratios_) {
    x = decimal(start_ * std::pow(step_, k / static_cast<double>(size_ - 1)));
  } else {
    x = (start_ + k * step_) / scale_;
    if (!exact_) x = decimal(x);
  }
  return whole_ ? std::round(x) : x;
}

std::uint64_t Varied::size() const {
  return std::visit([](const auto& v) { return static_cast<std::uint64_t>(v.size()); }, values);
}

double Varied::number(std::uint64_t i) const {
  if (const auto* range = std::get_if<Range>(&values)) return range->at(i);
  return std::get<Numbers>(values)[i];
}

std::string Varied::text(std::uint64_t i) const {
  if (const auto* texts = std::get_if<Texts>(&values)) return (*texts)[i];
  return parameter.unit.empty() ? fmt::format("{}", number(i))
                                : fmt::format("{} {}", number(i), parameter.unit);
}

double in_display_unit(const Parameter& parameter, double base) {
  const double factor = unit_factor(parameter.unit);
  const double x = base / factor;
  for (const double candidate : {decimal(x), x, std::nextafter(x, 0.0), std::nextafter(x, 2 * x)})
    if (candidate * factor == base) return candidate;
  return decimal(x);
}

Varied varied(const Parameter& parameter, double base) {
  return {parameter, Varied::Numbers{in_display_unit(parameter, base)}};
}

void set_point(Specs& specs, std::span<const Axis> axes,
               const std::function<std::uint64_t(std::size_t axis)>& at) {
  std::vector<spec::Override> of_code;  // go with each other only
  for (std::size_t a = 0; a < axes.size(); ++a) {
    std::vector<spec::Override> together;
    for (const auto& v : axes[a].members) {
      const auto& path = v.parameter.path;
      const spec::Place place{path, 0, 0};
      if (is_of_code(path))
        together.push_back({path, v.text(at(a)), place});
      else
        spec::override_value(specs.hardware, specs.model, path, v.text(at(a)), place);
    }
    leave_out_other_shares(together);
    of_code.insert(of_code.end(), together.begin(), together.end());
  }
  if (!of_code.empty()) spec::override_values(specs.hardware, specs.model, std::move(of_code));
}

}  // namespace tomestimate::study
