// SPDX-License-Identifier: Apache-2.0
// Calibration of the ROM area law: synthesize a grid of tiles, fit, judge by tiles held out, store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <tomestimate/rtl/area_law.hpp>
#include <tomestimate/rtl/verilog.hpp>
#include <tomestimate/spec/load.hpp>

namespace tomestimate::rtl {

struct Size {
  std::size_t words;
  std::size_t weights;  // of one word: R x W

  bool operator==(const Size&) const = default;
  std::size_t all_weights() const { return words * weights; }
};

std::string to_text(const Size& size);  // "256x64"

// Every size is crossed with every zero share; fit and held out apart.
struct Grid {
  std::vector<Size> sizes;
  std::vector<double> zero_shares;
  std::vector<Size> held_out_sizes;
  std::vector<double> held_out_zero_shares;
  std::uint64_t seed = 1;  // tile i of the grid, held-out ones last, is drawn with seed + i
  RomForm form = RomForm::lookup;
};

struct MeasuredTile {
  Size size;
  double zero_share;  // as drawn: zeros / weights
  Sample sample;
  bool held_out;
};

struct Calibration {
  Grid grid;
  std::string library;    // the file's name without folder and extension
  std::string yosys;      // "Yosys 0.23"
  double nand2_area = 0;  // um^2
  std::vector<MeasuredTile> tiles;
  AreaLaw law;
  std::optional<AreaLaw> with_intercept;
  double entropy_law = 0;  // um^2 per bit of entropy

  std::vector<MeasuredTile> fitted() const;
  std::vector<MeasuredTile> held_out() const;
};

std::vector<Sample> samples(const std::vector<MeasuredTile>& tiles);

// Share of a tile's area by which the law is off: (law - measured) / measured.
double relative_error(double law_area, const MeasuredTile& tile);

// The largest |relative_error| of the engine's law among tiles, those without cells aside; 0
// without tiles.
double worst_error(const AreaLaw& law, const std::vector<MeasuredTile>& tiles);

using Progress = std::function<void(std::size_t done, std::size_t all)>;

// Synthesizes the tiles of the grid, at most `threads` at a time, and fits. The result does not
// hang on `threads`. `progress` is called after each tile, by one thread at a time. Throws
// spec::SpecError for a bad library, std::runtime_error if yosys is missing or fails, and
// std::domain_error if the tiles of the fit cannot tell the law's two terms apart.
Calibration calibrate(const std::string& liberty, const Grid& grid, unsigned threads,
                      const Progress& progress);

// How library areas become areas of the spec.
struct NodeChoice {
  // Either the library's node ("180 nm"): the spec is moved to it ...
  std::string node;
  // ... or a factor on areas, from the library's node to the spec's, and where it is from.
  double scale = 1;
  std::string scale_source;
};

// The spec with rom.area_per_one_bit and rom.area_per_bit from the calibration, graded
// "calibrated". Their `fits` names the synthesis, which is no published figure: what the old values
// were fitted to is predicted from now on. Throws spec::SpecError if a value does not fit the spec.
spec::Spec<spec::Hardware<double>> calibrated_spec(spec::Spec<spec::Hardware<double>> spec,
                                                   const Calibration& calibration,
                                                   const NodeChoice& node);

// What a reader of the calibrated spec has to know, a sentence each.
std::vector<std::string> cautions(const spec::Spec<spec::Hardware<double>>& before,
                                  const Calibration& calibration, const NodeChoice& node);

}  // namespace tomestimate::rtl
