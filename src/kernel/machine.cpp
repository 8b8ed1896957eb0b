// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <algorithm>
#include <cmath>
#include <thread>

#include <tomestimate/units/math.hpp>

namespace tomestimate::kernel {
namespace {

std::int32_t dot(const std::int8_t* __restrict w, const std::int16_t* __restrict x, std::size_t n) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<std::int16_t>(w[i]) * x[i];
  return sum;
}

// What one thread did.
struct Tally {
  OpCounts counts;
  std::vector<Count> lane_bits;   // weight bits each lane holds
  std::vector<Count> lane_words;  // words each lane holds
};

// One thread's share of a matrix: every stride-th row step.
class Worker {
 public:
  Worker(const Machine& m, const Dealing& d, const Matrix& weights, const Activations& input,
         MatrixResult& result)
      : m_(m),
        d_(d),
        weights_(weights),
        input_(input),
        result_(result),
        tokens_(input.values.size() / input.size),
        block_(m.rows * input.size),
        partial_(d.per_tree * m.rows * tokens_) {
    tally_.lane_bits.resize(d.trees * d.per_tree);
    tally_.lane_words.resize(d.trees * d.per_tree);
  }

  // Rows [step * trees * R, ...): chunk g goes to tree g.
  void row_step(Count step) {
    std::vector<Count> words(d_.trees * d_.per_tree);  // of each lane, in this step
    for (Count tree = 0; tree < d_.trees; ++tree) {
      const Count first = (step * d_.trees + tree) * m_.rows;
      if (first >= weights_.shape().rows) break;
      chunk(first, std::min(m_.rows, weights_.shape().rows - first), tree, words);
    }
    // All lanes run in lock step: the step takes as long as the lane with most words.
    const Count longest = *std::max_element(words.begin(), words.end());
    auto& c = tally_.counts;
    for (Count w = 0; w < longest; ++w) {
      c.compute_cycles += tokens_;
      c.buffer_cycles += tokens_ * steps(d_.width * m_.activation_bits, m_.buffer_width);
      if (d_.in_rom)
        c.rom_cycles += groups() * steps(m_.rows * d_.width * weights_.shape().bits, m_.rom_width);
    }
    for (std::size_t t = 0; t < tokens_; ++t) c.tree_cycles += steps(m_.rows, m_.tree_values);
  }

  const Tally& tally() const { return tally_; }

 private:
  Count groups() const { return steps(tokens_, m_.accumulators); }

  // Rows [first, first + rows) on the lanes of one tree.
  void chunk(Count first, Count rows, Count tree, std::vector<Count>& words) {
    const auto columns = input_.size;
    for (Count r = 0; r < rows; ++r)
      weights_.row(first + r, std::span(block_).subspan(r * columns, columns), scratch_);
    naive(first, rows);
    std::fill(partial_.begin(), partial_.end(), 0);
    Count lane = 0;
    for (std::size_t at = 0; at < columns; at += d_.width) {
      tile(rows, at, std::min<std::size_t>(d_.width, columns - at), lane);
      const Count chip_lane = tree * d_.per_tree + lane;
      ++words[chip_lane];
      ++tally_.lane_words[chip_lane];
      tally_.lane_bits[chip_lane] +=
          rows * std::min<Count>(d_.width, columns - at) * weights_.shape().bits;
      lane = lane + 1 == d_.per_tree ? 0 : lane + 1;
    }
    reduce(first, rows);
  }

  void naive(Count first, Count rows) {
    for (std::size_t t = 0; t < tokens_; ++t)
      for (Count r = 0; r < rows; ++r)
        result_.naive[t * weights_.shape().rows + first + r] =
            dot(&block_[r * input_.size], input_.token(t).data(), input_.size);
  }

  // One word of one lane: rows x columns weights, fetched once a token group, used for every token.
  void tile(Count rows, std::size_t at, std::size_t columns, Count lane) {
    auto& c = tally_.counts;
    const auto& shape = weights_.shape();
    Count ones = 0;
    Count used = 0;
    for (Count r = 0; r < rows; ++r) {
      const auto part = std::span<const std::int8_t>(block_).subspan(r * input_.size + at, columns);
      if (d_.in_rom) ones += count_one_bits(part, shape.code, shape.bits);
      used += shape.code == Code::ternary ? count_nonzero(part) : columns;
    }
    const Count bits = rows * columns * shape.bits;
    for (Count first = 0; first < tokens_; first += m_.accumulators) {
      if (d_.in_rom) {
        ++c.rom_words;
        c.rom_bits += bits;
        c.rom_one_bits += ones;
      } else {
        c.sram_read_bits += bits;
      }
      const auto last = std::min<Count>(tokens_, first + m_.accumulators);
      for (Count t = first; t < last; ++t) {
        ++c.lane_active_cycles;
        c.buffer_read_bits += columns * m_.activation_bits;
        (d_.base ? c.base_adds : c.macs_8bit) += used;
        auto* sums = &partial_[(lane * tokens_ + t) * m_.rows];
        for (Count r = 0; r < rows; ++r)
          sums[r] += dot(&block_[r * input_.size + at], input_.token(t).data() + at, columns);
      }
    }
  }

  // The reduction tree: one add for every lane after the first.
  void reduce(Count first, Count rows) {
    for (std::size_t t = 0; t < tokens_; ++t)
      for (Count r = 0; r < rows; ++r) {
        std::int32_t sum = partial_[t * m_.rows + r];
        for (Count lane = 1; lane < d_.per_tree; ++lane) {
          sum += partial_[(lane * tokens_ + t) * m_.rows + r];
          ++tally_.counts.tree_adds;
        }
        result_.lanes[t * weights_.shape().rows + first + r] = sum;
      }
  }

  const Machine& m_;
  const Dealing& d_;
  const Matrix& weights_;
  const Activations& input_;
  MatrixResult& result_;
  std::size_t tokens_;
  std::vector<std::int8_t> block_;     // the rows of a chunk
  std::vector<std::int32_t> partial_;  // lanes of the tree x tokens x rows
  std::vector<std::uint8_t> scratch_;
  Tally tally_;
};

}  // namespace

Machine make_machine(const spec::Hardware<double>& hw, const spec::Model<double>& model) {
  const auto whole = [](double x) { return static_cast<Count>(std::llround(x)); };
  const auto& ic = hw.interconnect;
  const Count activation = whole(model.activation_bits.value());
  Machine m{};
  m.lanes = whole(hw.lanes.count);
  m.per_tree = whole(hw.lanes.per_tree);
  m.trees = m.lanes / m.per_tree;
  m.rows = whole(hw.pe.rows);
  m.width = whole(hw.pe.width);
  m.width_8bit = whole(hw.pe.width_8bit);
  m.accumulators = whole(hw.pe.accumulators);
  m.pipeline = whole(hw.pe.pipeline.value());
  m.rom_width = whole(hw.rom.read_width.value());
  m.bank_words = whole(hw.rom.bank_words);
  m.sram_width = whole(hw.sram.banks * hw.sram.ports * hw.sram.port_width.value());
  m.buffer_width = whole(hw.buffer.read_width.value());
  m.vector_width = whole(hw.vector.width);
  m.bus_values = whole(ic.broadcast_width.value()) / activation;
  m.activation_bits = activation;
  m.tree_values = whole(ic.tree_values);
  m.level_latency = whole(ic.level_latency.value());
  if (hw.gating.enabled == spec::Switch::on)
    m.wake = whole(units::ceil_tolerant((hw.gating.wake_latency * hw.chip.clock).value()));
  return m;
}

Count steps(Count amount, Count step) { return amount / step + (amount % step != 0 ? 1 : 0); }

Count tree_depth(Count leaves) {
  Count depth = 0;
  for (; leaves > 1; leaves -= leaves / 2) ++depth;
  return depth;
}

MatrixResult multiply(const Machine& machine, const Dealing& dealing, const Matrix& weights,
                      const Activations& input, unsigned threads) {
  const std::size_t tokens = input.values.size() / input.size;
  MatrixResult result;
  result.naive.resize(tokens * weights.shape().rows);
  result.lanes.resize(result.naive.size());
  const Count row_steps = steps(weights.shape().rows, dealing.trees * machine.rows);
  const auto crew = static_cast<Count>(std::clamp<Count>(row_steps / 8, 1, threads));
  std::vector<Worker> workers(crew, Worker(machine, dealing, weights, input, result));
  {
    std::vector<std::jthread> running;
    for (Count w = 0; w < crew; ++w)
      running.emplace_back([&workers, w, crew, row_steps] {
        for (Count step = w; step < row_steps; step += crew) workers[w].row_step(step);
      });
  }
  std::vector<Count> bits(dealing.trees * dealing.per_tree);
  std::vector<Count> words(bits.size());
  for (const auto& worker : workers) {
    std::vector<const Count*> parts;
    visit_counts(worker.tally().counts, [&](const char*, const Count& c) { parts.push_back(&c); });
    auto part = parts.begin();
    visit_counts(result.counts, [&](const char*, Count& c) { c += **part++; });
    for (std::size_t lane = 0; lane < bits.size(); ++lane) {
      bits[lane] += worker.tally().lane_bits[lane];
      words[lane] += worker.tally().lane_words[lane];
    }
  }
  result.fullest_lane_words = *std::max_element(words.begin(), words.end());
  // SRAM weights stream from all banks of a lane; the fullest lane decides.
  if (!dealing.in_rom)
    result.counts.sram_cycles =
        steps(tokens, machine.accumulators) *
        steps(*std::max_element(bits.begin(), bits.end()), machine.sram_width);
  return result;
}

}  // namespace tomestimate::kernel
