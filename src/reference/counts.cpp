// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/reference/counts.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <mutex>

#include "parallel.hpp"

namespace tomestimate::reference {
namespace {

// Codes of one row as the ROM has them, and the sign of each weight.
struct Row {
  std::vector<std::uint8_t> codes;
  std::vector<std::int8_t> signs;
};

void read_row(const Ternary& m, std::size_t r, Row& row) {
  m.row_weights(r, row.signs);
  for (std::size_t c = 0; c < row.codes.size(); ++c)
    row.codes[c] = static_cast<std::uint8_t>((row.signs[c] == 1) | (row.signs[c] == -1) << 1);
}

void read_row(const Grouped& m, std::size_t r, Row& row) {
  m.row_codes(r, row.codes);
  for (std::size_t c = 0; c < row.codes.size(); ++c) {
    const int zero = m.zero(r, c / m.group());
    row.signs[c] = static_cast<std::int8_t>((row.codes[c] > zero) - (row.codes[c] < zero));
  }
}

std::uint64_t load(std::span<const std::uint8_t> bytes, std::size_t at) {
  std::uint64_t out = 0;
  std::memcpy(&out, bytes.data() + at, 8);
  return out;
}

// The 1-bits of `count` numbers of eight bytes, which are number(0), number(1), ... Without an
// instruction for it, so that any machine's vectors do: sums of bytes hold 31 numbers.
template <class Number>
std::uint64_t ones_of(std::size_t count, Number number) {
  constexpr std::uint64_t odd = 0x5555555555555555, pairs = 0x3333333333333333,
                          nibbles = 0x0F0F0F0F0F0F0F0F, even_bytes = 0x00FF00FF00FF00FF;
  std::uint64_t out = 0;
  for (std::size_t from = 0; from < count; from += 31) {
    const auto to = std::min(count, from + 31);
    std::uint64_t bytes = 0;
    for (std::size_t i = from; i < to; ++i) {
      auto x = number(i);
      x -= x >> 1 & odd;
      x = (x & pairs) + (x >> 2 & pairs);
      bytes += (x + (x >> 4)) & nibbles;
    }
    const auto words = (bytes & even_bytes) + (bytes >> 8 & even_bytes);
    out += words * 0x0001000100010001 >> 48;
  }
  return out;
}

std::uint64_t ones_of(std::span<const std::uint8_t> bytes) {
  const auto whole = bytes.size() / 8;
  auto out = ones_of(whole, [&](std::size_t i) { return load(bytes, 8 * i); });
  for (const auto byte : bytes.subspan(8 * whole))
    out += static_cast<unsigned>(std::popcount(unsigned{byte}));
  return out;
}

// A word that is shorter than the other is padded with zeros.
std::uint64_t differing_bits(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  const auto both = std::min(a.size(), b.size());
  const auto whole = both / 8;
  auto out = ones_of(whole, [&](std::size_t i) { return load(a, 8 * i) ^ load(b, 8 * i); });
  for (std::size_t i = 8 * whole; i < both; ++i)
    out += static_cast<unsigned>(std::popcount(unsigned{a[i]} ^ unsigned{b[i]}));
  return out + ones_of(a.subspan(both)) + ones_of(b.subspan(both));
}

// The words of one unit, as they pass by.
struct Unit {
  std::vector<std::uint8_t> first;
  std::vector<std::uint8_t> last;
  std::uint64_t words = 0;
};

void pass_word(std::span<const std::uint8_t> word, const WordStream& stream, Unit& unit,
               MatrixCounts& out) {
  if (unit.words == 0) {
    unit.first.assign(word.begin(), word.end());
  } else {
    ++out.pairs;
    out.data_toggles += differing_bits(unit.last, word);
    out.address_toggles += static_cast<unsigned>(
        std::popcount((unit.words % stream.bank_words) ^ ((unit.words - 1) % stream.bank_words)));
  }
  unit.last.assign(word.begin(), word.end());
  ++unit.words;
  ++out.words;
}

void count_row(const Row& row, MatrixCounts& out) {
  out.one_bits += ones_of(row.codes);
  std::uint32_t zeros = 0;
  for (std::size_t c = 0; c < row.codes.size(); ++c) {
    zeros += row.signs[c] == 0;
    out.plus[c] += row.signs[c] > 0;
    out.minus[c] += row.signs[c] < 0;
  }
  out.zeros += zeros;
}

// What the rows of lanes from .. to - 1 add to the counts.
template <class M>
MatrixCounts count_lanes(const M& matrix, std::size_t width, const WordStream& stream,
                         std::size_t from, std::size_t to) {
  MatrixCounts out;
  const auto columns = matrix.columns();
  out.plus.resize(columns);
  out.minus.resize(columns);
  Row row{std::vector<std::uint8_t>(columns), std::vector<std::int8_t>(columns)};
  for (std::size_t lane = from; lane < to; ++lane) {
    std::vector<Unit> units(stream.units);
    for (std::size_t r = lane; r < matrix.rows(); r += stream.lanes) {
      read_row(matrix, r, row);
      count_row(row, out);
      for (std::size_t at = 0, w = 0; at < columns; at += width, ++w)
        pass_word(std::span(row.codes).subspan(at, std::min(width, columns - at)), stream,
                  units[w % stream.units], out);
    }
    for (const auto& unit : units) {
      if (unit.words == 0) continue;
      ++out.wraps;
      out.wrap_data_toggles += differing_bits(unit.last, unit.first);
      out.wrap_address_toggles +=
          static_cast<unsigned>(std::popcount((unit.words - 1) % stream.bank_words));
    }
  }
  return out;
}

void add(const MatrixCounts& part, MatrixCounts& sum) {
  sum.words += part.words;
  sum.one_bits += part.one_bits;
  sum.zeros += part.zeros;
  sum.pairs += part.pairs;
  sum.data_toggles += part.data_toggles;
  sum.address_toggles += part.address_toggles;
  sum.wraps += part.wraps;
  sum.wrap_data_toggles += part.wrap_data_toggles;
  sum.wrap_address_toggles += part.wrap_address_toggles;
  for (std::size_t c = 0; c < sum.plus.size(); ++c) {
    sum.plus[c] += part.plus[c];
    sum.minus[c] += part.minus[c];
  }
}

template <class M>
MatrixCounts count(const M& matrix, std::size_t bits, const WordStream& stream, unsigned threads) {
  MatrixCounts out;
  const auto columns = matrix.columns();
  out.bits = matrix.rows() * columns * bits;
  out.rows = matrix.rows();
  out.lanes = std::min(matrix.rows(), stream.lanes);
  out.units = stream.units;
  out.word_columns = std::max<std::size_t>(1, stream.word_bits / bits);
  out.plus.resize(columns);
  out.minus.resize(columns);
  std::mutex adding;
  const auto work = static_cast<double>(matrix.rows()) * static_cast<double>(columns);
  parallel(threads, out.lanes, work, [&](std::size_t from, std::size_t to) {
    const auto part = count_lanes(matrix, out.word_columns, stream, from, to);
    const std::scoped_lock lock(adding);
    add(part, out);
  });
  return out;
}

// Bits that differ between what word `from` of token `a` and word `to` of token `b` meet.
std::uint64_t toggles_between(std::span<const std::uint8_t> a, std::size_t from,
                              std::span<const std::uint8_t> b, std::size_t to, std::size_t width) {
  const auto word = [width](std::span<const std::uint8_t> token, std::size_t w) {
    const auto first = std::min(w * width, token.size());
    return token.subspan(first, std::min(width, token.size() - first));
  };
  return differing_bits(word(a, from), word(b, to));
}

// `next` is the token after this one; empty for the last.
std::uint64_t activation_toggles(const MatrixCounts& m, std::span<const std::uint8_t> token,
                                 std::span<const std::uint8_t> next) {
  const auto words = (token.size() + m.word_columns - 1) / m.word_columns;
  std::uint64_t within = 0;  // a row
  std::uint64_t between_rows = 0;
  std::uint64_t between_tokens = 0;
  for (std::size_t unit = 0; unit < std::min(m.units, words); ++unit) {
    std::size_t last = unit;
    for (; last + m.units < words; last += m.units)
      within += toggles_between(token, last, token, last + m.units, m.word_columns);
    between_rows += toggles_between(token, last, token, unit, m.word_columns);
    if (!next.empty()) between_tokens += toggles_between(token, last, next, unit, m.word_columns);
  }
  return m.rows * within + (m.rows - m.lanes) * between_rows + m.lanes * between_tokens;
}

}  // namespace

MatrixCounts count_matrix(const Matrix& matrix, const WordStream& stream, unsigned threads) {
  if (const auto* ternary = std::get_if<Ternary>(&matrix))
    return count(*ternary, 2, stream, threads);
  const auto& grouped = std::get<Grouped>(matrix);
  return count(grouped, static_cast<std::size_t>(grouped.bits()), stream, threads);
}

DataCounts& DataCounts::operator+=(const DataCounts& o) {
  tokens += o.tokens;
  weights_used += o.weights_used;
  zero_weights_used += o.zero_weights_used;
  bits_read += o.bits_read;
  one_bits_read += o.one_bits_read;
  words_read += o.words_read;
  word_pairs += o.word_pairs;
  data_toggles += o.data_toggles;
  address_toggles += o.address_toggles;
  activations += o.activations;
  zero_activations += o.zero_activations;
  activation_toggles += o.activation_toggles;
  adds_positive += o.adds_positive;
  adds_negative += o.adds_negative;
  return *this;
}

DataCounts count_data(const MatrixCounts& matrix, std::span<const std::uint8_t> codes,
                      std::size_t tokens, bool sign_magnitude) {
  const auto columns = matrix.plus.size();
  const auto weights = [&] {
    std::uint64_t sum = matrix.zeros;
    for (std::size_t c = 0; c < columns; ++c) sum += matrix.plus[c] + matrix.minus[c];
    return sum;
  }();
  DataCounts out;
  out.tokens = tokens;
  out.weights_used = tokens * weights;
  out.zero_weights_used = tokens * matrix.zeros;
  out.bits_read = tokens * matrix.bits;
  out.one_bits_read = tokens * matrix.one_bits;
  out.words_read = tokens * matrix.words;
  out.activations = tokens * columns;
  if (tokens > 0) {
    out.word_pairs = tokens * matrix.pairs + (tokens - 1) * matrix.wraps;
    out.data_toggles = tokens * matrix.data_toggles + (tokens - 1) * matrix.wrap_data_toggles;
    out.address_toggles =
        tokens * matrix.address_toggles + (tokens - 1) * matrix.wrap_address_toggles;
  }
  for (std::size_t t = 0; t < tokens; ++t) {
    const auto token = codes.subspan(t * columns, columns);
    out.activation_toggles += activation_toggles(
        matrix, token,
        t + 1 < tokens ? codes.subspan((t + 1) * columns, columns) : codes.subspan(0, 0));
    for (std::size_t c = 0; c < columns; ++c) {
      if ((sign_magnitude ? token[c] & 0x7F : token[c]) == 0) {
        ++out.zero_activations;
      } else if ((token[c] & 0x80) == 0) {
        out.adds_positive += matrix.plus[c];
        out.adds_negative += matrix.minus[c];
      } else {
        out.adds_positive += matrix.minus[c];
        out.adds_negative += matrix.plus[c];
      }
    }
  }
  return out;
}

double toggles_if_independent(const DataCounts& counts, std::size_t word_bits) {
  if (counts.words_read == 0) return 0;
  // Padding is counted among the bits of the words, as it never toggles against itself.
  const double ones = static_cast<double>(counts.one_bits_read) /
                      (static_cast<double>(counts.words_read) * static_cast<double>(word_bits));
  return static_cast<double>(counts.word_pairs) * static_cast<double>(word_bits) * 2 * ones *
         (1 - ones);
}

Counter::Counter(WordStream stream, std::size_t layers, bool sign_magnitude, unsigned threads)
    : stream_(stream),
      sign_magnitude_(sign_magnitude),
      threads_(threads),
      matrices_(layers * spec::projection_count),
      counts_(matrices_.size()) {}

void Counter::add(std::size_t layer, spec::Projection projection, const Matrix& matrix,
                  std::span<const std::uint8_t> codes, std::size_t tokens) {
  const auto i = layer * spec::projection_count + static_cast<std::size_t>(projection);
  if (!matrices_[i]) matrices_[i] = count_matrix(matrix, stream_, threads_);
  counts_[i] += count_data(*matrices_[i], codes, tokens, sign_magnitude_);
}

}  // namespace tomestimate::reference
