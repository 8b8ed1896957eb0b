// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/space.hpp>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

#include <fmt/format.h>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/number/lift.hpp>
#include <tomestimate/study/evaluation.hpp>

namespace tomestimate::study {
namespace {

constexpr std::size_t most_variants = 1024;

// Collects the parameters of a spec.
struct Collect {
  std::vector<Parameter>& out;

  void add(const spec::Field& f, bool number, double value, units::Dimension dimension) const {
    out.push_back({std::string(f.path), std::string(f.unit), std::string(f.doc), f.min, f.max,
                   f.whole == spec::Whole::yes, number, value, dimension});
  }
  template <class Member>
  void operator()(const spec::Field& f, const Member& m) const {
    add(f, true, raw(m), dimension_of_value(m));
  }
  void operator()(const spec::Field& f, std::size_t m) const {
    add(f, false, static_cast<double>(m), {});
  }
  void operator()(const spec::Field& f, const std::vector<double>& list) const {
    if (list.empty()) return;  // the list that does not go with weights.code
    const double sum = std::accumulate(list.begin(), list.end(), 0.0);
    add(f, true, sum / static_cast<double>(list.size()), {});
  }
  template <class Member, class Names>
  void operator()(const spec::Field& f, const Member&, const Names&) const {
    add(f, false, 0, {});
  }
};

}  // namespace

std::vector<Parameter> parameters(const Specs& specs) {
  std::vector<Parameter> out;
  spec::visit_hardware(specs.hardware.values, Collect{out});
  spec::visit_model(specs.model.values, Collect{out});
  return out;
}

Parameter find_parameter(const Specs& specs, const std::string& name, const spec::Place& place) {
  const auto path = spec::resolve(name);
  const auto all = parameters(specs);
  const auto found = ranges::find(all, path, &Parameter::path);
  if (found != all.end()) return *found;
  std::vector<std::string_view> known;
  for (const auto& p : all) known.push_back(p.path);
  const auto near = units::nearest(name, known);
  throw spec::SpecError({{place, fmt::format("no spec value \"{}\"", name),
                          near ? fmt::format("did you mean \"{}\"?", *near) : ""}});
}

const spec::Sourced* find_sourced(const Specs& specs, std::string_view path) {
  for (const auto* list : {&specs.hardware.sourced, &specs.model.sourced}) {
    const auto found = ranges::find(*list, path, &spec::Sourced::path);
    if (found != list->end()) return &*found;
  }
  return nullptr;
}

double unit_factor(std::string_view unit) {
  return std::get<units::ParsedUnit>(units::parse_unit(unit)).factor;
}

Varied varied(const Parameter& parameter, std::vector<double> numbers) {
  Varied v{parameter, {}, std::move(numbers)};
  const double unit = unit_factor(parameter.unit);
  for (const double x : v.numbers)
    v.texts.push_back(parameter.unit.empty() ? fmt::format("{}", x / unit)
                                             : fmt::format("{} {}", x / unit, parameter.unit));
  return v;
}

double value_if_set(const Specs& specs, const std::string& path, const std::string& text,
                    const spec::Place& place) {
  auto copy = specs;
  spec::override_value(copy.hardware, copy.model, path, text, place);
  return find_parameter(copy, path, place).value;
}

// One recording of the engine: its program, and what the program's further outputs mean.
struct Space::Variant {
  Recording recording;
  std::unique_ptr<Program> program;
  std::vector<std::uint8_t> rules;  // status of program output outputs + i when above 0
};

Space::~Space() = default;

std::unique_ptr<Space::Variant> Space::record(const Specs& specs) {
  auto variant = std::make_unique<Variant>();
  std::vector<std::pair<std::string, Symbol>> inputs;
  for (const auto& axis : axes_)
    for (const auto& v : axis.members)
      if (!v.numbers.empty())
        inputs.emplace_back(v.parameter.path, variant->recording.input(v.numbers[0]));
  const auto number = [&](const spec::Field& f, double x) {
    const auto found = ranges::find(inputs, f.path, [](const auto& i) { return i.first; });
    return found == inputs.end() ? Symbol(x) : found->second;
  };
  const auto hw = lift<Symbol>(specs.hardware.values, number);
  const auto m = lift<Symbol>(specs.model.values, number);
  const auto all = evaluate(hw, m);

  std::vector<std::pair<std::string_view, Value>> named;
  visit_metrics(hw, all, [&](const Metric& metric, const auto& value) {
    named.emplace_back(metric.name, Value{raw(value), dimension_of_value(value)});
  });
  const auto given = parameters(specs);
  Scope scope;
  for (const auto& [name, value] : named) scope.names.push_back(name);
  for (const auto& p : given) scope.names.push_back(p.path);
  scope.find = [&](std::string_view name) -> std::optional<Value> {
    const auto metric = ranges::find(named, name, [](const auto& n) { return n.first; });
    if (metric != named.end()) return metric->second;
    const auto p = ranges::find(given, spec::resolve(std::string(name)), &Parameter::path);
    if (p == given.end()) return std::nullopt;
    const auto input = ranges::find(inputs, p->path, [](const auto& i) { return i.first; });
    return Value{input == inputs.end() ? Symbol(p->value) : input->second, p->dimension};
  };

  std::vector<Symbol> outputs;
  for (auto& output : outputs_) {
    const auto value = evaluate_formula(output.formula, scope);
    output.dimension = value.dimension;
    outputs.push_back(value.number);
  }
  visit_rules(hw, m, all.base, [&](std::string_view reason, const Symbol& excess) {
    if (excess.is_constant() && excess.value() <= 0) return;
    auto at = std::find(reasons_.begin(), reasons_.end(), reason);
    if (at == reasons_.end()) at = reasons_.insert(at, std::string(reason));
    variant->rules.push_back(static_cast<std::uint8_t>(at - reasons_.begin()));
    outputs.push_back(excess);
  });
  variant->program = std::make_unique<Program>(variant->recording, outputs);
  return variant;
}

Space::Space(const Specs& specs, std::vector<Axis> axes, std::vector<std::string> formulas)
    : axes_(std::move(axes)),
      strides_(axes_.size()),
      reasons_{"ok"},
      variant_strides_(axes_.size(), 0) {
  for (auto& f : formulas) outputs_.push_back({std::move(f), {}});
  std::size_t combinations = 1;
  for (std::size_t a = axes_.size(); a-- > 0;) {
    const auto size = axes_[a].size();
    strides_[a] = points_;
    if (points_ > std::numeric_limits<std::uint64_t>::max() / size / 2)
      throw spec::SpecError({{{"study", 0, 0}, "more than 2^63 points", ""}});
    points_ *= size;
    const bool numbers = std::all_of(axes_[a].members.begin(), axes_[a].members.end(),
                                     [](const Varied& v) { return !v.numbers.empty(); });
    if (numbers) continue;
    variant_strides_[a] = combinations;
    combinations *= size;
    if (combinations > most_variants)
      throw spec::SpecError({{{"study", 0, 0},
                              fmt::format("more than {} combinations of values that are not plain "
                                          "numbers",
                                          most_variants),
                              "vary fewer of them, or split the study"}});
  }
  for (std::size_t c = 0; c < combinations; ++c) {
    auto design = specs;
    for (std::size_t a = 0; a < axes_.size(); ++a) {
      const std::size_t i =
          variant_strides_[a] == 0 ? 0 : c / variant_strides_[a] % axes_[a].size();
      // Numbers are set too: that makes a per-layer list one value all over, as the axis means it.
      for (const auto& v : axes_[a].members)
        spec::override_value(design.hardware, design.model, v.parameter.path, v.texts[i],
                             {v.parameter.path, 1, 1});
    }
    variants_.push_back(record(design));
  }
}

std::size_t Space::instructions() const { return variants_[0]->program->instructions(); }

std::size_t Space::index(std::uint64_t point, std::size_t a) const {
  return static_cast<std::size_t>(point / strides_[a] % axes_[a].size());
}

// Points of one variant that wait for a full block.
struct Space::Worker::Bucket {
  explicit Bucket(const Variant& v) : variant(&v), workspace(*v.program) {}
  const Variant* variant;
  Program::Workspace workspace;
  std::size_t waiting = 0;
  std::array<std::uint32_t, Program::block> position{};  // in the chunk
};

Space::Worker::Worker(const Space& space, Isa isa) : space_(&space), isa_(isa) {
  buckets_.reserve(space.variants_.size());
  for (const auto& v : space.variants_) buckets_.emplace_back(*v);
}

Space::Worker::~Worker() = default;

void Space::Worker::flush(Bucket& b, Chunk& out) {
  if (b.waiting == 0) return;
  b.workspace.run(isa_);
  const auto outputs = space_->outputs_.size();
  for (std::size_t o = 0; o < outputs; ++o) {
    const double* from = b.workspace.output(o);
    for (std::size_t k = 0; k < b.waiting; ++k) out.values[o][b.position[k]] = from[k];
  }
  // Backwards, so that the first broken rule is the one named. Written so that NaN fails.
  for (std::size_t r = b.variant->rules.size(); r-- > 0;) {
    const double* excess = b.workspace.output(outputs + r);
    for (std::size_t k = 0; k < b.waiting; ++k)
      if (!(excess[k] <= 0)) out.status[b.position[k]] = b.variant->rules[r];
  }
  b.waiting = 0;
}

void Space::Worker::evaluate(std::uint64_t first, std::size_t count, Chunk& out) {
  const auto& axes = space_->axes_;
  out.values.resize(space_->outputs_.size());
  for (auto& column : out.values) column.resize(count);
  out.status.assign(count, 0);
  std::vector<std::size_t> index(axes.size());
  for (std::size_t a = 0; a < axes.size(); ++a) index[a] = space_->index(first, a);
  std::vector<std::pair<std::size_t, const double*>> inputs;  // axis, its numbers
  for (std::size_t a = 0; a < axes.size(); ++a)
    for (const auto& v : axes[a].members)
      if (!v.numbers.empty()) inputs.emplace_back(a, v.numbers.data());
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t variant = 0;
    for (std::size_t a = 0; a < axes.size(); ++a) variant += index[a] * space_->variant_strides_[a];
    auto& b = buckets_[variant];
    for (std::size_t j = 0; j < inputs.size(); ++j)
      b.workspace.input(j)[b.waiting] = inputs[j].second[index[inputs[j].first]];
    b.position[b.waiting++] = static_cast<std::uint32_t>(i);
    if (b.waiting == Program::block) flush(b, out);
    for (std::size_t a = axes.size(); a-- > 0;) {
      if (++index[a] < axes[a].size()) break;
      index[a] = 0;
    }
  }
  for (auto& b : buckets_) flush(b, out);
}

void Space::Worker::evaluate_numbers(const std::vector<std::vector<double>>& inputs, Chunk& out) {
  const auto count = inputs.at(0).size();
  out.values.resize(space_->outputs_.size());
  for (auto& column : out.values) column.resize(count);
  out.status.assign(count, 0);
  auto& b = buckets_[0];
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < inputs.size(); ++j) b.workspace.input(j)[b.waiting] = inputs[j][i];
    b.position[b.waiting++] = static_cast<std::uint32_t>(i);
    if (b.waiting == Program::block) flush(b, out);
  }
  flush(b, out);
}

}  // namespace tomestimate::study
