// SPDX-License-Identifier: Apache-2.0
// Attention of one token, dealt to head parts and position parts of a class, and what it counts.
#pragma once

#include <span>
#include <vector>

#include "machine.hpp"

namespace tomestimate::kernel {

struct AttentionShape {
  Count heads, kv_heads, head_dim;
  Count kv_bits;  // as stored
};

// How heads are dealt, counted by dealing them one by one.
struct HeadParts {
  Count queries;  // query heads of the part that has most
  Count kv_rows;  // key (or value) heads of the part that has most
  Count readers;  // parts that read the row of a position, over all key heads
};

HeadParts deal_heads(const AttentionShape& shape, Count parts);

// Rows of keys or values of one sequence and head in memory: row p is at data[p * stride].
struct Rows {
  const std::int8_t* data;
  Count stride;
};

// Positions [first, first + count) that a token attends to.
struct Span {
  Count first, count;
};

// Walks scores and context of the tokens of a pass, each head computed twice.
class AttentionWalk {
 public:
  AttentionWalk(const Machine& m, const UnitClass& c, const AttentionShape& shape);

  // Books what all heads of a token take on the units.
  void token(const Span& at);

  // q . keys for every position; sets `same` to false if the naive result differs.
  std::vector<std::int32_t> scores(std::span<const std::int8_t> q, const Rows& keys, const Span& at,
                                   bool& same);

  // The sum of p times values for every dimension.
  std::vector<std::int32_t> context(std::span<const std::int16_t> p, const Rows& values,
                                    const Span& at, bool& same);

  // Books the reads of keys and values, each shared by `tile` tokens, and latencies.
  void finish(Count tile);

  const OpCounts& scores_counts() const { return scores_; }
  const OpCounts& context_counts() const { return context_; }

 private:
  Count words() const { return steps(shape_.head_dim, c_.width_attention); }

  const Machine& m_;
  const UnitClass& c_;
  AttentionShape shape_;
  HeadParts parts_;
  OpCounts scores_, context_;
  Count rows_of_fullest_ = 0;  // positions that the fullest position part reads, over tokens
  Count rows_ = 0;             // positions read, over tokens
};

}  // namespace tomestimate::kernel
