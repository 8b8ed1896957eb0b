// SPDX-License-Identifier: Apache-2.0
// A recorded computation, replayed on blocks of design points with SIMD instructions.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <tomestimate/number/symbol.hpp>

namespace tomestimate::number {

// Instruction sets a program can run on. All give the same bits: every operation is IEEE-exact, and
// log2 and exp2 are the same library calls.
enum class Isa { baseline, avx2, avx512 };
Isa best_isa();  // of this machine

class Program {
 public:
  static constexpr std::size_t block = 128;  // points a run: long enough to hide the dispatch

  // What `outputs` take from the recording's inputs; nothing else is computed.
  Program(const Recording& recording, std::span<const Symbol> outputs);

  std::size_t instructions() const { return code_.size(); }

  // Memory of one thread. Fill input(i)[0 .. n), run, read output(o)[0 .. n).
  class Workspace {
   public:
    explicit Workspace(const Program& program);
    double* input(std::size_t i) { return slot(i); }
    const double* output(std::size_t o) { return slot(program_->outputs_[o]); }
    void run(Isa isa);

   private:
    double* slot(std::size_t s) { return memory_.data() + s * block; }
    const Program* program_;
    std::vector<double> memory_;
  };

  struct Instruction {
    Fn fn;
    std::uint32_t to, a, b;  // slots
  };

 private:
  std::vector<Instruction> code_;
  std::vector<std::uint32_t> outputs_;                       // slots
  std::vector<std::pair<std::uint32_t, double>> constants_;  // slots and values
  std::size_t slots_ = 0;
};

}  // namespace tomestimate::number
