// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/kernel/kernel.hpp>

#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>

#include "arithmetic.hpp"
#include "machine.hpp"
#include "weights.hpp"

namespace tomestimate::kernel {
namespace {

using spec::Op;
using spec::Projection;

Count whole(double x) { return static_cast<Count>(std::llround(x)); }

// round(share * total), half up: what a matrix's whole number of zeros is.
Count share_of(double share, Count total) {
  return static_cast<Count>(std::floor(share * static_cast<double>(total) + 0.5));
}

// One power-gated set of banks and when it was awake.
struct Domain {
  Count banks;
  Count awake;
  std::size_t layer;  // layers.size() for the LM head
};

class Run {
 public:
  Run(const spec::Hardware<double>& hw, const spec::Model<double>& model,
      const spec::Pass<double>& pass, unsigned threads, std::uint64_t seed)
      : hw_(hw),
        model_(model),
        m_(make_machine(hw, model)),
        batch_(whole(pass.batch)),
        fresh_(whole(pass.fresh)),
        past_(whole(pass.past)),
        tokens_(batch_ * fresh_),
        groups_(steps(tokens_, m_.accumulators)),
        threads_(threads),
        seed_(seed),
        hidden_(whole(model.hidden)),
        heads_(whole(model.heads)),
        kv_heads_(whole(model.kv_heads)),
        head_dim_(whole(model.head_dim)),
        gated_(hw.gating.enabled == spec::Switch::on),
        by_layer_(hw.gating.domain == spec::GatingDomain::layer),
        prewake_(hw.gating.prewake == spec::Switch::on) {
    stream_.resize(tokens_ * hidden_);
    for (std::size_t i = 0; i < stream_.size(); ++i)
      stream_[i] = static_cast<std::int32_t>(mix(seed_ ^ i) % 1024) - 512;
  }

  PassCounts operator()() {
    result_.layers.resize(model_.layers);
    for (std::size_t l = 0; l < model_.layers; ++l) layer(l);
    tail();
    for (const auto& d : domains_) {
      const Count idle = d.banks * (result_.cycles - d.awake);
      if (d.layer < result_.layers.size()) result_.layers[d.layer].bank_idle_cycles += idle;
    }
    count_link_bits();
    for (const auto v : stream_)
      result_.output_hash = mix(result_.output_hash ^ static_cast<std::uint32_t>(v));
    return std::move(result_);
  }

 private:
  // ---- one layer ----

  void layer(std::size_t l) {
    layer_ = l;
    counts_ = &result_.layers[l];
    layer_lanes_active_ = matrix_cycles_ = vector_cycles_ = 0;
    layer_banks_.clear();

    auto x = normed(Op::attn_norm, stream_, hidden_, true);
    auto q = linear(Projection::q, x);
    auto k = linear(Projection::k, x);
    auto v = linear(Projection::v, x);
    rope(q, k, v);
    auto context = attention(q);
    x = normed(Op::attn_sub_norm, context, heads_ * head_dim_, has_sub_norms());
    residual(Op::attn_residual, linear(Projection::o, x));
    x = normed(Op::ffn_norm, stream_, hidden_, true);
    auto gate = linear(Projection::gate, x);
    const auto up = linear(Projection::up, x);
    const auto intermediate = whole(model_.intermediate);
    for (std::size_t i = 0; i < gate.size(); ++i) gate[i] = gated_relu2(gate[i], up[i]);
    OpCounts activation;
    for (Count t = 0; t < tokens_; ++t)
      walk_vector(intermediate, hw_.vector.activation_passes, activation);
    finish(Op::activation, activation);
    x = normed(Op::ffn_sub_norm, gate, intermediate, has_sub_norms());
    residual(Op::ffn_residual, linear(Projection::down, x));
    close_layer();
  }

  bool has_sub_norms() const { return model_.sub_norms == spec::Switch::on; }

  // Books an op of the current layer and advances the sequential clock by it.
  void finish(Op op, const OpCounts& counts) {
    counts_->ops[static_cast<std::size_t>(op)] = counts;
    layer_lanes_active_ += counts.lane_active_cycles;
    const Count cycles = op_cycles(counts);
    (spec::info(op).kind == spec::OpKind::vector ? vector_cycles_ : matrix_cycles_) += cycles;
    clock_ += cycles;
  }

  // ---- the vector unit ----

  void walk_vector(Count elements, double passes, OpCounts& c) const {
    for (Count pass = 0; pass < whole(passes); ++pass)
      for (Count at = 0; at < elements; at += m_.vector_width) {
        ++c.vector_cycles;
        c.vector_elements += std::min(m_.vector_width, elements - at);
      }
  }

  void walk_broadcast(Count values, Count copies, OpCounts& c) const {
    for (Count at = 0; at < values; at += m_.bus_values) {
      const Count bits = std::min(m_.bus_values, values - at) * m_.activation_bits;
      ++c.broadcast_cycles;
      c.broadcast_bits += bits;
      for (Count copy = 0; copy < copies; ++copy) c.buffer_write_bits += bits;
    }
  }

  struct Input {
    Activations activations;
    std::vector<std::int64_t> scales;  // of each token
  };

  Input quantized(std::span<const std::int32_t> values, Count size, bool norm) const {
    Input out{{size, {}}, {}};
    for (std::size_t at = 0; at < values.size(); at += size) {
      const auto token =
          quantize(values.subspan(at, size), static_cast<unsigned>(m_.activation_bits), norm);
      out.activations.values.insert(out.activations.values.end(), token.q.begin(), token.q.end());
      out.scales.push_back(token.scale);
    }
    return out;
  }

  Input normed(Op op, std::span<const std::int32_t> values, Count size, bool norm) {
    OpCounts c;
    for (Count t = 0; t < tokens_; ++t) {
      if (norm) walk_vector(size, hw_.vector.norm_passes, c);
      walk_vector(size, hw_.vector.quantize_passes, c);
      walk_broadcast(size, m_.trees, c);
    }
    finish(op, c);
    return quantized(values, size, norm);
  }

  void residual(Op op, std::span<const std::int32_t> added) {
    OpCounts c;
    const Count row = hidden_ * whole(model_.residual_bits.value());
    for (Count t = 0; t < tokens_; ++t) {
      walk_vector(hidden_, hw_.vector.residual_passes, c);
      c.sram_read_bits += row;
      c.sram_write_bits += row;
      c.sram_cycles += 2 * steps(row, m_.lanes * m_.sram_width);
    }
    for (std::size_t i = 0; i < stream_.size(); ++i)
      stream_[i] = saturate(std::int64_t{stream_[i]} + added[i]);
    finish(op, c);
  }

  // ---- projections and adapters ----

  std::uint64_t seed_of(std::size_t layer, int matrix) const {
    return mix(mix(seed_ + layer) + static_cast<std::uint64_t>(matrix));
  }

  Matrix base_matrix(Projection p, Count outputs, Count inputs) const {
    const auto bits = static_cast<unsigned>(whole(model_.weights.bits.value()));
    const bool ternary = model_.weights.code == spec::WeightCode::ternary;
    const Count zeros =
        ternary ? share_of(model_.weights.zero_share[layer_], outputs * inputs)
                : share_of(model_.weights.zero_bit_ratio[layer_], outputs * inputs * bits);
    return Matrix({outputs, inputs, ternary ? Code::ternary : Code::integer, bits, zeros},
                  seed_of(layer_, 3 * static_cast<int>(p)));
  }

  Matrix adapter_matrix(Projection p, int factor, Count outputs, Count inputs) const {
    const auto bits = static_cast<unsigned>(whole(model_.adapter.bits.value()));
    return Matrix({outputs, inputs, Code::integer, bits, outputs * inputs * bits / 2},
                  seed_of(layer_, 3 * static_cast<int>(p) + factor));
  }

  void compare(Op op, const std::vector<std::int32_t>& naive,
               const std::vector<std::int32_t>& lanes) {
    if (naive != lanes && result_.first_difference.empty())
      result_.first_difference =
          "layer " + std::to_string(layer_) + " " + std::string(spec::name(op));
  }

  Count latency(Count leaves) const { return m_.pipeline + tree_depth(leaves) * m_.level_latency; }

  // Base path, then the adapter in sequence; returns residual-stream values.
  std::vector<std::int32_t> linear(Projection p, const Input& x) {
    const auto shape = spec::shape(model_, p);
    const Count outputs = whole(shape.outputs);
    const Count inputs = whole(shape.inputs);
    const auto op = base_op(p);
    wake_matrix_domain(clock_);
    auto base = multiply(m_, {m_.trees, m_.per_tree, m_.width, true, true},
                         base_matrix(p, outputs, inputs), x.activations, threads_);
    compare(op, base.naive, base.lanes);
    base.counts.latency_cycles = latency(m_.per_tree);
    finish(op, base.counts);
    open_banks(base.fullest_lane_words, op_cycles(base.counts));

    std::vector<std::int32_t> y(base.lanes.size());
    for (Count t = 0; t < tokens_; ++t)
      for (Count i = 0; i < outputs; ++i)
        y[t * outputs + i] = dequantize(base.lanes[t * outputs + i], x.scales[t], inputs);
    if (model_.adapter.targets[static_cast<std::size_t>(p)] == spec::Switch::on &&
        model_.adapter.rank > 0)
      add_adapter(p, op, x, outputs, inputs, y);
    return y;
  }

  static Op base_op(Projection p) {
    constexpr std::array ops{Op::q, Op::k, Op::v, Op::o, Op::gate, Op::up, Op::down};
    return ops[static_cast<std::size_t>(p)];
  }

  void add_adapter(Projection p, Op base, const Input& x, Count outputs, Count inputs,
                   std::vector<std::int32_t>& y) {
    const auto op_a = static_cast<Op>(static_cast<int>(base) + 1);
    const auto op_b = static_cast<Op>(static_cast<int>(base) + 2);
    const Count rank = whole(model_.adapter.rank);
    auto a = multiply(m_, {m_.trees, m_.per_tree, m_.width_8bit, false, false},
                      adapter_matrix(p, 1, rank, inputs), x.activations, threads_);
    compare(op_a, a.naive, a.lanes);
    a.counts.latency_cycles = latency(m_.per_tree);
    finish(op_a, a.counts);

    const auto h = quantized(a.lanes, rank, false);
    // Every lane is a tree of its own: B has nothing to reduce.
    auto b = multiply(m_, {m_.lanes, 1, m_.width_8bit, false, false},
                      adapter_matrix(p, 2, outputs, rank), h.activations, threads_);
    compare(op_b, b.naive, b.lanes);
    OpCounts requantize;
    b.counts.tree_cycles = 0;
    for (Count t = 0; t < tokens_; ++t) {
      walk_vector(rank, hw_.vector.quantize_passes, requantize);
      walk_broadcast(rank, m_.lanes, requantize);
      for (Count at = 0; at < outputs; at += m_.trees * m_.tree_values) ++b.counts.tree_cycles;
    }
    b.counts.latency_cycles =
        latency(m_.lanes) + requantize.vector_cycles + requantize.broadcast_cycles;
    b.counts.vector_elements = requantize.vector_elements;
    b.counts.broadcast_bits = requantize.broadcast_bits;
    b.counts.buffer_write_bits = requantize.buffer_write_bits;
    finish(op_b, b.counts);
    for (Count t = 0; t < tokens_; ++t)
      for (Count i = 0; i < outputs; ++i) {
        const auto inner = dequantize(b.lanes[t * outputs + i], h.scales[t], rank);
        auto& out = y[t * outputs + i];
        out = saturate(std::int64_t{out} + dequantize(inner, x.scales[t], inputs));
      }
  }

  // ---- attention ----

  void rope(std::vector<std::int32_t>& q, std::vector<std::int32_t>& k,
            const std::vector<std::int32_t>& v) {
    const Count q_dim = heads_ * head_dim_;
    const Count kv_dim = kv_heads_ * head_dim_;
    const auto kv_bits = static_cast<unsigned>(whole(model_.kv_bits.value()));
    fill_cache(kv_dim, kv_bits);
    OpCounts c;
    std::vector<Count> rows_written(m_.lanes * batch_);
    for (Count t = 0; t < tokens_; ++t) {
      const Count position = past_ + t % fresh_;
      const Count sequence = t / fresh_;
      rotate(std::span(q).subspan(t * q_dim, q_dim), head_dim_, position);
      rotate(std::span(k).subspan(t * kv_dim, kv_dim), head_dim_, position);
      for (Count i = 0; i < kv_dim; ++i) {
        const auto at = (sequence * (past_ + fresh_) + position) * kv_dim + i;
        keys_[at] = clip_to_code(k[t * kv_dim + i], kv_bits);
        values_[at] = clip_to_code(v[t * kv_dim + i], kv_bits);
      }
      walk_vector(q_dim + kv_dim, hw_.vector.rope_passes, c);
      walk_vector(q_dim + 2 * kv_dim, hw_.vector.quantize_passes, c);
      walk_broadcast(q_dim, m_.lanes, c);
      for (int row = 0; row < 2; ++row) c.sram_write_bits += kv_dim * kv_bits;
      rows_written[sequence * m_.lanes + position % m_.lanes] += 2;
    }
    // Sequences write one after the other; of each, the fullest lane decides.
    for (Count s = 0; s < batch_; ++s) {
      const auto first = rows_written.begin() + static_cast<std::ptrdiff_t>(s * m_.lanes);
      const Count fullest = *std::max_element(first, first + static_cast<std::ptrdiff_t>(m_.lanes));
      for (Count row = 0; row < fullest; ++row)
        c.sram_cycles += steps(kv_dim * kv_bits, m_.sram_width);
    }
    finish(Op::rope, c);
  }

  // Cached rows come from the generator; the pass's own rows are overwritten after.
  void fill_cache(Count kv_dim, unsigned kv_bits) {
    const Count size = batch_ * (past_ + fresh_) * kv_dim;
    keys_.resize(size);
    values_.resize(size);
    const auto seed = seed_of(layer_, 100);
    for (Count i = 0; i < size; ++i) {
      const auto random = mix(seed ^ i);
      keys_[i] = clip_to_code(static_cast<std::int32_t>(random & 0xFFF) - 2048, kv_bits);
      values_[i] = clip_to_code(static_cast<std::int32_t>(random >> 32 & 0xFFF) - 2048, kv_bits);
    }
  }

  std::vector<std::int32_t> attention(const std::vector<std::int32_t>& q) {
    const Count q_dim = heads_ * head_dim_;
    const Count kv_dim = kv_heads_ * head_dim_;
    const auto bits = static_cast<unsigned>(m_.activation_bits);
    std::vector<std::int8_t> codes(q.size());
    for (std::size_t i = 0; i < q.size(); ++i) codes[i] = clip_to_code(q[i], bits);
    OpCounts scores;
    OpCounts soft;
    OpCounts mix_values;
    std::vector<std::int32_t> out(q.size());
    for (Count t = 0; t < tokens_; ++t) {
      const Count n = past_ + t % fresh_ + 1;
      const Count cache = (t / fresh_) * (past_ + fresh_) * kv_dim;
      read_rows(n, kv_dim, scores);
      read_rows(n, kv_dim, mix_values);
      for (Count head = 0; head < heads_; ++head) {
        const auto at = t * q_dim + head * head_dim_;
        const auto from = cache + head / (heads_ / kv_heads_) * head_dim_;
        const auto s = score_head(std::span(codes).subspan(at, head_dim_), from, n, kv_dim, scores);
        const auto p = softmax(s, 10, bits);
        walk_vector(n, hw_.vector.softmax_passes, soft);
        walk_broadcast(n, 1, soft);
        context_head(p, from, n, kv_dim, std::span(out).subspan(at, head_dim_), mix_values);
      }
    }
    scores.latency_cycles = mix_values.latency_cycles = latency(m_.lanes);
    finish(Op::scores, scores);
    finish(Op::softmax, soft);
    finish(Op::context, mix_values);
    return out;
  }

  // One row of each of n positions, from the lane of the position.
  void read_rows(Count n, Count kv_dim, OpCounts& c) const {
    const Count row = kv_dim * whole(model_.kv_bits.value());
    std::vector<Count> busy(m_.lanes);
    for (Count p = 0; p < n; ++p) {
      c.sram_read_bits += row;
      busy[p % m_.lanes] += steps(row, m_.sram_width);
    }
    c.sram_cycles += *std::max_element(busy.begin(), busy.end());
  }

  // Positions of a lane below n.
  Count positions_of(Count lane, Count n) const {
    Count count = 0;
    for (Count p = lane; p < n; p += m_.lanes) ++count;
    return count;
  }

  // Books `column_steps` cycles for each chunk of a lane's positions; all lanes run in lock step.
  void walk_lane_chunks(Count n, Count chunk, Count column_steps, OpCounts& c,
                        Count buffer_bits_per_chunk) const {
    Count longest = 0;
    for (Count lane = 0; lane < m_.lanes; ++lane) {
      const Count mine = positions_of(lane, n);
      Count cycles = 0;
      for (Count at = 0; at < mine; at += chunk) {
        cycles += column_steps;
        c.buffer_read_bits += buffer_bits_per_chunk;
      }
      c.lane_active_cycles += cycles;
      longest = std::max(longest, cycles);
    }
    c.compute_cycles += longest;
    c.buffer_cycles += longest * steps(m_.width_8bit * m_.activation_bits, m_.buffer_width);
  }

  std::vector<std::int32_t> score_head(std::span<const std::int8_t> q, Count from, Count n,
                                       Count kv_dim, OpCounts& c) {
    std::vector<std::int32_t> naive(n);
    for (Count p = 0; p < n; ++p)
      for (Count i = 0; i < head_dim_; ++i) naive[p] += q[i] * keys_[from + p * kv_dim + i];
    // Each lane takes its positions, dimensions in chunks of W8.
    std::vector<std::int32_t> lanes(n);
    for (Count lane = 0; lane < m_.lanes; ++lane)
      for (Count p = lane; p < n; p += m_.lanes)
        for (Count chunk = 0; chunk < head_dim_; chunk += m_.width_8bit) {
          std::int32_t sum = 0;
          for (Count i = chunk; i < std::min(head_dim_, chunk + m_.width_8bit); ++i) {
            sum += q[i] * keys_[from + p * kv_dim + i];
            ++c.macs_8bit;
          }
          lanes[p] += sum;
        }
    walk_lane_chunks(n, m_.rows, steps(head_dim_, m_.width_8bit), c,
                     head_dim_ * m_.activation_bits);
    for (Count at = 0; at < n; at += m_.trees * m_.tree_values) ++c.tree_cycles;
    compare(Op::scores, naive, lanes);
    return lanes;
  }

  void context_head(std::span<const std::int16_t> p, Count from, Count n, Count kv_dim,
                    std::span<std::int32_t> out, OpCounts& c) {
    std::vector<std::int32_t> naive(head_dim_);
    for (Count i = 0; i < head_dim_; ++i)
      for (Count at = 0; at < n; ++at) naive[i] += p[at] * values_[from + at * kv_dim + i];
    std::vector<std::int32_t> lanes(head_dim_);
    for (Count first = 0; first < head_dim_; first += m_.rows) {
      for (Count i = first; i < std::min(head_dim_, first + m_.rows); ++i) {
        for (Count lane = 0; lane < m_.lanes; ++lane) {
          std::int32_t sum = 0;
          for (Count at = lane; at < n; at += m_.lanes) {
            sum += p[at] * values_[from + at * kv_dim + i];
            ++c.macs_8bit;
          }
          if (lane > 0) ++c.tree_adds;
          lanes[i] += sum;
        }
      }
      // A probability is read once for a tile of R dimensions.
      c.buffer_read_bits += n * m_.activation_bits;
      walk_lane_chunks(n, m_.width_8bit, 1, c, 0);
      c.tree_cycles += steps(m_.rows, m_.tree_values);
    }
    compare(Op::context, naive, lanes);
    // Probabilities sum to about code_max, values are in units of 1/16 of the stream's.
    const auto top = std::max(1, code_max(static_cast<unsigned>(m_.activation_bits)));
    for (Count i = 0; i < head_dim_; ++i) out[i] = saturate(std::int64_t{lanes[i]} * 16 / top);
  }

  // ---- gating ----

  // With matrix domains: waits at `now` for the banks of the projection that starts.
  void wake_matrix_domain(Count now) {
    if (!gated_ || by_layer_) return;
    // Woken when the projection before started, or only now if there is none or no prewake.
    const Count issued = prewake_ && matrix_woken_ ? last_matrix_start_ : now;
    const Count ready = issued + m_.wake;
    const Count start = std::max(now, ready);
    counts_->exposed_wake_cycles += start - now;
    clock_ = last_matrix_start_ = start;
    matrix_woken_ = true;
  }

  Count banks_for(Count fullest_words) const {
    return m_.lanes * steps(fullest_words, m_.bank_words);
  }

  void open_banks(Count fullest_words, Count op_time) {
    if (!gated_) return;
    const Count banks = banks_for(fullest_words);
    counts_->bank_wakes += banks;
    if (by_layer_)
      layer_banks_.push_back(banks);
    else
      domains_.push_back({banks, op_time + m_.wake, layer_});
  }

  // With layer domains the banks slept until the layer's start; its time is known only now.
  void close_layer() {
    auto& layer = *counts_;
    const Count shorter = std::min(matrix_cycles_, vector_cycles_);
    layer.layer_cycles = std::max(matrix_cycles_, vector_cycles_) + steps(shorter, groups_);
    if (gated_ && by_layer_) {
      const Count issued = prewake_ && layer_ > 0 ? last_layer_start_ : pass_clock_;
      const Count start = std::max(pass_clock_, issued + m_.wake);
      layer.exposed_wake_cycles = start - pass_clock_;
      last_layer_start_ = start;
      for (const Count banks : layer_banks_)
        domains_.push_back({banks, layer.layer_cycles + m_.wake, layer_});
    }
    pass_clock_ += layer.exposed_wake_cycles + layer.layer_cycles;
    layer.lane_idle_cycles =
        m_.lanes * (layer.layer_cycles + layer.exposed_wake_cycles) - layer_lanes_active_;
  }

  // ---- tail ----

  void tail() {
    const bool head_in_rom = hw_.mapping.lm_head == spec::Placement::rom;
    auto& norm = result_.final_norm;
    for (Count s = 0; s < batch_; ++s) {
      walk_vector(hidden_, hw_.vector.norm_passes, norm);
      walk_vector(hidden_, hw_.vector.quantize_passes, norm);
      if (head_in_rom) walk_broadcast(hidden_, m_.trees, norm);
    }
    pass_clock_ += op_cycles(norm);
    clock_ += op_cycles(norm);
    if (head_in_rom) lm_head();
    result_.cycles = pass_clock_;
  }

  void lm_head() {
    std::vector<std::int32_t> last;
    for (Count s = 0; s < batch_; ++s) {
      const auto at = ((s + 1) * fresh_ - 1) * hidden_;
      last.insert(last.end(), stream_.begin() + static_cast<std::ptrdiff_t>(at),
                  stream_.begin() + static_cast<std::ptrdiff_t>(at + hidden_));
    }
    const auto x = quantized(last, hidden_, true);
    const Count vocabulary = whole(model_.embedding.vocabulary);
    const auto bits = static_cast<unsigned>(whole(model_.embedding.bits.value()));
    const Matrix table({vocabulary, hidden_, Code::integer, bits,
                        share_of(model_.embedding.zero_bit_ratio, vocabulary * hidden_ * bits)},
                       seed_of(model_.layers, 0));
    auto head = multiply(m_, {m_.trees, m_.per_tree, m_.width_8bit, true, false}, table,
                         x.activations, threads_);
    head.counts.latency_cycles = latency(m_.per_tree);
    layer_ = model_.layers;
    compare(Op::lm_head, head.naive, head.lanes);
    result_.lm_head = head.counts;
    if (gated_) {
      const Count now = by_layer_ ? pass_clock_ : clock_;
      const Count issued = !prewake_ ? now : by_layer_ ? last_layer_start_ : last_matrix_start_;
      result_.head_exposed_wake_cycles = std::max(now, issued + m_.wake) - now;
    }
    pass_clock_ += result_.head_exposed_wake_cycles + op_cycles(head.counts);
  }

  // ---- host link ----

  void count_link_bits() {
    const bool head_in_rom = hw_.mapping.lm_head == spec::Placement::rom;
    for (Count t = 0; t < tokens_; ++t)
      result_.link_bits += head_in_rom ? 32 : hidden_ * whole(model_.embedding.bits.value());
    for (Count s = 0; s < batch_; ++s)
      result_.link_bits += head_in_rom ? 32 : hidden_ * m_.activation_bits;
    if (hw_.sram.spill == spec::Spill::error) return;
    const Count position_bits =
        2 * model_.layers * kv_heads_ * head_dim_ * whole(model_.kv_bits.value());
    const Count fits = positions_that_fit(position_bits);
    for (Count t = 0; t < tokens_; ++t) {
      const Count n = past_ + t % fresh_ + 1;
      for (Count p = fits; p < n; ++p) result_.link_bits += position_bits;
    }
  }

  Count positions_that_fit(Count position_bits) const {
    Count used = tokens_ * hidden_ * whole(model_.residual_bits.value()) +
                 std::min(tokens_, m_.accumulators) * 2 * whole(model_.intermediate) * 32;
    for (std::size_t p = 0; p < spec::projection_count; ++p) {
      if (model_.adapter.targets[p] == spec::Switch::off) continue;
      const auto shape = spec::shape(model_, static_cast<Projection>(p));
      used += model_.layers * whole(model_.adapter.rank) *
              (whole(shape.outputs) + whole(shape.inputs)) * whole(model_.adapter.bits.value());
    }
    const double capacity = hw_.sram.capacity.value();
    if (capacity < static_cast<double>(used)) return 0;
    const auto free = static_cast<Count>(capacity) - used;
    return m_.lanes * (free / (m_.lanes * batch_ * position_bits));
  }

  const spec::Hardware<double>& hw_;
  const spec::Model<double>& model_;
  Machine m_;
  Count batch_, fresh_, past_, tokens_, groups_;
  unsigned threads_;
  std::uint64_t seed_;
  Count hidden_, heads_, kv_heads_, head_dim_;
  bool gated_, by_layer_, prewake_;

  std::vector<std::int32_t> stream_;        // tokens x hidden
  std::vector<std::int8_t> keys_, values_;  // of one layer: batch x positions x kv_dim
  PassCounts result_;
  std::vector<Domain> domains_;

  std::size_t layer_ = 0;
  LayerCounts* counts_ = nullptr;
  Count layer_lanes_active_ = 0, matrix_cycles_ = 0, vector_cycles_ = 0;
  std::vector<Count> layer_banks_;
  Count clock_ = 0;       // ops in sequence, for matrix domains
  Count pass_clock_ = 0;  // with token groups pipelined
  Count last_layer_start_ = 0, last_matrix_start_ = 0;
  bool matrix_woken_ = false;
};

void require_8bit(double bits, const char* what) {
  if (bits > 8)
    throw std::invalid_argument(std::string("the kernel takes ") + what + " of at most 8 bit");
}

}  // namespace

PassCounts run(const spec::Hardware<double>& hw, const spec::Model<double>& model,
               const spec::Pass<double>& pass, unsigned threads, std::uint64_t seed) {
  require_8bit(model.activation_bits.value(), "activations");
  require_8bit(model.kv_bits.value(), "cached values");
  require_8bit(model.adapter.bits.value(), "adapter weights");
  if (hw.mapping.lm_head == spec::Placement::rom)
    require_8bit(model.embedding.bits.value(), "embedding entries");
  return Run(hw, model, pass, std::max(1u, threads), seed)();
}

}  // namespace tomestimate::kernel
