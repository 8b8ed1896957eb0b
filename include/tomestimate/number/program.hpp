// SPDX-License-Identifier: Apache-2.0
// A recorded computation, replayed on the points of a grid with SIMD instructions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <tomestimate/number/symbol.hpp>

namespace tomestimate::number {

// Instruction sets a program can run on. All give the same bits: every operation is IEEE-exact, and
// log2 and exp2 are the same library calls.
enum class Isa { baseline, avx2, avx512 };
Isa best_isa();  // of this machine

// Axes are crossed, the last moving fastest. What hangs on slow axes only is computed once for all
// values of the faster ones: a program is a chain of stages, each of one axis or of a few
// neighbours, and a stage takes what it needs from the stages before it.
class Program {
 public:
  // What `outputs` take from the recording's inputs; nothing else is computed. Input i has a value
  // for each index along axis axis_of_input[i]; sizes are the axes' lengths, 1 or more.
  Program(const Recording& recording, std::span<const Symbol> outputs,
          std::span<const std::size_t> axis_of_input, std::span<const std::uint64_t> sizes);

  std::size_t instructions() const;  // of all stages
  std::size_t stages() const { return stages_.size(); }
  std::size_t block() const { return block_; }  // points a run of a stage, at most

  // Two operations, or one: a `first` b, and that with c. A result never overwrites an operand.
  struct Instruction {
    std::uint16_t code;
    std::uint32_t to, a, b, c;  // slots
  };

  // Memory of one thread.
  class Workspace {
   public:
    // Computes points first .. last - 1 in order. value(i, k) is input i at index k of its axis;
    // use(point, n) is called for every run of points, while output(o)[0 .. n) holds theirs.
    template <class Value, class Use>
    void run(const Program& program, Isa isa, std::uint64_t first, std::uint64_t last,
             const Value& value, const Use& use) {
      bind(program);
      if (first < last) descend(0, {isa, first, last}, value, use);
    }
    const double* output(std::size_t o) const { return slot(program_->outputs_[o]); }

   private:
    struct Job {
      Isa isa;
      std::uint64_t first, last;
    };
    void bind(const Program& program);
    void import(std::size_t stage, std::uint64_t at, std::size_t n);
    void execute(std::size_t stage, Isa isa, std::size_t n);
    double* slot(std::size_t s) { return memory_ + s * program_->block_; }
    const double* slot(std::size_t s) const { return memory_ + s * program_->block_; }

    // Fills to[0 .. n) with from(k), k starting at `index`, each `times` over; the first of them
    // has been there `gone` times before.
    template <class From>
    static void spread(double* to, std::size_t n, std::uint64_t index, std::uint64_t size,
                       std::uint64_t gone, std::uint64_t times, const From& from) {
      for (std::size_t j = 0; j < n; gone = 0) {
        const auto run = std::min<std::uint64_t>(times - gone, n - j);
        std::fill_n(to + j, run, from(index));
        j += run;
        if (++index == size) index = 0;
      }
    }

    template <class Value, class Use>
    void descend(std::size_t s, const Job& job, const Value& value, const Use& use) {
      const auto& stage = program_->stages_[s];
      const bool last = s + 1 == program_->stages_.size();
      // Parts of the grid that this stage tells apart, within the one the stage before is at.
      auto begin = job.first / stage.points;
      auto end = (job.last - 1) / stage.points + 1;
      if (s > 0) {
        begin = std::max(begin, at_[s - 1] * stage.size);
        end = std::min(end, (at_[s - 1] + count_[s - 1]) * stage.size);
      }
      for (auto at = begin; at < end; at += count_[s]) {
        at_[s] = at;
        count_[s] = std::min<std::uint64_t>(program_->block_, end - at);
        for (const auto& i : stage.inputs)
          spread(slot(i.slot), count_[s], at / i.times % i.size, i.size, at % i.times, i.times,
                 [&](std::uint64_t k) { return value(i.input, k); });
        import(s, at, count_[s]);
        execute(s, job.isa, count_[s]);
        if (last)
          use(at, count_[s]);
        else
          descend(s + 1, job, value, use);
      }
    }

    const Program* program_ = nullptr;
    std::vector<double> storage_;
    double* memory_ = nullptr;               // storage, at a cache line
    std::vector<std::uint64_t> at_, count_;  // by stage: where it is
  };

 private:
  struct Input {
    std::uint32_t slot, input;
    std::uint64_t times, size;  // a value stays for `times` parts; values of the axis
  };
  struct Import {
    std::uint32_t slot, stage, from;  // from: the slot in that stage
  };
  struct Stage {
    std::uint64_t size;    // of its axes together
    std::uint64_t points;  // of the grid, for each part that it tells apart
    std::vector<Input> inputs;
    std::vector<Import> imports;
    std::vector<Instruction> code;
  };
  struct Builder;

  std::vector<Stage> stages_;
  std::vector<std::uint32_t> outputs_;                       // slots
  std::vector<std::pair<std::uint32_t, double>> constants_;  // slots and values
  std::size_t slots_ = 0;
  std::size_t block_ = 0;
};

}  // namespace tomestimate::number
