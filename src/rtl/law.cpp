// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/law.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace tomestimate::rtl {
namespace {

using Row = std::vector<double>;

double height(const BankSample& s) { return std::log2(s.words); }
double information(const BankSample& s) { return entropy(s.ones_share); }

struct Form {
  const char* quantity;
  const char* unit;
  const char* expression;
  double (*target)(const BankSample&);
  Row (*terms)(const BankSample&);
};

double area_a_bit(const BankSample& s) { return s.area / s.bits; }
double in_order_an_area(const BankSample& s) { return s.in_order / s.area; }
double random_an_area(const BankSample& s) { return s.random / s.area; }
double leakage_an_area(const BankSample& s) { return s.leakage / s.area; }

const Form forms[] = {
    {"area a bit", "um^2/bit", "H*(a + b*x) + c", area_a_bit,
     [](const BankSample& s) {
       return Row{information(s), information(s) * height(s), 1};
     }},
    {"area a bit", "um^2/bit", "H*(a + b*x + c*log2 H)", area_a_bit,
     [](const BankSample& s) {
       const double h = information(s);
       return Row{h, h * height(s), h > 0 ? h * std::log2(h) : 0};
     }},
    {"area a bit", "um^2/bit", "H*(a + b*x) + c*p", area_a_bit,
     [](const BankSample& s) {
       return Row{information(s), information(s) * height(s), s.ones_share};
     }},
    {"area a bit", "um^2/bit", "H*(a + b*x)", area_a_bit,
     [](const BankSample& s) {
       return Row{information(s), information(s) * height(s)};
     }},
    {"area a bit", "um^2/bit", "a*p + b", area_a_bit,
     [](const BankSample& s) {
       return Row{s.ones_share, 1};
     }},
    {"access in order", "fJ/um^2", "a + b*H + c*x", in_order_an_area,
     [](const BankSample& s) {
       return Row{1, information(s), height(s)};
     }},
    {"access at random", "fJ/um^2", "a + b*p", random_an_area,
     [](const BankSample& s) {
       return Row{1, s.ones_share};
     }},
    {"leakage", "uW/mm^2", "a", leakage_an_area, [](const BankSample&) { return Row{1}; }},
};

double value(const Row& coefficients, const Row& terms) {
  double sum = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) sum += coefficients[i] * terms[i];
  return sum;
}

Errors errors(const Form& form, const Row& coefficients, std::span<const BankSample> samples,
              bool held_out) {
  Errors out;
  double squares = 0, count = 0;
  for (const auto& s : samples) {
    if (s.held_out != held_out || !(s.area > 0)) continue;
    const double error = value(coefficients, form.terms(s)) / form.target(s) - 1;
    if (std::abs(error) > std::abs(out.worst)) out.worst = error;
    squares += error * error;
    ++count;
  }
  if (count > 0) out.rms = std::sqrt(squares / count);
  return out;
}

}  // namespace

double entropy(double p) {
  const auto term = [](double q) { return q <= 0 ? 0 : -q * std::log2(q); };
  return term(p) + term(1 - p);
}

std::vector<double> fit_relative(const std::vector<Row>& terms, const Row& targets) {
  if (terms.empty()) return {};
  const auto n = terms[0].size();
  // The normal equations, with the right side as a last column.
  std::vector<Row> m(n, Row(n + 1, 0));
  for (std::size_t k = 0; k < terms.size(); ++k)
    for (std::size_t i = 0; i < n; ++i) {
      const double scaled = terms[k][i] / targets[k];
      for (std::size_t j = 0; j < n; ++j) m[i][j] += scaled * terms[k][j] / targets[k];
      m[i][n] += scaled;
    }
  const auto diagonal = [&] {
    Row out;
    for (std::size_t i = 0; i < n; ++i) out.push_back(m[i][i]);
    return out;
  }();
  for (std::size_t i = 0; i < n; ++i) {
    auto pivot = i;
    for (std::size_t r = i; r < n; ++r)
      if (std::abs(m[r][i]) > std::abs(m[pivot][i])) pivot = r;
    std::swap(m[i], m[pivot]);
    if (!(std::abs(m[i][i]) > 1e-10 * diagonal[i])) return {};
    for (std::size_t r = 0; r < n; ++r) {
      if (r == i) continue;
      const double factor = m[r][i] / m[i][i];
      for (std::size_t j = i; j <= n; ++j) m[r][j] -= factor * m[i][j];
    }
  }
  Row out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(m[i][n] / m[i][i]);
  return out;
}

std::vector<Law> fit_laws(std::span<const BankSample> samples) {
  std::vector<Law> out;
  std::string missing;  // what the first law of cannot be fitted: others would pass for it
  std::string before;
  for (const auto& form : forms) {
    const bool first = std::exchange(before, form.quantity) != form.quantity;
    if (form.quantity == missing) continue;
    std::vector<Row> terms;
    Row targets;
    for (const auto& s : samples) {
      if (s.held_out || !(s.area > 0) || !(form.target(s) > 0)) continue;
      terms.push_back(form.terms(s));
      targets.push_back(form.target(s));
    }
    auto coefficients = fit_relative(terms, targets);
    if (coefficients.empty()) {
      if (first) missing = form.quantity;
      continue;
    }
    const auto fit = errors(form, coefficients, samples, false);
    const auto held_out = errors(form, coefficients, samples, true);
    out.push_back(
        {form.quantity, form.unit, form.expression, std::move(coefficients), fit, held_out});
  }
  return out;
}

}  // namespace tomestimate::rtl
