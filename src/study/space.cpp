// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/space.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "recorded.hpp"

namespace tomestimate::study {
namespace {

constexpr std::size_t most_variants = 1024;

bool is_numbers(const Axis& axis) {
  return std::all_of(axis.members.begin(), axis.members.end(),
                     [](const Varied& v) { return v.is_number(); });
}

// Without a branch, so that it is SIMD code.
bool all_finite(const double* x, std::size_t n) {
  int bad = 0;
  for (std::size_t k = 0; k < n; ++k)
    bad |= !(std::abs(x[k]) <= std::numeric_limits<double>::max());
  return bad == 0;
}

// By node of a recording, whether it hangs on each input: a bit an input, `words` words a node.
struct Reached {
  std::size_t words;
  std::vector<std::uint64_t> bits;

  explicit Reached(const Recording& recording)
      : words((recording.inputs() + 63) / 64), bits(recording.nodes().size() * words) {
    const auto& nodes = recording.nodes();
    const auto zero = [&nodes](std::uint32_t n) {
      return nodes[n].fn == Fn::constant && nodes[n].value == 0;
    };
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      const auto& node = nodes[n];
      if (node.fn == Fn::constant) continue;
      if (node.fn == Fn::input) {
        bits[n * words + node.a / 64] |= std::uint64_t{1} << (node.a % 64);
        continue;
      }
      if (node.fn == Fn::mul && (zero(node.a) || zero(node.b))) continue;
      for (std::size_t w = 0; w < words; ++w)
        bits[n * words + w] = bits[node.a * words + w] | bits[node.b * words + w];
    }
  }
  bool operator()(const Symbol& output, std::size_t input) const {
    return !output.is_constant() &&
           (bits[output.node() * words + input / 64] >> (input % 64) & 1) != 0;
  }
};

}  // namespace

Space::Variant Space::record(const Specs& specs) {
  Variant variant;
  std::vector<std::pair<std::string, double>> varied;
  for (const auto& input : inputs_) varied.emplace_back(input.varied->parameter.path, input.at(0));
  const Recorded recorded(specs, varied);
  std::vector<Symbol> outputs;
  for (auto& output : outputs_) {
    const auto value = evaluate_formula(output.formula, recorded.scope());
    output.dimension = value.dimension;
    outputs.push_back(value.number);
  }
  for (const auto& [reason, excess] : recorded.rules()) {
    if (excess.is_constant() && excess.value() <= 0) continue;
    auto at = std::find(reasons_.begin(), reasons_.end(), reason);
    if (at == reasons_.end()) at = reasons_.insert(at, std::string(reason));
    variant.rules.push_back(static_cast<std::uint8_t>(at - reasons_.begin()));
    outputs.push_back(excess);
  }
  const Reached reached(recorded.recording());
  hangs_on_.resize(outputs_.size() + 1, std::vector<bool>(inputs_.size()));
  for (std::size_t o = 0; o < outputs.size(); ++o)
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      if (reached(outputs[o], i)) hangs_on_[std::min(o, outputs_.size())][i] = true;
  variant.program =
      std::make_unique<Program>(recorded.recording(), outputs, axis_of_input_, own_sizes_);
  return variant;
}

Space::Space(const Specs& specs, std::vector<Axis> axes, std::vector<std::string> formulas,
             const std::atomic<bool>* stop)
    : axes_(std::move(axes)), reasons_{"ok"} {
  for (auto& f : formulas) outputs_.push_back({std::move(f), {}});
  lay_out();
  add_inputs();
  for (std::size_t c = 0; c < combinations_; ++c) {
    if (c > 0 && stop != nullptr && *stop) throw Stopped{};
    auto design = specs;
    // Numbers are set too: that makes a per-layer list one value all over, as the axis means it.
    set_point(design, axes_, [this, c](std::size_t a) {
      return variant_strides_[a] == 0 ? 0 : c / variant_strides_[a] % sizes_[a];
    });
    variants_.push_back(record(design));
  }
  name_what_is_not_finite();
}

void Space::lay_out() {
  const auto n = axes_.size();
  strides_.resize(n);
  variant_strides_.assign(n, 0);
  own_strides_.assign(n, 0);
  for (const auto& axis : axes_) sizes_.push_back(axis.size());
  for (std::size_t a = n; a-- > 0;) {
    strides_[a] = points_;
    if (points_ > std::numeric_limits<std::uint64_t>::max() / sizes_[a] / 2)
      throw spec::SpecError({{{"study", 0, 0}, "more than 2^63 points", ""}});
    points_ *= sizes_[a];
    if (is_numbers(axes_[a])) {
      own_strides_[a] = own_points_;
      own_points_ *= sizes_[a];
      own_sizes_.insert(own_sizes_.begin(), sizes_[a]);
      continue;
    }
    variant_strides_[a] = combinations_;
    if (sizes_[a] > most_variants / combinations_)
      throw spec::SpecError({{{"study", 0, 0},
                              fmt::format("more than {} combinations of values that are not plain "
                                          "numbers",
                                          most_variants),
                              "vary fewer of them, or split the study"}});
    combinations_ *= sizes_[a];
  }
}

void Space::add_inputs() {
  std::size_t own_axis = 0;
  for (const auto& axis : axes_) {
    if (!is_numbers(axis)) continue;
    for (const auto& v : axis.members) {
      Input input{&v, unit_factor(v.parameter.unit), {}};
      if (v.size() <= most_kept)
        for (std::uint64_t i = 0; i < v.size(); ++i)
          input.numbers.push_back(v.number(i) * input.factor);
      inputs_.push_back(std::move(input));
      axis_of_input_.push_back(own_axis);
    }
    ++own_axis;
  }
}

void Space::name_what_is_not_finite() {
  not_finite_ = reasons_.size();
  const auto room = std::numeric_limits<std::uint8_t>::max() - not_finite_;
  for (std::size_t o = 0; o < std::min(outputs_.size(), room); ++o)
    reasons_.push_back(outputs_[o].formula + " is not finite");
  reasons_.emplace_back("a value is not finite");
}

bool Space::hangs_on(std::size_t o, std::string_view path) const {
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    if (inputs_[i].varied->parameter.path == path) return hangs_on_.at(o).at(i);
  return false;
}

std::size_t Space::instructions() const { return variants_[0].program->instructions(); }

// How many of a combination's own points come before a point of the whole space.
std::uint64_t Space::own_points_before(std::uint64_t point, std::size_t combination) const {
  if (point >= points_) return own_points_;
  std::uint64_t before = 0;
  auto part = own_points_;  // points of the combination that share the indices so far
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    const auto i = index(point, a);
    if (own_strides_[a] != 0) {
      part = own_strides_[a];
      before += i * part;
      continue;
    }
    const auto own = combination / variant_strides_[a] % sizes_[a];
    if (own > i) return before;
    if (own < i) return before + part;
  }
  return before;
}

// The point of the whole space that is a combination's own one.
std::uint64_t Space::point_of(std::uint64_t own, std::size_t combination) const {
  std::uint64_t point = 0;
  for (std::size_t a = 0; a < axes_.size(); ++a)
    point += strides_[a] * (own_strides_[a] != 0 ? own / own_strides_[a] % sizes_[a]
                                                 : combination / variant_strides_[a] % sizes_[a]);
  return point;
}

Space::Worker::Worker(const Space& space, Isa isa) : space_(&space), isa_(isa) {}

void Space::Worker::prepare(std::size_t count, Chunk& out) const {
  out.values.resize(space_->outputs_.size());
  for (auto& column : out.values) column.resize(count);
  out.status.assign(count, 0);
}

// Evaluates a variant's own points first .. last - 1; position(own point) is where in the chunk its
// results go.
template <class Value, class Position>
void Space::Worker::run(const Variant& variant, std::uint64_t first, std::uint64_t last,
                        const Value& value, const Position& position, Chunk& out) {
  const auto outputs = space_->outputs_.size();
  workspace_.run(*variant.program, isa_, first, last, value, [&](std::uint64_t at, std::size_t n) {
    position_.resize(n);
    for (std::size_t k = 0; k < n; ++k) position_[k] = position(at + k);
    const auto mark = [&](std::size_t status, const double* from, auto bad) {
      for (std::size_t k = 0; k < n; ++k)
        if (bad(from[k])) out.status[position_[k]] = static_cast<std::uint8_t>(status);
    };
    const bool in_a_row = position_[n - 1] - position_[0] == n - 1;
    for (std::size_t o = outputs; o-- > 0;) {
      const double* from = workspace_.output(o);
      auto& to = out.values[o];
      if (in_a_row)
        std::copy_n(from, n, to.data() + position_[0]);
      else
        for (std::size_t k = 0; k < n; ++k) to[position_[k]] = from[k];
      const auto status = std::min(space_->not_finite_ + o, space_->reasons_.size() - 1);
      if (!all_finite(from, n)) mark(status, from, [](double x) { return !std::isfinite(x); });
    }
    // Backwards, so that the first broken rule is the one named. Written so that NaN fails.
    for (std::size_t r = variant.rules.size(); r-- > 0;)
      mark(variant.rules[r], workspace_.output(outputs + r), [](double x) { return !(x <= 0); });
  });
}

void Space::Worker::evaluate(std::uint64_t first, std::size_t count, Chunk& out) {
  prepare(count, out);
  const auto& space = *space_;
  const auto value = [&space](std::size_t i, std::uint64_t k) { return space.inputs_[i].at(k); };
  if (space.combinations_ == 1 && space.own_points_ == space.points_) {
    run(
        space.variants_[0], first, first + count, value,
        [first](std::uint64_t own) { return own - first; }, out);
    return;
  }
  for (std::size_t c = 0; c < space.combinations_; ++c)
    run(
        space.variants_[c], space.own_points_before(first, c),
        space.own_points_before(first + count, c), value,
        [&, c](std::uint64_t own) { return space.point_of(own, c) - first; }, out);
}

void Space::Worker::evaluate_numbers(const std::vector<std::vector<double>>& inputs, Chunk& out) {
  prepare(inputs.at(0).size(), out);
  run(
      space_->variants_[0], 0, inputs[0].size(),
      [&inputs](std::size_t i, std::uint64_t k) { return inputs[i][k]; },
      [](std::uint64_t own) { return own; }, out);
}

}  // namespace tomestimate::study
