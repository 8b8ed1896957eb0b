// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/equations.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/number/lift.hpp>
#include <tomestimate/study/quantities.hpp>

namespace tomestimate::study {
namespace {

using Kind = Expression::Kind;

// Base units in one coherent unit of a dimension: mm, us, and ng = uJ us^2 / mm^2.
double coherent_factor(const units::Dimension& d) {
  return std::pow(1e-3, d[0]) * std::pow(1e-12, d[1]) * std::pow(1e-6, d[2]);
}

// "weights.zero_share" for a list that is one value all over, else a name for each run of layers.
class RunNames {
 public:
  RunNames(const std::string& path, const std::vector<double>& list) : path_(path) {
    for (std::size_t i = 0; i < list.size(); ++i)
      if (i == 0 || list[i] != list[i - 1]) starts_.push_back(i);
    size_ = list.size();
  }
  std::string next() {
    const auto run = run_++;
    if (starts_.size() == 1) return path_;
    const auto first = starts_[run];
    const auto last = (run + 1 < starts_.size() ? starts_[run + 1] : size_) - 1;
    return first == last ? fmt::format("{}.layer{}", path_, first)
                         : fmt::format("{}.layer{}to{}", path_, first, last);
  }

 private:
  std::string path_;
  std::vector<std::size_t> starts_;
  std::size_t size_ = 0, run_ = 0;
};

// Names of the values of each per-layer list of a model.
struct NameRuns {
  std::map<std::string_view, RunNames>& runs;
  void operator()(const spec::Field& f, const std::vector<double>& list) const {
    runs.emplace(f.path, RunNames(std::string(f.path), list));
  }
  template <class... Others>
  void operator()(const spec::Field&, const Others&...) const {}
};

int strength(Kind kind) {
  if (kind == Kind::sum) return 1;
  if (kind == Kind::product || kind == Kind::quotient) return 2;
  return 3;
}

class Writer {
 public:
  Writer(const std::vector<Named>& names, const Notation& notation)
      : names_(names), notation_(notation) {}

  // In parentheses if it binds weaker than its place asks for.
  std::string operator()(const Expression& e, int place = 0) const {
    const auto text = plain(e);
    const bool negative_sum = e.kind == Kind::number && e.number < 0 && place > 1;
    return strength(e.kind) < place || negative_sum ? "(" + text + ")" : text;
  }

 private:
  std::string plain(const Expression& e) const {
    switch (e.kind) {
      case Kind::number:
        return notation_.number(e.number);
      case Kind::name:
        return notation_.name(names_[e.name]);
      case Kind::sum:
        return sum(e);
      case Kind::product:
        return joined(e, " * ", 2);
      case Kind::quotient:
        return (*this)(e.arguments[0], 2) + " / " + (*this)(e.arguments[1], 3);
      default:
        break;
    }
    std::vector<std::string> arguments;
    for (const auto& a : e.arguments) arguments.push_back((*this)(a));
    return notation_.call(e.kind, arguments);
  }

  std::string joined(const Expression& e, const char* sign, int place) const {
    std::string text;
    for (const auto& a : e.arguments) text += (text.empty() ? "" : sign) + (*this)(a, place);
    return text;
  }

  std::string sum(const Expression& e) const {
    std::string text;
    for (std::size_t i = 0; i < e.arguments.size(); ++i) {
      const double c = e.coefficients[i];
      if (i > 0)
        text += c < 0 ? " - " : " + ";
      else if (c < 0)
        text += "-";
      if (std::abs(c) != 1) text += notation_.number(std::abs(c)) + " * ";
      text += (*this)(e.arguments[i], 2);
    }
    return text;
  }

  const std::vector<Named>& names_;
  const Notation& notation_;
};

std::string call_name(Kind kind) {
  switch (kind) {
    case Kind::max:
      return "max";
    case Kind::min:
      return "min";
    case Kind::ceil:
      return "ceil";
    case Kind::floor:
      return "floor";
    case Kind::log2:
      return "log2";
    case Kind::exp2:
      return "exp2";
    default:
      return "round";
  }
}

}  // namespace

std::string coherent_unit(const units::Dimension& dimension) {
  using namespace units;
  static const std::vector<std::pair<Dimension, std::string>> known{
      {dimension_of<area_unit>(), "mm^2"},
      {dimension_of<energy_unit>(), "uJ"},
      {dimension_of<power_unit>(), "W"},
      {dimension_of<frequency_unit>(), "MHz"},
      {dimension_of<energy_per_bit_unit>(), "uJ/bit"},
      {dimension_of<energy_per_token_unit>(), "uJ/token"},
      {dimension_of<energy_per_cycle_unit>(), "uJ/cycle"},
      {dimension_of<operations_per_energy_unit>(), "op/uJ"},
      {dimension_of<power_density_unit>(), "W/mm^2"},
      {dimension_of<power_per_bit_unit>(), "W/bit"},
      {dimension_of<energy_density_unit>(), "uJ/mm^2"},
  };
  const auto found = ranges::find(known, dimension, [](const auto& k) { return k.first; });
  if (found != known.end()) return found->second;
  static constexpr std::array<std::string_view, 7> base{"mm",    "ng",    "us", "bit",
                                                        "cycle", "token", "op"};
  std::string over, under;
  for (std::size_t i = 0; i < base.size(); ++i) {
    const int power = dimension[i];
    if (power == 0) continue;
    auto& side = power > 0 ? over : under;
    if (power < 0) side += "/";
    if (power > 0 && !side.empty()) side += "*";
    side += base[i];
    if (std::abs(power) > 1) side += fmt::format("^{}", std::abs(power));
  }
  return over + under;
}

// Fills an Equations: inputs, then named symbols, then the equation of each.
struct Equations::Builder {
  Equations& out;
  std::map<std::uint32_t, std::uint32_t> name_of_node;
  std::vector<Symbol> symbols;  // of names_

  void add(Named named, const Symbol& symbol) {
    const auto index = static_cast<std::uint32_t>(out.names_.size());
    if (symbol.is_constant()) {
      out.nodes_.emplace_back();
    } else {
      const auto [at, fresh] = name_of_node.try_emplace(symbol.node(), index);
      if (!fresh) named.same_as = at->second;
      out.nodes_.emplace_back(symbol.node());
    }
    if (!out.index_.try_emplace(named.name, index).second)
      throw std::logic_error("two quantities have the name " + named.name);
    out.names_.push_back(std::move(named));
    symbols.push_back(symbol);
  }

  template <class Value>
  void add(std::string name, std::string_view doc, std::string_view unit, Role role,
           const Value& value) {
    const Symbol& symbol = raw(value);
    if (symbol.is_constant() && symbol.value() == 0) return;
    if (role == Role::detail && !symbol.is_constant() && is_named(symbol.node())) return;
    const auto dimension = dimension_of_value(value);
    Named named;
    named.name = std::move(name);
    named.doc = doc;
    named.unit = unit;
    named.role = role;
    named.factor = unit_factor(unit) / coherent_factor(dimension);
    named.value = symbol.value() / unit_factor(unit);
    add(std::move(named), symbol);
  }

  Symbol input(const Parameter& p, std::string name, double value) {
    const auto symbol = out.recording_.input(value);
    Named named;
    named.name = std::move(name);
    named.path = p.path;
    named.doc = p.doc;
    named.unit = p.unit;
    named.input = true;
    named.factor = unit_factor(p.unit) / coherent_factor(p.dimension);
    named.value = value / unit_factor(p.unit);
    add(std::move(named), symbol);
    return symbol;
  }

  Expression of_node(std::uint32_t node) const {
    const auto named = name_of_node.find(node);
    if (named == name_of_node.end()) return expanded(node);
    Expression e;
    e.kind = Kind::name;
    e.name = named->second;
    return e;
  }

  Expression of_symbol(const Symbol& symbol) const {
    if (!symbol.is_constant()) return of_node(symbol.node());
    Expression e;
    e.number = symbol.value();
    return e;
  }

  bool is_named(std::uint32_t node) const { return name_of_node.contains(node); }

  // What a node computes from its operands, as one sum, product, max or min of all that nest in it.
  Expression expanded(std::uint32_t id) const {
    const auto& node = out.recording_.nodes()[id];
    Expression e;
    switch (node.fn) {
      case Fn::constant:
        e.number = node.value;
        return e;
      case Fn::add:
      case Fn::sub:
        return sum(id);
      case Fn::mul:
        return chain(id, Kind::product);
      case Fn::max:
        return chain(id, Kind::max);
      case Fn::min:
        return chain(id, Kind::min);
      case Fn::div:
        e.kind = Kind::quotient;
        break;
      case Fn::ceil:
        e.kind = Kind::ceil;
        break;
      case Fn::floor:
        e.kind = Kind::floor;
        break;
      case Fn::log2:
        e.kind = Kind::log2;
        break;
      case Fn::exp2:
        e.kind = Kind::exp2;
        break;
      case Fn::round_half_up:
        e.kind = Kind::round_half_up;
        break;
      default:
        throw std::logic_error("the engine compares nothing");
    }
    e.arguments.push_back(of_node(node.a));
    if (!is_unary(node.fn)) e.arguments.push_back(of_node(node.b));
    return e;
  }

  // An explicit stack, leftmost on top: a sum over the layers nests as deep as there are layers.
  Expression sum(std::uint32_t id) const {
    std::vector<std::pair<std::uint32_t, double>> terms;  // in order of first appearance
    std::map<std::uint32_t, std::size_t> place;
    std::vector<std::pair<std::uint32_t, double>> open{{id, 1.0}};
    while (!open.empty()) {
      const auto [at, sign] = open.back();
      open.pop_back();
      const auto& node = out.recording_.nodes()[at];
      const bool additive = node.fn == Fn::add || node.fn == Fn::sub;
      if (additive && (at == id || !is_named(at))) {
        open.emplace_back(node.b, node.fn == Fn::sub ? -sign : sign);
        open.emplace_back(node.a, sign);
        continue;
      }
      const auto [known, fresh] = place.try_emplace(at, terms.size());
      if (fresh) terms.emplace_back(at, 0.0);
      terms[known->second].second += sign;
    }
    Expression e;
    e.kind = Kind::sum;
    for (const auto& [term, coefficient] : terms) {
      if (coefficient == 0) continue;
      e.arguments.push_back(of_node(term));
      e.coefficients.push_back(coefficient);
    }
    return e;
  }

  Expression chain(std::uint32_t id, Kind kind) const {
    const Fn fn = out.recording_.nodes()[id].fn;
    Expression e;
    e.kind = kind;
    std::vector<std::uint32_t> open{id};
    while (!open.empty()) {
      const auto at = open.back();
      open.pop_back();
      const auto& node = out.recording_.nodes()[at];
      if (node.fn == fn && (at == id || !is_named(at))) {
        open.push_back(node.b);
        open.push_back(node.a);
      } else {
        e.arguments.push_back(of_node(at));
      }
    }
    return e;
  }
};

Equations::Equations(const Specs& specs) {
  Builder build{*this, {}, {}};
  const auto given = parameters(specs);
  std::map<std::string_view, RunNames> runs;
  spec::visit_model(specs.model.values, NameRuns{runs});
  const auto number = [&](const spec::Field& f, double x) {
    const auto p = ranges::find(given, f.path, &Parameter::path);
    const auto list = runs.find(f.path);
    return build.input(*p, list == runs.end() ? p->path : list->second.next(), x);
  };
  const auto hw = lift<Symbol>(specs.hardware.values, number);
  const auto m = lift<Symbol>(specs.model.values, number);
  const auto all = evaluate(hw, m);
  visit_metrics(hw, all, [&](const Metric& metric, const auto& value) {
    build.add(std::string(metric.name), metric.doc, metric.unit, Role::metric, value);
  });
  visit_quantities(
      hw, m, all, [&](std::string name, std::string_view doc, Role role, const auto& value) {
        build.add(std::move(name), doc, coherent_unit(dimension_of_value(value)), role, value);
      });
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].input) continue;
    const auto& symbol = build.symbols[i];
    names_[i].equation = names_[i].same_as || symbol.is_constant() ? build.of_symbol(symbol)
                                                                   : build.expanded(symbol.node());
  }
  visit_rules(hw, m, all.base, [&](std::string_view message, const Symbol& excess) {
    if (!excess.is_constant() || excess.value() > 0)
      rules_.push_back({std::string(message), build.of_symbol(excess), excess.value()});
  });
}

std::uint32_t Equations::find(std::string_view name) const {
  const auto found = index_.find(name);
  if (found != index_.end()) return found->second;
  std::vector<std::string_view> known;
  for (const auto& n : names_) known.push_back(n.name);
  const auto near = units::nearest(name, known);
  throw spec::SpecError({{{std::string(name), 0, 0},
                          fmt::format("no quantity \"{}\"", name),
                          near ? fmt::format("did you mean \"{}\"?", *near)
                               : "\"tomestimate quantities\" lists all"}});
}

const Named* Equations::look_up(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &names_[found->second];
}

std::vector<double> Equations::shares(std::uint32_t of) const {
  std::vector<double> out(names_.size(), 0.0);
  if (!nodes_[of]) return out;
  const auto& nodes = recording_.nodes();
  std::vector<double> slope(nodes.size(), 0.0);
  slope[*nodes_[of]] = 1;
  for (std::size_t i = *nodes_[of] + 1; i-- > 0;) {
    const double s = slope[i];
    const auto& node = nodes[i];
    if (s == 0 || node.fn <= Fn::input) continue;
    const double a = nodes[node.a].value, b = nodes[node.b].value;
    switch (node.fn) {
      case Fn::add:
        slope[node.a] += s;
        slope[node.b] += s;
        break;
      case Fn::sub:
        slope[node.a] += s;
        slope[node.b] -= s;
        break;
      case Fn::mul:
        slope[node.a] += s * b;
        slope[node.b] += s * a;
        break;
      case Fn::div:
        slope[node.a] += s / b;
        slope[node.b] -= s * a / (b * b);
        break;
      case Fn::max:
        slope[a < b ? node.b : node.a] += s;
        break;
      case Fn::min:
        slope[b < a ? node.b : node.a] += s;
        break;
      case Fn::log2:
        slope[node.a] += s / (a * std::log(2.0));
        break;
      case Fn::exp2:
        slope[node.a] += s * node.value * std::log(2.0);
        break;
      default:
        slope[node.a] += s;
        break;  // rounding
    }
  }
  const double whole = nodes[*nodes_[of]].value;
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (nodes_[i] && whole != 0) out[i] = slope[*nodes_[i]] * nodes[*nodes_[i]].value / whole;
  return out;
}

namespace {

void collect_names(const Expression& e, std::vector<std::uint32_t>& into) {
  if (e.kind == Kind::name) into.push_back(e.name);
  for (const auto& a : e.arguments) collect_names(a, into);
}

}  // namespace

std::vector<std::pair<std::uint32_t, int>> Equations::operands(std::uint32_t of) const {
  std::vector<std::pair<std::uint32_t, int>> found{{of, 0}};
  std::vector<bool> seen(names_.size(), false);
  seen[of] = true;
  for (std::size_t i = 0; i < found.size(); ++i) {
    std::vector<std::uint32_t> next;
    collect_names(names_[found[i].first].equation, next);
    for (const auto n : next) {
      if (seen[n]) continue;
      seen[n] = true;
      found.emplace_back(n, found[i].second + 1);
    }
  }
  found.erase(found.begin());
  return found;
}

std::string write(const Expression& expression, const std::vector<Named>& names,
                  const Notation& notation) {
  return Writer(names, notation)(expression);
}

const Notation& plain_notation() {
  static const Notation notation{
      [](const Named& n) { return n.name; }, [](double x) { return fmt::format("{}", x); },
      [](Kind kind, const std::vector<std::string>& arguments) {
        return fmt::format("{}({})", call_name(kind), fmt::join(arguments, ", "));
      }};
  return notation;
}

std::string plain_text(const Expression& expression, const std::vector<Named>& names) {
  return write(expression, names, plain_notation());
}

}  // namespace tomestimate::study
