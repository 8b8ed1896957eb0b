// SPDX-License-Identifier: Apache-2.0
// What a machine that keeps the weights in ROM would do for a linear layer, counted from the
// weights and activations of a run, where closed forms take averages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <tomestimate/reference/matrix.hpp>
#include <tomestimate/spec/model.hpp>

namespace tomestimate::reference {

// How a matrix is dealt to ROM words. Rows go to lanes (row r to lane r mod lanes) and, within a
// row, words of word_bits bits to the units of the lane (word w to unit w mod units). A unit reads
// its words row by row, the same words in the same order for every token. A last word that is not
// full is padded with 0 bits. Each unit keeps its words at addresses 0, 1, 2, ... of banks of
// bank_words words.
struct WordStream {
  std::size_t lanes = 16;
  std::size_t units = 10;
  std::size_t word_bits = 256;
  std::size_t bank_words = 1024;
};

// What one matrix says, whatever the activations: for one token, and from one token to the next.
struct MatrixCounts {
  std::uint64_t words = 0;
  std::uint64_t bits = 0;  // of weights, without padding
  std::uint64_t one_bits = 0;
  std::uint64_t zeros = 0;            // weights
  std::uint64_t pairs = 0;            // of words that follow each other, within a token
  std::uint64_t data_toggles = 0;     // bits that differ between them
  std::uint64_t address_toggles = 0;  // bits of the address within its bank
  std::uint64_t wraps = 0;            // pairs of a last word and the first one again
  std::uint64_t wrap_data_toggles = 0;
  std::uint64_t wrap_address_toggles = 0;
  std::size_t rows = 0;
  std::size_t lanes = 0;             // that have a row
  std::size_t units = 0;             // of a lane
  std::size_t word_columns = 0;      // weights of a word
  std::vector<std::uint32_t> plus;   // by column: weights above 0 (ternary, or code above zero)
  std::vector<std::uint32_t> minus;  // by column: weights below 0
};
// Ternary words have 2 bits a weight: 0 is 00, +1 is 01, -1 is 10. Grouped ones have their codes.
// The same for any number of threads.
MatrixCounts count_matrix(const Matrix& matrix, const WordStream& stream, unsigned threads);

// Sums over the tokens of a run.
struct DataCounts {
  std::uint64_t tokens = 0;
  std::uint64_t weights_used = 0;  // tokens x weights
  std::uint64_t zero_weights_used = 0;
  std::uint64_t bits_read = 0;
  std::uint64_t one_bits_read = 0;
  std::uint64_t words_read = 0;
  std::uint64_t word_pairs = 0;  // of words read one after the other by a unit
  std::uint64_t data_toggles = 0;
  std::uint64_t address_toggles = 0;
  std::uint64_t activations = 0;
  std::uint64_t zero_activations = 0;
  // Bits of the code at each input of a unit that differ from one word to the next, for all units:
  // eight bits a weight used could. Where a word is not full, or a unit has no word, the code is 0.
  std::uint64_t activation_toggles = 0;
  // Additions of weight x activation with neither zero, by the sign of what is added.
  std::uint64_t adds_positive = 0;
  std::uint64_t adds_negative = 0;

  DataCounts& operator+=(const DataCounts& other);
  bool operator==(const DataCounts&) const = default;
};

// Counts of `codes`, tokens x columns of 8-bit codes; sign_magnitude: of E4M3, else two's
// complement.
DataCounts count_data(const MatrixCounts& matrix, std::span<const std::uint8_t> codes,
                      std::size_t tokens, bool sign_magnitude);

// Data toggles that word pairs of `word_bits` bits would have if each bit were 1 by itself with the
// share of 1-bits that was read.
double toggles_if_independent(const DataCounts& counts, std::size_t word_bits);

// Counts of a whole run, by layer and projection. Each pass is counted by itself: between two
// passes the ROM is taken to sleep, so no word follows another.
class Counter {
 public:
  Counter(WordStream stream, std::size_t layers, bool sign_magnitude, unsigned threads);

  void add(std::size_t layer, spec::Projection projection, const Matrix& matrix,
           std::span<const std::uint8_t> codes, std::size_t tokens);

  const WordStream& stream() const { return stream_; }
  const DataCounts& of(std::size_t layer, std::size_t projection) const {
    return counts_[layer * spec::projection_count + projection];
  }

 private:
  WordStream stream_;
  bool sign_magnitude_;
  unsigned threads_;
  std::vector<std::optional<MatrixCounts>> matrices_;
  std::vector<DataCounts> counts_;
};

}  // namespace tomestimate::reference
