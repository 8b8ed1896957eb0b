// SPDX-License-Identifier: Apache-2.0
// A space of designs: spec values that vary along axes, and the formulas wanted at each point.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <tomestimate/number/program.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/study/formula.hpp>

namespace tomestimate::study {

struct Specs {
  spec::Spec<spec::Hardware<double>> hardware;
  spec::Spec<spec::Model<double>> model;
};

// A spec value by name, as it is now.
struct Parameter {
  std::string path;
  std::string unit;  // display unit
  std::string doc;
  double min = 0, max = 0;  // legal range in `unit`
  bool whole = false;
  bool number = false;  // a number the equations take; else the engine branches or loops on it
  double value = 0;     // in base units; of a per-layer list: the mean
  units::Dimension dimension{};
};

// Every value of both specs, in visiting order.
std::vector<Parameter> parameters(const Specs& specs);

// The parameter of that name. Throws spec::SpecError with did-you-mean.
Parameter find_parameter(const Specs& specs, const std::string& name, const spec::Place& place);

// What the specs say of a value beside the value; null if they do not say it.
const spec::Sourced* find_sourced(const Specs& specs, std::string_view path);

// Factor from display unit to base units.
double unit_factor(std::string_view unit);

// One spec value along an axis.
struct Varied {
  Parameter parameter;
  std::vector<std::string> texts;  // as an override takes them, and as the CSV shows them
  std::vector<double> numbers;     // in base units; empty if it is not a number
};

// A number at some values in base units, with their texts.
Varied varied(const Parameter& parameter, std::vector<double> numbers);

// What a spec value would be, in base units, if it were set to `text`. Throws spec::SpecError like
// spec::override_value.
double value_if_set(const Specs& specs, const std::string& path, const std::string& text,
                    const spec::Place& place);

// Values that move together; all have the same length. Axes are crossed, the last moving fastest.
struct Axis {
  std::vector<Varied> members;
  std::size_t size() const { return members.at(0).texts.size(); }
};

// What a formula gives, in base units.
struct Output {
  std::string formula;
  units::Dimension dimension{};  // filled in by Space
};

class Space {
 public:
  // Records the engine once for every combination of values it branches on. Throws FormulaError for
  // a bad formula, spec::SpecError for a bad value or more than 1024 combinations.
  Space(const Specs& specs, std::vector<Axis> axes, std::vector<std::string> formulas);
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;
  ~Space();

  std::uint64_t points() const { return points_; }
  const std::vector<Axis>& axes() const { return axes_; }
  const std::vector<Output>& outputs() const { return outputs_; }
  // Why a point is no design: text of a status that is not 0.
  const std::string& reason(std::uint8_t status) const { return reasons_.at(status); }
  std::size_t instructions() const;  // of the first combination
  // Index along axis a of a point.
  std::size_t index(std::uint64_t point, std::size_t a) const;

  // Results of points first .. first + status.size(): values[o][i] in base units, and 0 or why
  // there is no such design. Values of points that are no design mean nothing.
  struct Chunk {
    std::vector<std::vector<double>> values;
    std::vector<std::uint8_t> status;
  };

  // Evaluates; one Worker a thread.
  class Worker {
   public:
    explicit Worker(const Space& space, Isa isa = best_isa());
    ~Worker();
    void evaluate(std::uint64_t first, std::size_t count, Chunk& out);
    // The same at free values: inputs[j][i] of the j-th varied number (axes in order).
    void evaluate_numbers(const std::vector<std::vector<double>>& inputs, Chunk& out);

   private:
    struct Bucket;
    void flush(Bucket& bucket, Chunk& out);
    const Space* space_;
    Isa isa_;
    std::vector<Bucket> buckets_;
  };

 private:
  struct Variant;
  std::unique_ptr<Variant> record(const Specs& specs);

  std::vector<Axis> axes_;
  std::vector<Output> outputs_;
  std::vector<std::uint64_t> strides_;
  std::uint64_t points_ = 1;
  std::vector<std::string> reasons_;
  std::vector<std::unique_ptr<Variant>> variants_;
  std::vector<std::size_t> variant_strides_;  // by axis; 0 if the axis is numbers only
};

}  // namespace tomestimate::study
