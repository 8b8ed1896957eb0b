// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/reference/arithmetic.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <stdexcept>

#include <tomestimate/reference/fp8.hpp>

namespace tomestimate::reference {
namespace {

constexpr std::size_t lanes = 16;

// ln 2 and pi/2 in parts: a whole number times the first ones is exact.
constexpr double ln2_high = 0x1.62e42feep-1;
constexpr double ln2_low = 0x1.a39ef35793c76p-33;
constexpr double half_pi_high = 0x1.921fb544p0;
constexpr double half_pi_middle = 0x1.0b4611a6p-34;
constexpr double half_pi_low = 0x1.3198a2e037073p-69;

// c[0] + x (c[1] + x (c[2] + ...)).
template <std::size_t n>
double horner(const std::array<double, n>& c, double x) {
  double sum = c[n - 1];
  for (std::size_t i = n - 1; i-- > 0;) sum = c[i] + x * sum;
  return sum;
}

double power_of_two(int k) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(k + 1023) << 52);
}

[[gnu::always_inline]] inline double dot_lanes(const float* a, const float* b, std::size_t n) {
  std::array<double, lanes> sum{};
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (std::size_t j = 0; j < lanes; ++j)
      sum[j] += static_cast<double>(a[i + j]) * static_cast<double>(b[i + j]);
  for (std::size_t j = 0; i + j < n; ++j)
    sum[j] += static_cast<double>(a[i + j]) * static_cast<double>(b[i + j]);
  for (std::size_t half = lanes / 2; half > 0; half /= 2)
    for (std::size_t j = 0; j < half; ++j) sum[j] += sum[j + half];
  return sum[0];
}

using Dot = double (*)(const float*, const float*, std::size_t);

double dot_baseline(const float* a, const float* b, std::size_t n) { return dot_lanes(a, b, n); }

#if defined(__x86_64__)
[[gnu::target("avx2")]] double dot_avx2(const float* a, const float* b, std::size_t n) {
  return dot_lanes(a, b, n);
}
#endif

Dot best_dot() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return dot_avx2;
#endif
  return dot_baseline;
}

// Of bits without the sign: infinity and no numbers are above all others, and are not lost.
float largest_size(std::span<const float> x) {
  std::uint32_t most = 0;
  for (const float v : x) most = std::max(most, std::bit_cast<std::uint32_t>(v) & 0x7FFFFFFF);
  if (most >= 0x7F800000)
    throw std::runtime_error("an activation is infinite or no number, and can't be quantized");
  return std::bit_cast<float>(most);
}

}  // namespace

float round_half_even(float x) {
  constexpr float big = 0x1.8p23f;  // has no bits below the units
  return x + big - big;
}

double round_half_even(double x) {
  constexpr double big = 0x1.8p52;
  return x + big - big;
}

double exponential(double x) {
  // e^r = 1 + (r + r^2 (1/2 + r/6 + ...)): the small terms are summed first.
  static constexpr std::array<double, 12> taylor{
      1.0 / 2,     1.0 / 6,      1.0 / 24,      1.0 / 120,      1.0 / 720,       1.0 / 5040,
      1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
  if (x < -708) return 0;
  const double k = round_half_even(x * 0x1.71547652b82fep0);
  const double r = x - k * ln2_high - k * ln2_low;
  return (1 + (r + r * r * horner(taylor, r))) * power_of_two(static_cast<int>(k));
}

double logarithm(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  int k = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFF) | std::uint64_t{1023} << 52);
  if (m >= 0x1.6a09e667f3bcdp0) {
    m /= 2;
    ++k;
  }
  const double s = (m - 1) / (m + 1);
  static constexpr std::array<double, 12> series{1.0,      1.0 / 3,  1.0 / 5,  1.0 / 7,
                                                 1.0 / 9,  1.0 / 11, 1.0 / 13, 1.0 / 15,
                                                 1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23};
  return k * ln2_high + (2 * s * horner(series, s * s) + k * ln2_low);
}

SineCosine sine_cosine(double x) {
  static constexpr std::array<double, 9> sine{1.0,
                                              -1.0 / 6,
                                              1.0 / 120,
                                              -1.0 / 5040,
                                              1.0 / 362880,
                                              -1.0 / 39916800,
                                              1.0 / 6227020800,
                                              -1.0 / 1307674368000,
                                              1.0 / 355687428096000};
  static constexpr std::array<double, 9> cosine{1.0,
                                                -1.0 / 2,
                                                1.0 / 24,
                                                -1.0 / 720,
                                                1.0 / 40320,
                                                -1.0 / 3628800,
                                                1.0 / 479001600,
                                                -1.0 / 87178291200,
                                                1.0 / 20922789888000};
  const double k = round_half_even(x * 0x1.45f306dc9c883p-1);
  const double r = x - k * half_pi_high - k * half_pi_middle - k * half_pi_low;
  const double s = r * horner(sine, r * r);
  const double c = horner(cosine, r * r);
  switch (static_cast<std::int64_t>(k) & 3) {
    case 0:
      return {s, c};
    case 1:
      return {c, -s};
    case 2:
      return {-s, -c};
    default:
      return {-c, s};
  }
}

double dot(std::span<const float> a, std::span<const float> b) {
  static const Dot best = best_dot();
  return best(a.data(), b.data(), a.size());
}

void rms_norm(std::span<const float> x, std::span<const float> gain, double epsilon,
              std::span<float> y) {
  const double mean = dot(x, x) / static_cast<double>(x.size());
  const double inverse = 1 / std::sqrt(mean + epsilon);
  for (std::size_t i = 0; i < x.size(); ++i)
    y[i] = static_cast<float>(static_cast<double>(x[i]) * inverse) * gain[i];
}

float quantize_int8(std::span<const float> x, std::span<std::int8_t> codes) {
  const float scale = 127.0f / std::max(largest_size(x), 1e-5f);
  for (std::size_t i = 0; i < x.size(); ++i)
    codes[i] = static_cast<std::int8_t>(std::clamp(round_half_even(x[i] * scale), -128.0f, 127.0f));
  return scale;
}

float quantize_e4m3(std::span<const float> x, std::span<std::uint8_t> codes) {
  const float scale = largest_e4m3 / std::max(largest_size(x), 1e-5f);
  for (std::size_t i = 0; i < x.size(); ++i) codes[i] = to_e4m3(x[i] * scale);
  return scale;
}

void gate_units(Activation activation, std::span<const float> gate, std::span<const float> up,
                std::span<float> out) {
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const float g = gate[i];
    if (activation == Activation::relu2) {
      const float r = std::max(g, 0.0f);
      out[i] = r * r * up[i];
    } else {
      // e^-g beyond 708 makes the quotient less than any float.
      const double e = exponential(std::min(-static_cast<double>(g), 708.0));
      out[i] = static_cast<float>(static_cast<double>(g) / (1 + e)) * up[i];
    }
  }
}

namespace {

// Turns a position, in radians, of each pair.
std::vector<double> rope_frequencies(std::size_t head_dim, double theta) {
  const double log_theta = logarithm(theta);
  std::vector<double> out(head_dim / 2);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = exponential(-(static_cast<double>(2 * i) / static_cast<double>(head_dim)) * log_theta);
  return out;
}

}  // namespace

Rope::Rope(std::size_t head_dim, double theta, bool adjacent, std::span<const double> divisors)
    : head_dim_(head_dim), adjacent_(adjacent), frequencies_(rope_frequencies(head_dim, theta)) {
  for (std::size_t i = 0; i < divisors.size(); ++i) frequencies_[i] /= divisors[i];
}

std::vector<double> llama3_divisors(std::size_t head_dim, double theta, double factor, double low,
                                    double high, double context) {
  constexpr double two_pi = 0x1.921fb54442d18p2;
  auto out = rope_frequencies(head_dim, theta);
  for (auto& f : out) {
    const double turns = context * f / two_pi;
    const double s = std::clamp((turns - low) / (high - low), 0.0, 1.0);
    f = 1 / ((1 - s) / factor + s);
  }
  return out;
}

void Rope::turn(std::size_t position, std::span<float> heads) const {
  const auto pairs = frequencies_.size();
  for (std::size_t i = 0; i < pairs; ++i) {
    const auto [s, c] = sine_cosine(static_cast<double>(position) * frequencies_[i]);
    const std::size_t first = adjacent_ ? 2 * i : i;
    const std::size_t second = adjacent_ ? 2 * i + 1 : i + pairs;
    for (std::size_t head = 0; head < heads.size(); head += head_dim_) {
      const double x = heads[head + first];
      const double y = heads[head + second];
      heads[head + first] = static_cast<float>(x * c - y * s);
      heads[head + second] = static_cast<float>(x * s + y * c);
    }
  }
}

}  // namespace tomestimate::reference
