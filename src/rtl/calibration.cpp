// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/calibration.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <variant>

#include <fmt/format.h>

#include <tomestimate/rtl/synthesis.hpp>
#include <tomestimate/spec/write.hpp>
#include <tomestimate/units/unit_text.hpp>

namespace tomestimate::rtl {
namespace {

using HardwareSpec = spec::Spec<spec::Hardware<double>>;

struct Task {
  Size size;
  double zero_share;
  bool held_out;
};

std::vector<Task> tasks(const Grid& grid) {
  std::vector<Task> out;
  for (const auto& size : grid.sizes)
    for (const double z : grid.zero_shares) out.push_back({size, z, false});
  for (const auto& size : grid.held_out_sizes)
    for (const double z : grid.held_out_zero_shares) out.push_back({size, z, true});
  return out;
}

MeasuredTile measure(const Synthesizer& synthesizer, const Grid& grid, const Task& task,
                     std::size_t index) {
  const auto tile =
      random_tile({task.size.words, 1, task.size.weights}, task.zero_share, grid.seed + index);
  const auto counts = count(tile);
  const double area = synthesizer.area(tile, grid.form, fmt::format("tile{}", index));
  return {task.size,
          static_cast<double>(counts.zero) / static_cast<double>(task.size.all_weights()),
          {static_cast<double>(counts.ones()), static_cast<double>(counts.bits()), area},
          task.held_out};
}

std::vector<MeasuredTile> measure_all(const Synthesizer& synthesizer, const Grid& grid,
                                      unsigned threads, const Progress& progress) {
  const auto all = tasks(grid);
  std::vector<MeasuredTile> out(all.size());
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::size_t done = 0;
  std::exception_ptr error;
  const auto work = [&] {
    for (std::size_t i = next++; i < all.size(); i = next++) {
      try {
        out[i] = measure(synthesizer, grid, all[i], i);
        const std::lock_guard lock(mutex);
        progress(++done, all.size());
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        next = all.size();
      }
    }
  };
  {
    std::vector<std::jthread> pool;
    for (unsigned t = 0; t < threads; ++t) pool.emplace_back(work);
  }
  if (error) std::rethrow_exception(error);
  return out;
}

std::vector<MeasuredTile> those(const std::vector<MeasuredTile>& tiles, bool held_out) {
  std::vector<MeasuredTile> out;
  std::copy_if(tiles.begin(), tiles.end(), std::back_inserter(out),
               [&](const MeasuredTile& t) { return t.held_out == held_out; });
  return out;
}

std::string list(const std::vector<Size>& sizes) {
  std::vector<std::string> texts;
  for (const auto& size : sizes) texts.push_back(to_text(size));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string synthesis_id(const Calibration& c) { return fmt::format("synthesis.{}", c.library); }

// What the stored values say of where they are from.
std::string source(const Calibration& c, const NodeChoice& node) {
  const auto held_out = c.held_out();
  return fmt::format(
      "tomestimate calibrate: {} ({} form) with {}, least squares over {} tiles of {} words x "
      "weights at {} zero weights; largest residual {:.1f} %{}{}",
      c.yosys, name(c.grid.form), c.library, c.fitted().size(), list(c.grid.sizes),
      fmt::join(c.grid.zero_shares, ", "), 100 * worst_error(c.law, c.fitted()),
      held_out.empty() ? std::string(", no tiles held out")
                       : fmt::format(", {:.1f} % on {} tiles held out",
                                     100 * worst_error(c.law, held_out), held_out.size()),
      node.scale_source.empty()
          ? ""
          : fmt::format("; areas scaled by {:g}: {}", node.scale, node.scale_source));
}

void replace(HardwareSpec& spec, const std::string& path, std::string text, spec::Grade grade,
             std::string source, std::vector<std::string> fits) {
  const auto found = std::find_if(spec.sourced.begin(), spec.sourced.end(),
                                  [&path](const auto& value) { return value.path == path; });
  if (found != spec.sourced.end())
    *found = {path, std::move(text), grade, std::move(source), std::nullopt, std::move(fits), {}};
}

bool is_law(const spec::Sourced& value) {
  return value.path == "rom.area_per_one_bit" || value.path == "rom.area_per_bit";
}

// Whether the spec is to be at another node than it says. A bad node counts: it will not read back.
bool moves_node(const HardwareSpec& before, const NodeChoice& node) {
  if (node.node.empty()) return false;
  const auto parsed = units::parse_quantity(node.node);
  const auto* length = std::get_if<units::ParsedQuantity>(&parsed);
  const double now = before.values.chip.node.value();
  return length == nullptr || std::abs(length->value - now) > 1e-9 * now;
}

}  // namespace

std::string to_text(const Size& size) { return fmt::format("{}x{}", size.words, size.weights); }

std::vector<MeasuredTile> Calibration::fitted() const { return those(tiles, false); }

std::vector<MeasuredTile> Calibration::held_out() const { return those(tiles, true); }

std::vector<Sample> samples(const std::vector<MeasuredTile>& tiles) {
  std::vector<Sample> out;
  for (const auto& t : tiles) out.push_back(t.sample);
  return out;
}

double relative_error(double law_area, const MeasuredTile& tile) {
  return (law_area - tile.sample.area) / tile.sample.area;
}

double worst_error(const AreaLaw& law, const std::vector<MeasuredTile>& tiles) {
  double worst = 0;
  for (const auto& t : tiles)
    if (t.sample.area > 0) worst = std::max(worst, std::abs(relative_error(law.area(t.sample), t)));
  return worst;
}

Calibration calibrate(const std::string& liberty, const Grid& grid, unsigned threads,
                      const Progress& progress) {
  const Synthesizer synthesizer(liberty);
  Calibration c;
  c.grid = grid;
  c.library = std::filesystem::path(liberty).stem().string();
  c.yosys = synthesizer.version();
  c.nand2_area = synthesizer.nand2_area();
  c.tiles = measure_all(synthesizer, grid, threads, progress);
  const auto used = samples(c.fitted());
  const auto law = fit_law(used);
  if (!law)
    throw std::domain_error(
        "the tiles of the fit all have one share of 1-bits: what a 1-bit and what any bit costs "
        "cannot be told apart");
  c.law = *law;
  c.with_intercept = fit_law_with_intercept(used);
  c.entropy_law = fit_entropy_law(used);
  return c;
}

HardwareSpec calibrated_spec(HardwareSpec spec, const Calibration& c, const NodeChoice& node) {
  const auto text = [&](double area) { return fmt::format("{:.6g} um^2/bit", node.scale * area); };
  for (const auto& [path, area] :
       {std::pair{"rom.area_per_one_bit", c.law.per_one_bit}, {"rom.area_per_bit", c.law.per_bit}})
    replace(spec, path, text(area), spec::Grade::calibrated, source(c, node), {synthesis_id(c)});
  if (moves_node(spec, node))
    replace(spec, "chip.node", node.node, spec::Grade::assumption,
            fmt::format("the node of the library {}, as --node said", c.library), {});
  // Reading it back sets the values and checks them.
  return spec::parse_hardware(spec::to_toml(spec, ""), "the calibrated spec");
}

std::vector<std::string> cautions(const HardwareSpec& before, const Calibration& c,
                                  const NodeChoice& node) {
  std::vector<std::string> out{
      "cell area only: a placed and routed ROM takes that divided by its utilization"};
  if (moves_node(before, node))
    out.push_back(fmt::format(
        "chip.node is {} for the ROM law alone: SRAM and macro cells, other areas, energies and "
        "leakage still describe the node the spec had before",
        node.node));
  std::vector<std::string> figures, others;
  for (const auto& value : before.sourced) {
    if (is_law(value))
      figures.insert(figures.end(), value.fits.begin(), value.fits.end());
    else if (value.grade == spec::Grade::calibrated)
      others.push_back(value.path);
  }
  if (!figures.empty())
    out.push_back(fmt::format("predicted from now on, no longer met by calibration: {}",
                              fmt::join(figures, ", ")));
  if (!others.empty())
    out.push_back(fmt::format(
        "these were calibrated while the old ROM area was in place; where they hang on it, their "
        "figures now miss: {}",
        fmt::join(others, ", ")));
  if (before.values.rom.law == spec::RomLaw::macro)
    out.push_back("rom.law is \"macro\": this spec does not use the two values");
  const auto& hw = before.values;
  const auto bank = hw.pe.rows * hw.pe.width * hw.rom.bank_words;
  const auto largest = std::max_element(
      c.grid.sizes.begin(), c.grid.sizes.end(),
      [](const Size& a, const Size& b) { return a.all_weights() < b.all_weights(); });
  if (bank > static_cast<double>(largest->all_weights()))
    out.push_back(fmt::format(
        "a bank of this spec, {}x{}, is {:.4g} times the largest tile of the fit, {}: larger tiles "
        "share more logic, so the law is likely too large for it",
        hw.rom.bank_words, hw.pe.rows * hw.pe.width,
        bank / static_cast<double>(largest->all_weights()), to_text(*largest)));
  return out;
}

}  // namespace tomestimate::rtl
