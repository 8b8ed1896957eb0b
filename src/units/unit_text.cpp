// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/units/unit_text.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

namespace tomestimate::units {
namespace {

enum class Prefix { none, si, si_and_binary };

struct Symbol {
  std::string_view text;
  ParsedUnit unit;
  Prefix prefix;
};

template <class Unit>
Symbol symbol(std::string_view text, double factor = 1, Prefix prefix = Prefix::si) {
  return {text, {factor, dimension_of<Unit>()}, prefix};
}

const std::vector<Symbol>& symbols() {
  using mass_unit = unit_of<bu::mass_dimension>;
  static const std::vector<Symbol> table{
      symbol<length_unit>("m"),
      symbol<mass_unit>("g", 1e-3),
      symbol<time_unit>("s"),
      symbol<frequency_unit>("Hz"),
      symbol<energy_unit>("J"),
      symbol<power_unit>("W"),
      symbol<information_unit>("bit", 1, Prefix::si_and_binary),
      symbol<information_unit>("B", 8, Prefix::si_and_binary),
      symbol<information_unit>("byte", 8, Prefix::none),
      symbol<cycle_unit>("cycle"),
      symbol<token_unit>("token"),
      symbol<operation_unit>("op"),
      symbol<operation_rate_unit>("OPS"),
      symbol<voltage_unit>("V"),
      symbol<celsius_unit>("degC", 1, Prefix::none),
      symbol<dimensionless_unit>("%", 0.01, Prefix::none),
      symbol<dimensionless_unit>("percent", 0.01, Prefix::none),
  };
  return table;
}

struct Scale {
  std::string_view text;
  double factor;
  bool binary;
};

constexpr std::array<Scale, 13> scales{{{"", 1, false},
                                        {"f", 1e-15, false},
                                        {"p", 1e-12, false},
                                        {"n", 1e-9, false},
                                        {"u", 1e-6, false},
                                        {"m", 1e-3, false},
                                        {"k", 1e3, false},
                                        {"M", 1e6, false},
                                        {"G", 1e9, false},
                                        {"T", 1e12, false},
                                        {"Ki", 1024.0, true},
                                        {"Mi", 1048576.0, true},
                                        {"Gi", 1073741824.0, true}}};

bool allows(const Symbol& s, const Scale& scale) {
  if (scale.text.empty()) return true;
  return scale.binary ? s.prefix == Prefix::si_and_binary : s.prefix != Prefix::none;
}

// Every spelling that parses, for look-up and for hints.
struct Spelling {
  std::string text;
  ParsedUnit unit;
};

const std::vector<Spelling>& spellings() {
  static const auto table = [] {
    std::vector<Spelling> all;
    for (const auto& s : symbols())
      for (const auto& scale : scales)
        if (allows(s, scale))
          all.push_back({std::string(scale.text) + std::string(s.text),
                         {scale.factor * s.unit.factor, s.unit.dimension}});
    return all;
  }();
  return table;
}

std::optional<ParsedUnit> look_up(std::string_view word) {
  for (const auto& s : spellings())
    if (s.text == word) return s.unit;
  return std::nullopt;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// Units by what people call them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 35> called{
    {{"c", "degC"},        {"celsius", "degC"},  {"kbyte", "kB"},     {"mbyte", "MB"},
     {"gbyte", "GB"},      {"kbytes", "kB"},     {"mbytes", "MB"},    {"gbytes", "GB"},
     {"bits", "bit"},      {"bytes", "B"},       {"cycles", "cycle"}, {"tokens", "token"},
     {"tok", "token"},     {"ops", "op"},        {"operation", "op"}, {"operations", "op"},
     {"hertz", "Hz"},      {"watt", "W"},        {"watts", "W"},      {"joule", "J"},
     {"joules", "J"},      {"second", "s"},      {"seconds", "s"},    {"sec", "s"},
     {"meter", "m"},       {"metre", "m"},       {"micron", "um"},    {"percentage", "%"},
     {"megabytes", "MB"},  {"megabyte", "MB"},   {"gigabytes", "GB"}, {"gigabyte", "GB"},
     {"megahertz", "MHz"}, {"gigahertz", "GHz"}, {"kilobytes", "kB"}}};

// Thousandths of what is counted are nobody's unit.
bool is_sensible(const Spelling& s) {
  static const auto counted = {dimension_of<information_unit>(), dimension_of<cycle_unit>(),
                               dimension_of<token_unit>(), dimension_of<operation_unit>(),
                               dimension_of<frequency_unit>()};
  return s.unit.factor >= 1 ||
         std::find(counted.begin(), counted.end(), s.unit.dimension) == counted.end();
}

// Letters that are the same with their case.
std::size_t same_letters(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(
      std::inner_product(a.begin(), a.end(), b.begin(), 0, std::plus<>(), std::equal_to<>()));
}

// The nearest, if it keeps a letter of the word.
std::string near_word(std::string_view word, const std::vector<std::string_view>& known) {
  const auto found = nearest(word, known);
  const bool keeps =
      found && edit_distance(lower(word), lower(*found)) < std::max(word.size(), found->size());
  return keeps ? std::string(*found) : "";
}

// What people write for a unit, "" if it is none of that.
std::string usual_slip(std::string_view word, std::string_view like) {
  const auto small = lower(word);
  for (const auto& [name, unit] : called)
    if (name == small) return std::string(unit);
  if (word == "b") return like.find('B') == std::string_view::npos ? "bit" : "B";
  // "Mb" is a common slip for megabit.
  if (word == "Mb" || word == "Gb" || word == "Tb") return std::string(1, word[0]) + "bit";
  if (word.size() > 2 && word.ends_with("ps")) {
    const auto unit = word.substr(0, word.size() - 2);
    if (look_up(unit)) return std::string(unit) + "/s";
    if (const auto meant = usual_slip(unit, like); !meant.empty()) return meant + "/s";
  }
  return "";
}

// The unit of one word that is most likely meant, "" if none: what it is called; what has the same
// letters, first of the kind that is wanted, then with the same case, then the one that is wanted;
// what has nearly the same letters, likewise.
std::string likely(std::string_view word, std::string_view like) {
  if (auto slip = usual_slip(word, like); !slip.empty()) return slip;
  const auto small = lower(word);
  const auto wanted = look_up(like);
  std::vector<std::string_view> near, all;
  std::string_view same;
  std::tuple<bool, std::size_t, bool> best;
  for (const auto& s : spellings()) {
    if (!is_sensible(s)) continue;
    const bool fits = wanted && s.unit.dimension == wanted->dimension;
    if (lower(s.text) == small) {
      const std::tuple rank(fits, same_letters(word, s.text), s.text == like);
      if (same.empty() || rank > best) same = s.text, best = rank;
    }
    if (fits) near.push_back(s.text);
    all.push_back(s.text);
  }
  if (!same.empty()) return std::string(same);
  const auto found = near_word(word, near);
  return found.empty() ? near_word(word, all) : found;
}

UnitError unknown(std::string_view word, std::size_t offset, std::string_view like) {
  if (word.size() > 40) return {offset, "no unit is as long as this", ""};
  const auto guess = likely(word, like);
  return {offset, "unknown unit \"" + std::string(word) + "\"",
          guess.empty() ? "" : "did you mean \"" + guess + "\"?"};
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '%'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Characters that look as if they belonged into a unit.
struct Stray {
  std::string_view text, name, hint;
};

constexpr std::array<Stray, 9> strays{
    {{"\u00B0", "a degree sign", "write \"degC\""},
     {"\u00B5", "a micro sign", "write \"u\", as in \"um\""},
     {"\u03BC", "a Greek mu", "write \"u\", as in \"um\""},
     {"\u00A0", "a no-break space", "write a plain space"},
     {"\u202F", "a narrow no-break space", "write a plain space"},
     {"\u2009", "a thin space", "write a plain space"},
     {"\u00B2", "a raised 2", "write \"^2\", as in \"um^2\""},
     {"\u00B7", "a raised dot", "write \"*\""},
     {"\u2212", "a minus sign that is no hyphen", "write \"-\""}}};

// What is wrong at a place where a unit, or "*", "/" and the like should be.
UnitError stray_or(std::string_view text, std::size_t at, UnitError otherwise) {
  for (const auto& s : strays)
    if (text.substr(at).starts_with(s.text))
      return {at, "this is " + std::string(s.name), std::string(s.hint)};
  if (at < text.size() && is_digit(text[at]) && at > 0 && is_letter(text[at - 1]))
    return {at, "unexpected digit", "a power is written with \"^\", as in \"um^2\""};
  return otherwise;
}

std::size_t end_of(std::string_view text, std::size_t at, bool (*belongs)(char)) {
  while (at < text.size() && belongs(text[at])) ++at;
  return at;
}

// Multiplies `into` by unit^power.
void multiply(ParsedUnit& into, const ParsedUnit& unit, int power) {
  into.factor *= std::pow(unit.factor, power);
  for (std::size_t i = 0; i < into.dimension.size(); ++i)
    into.dimension[i] += power * unit.dimension[i];
}

}  // namespace

std::variant<ParsedUnit, UnitError> parse_unit(std::string_view text, std::string_view like) {
  ParsedUnit unit{1, {}};
  int sign = 1;
  for (std::size_t at = 0; at < text.size();) {
    const auto word_end = end_of(text, at, is_letter);
    const auto word = text.substr(at, word_end - at);
    if (word.empty())
      return stray_or(text, at, {at, "expected a unit", "such as \"MHz\" or \"pJ/bit\""});
    const auto factor = look_up(word);
    if (!factor) return unknown(word, at, like);
    at = word_end;
    int power = 1;
    if (at < text.size() && text[at] == '^') {
      const auto digits_end = end_of(text, at + 1, is_digit);
      if (digits_end != at + 2) return UnitError{at, "expected one digit after \"^\"", ""};
      power = text[at + 1] - '0';
      at = digits_end;
    }
    multiply(unit, *factor, sign * power);
    if (at == text.size()) return unit;
    if (text[at] != '*' && text[at] != '/')
      return stray_or(text, at, {at, "expected \"*\", \"/\" or the end of the unit", ""});
    sign = text[at] == '/' ? -1 : 1;
    if (++at == text.size()) return UnitError{at, "expected a unit", ""};
  }
  return unit;
}

std::variant<ParsedQuantity, UnitError> parse_quantity(std::string_view text,
                                                       std::string_view like) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range)
    return UnitError{0, "number is too large or too small", ""};
  if (error != std::errc{} || !std::isfinite(number))
    return stray_or(text, 0, {0, "expected a finite number and a unit", "such as \"500 MHz\""});
  auto unit_at = static_cast<std::size_t>(end - text.data());
  while (unit_at < text.size() && text[unit_at] == ' ') ++unit_at;
  auto unit = parse_unit(text.substr(unit_at), like);
  if (auto* bad = std::get_if<UnitError>(&unit)) {
    bad->offset += unit_at;
    return *bad;
  }
  const auto& good = std::get<ParsedUnit>(unit);
  const double value = number * good.factor;
  if (!std::isfinite(value)) return UnitError{0, "number is too large", ""};
  return ParsedQuantity{value, good.dimension};
}

std::optional<double> parse_count(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !std::isfinite(number)) return std::nullopt;
  const auto suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& scale : scales)
    if (scale.factor >= 1 && suffix == scale.text) return number * scale.factor;
  return suffix == "K" ? std::optional(number * 1e3) : std::nullopt;
}

std::string kind(const Dimension& dimension) {
  static const std::vector<std::pair<Dimension, std::string_view>> names{
      {dimension_of<dimensionless_unit>(), "a bare number"},
      {dimension_of<length_unit>(), "a length"},
      {dimension_of<area_unit>(), "an area"},
      {dimension_of<time_unit>(), "a time"},
      {dimension_of<energy_unit>(), "an energy"},
      {dimension_of<power_unit>(), "a power"},
      {dimension_of<information_unit>(), "information"},
      {dimension_of<cycle_unit>(), "cycles"},
      {dimension_of<token_unit>(), "tokens"},
      {dimension_of<operation_unit>(), "operations"},
      {dimension_of<frequency_unit>(), "a frequency"},
      {dimension_of<bandwidth_unit>(), "a bandwidth"},
      {dimension_of<port_unit>(), "information per cycle"},
      {dimension_of<energy_per_bit_unit>(), "energy per bit"},
      {dimension_of<energy_per_cycle_unit>(), "energy per cycle"},
      {dimension_of<power_per_bit_unit>(), "power per bit"},
      {dimension_of<power_density_unit>(), "power per area"},
      {dimension_of<energy_density_unit>(), "energy per area"},
      {dimension_of<area_per_bit_unit>(), "area per bit"},
      {dimension_of<bit_density_unit>(), "information per area"},
      {dimension_of<token_rate_unit>(), "a token rate"},
      {dimension_of<voltage_unit>(), "a voltage"},
      {dimension_of<celsius_unit>(), "a temperature"},
  };
  for (const auto& [known, name] : names)
    if (known == dimension) return std::string(name);
  static constexpr std::array<std::string_view, std::tuple_size_v<Dimension>> base{
      "m", "kg", "s", "bit", "cycle", "token", "op", "V", "degC"};
  std::string text;
  for (std::size_t i = 0; i < base.size(); ++i)
    if (dimension[i] != 0)
      text += (text.empty() ? "" : "*") + std::string(base[i]) + "^" + std::to_string(dimension[i]);
  return text;
}

double from_base(double value, std::string_view unit) {
  return value / std::get<ParsedUnit>(parse_unit(unit)).factor;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min(
          {d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

}  // namespace tomestimate::units
