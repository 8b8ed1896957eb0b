// SPDX-License-Identifier: Apache-2.0
// A space of designs: spec values that vary along axes, and the formulas wanted at each point.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <tomestimate/number/program.hpp>
#include <tomestimate/study/axis.hpp>
#include <tomestimate/study/formula.hpp>

namespace tomestimate::study {

// What a formula gives, in base units.
struct Output {
  std::string formula;
  units::Dimension dimension{};  // filled in by Space
};

// Thrown by Space when it was told to stop.
struct Stopped {};

class Space {
  struct Variant;

 public:
  // Records the engine once for every combination of values it branches on. Throws FormulaError for
  // a bad formula, spec::SpecError for a bad value or more than 1024 combinations, Stopped if there
  // is more than one and *stop is set.
  Space(const Specs& specs, std::vector<Axis> axes, std::vector<std::string> formulas,
        const std::atomic<bool>* stop = nullptr);
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;

  std::uint64_t points() const { return points_; }
  const std::vector<Axis>& axes() const { return axes_; }
  const std::vector<Output>& outputs() const { return outputs_; }
  // Why a point is no design: text of a status that is not 0.
  const std::string& reason(std::uint8_t status) const { return reasons_.at(status); }
  const std::vector<std::string>& reasons() const { return reasons_; }
  std::size_t instructions() const;  // of the first combination
  // Whether, in some combination, output o or (o = outputs().size()) a rule hangs on the number
  // that varies as `path`; false too if it is no number. What is multiplied by a constant 0 hangs
  // on nothing.
  bool hangs_on(std::size_t o, std::string_view path) const;
  // Index along axis a of a point.
  std::uint64_t index(std::uint64_t point, std::size_t a) const {
    return point / strides_[a] % sizes_[a];
  }

  // Results of points first .. first + status.size(): values[o][i] in base units, and 0 or why
  // the point has none: it is no design, or an output is not finite. Then its values mean nothing.
  struct Chunk {
    std::vector<std::vector<double>> values;
    std::vector<std::uint8_t> status;
  };

  // Evaluates; one Worker a thread.
  class Worker {
   public:
    explicit Worker(const Space& space, Isa isa = best_isa());
    void evaluate(std::uint64_t first, std::size_t count, Chunk& out);
    // The same at free values, in base units, where all axes are one: inputs[j][i] of its j-th
    // member. The members' own values don't matter.
    void evaluate_numbers(const std::vector<std::vector<double>>& inputs, Chunk& out);

   private:
    void prepare(std::size_t count, Chunk& out) const;
    template <class Value, class Position>
    void run(const Variant& variant, std::uint64_t first, std::uint64_t last, const Value& value,
             const Position& position, Chunk& out);
    const Space* space_;
    Isa isa_;
    Program::Workspace workspace_;
    std::vector<std::size_t> position_;  // in the chunk, of the points at hand
  };

 private:
  // One recording of the engine: its program, and what the program's further outputs mean.
  struct Variant {
    std::unique_ptr<Program> program;
    std::vector<std::uint8_t> rules;  // status of program output outputs + i when above 0
  };
  // A number that the program takes.
  struct Input {
    const Varied* varied;
    double factor;                // of its display unit
    std::vector<double> numbers;  // in base units; of a long axis they are worked out
    double at(std::uint64_t i) const {
      return numbers.empty() ? varied->number(i) * factor : numbers[i];
    }
  };

  void lay_out();
  void add_inputs();
  void name_what_is_not_finite();
  Variant record(const Specs& specs);
  std::uint64_t own_points_before(std::uint64_t point, std::size_t combination) const;
  std::uint64_t point_of(std::uint64_t own, std::size_t combination) const;

  std::vector<Axis> axes_;
  std::vector<Output> outputs_;
  std::vector<std::uint64_t> sizes_, strides_;  // by axis
  std::uint64_t points_ = 1;
  std::vector<std::string> reasons_;
  std::size_t not_finite_ = 0;  // status of a point whose first output is not finite
  std::vector<Variant> variants_;
  std::size_t combinations_ = 1;
  // A combination has points of its own: those of the axes of numbers.
  std::vector<std::size_t> variant_strides_;  // by axis; 0 if the axis is numbers only
  std::vector<std::uint64_t> own_strides_;    // by axis; 0 if it is not
  std::uint64_t own_points_ = 1;
  std::vector<std::uint64_t> own_sizes_;  // of the axes of numbers
  std::vector<Input> inputs_;
  std::vector<std::vector<bool>> hangs_on_;  // by output, then rules; by input
  std::vector<std::size_t> axis_of_input_;   // among the axes of numbers
};

}  // namespace tomestimate::study
