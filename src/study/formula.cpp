// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/formula.hpp>

#include <cctype>
#include <charconv>

#include <fmt/format.h>

namespace tomestimate::study {
namespace {

constexpr int deepest = 200;  // nested parentheses: the parser is recursive

units::Dimension combined(const units::Dimension& a, const units::Dimension& b, int sign) {
  auto sum = a;
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += sign * b[i];
  return sum;
}

Symbol truth_not(const Symbol& x) { return Symbol(1) - x; }

// 0, but no number where x is not finite.
Symbol zero_if_finite(const Symbol& x) { return x - Symbol(x); }

// x, but no number where a or b is not finite: what compares or chooses would hide that.
Symbol if_finite(const Symbol& x, const Symbol& a, const Symbol& b) {
  return x + (zero_if_finite(a) + zero_if_finite(b));
}

// Recursive descent, a function a level of precedence.
class Parser {
 public:
  Parser(std::string_view text, const Scope& scope) : text_(text), scope_(scope) {}

  Value whole() {
    const auto value = either();
    need_end();
    return value;
  }

  std::vector<Condition> conditions() {
    std::vector<Condition> out;
    do {
      skip();
      const auto from = at_;
      compared_.reset();
      const auto value = negated();
      auto to = at_;
      while (to > from && std::isspace(static_cast<unsigned char>(text_[to - 1]))) --to;
      Condition c{std::string(text_.substr(from, to - from)), Symbol(0.5) - value.number, true};
      if (compared_) {
        c.excess = compared_->excess;
        c.strict = compared_->strict;
      }
      out.push_back(std::move(c));
    } while (take("and"));
    // "a and b or c" is one condition.
    if (take("or")) {
      at_ = 0;
      const auto value = whole();
      return {{std::string(text_), Symbol(0.5) - value.number, true}};
    }
    need_end();
    return out;
  }

 private:
  void need_end() {
    skip();
    if (at_ < text_.size()) fail("expected an operator");
  }

  [[noreturn]] void fail(const std::string& message) const { throw FormulaError(at_, message); }

  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  bool take(std::string_view token) {
    skip();
    if (text_.substr(at_, token.size()) != token) return false;
    const auto after = at_ + token.size();
    const bool word = std::isalpha(static_cast<unsigned char>(token[0]));
    if (word && after < text_.size() && is_name(text_[after])) return false;
    at_ = after;
    return true;
  }

  static bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
  }

  void need_same(const Value& a, const Value& b, std::string_view what) const {
    if (a.dimension != b.dimension)
      fail(fmt::format("can't {} {} and {}", what, units::kind(a.dimension),
                       units::kind(b.dimension)));
  }

  void need_bare(const Value& v, std::string_view what) const {
    if (v.dimension != units::Dimension{})
      fail(fmt::format("{} takes a bare number, not {}", what, units::kind(v.dimension)));
  }

  Value either() {
    auto left = both();
    while (take("or")) {
      const auto right = both();
      need_bare(left, "or");
      need_bare(right, "or");
      left.number = if_finite(max(left.number, right.number), left.number, right.number);
    }
    return left;
  }

  Value both() {
    auto left = negated();
    while (take("and")) {
      const auto right = negated();
      need_bare(left, "and");
      need_bare(right, "and");
      left.number = if_finite(min(left.number, right.number), left.number, right.number);
    }
    return left;
  }

  Value negated() {
    if (!take("not")) return comparison();
    const auto operand = negated_operand();
    need_bare(operand, "not");
    return {truth_not(operand.number), {}};
  }

  Value negated_operand() {
    const Depth depth(*this);
    return negated();
  }

  Value comparison() {
    const auto left = sum();
    static constexpr std::string_view operators[]{"<=", ">=", "==", "!=", "<", ">"};
    for (const auto op : operators) {
      if (!take(op)) continue;
      const auto right = sum();
      need_same(left, right, "compare");
      const auto& a = left.number;
      const auto& b = right.number;
      const auto same = Symbol::make(Fn::equal, a, b);
      const auto holds = op == "<"    ? Symbol::make(Fn::less, a, b)
                         : op == ">"  ? Symbol::make(Fn::less, b, a)
                         : op == "<=" ? Symbol::make(Fn::less_equal, a, b)
                         : op == ">=" ? Symbol::make(Fn::less_equal, b, a)
                         : op == "==" ? same
                                      : truth_not(same);
      if (depth_ == 0 && op[0] == '<') compared_ = {a - b, op.size() == 1};
      if (depth_ == 0 && op[0] == '>') compared_ = {b - a, op.size() == 1};
      return {if_finite(holds, a, b), {}};
    }
    return left;
  }

  Value sum() {
    auto left = product();
    for (;;) {
      const bool plus = take("+");
      if (!plus && !take("-")) return left;
      const auto right = product();
      need_same(left, right, plus ? "add" : "subtract");
      left.number = plus ? left.number + right.number : left.number - right.number;
    }
  }

  Value product() {
    auto left = factor();
    for (;;) {
      const bool times = take("*");
      if (!times && !take("/")) return left;
      const auto right = factor();
      left.number = times ? left.number * right.number : left.number / right.number;
      left.dimension = combined(left.dimension, right.dimension, times ? 1 : -1);
    }
  }

  Value factor() {
    const Depth depth(*this);
    if (take("-")) {
      const auto operand = factor();
      return {Symbol(0) - operand.number, operand.dimension};
    }
    if (take("(")) {
      const auto inside = either();
      if (!take(")")) fail("expected )");
      return inside;
    }
    if (at_ < text_.size() &&
        (std::isdigit(static_cast<unsigned char>(text_[at_])) || text_[at_] == '.'))
      return literal();
    return named();
  }

  Value literal() {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), number);
    if (error != std::errc{}) fail("bad number");
    at_ = static_cast<std::size_t>(end - text_.data());
    if (!take("[")) return {Symbol(number), {}};
    const auto close = text_.find(']', at_);
    if (close == std::string_view::npos) fail("expected ]");
    const auto unit = units::parse_unit(text_.substr(at_, close - at_));
    if (const auto* bad = std::get_if<units::UnitError>(&unit)) {
      at_ += bad->offset;
      fail(bad->message + (bad->hint.empty() ? "" : " (" + bad->hint + ")"));
    }
    at_ = close + 1;
    const auto& good = std::get<units::ParsedUnit>(unit);
    return {Symbol(number * good.factor), good.dimension};
  }

  Value call(std::string_view function) {
    const auto x = either();
    if (function == "min" || function == "max") {
      if (!take(",")) fail("expected , and a second operand");
      const auto y = either();
      need_same(x, y, "compare");
      if (!take(")")) fail("expected )");
      const auto chosen = function == "min" ? min(x.number, y.number) : max(x.number, y.number);
      return {if_finite(chosen, x.number, y.number), x.dimension};
    }
    need_bare(x, function);
    if (!take(")")) fail("expected )");
    if (function == "ceil") return {ceil(x.number), {}};
    if (function == "floor") return {floor(x.number), {}};
    return {log2(x.number), {}};
  }

  Value named() {
    skip();
    const auto start = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    const auto name = text_.substr(start, at_ - start);
    if (name.empty()) fail("expected a number, a name or (");
    for (const std::string_view f : {"min", "max", "ceil", "floor", "log2"})
      if (name == f && take("(")) return call(name);
    if (auto value = scope_.find(name)) return *value;
    at_ = start;
    const auto near = units::nearest(name, scope_.names);
    fail(fmt::format("no metric or spec value \"{}\"{}", name,
                     near ? fmt::format(" (did you mean \"{}\"?)", *near) : ""));
  }

  struct Depth {
    explicit Depth(Parser& p) : parser(p) {
      if (++parser.depth_ > deepest) parser.fail("too deeply nested");
    }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    ~Depth() { --parser.depth_; }
    Parser& parser;
  };

  std::string_view text_;
  const Scope& scope_;
  std::size_t at_ = 0;
  int depth_ = 0;
  struct Compared {
    Symbol excess;
    bool strict;
  };
  std::optional<Compared> compared_;  // the last comparison outside all parentheses
};

}  // namespace

Value evaluate_formula(std::string_view text, const Scope& scope) {
  return Parser(text, scope).whole();
}

std::vector<Condition> conditions(std::string_view text, const Scope& scope) {
  return Parser(text, scope).conditions();
}

}  // namespace tomestimate::study
