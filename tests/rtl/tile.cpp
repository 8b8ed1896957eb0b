// SPDX-License-Identifier: Apache-2.0
// Tiles: exact counts, the same on every platform, and matrices read from text.
#include <tomestimate/rtl/tile.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <tomestimate/spec/diagnostic.hpp>

#include "catch.hpp"

using namespace tomestimate;

namespace {

using Weights = std::vector<std::int8_t>;

// "line:column: message" of what parse_tile refuses.
std::string refusal(const std::string& text) {
  try {
    rtl::parse_tile(text, "w.csv");
  } catch (const spec::SpecError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a random tile has a whole number of zeros, exactly") {
  for (const std::size_t words : {1, 3, 64})
    for (const std::size_t width : {1, 5, 16})
      for (const double share : {0.0, 0.1, 0.29, 0.5, 0.97, 1.0})
        for (const std::uint64_t seed : {0, 1, 2}) {
          const auto tile = rtl::random_tile({words, 2, width}, share, seed);
          const auto n = words * 2 * width;
          REQUIRE(tile.weights.size() == n);
          const auto counts = rtl::count(tile);
          CHECK(static_cast<double>(counts.zero) ==
                std::floor(share * static_cast<double>(n) + 0.5));
          CHECK(counts.zero + counts.plus + counts.minus == n);
          CHECK(counts.bits() == 2 * n);
          CHECK(counts.ones() == n - counts.zero);
        }
}

TEST_CASE("signs are random and places are spread") {
  const auto tile = rtl::random_tile({256, 8, 8}, 0.3, 7);
  const auto counts = rtl::count(tile);
  // 11469 non-zero weights: one standard deviation of the plus ones is sqrt(11469)/2 = 54.
  CHECK(std::abs(static_cast<double>(counts.plus) - 11469 / 2.0) < 4 * 54);
  for (std::size_t w = 0; w < 256; ++w) {
    std::size_t zeros = 0;
    for (const auto x : tile.word(w)) zeros += x == 0;
    // 19.2 of 64 on average, one standard deviation is 3.7.
    CHECK(zeros > 0);
    CHECK(zeros < 45);
  }
}

TEST_CASE("one tile for a seed, on every platform") {
  // Written down once: std::mt19937_64 is fixed by the standard, and so is all that follows.
  const auto tile = rtl::random_tile({3, 2, 2}, 0.35, 1);
  CHECK(tile.weights == Weights{-1, -1, 0, 0, 1, 0, 0, -1, -1, -1, -1, -1});
  CHECK(rtl::random_tile({3, 2, 2}, 0.35, 2).weights != tile.weights);
}

TEST_CASE("a matrix from text is one word a line") {
  for (const std::string text :
       {"1,0,-1\n0,0,+1\n", "1 0 -1\n\n0 0 1", "1;0; -1 \r\n 0\t0 1\r\n"}) {
    const auto tile = rtl::parse_tile(text, "w.csv");
    CHECK(tile.shape.words == 2);
    CHECK(tile.shape.rows == 1);
    CHECK(tile.shape.width == 3);
    CHECK(tile.weights == Weights{1, 0, -1, 0, 0, 1});
  }
}

TEST_CASE("what is no ternary matrix is refused with its place") {
  CHECK(refusal("1,0\n0,2\n").find("w.csv:2:3: error: \"2\" is no ternary weight") == 0);
  CHECK(refusal("1,0\n\n0, 0.5\n").find("w.csv:3:4: error: \"0.5\"") == 0);
  CHECK(refusal("1,0\n0\n").find("w.csv:2:2: error: 1 weights in this line, 2 in those before") ==
        0);
  CHECK(refusal("1,0\n0,1,1\n").find("w.csv:2:6: error: 3 weights") == 0);
  CHECK(refusal("").find("w.csv:1:1: error: no weights") == 0);
  CHECK(refusal(" \n,\n").find("no weights") != std::string::npos);
}

TEST_CASE("blocks of zeros are whole, and the zeros are as many as without") {
  const rtl::TileShape shape{32, 1, 40};  // two whole blocks of 16 a word, and 8 weights
  const auto tile = rtl::clustered_tile(shape, 0.5, 0.25, 7);
  CHECK(rtl::count(tile).zero == 640);
  std::size_t blocks = 0;
  for (std::size_t w = 0; w < shape.words; ++w)
    for (const std::size_t b : {0, 1}) {
      const auto block = tile.word(w).subspan(b * rtl::block_weights, rtl::block_weights);
      if (std::all_of(block.begin(), block.end(), [](std::int8_t x) { return x == 0; })) ++blocks;
    }
  CHECK(blocks == 16);  // of 64; by chance none would be
  CHECK(rtl::clustered_tile(shape, 0.5, 0, 7).weights == rtl::random_tile(shape, 0.5, 7).weights);
  CHECK(rtl::clustered_tile(shape, 0.5, 0.25, 7).weights == tile.weights);
}

namespace {

// An array as NumPy writes it, with this header and these bytes.
std::string array(const std::string& header, const std::string& data, char version = 1) {
  const auto length = header.size();
  std::string out = "\x93NUMPY";
  out += version;
  out += '\0';
  out += static_cast<char>(length & 0xff);
  out += static_cast<char>(length >> 8);
  if (version > 1) out.append(2, '\0');
  return out + header + data;
}

const std::string good_header = "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 4), }\n";
const std::string good_data =
    std::string("\x01\x00\xff\x00", 4) + std::string("\x00\x00\x01\x01", 4);

std::string array_refusal(const std::string& bytes) {
  try {
    rtl::parse_tile_array(bytes, "w.npy");
  } catch (const spec::SpecError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a matrix in NumPy's format") {
  for (const char version : {1, 2, 3}) {
    const auto bytes = array(good_header, good_data, version);
    const auto tile = rtl::parse_tile_array(bytes, "w.npy");
    CHECK(tile.shape.words == 2);
    CHECK(tile.shape.width == 4);
    CHECK(tile.weights == Weights{1, 0, -1, 0, 0, 0, 1, 1});
    const auto split = rtl::split_words(tile, 1, 2);
    CHECK(split.shape.words == 4);
    CHECK(split.word(1)[0] == -1);
  }

  const auto refused = [](const std::string& bytes, const std::string& why) {
    const auto said = array_refusal(bytes);
    CAPTURE(said);
    CHECK(said.find(why) != std::string::npos);
  };
  refused("\x93NUMPY", "no header");
  refused(array(good_header, good_data).substr(0, 30), "ends too early");
  refused(array("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }",
                good_data + good_data + good_data + good_data),
          "elements of type float32");
  refused(array("{'descr': '|i1', 'fortran_order': True, 'shape': (2, 4), }", good_data),
          "Fortran");
  refused(array("{'descr': '|i1', 'fortran_order': False, 'shape': (8,), }", good_data),
          "no matrix");
  refused(array("{'descr': '|i1', 'fortran_order': False, 'shape': (0, 4), }", ""),
          "0 x 4 weights");
  refused(array("{'descr': '|i1', 'fortran_order': False, 'shape': (9999999999, 4), }", ""),
          "ends before its array of 9999999999 x 4");
  refused(array(good_header, good_data.substr(1) + "\x02"), "weight 3 of row 1 is 2");
}
