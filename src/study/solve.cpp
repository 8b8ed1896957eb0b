// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/solve.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <tomestimate/study/sensitivity.hpp>

namespace tomestimate::study {
namespace {

constexpr double grid = 65537;
constexpr double most_whole = 4'194'304;

[[noreturn]] void refuse(const std::string& what, std::string message, std::string hint = "") {
  throw spec::SpecError({{{what, 0, 0}, std::move(message), std::move(hint)}});
}

struct Sample {
  double x;
  double y;
  bool design;
};

// Evaluates the metric at any values of the parameter.
class Curve {
 public:
  Curve(const Specs& specs, const Parameter& p, const std::string& metric)
      : space_(specs, {Axis{{varied(p, p.value)}}}, {metric}), worker_(space_) {}

  std::vector<Sample> at(std::vector<double> xs) {
    std::vector<Sample> out;
    Space::Chunk chunk;
    std::vector<std::vector<double>> input{std::move(xs)};
    worker_.evaluate_numbers(input, chunk);
    for (std::size_t i = 0; i < input[0].size(); ++i)
      out.push_back({input[0][i], chunk.values[0][i], chunk.status[i] == 0});
    return out;
  }

 private:
  Space space_;
  Space::Worker worker_;
};

std::vector<double> spread(const Parameter& p, double low, double high) {
  const double unit = unit_factor(p.unit);
  const double values = std::floor((high - low) / unit + 1e-9) + 1;
  const bool every = p.whole && values <= most_whole;
  const double n = every ? values : grid;
  // Over several decades a parameter is looked at by ratio, not by difference.
  const bool by_ratio = !every && low > 0 && high / low > 100;
  std::vector<double> xs;
  for (double i = 0; i < n; ++i) {
    const double share = n == 1 ? 0 : i / (n - 1);
    double x = every      ? low + i * unit
               : by_ratio ? low * std::pow(high / low, share)
                          : low + share * (high - low);
    if (!every && p.whole) x = std::round(x / unit) * unit;
    x = std::clamp(x, low, high);
    if (xs.empty() || x != xs.back()) xs.push_back(x);
  }
  return xs;
}

bool meets(const Target& t, double y) {
  switch (t.goal) {
    case Goal::at_least:
      return y >= t.value;
    case Goal::at_most:
      return y <= t.value;
    case Goal::equal:
      break;
  }
  return y == t.value;
}

// Narrows [a, b], on whose ends side() differs, to neighbouring doubles (or a relative 1e-15).
template <class Side>
std::pair<Sample, Sample> bisect(Curve& curve, Sample a, Sample b, Side side) {
  const bool left = side(a);
  for (int i = 0; i < 200; ++i) {
    const double middle = a.x + (b.x - a.x) / 2;
    if (middle <= a.x || middle >= b.x) break;
    const auto m = curve.at({middle})[0];
    (side(m) == left ? a : b) = m;
  }
  return {a, b};
}

}  // namespace

Solved solve(const Specs& specs, const std::string& name, double low, double high,
             const Target& target) {
  Solved out;
  out.parameter = find_parameter(specs, name, {name, 0, 0});
  const auto& p = out.parameter;
  if (!p.number) refuse(name, fmt::format("{} is not a plain number", p.path), "use sweep");
  out.low = low;
  out.high = high;
  Curve curve(specs, p, target.metric);
  const auto samples = curve.at(spread(p, low, high));
  out.looked_at = samples.size();
  out.lowest = std::numeric_limits<double>::infinity();
  out.highest = -out.lowest;
  for (const auto& s : samples) {
    if (!s.design) {
      ++out.no_design;
      continue;
    }
    out.lowest = std::min(out.lowest, s.y);
    out.highest = std::max(out.highest, s.y);
  }
  const auto add = [&](const Sample& s) {
    if (out.solutions.empty() || out.solutions.back().parameter != s.x)
      out.solutions.push_back({s.x, s.y});
  };
  const Sample* before = nullptr;  // the design before this one; none at a gap
  for (const auto& s : samples) {
    // Between whole neighbours there is nothing; elsewhere a gap in the designs has an edge too.
    const bool same_kind = before != nullptr && before->design && s.design;
    if (target.goal == Goal::equal) {
      if (s.design && s.y == target.value) {
        add(s);
      } else if (same_kind && before->y != target.value &&
                 (before->y < target.value) != (s.y < target.value)) {
        const auto below = [&](const Sample& q) { return q.y < target.value; };
        const auto [a, b] = p.whole ? std::pair(*before, s) : bisect(curve, *before, s, below);
        add(std::abs(a.y - target.value) <= std::abs(b.y - target.value) ? a : b);
      }
    } else {
      const auto good = [&](const Sample& q) { return q.design && meets(target, q.y); };
      const bool was = before != nullptr && good(*before);
      if (before == nullptr && good(s)) add(s);
      if (before != nullptr && was != good(s)) {
        const auto [a, b] = p.whole ? std::pair(*before, s) : bisect(curve, *before, s, good);
        add(was ? a : b);
      }
      if (&s == &samples.back() && good(s)) add(s);
    }
    before = &s;
  }
  std::stable_sort(out.solutions.begin(), out.solutions.end(), [&](const auto& a, const auto& b) {
    return std::abs(a.parameter - p.value) < std::abs(b.parameter - p.value);
  });
  return out;
}

}  // namespace tomestimate::study
