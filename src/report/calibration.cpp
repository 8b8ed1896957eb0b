// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <range/v3/algorithm/max_element.hpp>
#include <range/v3/algorithm/sort.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/filter.hpp>
#include <range/v3/view/transform.hpp>

#include <tomestimate/report/reports.hpp>

namespace tomestimate::report {
namespace {

namespace rv = ranges::views;
using rtl::AreaLaw;
using rtl::Calibration;
using rtl::MeasuredTile;
using rtl::Size;
using Tiles = std::vector<MeasuredTile>;

constexpr double tolerated = 0.10;  // a law off by more is called broken
// Zero weights of the models that the specs ship with.
constexpr double model_low = 0.29;
constexpr double model_high = 0.42;
constexpr double tom_zeros = 0.30;  // TOM's published 65 % zero bits

double error(const Calibration& c, const MeasuredTile& t) {
  return rtl::relative_error(c.law.area(t.sample), t);
}

double per_bit(const MeasuredTile& t) { return t.sample.area / t.sample.bits; }

bool has_area(const MeasuredTile& t) { return t.sample.area > 0; }

std::vector<Size> all_sizes(const Calibration& c) {
  std::vector<Size> out;
  for (const auto& t : c.tiles)
    if (std::find(out.begin(), out.end(), t.size) == out.end()) out.push_back(t.size);
  return out;
}

// The tiles of one size, by rising zero share.
Tiles of_size(const Calibration& c, const Size& size) {
  auto out = c.tiles | rv::filter([&](const auto& t) { return t.size == size && has_area(t); }) |
             ranges::to<Tiles>;
  ranges::sort(out, {}, &MeasuredTile::zero_share);
  return out;
}

// The size measured at most zero shares; the largest of those.
Tiles densest_series(const Calibration& c) {
  std::vector<Tiles> series;
  for (const auto& size : all_sizes(c)) series.push_back(of_size(c, size));
  return *ranges::max_element(series, {}, [](const Tiles& t) {
    return std::pair(t.size(), t.empty() ? 0 : t[0].size.all_weights());
  });
}

Table tiles_table(const Calibration& c) {
  Table table{"tiles",
              "Tiles, in the fit and held out",
              {{"use", ""},
               {"words", ""},
               {"weights a word", ""},
               {"zero weights", "%"},
               {"bits", "bit"},
               {"1-bits", "bit"},
               {"measured", "um^2"},
               {"fitted", "um^2"},
               {"residual", "um^2"},
               {"residual", "%"},
               {"NAND2 a bit", ""}},
              {},
              {"residual = fitted - measured"}};
  for (const auto& t : c.tiles) {
    const double fitted = c.law.area(t.sample);
    table.rows.push_back({std::string(t.held_out ? "held out" : "fit"),
                          static_cast<double>(t.size.words), static_cast<double>(t.size.weights),
                          100 * t.zero_share, t.sample.bits, t.sample.ones, t.sample.area, fitted,
                          fitted - t.sample.area, has_area(t) ? Cell{100 * error(c, t)} : Cell{},
                          per_bit(t) / c.nand2_area});
  }
  return table;
}

// The worst of the relative errors of a law, in percent; nothing without tiles.
template <class Law>
Cell worst(const Tiles& tiles, Law law) {
  Cell out;
  double found = 0;
  for (const auto& t : tiles | rv::filter(has_area)) {
    found = std::max(found, std::abs(rtl::relative_error(law(t.sample), t)));
    out = 100 * found;
  }
  return out;
}

Table laws_table(const Calibration& c) {
  Table table{"laws",
              "Laws fitted to the same tiles",
              {{"law", ""},
               {"of a 1-bit", "um^2/bit"},
               {"of any bit", "um^2/bit"},
               {"intercept", "um^2"},
               {"of a bit of entropy", "um^2/bit"},
               {"R^2", ""},
               {"worst in fit", "%"},
               {"worst held out", "%"}},
              {},
              {}};
  const auto used = rtl::samples(c.fitted());
  const auto add = [&](std::string name, std::vector<Cell> coefficients, auto law) {
    const auto fitted = used | rv::transform(law) | ranges::to<std::vector<double>>;
    Row row{std::move(name)};
    row.insert(row.end(), coefficients.begin(), coefficients.end());
    row.push_back(rtl::r_squared(used, fitted));
    row.push_back(worst(c.fitted(), law));
    row.push_back(worst(c.held_out(), law));
    table.rows.push_back(std::move(row));
  };
  const auto linear = [](const AreaLaw& l) {
    return [l](const rtl::Sample& s) { return l.area(s); };
  };
  add("linear (the engine's)", {c.law.per_one_bit, c.law.per_bit, 0.0, Cell{}}, linear(c.law));
  if (const auto& l = c.with_intercept)
    add("linear with an intercept", {l->per_one_bit, l->per_bit, l->intercept, Cell{}}, linear(*l));
  add("entropy of the weights", {Cell{}, Cell{}, Cell{}, c.entropy_law},
      [k = c.entropy_law](const rtl::Sample& s) { return rtl::entropy_law_area(k, s); });
  table.notes.push_back("least squares on um^2: large tiles weigh most");
  table.notes.push_back(
      "entropy: area = k x weights x (-z log2 z - (1-z) log2((1-z)/2)), what random weights with a "
      "share z of zeros hold; not a law of the engine");
  return table;
}

Table sparsity_table(const Calibration& c, const Tiles& series) {
  Table table{"sparsity",
              fmt::format("Area against zero weights, tiles of {}", rtl::to_text(series[0].size)),
              {{"zero weights", "%"},
               {"zero bits", "%"},
               {"use", ""},
               {"measured", "um^2/bit"},
               {"linear", "um^2/bit"},
               {"linear off", "%"},
               {"entropy off", "%"}},
              {},
              {}};
  for (const auto& t : series)
    table.rows.push_back(
        {100 * t.zero_share, 50 * (1 + t.zero_share), std::string(t.held_out ? "held out" : "fit"),
         per_bit(t), c.law.area(t.sample) / t.sample.bits, 100 * error(c, t),
         100 * rtl::relative_error(rtl::entropy_law_area(c.entropy_law, t.sample), t)});
  return table;
}

// MB/mm^2 of bits that take `area` um^2 each.
double density(double area) { return 1e6 / area / 8e6; }

Table sizes_table(const Calibration& c, const rtl::NodeChoice& node) {
  Table table{"sizes",
              "Area against size, at the zero weights nearest to TOM's 30 % (65 % zero bits)",
              {{"tile", ""},
               {"zero weights", "%"},
               {"measured", "um^2/bit"},
               {"linear off", "%"},
               {"NAND2 a bit", ""},
               {"density", "MB/mm^2"}},
              {},
              {"density: cells only, all of the area used"}};
  const bool scaled = !node.scale_source.empty();
  if (scaled) {
    table.columns.push_back({"density, scaled", "MB/mm^2"});
    table.notes.push_back(
        fmt::format("scaled: areas times {:g}: {}", node.scale, node.scale_source));
  }
  for (const auto& size : all_sizes(c)) {
    const auto series = of_size(c, size);
    if (series.empty()) continue;
    const auto& t = *std::min_element(series.begin(), series.end(), [](auto& a, auto& b) {
      return std::abs(a.zero_share - tom_zeros) < std::abs(b.zero_share - tom_zeros);
    });
    Row row{rtl::to_text(size), 100 * t.zero_share,        per_bit(t),
            100 * error(c, t),  per_bit(t) / c.nand2_area, density(per_bit(t))};
    if (scaled) row.push_back(density(node.scale * per_bit(t)));
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string intercept_sentence(const Calibration& c) {
  if (!c.with_intercept)
    return "What a tile costs beside its bits cannot be told: the fit has one size of tile.";
  const auto used = c.fitted();
  const auto [small, large] = std::minmax_element(
      used.begin(), used.end(),
      [](const auto& a, const auto& b) { return a.sample.bits < b.sample.bits; });
  const double i = c.with_intercept->intercept;
  return fmt::format(
      "With an intercept, a tile would cost {:.4g} um^2 beside its bits (decoder; less than 0 "
      "means that larger tiles share more): {:.1f} % of {}, {:.1f} % of {}.",
      i, 100 * i / small->sample.area, rtl::to_text(small->size), 100 * i / large->sample.area,
      rtl::to_text(large->size));
}

// The tile of a series at this zero share, or nearly; null if there is none.
const MeasuredTile* at_share(const Tiles& series, double zero_share) {
  const auto found = std::find_if(series.begin(), series.end(), [&](const auto& t) {
    return std::abs(t.zero_share - zero_share) < 0.01;
  });
  return found == series.end() ? nullptr : &*found;
}

std::string trust_verdict(bool level, bool slope) {
  if (level && slope) return "the law can be trusted there";
  if (level) return "its level can be trusted there, NOT what it says zeros save";
  if (slope) return "what it says zeros save can be trusted there, NOT its level at every size";
  return "TRUST NEITHER its level at every size NOR what it says zeros save";
}

// Level and slope where the models are, for all sizes measured at both ends.
std::vector<std::string> trust_sentences(const Calibration& c) {
  std::vector<std::string> sizes;
  bool level = true, slope = true;
  for (const auto& size : all_sizes(c)) {
    const auto series = of_size(c, size);
    const auto* low = at_share(series, model_low);
    const auto* high = at_share(series, model_high);
    if (low == nullptr || high == nullptr) continue;
    double off = 0;
    for (const auto* t = low; t <= high; ++t) off = std::max(off, std::abs(error(c, *t)));
    const double measured = high->sample.area / low->sample.area - 1;
    const double law = c.law.area(high->sample) / c.law.area(low->sample) - 1;
    level = level && off <= tolerated;
    slope = slope && std::abs(law - measured) <= 0.25 * std::abs(law);
    sizes.push_back(
        fmt::format("{} goes {:+.1f} % ({:+.1f} % by the law, which is off by up to "
                    "{:.1f} %)",
                    rtl::to_text(size), 100 * measured, 100 * law, 100 * off));
  }
  if (sizes.empty()) return {};
  return {fmt::format("From {:g} to {:g} % zero weights, where the models are, the area of {}: {}.",
                      100 * model_low, 100 * model_high, fmt::join(sizes, ", of "),
                      trust_verdict(level, slope))};
}

std::string break_sentence(const Calibration& c, const Tiles& series) {
  std::vector<std::string> broken;
  for (const auto& t : series)
    if (std::abs(error(c, t)) > tolerated)
      broken.push_back(fmt::format("{:.0f} % ({:+.0f} %)", 100 * t.zero_share, 100 * error(c, t)));
  const auto where = fmt::format("between {:.0f} and {:.0f} % zero weights",
                                 100 * series.front().zero_share, 100 * series.back().zero_share);
  if (broken.empty())
    return fmt::format("It is within {:.0f} % at {} all over, {}.", 100 * tolerated,
                       rtl::to_text(series[0].size), where);
  return fmt::format("It breaks (off by more than {:.0f} %) at {} {} at: {}.", 100 * tolerated,
                     rtl::to_text(series[0].size), where, fmt::join(broken, ", "));
}

std::string range_sentence(const Calibration& c) {
  const auto bits = [](const Size& s) { return s.all_weights(); };
  const auto [small, large] =
      std::minmax_element(c.grid.sizes.begin(), c.grid.sizes.end(),
                          [&](const Size& a, const Size& b) { return bits(a) < bits(b); });
  const auto zeros = std::minmax_element(c.grid.zero_shares.begin(), c.grid.zero_shares.end());
  return fmt::format(
      "Fitted to {} to {} (words x weights), {:g} to {:g} % zero weights; anything "
      "else is extrapolated.",
      rtl::to_text(*small), rtl::to_text(*large), 100 * *zeros.first, 100 * *zeros.second);
}

}  // namespace

Document calibration_document(const HardwareSpec& hardware, const Calibration& c,
                              const rtl::NodeChoice& node) {
  Document document{"ROM area law, calibrated by synthesis", {}, {}};
  auto& lead = document.lead;
  lead.push_back(fmt::format(
      "area = 1-bits x {:.4g} um^2 + bits x {:.4g} um^2: {}, library {} (a NAND2 is {:g} um^2), {} "
      "form, {} tiles in the fit, {} held out, seed {}.",
      c.law.per_one_bit, c.law.per_bit, c.yosys, c.library, c.nand2_area, name(c.grid.form),
      c.fitted().size(), c.held_out().size(), c.grid.seed));
  lead.push_back(range_sentence(c));
  lead.push_back(intercept_sentence(c));
  const auto series = densest_series(c);
  if (!series.empty()) {
    for (auto& sentence : trust_sentences(c)) lead.push_back(std::move(sentence));
    lead.push_back(break_sentence(c, series));
  }
  for (const auto& caution : rtl::cautions(hardware, c, node))
    lead.push_back("CAUTION: " + caution);
  document.tables.push_back(laws_table(c));
  if (!series.empty()) document.tables.push_back(sparsity_table(c, series));
  document.tables.push_back(sizes_table(c, node));
  document.tables.push_back(tiles_table(c));
  return document;
}

}  // namespace tomestimate::report
