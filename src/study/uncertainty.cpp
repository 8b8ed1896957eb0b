// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/uncertainty.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include <fmt/format.h>

#include <tomestimate/study/sensitivity.hpp>
#include <tomestimate/study/solve.hpp>

namespace tomestimate::study {
namespace {

// The standard library's distributions differ between implementations; these do not.
double uniform01(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

std::uint64_t below(std::mt19937_64& random, std::uint64_t n) {
  return static_cast<std::uint64_t>(uniform01(random) * static_cast<double>(n));
}

// Inverse of the cumulative distribution.
double drawn(double u, double low, double mode, double high, Spread spread) {
  if (spread == Spread::uniform || low == high) return low + u * (high - low);
  const double width = high - low;
  const double at_mode = (mode - low) / width;
  if (u < at_mode) return low + std::sqrt(u * width * (mode - low));
  return high - std::sqrt((1 - u) * width * (high - mode));
}

// A range over a decade and more says factors up and down: it is drawn by ratio.
double drawn_from(double u, const Uncertainty::Ranged& r, Spread spread) {
  const double mode = std::clamp(r.parameter.value, r.low, r.high);
  if (!(r.low > 0 && r.high >= 10 * r.low)) return drawn(u, r.low, mode, r.high, spread);
  const double x = std::exp(drawn(u, std::log(r.low), std::log(mode), std::log(r.high), spread));
  return std::clamp(x, r.low, r.high);
}

// The whole values of a range that make a design with everything else as it is.
std::vector<double> candidates(const Specs& specs, const Uncertainty::Ranged& r) {
  const double unit = unit_factor(r.parameter.unit);
  std::vector<std::vector<double>> xs(1);
  for (double x = r.low; x <= r.high * (1 + 1e-12) && xs[0].size() < 1'000'000; x += unit)
    xs[0].push_back(x);
  const Space space(specs, {Axis{{varied(r.parameter, r.parameter.value)}}}, {});
  Space::Worker worker(space);
  Space::Chunk chunk;
  worker.evaluate_numbers(xs, chunk);
  std::vector<double> good;
  for (std::size_t i = 0; i < xs[0].size(); ++i)
    if (chunk.status[i] == 0) good.push_back(xs[0][i]);
  return good;
}

double nearest_to(double x, const std::vector<double>& sorted) {
  const auto above = std::lower_bound(sorted.begin(), sorted.end(), x);
  if (above == sorted.begin()) return *above;
  if (above == sorted.end()) return sorted.back();
  return x - *(above - 1) <= *above - x ? *(above - 1) : *above;
}

// Draws of one parameter.
std::vector<double> column(const Specs& specs, const Uncertainty::Ranged& r,
                           const UncertaintyOptions& options, std::mt19937_64& random) {
  const auto n = options.samples;
  std::vector<double> u(n);
  for (std::uint64_t i = 0; i < n; ++i) {
    const double x = uniform01(random);
    u[i] = options.sampling == Sampling::monte_carlo
               ? x
               : (static_cast<double>(i) + x) / static_cast<double>(n);
  }
  if (options.sampling == Sampling::latin_hypercube)
    for (std::uint64_t i = n; i > 1; --i) std::swap(u[i - 1], u[below(random, i)]);
  const auto& p = r.parameter;
  const auto good = p.whole ? candidates(specs, r) : std::vector<double>{};
  for (auto& x : u) {
    x = drawn_from(x, r, options.spread);
    if (!good.empty()) x = nearest_to(x, good);
  }
  return u;
}

// Ranks from 0; equal values share the mean of theirs.
std::vector<double> ranks(const std::vector<double>& x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&x](auto a, auto b) { return x[a] < x[b]; });
  std::vector<double> rank(x.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t j = i;
    while (j + 1 < order.size() && x[order[j + 1]] == x[order[i]]) ++j;
    for (std::size_t k = i; k <= j; ++k) rank[order[k]] = static_cast<double>(i + j) / 2;
    i = j + 1;
  }
  return rank;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const double middle = static_cast<double>(a.size() - 1) / 2;  // mean of ranks
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - middle) * (b[i] - middle);
    aa += (a[i] - middle) * (a[i] - middle);
    bb += (b[i] - middle) * (b[i] - middle);
  }
  return aa == 0 || bb == 0 ? 0 : ab / std::sqrt(aa * bb);
}

// Between the two neighbours in rank.
double quantile(const std::vector<double>& sorted, double level) {
  const double at = level * static_cast<double>(sorted.size() - 1);
  const auto i = static_cast<std::size_t>(at);
  const auto j = std::min(i + 1, sorted.size() - 1);
  return sorted[i] + (at - static_cast<double>(i)) * (sorted[j] - sorted[i]);
}

// Var(E[y | x]) / Var(y), from means of y in groups of equal or neighbouring ranks of x, less what
// as many groups of nothing would show. `effective` is how many draws the values are worth.
double first_order_share(const std::vector<double>& x_ranks, const std::vector<double>& y,
                         double effective) {
  const auto n = y.size();
  const double wanted = std::clamp(std::sqrt(effective) / 2, 2.0, 50.0);
  const auto group_of = [&](double rank) {
    return static_cast<std::size_t>(rank / static_cast<double>(n) * std::floor(wanted));
  };
  const double mean = std::accumulate(y.begin(), y.end(), 0.0) / static_cast<double>(n);
  std::vector<double> sums(static_cast<std::size_t>(wanted) + 1), counts(sums.size());
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto g = group_of(x_ranks[i]);
    sums[g] += y[i] - mean;
    counts[g] += 1;
    total += (y[i] - mean) * (y[i] - mean);
  }
  // A metric that stays as it is differs by rounding.
  if (!(total > 1e-24 * mean * mean * static_cast<double>(n))) return 0;
  double between = 0, groups = 0;
  for (std::size_t g = 0; g < sums.size(); ++g) {
    if (counts[g] == 0) continue;
    between += sums[g] * sums[g] / counts[g];
    groups += 1;
  }
  const double within = (total - between) / std::max(effective - groups, 1.0);
  return std::clamp((between - (groups - 1) * within) / total, 0.0, 1.0);
}

MetricSpread summarize(std::string metric, double here, std::vector<double> values,
                       const std::vector<std::vector<double>>& input_ranks, double effective) {
  MetricSpread out;
  out.metric = std::move(metric);
  out.here = here;
  const auto mine = ranks(values);
  for (const auto& r : input_ranks) {
    out.rank_correlation.push_back(correlation(r, mine));
    out.share.push_back(first_order_share(r, values, effective));
  }
  const auto n = static_cast<double>(values.size());
  out.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double v : values) squares += (v - out.mean) * (v - out.mean);
  out.deviation = n > 1 ? std::sqrt(squares / (n - 1)) : 0;
  std::sort(values.begin(), values.end());
  for (std::size_t q = 0; q < quantile_levels.size(); ++q)
    out.quantiles[q] = quantile(values, quantile_levels[q]);
  return out;
}

std::vector<Uncertainty::Ranged> ranged(const Specs& specs) {
  std::vector<Uncertainty::Ranged> out;
  const auto all = parameters(specs);
  const auto add = [&](const std::vector<spec::Sourced>& list) {
    for (const auto& s : list) {
      if (!s.range) continue;
      const auto p = std::find_if(all.begin(), all.end(),
                                  [&s](const Parameter& q) { return q.path == s.path; });
      if (p != all.end() && p->number) out.push_back({*p, (*s.range)[0], (*s.range)[1]});
    }
  };
  add(specs.hardware.sourced);
  add(specs.model.sourced);
  return out;
}

// ---- what is given ----

// The metric of a figure at every draw, with the values that it is told at.
std::vector<double> at_draws(const Specs& specs, const Given& given,
                             const std::vector<Uncertainty::Ranged>& parameters,
                             const std::vector<std::vector<double>>& inputs) {
  auto told = specs;
  for (const auto& [path, text] : given.set)
    spec::override_value(told.hardware, told.model, path, text, {given.name, 0, 0});
  Axis together;
  std::vector<std::vector<double>> drawn;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& p = parameters[i].parameter;
    const bool set = std::any_of(given.set.begin(), given.set.end(),
                                 [&p](const auto& s) { return spec::resolve(s.first) == p.path; });
    if (set) continue;
    together.members.push_back(varied(p, p.value));
    drawn.push_back(inputs[i]);
  }
  if (drawn.empty()) return std::vector<double>(inputs[0].size(), metric_value(told, given.metric));
  const Space space(told, {std::move(together)}, {given.metric});
  Space::Worker worker(space);
  Space::Chunk chunk;
  worker.evaluate_numbers(drawn, chunk);
  return std::move(chunk.values[0]);
}

std::string nothing_fits(const Given& g, const std::vector<double>& values, std::uint64_t draws) {
  const auto unit = metric_unit(g.metric).value_or("");
  const double f = unit_factor(unit);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return fmt::format("in {} draws {} goes from {:.4g} to {:.4g}, and {:.4g} +- {:.2g} {} is given",
                     draws, g.metric, *low / f, *high / f, g.value / f, g.deviation / f, unit);
}

// Draws of the designs by weight, with one random number: index j of the designs, as often as its
// weight asks. All once where nothing is given.
std::vector<std::size_t> draw_again(const Specs& specs, const UncertaintyOptions& options,
                                    const std::vector<std::vector<double>>& inputs,
                                    const std::vector<std::uint8_t>& status, Uncertainty& out) {
  std::vector<std::size_t> designs;
  for (std::size_t i = 0; i < status.size(); ++i)
    if (status[i] == 0) designs.push_back(i);
  out.effective = static_cast<double>(designs.size());
  if (options.given.empty()) return designs;
  std::vector<double> log_weight(designs.size());
  std::string reasons;
  for (const auto& g : options.given) {
    const auto at = at_draws(specs, g, out.parameters, inputs);
    std::vector<double> values;
    for (std::size_t j = 0; j < designs.size(); ++j) {
      values.push_back(at[designs[j]]);
      const double off = (values.back() - g.value) / g.deviation;
      log_weight[j] -= std::isfinite(off) ? off * off / 2 : 1e300;
    }
    reasons += (reasons.empty() ? "" : "; ") + nothing_fits(g, values, designs.size());
  }
  const double most = *std::max_element(log_weight.begin(), log_weight.end());
  double sum = 0, squares = 0;
  for (auto& w : log_weight) {
    w = std::exp(w - most);
    sum += w;
    squares += w * w;
  }
  out.effective = sum * sum / squares;
  // The best of draws that all miss by far has all of the weight, and means nothing.
  constexpr double fewest = 10;
  const double limit = 4.5 * static_cast<double>(options.given.size());  // three deviations each
  if (out.effective < fewest || most < -limit)
    throw spec::SpecError(
        {{{"--given", 0, 0},
          most < -limit ? std::string("nothing fits: no draw comes within three deviations")
                        : fmt::format("what is given leaves {:.1f} draws' worth, and {:.0f} "
                                      "are the fewest that say something",
                                      out.effective, fewest),
          reasons + (most < -limit ? "; --choices draws choices too" : "; take more --samples")}});
  std::vector<std::size_t> again;
  double reached = 0;
  for (std::size_t j = 0; j < designs.size(); ++j) {
    reached += log_weight[j];
    while (static_cast<double>(again.size()) + 0.5 <
           reached / sum * static_cast<double>(designs.size()))
      again.push_back(designs[j]);
  }
  return again;
}

// Of metric `m`, whose value with the specs as they are is `here`: which parameters lead to one
// side of it, the one where the draws of all together are.
std::vector<OneSided> one_sided(const Specs& specs, const MetricSpread& m,
                                const std::vector<Uncertainty::Ranged>& parameters,
                                UncertaintyOptions options) {
  constexpr double fewest = 0.75;  // of its draws
  constexpr double least = 0.05;   // of what all together do
  options.samples = 200;
  const bool above = m.here > m.quantiles.back();
  std::mt19937_64 random(options.seed);
  std::vector<OneSided> out;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& r = parameters[i];
    const Space space(specs, {Axis{{varied(r.parameter, r.parameter.value)}}}, {m.metric});
    Space::Worker worker(space);
    Space::Chunk chunk;
    worker.evaluate_numbers({column(specs, r, options, random)}, chunk);
    std::vector<double> values;
    for (std::size_t j = 0; j < chunk.status.size(); ++j)
      if (chunk.status[j] == 0) values.push_back(chunk.values[0][j]);
    if (values.empty()) continue;
    const double slack = 1e-9 * std::abs(m.here);
    const auto side = std::count_if(values.begin(), values.end(), [&](double v) {
      return above ? v < m.here - slack : v > m.here + slack;
    });
    const double share = static_cast<double>(side) / static_cast<double>(values.size());
    std::sort(values.begin(), values.end());
    const double median = quantile(values, 0.5);
    const double all = m.quantiles[2] - m.here;
    if (share >= fewest && (median - m.here) / all >= least) out.push_back({i, share, median});
  }
  std::stable_sort(out.begin(), out.end(), [&](const OneSided& a, const OneSided& b) {
    return std::abs(a.median - m.here) > std::abs(b.median - m.here);
  });
  return out;
}

std::vector<double> picked(const std::vector<double>& x, const std::vector<std::size_t>& which) {
  std::vector<double> out(which.size());
  std::transform(which.begin(), which.end(), out.begin(), [&x](std::size_t i) { return x[i]; });
  return out;
}

}  // namespace

bool is_choice(std::string_view path) {
  // What a circuit, a layout, a link, a host or a model turns out to be.
  static constexpr std::string_view unknown[] = {
      "chip.temperature",   "chip.control_area", "base.pipeline",
      "base.level_latency", "side.pipeline",     "side.level_latency",
      "vector.latency",     "bus.length",        "gating.wake_latency"};
  static constexpr std::string_view tables[] = {"tech.", "host.", "dram.", "weights."};
  return std::find(std::begin(unknown), std::end(unknown), path) == std::end(unknown) &&
         std::none_of(std::begin(tables), std::end(tables),
                      [path](std::string_view t) { return path.starts_with(t); });
}

std::pair<std::string, std::optional<std::string>> split_tolerance(const std::string& text) {
  const auto at = text.find("+-");
  if (at == std::string::npos) return {text, std::nullopt};
  auto left = text.substr(0, at);
  while (left.ends_with(' ')) left.pop_back();
  const auto start = text.find_first_not_of(' ', at + 2);
  return {left, start == std::string::npos ? "" : text.substr(start)};
}

void set_tolerance(Given& given, const std::string& tolerance) {
  const auto parsed = units::parse_quantity(tolerance, "");
  const auto* number = std::get_if<units::ParsedQuantity>(&parsed);
  const bool share = tolerance.find('%') != std::string::npos;
  given.deviation = share && number != nullptr ? number->value * std::abs(given.value)
                                               : parse_target(given.metric + "=" + tolerance).value;
  if (!(given.deviation > 0))
    throw spec::SpecError(
        {{{given.name, 0, 0}, "expected a tolerance above 0", "such as +- 5 % or +- 0.3 W"}});
}

Given parse_given(const std::string& text) {
  const auto [figure, tolerance] = split_tolerance(text);
  const auto target = parse_target(figure);
  if (target.goal != Goal::equal)
    throw spec::SpecError({{{text, 0, 0}, "expected METRIC=VALUE, such as power=5.33", ""}});
  Given given{text, target.metric, target.value, usual_tolerance * std::abs(target.value), {}};
  if (tolerance)
    set_tolerance(given, *tolerance);
  else if (!(given.deviation > 0))
    throw spec::SpecError({{{text, 0, 0}, "0 has no tolerance of 5 %", "give one: +- VALUE"}});
  return given;
}

Uncertainty uncertainty(const Specs& specs, const std::vector<std::string>& metrics,
                        const UncertaintyOptions& options) {
  Uncertainty out;
  for (auto& r : ranged(specs)) {
    const bool stays = !options.choices && is_choice(r.parameter.path);
    (stays ? out.fixed : out.parameters).push_back(std::move(r));
  }
  if (out.parameters.empty())
    throw spec::SpecError({{{"uncertainty", 0, 0},
                            out.fixed.empty() ? "no spec value has a range"
                                              : "only choices have a range: --choices draws them",
                            "add range = [low, high] to the values that are not sure"}});
  std::mt19937_64 random(options.seed);
  Axis together;
  std::vector<std::vector<double>> inputs;
  for (const auto& r : out.parameters) {
    together.members.push_back(varied(r.parameter, r.parameter.value));
    inputs.push_back(column(specs, r, options, random));
  }
  const Space space(specs, {std::move(together)}, metrics);
  Space::Worker worker(space);
  Space::Chunk chunk;
  worker.evaluate_numbers(inputs, chunk);
  out.samples = options.samples;
  for (const auto status : chunk.status) {
    if (status == 0)
      ++out.used;
    else
      ++out.no_design[space.reason(status)];
  }
  if (out.used == 0)
    throw spec::SpecError({{{"uncertainty", 0, 0},
                            "no draw is a design",
                            "the ranges lead to: " + out.no_design.begin()->first}});
  const auto which = draw_again(specs, options, inputs, chunk.status, out);
  // A column at a time, in place: the draws are most of the memory.
  for (auto& x : inputs) x = ranks(picked(x, which));
  for (std::size_t m = 0; m < metrics.size(); ++m)
    out.metrics.push_back(summarize(metrics[m], metric_value(specs, metrics[m]),
                                    picked(chunk.values[m], which), inputs, out.effective));
  if (options.given.empty())
    for (auto& m : out.metrics)
      if (m.here < m.quantiles.front() || m.here > m.quantiles.back())
        m.one_sided = one_sided(specs, m, out.parameters, options);
  return out;
}

}  // namespace tomestimate::study
