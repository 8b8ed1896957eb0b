// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/optimize.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <queue>
#include <set>

#include <fmt/format.h>
#include <nlopt.h>

#include <tomestimate/number/bounds.hpp>
#include <tomestimate/number/program.hpp>
#include <tomestimate/study/cautions.hpp>
#include <tomestimate/study/sensitivity.hpp>

#include "recorded.hpp"

namespace tomestimate::study {
namespace {

constexpr double endless = std::numeric_limits<double>::infinity();
constexpr double met_beside_metric = 1e-4;  // an equality target, share of it
constexpr double met_alone = 1e-6;

// ---- parameters ----

// A searched number. Continuous ones have values, all others indices from 0 to count - 1.
struct Side {
  const Searched* searched;
  double step = 0;   // of whole numbers
  double count = 0;  // 0: continuous
  bool continuous() const { return count == 0; }
  double first() const { return continuous() ? searched->low : 0; }
  double last() const { return continuous() ? searched->high : count - 1; }
  double value(double at) const {
    if (continuous()) return at;
    return searched->values.empty() ? searched->low + at * step
                                    : searched->values[static_cast<std::size_t>(at)];
  }
  Interval values(const Interval& at) const { return {value(at.low), value(at.high)}; }
  double middle(const Interval& at) const {
    const double m = at.low + (at.high - at.low) / 2;
    return continuous() ? m : std::floor(m);
  }
};

Side side_of(const Searched& s) {
  Side out{&s};
  if (!s.values.empty()) {
    out.count = static_cast<double>(s.values.size());
  } else if (s.parameter.whole) {
    out.step = unit_factor(s.parameter.unit);
    out.count = std::floor((s.high - s.low) / out.step + 1e-9) + 1;
  }
  return out;
}

// How `--set` takes a number: the shortest text that gives it back.
std::string text_of(const Parameter& p, double base) {
  return fmt::format("{}{}{}", in_display_unit(p, base), p.unit.empty() ? "" : " ", p.unit);
}

// ---- a region: one recording ----

// What is wanted, or how near a condition can be met.
struct Search : Wanted {
  std::string nearest;  // in place of a metric: a condition whose excess is to be small

  bool has_goal() const { return !metric.empty() || !nearest.empty(); }
};

// Positions, a number a side.
using Point = std::vector<double>;
using Box = std::vector<Interval>;

// The computation of one combination of texts. Outputs are the pieces of the objective, whose
// largest is to be small, then what may not be above 0.
class Region {
 public:
  Region(Specs specs, const std::vector<Side>& sides, const Search& wanted)
      : specs_(std::move(specs)), sides_(sides), recorded_(specs_, varied()) {
    add_objective(wanted);
    add_conditions(wanted);
    program_ = std::make_unique<Program>(recorded_.recording(), outputs_, axes_, sizes_);
    bounds_ = std::make_unique<Bounds>(recorded_.recording(), outputs_);
  }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  const Specs& specs() const { return specs_; }
  std::size_t pieces() const { return pieces_; }
  std::size_t outputs() const { return outputs_.size(); }
  const std::string& text(std::size_t o) const { return texts_[o - pieces_]; }

  // All outputs at points, by output.
  const std::vector<std::vector<double>>& at(const std::vector<Point>& points) {
    results_.assign(outputs_.size(), std::vector<double>(points.size()));
    workspace_.run(
        *program_, best_isa(), 0, points.size(),
        [&](std::size_t i, std::uint64_t k) { return sides_[i].value(points[k][i]); },
        [&](std::uint64_t at, std::size_t n) {
          for (std::size_t o = 0; o < outputs_.size(); ++o)
            std::copy_n(workspace_.output(o), n, results_[o].begin() + static_cast<long>(at));
        });
    return results_;
  }
  bool holds(std::size_t o, double value) const {
    return strict_[o - pieces_] ? value < 0 : value <= 0;
  }
  // The objective of the k-th point of `results`; endless if it is no design or a condition fails.
  double objective(const std::vector<std::vector<double>>& results, std::size_t k) const {
    for (std::size_t o = pieces_; o < results.size(); ++o)
      if (!holds(o, results[o][k])) return endless;  // NaN too
    return largest(results, k);
  }
  double largest(const std::vector<std::vector<double>>& results, std::size_t k) const {
    double most = -endless;
    for (std::size_t o = 0; o < pieces_; ++o) {
      if (!std::isfinite(results[o][k])) return endless;
      most = std::max(most, results[o][k]);
    }
    return most;
  }

  // What is known of a box: no objective there is below `low`, which is endless if the box has no
  // design that meets all; and where to cut it.
  struct Known {
    double low;
    std::optional<std::size_t> cut;
  };
  Known know(const Box& box) {
    Box values = values_of(box);
    bounds_->over(values);
    const auto n = outputs_.size();
    std::vector<Interval> value(n);
    std::vector<Box> slope(n, Box(sides_.size()));
    std::vector<std::size_t> open;  // what may fail in the box
    for (std::size_t o = 0; o < n; ++o) {
      value[o] = bounds_->value(o);
      for (std::size_t i = 0; i < sides_.size(); ++i) slope[o][i] = bounds_->slope(o, i);
      if (o < pieces_) continue;
      if (!holds(o, value[o].low)) return {endless, std::nullopt};
      if (!holds(o, value[o].high)) open.push_back(o);
    }
    double low = -endless;
    for (std::size_t o = 0; o < pieces_; ++o) {
      value[o].low = lowest(o, values, slope[o], value[o].low);
      low = std::max(low, value[o].low);
    }
    for (const auto o : open)
      if (!holds(o, lowest(o, values, slope[o], value[o].low))) return {endless, std::nullopt};
    for (std::size_t o = 0; o < pieces_; ++o) open.push_back(o);
    return {low, cut(box, values, open, value, slope)};
  }

  // Conditions and rules at a point.
  std::vector<Kept> kept(const Point& point) {
    Box here;
    for (std::size_t i = 0; i < sides_.size(); ++i)
      here.push_back({sides_[i].value(point[i]), sides_[i].value(point[i])});
    const auto results = at({point});
    // Slopes over the whole region may be endless: those beside the point tell the scale.
    bounds_->over(here);
    std::vector<Kept> out;
    for (std::size_t o = pieces_; o < outputs_.size(); ++o) {
      double moved = 0;
      for (std::size_t i = 0; i < sides_.size(); ++i)
        moved += std::abs(bounds_->slope(o, i).high) *
                 (sides_[i].value(sides_[i].last()) - sides_[i].value(sides_[i].first()));
      const bool binds = moved > 0 && results[o][0] >= -1e-4 * moved;
      if (binds || asked_[o - pieces_]) out.push_back({text(o), binds});
    }
    return out;
  }

 private:
  std::vector<std::pair<std::string, double>> varied() const {
    std::vector<std::pair<std::string, double>> out;
    for (const auto& s : sides_) out.emplace_back(s.searched->parameter.path, s.value(s.first()));
    return out;
  }

  void add_objective(const Search& wanted) {
    axes_.assign(sides_.size(), 0);
    if (!wanted.nearest.empty())
      outputs_.push_back(conditions(wanted.nearest, recorded_.scope())[0].excess);
    if (!wanted.metric.empty()) {
      const auto value = evaluate_formula(wanted.metric, recorded_.scope()).number;
      outputs_.push_back(wanted.maximize ? Symbol(0) - value : value);
    }
    for (const auto& t : wanted.targets)
      if (!wanted.has_goal())
        for (const auto& miss : misses(t)) outputs_.push_back(miss);
    if (!wanted.has_goal()) outputs_.push_back(Symbol(0));  // all met is as good as can be
    pieces_ = outputs_.size();
  }

  // By what share of the target a metric is beside it, on each side that counts.
  std::vector<Symbol> misses(const Target& t) const {
    const auto metric = evaluate_formula(t.metric, recorded_.scope()).number;
    const auto miss = (metric - Symbol(t.value)) / Symbol(t.value == 0 ? 1 : std::abs(t.value));
    std::vector<Symbol> out;
    if (t.goal != Goal::at_least) out.push_back(miss);
    if (t.goal != Goal::at_most) out.push_back(Symbol(0) - miss);
    return out;
  }

  void add_conditions(const Search& wanted) {
    const auto add = [&](std::string text, const Symbol& excess, bool strict, bool asked) {
      outputs_.push_back(excess);
      texts_.push_back(std::move(text));
      strict_.push_back(strict);
      asked_.push_back(asked);
    };
    if (!wanted.where.empty())
      for (auto& c : conditions(wanted.where, recorded_.scope()))
        add(std::move(c.text), c.excess, c.strict, true);
    if (wanted.has_goal())
      for (const auto& t : wanted.targets)
        for (const auto& miss : misses(t))
          add(target_text(t), t.goal == Goal::equal ? miss - Symbol(met_beside_metric) : miss,
              false, true);
    for (const auto& [reason, excess] : recorded_.rules())
      if (!excess.is_constant() || excess.value() > 0)
        add(std::string(reason), excess, false, false);
  }

  Box values_of(const Box& box) const {
    Box out;
    for (std::size_t i = 0; i < sides_.size(); ++i) out.push_back(sides_[i].values(box[i]));
    return out;
  }

  // A bound from below of output o over a box, tighter than its interval: where the output moves
  // one way with an input, it is least at that end of it.
  double lowest(std::size_t o, Box box, Box slope, double low) {
    for (;;) {
      bool fixed = false;
      for (std::size_t i = 0; i < box.size(); ++i) {
        if (box[i].low == box[i].high) continue;
        if (slope[i].low >= 0)
          box[i].high = box[i].low;
        else if (slope[i].high <= 0)
          box[i].low = box[i].high;
        else
          continue;
        fixed = true;
      }
      if (!fixed) return low;
      bounds_->over(box);
      low = std::max(low, bounds_->value(o).low);
      for (std::size_t i = 0; i < box.size(); ++i) slope[i] = bounds_->slope(o, i);
    }
  }

  // The side that moves the open outputs most, as shares of what they move in all.
  std::optional<std::size_t> cut(const Box& box, const Box& values,
                                 const std::vector<std::size_t>& open,
                                 const std::vector<Interval>& value,
                                 const std::vector<Box>& slope) const {
    std::optional<std::size_t> best;
    double most = 0;
    for (std::size_t i = 0; i < sides_.size(); ++i) {
      const double width = values[i].high - values[i].low;
      const bool continuous = sides_[i].continuous();
      const double least = continuous ? 1e-12 * std::max(std::abs(values[i].high), 1e-300) : 0;
      if (!(width > least)) continue;
      double score = 0;
      for (const auto o : open) {
        const double size = std::max(std::abs(slope[o][i].low), std::abs(slope[o][i].high));
        if (size == 0) continue;
        // An endless interval hangs on all that moves it: cutting any may end that, and soonest
        // what steps, as a step has slopes without end.
        const double moves = size * width / (value[o].high - value[o].low);
        const bool known = std::isfinite(moves) && std::isfinite(value[o].high - value[o].low);
        score += known ? std::min(moves, 1.0) : continuous ? 1.0 : 8.0;
      }
      // Equal scores are common: then the widest of what was there at first.
      score *= 1 + (box[i].high - box[i].low) / (sides_[i].last() - sides_[i].first());
      if (score > most) {
        most = score;
        best = i;
      }
    }
    return best;
  }

  Specs specs_;
  const std::vector<Side>& sides_;
  Recorded recorded_;
  std::vector<Symbol> outputs_;
  std::size_t pieces_ = 0;
  std::vector<std::string> texts_;  // by condition
  std::vector<bool> strict_, asked_;
  std::vector<std::size_t> axes_;
  std::vector<std::uint64_t> sizes_{1};
  std::unique_ptr<Program> program_;
  std::unique_ptr<Bounds> bounds_;
  Program::Workspace workspace_;
  std::vector<std::vector<double>> results_;
};

// ---- the search ----

class Finder {
 public:
  Finder(const Specs& specs, const std::vector<Searched>& searched, const Search& wanted)
      : searched_(searched), wanted_(wanted) {
    for (const auto& s : searched)
      if (s.texts.empty()) sides_.push_back(side_of(s));
    add_regions(specs, 0, {});
  }

  Optimum run() {
    look_at_grid();
    out_.grid_found = best_ < endless;
    out_.grid_best = best_;
    if (best_ < endless) polish(best_region_, best_point_);
    branch();
    return finish();
  }

 private:
  struct Part {
    double low;
    std::uint64_t made;
    std::size_t region;
    Box box;
    std::optional<std::size_t> cut;
  };
  struct Later {
    bool operator()(const Part& a, const Part& b) const {
      return a.low != b.low ? a.low > b.low : a.made < b.made;
    }
  };

  // A region for each combination of texts.
  void add_regions(const Specs& specs, std::size_t from, const std::vector<std::string>& sets) {
    for (std::size_t s = from; s < searched_.size(); ++s) {
      if (searched_[s].texts.empty()) continue;
      for (const auto& text : searched_[s].texts) {
        auto design = specs;
        const auto& path = searched_[s].parameter.path;
        spec::override_value(design.hardware, design.model, path, text, {path, 0, 0});
        auto all = sets;
        all.push_back(path + "=" + text);
        add_regions(design, s + 1, all);
      }
      return;
    }
    if (regions_.size() == 1024)
      throw spec::SpecError({{{"--vary", 0, 0},
                              "more than 1024 combinations of values that are not plain numbers",
                              "vary fewer of them"}});
    auto design = specs;
    // A list of a value a layer is one value all over, as a searched number means it.
    for (const auto& s : sides_)
      set(design, *s.searched, text_of(s.searched->parameter, s.value(s.first())));
    regions_.push_back(std::make_unique<Region>(std::move(design), sides_, wanted_));
    sets_.push_back(sets);
  }

  static void set(Specs& specs, const Searched& s, const std::string& text) {
    spec::override_value(specs.hardware, specs.model, s.parameter.path, text,
                         {s.parameter.path, 0, 0});
  }

  double gap() const {
    if (best_ == endless) return 0;
    return wanted_.has_goal() ? wanted_.tolerance * std::abs(best_) : met_alone;
  }

  void offer(std::size_t region, const Point& point, double objective) {
    if (!(objective < best_)) return;
    best_ = objective;
    best_region_ = region;
    best_point_ = point;
  }

  double try_point(std::size_t region, const Point& point) {
    ++out_.evaluations;
    const double objective = regions_[region]->objective(regions_[region]->at({point}), 0);
    offer(region, point, objective);
    return objective;
  }

  // Points spread evenly, the ends of each side included.
  void look_at_grid() {
    constexpr double most = 40'000;
    const double each =
        std::floor(std::pow(most / static_cast<double>(regions_.size()),
                            1 / std::max<double>(1, static_cast<double>(sides_.size()))) +
                   1e-9);
    std::vector<Point> points{{}};
    for (const auto& s : sides_) {
      const double n = std::max(2.0, s.continuous() ? each : std::min(each, s.count));
      std::vector<Point> longer;
      std::set<double> seen;
      for (double k = 0; k < n; ++k) {
        double x = s.first() + (s.last() - s.first()) * k / (n - 1);
        if (!s.continuous()) x = std::round(x);
        if (!seen.insert(x).second) continue;
        for (const auto& p : points) {
          longer.push_back(p);
          longer.back().push_back(x);
        }
      }
      points = std::move(longer);
    }
    for (std::size_t r = 0; r < regions_.size(); ++r) {
      const auto& results = regions_[r]->at(points);
      for (std::size_t k = 0; k < points.size(); ++k)
        offer(r, points[k], regions_[r]->objective(results, k));
      scales_.push_back(scales_of(results));
      out_.grid_points += points.size();
    }
    out_.evaluations += out_.grid_points;
  }

  // How large outputs are, so that they weigh alike.
  static std::vector<double> scales_of(const std::vector<std::vector<double>>& results) {
    std::vector<double> out;
    for (const auto& output : results) {
      double sum = 0, count = 0;
      for (const double x : output) {
        if (!std::isfinite(x)) continue;
        sum += std::abs(x);
        ++count;
      }
      out.push_back(sum > 0 ? sum / count : 1);
    }
    return out;
  }

  // NLopt's COBYLA from a point over the continuous sides. Every point that it looks at is offered.
  void polish(std::size_t region, const Point& start) {
    Local local;
    local.finder = this;
    local.region = region;
    local.start = start;
    local.scale = scales_[region];
    for (std::size_t i = 0; i < sides_.size(); ++i)
      if (sides_[i].continuous() && sides_[i].first() < sides_[i].last()) local.free.push_back(i);
    if (local.free.empty()) return;
    auto& r = *regions_[region];
    // The largest of several pieces has a kink where it is least: as a further variable it has
    // none.
    local.several = r.pieces() > 1 ? 1 : 0;
    const auto n = static_cast<unsigned>(local.free.size() + local.several);
    const std::unique_ptr<nlopt_opt_s, void (*)(nlopt_opt)> opt(nlopt_create(NLOPT_LN_COBYLA, n),
                                                                nlopt_destroy);
    std::vector<double> x;
    for (const auto i : local.free)
      x.push_back((start[i] - sides_[i].first()) / (sides_[i].last() - sides_[i].first()));
    std::vector<double> low(n, 0.0), high(n, 1.0), step(n, 0.1);
    if (local.several != 0) {
      ++out_.evaluations;
      x.push_back(std::clamp(r.largest(r.at({start}), 0), -1e6, 1e6));
      low.back() = -endless;
      high.back() = endless;
      step.back() = std::max(0.1 * std::abs(x.back()), 1e-3);
      std::fill_n(local.scale.begin(), r.pieces(), 1.0);
    }
    nlopt_set_lower_bounds(opt.get(), low.data());
    nlopt_set_upper_bounds(opt.get(), high.data());
    nlopt_set_initial_step(opt.get(), step.data());
    nlopt_set_min_objective(opt.get(), &Local::objective, &local);
    const std::vector<double> none;
    const auto constraints =
        static_cast<unsigned>(r.outputs() - (local.several != 0 ? 0 : r.pieces()));
    if (constraints > 0)
      nlopt_add_inequality_mconstraint(opt.get(), constraints, &Local::constraints, &local,
                                       nullptr);
    nlopt_set_xtol_rel(opt.get(), 1e-9);
    nlopt_set_maxeval(opt.get(), 60 * static_cast<int>(n) + 100);
    double least = 0;
    nlopt_optimize(opt.get(), x.data(), &least);
  }

  static double clamped(double x) { return std::isnan(x) ? 1e30 : std::clamp(x, -1e30, 1e30); }

  // What COBYLA asks for. It asks for objective and constraints of a point one after the other.
  struct Local {
    Finder* finder = nullptr;
    std::size_t region = 0;
    Point start;
    std::vector<std::size_t> free;  // sides that move
    unsigned several = 0;           // 1: the last variable is the largest piece
    std::vector<double> scale;      // by output
    std::vector<double> last_x, last;

    const std::vector<double>& at(unsigned n, const double* x) {
      const std::vector<double> now(x, x + n - several);
      if (now == last_x) return last;
      last_x = now;
      Point p = start;
      for (std::size_t k = 0; k < free.size(); ++k) {
        const auto& s = finder->sides_[free[k]];
        p[free[k]] = std::clamp(s.first() + now[k] * (s.last() - s.first()), s.first(), s.last());
      }
      ++finder->out_.evaluations;
      const auto& r = *finder->regions_[region];
      const auto& results = finder->regions_[region]->at({p});
      finder->offer(region, p, r.objective(results, 0));
      last.clear();
      for (std::size_t o = 0; o < results.size(); ++o)
        last.push_back(clamped(results[o][0]) / scale[o]);
      return last;
    }
    static double objective(unsigned n, const double* x, double*, void* data) {
      auto& local = *static_cast<Local*>(data);
      return local.several != 0 ? x[n - 1] : local.at(n, x)[0];
    }
    static void constraints(unsigned m, double* result, unsigned n, const double* x, double*,
                            void* data) {
      auto& local = *static_cast<Local*>(data);
      const auto& all = local.at(n, x);
      const auto pieces = local.finder->regions_[local.region]->pieces();
      const auto skipped = all.size() - m;
      // A hair inside, so that what is found holds.
      for (std::size_t k = 0; k < m; ++k)
        result[k] = all[skipped + k] + (skipped + k < pieces ? -x[n - 1] : 1e-12);
    }
  };

  void branch() {
    std::priority_queue<Part, std::vector<Part>, Later> queue;
    const auto push = [&](std::size_t region, Box box) {
      const auto known = regions_[region]->know(box);
      ++out_.boxes;
      if (known.low == endless || !(known.low < best_)) return;
      queue.push({known.low, out_.boxes, region, std::move(box), known.cut});
    };
    Box whole;
    for (const auto& s : sides_) whole.push_back({s.first(), s.last()});
    for (std::size_t r = 0; r < regions_.size(); ++r) push(r, whole);
    double left = endless;  // the lowest bound of what was not looked into further
    std::uint64_t taken = 0;
    while (!queue.empty()) {
      const auto part = queue.top();
      if (!(part.low < best_ - gap()) || out_.boxes >= wanted_.boxes) {
        left = std::min(left, part.low);
        break;
      }
      queue.pop();
      // A short search says nothing.
      if (wanted_.progress && taken % 64 == 63) wanted_.progress(out_.boxes, wanted_.boxes);
      look_into(part, ++taken);
      if (!part.cut) {
        left = std::min(left, part.low);
        continue;
      }
      const auto i = *part.cut;
      const double middle = sides_[i].middle(part.box[i]);
      auto lower = part.box, upper = part.box;
      lower[i].high = middle;
      upper[i].low = sides_[i].continuous() ? middle : middle + 1;
      push(part.region, std::move(lower));
      push(part.region, std::move(upper));
    }
    if (wanted_.progress && taken > 63) wanted_.progress(wanted_.boxes, wanted_.boxes);
    out_.bound = std::min(left, best_);
    out_.closed = left == endless || out_.bound >= best_ - gap();
  }

  void look_into(const Part& part, std::uint64_t taken) {
    constexpr std::uint64_t always = 16, now_and_then = 256;
    Point middle;
    Point chosen;  // of what is not continuous, where nothing is left to choose
    bool narrowed = true;
    for (std::size_t i = 0; i < sides_.size(); ++i) {
      middle.push_back(sides_[i].middle(part.box[i]));
      if (sides_[i].continuous()) continue;
      chosen.push_back(part.box[i].low);
      narrowed = narrowed && part.box[i].low == part.box[i].high;
    }
    try_point(part.region, middle);
    const bool fresh = narrowed && tried_.emplace(part.region, chosen).second;
    if (fresh || taken <= always || taken % now_and_then == 0) polish(part.region, middle);
  }

  // The texts of a point: numbers of few digits, where the design with these meets all as well.
  std::vector<std::string> texts_at(const Point& point) {
    std::vector<std::string> best;
    for (const int digits : {6, 9, 17}) {
      std::vector<Point> points{{}};
      for (std::size_t i = 0; i < sides_.size(); ++i) {
        std::vector<Point> longer;
        for (const double x : rounded(sides_[i], point[i], digits))
          for (const auto& p : points) {
            longer.push_back(p);
            longer.back().push_back(x);
          }
        points = std::move(longer);
      }
      double least = endless;
      const auto results = regions_[best_region_]->at(points);
      for (std::size_t k = 0; k < points.size(); ++k) {
        const double objective = regions_[best_region_]->objective(results, k);
        if (!(objective < least)) continue;
        least = objective;
        best_point_ = points[k];
      }
      const double worse = !wanted_.has_goal() ? met_alone / 2 : 1e-5 * std::abs(best_);
      if (least <= best_ + worse || digits == 17) {
        best_ = least < endless ? least : best_;
        break;
      }
    }
    for (std::size_t i = 0; i < sides_.size(); ++i)
      best.push_back(text_of(sides_[i].searched->parameter, sides_[i].value(best_point_[i])));
    return best;
  }

  // A continuous value rounded down and up, as its text will be read; itself for any other.
  static std::vector<double> rounded(const Side& s, double x, int digits) {
    if (!s.continuous() || digits == 17) return {x};
    const auto& p = s.searched->parameter;
    const double shown = x / unit_factor(p.unit);
    const double place =
        shown == 0 ? 1 : std::pow(10, digits - 1 - std::floor(std::log10(std::abs(shown))));
    std::vector<double> out;
    for (const double n : {std::floor(shown * place), std::ceil(shown * place)})
      out.push_back(
          std::clamp(decimal(n / place) * unit_factor(p.unit), s.searched->low, s.searched->high));
    return out;
  }

  Optimum finish() {
    if (best_ == endless) return std::move(out_);
    const auto before = best_;
    const auto texts = texts_at(best_point_);
    out_.specs = regions_[best_region_]->specs();
    auto fixed = sets_[best_region_].begin();
    auto number = texts.begin();
    for (const auto& s : searched_) {
      if (!s.texts.empty()) {
        out_.sets.push_back(*fixed++);
        continue;
      }
      set(out_.specs, s, *number);
      out_.sets.push_back(s.parameter.path + "=" + *number++);
    }
    out_.bound = std::min(out_.bound, before);
    out_.kept = regions_[best_region_]->kept(best_point_);
    const double sign = wanted_.maximize ? -1 : 1;
    out_.found = wanted_.has_goal() || best_ <= met_alone;
    // By the engine itself, not by its recording.
    out_.best = wanted_.metric.empty() ? best_ : metric_value(out_.specs, wanted_.metric);
    out_.bound *= sign;
    out_.grid_best *= sign;
    return std::move(out_);
  }

  const std::vector<Searched>& searched_;
  const Search& wanted_;
  std::vector<Side> sides_;
  std::vector<std::unique_ptr<Region>> regions_;
  std::vector<std::vector<std::string>> sets_;  // by region: its texts
  std::vector<std::vector<double>> scales_;     // by region and output
  double best_ = endless;
  std::size_t best_region_ = 0;
  Point best_point_;
  std::set<std::pair<std::size_t, Point>> tried_;
  Optimum out_;
};

// ---- why nothing meets all ----

// Metrics that a condition or target names.
std::vector<std::string> metrics_in(const std::string& text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : text + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.') {
      word += c;
      continue;
    }
    if (metric_unit(word) && std::find(out.begin(), out.end(), word) == out.end())
      out.push_back(word);
    word.clear();
  }
  return out;
}

// The conditions of a formula as texts.
std::vector<std::string> parts_of(const Specs& specs, const std::string& where) {
  std::vector<std::string> out;
  if (where.empty()) return out;
  const Recorded recorded(specs, {});
  for (auto& c : conditions(where, recorded.scope())) out.push_back(std::move(c.text));
  return out;
}

// Each condition and target by itself; then, if each can be met, what is left without each.
class Clashes {
 public:
  Clashes(const Specs& specs, const std::vector<Searched>& searched, const Wanted& wanted)
      : specs_(specs),
        searched_(searched),
        wanted_(wanted),
        conditions_(parts_of(specs, wanted.where)) {}

  std::vector<Clash> find() const {
    std::vector<Clash> out;
    for (const auto& c : conditions_) out.push_back(alone(c));
    for (const auto& t : wanted_.targets) out.push_back(alone(t));
    const bool each = std::all_of(out.begin(), out.end(), [](const Clash& c) { return c.alone; });
    if (each && out.size() > 1)
      for (std::size_t i = 0; i < out.size(); ++i) leave_out(i, out[i]);
    return out;
  }

 private:
  Search search() const {
    constexpr std::uint64_t enough = 5000;  // a hint is not worth waiting for
    Search out;
    out.tolerance = wanted_.tolerance;
    out.boxes = std::min(enough, wanted_.boxes);
    if (wanted_.progress)  // to be stopped by, not to be told
      out.progress = [this](std::uint64_t, std::uint64_t) {
        wanted_.progress(wanted_.boxes, wanted_.boxes);
      };
    return out;
  }

  Clash alone(const std::string& condition) const {
    auto s = search();
    s.nearest = condition;
    const auto best = Finder(specs_, searched_, s).run();
    const bool strict = strict_of(condition);
    const auto holds = [strict](double excess) { return strict ? excess < 0 : excess <= 0; };
    Clash out{condition, best.found && holds(best.best), !holds(best.bound), false, {}};
    if (!best.found) out.proved = best.closed;
    add_nearest(out, best);
    return out;
  }

  Clash alone(const Target& target) const {
    auto s = search();
    s.targets = {target};
    const auto best = Finder(specs_, searched_, s).run();
    const double met = wanted_.metric.empty() ? met_alone : met_beside_metric;
    const bool any = !best.sets.empty();
    Clash out{target_text(target),
              any && best.best <= met,
              any ? best.bound > met : best.closed,
              false,
              {}};
    add_nearest(out, best);
    return out;
  }

  bool strict_of(const std::string& condition) const {
    const Recorded recorded(specs_, {});
    return conditions(condition, recorded.scope())[0].strict;
  }

  static void add_nearest(Clash& out, const Optimum& best) {
    out.nearest.clear();
    if (best.sets.empty()) return;
    for (const auto& metric : metrics_in(out.text))
      out.nearest.emplace_back(metric, metric_value(best.specs, metric));
  }

  // Whether all others can be met, and how near the i-th can be come to then.
  void leave_out(std::size_t i, Clash& clash) const {
    auto s = search();
    s.targets = wanted_.targets;
    auto left = conditions_;
    if (i < left.size()) {
      s.nearest = left[i];
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      const auto out = s.targets.begin() + static_cast<std::ptrdiff_t>(i - left.size());
      s.metric = out->metric;
      s.maximize = out->goal != Goal::at_most;
      s.targets.erase(out);
    }
    s.where = fmt::format("{}", fmt::join(left, " and "));
    const auto best = Finder(specs_, searched_, s).run();
    clash.without = best.found;
    add_nearest(clash, best);
  }

  const Specs& specs_;
  const std::vector<Searched>& searched_;
  const Wanted& wanted_;
  std::vector<std::string> conditions_;
};

}  // namespace

Optimum optimize(const Specs& specs, const std::vector<Searched>& searched, const Wanted& wanted) {
  if (!wanted.metric.empty()) require_metric(wanted.metric, {wanted.metric, 0, 0});
  const Search search{wanted, ""};
  auto out = Finder(specs, searched, search).run();
  if (!out.found) out.clashes = Clashes(specs, searched, wanted).find();
  return out;
}

Searched usual_region(const Specs& specs, const std::string& path, const spec::Place& place) {
  const auto refuse = [&place](std::string message, std::string hint) {
    throw spec::SpecError({{place, std::move(message), std::move(hint)}});
  };
  Searched out;
  out.parameter = find_parameter(specs, path, place);
  const auto& p = out.parameter;
  if (!p.number)
    refuse(fmt::format("{} is no plain number", p.path),
           fmt::format("say which values: {}=A,B,...", p.path));
  const double unit = unit_factor(p.unit);
  const auto stated = stated_range(specs, p.path);
  out.low = stated ? (*stated)[0] : std::max(p.value / 4, p.min * unit);
  out.high = stated ? (*stated)[1] : std::min(p.value * 4, p.max * unit);
  if (p.whole) {
    out.low = std::ceil(out.low / unit - 1e-9) * unit;
    out.high = std::floor(out.high / unit + 1e-9) * unit;
  }
  if (!(out.low < out.high))
    refuse(fmt::format("{} is {:.6g} and its spec states no range", p.path, p.value / unit),
           fmt::format("say one: {}=A..B", p.path));
  return out;
}

std::vector<Searched> searched_of(const Study& study) {
  std::vector<Searched> out;
  for (const auto& axis : study.axes) {
    const auto& v = axis.members[0];
    if (axis.members.size() > 1)
      throw spec::SpecError(
          {{{v.parameter.path, 0, 0}, "values that move together are not searched", "use pareto"}});
    Searched s;
    s.parameter = v.parameter;
    const double unit = unit_factor(v.parameter.unit);
    for (std::uint64_t i = 0; i < v.size(); ++i)
      if (v.is_number())
        s.values.push_back(v.number(i) * unit);
      else
        s.texts.push_back(v.text(i));
    std::sort(s.values.begin(), s.values.end());
    s.values.erase(std::unique(s.values.begin(), s.values.end()), s.values.end());
    if (!s.values.empty()) {
      s.low = s.values.front();
      s.high = s.values.back();
    }
    if (axis.region) s.values.clear();
    out.push_back(std::move(s));
  }
  return out;
}

}  // namespace tomestimate::study
