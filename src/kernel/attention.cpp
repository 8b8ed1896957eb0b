// SPDX-License-Identifier: Apache-2.0
#include "attention.hpp"

#include <algorithm>

namespace tomestimate::kernel {
namespace {

// Calls visit(p) for the positions of `at` that live in a position part.
template <class Visit>
void visit_part(const Span& at, Count part, Count parts, Visit&& visit) {
  const Count skip = (part + parts - at.first % parts) % parts;
  for (Count p = at.first + skip; p < at.first + at.count; p += parts) visit(p);
}

}  // namespace

HeadParts deal_heads(const AttentionShape& shape, Count parts) {
  const Count share = std::max<Count>(1, parts / shape.kv_heads);  // parts of one key head
  const Count slots = parts / share;
  std::vector<Count> queries(slots * share);
  std::vector<Count> rows(queries.size());
  for (Count kv = 0; kv < shape.kv_heads; ++kv) {
    const Count slot = kv % slots * share;
    std::vector<Count> mine(share);
    for (Count q = 0; q < shape.heads / shape.kv_heads; ++q) ++mine[q % share];
    for (Count i = 0; i < share; ++i) {
      queries[slot + i] += mine[i];
      if (mine[i] > 0) ++rows[slot + i];
    }
  }
  Count readers = 0;
  for (const Count r : rows) readers += r;
  return {*std::max_element(queries.begin(), queries.end()),
          *std::max_element(rows.begin(), rows.end()), readers};
}

AttentionWalk::AttentionWalk(const Machine& m, const UnitClass& c, const AttentionShape& shape)
    : m_(m), c_(c), shape_(shape), parts_(deal_heads(shape, c.head_parts)) {}

void AttentionWalk::token(const Span& at) {
  const Count a = m_.activation_bits;
  Count fullest = 0;
  Count longest = 0;  // chunks of R positions
  for (Count part = 0; part < c_.position_parts; ++part) {
    Count mine = 0;
    visit_part(at, part, c_.position_parts, [&](Count) { ++mine; });
    Count chunks = 0;
    for (Count from = 0; from < mine; from += c_.rows) ++chunks;
    fullest = std::max(fullest, mine);
    longest = std::max(longest, chunks);
    for (Count head = 0; head < shape_.heads; ++head) {
      scores_.unit_active_cycles += chunks * words();
      context_.unit_active_cycles += chunks * words();
      if (mine > 0) scores_.buffer_read_bits += shape_.head_dim * a;
      context_.buffer_read_bits += mine * a;
    }
  }
  rows_of_fullest_ += fullest;
  rows_ += at.count;
  // All units run in lock step; the part with most query heads decides.
  for (Count head = 0; head < parts_.queries; ++head) {
    for (Count word = 0; word < words(); ++word) {
      scores_.compute_cycles += longest;
      context_.compute_cycles += longest;
      scores_.buffer_cycles += steps(c_.width_attention * a, c_.buffer_width);
    }
    for (Count chunk = 0; chunk < longest; ++chunk)
      context_.buffer_cycles += steps(c_.rows * a, c_.buffer_width);
  }
  for (Count head = 0; head < shape_.heads; ++head)
    scores_.tree_cycles += steps(at.count, c_.lanes * c_.tree_values);
  context_.tree_cycles += steps(shape_.heads * shape_.head_dim, c_.lanes * c_.tree_values);
}

std::vector<std::int32_t> AttentionWalk::scores(std::span<const std::int8_t> q, const Rows& keys,
                                                const Span& at, bool& same) {
  std::vector<std::int32_t> naive(at.count);
  for (Count p = 0; p < at.count; ++p) {
    const auto* key = &keys.data[(at.first + p) * keys.stride];
    std::int32_t sum = 0;
    for (Count i = 0; i < shape_.head_dim; ++i) sum += q[i] * key[i];
    naive[p] = sum;
  }
  // Each unit takes its positions, dimensions in words of Wk.
  std::vector<std::int32_t> dealt(at.count);
  for (Count part = 0; part < c_.position_parts; ++part)
    visit_part(at, part, c_.position_parts, [&](Count p) {
      for (Count word = 0; word < shape_.head_dim; word += c_.width_attention) {
        const Count end = std::min(shape_.head_dim, word + c_.width_attention);
        std::int32_t sum = 0;
        for (Count i = word; i < end; ++i) sum += q[i] * keys.data[p * keys.stride + i];
        dealt[p - at.first] += sum;
        scores_.dense_macs += end - word;
      }
    });
  same = same && naive == dealt;
  return dealt;
}

std::vector<std::int32_t> AttentionWalk::context(std::span<const std::int16_t> p,
                                                 const Rows& values, const Span& at, bool& same) {
  std::vector<std::int32_t> naive(shape_.head_dim);
  for (Count n = 0; n < at.count; ++n)
    for (Count i = 0; i < shape_.head_dim; ++i)
      naive[i] += p[n] * values.data[(at.first + n) * values.stride + i];
  // Each position part sums its own positions; the tree adds the parts.
  std::vector<std::int32_t> dealt(shape_.head_dim);
  std::vector<std::int32_t> sums(shape_.head_dim);
  for (Count part = 0; part < c_.position_parts; ++part) {
    std::fill(sums.begin(), sums.end(), 0);
    visit_part(at, part, c_.position_parts, [&](Count n) {
      for (Count word = 0; word < shape_.head_dim; word += c_.width_attention) {
        const Count end = std::min(shape_.head_dim, word + c_.width_attention);
        for (Count i = word; i < end; ++i)
          sums[i] += p[n - at.first] * values.data[n * values.stride + i];
        context_.dense_macs += end - word;
      }
    });
    for (Count i = 0; i < shape_.head_dim; ++i) dealt[i] += sums[i];
    if (part > 0) context_.tree_adds += shape_.head_dim;
  }
  same = same && naive == dealt;
  return dealt;
}

void AttentionWalk::finish(Count tile) {
  const Count row = shape_.head_dim * shape_.kv_bits;
  for (OpCounts* c : {&scores_, &context_}) {
    c->sram_cycles = steps(rows_of_fullest_, tile) * parts_.kv_rows * steps(row, c_.sram_width);
    c->sram_read_bits = steps(rows_, tile) * parts_.readers * row;
  }
  scores_.latency_cycles = c_.pipeline + tree_depth(c_.lanes) * c_.level_latency;
  context_.latency_cycles = c_.pipeline + tree_depth(c_.position_parts) * c_.level_latency;
}

}  // namespace tomestimate::kernel
