// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/area_law.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace tomestimate::rtl {
namespace {

// Sums of a fit of area to ones and bits.
struct Sums {
  double oo = 0, ob = 0, bb = 0;  // ones x ones, ones x bits, bits x bits
  double oa = 0, ba = 0;          // ones x area, bits x area

  // Whether ones and bits are told apart, beyond rounding.
  bool independent() const { return oo * bb - ob * ob > 1e-9 * oo * bb; }

  // The normal equations, solved by Cramer's rule.
  AreaLaw solution() const {
    const double determinant = oo * bb - ob * ob;
    return {(oa * bb - ba * ob) / determinant, (ba * oo - oa * ob) / determinant, 0};
  }
};

Sums sums(std::span<const Sample> samples) {
  Sums s;
  for (const auto& x : samples) {
    s.oo += x.ones * x.ones;
    s.ob += x.ones * x.bits;
    s.bb += x.bits * x.bits;
    s.oa += x.ones * x.area;
    s.ba += x.bits * x.area;
  }
  return s;
}

Sample mean(std::span<const Sample> samples) {
  Sample sum{};
  for (const auto& x : samples) sum = {sum.ones + x.ones, sum.bits + x.bits, sum.area + x.area};
  const auto n = static_cast<double>(samples.size());
  return {sum.ones / n, sum.bits / n, sum.area / n};
}

double squared_error(const AreaLaw& law, std::span<const Sample> samples) {
  double sum = 0;
  for (const auto& x : samples) sum += std::pow(law.area(x) - x.area, 2);
  return sum;
}

double weights(const Sample& s) { return s.bits / 2; }

double entropy(const Sample& s) { return weights(s) * weight_entropy(1 - s.ones / weights(s)); }

}  // namespace

std::optional<AreaLaw> fit_law(std::span<const Sample> samples) {
  const auto s = sums(samples);
  if (!s.independent()) return std::nullopt;
  const auto free = s.solution();
  if (free.per_one_bit >= 0 && free.per_bit >= 0) return free;
  // The optimum is on the border: one of the two is 0, whichever leaves less.
  const AreaLaw ones_only{std::max(0.0, s.oa / s.oo), 0, 0};
  const AreaLaw bits_only{0, std::max(0.0, s.ba / s.bb), 0};
  return squared_error(ones_only, samples) <= squared_error(bits_only, samples) ? ones_only
                                                                                : bits_only;
}

std::optional<AreaLaw> fit_law_with_intercept(std::span<const Sample> samples) {
  // An intercept takes out the means; what is left is a fit without one.
  const auto m = mean(samples);
  std::vector<Sample> centred;
  for (const auto& x : samples)
    centred.push_back({x.ones - m.ones, x.bits - m.bits, x.area - m.area});
  const auto s = sums(centred);
  if (!s.independent()) return std::nullopt;
  auto law = s.solution();
  law.intercept = m.area - law.area(m);
  return law;
}

double weight_entropy(double zero_share) {
  const double z = std::clamp(zero_share, 0.0, 1.0);
  const auto term = [](double p) { return p == 0 ? 0 : -p * std::log2(p); };
  return term(z) + 2 * term((1 - z) / 2);
}

double fit_entropy_law(std::span<const Sample> samples) {
  double ea = 0, ee = 0;
  for (const auto& x : samples) {
    ea += entropy(x) * x.area;
    ee += entropy(x) * entropy(x);
  }
  return ee == 0 ? 0 : ea / ee;
}

double entropy_law_area(double k, const Sample& sample) { return k * entropy(sample); }

double r_squared(std::span<const Sample> samples, std::span<const double> fitted) {
  const double centre = mean(samples).area;
  double residual = 0, total = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    residual += std::pow(samples[i].area - fitted[i], 2);
    total += std::pow(samples[i].area - centre, 2);
  }
  return 1 - residual / total;
}

}  // namespace tomestimate::rtl
