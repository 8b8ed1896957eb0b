// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/number/program.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace tomestimate::number {
namespace {

constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

// One loop a function, over a whole block: the compiler turns each into SIMD code of the caller's
// instruction set. always_inline, so that this is compiled once for each of them.
[[gnu::always_inline]] inline void run_code(std::span<const Program::Instruction> code,
                                            double* memory) {
  constexpr std::size_t n = Program::block;
  for (const auto& i : code) {
    double* __restrict to = memory + i.to * n;
    const double* a = memory + i.a * n;
    const double* b = memory + i.b * n;
    switch (i.fn) {
      case Fn::constant:
      case Fn::input:
        break;
      case Fn::add:
        for (std::size_t k = 0; k < n; ++k) to[k] = a[k] + b[k];
        break;
      case Fn::sub:
        for (std::size_t k = 0; k < n; ++k) to[k] = a[k] - b[k];
        break;
      case Fn::mul:
        for (std::size_t k = 0; k < n; ++k) to[k] = a[k] * b[k];
        break;
      case Fn::div:
        for (std::size_t k = 0; k < n; ++k) to[k] = a[k] / b[k];
        break;
      case Fn::max:
        for (std::size_t k = 0; k < n; ++k) to[k] = a[k] < b[k] ? b[k] : a[k];
        break;
      case Fn::min:
        for (std::size_t k = 0; k < n; ++k) to[k] = b[k] < a[k] ? b[k] : a[k];
        break;
      case Fn::less:
        for (std::size_t k = 0; k < n; ++k) to[k] = a[k] < b[k] ? 1 : 0;
        break;
      case Fn::less_equal:
        for (std::size_t k = 0; k < n; ++k) to[k] = a[k] <= b[k] ? 1 : 0;
        break;
      case Fn::equal:
        for (std::size_t k = 0; k < n; ++k) to[k] = a[k] == b[k] ? 1 : 0;
        break;
      case Fn::ceil:
        for (std::size_t k = 0; k < n; ++k) to[k] = __builtin_ceil(a[k]);
        break;
      case Fn::floor:
        for (std::size_t k = 0; k < n; ++k) to[k] = __builtin_floor(a[k]);
        break;
      case Fn::log2:
        for (std::size_t k = 0; k < n; ++k) to[k] = std::log2(a[k]);
        break;
      case Fn::exp2:
        for (std::size_t k = 0; k < n; ++k) to[k] = std::exp2(a[k]);
        break;
      case Fn::round_half_up:
        for (std::size_t k = 0; k < n; ++k) to[k] = __builtin_floor(a[k] + 0.5);
        break;
    }
  }
}

void run_baseline(std::span<const Program::Instruction> code, double* memory) {
  run_code(code, memory);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void run_avx2(std::span<const Program::Instruction> code, double* memory) {
  run_code(code, memory);
}
#if defined(__clang__)  // has no such preference; its packs may be narrower, with the same results
[[gnu::target("avx512f")]]
#else
[[gnu::target("avx512f,prefer-vector-width=512")]]
#endif
void run_avx512(std::span<const Program::Instruction> code, double* memory) {
  run_code(code, memory);
}
#endif

// Which nodes the outputs need, and where each is used last.
std::vector<std::uint32_t> last_uses(const std::vector<Node>& nodes,
                                     std::span<const Symbol> outputs) {
  std::vector<std::uint32_t> last(nodes.size(), none);
  const auto end = static_cast<std::uint32_t>(nodes.size());
  for (const auto& out : outputs)
    if (!out.is_constant()) last[out.node()] = end;
  for (std::uint32_t i = end; i-- > 0;) {
    if (last[i] == none || nodes[i].fn <= Fn::input) continue;
    for (const auto operand : {nodes[i].a, nodes[i].b})
      if (last[operand] == none) last[operand] = i;
  }
  return last;
}

}  // namespace

Isa best_isa() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return Isa::avx512;
  if (__builtin_cpu_supports("avx2")) return Isa::avx2;
#endif
  return Isa::baseline;
}

Program::Program(const Recording& recording, std::span<const Symbol> outputs) {
  const auto& nodes = recording.nodes();
  const auto last = last_uses(nodes, outputs);
  const auto end = static_cast<std::uint32_t>(nodes.size());
  std::vector<std::uint32_t> slot(nodes.size(), none);
  std::vector<std::uint32_t> free;
  slots_ = recording.inputs();  // the first slots are the inputs'
  const auto fresh = [&] { return static_cast<std::uint32_t>(slots_++); };
  for (std::uint32_t i = 0; i < end; ++i) {
    if (last[i] == none) continue;
    const auto& node = nodes[i];
    if (node.fn == Fn::input) {
      slot[i] = node.a;
    } else if (node.fn == Fn::constant) {
      slot[i] = fresh();
      constants_.emplace_back(slot[i], node.value);
    } else {
      // Taken before the operands' slots are given back: a result never overwrites its operand.
      if (free.empty()) free.push_back(fresh());
      slot[i] = free.back();
      free.pop_back();
      code_.push_back({node.fn, slot[i], slot[node.a], slot[node.b]});
      const auto give_back = [&](std::uint32_t operand) {
        if (nodes[operand].fn > Fn::input && last[operand] == i) free.push_back(slot[operand]);
      };
      give_back(node.a);
      if (node.b != node.a) give_back(node.b);
    }
  }
  for (const auto& out : outputs) {
    if (out.is_constant()) {
      outputs_.push_back(fresh());
      constants_.emplace_back(outputs_.back(), out.value());
    } else {
      outputs_.push_back(slot[out.node()]);
    }
  }
}

Program::Workspace::Workspace(const Program& program)
    : program_(&program), memory_(program.slots_ * block, 1.0) {
  for (const auto& [s, value] : program.constants_) std::fill_n(slot(s), block, value);
}

void Program::Workspace::run(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return run_avx512(program_->code_, memory_.data());
  if (isa == Isa::avx2) return run_avx2(program_->code_, memory_.data());
#endif
  static_cast<void>(isa);
  run_baseline(program_->code_, memory_.data());
}

}  // namespace tomestimate::number
