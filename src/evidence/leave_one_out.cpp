// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/leave_one_out.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>

#include <fmt/format.h>
#include <range/v3/algorithm/contains.hpp>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/study/cautions.hpp>

#include "figures.hpp"

namespace tomestimate::evidence {
namespace {

namespace fs = std::filesystem;

// A calibrated value that is fitted anew.
struct Free {
  study::Parameter parameter;
  std::string spec;  // the file, as figures name it: its fits hold where that is used
  double low = 0, high = 0;
  double value = 0;  // in base units
  std::vector<const Figure*> by;
};

class Refit {
 public:
  Refit(const std::vector<Figure>& figures, fs::path folder)
      : figures_(figures), folder_(std::move(folder)) {}

  LeftOut without(const Figure& left) {
    LeftOut out{left.id.text, left.what, left.value, left.unit, estimate(left, {}), {}, {}, ""};
    auto free = free_values(left);
    fit(free);
    bool any = false;
    for (const auto& f : free) {
      any = any || !f.by.empty();
      std::vector<std::string> by;
      for (const auto* figure : f.by) by.push_back(figure->id.text);
      const double unit = study::unit_factor(f.parameter.unit);
      out.refits.push_back({f.parameter.path, f.parameter.unit, f.parameter.value / unit,
                            f.value / unit, std::move(by)});
    }
    if (any)
      out.predicted = estimate(left, free);
    else
      out.why_not = "nothing else was used to fit it: without the figure the value is not known";
    return out;
  }

  const study::Specs& specs(const Figure& f) {
    const auto key = std::pair(f.hardware, f.model);
    const auto known = loaded_.find(key);
    if (known != loaded_.end()) return known->second;
    return loaded_.emplace(key, specs_of(f, folder_)).first->second;
  }

 private:
  // Calibrated values that list the figure, and the other figures that each lists.
  std::vector<Free> free_values(const Figure& left) {
    std::vector<Free> out;
    const auto& specs = this->specs(left);
    const auto add = [&](const auto& spec, const std::string& file, auto file_of) {
      for (const auto& s : spec.sourced) {
        if (!ranges::contains(s.fits, left.id.text)) continue;
        Free f{study::find_parameter(specs, s.path, s.place), file, 0, 0, 0, {}};
        if (!f.parameter.number) continue;
        const double unit = study::unit_factor(f.parameter.unit);
        f.low = s.range ? (*s.range)[0] : f.parameter.min * unit;
        f.high = s.range ? (*s.range)[1] : f.parameter.max * unit;
        f.value = f.parameter.value;
        for (const auto& g : figures_)
          if (g.compared && &g != &left && file_of(g) == file &&
              ranges::contains(s.fits, g.id.text))
            f.by.push_back(&g);
        out.push_back(std::move(f));
      }
    };
    add(specs.hardware, left.hardware, [](const Figure& g) { return g.hardware; });
    add(specs.model, left.model, [](const Figure& g) { return g.model; });
    return out;
  }

  // In the figure's unit, with these values in place of the calibrated ones. NaN: no design.
  double estimate(const Figure& figure, const std::vector<Free>& free) {
    auto specs = this->specs(figure);
    for (const auto& f : free) {
      if (f.spec != figure.hardware && f.spec != figure.model) continue;
      spec::override_value(specs.hardware, specs.model, f.parameter.path,
                           study::varied(f.parameter, f.value).text(0), figure.id.place);
    }
    set_values(figure.set, specs.hardware, specs.model);
    try {
      spec::check_pair(specs.hardware.values, specs.model.values);
    } catch (const spec::SpecError&) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    return metric_value(figure.metric.text, specs.hardware, specs.model, figure.unit);
  }

  // Sum of squared relative errors of the figures that value `i` is fitted to, with it at x.
  double misfit(std::vector<Free>& free, std::size_t i, double x) {
    const double kept = std::exchange(free[i].value, x);
    double sum = 0;
    for (const auto* g : free[i].by) {
      const double off = (estimate(*g, free) - g->value) / g->value;
      sum += std::isfinite(off) ? off * off : 1e300;
    }
    free[i].value = kept;
    return sum;
  }

  // The best value in the range: the best of a grid, narrowed by golden sections. Ranges over
  // decades are looked at by ratio.
  double best(std::vector<Free>& free, std::size_t i) {
    const auto& f = free[i];
    const bool by_ratio = f.low > 0 && f.high / f.low > 100;
    const auto at = [&](double share) {
      double x =
          by_ratio ? f.low * std::pow(f.high / f.low, share) : f.low + share * (f.high - f.low);
      const double unit = study::unit_factor(f.parameter.unit);
      if (f.parameter.whole) x = std::round(x / unit) * unit;
      return std::clamp(x, f.low, f.high);
    };
    constexpr int points = 400;
    int least = 0;
    double misfit_there = std::numeric_limits<double>::infinity();
    for (int k = 0; k <= points; ++k)
      if (const double y = misfit(free, i, at(k / double{points})); y < misfit_there) {
        misfit_there = y;
        least = k;
      }
    double a = std::max(0, least - 1) / double{points};
    double b = std::min(points, least + 1) / double{points};
    constexpr double golden = 0.6180339887498949;
    for (int k = 0; k < 60; ++k) {
      const double c = b - golden * (b - a), d = a + golden * (b - a);
      if (misfit(free, i, at(c)) < misfit(free, i, at(d)))
        b = d;
      else
        a = c;
    }
    return at((a + b) / 2);
  }

  // One value after the other, until none moves.
  void fit(std::vector<Free>& free) {
    constexpr int rounds = 50;
    for (int round = 0; round < rounds; ++round) {
      bool moved = false;
      for (std::size_t i = 0; i < free.size(); ++i) {
        if (free[i].by.empty()) continue;
        const double x = best(free, i);
        moved = moved || std::abs(x - free[i].value) > 1e-9 * std::abs(x);
        free[i].value = x;
      }
      if (!moved) return;
    }
  }

  const std::vector<Figure>& figures_;
  fs::path folder_;
  std::map<std::pair<std::string, std::string>, study::Specs> loaded_;
};

}  // namespace

std::optional<double> LeftOut::error() const {
  if (!predicted || published == 0) return std::nullopt;
  return (*predicted - published) / published;
}

std::vector<LeftOut> leave_one_out(const std::string& path) {
  const auto figures = read_figures(path);
  Refit refit(figures, fs::path(path).parent_path());
  std::vector<LeftOut> out;
  for (const auto& f : figures) {
    if (f.compared && !fitted_to(f.id.text, refit.specs(f)).empty())
      out.push_back(refit.without(f));
  }
  return out;
}

}  // namespace tomestimate::evidence
