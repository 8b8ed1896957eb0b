// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <algorithm>
#include <cmath>
#include <thread>

#include <tomestimate/units/math.hpp>

#include "products.hpp"

namespace tomestimate::kernel {
namespace {

void deal_outputs(spec::Outputs outputs, UnitClass& c) {
  switch (outputs) {
    case spec::Outputs::lanes:
      c.out_parts = c.lanes;
      c.in_parts = c.per_lane;
      return;
    case spec::Outputs::units:
      c.out_parts = c.per_lane;
      c.in_parts = c.lanes;
      return;
    case spec::Outputs::all:
      c.out_parts = c.units();
      c.in_parts = 1;
      return;
    case spec::Outputs::none:
      c.out_parts = 1;
      c.in_parts = c.units();
  }
}

void deal_heads(spec::Heads heads, UnitClass& c) {
  switch (heads) {
    case spec::Heads::lanes:
      c.head_parts = c.lanes;
      c.position_parts = c.per_lane;
      return;
    case spec::Heads::units:
      c.head_parts = c.per_lane;
      c.position_parts = c.lanes;
      return;
    case spec::Heads::none:
      c.head_parts = 1;
      c.position_parts = c.units();
  }
}

UnitClass make_class(const spec::UnitClass<double>& s) {
  UnitClass c{};
  c.lanes = whole(s.lanes);
  c.per_lane = whole(s.per_lane);
  c.rows = whole(s.rows);
  c.width_adapter = whole(s.width_adapter);
  c.width_attention = whole(s.width_attention);
  deal_outputs(s.outputs, c);
  deal_heads(s.heads, c);
  c.input_words = whole(s.input_words);
  c.token_tile = whole(s.token_tile);
  c.kv_tile = whole(s.kv_tile);
  c.pipeline = whole(s.pipeline.value());
  c.level_latency = whole(s.level_latency.value());
  c.tree_values = whole(s.tree_values);
  c.buffer_width = whole(s.buffer_width.value());
  c.sram_width = whole(s.sram_width.value());
  return c;
}

// A unit that can hold its whole share of the inputs reads it only in the first row step.
bool keeps_inputs(const Dealing& d, Count columns) {
  return steps(busiest(columns, d.in_parts, d.width), d.width) <= d.units.input_words;
}

// The columns of a matrix as the parts that split the inputs have them: a word to each in turn.
// Each part's words follow each other, part after part.
struct Deal {
  struct Word {
    Count part;
    std::size_t from;     // column of the matrix
    std::size_t to;       // column among the dealt ones
    std::size_t columns;  // fewer in the last word
  };
  std::vector<Word> words;         // by rising column of the matrix
  std::vector<std::size_t> begin;  // dealt columns of part p: begin[p] .. begin[p + 1] - 1

  Deal(std::size_t size, Count parts, Count width) : begin(parts + 1) {
    Count part = 0;
    for (Count at = 0; at < size; at += width) {
      words.push_back({part, at, 0, std::min<std::size_t>(width, size - at)});
      begin[part + 1] += words.back().columns;
      part = part + 1 == parts ? 0 : part + 1;
    }
    for (Count p = 0; p < parts; ++p) begin[p + 1] += begin[p];
    auto next = begin;
    for (auto& word : words) {
      word.to = next[word.part];
      next[word.part] += word.columns;
    }
  }

  // One row, dealt.
  template <class From, class To>
  void deal(const From* row, To* dealt) const {
    for (const auto& word : words) std::copy_n(row + word.from, word.columns, dealt + word.to);
  }
};

std::vector<std::int16_t> dealt_inputs(const Activations& input, const Deal& deal) {
  std::vector<std::int16_t> out(input.values.size());
  for (std::size_t at = 0; at < out.size(); at += input.size)
    deal.deal(&input.values[at], &out[at]);
  return out;
}

// What one thread did.
struct Tally {
  OpCounts counts;
  Count stored = 0;                 // bits
  std::vector<Count> step_words;    // most words that a unit has in each row step
  std::vector<Count> unit_weights;  // that each unit holds, if they are in SRAM
};

// One thread's share of a matrix: every stride-th piece of rows.
class Worker {
 public:
  // `dealt` are the input's values as `deal` deals them.
  Worker(const Machine& m, const Dealing& d, const Matrix& weights, const Activations& input,
         const Deal& deal, const std::vector<std::int16_t>& dealt, MatrixResult& result)
      : m_(m),
        d_(d),
        weights_(weights),
        input_(input),
        deal_(deal),
        dealt_inputs_(dealt),
        result_(result),
        isa_(best_isa()),
        tokens_(input.values.size() / input.size),
        groups_(steps(tokens_, d.units.token_tile)),
        kept_(keeps_inputs(d, input.size)),
        wide_(weights.shape().bits > 8),
        chunks_(chunks_of_piece(d.units.rows)),
        block_(chunks_ * d.units.rows * input.size),
        operands_(block_.size()),
        dealt_(block_.size()),
        ones_(wide_ ? block_.size() : 0),
        partial_(d.in_parts * tokens_ * chunks_ * d.units.rows),
        words_(d.in_parts) {
    tally_.step_words.resize(steps(weights.shape().rows, d.out_parts * d.units.rows));
    if (d.store == Store::sram) tally_.unit_weights.resize(d.out_parts * d.in_parts);
  }

  // Chunks of R rows that are worked on together, so that inputs that are loaded serve many rows.
  static Count chunks_of_piece(Count rows) { return steps(16, rows); }

  // Chunk g of the rows goes to part g mod Po, in row step g / Po. Chunks [from, to), at most
  // chunks_of_piece.
  void piece(Count from, Count to) {
    const Count first = from * d_.units.rows;
    const Count rows = std::min((to - from) * d_.units.rows, weights_.shape().rows - first);
    load(first, rows);
    naive(first, rows);
    std::fill(words_.begin(), words_.end(), 0);
    for (const auto& word : deal_.words) {
      for (Count g = from; g < to; ++g) fetch(g, (g - from) * d_.units.rows, word);
      ++words_[word.part];
    }
    multiply_parts(rows);
    for (Count g = from; g < to; ++g) {
      auto& longest = tally_.step_words[g / d_.out_parts];
      longest = std::max(longest, *std::max_element(words_.begin(), words_.end()));
      reduce(g, (g - from) * d_.units.rows);
    }
    tally_.stored += stored_bits(first, first + rows, input_.size, weights_.shape().bits, d_.group,
                                 d_.group_bits);
  }

  const Tally& tally() const { return tally_; }

 private:
  Count rows_of(Count g) const {
    return std::min(d_.units.rows, weights_.shape().rows - g * d_.units.rows);
  }

  void load(Count first, Count rows) {
    const auto columns = input_.size;
    const Count bits = weights_.shape().bits;
    for (Count r = 0; r < rows; ++r) {
      weights_.row(first + r, std::span(block_).subspan(r * columns, columns), scratch_);
      if (!wide_) continue;
      for (std::size_t i = 0; i < columns; ++i)
        ones_[r * columns + i] = static_cast<std::uint8_t>(
            std::count(&scratch_[i * bits], &scratch_[i * bits] + bits, 1));
    }
    std::copy_n(block_.begin(), rows * columns, operands_.begin());
    for (Count r = 0; r < rows; ++r) deal_.deal(&block_[r * columns], &dealt_[r * columns]);
  }

  void naive(Count first, Count rows) {
    add_products({operands_.data(), rows, input_.size, input_.values.data(), tokens_, input_.size,
                  input_.size},
                 isa_, &result_.naive[first], weights_.shape().rows);
  }

  // What each part makes of its own columns.
  void multiply_parts(Count rows) {
    std::fill(partial_.begin(), partial_.end(), 0);
    for (Count part = 0; part < d_.in_parts; ++part) {
      const auto at = deal_.begin[part];
      add_products({&dealt_[at], rows, input_.size, &dealt_inputs_[at], tokens_, input_.size,
                    deal_.begin[part + 1] - at},
                   isa_, partial(part, 0), rows_of_piece());
    }
  }

  Count one_bits(std::size_t at, std::size_t columns) const {
    if (!wide_)
      return count_one_bits(std::span<const std::int8_t>(block_).subspan(at, columns),
                            weights_.shape().code, weights_.shape().bits);
    Count sum = 0;
    for (std::size_t i = at; i < at + columns; ++i) sum += ones_[i];
    return sum;
  }

  Count rows_of_piece() const { return chunks_ * d_.units.rows; }

  std::int32_t* partial(Count part, std::size_t token) {
    return &partial_[(part * tokens_ + token) * rows_of_piece()];
  }

  // One word of one unit: rows x columns weights, fetched once a token group, used for every token.
  // Chunk g begins at row `at` of the block.
  void fetch(Count g, Count at, const Deal::Word& word) {
    Count ones = 0;
    Count used = 0;
    const auto rows = rows_of(g);
    for (Count r = 0; r < rows; ++r) {
      const auto from = (at + r) * input_.size + word.from;
      if (d_.store == Store::rom) ones += one_bits(from, word.columns);
      used += weights_.shape().code == Code::ternary
                  ? count_nonzero(std::span<const std::int8_t>(block_).subspan(from, word.columns))
                  : word.columns;
    }
    const bool inputs_there = kept_ && g >= d_.out_parts;
    auto& c = tally_.counts;
    if (d_.store == Store::rom) {
      c.rom_words += groups_;
      c.rom_one_bits += groups_ * ones;
    }
    c.unit_active_cycles += tokens_ * d_.step_cycles;
    if (!inputs_there) c.buffer_read_bits += tokens_ * word.columns * m_.activation_bits;
    (d_.base ? c.base_adds : c.dense_macs) += tokens_ * used;
    if (d_.store == Store::sram)
      tally_.unit_weights[g % d_.out_parts * d_.in_parts + word.part] += rows * word.columns;
  }

  // The reduction tree: one add for every part after the first, whether it had weights or not.
  void reduce(Count g, Count at) {
    Count adds = 0;
    for (std::size_t t = 0; t < tokens_; ++t)
      for (Count r = 0; r < rows_of(g); ++r) {
        std::int32_t sum = partial(0, t)[at + r];
        for (Count part = 1; part < d_.in_parts; ++part) {
          sum += partial(part, t)[at + r];
          ++adds;
        }
        result_.parts[t * weights_.shape().rows + g * d_.units.rows + r] = sum;
      }
    tally_.counts.tree_adds += adds;
  }

  const Machine& m_;
  const Dealing& d_;
  const Matrix& weights_;
  const Activations& input_;
  const Deal& deal_;
  const std::vector<std::int16_t>& dealt_inputs_;
  MatrixResult& result_;
  Isa isa_;
  std::size_t tokens_;
  Count groups_;  // of tokens, that share a fetch
  bool kept_;
  bool wide_;                           // weights of more than 8 bit
  Count chunks_;                        // of a piece
  std::vector<std::int8_t> block_;      // the rows of a piece
  std::vector<std::int16_t> operands_;  // the same, as products take them
  std::vector<std::int16_t> dealt_;     // and as the parts have them
  std::vector<std::uint8_t> ones_;      // 1-bits of each weight of the block, if they are wide
  std::vector<std::int32_t> partial_;   // input parts x tokens x rows of a piece
  std::vector<Count> words_;            // of each input part, in one chunk
  std::vector<std::uint8_t> scratch_;
  Tally tally_;
};

void add(const Tally& part, Tally& sum) {
  std::vector<const Count*> from;
  visit_counts(part.counts, [&](const char*, const Count& c) { from.push_back(&c); });
  auto next = from.begin();
  visit_counts(sum.counts, [&](const char*, Count& c) { c += **next++; });
  sum.stored += part.stored;
  sum.step_words.resize(part.step_words.size());
  for (std::size_t i = 0; i < part.step_words.size(); ++i)
    sum.step_words[i] = std::max(sum.step_words[i], part.step_words[i]);
  sum.unit_weights.resize(part.unit_weights.size());
  for (std::size_t i = 0; i < part.unit_weights.size(); ++i)
    sum.unit_weights[i] += part.unit_weights[i];
}

// All units run in lock step: a row step takes as long as the unit with most words.
void walk_steps(const Machine& m, const Dealing& d, const Matrix& weights, Count columns,
                Count tokens, const Tally& all, MatrixResult& result) {
  auto& c = result.counts;
  const Count groups = steps(tokens, d.units.token_tile);
  const Count bits = weights.shape().bits;
  const bool kept = keeps_inputs(d, columns);
  for (std::size_t step = 0; step < all.step_words.size(); ++step)
    for (Count word = 0; word < all.step_words[step]; ++word) {
      c.compute_cycles += tokens * d.step_cycles;
      if (!kept || step == 0)
        c.buffer_cycles += tokens * steps(d.width * m.activation_bits, d.units.buffer_width);
      if (d.store != Store::rom) continue;
      c.memory_cycles += groups * steps(d.units.rows * d.width * bits, m.rom_width);
      result.address_changes += groups;
    }
  for (Count t = 0; t < tokens; ++t)
    c.tree_cycles += steps(weights.shape().rows, d.units.lanes * d.units.tree_values);
  for (Count group = 0; group < groups; ++group) {
    if (d.store == Store::rom) c.rom_bits += all.stored;
    if (d.store == Store::sram) {
      c.sram_read_bits += all.stored;
      // A unit's weights stream from its SRAM; the fullest unit decides.
      const auto& units = all.unit_weights;
      c.sram_cycles +=
          steps(*std::max_element(units.begin(), units.end()) * bits, d.units.sram_width);
    }
    if (d.store == Store::dram) {
      c.dram_bits += all.stored;
      c.memory_cycles += steps(all.stored, m.dram_width);
    }
  }
}

}  // namespace

Machine make_machine(const spec::Hardware<double>& hw, const spec::Model<double>& model) {
  Machine m{};
  m.base = make_class(hw.base);
  if (spec::uses_side(hw)) m.side = make_class(hw.side);
  m.width = whole(hw.datapath.width);
  m.width_head = whole(hw.datapath.width_head);
  m.step_cycles = whole(hw.datapath.step_cycles.value());
  m.space = hw.datapath.sharing == spec::Sharing::space;
  if (spec::uses_rom(hw)) {
    m.rom_width = whole(hw.rom.read_width.value());
    m.bank_width = whole(hw.rom.bank_width.value());
    m.bank_height = whole(hw.rom.bank_height);
  }
  if (hw.map.weights == spec::WeightPlace::dram)
    m.dram_width = static_cast<Count>(std::floor((hw.dram.bandwidth / hw.chip.clock).value()));
  m.workspace_width = whole(hw.workspace.width.value());
  m.vector_units = whole(hw.vector.count);
  m.vector_width = whole(hw.vector.width);
  m.vector_latency = whole(hw.vector.latency.value());
  m.activation_bits = whole(model.activation_bits.value());
  m.bus_values = whole(hw.bus.width.value()) / m.activation_bits;
  if (hw.gating.mode == spec::GatingMode::switches)
    m.wake = whole(units::ceil_tolerant((hw.gating.wake_latency * hw.chip.clock).value()));
  return m;
}

Count steps(Count amount, Count step) { return amount / step + (amount % step != 0 ? 1 : 0); }

Count busiest(Count amount, Count parts, Count chunk) {
  std::vector<Count> has(parts);
  Count part = 0;
  for (Count at = 0; at < amount; at += chunk) {
    has[part] += std::min(chunk, amount - at);
    part = part + 1 == parts ? 0 : part + 1;
  }
  return *std::max_element(has.begin(), has.end());
}

Count tree_depth(Count leaves) {
  Count depth = 0;
  for (; leaves > 1; leaves -= leaves / 2) ++depth;
  return depth;
}

Count stored_bits(Count first, Count last, Count columns, Count bits, Count group,
                  Count group_bits) {
  Count sum = 0;
  for (Count r = first; r < last; ++r) {
    sum += columns * bits;
    if (group > 0)
      sum += (steps((r + 1) * columns, group) - steps(r * columns, group)) * group_bits;
  }
  return sum;
}

MatrixResult multiply(const Machine& machine, const Dealing& dealing, const Matrix& weights,
                      const Activations& input, unsigned threads) {
  const std::size_t tokens = input.values.size() / input.size;
  MatrixResult result;
  result.naive.resize(tokens * weights.shape().rows);
  result.parts.resize(result.naive.size());
  const Count chunks = steps(weights.shape().rows, dealing.units.rows);
  const auto together = Worker::chunks_of_piece(dealing.units.rows);
  const auto crew = std::clamp<Count>(chunks / together, 1, threads);
  const Deal deal(input.size, dealing.in_parts, dealing.width);
  const auto dealt = dealt_inputs(input, deal);
  std::vector<Worker> workers(crew, Worker(machine, dealing, weights, input, deal, dealt, result));
  {
    std::vector<std::jthread> running;
    for (Count w = 0; w < crew; ++w)
      running.emplace_back([&workers, w, crew, chunks, together] {
        for (Count from = w * together; from < chunks; from += crew * together)
          workers[w].piece(from, std::min(chunks, from + together));
      });
  }
  Tally all;
  for (const auto& worker : workers) add(worker.tally(), all);
  result.counts = all.counts;
  walk_steps(machine, dealing, weights, input.size, tokens, all, result);
  return result;
}

}  // namespace tomestimate::kernel
