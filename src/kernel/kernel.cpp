// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/kernel/kernel.hpp>

#include <cmath>
#include <optional>
#include <stdexcept>
#include <utility>

#include "arithmetic.hpp"
#include "attention.hpp"
#include "machine.hpp"
#include "schedule.hpp"
#include "weights.hpp"

namespace tomestimate::kernel {
namespace {

using spec::Op;
using spec::Projection;

// round(share * total), half up: what a matrix's whole number of zeros is.
Count share_of(double share, Count total) {
  return static_cast<Count>(std::floor(share * static_cast<double>(total) + 0.5));
}

// Arithmetic takes operands of at most 8 bit; counts take them as they are.
unsigned computed_bits(Count bits) { return static_cast<unsigned>(std::min<Count>(bits, 8)); }

constexpr std::array base_ops{Op::q, Op::k, Op::v, Op::o, Op::gate, Op::up, Op::down};

Op base_op(Projection p) { return base_ops[static_cast<std::size_t>(p)]; }

// One power-gated set of banks and when it was awake.
struct Domain {
  Count banks;
  Count awake;
  std::size_t layer;
};

struct Size {
  Count outputs, inputs;
};

class Run {
 public:
  Run(const spec::Hardware<double>& hw, const spec::Model<double>& model,
      const spec::Pass<double>& pass, unsigned threads, std::uint64_t seed)
      : hw_(hw),
        model_(model),
        m_(make_machine(hw, model)),
        adapter_class_(hw.map.adapter == spec::UnitChoice::base ? m_.base : m_.side),
        attention_class_(hw.map.attention == spec::UnitChoice::base ? m_.base : m_.side),
        batch_(whole(pass.batch)),
        fresh_(whole(pass.fresh)),
        past_(whole(pass.past)),
        tokens_(batch_ * fresh_),
        groups_(steps(tokens_, m_.base.token_tile)),
        threads_(threads),
        seed_(seed),
        hidden_(whole(model.hidden)),
        heads_(whole(model.heads)),
        kv_heads_(whole(model.kv_heads)),
        head_dim_(whole(model.head_dim)),
        weight_bits_(whole(model.weights.bits.value())),
        head_in_rom_(hw.map.head == spec::HeadPlace::rom),
        by_layer_(hw.gating.domain == spec::GatingDomain::layer) {
    stream_.resize(tokens_ * hidden_);
    for (std::size_t i = 0; i < stream_.size(); ++i)
      stream_[i] = static_cast<std::int32_t>(mix(seed_ ^ i) % 1024) - 512;
  }

  PassCounts operator()(const std::function<void(std::size_t layer)>& progress) {
    result_.layers.resize(model_.layers);
    count_banks();
    for (std::size_t l = 0; l < model_.layers; ++l) {
      if (progress) progress(l);
      layer(l);
    }
    tail();
    for (const auto& d : domains_)
      result_.layers[d.layer].bank_idle_cycles += d.banks * (result_.cycles - d.awake);
    count_link_bits();
    for (const auto v : stream_)
      result_.output_hash = mix(result_.output_hash ^ static_cast<std::uint32_t>(v));
    return std::move(result_);
  }

 private:
  // ---- sizes ----

  bool exists(Projection p) const { return spec::has_projection(model_, p); }

  bool has_adapter(Projection p) const {
    return exists(p) && model_.adapter.rank > 0 &&
           model_.adapter.targets[static_cast<std::size_t>(p)] == spec::Switch::on;
  }

  // FFN neurons of a layer that the machine has.
  Count neurons(std::size_t layer) const {
    const Count all = whole(model_.intermediate);
    const auto& dead = model_.weights.dead_share;
    if (hw_.map.skip_dead == spec::Switch::off || dead.empty()) return all;
    const Count left = all - share_of(dead[layer], all);
    if (left == 0) throw std::invalid_argument("the kernel takes no layer without live neurons");
    return left;
  }

  Size full_size(Projection p) const {
    const auto shape = spec::shape(model_, p);
    return {whole(shape.outputs), whole(shape.inputs)};
  }

  Size size(std::size_t layer, Projection p) const {
    auto size = full_size(p);
    if (p == Projection::gate || p == Projection::up) size.outputs = neurons(layer);
    if (p == Projection::down) size.inputs = neurons(layer);
    return size;
  }

  Count weight_group() const { return whole(model_.weights.group); }
  Count weight_group_bits() const { return whole(model_.weights.group_bits.value()); }

  // ---- one layer ----

  void layer(std::size_t l) {
    layer_ = l;
    counts_ = &result_.layers[l];
    auto x = normed(Op::attn_norm, stream_, hidden_, true);
    auto q = linear(Projection::q, x);
    auto k = linear(Projection::k, x);
    const auto v = linear(Projection::v, x);
    rope(q, k, v);
    x = normed(Op::attn_sub_norm, attention(q), heads_ * head_dim_, has_sub_norms());
    residual(Op::attn_residual, linear(Projection::o, x));
    x = normed(Op::ffn_norm, stream_, hidden_, true);
    x = normed(Op::ffn_sub_norm, ffn(x), neurons(l), has_sub_norms());
    residual(Op::ffn_residual, linear(Projection::down, x));
    close_layer();
  }

  bool has_sub_norms() const { return model_.sub_norms == spec::Switch::on; }

  // Books an op of the current layer.
  void finish(Op op, const OpCounts& counts) {
    counts_->ops[static_cast<std::size_t>(op)] = counts;
  }

  void finish_vector(Op op, OpCounts counts) {
    if (counts.vector_cycles > 0) counts.latency_cycles = m_.vector_latency;
    finish(op, counts);
  }

  // ---- the vector units ----

  void walk_vector(Count elements, double passes, OpCounts& c) const {
    const Count width = m_.vector_units * m_.vector_width;
    for (Count pass = 0; pass < whole(passes); ++pass)
      for (Count at = 0; at < elements; at += width) {
        ++c.vector_cycles;
        c.vector_elements += std::min(width, elements - at);
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

  // In space a value goes to one place only: each matrix keeps the inputs of its own tiles.
  Count input_copies() const { return m_.space ? 1 : m_.base.out_parts; }

  struct Input {
    Activations activations;
    std::vector<std::int64_t> scales;  // of each token
  };

  Input quantized(std::span<const std::int32_t> values, Count size, bool norm) const {
    Input out{{size, {}}, {}};
    for (std::size_t at = 0; at < values.size(); at += size) {
      const auto token =
          quantize(values.subspan(at, size), computed_bits(m_.activation_bits), norm);
      out.activations.values.insert(out.activations.values.end(), token.q.begin(), token.q.end());
      out.scales.push_back(token.scale);
    }
    return out;
  }

  // Norm and quantization of `tokens` vectors, broadcast to the base units.
  OpCounts walk_norm(Count tokens, Count size, bool norm) const {
    OpCounts c;
    for (Count t = 0; t < tokens; ++t) {
      if (norm) walk_vector(size, hw_.vector.norm_passes, c);
      walk_vector(size, hw_.vector.quantize_passes, c);
      walk_broadcast(size, input_copies(), c);
    }
    return c;
  }

  Input normed(Op op, std::span<const std::int32_t> values, Count size, bool norm) {
    finish_vector(op, walk_norm(tokens_, size, norm));
    return quantized(values, size, norm);
  }

  void residual(Op op, std::span<const std::int32_t> added) {
    OpCounts c;
    const Count row = hidden_ * whole(model_.residual_bits.value());
    for (Count t = 0; t < tokens_; ++t) {
      walk_vector(hidden_, hw_.vector.residual_passes, c);
      c.workspace_read_bits += row;
      c.workspace_write_bits += row;
      c.sram_cycles += 2 * steps(row, m_.workspace_width);
    }
    for (std::size_t i = 0; i < stream_.size(); ++i)
      stream_[i] = saturate(std::int64_t{stream_[i]} + added[i]);
    finish_vector(op, c);
  }

  std::vector<std::int32_t> ffn(const Input& x) {
    std::vector<std::int32_t> gate;
    if (exists(Projection::gate)) gate = linear(Projection::gate, x);
    auto out = linear(Projection::up, x);
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = gate.empty() ? activate(model_.activation, out[i])
                            : activate_gated(model_.activation, gate[i], out[i]);
    OpCounts c;
    for (Count t = 0; t < tokens_; ++t)
      walk_vector(neurons(layer_), hw_.vector.activation_passes, c);
    finish_vector(Op::activation, c);
    return out;
  }

  // ---- projections and adapters ----

  std::uint64_t seed_of(std::size_t layer, int matrix) const {
    return mix(mix(seed_ + layer) + static_cast<std::uint64_t>(matrix));
  }

  // Neurons that are left out had zeros only: what is not zero in the full matrix is in this one.
  Matrix base_matrix(Projection p) const {
    const bool ternary = model_.weights.code == spec::WeightCode::ternary;
    const Count places = ternary ? 1 : weight_bits_;  // that are zero or not, of a weight
    const auto full = full_size(p);
    const auto here = size(layer_, p);
    const Count all = full.outputs * full.inputs * places;
    const double share = ternary ? spec::zero_share(model_.weights, layer_, p)
                                 : model_.weights.zero_bit_ratio[layer_];
    const Count ones = all - share_of(share, all);
    const Count room = here.outputs * here.inputs * places;
    return Matrix({here.outputs, here.inputs, ternary ? Code::ternary : Code::integer,
                   static_cast<unsigned>(weight_bits_), room > ones ? room - ones : 0},
                  seed_of(layer_, 3 * static_cast<int>(p)));
  }

  Matrix adapter_matrix(Projection p, int factor, Count outputs, Count inputs) const {
    const auto bits = static_cast<unsigned>(whole(model_.adapter.bits.value()));
    return Matrix({outputs, inputs, Code::integer, bits, outputs * inputs * bits / 2},
                  seed_of(layer_, 3 * static_cast<int>(p) + factor));
  }

  // A matrix on base units: in space it has as many as it has tiles.
  Dealing base_dealing(const Size& size, Count width) const {
    return {m_.base,
            m_.space ? steps(size.outputs, m_.base.rows) : m_.base.out_parts,
            m_.space ? steps(size.inputs, width) : m_.base.in_parts,
            width,
            m_.step_cycles,
            Store::rom,
            false,
            0,
            0};
  }

  void compare(Op op, bool same) {
    if (!same && result_.first_difference.empty())
      result_.first_difference =
          "layer " + std::to_string(layer_) + " " + std::string(spec::name(op));
  }

  static Count latency(const UnitClass& c, Count leaves) {
    return c.pipeline + tree_depth(leaves) * c.level_latency;
  }

  // Base output plus B(A x); returns residual-stream values.
  std::vector<std::int32_t> linear(Projection p, const Input& x) {
    const auto here = size(layer_, p);
    const auto op = base_op(p);
    auto dealing = base_dealing(here, m_.width);
    dealing.store = weights_in_rom() ? Store::rom : Store::dram;
    dealing.base = true;
    dealing.group = weight_group();
    dealing.group_bits = weight_group_bits();
    auto base = multiply(m_, dealing, base_matrix(p), x.activations, threads_);
    compare(op, base.naive == base.parts);
    base.counts.latency_cycles = latency(m_.base, dealing.in_parts);
    if (weights_in_rom())
      base.counts.bank_toggles =
          base.address_changes * banks_seen(p, dealing.out_parts * dealing.in_parts);
    finish(op, base.counts);

    std::vector<std::int32_t> y(base.parts.size());
    for (Count t = 0; t < tokens_; ++t)
      for (Count i = 0; i < here.outputs; ++i)
        y[t * here.outputs + i] =
            dequantize(base.parts[t * here.outputs + i], x.scales[t], here.inputs);
    if (has_adapter(p)) add_adapter(p, x, here, y);
    return y;
  }

  void add_adapter(Projection p, const Input& x, const Size& here, std::vector<std::int32_t>& y) {
    const auto& c = adapter_class_;
    const auto op_a = static_cast<Op>(static_cast<int>(base_op(p)) + 1);
    const auto op_b = static_cast<Op>(static_cast<int>(base_op(p)) + 2);
    const Count rank = whole(model_.adapter.rank);
    auto a =
        multiply(m_, {c, c.out_parts, c.in_parts, c.width_adapter, 1, Store::sram, false, 0, 0},
                 adapter_matrix(p, 1, rank, here.inputs), x.activations, threads_);
    compare(op_a, a.naive == a.parts);
    a.counts.latency_cycles = latency(c, c.in_parts);
    finish(op_a, a.counts);

    const auto h = quantized(a.parts, rank, false);
    // Every unit has outputs of its own: B has nothing to reduce.
    auto b = multiply(m_, {c, c.units(), 1, c.width_adapter, 1, Store::sram, false, 0, 0},
                      adapter_matrix(p, 2, here.outputs, rank), h.activations, threads_);
    compare(op_b, b.naive == b.parts);
    OpCounts requantize;
    for (Count t = 0; t < tokens_; ++t) {
      walk_vector(rank, hw_.vector.quantize_passes, requantize);
      walk_broadcast(rank, c.units(), requantize);
    }
    b.counts.latency_cycles =
        latency(c, c.units()) + requantize.vector_cycles + requantize.broadcast_cycles;
    b.counts.vector_elements = requantize.vector_elements;
    b.counts.broadcast_bits = requantize.broadcast_bits;
    b.counts.buffer_write_bits = requantize.buffer_write_bits;
    finish(op_b, b.counts);
    for (Count t = 0; t < tokens_; ++t)
      for (Count i = 0; i < here.outputs; ++i) {
        const auto inner = dequantize(b.parts[t * here.outputs + i], h.scales[t], rank);
        auto& out = y[t * here.outputs + i];
        out = saturate(std::int64_t{out} + dequantize(inner, x.scales[t], here.inputs));
      }
  }

  // ---- attention ----

  Count kv_bits() const { return whole(model_.kv_bits.value()); }

  AttentionShape attention_shape() const { return {heads_, kv_heads_, head_dim_, kv_bits()}; }

  void rope(std::vector<std::int32_t>& q, std::vector<std::int32_t>& k,
            const std::vector<std::int32_t>& v) {
    const auto& units = attention_class_;
    const Count q_dim = heads_ * head_dim_;
    const Count kv_dim = kv_heads_ * head_dim_;
    fill_cache(kv_dim);
    OpCounts c;
    std::vector<Count> rows_written(units.position_parts * batch_);
    for (Count t = 0; t < tokens_; ++t) {
      const Count position = past_ + t % fresh_;
      const Count sequence = t / fresh_;
      rotate(std::span(q).subspan(t * q_dim, q_dim), head_dim_, position);
      rotate(std::span(k).subspan(t * kv_dim, kv_dim), head_dim_, position);
      for (Count i = 0; i < kv_dim; ++i) {
        const auto at = (sequence * (past_ + fresh_) + position) * kv_dim + i;
        keys_[at] = clip_to_code(k[t * kv_dim + i], computed_bits(kv_bits()));
        values_[at] = clip_to_code(v[t * kv_dim + i], computed_bits(kv_bits()));
      }
      walk_vector(q_dim + kv_dim, hw_.vector.rope_passes, c);
      walk_vector(q_dim + 2 * kv_dim, hw_.vector.quantize_passes, c);
      walk_broadcast(q_dim, units.position_parts, c);
      for (int row = 0; row < 2; ++row) c.sram_write_bits += kv_dim * kv_bits();
      rows_written[sequence * units.position_parts + position % units.position_parts] += 2;
    }
    // Sequences write one after the other; of each, the fullest part decides.
    const Count kv_rows = deal_heads(attention_shape(), units.head_parts).kv_rows;
    const auto parts = static_cast<std::ptrdiff_t>(units.position_parts);
    for (auto first = rows_written.begin(); first != rows_written.end(); first += parts)
      c.sram_cycles += *std::max_element(first, first + parts) * kv_rows *
                       steps(head_dim_ * kv_bits(), units.sram_width);
    finish_vector(Op::rope, c);
  }

  // Cached rows come from the generator; the pass's own rows are overwritten after.
  void fill_cache(Count kv_dim) {
    const auto bits = computed_bits(kv_bits());
    const Count size = batch_ * (past_ + fresh_) * kv_dim;
    keys_.resize(size);
    values_.resize(size);
    const auto seed = seed_of(layer_, 100);
    for (Count i = 0; i < size; ++i) {
      const auto random = mix(seed ^ i);
      keys_[i] = clip_to_code(static_cast<std::int32_t>(random & 0xFFF) - 2048, bits);
      values_[i] = clip_to_code(static_cast<std::int32_t>(random >> 32 & 0xFFF) - 2048, bits);
    }
  }

  // Positions that token `index` of a sequence attends to in the current layer.
  Span attended(Count index) const {
    const Count end = past_ + index + 1;
    if (spec::attends_to_all(model_, layer_)) return {0, end};
    const Count n = std::min(end, whole(model_.window));
    return {end - n, n};
  }

  // Tokens that share a read of a row: those of one sequence.
  Count kv_tile() const { return std::min(fresh_, attention_class_.kv_tile); }

  std::vector<std::int32_t> attention(const std::vector<std::int32_t>& q) {
    const Count q_dim = heads_ * head_dim_;
    const Count kv_dim = kv_heads_ * head_dim_;
    const auto bits = computed_bits(m_.activation_bits);
    std::vector<std::int8_t> codes(q.size());
    for (std::size_t i = 0; i < q.size(); ++i) codes[i] = clip_to_code(q[i], bits);
    AttentionWalk walk(m_, attention_class_, attention_shape());
    OpCounts soft;
    std::vector<std::int32_t> out(q.size());
    bool same_scores = true;
    bool same_context = true;
    for (Count t = 0; t < tokens_; ++t) {
      const auto at = attended(t % fresh_);
      const Count cache = t / fresh_ * (past_ + fresh_) * kv_dim;
      walk.token(at);
      walk_softmax(at.count, soft);
      for (Count head = 0; head < heads_; ++head) {
        const auto to = t * q_dim + head * head_dim_;
        const auto from = cache + head / (heads_ / kv_heads_) * head_dim_;
        const auto s = walk.scores(std::span(codes).subspan(to, head_dim_), {&keys_[from], kv_dim},
                                   at, same_scores);
        const auto mixed =
            walk.context(softmax(s, 10, bits), {&values_[from], kv_dim}, at, same_context);
        // Probabilities sum to about code_max, values are in units of 1/16 of the stream's.
        const auto top = std::max(1, code_max(bits));
        for (Count i = 0; i < head_dim_; ++i)
          out[to + i] = saturate(std::int64_t{mixed[i]} * 16 / top);
      }
    }
    compare(Op::scores, same_scores);
    compare(Op::context, same_context);
    walk.finish(kv_tile());
    finish(Op::scores, walk.scores_counts());
    finish_vector(Op::softmax, soft);
    finish(Op::context, walk.context_counts());
    return out;
  }

  // Heads are dealt to the vector units, each `vector_width` elements a cycle.
  void walk_softmax(Count n, OpCounts& c) const {
    for (Count pass = 0; pass < whole(hw_.vector.softmax_passes); ++pass) {
      std::vector<Count> busy(m_.vector_units);
      for (Count head = 0; head < heads_; ++head) {
        busy[head % m_.vector_units] += steps(n, m_.vector_width);
        c.vector_elements += n;
      }
      c.vector_cycles += *std::max_element(busy.begin(), busy.end());
    }
    for (Count head = 0; head < heads_; ++head) walk_broadcast(n, 1, c);
  }

  // ---- gating ----

  bool weights_in_rom() const { return hw_.map.weights == spec::WeightPlace::rom; }

  Count banks_for(Count bits) const { return steps(bits, m_.bank_width * m_.bank_height); }

  // Banks of every matrix of the chip, before anything runs: an address may reach all of them.
  void count_banks() {
    banks_.resize(model_.layers);
    for (std::size_t l = 0; l < model_.layers && weights_in_rom(); ++l)
      for (std::size_t p = 0; p < spec::projection_count; ++p) {
        if (!exists(static_cast<Projection>(p))) continue;
        const auto here = size(l, static_cast<Projection>(p));
        banks_[l][p] = banks_for(stored_bits(0, here.outputs, here.inputs, weight_bits_,
                                             weight_group(), weight_group_bits()));
        result_.chip_banks += banks_[l][p];
      }
    if (head_in_rom_)
      head_banks_ = banks_for(whole(model_.embedding.vocabulary) * hidden_ * embedding_bits());
    result_.chip_banks += head_banks_;
  }

  Count layer_banks() const {
    Count sum = 0;
    for (const Count banks : banks_[layer_]) sum += banks;
    return sum;
  }

  // Banks that `tiles` units read at once, of a matrix of `banks`.
  Count banks_read(Count tiles, Count width, Count bits, Count banks) const {
    return std::min(banks, steps(tiles * m_.base.rows * width * bits, m_.bank_width));
  }

  // Banks that see an address change of projection p.
  Count banks_seen(Projection p, Count tiles) const {
    const Count banks = banks_[layer_][static_cast<std::size_t>(p)];
    if (hw_.gating.mode == spec::GatingMode::none) return result_.chip_banks;
    switch (hw_.gating.domain) {
      case spec::GatingDomain::bank:
        return banks_read(tiles, m_.width, weight_bits_, banks);
      case spec::GatingDomain::matrix:
        return banks;
      case spec::GatingDomain::layer:
        break;
    }
    return layer_banks();
  }

  Count head_banks_seen(Count tiles) const {
    if (hw_.gating.mode == spec::GatingMode::none) return result_.chip_banks;
    if (hw_.gating.domain != spec::GatingDomain::bank) return head_banks_;
    return banks_read(tiles, m_.width_head, embedding_bits(), head_banks_);
  }

  bool wakes() const { return hw_.gating.mode == spec::GatingMode::switches; }

  // What of a wake shows that began `lead` cycles early; nothing is before the first of a pass.
  Count exposed(std::optional<Count> lead) const {
    if (!lead || hw_.gating.prewake == spec::Switch::off) return m_.wake;
    return *lead < m_.wake ? m_.wake - *lead : 0;
  }

  void close_layer() {
    auto& layer = *counts_;
    const auto time = walk_graph(hw_.map, m_.space, layer.ops);
    layer.path_cycles = time.path();
    layer.base_load = time.load[0];
    layer.side_load = time.load[1];
    layer.vector_load = time.load[2];
    const Count largest = std::max({layer.base_load, layer.side_load, layer.vector_load});
    layer.layer_cycles = largest + steps(layer.path_cycles - largest, groups_);
    if (wakes() && weights_in_rom()) by_layer_ ? wake_layer() : wake_matrices(time);
    path_clock_ += layer.path_cycles;
    result_.cycles += layer.layer_cycles + layer.exposed_wake_cycles;
  }

  void wake_layer() {
    auto& layer = *counts_;
    layer.exposed_wake_cycles =
        exposed(layer_ > 0 ? std::optional(result_.layers[layer_ - 1].layer_cycles) : std::nullopt);
    layer.bank_wakes = layer_banks();
    domains_.push_back({layer.bank_wakes, layer.layer_cycles + m_.wake, layer_});
  }

  void wake_matrices(const Timeline& time) {
    auto& layer = *counts_;
    for (std::size_t p = 0; p < spec::projection_count; ++p) {
      if (!exists(static_cast<Projection>(p))) continue;
      const auto op = static_cast<std::size_t>(base_ops[p]);
      const Count start = path_clock_ + time.start[op];
      layer.exposed_wake_cycles +=
          exposed(last_start_ ? std::optional(start - *last_start_) : std::nullopt);
      last_start_ = start;
      layer.bank_wakes += banks_[layer_][p];
      const Count used = groups_ > 1 ? layer.layer_cycles : op_cycles(layer.ops[op]);
      domains_.push_back({banks_[layer_][p], used + m_.wake, layer_});
    }
  }

  // From the first use of the domain before the LM head to the LM head, `norm` cycles included.
  std::optional<Count> head_lead(Count norm) const {
    if (!weights_in_rom()) return std::nullopt;
    if (by_layer_) return result_.layers.back().layer_cycles + norm;
    return path_clock_ - *last_start_ + norm;
  }

  // ---- tail ----

  Count embedding_bits() const { return whole(model_.embedding.bits.value()); }

  void tail() {
    if (!head_in_rom_) return;
    auto& norm = result_.final_norm;
    norm = walk_norm(batch_, hidden_, true);
    if (norm.vector_cycles > 0) norm.latency_cycles = m_.vector_latency;
    lm_head();
    if (wakes()) result_.head_exposed_wake_cycles = exposed(head_lead(op_cycles(norm)));
    result_.cycles +=
        op_cycles(norm) + result_.head_exposed_wake_cycles + op_cycles(result_.lm_head);
    for (Count t = 0; t < tokens_; ++t) result_.embedding_bits += hidden_ * embedding_bits();
  }

  void lm_head() {
    std::vector<std::int32_t> last;
    for (Count s = 0; s < batch_; ++s) {
      const auto at = ((s + 1) * fresh_ - 1) * hidden_;
      last.insert(last.end(), stream_.begin() + static_cast<std::ptrdiff_t>(at),
                  stream_.begin() + static_cast<std::ptrdiff_t>(at + hidden_));
    }
    const auto x = quantized(last, hidden_, true);
    const Size here{whole(model_.embedding.vocabulary), hidden_};
    const Matrix table(
        {here.outputs, here.inputs, Code::integer, static_cast<unsigned>(embedding_bits()),
         share_of(model_.embedding.zero_bit_ratio, here.outputs * here.inputs * embedding_bits())},
        seed_of(model_.layers, 0));
    const auto dealing = base_dealing(here, m_.width_head);
    const auto head = multiply(m_, dealing, table, x.activations, threads_);
    layer_ = model_.layers;
    compare(Op::lm_head, head.naive == head.parts);
    result_.lm_head = head.counts;
    result_.lm_head.latency_cycles = latency(m_.base, dealing.in_parts);
    result_.lm_head.bank_toggles =
        head.address_changes * head_banks_seen(dealing.out_parts * dealing.in_parts);
  }

  // ---- host link ----

  void count_link_bits() {
    for (Count t = 0; t < tokens_; ++t)
      result_.link_bits += head_in_rom_ ? 32 : hidden_ * m_.activation_bits;
    for (Count s = 0; s < batch_; ++s)
      result_.link_bits += head_in_rom_ ? 32 : hidden_ * whole(model_.residual_bits.value());
    if (hw_.sram.spill != spec::Spill::host) return;
    const Count row = 2 * kv_heads_ * head_dim_ * kv_bits();
    Count full_layers = 0;
    for (std::size_t l = 0; l < model_.layers; ++l)
      if (spec::attends_to_all(model_, l)) ++full_layers;
    if (full_layers == 0) return;
    const Count fits = positions_that_fit(row, full_layers);
    for (Count t = 0; t < tokens_; ++t)
      for (Count p = fits; p < past_ + t % fresh_ + 1; ++p) result_.link_bits += row * full_layers;
  }

  // Adapters and windowed layers come first; layers with full attention share the rest.
  Count positions_that_fit(Count row, Count full_layers) const {
    Count used = 0;
    for (std::size_t l = 0; l < model_.layers; ++l) {
      for (std::size_t p = 0; p < spec::projection_count; ++p) {
        if (!has_adapter(static_cast<Projection>(p))) continue;
        const auto whole_matrix = spec::shape(model_, static_cast<Projection>(p));
        used += whole(model_.adapter.rank) * whole(whole_matrix.outputs + whole_matrix.inputs) *
                whole(model_.adapter.bits.value());
      }
      if (!spec::attends_to_all(model_, l))
        used += batch_ * std::min(past_ + fresh_, whole(model_.window)) * row;
    }
    const double capacity = hw_.sram.capacity.value();
    if (capacity < static_cast<double>(used)) return 0;
    const auto free = static_cast<Count>(capacity) - used;
    const Count parts = attention_class_.position_parts;
    return parts * (free / (parts * batch_ * full_layers * row));
  }

  const spec::Hardware<double>& hw_;
  const spec::Model<double>& model_;
  Machine m_;
  const UnitClass& adapter_class_;
  const UnitClass& attention_class_;
  Count batch_, fresh_, past_, tokens_, groups_;
  unsigned threads_;
  std::uint64_t seed_;
  Count hidden_, heads_, kv_heads_, head_dim_, weight_bits_;
  bool head_in_rom_, by_layer_;

  std::vector<std::int32_t> stream_;        // tokens x hidden
  std::vector<std::int8_t> keys_, values_;  // of one layer: batch x positions x kv_dim
  PassCounts result_;
  std::vector<std::array<Count, spec::projection_count>> banks_;  // of each layer's matrices
  Count head_banks_ = 0;
  std::vector<Domain> domains_;

  std::size_t layer_ = 0;
  LayerCounts* counts_ = nullptr;
  Count path_clock_ = 0;             // sum of the paths of the layers before
  std::optional<Count> last_start_;  // of the last projection, on that clock
};

}  // namespace

PassCounts run(const spec::Hardware<double>& hw, const spec::Model<double>& model,
               const spec::Pass<double>& pass, unsigned threads, std::uint64_t seed,
               const std::function<void(std::size_t layer)>& progress) {
  if (hw.map.weights == spec::WeightPlace::dram &&
      hw.dram.bandwidth.value() < hw.chip.clock.value())
    throw std::invalid_argument("the kernel takes a DRAM of at least 1 bit a cycle");
  return Run(hw, model, pass, std::max(1u, threads), seed)(progress);
}

}  // namespace tomestimate::kernel
