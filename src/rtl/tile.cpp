// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/tile.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <random>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <tomestimate/array/npy.hpp>
#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/units/math.hpp>

namespace tomestimate::rtl {
namespace {

// A whole number below n, each as likely. The standard's own distributions differ from library to
// library; its Mersenne Twister does not.
std::uint64_t below(std::uint64_t n, std::mt19937_64& random) {
  const std::uint64_t over = (std::mt19937_64::max() % n + 1) % n;  // draws that would favour some
  auto draw = random();
  while (draw > std::mt19937_64::max() - over) draw = random();
  return draw % n;
}

// Reads the numbers of one line of a matrix.
class LineReader {
 public:
  LineReader(std::string_view line, std::size_t number, const std::string& file)
      : line_(line), number_(number), file_(file) {}

  // The next weight, or false at the end of the line.
  bool next(std::int8_t& weight) {
    at_ = std::min(line_.find_first_not_of(separators, at_), line_.size());
    if (at_ == line_.size()) return false;
    const auto end = std::min(line_.find_first_of(separators, at_), line_.size());
    const auto text = line_.substr(at_, end - at_);
    static constexpr std::array<std::pair<std::string_view, std::int8_t>, 4> known{
        {{"0", 0}, {"1", 1}, {"+1", 1}, {"-1", -1}}};
    const auto* found = std::find_if(known.begin(), known.end(),
                                     [&](const auto& entry) { return entry.first == text; });
    if (found == known.end())
      fail(fmt::format("\"{}\" is no ternary weight", text), "expected -1, 0 or 1");
    weight = found->second;
    at_ = end;
    return true;
  }

  [[noreturn]] void fail(std::string message, std::string hint) const {
    throw spec::SpecError(
        {{{file_, static_cast<std::uint32_t>(number_), static_cast<std::uint32_t>(at_ + 1)},
          std::move(message),
          std::move(hint)}});
  }

 private:
  static constexpr std::string_view separators = " \t\r,;";
  std::string_view line_;
  std::size_t number_;
  const std::string& file_;
  std::size_t at_ = 0;
};

[[noreturn]] void refuse_array(const std::string& file, std::string message) {
  throw spec::SpecError(
      {{{file, 1, 1}, std::move(message), "a matrix of int8 in C order, of -1, 0 and 1"}});
}

}  // namespace

WeightCounts count(const Tile& tile) {
  WeightCounts counts;
  for (const auto w : tile.weights) ++(w == 0 ? counts.zero : w > 0 ? counts.plus : counts.minus);
  return counts;
}

Tile random_tile(const TileShape& shape, double zero_share, std::uint64_t seed) {
  return clustered_tile(shape, zero_share, 0, seed);
}

Tile clustered_tile(const TileShape& shape, double zero_share, double zero_blocks,
                    std::uint64_t seed) {
  const auto round = [](double x) { return static_cast<std::size_t>(units::round_half_up(x)); };
  std::mt19937_64 random(seed);
  const auto shuffle = [&random](auto& list) {
    for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[below(i, random)]);
  };
  const auto blocks_a_word = shape.word_weights() / block_weights;
  std::vector<std::size_t> blocks;  // the first weight of those that are zero throughout
  if (zero_blocks > 0) {
    for (std::size_t w = 0; w < shape.words; ++w)
      for (std::size_t b = 0; b < blocks_a_word; ++b)
        blocks.push_back(w * shape.word_weights() + b * block_weights);
    shuffle(blocks);
    blocks.resize(round(zero_blocks * static_cast<double>(blocks.size())));
  }
  const auto n = shape.weights();
  const auto in_blocks = blocks.size() * block_weights;
  const auto zeros = std::max(round(zero_share * static_cast<double>(n)), in_blocks);
  std::vector<std::int8_t> drawn(n - in_blocks, 0);
  for (std::size_t i = zeros - in_blocks; i < drawn.size(); ++i)
    drawn[i] = random() >> 63 != 0 ? 1 : -1;
  shuffle(drawn);
  std::vector<bool> zero(n, false);
  for (const auto first : blocks)
    for (std::size_t i = 0; i < block_weights; ++i) zero[first + i] = true;
  Tile tile{shape, std::vector<std::int8_t>(n, 0)};
  for (std::size_t i = 0, next = 0; i < n; ++i)
    if (!zero[i]) tile.weights[i] = drawn[next++];
  return tile;
}

Tile parse_tile(std::string_view text, const std::string& file) {
  Tile tile{{0, 1, 0}, {}};
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    LineReader line(text.substr(at, end - at), ++number, file);
    std::size_t columns = 0;
    for (std::int8_t weight = 0; line.next(weight); ++columns) tile.weights.push_back(weight);
    if (columns != 0 && tile.shape.words++ == 0) tile.shape.width = columns;
    if (columns != 0 && columns != tile.shape.width)
      line.fail(
          fmt::format("{} weights in this line, {} in those before", columns, tile.shape.width),
          "one ROM word a line, all of one length");
    at = end + 1;
  }
  if (tile.weights.empty())
    throw spec::SpecError(
        {{{file, 1, 1}, "no weights", "one ROM word a line, such as \"1,0,-1\""}});
  if (tile.weights.size() > largest_tile)
    throw spec::SpecError(
        {{{file, 1, 1},
          fmt::format("{} weights are more than a tile may have", tile.weights.size()),
          fmt::format("at most {}", largest_tile)}});
  return tile;
}

Tile parse_tile_array(std::string_view bytes, const std::string& file) {
  const auto matrix = array::parse_npy(bytes, file);
  if (matrix.dtype != "int8")
    refuse_array(file, fmt::format("has elements of type {}", matrix.dtype));
  if (matrix.shape.size() != 2) refuse_array(file, "is no matrix");
  const auto words = matrix.shape[0], width = matrix.shape[1];
  if (words == 0 || width == 0 || words > largest_tile / width)
    refuse_array(file, fmt::format("{} x {} weights, where a tile has from 1 to {}", words, width,
                                   largest_tile));
  Tile tile{{words, 1, width}, matrix.elements<std::int8_t>()};
  for (std::size_t i = 0; i < tile.weights.size(); ++i)
    if (tile.weights[i] < -1 || tile.weights[i] > 1)
      refuse_array(file, fmt::format("weight {} of row {} is {}", i % width, i / width,
                                     int(tile.weights[i])));
  return tile;
}

Tile split_words(Tile tile, std::size_t rows, std::size_t width) {
  tile.shape = {tile.shape.weights() / (rows * width), rows, width};
  return tile;
}

}  // namespace tomestimate::rtl
