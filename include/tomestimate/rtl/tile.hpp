// SPDX-License-Identifier: Apache-2.0
// Tiles of ternary weights: what a ROM bank of one lane holds (specs/machine.md, "Base
// projections").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tomestimate::rtl {

struct TileShape {
  std::size_t words;
  std::size_t rows;   // R of a word
  std::size_t width;  // W of a word

  std::size_t word_weights() const { return rows * width; }
  std::size_t weights() const { return words * word_weights(); }
};

// Weights of a tile, at most; TOM's bank holds 262,144.
inline constexpr std::size_t largest_tile = std::size_t{1} << 22;

// Words of rows x width weights, each -1, 0 or 1: word after word, a word's weights row by row.
struct Tile {
  TileShape shape;
  std::vector<std::int8_t> weights;  // shape.weights() of them

  std::span<const std::int8_t> word(std::size_t w) const {
    return std::span(weights).subspan(w * shape.word_weights(), shape.word_weights());
  }
};

struct WeightCounts {
  std::size_t zero = 0;
  std::size_t plus = 0;   // +1
  std::size_t minus = 0;  // -1

  std::size_t bits() const { return 2 * (zero + plus + minus); }
  std::size_t ones() const { return plus + minus; }  // a non-zero weight has one 1-bit
};

WeightCounts count(const Tile& tile);

// Weights with a whole number of zeros, round(zero_share x weights) as the engine has it, in random
// places, and random signs. The same tile for a seed on every platform. zero_share is in [0, 1].
Tile random_tile(const TileShape& shape, double zero_share, std::uint64_t seed);

// Blocks of weights of a word that real layers have zero throughout more often than chance.
inline constexpr std::size_t block_weights = 16;

// As random_tile, but round(zero_blocks x blocks) of its whole blocks, in random places, are zero
// throughout, and the zeros that are left to draw lie in random places of the others. zero_blocks
// is in [0, zero_share].
Tile clustered_tile(const TileShape& shape, double zero_share, double zero_blocks,
                    std::uint64_t seed);

// A matrix as text, numbers -1, 0 and 1 set apart by commas, semicolons or blanks: one ROM word a
// line, empty lines aside. The tile has one row and as many columns. `file` is for messages. Throws
// spec::SpecError with line and column of the first thing that is wrong.
Tile parse_tile(std::string_view text, const std::string& file);

// Likewise of an array in NumPy's format (.npy): two dimensions of int8, in C order.
Tile parse_tile_array(std::string_view bytes, const std::string& file);

// The tile with each word split into words of rows x width weights, first ones first. Those weights
// have to divide the old word's.
Tile split_words(Tile tile, std::size_t rows, std::size_t width);

}  // namespace tomestimate::rtl
