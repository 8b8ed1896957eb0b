// SPDX-License-Identifier: Apache-2.0
#include "record.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <functional>
#include <set>
#include <type_traits>

#include <fmt/format.h>

#include <tomestimate/number/lift.hpp>
#include <tomestimate/study/equations.hpp>
#include <tomestimate/study/quantities.hpp>

namespace tomestimate::page {
namespace {

using number::Symbol;
using spec::Field;
using study::Specs;

// A page stays below a megabyte, and is made in some two seconds.
constexpr std::size_t most_variants = 160;
constexpr std::size_t most_nodes = 150'000;

// ---- choices ----

struct CollectChoices {
  std::vector<Choice>& out;

  template <class Member>
  void operator()(const Field&, const Member&) const {}

  void operator()(const Field& f, std::size_t count) const {
    Choice c{std::string(f.path), std::string(f.doc), {}, 0, true};
    std::set<std::size_t> counts{count, count + 1};
    if (count > 1) counts.insert(count - 1);
    for (const double times : {0.25, 0.5, 0.75, 1.25, 1.5, 2.0})
      counts.insert(static_cast<std::size_t>(
          std::clamp(std::round(times * static_cast<double>(count)), f.min, f.max)));
    for (const auto n : counts) c.options.push_back({fmt::format("{}", n), fmt::format("{}", n)});
    c.now = static_cast<std::size_t>(std::distance(counts.begin(), counts.find(count)));
    out.push_back(std::move(c));
  }

  template <class Enum, class Names>
  void operator()(const Field& f, const Enum& now, const Names& names) const {
    Choice c{std::string(f.path), std::string(f.doc), {}, static_cast<std::size_t>(now)};
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string name(names[i]);
      const bool is_switch = std::is_same_v<Enum, spec::Switch>;
      c.options.push_back({name, is_switch ? (i == 0 ? "false" : "true") : name});
    }
    out.push_back(std::move(c));
  }

  // A list of switches: as it is, all, none.
  template <std::size_t N, class Names>
  void operator()(const Field& f, const std::array<spec::Switch, N>& now,
                  const Names& names) const {
    const auto list = [&](const std::function<bool(std::size_t)>& has) {
      std::string text;
      for (std::size_t i = 0; i < N; ++i)
        if (has(i)) text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", names[i]);
      return "[" + text + "]";
    };
    const auto all = list([](std::size_t) { return true; });
    const auto none = list([](std::size_t) { return false; });
    const auto present = list([&](std::size_t i) { return now[i] == spec::Switch::on; });
    Choice c{std::string(f.path), std::string(f.doc), {{"all", all}, {"none", none}}, 0};
    if (present == none) c.now = 1;
    if (present != all && present != none) {
      c.options.insert(c.options.begin(), {"as specified", present});
    }
    out.push_back(std::move(c));
  }
};

Specs with(Specs specs, const std::vector<Choice>& choices, const std::vector<std::size_t>& picks) {
  for (std::size_t i = 0; i < choices.size(); ++i)
    if (picks[i] != choices[i].now)
      spec::override_value(specs.hardware, specs.model, choices[i].path,
                           choices[i].options[picks[i]].text, {"live page", 1, 1});
  return specs;
}

// Choices whose every option but the present one makes a spec.
std::vector<Choice> choices_of(const Specs& specs) {
  std::vector<Choice> all, out;
  spec::visit_hardware(specs.hardware.values, CollectChoices{all});
  spec::visit_model(specs.model.values, CollectChoices{all});
  for (auto& c : all) {
    Choice kept{c.path, c.doc, {}, 0, c.count};
    for (std::size_t i = 0; i < c.options.size(); ++i) {
      try {
        with(specs, {c}, {i});
      } catch (const spec::SpecError&) {
        continue;
      }
      if (i == c.now) kept.now = kept.options.size();
      kept.options.push_back(c.options[i]);
    }
    if (kept.options.size() > 1) out.push_back(std::move(kept));
  }
  return out;
}

// All ways to change exactly `changes` of the choices, in order. A count changes only alone: it
// adds a recording of its own, as its sums are of another length.
void combinations(const std::vector<Choice>& choices, std::size_t changes, std::size_t from,
                  std::vector<std::size_t>& picks,
                  const std::function<void(const std::vector<std::size_t>&)>& visit) {
  if (changes == 0) return visit(picks);
  const bool alone =
      changes == 1 && std::equal(picks.begin(), picks.end(), choices.begin(),
                                 [](auto pick, const auto& c) { return pick == c.now; });
  for (std::size_t i = from; i < choices.size(); ++i) {
    if (choices[i].count && !alone) continue;
    for (std::size_t option = 0; option < choices[i].options.size(); ++option) {
      if (option == choices[i].now) continue;
      picks[i] = option;
      combinations(choices, changes - 1, i + 1, picks, visit);
    }
    picks[i] = choices[i].now;
  }
}

// ---- inputs ----

// Names of the inputs of a list: one a run of equal entries, as in study::Equations.
struct CollectRuns {
  std::map<std::string, std::vector<Input>>& out;
  template <class Member>
  void operator()(const Field&, const Member&) const {}
  template <class Member, class Names>
  void operator()(const Field&, const Member&, const Names&) const {}
  void operator()(const Field& f, const std::vector<double>& list) const {
    const std::string path(f.path);
    auto& runs = out[path];
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (i == 0 || list[i] != list[i - 1])
        runs.push_back({path, path, list[i], std::pair{i, i}});
      else
        runs.back().entries->second = i;
    }
    if (runs.size() == 1) {
      runs[0].entries.reset();
      return;
    }
    for (auto& run : runs) {
      const auto [first, last] = *run.entries;
      run.name = first == last ? fmt::format("{}.layer{}", path, first)
                               : fmt::format("{}.layer{}to{}", path, first, last);
    }
  }
};

class Recorder {
 public:
  explicit Recorder(Recorded& out) : out_(out) {}

  Variant record(const Specs& specs, std::vector<std::size_t> picks) {
    std::map<std::string, std::vector<Input>> runs;
    spec::visit_model(specs.model.values, CollectRuns{runs});
    spec::visit_hardware(specs.hardware.values, CollectRuns{runs});
    std::map<std::string, std::size_t> next;
    const auto number = [&](const Field& f, double x) {
      const std::string path(f.path);
      const auto list = runs.find(path);
      return input(list == runs.end() ? Input{path, path, x, std::nullopt}
                                      : list->second.at(next[path]++));
    };
    const auto hw = number::lift<Symbol>(specs.hardware.values, number);
    const auto m = number::lift<Symbol>(specs.model.values, number);
    const auto all = study::evaluate(hw, m);
    Variant v;
    v.picks = std::move(picks);
    study::visit_metrics(hw, all, [&](const study::Metric& metric, const auto& value) {
      add(v, std::string(metric.name), metric.doc, std::string(metric.unit), study::Role::metric,
          value);
    });
    study::visit_quantities(
        hw, m, all,
        [&](std::string name, std::string_view doc, study::Role role, const auto& value) {
          if (role != study::Role::detail && !of_later_layer(name))
            add(v, std::move(name), doc, study::coherent_unit(number::dimension_of_value(value)),
                role, value);
        });
    study::visit_rules(hw, m, all.base, [&](std::string_view message, const Symbol& excess) {
      if (!excess.is_constant() || excess.value() > 0) v.rules.emplace(rule(message), excess);
    });
    return v;
  }

 private:
  // Layers are alike but for their zeros: the first stands for all, lest a page be mostly layers.
  static bool of_later_layer(const std::string& name) {
    for (auto at = name.find("layer"); at != std::string::npos; at = name.find("layer", at + 1)) {
      const bool starts = at == 0 || name[at - 1] == '.';
      const auto digit = at + 5;
      if (starts && digit < name.size() && std::isdigit(static_cast<unsigned char>(name[digit])))
        return name[digit] != '0';
    }
    return false;
  }

  Symbol input(const Input& in) {
    const auto known = inputs_.find(in.name);
    if (known != inputs_.end()) return known->second;
    out_.inputs.push_back(in);
    return inputs_.emplace(in.name, out_.recording.input(in.value)).first->second;
  }

  template <class Value>
  void add(Variant& v, std::string name, std::string_view doc, std::string unit, study::Role role,
           const Value& value) {
    const Symbol& symbol = number::raw(value);
    if (role != study::Role::metric && symbol.is_constant() && symbol.value() == 0) return;
    const auto [at, fresh] = quantities_.try_emplace(name, out_.quantities.size());
    if (fresh) {
      const double factor = study::unit_factor(unit);
      out_.quantities.push_back({std::move(name), std::string(doc), std::move(unit), factor, role});
    }
    v.quantities.emplace(at->second, symbol);
  }

  std::size_t rule(std::string_view message) {
    const auto [at, fresh] = rules_.try_emplace(std::string(message), out_.rules.size());
    if (fresh) out_.rules.emplace_back(message);
    return at->second;
  }

  Recorded& out_;
  std::map<std::string, Symbol> inputs_;
  std::map<std::string, std::size_t> quantities_, rules_;
};

}  // namespace

void record(const Specs& specs, Recorded& out) {
  out.choices = choices_of(specs);
  Recorder recorder(out);
  std::vector<std::size_t> picks;
  for (const auto& c : out.choices) picks.push_back(c.now);
  const auto each = [&](std::size_t changes, const auto& visit) {
    combinations(out.choices, changes, 0, picks, visit);
  };
  const auto add = [&](const std::vector<std::size_t>& chosen) {
    try {
      out.variants.push_back(recorder.record(with(specs, out.choices, chosen), chosen));
    } catch (const spec::SpecError&) {
      // Two options that make no spec together.
    }
  };
  // All ways to change so many choices, or none: a person can be told what is there.
  for (std::size_t changes = 0; changes <= out.choices.size(); ++changes) {
    std::size_t more = 0;
    each(changes, [&more](const auto&) { ++more; });
    const bool fits =
        out.variants.size() + more <= most_variants && out.recording.nodes().size() <= most_nodes;
    if (changes > 1 && !fits) break;
    each(changes, add);
    out.changes = changes;
  }
}

}  // namespace tomestimate::page
