// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/number/program.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

namespace tomestimate::number {
namespace {

constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
constexpr auto endless = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t pack = 8;  // doubles of a cache line: blocks are whole packs

// ---- loops ----

// The first operations that take a second one at once, and the second ones: `first` op c, c op
// `first`, or a function of `first`. Every intermediate result is rounded as it would be alone.
constexpr std::array firsts{Fn::add, Fn::sub, Fn::mul, Fn::div, Fn::max, Fn::min};
constexpr std::array alone{Fn::less,  Fn::less_equal, Fn::equal, Fn::ceil,
                           Fn::floor, Fn::log2,       Fn::exp2,  Fn::round_half_up};
struct Second {
  Fn fn;  // input: none
  bool swapped = false;
};
constexpr std::array seconds{Second{Fn::input},     Second{Fn::add},       Second{Fn::sub},
                             Second{Fn::sub, true}, Second{Fn::mul},       Second{Fn::div},
                             Second{Fn::div, true}, Second{Fn::max},       Second{Fn::max, true},
                             Second{Fn::min},       Second{Fn::min, true}, Second{Fn::ceil},
                             Second{Fn::floor}};
constexpr std::size_t code_count = firsts.size() * seconds.size() + alone.size();

template <Fn fn>
[[gnu::always_inline]] inline double one(double a, double b) {
  if constexpr (fn == Fn::add) return a + b;
  if constexpr (fn == Fn::sub) return a - b;
  if constexpr (fn == Fn::mul) return a * b;
  if constexpr (fn == Fn::div) return a / b;
  if constexpr (fn == Fn::max) return a < b ? b : a;
  if constexpr (fn == Fn::min) return b < a ? b : a;
  if constexpr (fn == Fn::less) return a < b ? 1 : 0;
  if constexpr (fn == Fn::less_equal) return a <= b ? 1 : 0;
  if constexpr (fn == Fn::equal) return a == b ? 1 : 0;
  if constexpr (fn == Fn::ceil) return __builtin_ceil(a);
  if constexpr (fn == Fn::floor) return __builtin_floor(a);
  if constexpr (fn == Fn::log2) return std::log2(a);
  if constexpr (fn == Fn::exp2) return std::exp2(a);
  if constexpr (fn == Fn::round_half_up) return __builtin_floor(a + 0.5);
}

// One loop for each code: the compiler turns each into SIMD code of the caller's instruction set.
// always_inline, so that this is compiled once for each of them.
template <std::size_t code>
[[gnu::always_inline]] inline void loop(double* __restrict to, const double* a, const double* b,
                                        const double* c, std::size_t packs) {
  const std::size_t n = packs * pack;
  if constexpr (code >= firsts.size() * seconds.size()) {
    constexpr Fn fn = alone[code - firsts.size() * seconds.size()];
    for (std::size_t k = 0; k < n; ++k) to[k] = one<fn>(a[k], b[k]);
  } else {
    constexpr Fn first = firsts[code / seconds.size()];
    constexpr Second second = seconds[code % seconds.size()];
    for (std::size_t k = 0; k < n; ++k) {
      const double x = one<first>(a[k], b[k]);
      if constexpr (second.fn == Fn::input)
        to[k] = x;
      else if constexpr (second.swapped)
        to[k] = one<second.fn>(c[k], x);
      else
        to[k] = one<second.fn>(x, c[k]);
    }
  }
}

using Loop = void (*)(double*, const double*, const double*, const double*, std::size_t);
using Loops = std::array<Loop, code_count>;

template <std::size_t code>
void baseline(double* to, const double* a, const double* b, const double* c, std::size_t packs) {
  loop<code>(to, a, b, c, packs);
}
#if defined(__x86_64__)
template <std::size_t code>
[[gnu::target("avx2")]] void avx2(double* to, const double* a, const double* b, const double* c,
                                  std::size_t packs) {
  loop<code>(to, a, b, c, packs);
}
template <std::size_t code>
#if defined(__clang__)  // has no such preference; its packs may be narrower, with the same results
[[gnu::target("avx512f")]]
#else
[[gnu::target("avx512f,prefer-vector-width=512")]]
#endif
void avx512(double* to, const double* a, const double* b, const double* c, std::size_t packs) {
  loop<code>(to, a, b, c, packs);
}
#endif

template <std::size_t... code>
const Loops& loops_of(Isa isa, std::index_sequence<code...>) {
  static constexpr Loops for_baseline{baseline<code>...};
#if defined(__x86_64__)
  static constexpr Loops for_avx2{avx2<code>...};
  static constexpr Loops for_avx512{avx512<code>...};
  if (isa == Isa::avx512) return for_avx512;
  if (isa == Isa::avx2) return for_avx2;
#endif
  static_cast<void>(isa);
  return for_baseline;
}

template <class List, class Item, class Same>
std::uint16_t place(const List& list, const Item& item, Same same) {
  return static_cast<std::uint16_t>(
      std::find_if(list.begin(), list.end(), [&](const auto& x) { return same(x, item); }) -
      list.begin());
}

bool can_be_first(Fn fn) { return std::find(firsts.begin(), firsts.end(), fn) != firsts.end(); }

// Whether `fn` can take a first operation's result as an operand within one instruction.
bool can_be_second(Fn fn) { return can_be_first(fn) || fn == Fn::ceil || fn == Fn::floor; }

std::uint16_t code_of(Fn fn) {
  const auto same = [](Fn a, Fn b) { return a == b; };
  if (can_be_first(fn)) return static_cast<std::uint16_t>(place(firsts, fn, same) * seconds.size());
  return static_cast<std::uint16_t>(firsts.size() * seconds.size() + place(alone, fn, same));
}

std::uint16_t code_of(Fn first, Fn second, bool swapped) {
  // Sums and products are the same either way round.
  if (second == Fn::add || second == Fn::mul) swapped = false;
  return static_cast<std::uint16_t>(code_of(first) + place(seconds, Second{second, swapped},
                                                           [](const Second& a, const Second& b) {
                                                             return a.fn == b.fn &&
                                                                    a.swapped == b.swapped;
                                                           }));
}

}  // namespace

Isa best_isa() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return Isa::avx512;
  if (__builtin_cpu_supports("avx2")) return Isa::avx2;
#endif
  return Isa::baseline;
}

// ---- from a recording to stages ----

struct Program::Builder {
  Program& program;
  const std::vector<Node>& nodes;
  std::span<const Symbol> outputs;
  std::span<const std::size_t> axis_of_input;
  std::span<const std::uint64_t> sizes;
  std::vector<bool> needed;
  std::vector<std::uint32_t> axis;      // of a node: the fastest that it hangs on; none: a constant
  std::vector<std::uint32_t> stage_of;  // of an axis
  std::vector<std::uint32_t> slot;      // of a node, in its own stage
  std::vector<std::uint32_t> local;     // of a node, in the stage that is being built
  std::vector<std::uint32_t> free;

  std::uint32_t fresh() { return static_cast<std::uint32_t>(program.slots_++); }
  bool is_op(std::uint32_t node) const { return nodes[node].fn > Fn::input; }
  std::uint32_t stage(std::uint32_t node) const { return stage_of[axis[node]]; }
  std::uint32_t last_stage() const { return stage_of.back(); }

  template <class Use>
  void for_operands(std::uint32_t node, const Use& use) const {
    use(nodes[node].a);
    if (nodes[node].b != nodes[node].a) use(nodes[node].b);
  }

  void find_needed() {
    needed.assign(nodes.size(), false);
    axis.assign(nodes.size(), none);
    for (const auto& out : outputs)
      if (!out.is_constant()) needed[out.node()] = true;
    for (auto i = static_cast<std::uint32_t>(nodes.size()); i-- > 0;)
      if (needed[i] && is_op(i)) for_operands(i, [&](std::uint32_t x) { needed[x] = true; });
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].fn == Fn::input) axis[i] = static_cast<std::uint32_t>(axis_of_input[nodes[i].a]);
      if (is_op(i))
        for_operands(i, [&](std::uint32_t x) {
          if (axis[x] != none) axis[i] = axis[i] == none ? axis[x] : std::max(axis[i], axis[x]);
        });
    }
  }

  // Points up to and with each axis.
  std::vector<double> parts() const {
    std::vector<double> out;
    double product = 1;
    for (const auto size : sizes) out.push_back(product *= static_cast<double>(size));
    return out;
  }

  // What a run of the whole grid takes, in operations on packs: every operation, and every value
  // that a stage takes from an earlier one, which is cheap where it stays for many points.
  double cost() const {
    const auto until = parts();
    std::vector<double> points(last_stage() + 1);
    for (std::size_t a = 0; a < sizes.size(); ++a) points[stage_of[a]] = until[a];
    std::vector<std::uint32_t> taken(nodes.size(), none);  // by which stage, last
    double sum = 0;
    const auto take = [&](std::uint32_t x, std::uint32_t by) {
      if (axis[x] == none || stage(x) == by || taken[x] == by) return;
      taken[x] = by;
      sum += points[by] + pack * points[stage(x)];
    };
    for (std::uint32_t s = 0; s <= last_stage(); ++s)
      for (std::uint32_t i = 0; i < nodes.size(); ++i) {
        if (!needed[i] || !is_op(i) || stage(i) != s) continue;
        sum += points[s];
        for_operands(i, [&](std::uint32_t x) { take(x, s); });
      }
    for (const auto& out : outputs)
      if (!out.is_constant()) take(out.node(), last_stage());
    return sum;
  }

  // A stage an axis, but for neighbours that are cheaper as one.
  void find_stages() {
    stage_of.resize(sizes.size());
    std::iota(stage_of.begin(), stage_of.end(), 0);
    double best = cost();
    for (std::size_t a = 1; a < sizes.size(); ++a) {
      const auto before = stage_of;
      for (std::size_t later = a; later < sizes.size(); ++later) --stage_of[later];
      const double merged = cost();
      if (merged <= best)
        best = merged;
      else
        stage_of = before;
    }
    program.stages_.assign(last_stage() + 1, {1, 1, {}, {}, {}});
    for (std::size_t a = 0; a < sizes.size(); ++a) program.stages_[stage_of[a]].size *= sizes[a];
    for (std::size_t s = program.stages_.size(); s-- > 1;)
      program.stages_[s - 1].points = program.stages_[s].points * program.stages_[s].size;
  }

  // Slot of an operand or output in stage s: of the stage's own, of a constant, or taken from an
  // earlier stage.
  std::uint32_t slot_in(std::uint32_t node, std::uint32_t s) {
    if (local[node] != none) return local[node];
    if (axis[node] == none) {
      if (slot[node] == none) {
        slot[node] = fresh();
        program.constants_.emplace_back(slot[node], nodes[node].value);
      }
      return local[node] = slot[node];
    }
    local[node] = fresh();
    program.stages_[s].imports.push_back({local[node], stage(node), slot[node]});
    return local[node];
  }

  void add_inputs(std::uint32_t s) {
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].fn != Fn::input || !needed[i] || stage(i) != s) continue;
      slot[i] = local[i] = fresh();
      std::uint64_t times = 1;
      for (std::size_t a = axis[i] + 1; a < sizes.size() && stage_of[a] == s; ++a)
        times *= sizes[a];
      // The slowest axis never comes round: its inputs may also be given point by point.
      const auto size = axis[i] == 0 ? endless : sizes[axis[i]];
      program.stages_[s].inputs.push_back({slot[i], nodes[i].a, times, size});
    }
  }

  // An instruction to be: an operation, perhaps with the one before it that only it uses.
  struct Planned {
    std::uint32_t node;
    std::uint32_t first = none;
  };

  std::vector<Planned> plan(std::uint32_t s, const std::vector<std::uint32_t>& uses,
                            const std::vector<bool>& kept) const {
    std::vector<Planned> out;
    std::vector<bool> second(nodes.size(), false), inside(nodes.size(), false);
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
      if (!needed[i] || !is_op(i) || stage(i) != s) continue;
      Planned p{i};
      if (can_be_second(nodes[i].fn) && (nodes[i].a != nodes[i].b || is_unary(nodes[i].fn)))
        for_operands(i, [&](std::uint32_t x) {
          if (is_op(x) && stage(x) == s && uses[x] == 1 && !kept[x] && !second[x] &&
              can_be_first(nodes[x].fn))
            p.first = x;
        });
      if (p.first != none) second[i] = inside[p.first] = true;
      out.push_back(p);
    }
    std::erase_if(out, [&](const Planned& p) { return inside[p.node]; });
    return out;
  }

  template <class Use>
  void for_operands(const Planned& p, const Use& use) const {
    if (p.first != none) for_operands(p.first, use);
    for_operands(p.node, [&](std::uint32_t x) {
      if (x != p.first) use(x);
    });
  }

  void emit(const Planned& p, std::uint32_t s, std::uint32_t to) {
    const auto& node = nodes[p.node];
    auto& code = program.stages_[s].code;
    if (p.first == none) {
      const auto a = slot_in(node.a, s);
      const auto b = slot_in(node.b, s);
      code.push_back({code_of(node.fn), to, a, b, a});
      return;
    }
    const auto& first = nodes[p.first];
    const bool swapped = !is_unary(node.fn) && node.b == p.first;
    const auto a = slot_in(first.a, s);
    const auto b = slot_in(first.b, s);
    const auto c = is_unary(node.fn) ? a : slot_in(swapped ? node.a : node.b, s);
    code.push_back({code_of(first.fn, node.fn, swapped), to, a, b, c});
  }

  void build_stage(std::uint32_t s) {
    local.assign(nodes.size(), none);
    free.clear();
    add_inputs(s);
    std::vector<std::uint32_t> uses(nodes.size(), 0);
    std::vector<bool> kept(nodes.size(), false);  // for a later stage, or as an output
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
      if (!needed[i] || !is_op(i)) continue;
      for_operands(i, [&](std::uint32_t x) {
        if (stage(i) == s) ++uses[x];
        if (axis[x] != none && stage(x) == s && stage(i) > s) kept[x] = true;
      });
    }
    for (const auto& out : outputs)
      if (!out.is_constant()) kept[out.node()] = true;
    const auto planned = plan(s, uses, kept);
    std::vector<std::size_t> last(nodes.size(), 0);  // instruction that uses a node last
    for (std::size_t k = 0; k < planned.size(); ++k)
      for_operands(planned[k], [&](std::uint32_t x) { last[x] = k; });
    // All that is taken from elsewhere is there from the start; its slots are free after its use.
    for (const auto& p : planned)
      for_operands(p, [&](std::uint32_t x) {
        if (!is_op(x) || stage(x) != s) slot_in(x, s);
      });
    for (std::size_t k = 0; k < planned.size(); ++k) {
      const auto node = planned[k].node;
      if (free.empty()) free.push_back(fresh());
      const auto to = free.back();
      free.pop_back();
      emit(planned[k], s, to);
      slot[node] = local[node] = to;
      std::vector<std::uint32_t> done;
      for_operands(planned[k], [&](std::uint32_t x) {
        if (axis[x] != none && !kept[x] && last[x] == k) done.push_back(local[x]);
      });
      std::sort(done.begin(), done.end());
      free.insert(free.end(), done.begin(), std::unique(done.begin(), done.end()));
    }
  }

  void add_outputs() {
    for (const auto& out : outputs) {
      if (out.is_constant()) {
        program.outputs_.push_back(fresh());
        program.constants_.emplace_back(program.outputs_.back(), out.value());
      } else {
        program.outputs_.push_back(slot_in(out.node(), last_stage()));
      }
    }
  }

  void build() {
    find_needed();
    find_stages();
    slot.assign(nodes.size(), none);
    for (std::uint32_t s = 0; s <= last_stage(); ++s) build_stage(s);
    add_outputs();
  }
};

namespace {

// Points a run: enough to hide the dispatch, which weighs more than the first-level cache (blocks
// that fit it were measured: a tenth to a quarter slower), and as few as the second-level one
// holds.
std::size_t block_for(std::size_t slots) {
  constexpr std::size_t cache = 512 * 1024;
  const auto fits = cache / sizeof(double) / std::max<std::size_t>(slots, 1) / pack * pack;
  return std::clamp<std::size_t>(fits, 32, 128);
}

}  // namespace

Program::Program(const Recording& recording, std::span<const Symbol> outputs,
                 std::span<const std::size_t> axis_of_input, std::span<const std::uint64_t> sizes) {
  static constexpr std::uint64_t point[]{1};  // of a grid without axes
  Builder{*this,
          recording.nodes(),
          outputs,
          axis_of_input,
          sizes.empty() ? point : sizes,
          {},
          {},
          {},
          {},
          {},
          {}}
      .build();
  block_ = block_for(slots_);
}

std::size_t Program::instructions() const {
  std::size_t sum = 0;
  for (const auto& stage : stages_) sum += stage.code.size();
  return sum;
}

void Program::Workspace::bind(const Program& program) {
  if (program_ == &program) return;
  program_ = &program;
  storage_.assign(program.slots_ * program.block_ + pack, 1.0);
  const auto misplaced = reinterpret_cast<std::uintptr_t>(storage_.data()) / sizeof(double) % pack;
  memory_ = storage_.data() + (pack - misplaced) % pack;
  for (const auto& [s, value] : program.constants_) std::fill_n(slot(s), program.block_, value);
  at_.assign(program.stages_.size(), 0);
  count_.assign(program.stages_.size(), 0);
}

void Program::Workspace::import(std::size_t stage, std::uint64_t at, std::size_t n) {
  const auto& here = program_->stages_[stage];
  for (const auto& i : here.imports) {
    const auto times = program_->stages_[i.stage].points / here.points;
    const double* from = slot(i.from);
    spread(slot(i.slot), n, at / times - at_[i.stage], endless, at % times, times,
           [from](std::uint64_t k) { return from[k]; });
  }
}

void Program::Workspace::execute(std::size_t stage, Isa isa, std::size_t n) {
  const auto& loops = loops_of(isa, std::make_index_sequence<code_count>());
  const auto packs = (n + pack - 1) / pack;
  for (const auto& i : program_->stages_[stage].code)
    loops[i.code](slot(i.to), slot(i.a), slot(i.b), slot(i.c), packs);
}

}  // namespace tomestimate::number
