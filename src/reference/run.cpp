// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/reference/run.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <tomestimate/reference/fp8.hpp>

#include "parallel.hpp"
#include "synthetic.hpp"

namespace tomestimate::reference {
namespace {

using spec::Op;

constexpr double unit(Arithmetic a) { return a == Arithmetic::int8 ? 1.0 : e4m3_unit; }
constexpr float exponential_scale = 256;  // of e in fp8: 1 becomes 256, and 2^-17 is not lost

Op base_op(Projection p) {
  constexpr std::array ops{Op::q, Op::k, Op::v, Op::o, Op::gate, Op::up, Op::down};
  return ops[static_cast<std::size_t>(p)];
}
Op lora_a(Projection p) { return static_cast<Op>(static_cast<int>(base_op(p)) + 1); }
Op lora_b(Projection p) { return static_cast<Op>(static_cast<int>(base_op(p)) + 2); }

// Codes as whole numbers in bytes that the products take.
std::vector<Bytes> digits_of(Arithmetic arithmetic, const Quantized& x) {
  const std::size_t count = arithmetic == Arithmetic::int8 ? 1 : 3;
  std::vector<Bytes> out(count, Bytes(x.tokens, x.columns));
  for (std::size_t t = 0; t < x.tokens; ++t)
    for (std::size_t c = 0; c < x.columns; ++c) {
      const auto code = x.codes[t * x.columns + c];
      std::int32_t left =
          arithmetic == Arithmetic::int8 ? static_cast<std::int8_t>(code) : fixed_e4m3(code);
      for (auto& digit : out) {
        const auto low = static_cast<std::int8_t>(left & 0xFF);
        digit.values[t * digit.stride + c] = low;
        left = (left - low) / 256;
      }
    }
  for (auto& digit : out) digit.add_up();
  return out;
}

std::vector<std::uint8_t> e4m3_codes(std::span<const float> x) {
  std::vector<std::uint8_t> out(x.size());
  std::transform(x.begin(), x.end(), out.begin(), [](float v) { return to_e4m3(v); });
  return out;
}

// By rising position, in double. keys: the row of one key or value head at a position.
float weighted_mean(std::span<const float> weights, const float* values, std::size_t stride,
                    double total) {
  double sum = 0;
  for (std::size_t j = 0; j < weights.size(); ++j)
    sum += static_cast<double>(weights[j]) * static_cast<double>(values[j * stride]);
  return static_cast<float>(sum / total);
}

void check_finite(std::span<const float> x, std::size_t layer) {
  if (!std::all_of(x.begin(), x.end(), [](float v) { return std::isfinite(v); }))
    throw std::runtime_error(fmt::format("layer {} gives a value that is not finite", layer));
}

}  // namespace

Quantized quantize(Arithmetic arithmetic, std::span<const float> x, std::size_t tokens) {
  Quantized out{tokens,
                x.size() / tokens,
                std::vector<std::uint8_t>(x.size()),
                std::vector<float>(tokens),
                {}};
  for (std::size_t t = 0; t < tokens; ++t) {
    const auto row = x.subspan(t * out.columns, out.columns);
    const auto codes = std::span(out.codes).subspan(t * out.columns, out.columns);
    out.scales[t] =
        arithmetic == Arithmetic::int8
            ? quantize_int8(row, {reinterpret_cast<std::int8_t*>(codes.data()), codes.size()})
            : quantize_e4m3(row, codes);
  }
  out.digits = digits_of(arithmetic, out);
  return out;
}

Runner::Runner(const Model& model, RunOptions options, Hooks hooks)
    : model_(model),
      options_(options),
      hooks_(std::move(hooks)),
      rope_(model.config.head_dim, model.config.rope_theta, model.config.rope_adjacent,
            model.config.rope_divisors),
      kept_(model.config.layers),
      caches_(model.config.layers) {}

const Layer& Runner::layer(std::size_t l) {
  if (kept_[l]) return *kept_[l];
  passing_.reset();
  auto made = model_.layer(l);
  const auto bytes = made.bytes();
  if (kept_bytes_ + bytes <= options_.kept_bytes) {
    kept_bytes_ += bytes;
    return kept_[l].emplace(std::move(made));
  }
  return passing_.emplace(std::move(made));
}

bool Runner::records(std::size_t l) const {
  const auto last = std::min(options_.record_last, model_.config.layers - 1);
  if (!hooks_.record) return false;
  if (l == model_.config.layers) return last == l - 1;
  return l >= options_.record_first && l <= last;
}

void Runner::show(std::size_t l, Op op, std::vector<Array> arrays) const {
  if (records(l)) hooks_.record({pass_, l, op, std::move(arrays)});
}

namespace {

// Codes of a token, as the arithmetic calls them.
Array codes_array(Arithmetic a, const std::string& role, const Quantized& x) {
  const std::vector<std::size_t> shape{x.tokens, x.columns};
  if (a == Arithmetic::fp8) return {role, "codes", std::span<const std::uint8_t>(x.codes), shape};
  return {role, "codes",
          std::span(reinterpret_cast<const std::int8_t*>(x.codes.data()), x.codes.size()), shape};
}

Array floats(const std::string& role, const std::string& name, std::span<const float> x,
             std::vector<std::size_t> shape) {
  return {role, name, x, std::move(shape)};
}

}  // namespace

Quantized Runner::norm(std::size_t l, Op op, std::span<const float> x, std::size_t width,
                       const std::vector<float>& gain) {
  const auto tokens = x.size() / width;
  std::vector<float> y(x.begin(), x.end());
  if (!gain.empty())
    for (std::size_t t = 0; t < tokens; ++t)
      rms_norm(x.subspan(t * width, width), gain, model_.config.norm_epsilon,
               std::span(y).subspan(t * width, width));
  auto out = quantize(options_.arithmetic, y, tokens);
  std::vector<Array> arrays{floats("input", "x", x, {tokens, width})};
  if (!gain.empty()) {
    arrays.push_back(floats("input", "gain", gain, {width}));
    arrays.push_back(floats("output", "y", y, {tokens, width}));
  }
  arrays.push_back(codes_array(options_.arithmetic, "output", out));
  arrays.push_back(floats("output", "scales", out.scales, {tokens}));
  show(l, op, std::move(arrays));
  return out;
}

std::vector<float> Runner::product(const Matrix& matrix, const Quantized& x,
                                   std::vector<std::int64_t>& sums) const {
  const auto outputs = rows(matrix);
  std::vector<float> y(x.tokens * outputs);
  const double work =
      static_cast<double>(x.tokens) * static_cast<double>(outputs) * static_cast<double>(x.columns);
  if (const auto* ternary = std::get_if<Ternary>(&matrix)) {
    sums.assign(y.size(), 0);
    std::vector<std::int32_t> digit_sums(y.size());
    std::int64_t place = 1;
    for (const auto& digit : x.digits) {
      parallel(options_.threads, outputs, work, [&](std::size_t from, std::size_t to) {
        multiply(*ternary, digit, from, to, options_.isa, digit_sums);
      });
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += place * digit_sums[i];
      place *= 256;
    }
    for (std::size_t t = 0; t < x.tokens; ++t) {
      const double factor = static_cast<double>(ternary->scale) * unit(options_.arithmetic) /
                            static_cast<double>(x.scales[t]);
      for (std::size_t r = 0; r < outputs; ++r)
        y[t * outputs + r] =
            static_cast<float>(static_cast<double>(sums[t * outputs + r]) * factor);
    }
    return y;
  }
  const auto& grouped = std::get<Grouped>(matrix);
  std::vector<std::vector<std::int32_t>> of_groups;
  for (const auto& digit : x.digits)
    of_groups.push_back(group_sums(digit, x.columns, grouped.group()));
  parallel(options_.threads, outputs, work, [&](std::size_t from, std::size_t to) {
    std::vector<std::int32_t> digit_sums(x.tokens * grouped.groups());
    std::vector<std::int64_t> whole_sums(digit_sums.size());
    for (std::size_t r = from; r < to; ++r) {
      std::fill(whole_sums.begin(), whole_sums.end(), 0);
      std::int64_t place = 1;
      for (std::size_t d = 0; d < x.digits.size(); ++d) {
        multiply_row(grouped, x.digits[d], of_groups[d], r, options_.isa, digit_sums);
        for (std::size_t i = 0; i < whole_sums.size(); ++i) whole_sums[i] += place * digit_sums[i];
        place *= 256;
      }
      for (std::size_t t = 0; t < x.tokens; ++t) {
        double sum = 0;
        for (std::size_t g = 0; g < grouped.groups(); ++g)
          sum += static_cast<double>(grouped.scale(r, g)) *
                 static_cast<double>(whole_sums[t * grouped.groups() + g]);
        y[t * outputs + r] =
            static_cast<float>(sum * unit(options_.arithmetic) / static_cast<double>(x.scales[t]));
      }
    }
  });
  return y;
}

namespace {

// Ternary weights as they are, or codes of groups with their scales and zeros.
struct ShownWeights {
  std::vector<std::int8_t> ternary;
  std::vector<std::uint8_t> codes, zeros;
  std::vector<float> scales;
};

ShownWeights weights_of(const Matrix& matrix) {
  ShownWeights out;
  const auto n = rows(matrix);
  const auto width = columns(matrix);
  if (const auto* ternary = std::get_if<Ternary>(&matrix)) {
    out.ternary.resize(n * width);
    out.scales = {ternary->scale};
    for (std::size_t r = 0; r < n; ++r)
      ternary->row_weights(r, std::span(out.ternary).subspan(r * width, width));
    return out;
  }
  const auto& grouped = std::get<Grouped>(matrix);
  out.codes.resize(n * width);
  for (std::size_t r = 0; r < n; ++r) {
    grouped.row_codes(r, std::span(out.codes).subspan(r * width, width));
    for (std::size_t g = 0; g < grouped.groups(); ++g) {
      out.scales.push_back(grouped.scale(r, g));
      out.zeros.push_back(grouped.zero(r, g));
    }
  }
  return out;
}

void add_weights(const Matrix& matrix, const ShownWeights& w, std::vector<Array>& arrays) {
  const std::vector<std::size_t> shape{rows(matrix), columns(matrix)};
  if (std::holds_alternative<Ternary>(matrix)) {
    arrays.push_back({"weight", "weights", std::span<const std::int8_t>(w.ternary), shape});
    arrays.push_back({"weight", "weight_scale", std::span<const float>(w.scales), {1}});
    return;
  }
  const auto groups = std::get<Grouped>(matrix).groups();
  arrays.push_back({"weight", "weight_codes", std::span<const std::uint8_t>(w.codes), shape});
  arrays.push_back(
      {"weight", "weight_scales", std::span<const float>(w.scales), {shape[0], groups}});
  arrays.push_back(
      {"weight", "weight_zeros", std::span<const std::uint8_t>(w.zeros), {shape[0], groups}});
}

}  // namespace

std::vector<float> Runner::linear(std::size_t l, Projection p, const Layer& weights,
                                  const Quantized& x) {
  const auto& matrix = weights.projections[static_cast<std::size_t>(p)];
  if (hooks_.linear) hooks_.linear(l, p, matrix, x);
  const auto show_product = [&](Op op, const Matrix& m, const Quantized& in,
                                const std::vector<std::int64_t>& sums,
                                const std::vector<float>& y) {
    if (!records(l)) return;
    const std::vector<std::size_t> shape{in.tokens, rows(m)};
    std::vector<Array> arrays{codes_array(options_.arithmetic, "input", in),
                              floats("input", "scales", in.scales, {in.tokens})};
    if (!sums.empty())
      arrays.push_back({"output", "sums", std::span<const std::int64_t>(sums), shape});
    arrays.push_back(floats("output", "y", y, shape));
    ShownWeights shown;
    if (options_.record_weights && pass_ == 0) {
      shown = weights_of(m);
      add_weights(m, shown, arrays);
    }
    show(l, op, std::move(arrays));
  };
  std::vector<std::int64_t> sums;
  auto y = product(matrix, x, sums);
  show_product(base_op(p), matrix, x, sums, y);
  const auto& adapter = weights.adapters[static_cast<std::size_t>(p)];
  if (!adapter) return y;
  sums.clear();
  const auto low = product(adapter->a, x, sums);
  show_product(lora_a(p), adapter->a, x, sums, low);
  const auto codes = quantize(options_.arithmetic, low, x.tokens);
  sums.clear();
  const auto more = product(adapter->b, codes, sums);
  show_product(lora_b(p), adapter->b, codes, sums, more);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] += more[i];
  return y;
}

void Runner::attend(const Cache& cache, std::span<const float> q, std::size_t token,
                    std::size_t head, std::size_t positions, std::size_t all, Heads& heads,
                    std::span<float> out) const {
  const auto& c = model_.config;
  const auto d = c.head_dim;
  const auto kv = head / (c.heads / c.kv_heads) * d;
  const auto stride = c.keys();
  const bool fp8 = options_.arithmetic == Arithmetic::fp8;
  const double inverse_root = 1 / std::sqrt(static_cast<double>(d));
  std::vector<float> scores(positions);
  std::vector<std::int32_t> query(d);
  if (fp8)
    std::transform(q.begin(), q.end(), query.begin(),
                   [](float v) { return fixed_e4m3(to_e4m3(v)); });
  for (std::size_t j = 0; j < positions; ++j) {
    if (fp8) {
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < d; ++i)
        sum += std::int64_t{query[i]} * fixed_e4m3(cache.key_codes[j * stride + kv + i]);
      scores[j] =
          static_cast<float>(static_cast<double>(sum) * (e4m3_unit * e4m3_unit) * inverse_root);
    } else {
      scores[j] = static_cast<float>(dot(q, std::span(cache.keys).subspan(j * stride + kv, d)) *
                                     inverse_root);
    }
  }
  const double most = *std::max_element(scores.begin(), scores.end());
  std::vector<float> e(positions);
  double total = 0;
  for (std::size_t j = 0; j < positions; ++j) {
    e[j] = static_cast<float>(exponential(static_cast<double>(scores[j]) - most));
    if (fp8) e[j] = from_e4m3(to_e4m3(e[j] * exponential_scale));
    total += static_cast<double>(e[j]);
  }
  for (std::size_t i = 0; i < d; ++i) {
    if (!fp8) {
      out[i] = weighted_mean(e, cache.values.data() + kv + i, stride, total);
      continue;
    }
    std::int64_t sum = 0;
    for (std::size_t j = 0; j < positions; ++j)
      sum += static_cast<std::int64_t>(e[j] * 512) *
             fixed_e4m3(cache.value_codes[j * stride + kv + i]);
    out[i] = static_cast<float>(static_cast<double>(sum) * (e4m3_unit * e4m3_unit) / total);
  }
  if (heads.sums.empty()) return;
  const auto row = token * c.heads + head;
  std::copy(scores.begin(), scores.end(),
            heads.scores.begin() + static_cast<std::ptrdiff_t>(row * all));
  std::copy(e.begin(), e.end(),
            heads.exponentials.begin() + static_cast<std::ptrdiff_t>(row * all));
  heads.sums[row] = static_cast<float>(total);
}

std::vector<float> Runner::attention(std::size_t l, std::size_t past, std::vector<float> q,
                                     std::vector<float> k, std::span<const float> v) {
  const auto& c = model_.config;
  const auto tokens = q.size() / c.queries();
  const bool fp8 = options_.arithmetic == Arithmetic::fp8;
  const auto before_q = records(l) ? q : std::vector<float>{};
  const auto before_k = records(l) ? k : std::vector<float>{};
  for (std::size_t t = 0; t < tokens; ++t) {
    rope_.turn(past + t, std::span(q).subspan(t * c.queries(), c.queries()));
    rope_.turn(past + t, std::span(k).subspan(t * c.keys(), c.keys()));
  }
  auto& cache = caches_[l];
  std::vector<std::uint8_t> q_codes;
  std::vector<Array> turned{floats("input", "q", before_q, {tokens, c.queries()}),
                            floats("input", "k", before_k, {tokens, c.keys()}),
                            floats("input", "v", v, {tokens, c.keys()}),
                            floats("output", "q", q, {tokens, c.queries()}),
                            floats("output", "k", k, {tokens, c.keys()})};
  if (fp8) {
    q_codes = e4m3_codes(q);
    const auto k_codes = e4m3_codes(k);
    const auto v_codes = e4m3_codes(v);
    cache.key_codes.insert(cache.key_codes.end(), k_codes.begin(), k_codes.end());
    cache.value_codes.insert(cache.value_codes.end(), v_codes.begin(), v_codes.end());
    const auto codes = [&](const char* name, const std::vector<std::uint8_t>& x, std::size_t n) {
      turned.push_back({"output", name, std::span<const std::uint8_t>(x), {tokens, n}});
    };
    codes("q_codes", q_codes, c.queries());
    codes("k_codes", k_codes, c.keys());
    codes("v_codes", v_codes, c.keys());
    show(l, Op::rope, std::move(turned));
  } else {
    cache.keys.insert(cache.keys.end(), k.begin(), k.end());
    cache.values.insert(cache.values.end(), v.begin(), v.end());
    show(l, Op::rope, std::move(turned));
  }
  const auto all = past + tokens;
  Heads heads;
  if (records(l)) {
    heads.scores.assign(tokens * c.heads * all, -std::numeric_limits<float>::infinity());
    heads.exponentials.assign(heads.scores.size(), 0);
    heads.sums.assign(tokens * c.heads, 0);
  }
  std::vector<float> out(q.size());
  const double work =
      static_cast<double>(q.size()) * static_cast<double>(all) * 8;  // a double each, not packed
  parallel(options_.threads, tokens * c.heads, work, [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i)
      attend(cache, std::span(q).subspan(i * c.head_dim, c.head_dim), i / c.heads, i % c.heads,
             past + i / c.heads + 1, all, heads,
             std::span(out).subspan(i * c.head_dim, c.head_dim));
  });
  const std::vector<std::size_t> shape{tokens, c.heads, all};
  show(l, Op::scores, {floats("output", "scores", heads.scores, shape)});
  show(l, Op::softmax,
       {floats("output", "exponentials", heads.exponentials, shape),
        floats("output", "sums", heads.sums, {tokens, c.heads})});
  show(l, Op::context, {floats("output", "y", out, {tokens, c.queries()})});
  return out;
}

void Runner::run_layer(std::size_t l, const Layer& weights, std::size_t past,
                       std::vector<float>& x) {
  const auto& c = model_.config;
  const auto tokens = x.size() / c.hidden;
  const auto add = [&](Op op, const std::vector<float>& y) {
    const auto before = records(l) ? x : std::vector<float>{};
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
    show(l, op,
         {floats("input", "x", before, {tokens, c.hidden}),
          floats("input", "y", y, {tokens, c.hidden}),
          floats("output", "x", x, {tokens, c.hidden})});
  };
  const auto in = norm(l, Op::attn_norm, x, c.hidden, weights.attn_norm);
  auto q = linear(l, Projection::q, weights, in);
  auto k = linear(l, Projection::k, weights, in);
  const auto v = linear(l, Projection::v, weights, in);
  const auto context = attention(l, past, std::move(q), std::move(k), v);
  const auto mixed = norm(l, Op::attn_sub_norm, context, c.queries(), weights.attn_sub_norm);
  add(Op::attn_residual, linear(l, Projection::o, weights, mixed));
  const auto middle = norm(l, Op::ffn_norm, x, c.hidden, weights.ffn_norm);
  const auto gate = linear(l, Projection::gate, weights, middle);
  const auto up = linear(l, Projection::up, weights, middle);
  std::vector<float> active(gate.size());
  gate_units(c.activation, gate, up, active);
  show(l, Op::activation,
       {floats("input", "gate", gate, {tokens, c.intermediate}),
        floats("input", "up", up, {tokens, c.intermediate}),
        floats("output", "y", active, {tokens, c.intermediate})});
  const auto wide = norm(l, Op::ffn_sub_norm, active, c.intermediate, weights.ffn_sub_norm);
  add(Op::ffn_residual, linear(l, Projection::down, weights, wide));
  check_finite(x, l);
}

void Runner::layers(std::size_t first, std::size_t last, std::vector<float>& x) {
  const auto past = positions_;
  for (std::size_t l = first; l <= last; ++l) {
    if (hooks_.progress) hooks_.progress({pass_, l});
    run_layer(l, layer(l), past, x);
  }
  positions_ += x.size() / model_.config.hidden;
}

std::vector<float> Runner::tail(std::span<const float> x) {
  const auto& c = model_.config;
  const auto last = x.last(c.hidden);
  std::vector<float> y(c.hidden);
  const auto gain = model_.final_norm();
  rms_norm(last, gain, c.norm_epsilon, y);
  show(c.layers, Op::final_norm,
       {floats("input", "x", last, {c.hidden}), floats("input", "gain", gain, {c.hidden}),
        floats("output", "y", y, {c.hidden})});
  std::vector<float> logits(c.vocabulary);
  const double work = static_cast<double>(c.vocabulary) * static_cast<double>(c.hidden);
  parallel(options_.threads, c.vocabulary, work, [&](std::size_t from, std::size_t to) {
    constexpr std::size_t at_once = 64;
    std::vector<float> table(at_once * c.hidden);
    for (std::size_t row = from; row < to; row += at_once) {
      const auto count = std::min(at_once, to - row);
      model_.head_rows(row, std::span(table).first(count * c.hidden));
      for (std::size_t r = 0; r < count; ++r)
        logits[row + r] =
            static_cast<float>(dot(std::span(table).subspan(r * c.hidden, c.hidden), y));
    }
  });
  if (!std::ranges::all_of(logits, [](float v) { return std::isfinite(v); }))
    throw std::runtime_error("a logit is not finite");
  show(c.layers, Op::lm_head,
       {floats("input", "x", y, {c.hidden}), floats("output", "logits", logits, {c.vocabulary})});
  return logits;
}

std::vector<float> Runner::pass(std::span<const std::size_t> tokens) {
  const auto& c = model_.config;
  std::vector<float> x(tokens.size() * c.hidden);
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    if (tokens[t] >= c.vocabulary)
      throw std::out_of_range(
          fmt::format("token {} is beyond the vocabulary of {}", tokens[t], c.vocabulary));
    model_.embed(tokens[t], std::span(x).subspan(t * c.hidden, c.hidden));
  }
  layers(0, c.layers - 1, x);
  auto logits = tail(x);
  ++pass_;
  return logits;
}

std::size_t greedy(std::span<const float> logits) {
  return static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

std::size_t draw(std::span<const float> logits, double temperature, double random) {
  const double most = logits[greedy(logits)];
  std::vector<double> weights(logits.size());
  double total = 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    total += weights[i] = exponential((static_cast<double>(logits[i]) - most) / temperature);
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    sum += weights[i];
    if (sum > random * total) return i;
  }
  return greedy(logits);
}

std::vector<Step> generate(Runner& runner, std::span<const std::size_t> prompt, std::size_t count,
                           std::optional<double> temperature, std::uint64_t seed) {
  std::vector<Step> out;
  auto logits = runner.pass(prompt);
  for (std::size_t i = 0; i < count; ++i) {
    const double random = static_cast<double>(mix(mix(seed) + i) >> 11) * 0x1p-53;
    const auto token = temperature ? draw(logits, *temperature, random) : greedy(logits);
    auto others = logits;
    others[token] = -std::numeric_limits<float>::infinity();
    out.push_back({token, logits[token], logits[token] - others[greedy(others)]});
    if (i + 1 < count) logits = runner.pass({&token, 1});
  }
  return out;
}

}  // namespace tomestimate::reference
