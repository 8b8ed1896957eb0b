// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/cautions.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <range/v3/algorithm/contains.hpp>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/spec/changes.hpp>
#include <tomestimate/spec/describe.hpp>
#include <tomestimate/spec/graph.hpp>
#include <tomestimate/study/sensitivity.hpp>

namespace tomestimate::study {
namespace {

std::string shown(const Parameter& p, double base) {
  const double value = decimal(base / unit_factor(p.unit));
  return p.unit.empty() ? fmt::format("{:.6g}", value) : fmt::format("{:.6g} {}", value, p.unit);
}

std::vector<std::string> choices_of(const Specs& specs, const std::string& path) {
  for (const auto& list :
       {spec::describe(specs.hardware.values), spec::describe(specs.model.values)})
    for (const auto& d : list)
      if (d.path == path) return d.choices;
  return {};
}

std::vector<const spec::Sourced*> sourced(const Specs& specs) {
  std::vector<const spec::Sourced*> out;
  for (const auto& s : specs.hardware.sourced) out.push_back(&s);
  for (const auto& s : specs.model.sourced) out.push_back(&s);
  return out;
}

// "a, b, c and 4 more"
std::string some_of(const std::vector<std::string>& names, std::size_t most = 4) {
  if (names.size() <= most) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + most, ", "),
                     names.size() - most);
}

// The design with one value changed; none if others would have to change too, as the shares of
// zeros with the weights' code.
std::optional<Specs> with_value(Specs specs, const std::string& path, const std::string& text) try {
  spec::override_value(specs.hardware, specs.model, path, text, {path, 0, 0});
  return specs;
} catch (const spec::SpecError&) {
  return std::nullopt;
}

Reach reach_of_choice(const Specs& specs, const Parameter& p, const std::vector<std::string>& all) {
  Reach out;
  auto choices = choices_of(specs, p.path);
  std::erase_if(choices, [&](const auto& c) { return !with_value(specs, p.path, c); });
  const auto* said = find_sourced(specs, p.path);
  // A list of names has more choices than one can try.
  if (choices.size() < 2 || said == nullptr || said->text.starts_with("[")) return {all, true};
  const Space space(specs, {Axis{{Varied{p, choices}}}}, all);
  Space::Worker worker(space);
  Space::Chunk chunk;
  worker.evaluate(0, choices.size(), chunk);
  const auto differ = [](const auto& list) {
    return std::any_of(list.begin(), list.end(), [&](const auto& x) { return x != list[0]; });
  };
  out.rules = differ(chunk.status);
  for (std::size_t m = 0; m < all.size(); ++m) {
    std::vector<double> designs;
    for (std::size_t i = 0; i < choices.size(); ++i)
      if (chunk.status[i] == 0) designs.push_back(chunk.values[m][i]);
    if (!designs.empty() && differ(designs)) out.metrics.push_back(all[m]);
  }
  return out;
}

std::string hint_of(const std::string& path) {
  return path == "tech.node" ? ": tomestimate rescale carries a spec to another node" : "";
}

// Why nothing that is printed hangs on a value.
std::string idle_text(const Specs& specs, const std::string& path, const std::string& none) {
  const auto r = reach(specs, path);
  if (!r.metrics.empty())
    return fmt::format("{} on {}: {} {}", none, path, some_of(r.metrics),
                       r.metrics.size() == 1 ? "does" : "do");
  if (r.rules)
    return fmt::format("no metric hangs on {}: it only decides what makes a design", path);
  return fmt::format("no metric hangs on {} in this design{}", path, hint_of(path));
}

std::string range_text(const Parameter& p, const std::string& is, std::array<double, 2> range) {
  return fmt::format("{} {} is outside the range that its spec states, {} to {}", p.path, is,
                     shown(p, range[0]), shown(p, range[1]));
}

bool outside(const std::array<double, 2>& range, double value) {
  const double slack = 1e-12 * std::max(std::abs(range[0]), std::abs(range[1]));
  return value < range[0] - slack || value > range[1] + slack;
}

// ---- what is carried ----

bool switches(std::string_view path) {
  return path.starts_with("tech.") &&
         (path.ends_with("_energy") || path.starts_with("tech.rom_toggle"));
}

bool leaks(std::string_view path) {
  return path.starts_with("tech.") && path.ends_with("_leakage");
}

bool is_physics(std::string_view path) {
  return path.starts_with("tech.") &&
         (path.ends_with("_area") || path.ends_with("_cell") || path.starts_with("tech.rom_area") ||
          switches(path) || leaks(path));
}

template <class Wanted>
std::vector<std::string> paths_of(const Specs& specs, Wanted wanted) {
  std::vector<std::string> out;
  for (const auto* s : sourced(specs))
    if (wanted(*s)) out.push_back(s->path);
  return out;
}

// A label of the technology (its node, supply, temperature) that was changed alone: the values that
// were told under the old one stay as they were.
void add_relabelled(const Specs& specs, std::vector<Carried>& out) {
  struct Label {
    const char* path;
    bool (*told)(std::string_view);
  };
  for (const auto& label : {Label{"tech.node", is_physics}, Label{"tech.voltage", switches},
                            Label{"tech.temperature", leaks}}) {
    const auto* said = find_sourced(specs, label.path);
    if (said == nullptr) continue;
    const auto same = paths_of(specs, [&](const spec::Sourced& s) {
      return label.told(s.path) && s.place.file == said->place.file && !spec::was_set(s);
    });
    const auto others = paths_of(specs, [&](const spec::Sourced& s) {
      return label.told(s.path) && s.place.file != said->place.file && !spec::was_set(s);
    });
    if (others.size() > same.size())
      out.push_back({fmt::format("{} is said to be {} ({}), but values of the technology stay as "
                                 "they were told elsewhere",
                                 label.path, said->text,
                                 spec::was_set(*said) ? "set for this run" : said->place.file),
                     others,
                     {}});
  }
}

void add_conditions(const Specs& specs, std::vector<Carried>& out) {
  const auto moved = [&](const std::string& chip, const std::string& tech, const std::string& law,
                         bool (*told)(std::string_view)) {
    const auto here = find_parameter(specs, chip, {chip, 0, 0});
    const auto there = find_parameter(specs, tech, {tech, 0, 0});
    if (here.value == there.value) return;
    out.push_back({fmt::format("{} is {}, the technology is told at {}: carried by {}", chip,
                               shown(here, here.value), shown(there, there.value), law),
                   paths_of(specs, [&](const spec::Sourced& s) { return told(s.path); }),
                   {}});
  };
  moved("chip.voltage", "tech.voltage", "the square of the supply", switches);
  moved("chip.temperature", "tech.temperature", "tech.leakage_doubling", leaks);
}

// Values that rescale has carried say so in their source.
void add_rescaled(const Specs& specs, std::vector<Carried>& out) {
  const std::string word = "carried from ";
  std::set<std::string> moves;
  for (const auto* s : sourced(specs))
    if (s->source.starts_with(word)) moves.insert(s->source.substr(0, s->source.find(" (x ")));
  for (const auto& move : moves)
    out.push_back(
        {"values of the technology were " + move,
         paths_of(specs, [&](const auto& s) { return s.source.starts_with(move + " (x "); }),
         {}});
}

void add_fitted(const Specs& specs, std::vector<Carried>& out) {
  const auto set = paths_of(specs, [](const spec::Sourced& s) { return spec::was_set(s); });
  for (const auto* s : sourced(specs)) {
    if (s->grade == spec::Grade::calibrated && !set.empty())
      out.push_back(
          {fmt::format("{} was fitted to {} with the specs as they were, and {} {} set", s->path,
                       fmt::join(s->fits, ", "), some_of(set), set.size() == 1 ? "is" : "are"),
           {s->path},
           {}});
    if (s->source.starts_with("calibrated for "))
      out.push_back({fmt::format("{} was {}", s->path, s->source.substr(0, s->source.find(':'))),
                     {s->path},
                     {}});
  }
}

std::string share_text(const Carried& c, const std::vector<std::string>& metrics) {
  std::vector<std::string> parts;
  for (std::size_t m = 0; m < metrics.size(); ++m)
    if (std::abs(c.shares[m]) >= 0.005)
      // Energies of what takes area hang on both.
      parts.push_back(c.shares[m] > 1.005
                          ? fmt::format("all of {} (elasticity {:.2f})", metrics[m], c.shares[m])
                          : fmt::format("{:.0f} % of {}", 100 * c.shares[m], metrics[m]));
  if (parts.empty()) return fmt::format("nothing of {} hangs on that", fmt::join(metrics, ", "));
  return fmt::format("{} {} on that", fmt::join(parts, ", "), parts.size() == 1 ? "hangs" : "hang");
}

// ---- values without effect ----

// Which equations there are hangs on these and on the specs that nothing was set in.
std::string structure_of(const std::vector<const spec::Sourced*>& set,
                         const std::vector<Parameter>& all) {
  std::string out;
  for (const auto* s : set) {
    const auto p = ranges::find(all, s->path, &Parameter::path);
    if (p == all.end() || !p->number) out += fmt::format(";{}={}", s->path, s->text);
  }
  return out;
}

void add_idle(const Specs& specs, const std::vector<Parameter>& all, KnownIdle& known,
              std::vector<std::string>& out) {
  std::vector<const spec::Sourced*> set;
  for (const auto* s : sourced(specs))
    if (spec::was_set(*s)) set.push_back(s);
  const auto structure = structure_of(set, all);
  const auto found = [&](const std::string& path) {
    return reach(specs, path).metrics.empty() ? idle_text(specs, path, "") : std::string();
  };
  for (const auto* s : set) {
    const auto p = ranges::find(all, s->path, &Parameter::path);
    std::string text;
    // What another choice would change hangs on all numbers.
    if (p == all.end() || !p->number) {
      text = found(s->path);
    } else {
      const auto [at, fresh] = known.try_emplace(s->path + structure);
      if (fresh) at->second = found(s->path);
      text = at->second;
    }
    if (!text.empty()) out.push_back(std::move(text));
  }
}

// ---- studies ----

// The design at one end of all axes.
Specs end_of(const Study& study, bool last) {
  auto specs = study.specs;
  set_point(specs, study.axes, [&](std::size_t a) { return last ? study.axes[a].size() - 1 : 0; });
  return specs;
}

// Whether an axis of switches or names moves anything at points that are spread over all.
bool moves(const Space& space, std::size_t a, std::uint64_t& looked_at) {
  constexpr std::uint64_t most = 64;
  Space::Worker worker(space);
  Space::Chunk here, there;
  std::uint64_t stride = 1;
  for (std::size_t b = a + 1; b < space.axes().size(); ++b) stride *= space.axes()[b].size();
  const auto n = std::min(most, space.points());
  looked_at = std::min(space.points(), n * space.axes()[a].size());
  for (std::uint64_t k = 0; k < n; ++k) {
    const auto point = space.points() / n * k;
    const auto first = point - space.index(point, a) * stride;
    worker.evaluate(first, 1, here);
    for (std::uint64_t i = 1; i < space.axes()[a].size(); ++i) {
      worker.evaluate(first + i * stride, 1, there);
      if (here.status != there.status) return true;
      if (here.status[0] == 0 && here.values != there.values) return true;
    }
  }
  return false;
}

void add_idle_axes(const Study& study, const Space& space, std::vector<std::string>& out) {
  for (std::size_t a = 0; a < space.axes().size(); ++a) {
    const auto& members = space.axes()[a].members;
    const bool numbers =
        std::all_of(members.begin(), members.end(), [](const auto& v) { return v.is_number(); });
    for (const auto& v : members) {
      if (!numbers) break;
      const auto& path = v.parameter.path;
      bool used = false;
      for (std::size_t o = 0; o < space.outputs().size(); ++o)
        used = used || space.hangs_on(o, path);
      if (!used) out.push_back(idle_text(study.specs, path, "no column hangs"));
    }
    std::uint64_t looked_at = 0;
    if (!numbers && members[0].size() > 1 && !moves(space, a, looked_at))
      for (const auto& v : members)
        out.push_back(fmt::format("{} changes no column at {} points that were looked at",
                                  v.parameter.path, looked_at));
  }
}

void add_axes_beyond(const Study& study, std::vector<std::string>& out) {
  for (const auto& axis : study.axes)
    for (const auto& v : axis.members) {
      const auto range = stated_range(study.specs, v.parameter.path);
      if (!range || !v.is_number()) continue;
      const double unit = unit_factor(v.parameter.unit);
      // Ranges are in order, and a list is no longer than what was typed.
      const bool list = std::holds_alternative<Varied::Numbers>(v.values);
      for (std::uint64_t i = 0; i < v.size();
           i += list ? 1 : std::max<std::uint64_t>(1, v.size() - 1))
        if (const double x = v.number(i) * unit; outside(*range, x)) {
          out.push_back(range_text(v.parameter, "at " + shown(v.parameter, x), *range));
          break;
        }
    }
}

}  // namespace

Reach reach(const Specs& specs, const std::string& path) {
  const auto p = find_parameter(specs, path, {path, 0, 0});
  auto all = metric_names();
  if (!p.number) return reach_of_choice(specs, p, all);
  // A value of a table that the machine does not use is not there.
  if (p.value < p.min * unit_factor(p.unit)) return {};
  const Space space(specs, {Axis{{varied(p, p.value)}}}, all);
  Reach out;
  out.rules = space.hangs_on(all.size(), p.path);
  for (std::size_t m = 0; m < all.size(); ++m)
    if (space.hangs_on(m, p.path)) out.metrics.push_back(all[m]);
  return out;
}

std::optional<std::array<double, 2>> stated_range(const Specs& specs, const std::string& path) {
  const auto* said = find_sourced(specs, path);
  if (said == nullptr) return std::nullopt;
  return said->range ? said->range : said->replaced_range;
}

bool beyond_range(const Specs& specs, const std::string& path, double value) {
  const auto range = stated_range(specs, path);
  return range && outside(*range, value);
}

std::vector<Carried> carried(const Specs& specs, const std::vector<std::string>& metrics) {
  std::vector<Carried> out;
  add_relabelled(specs, out);
  add_conditions(specs, out);
  add_rescaled(specs, out);
  add_fitted(specs, out);
  if (out.empty()) return out;
  const auto all = slopes(specs, metrics);
  for (auto& c : out) {
    c.shares.assign(metrics.size(), 0);
    for (const auto& s : all)
      if (ranges::contains(c.paths, s.parameter.path))
        for (std::size_t m = 0; m < metrics.size(); ++m)
          c.shares[m] += s.by_metric[m].elasticity.value_or(0);
  }
  return out;
}

std::vector<std::string> cautions(const Specs& specs, const std::vector<std::string>& metrics,
                                  KnownIdle* known) {
  std::vector<std::string> out;
  const auto all = parameters(specs);
  KnownIdle own;
  add_idle(specs, all, known != nullptr ? *known : own, out);
  for (const auto* s : sourced(specs)) {
    const auto range = stated_range(specs, s->path);
    if (!range) continue;
    const auto p = ranges::find(all, s->path, &Parameter::path);
    if (p != all.end() && p->number && outside(*range, p->value))
      out.push_back(range_text(*p, "= " + shown(*p, p->value), *range));
  }
  for (const auto& c : carried(specs, metrics))
    out.push_back(c.why + "; " + share_text(c, metrics));
  return out;
}

std::vector<std::string> without_effect(const Specs& before, const Specs& after) {
  const auto all = metric_names();
  const auto values = [&all](const Specs& specs) {
    std::vector<double> out;
    for (const auto& m : all) out.push_back(metric_value(specs, m));
    return out;
  };
  std::vector<std::string> out;
  std::vector<double> here;
  for (const auto* s : sourced(after)) {
    const auto* was = find_sourced(before, s->path);
    if (!spec::was_set(*s) || was == nullptr || was->text == s->text) continue;
    const auto undone = with_value(after, s->path, was->text);
    if (!undone) continue;
    if (here.empty()) here = values(after);
    const auto there = values(*undone);
    const bool same = std::equal(here.begin(), here.end(), there.begin(), [](double a, double b) {
      return std::abs(a - b) <= 1e-12 * std::abs(a);
    });
    const auto r = reach(after, s->path);
    if (same && !r.metrics.empty())
      out.push_back(
          fmt::format("{} = {} instead of {} changes no metric here, though {} can hang "
                      "on it: something else binds",
                      s->path, s->text, was->text, some_of(r.metrics)));
  }
  return out;
}

std::vector<std::string> cautions(const Study& study, const Space& space) {
  std::vector<std::string> out;
  add_idle_axes(study, space, out);
  add_axes_beyond(study, out);
  std::vector<std::string> metrics;
  for (const auto& c : study.columns)
    if (metric_unit(c.formula)) metrics.push_back(c.formula);
  if (metrics.empty()) metrics = {"throughput", "power", "area"};
  std::set<std::string> told;
  for (const bool last : {false, true})
    for (const auto& c : carried(end_of(study, last), metrics))
      if (told.insert(c.why).second)
        out.push_back(fmt::format("{}; {} at the {} point", c.why, share_text(c, metrics),
                                  last ? "last" : "first"));
  return out;
}

std::string shadowed_share(const Specs& specs) {
  const auto& m = specs.model.values;
  if (m.weights.code != spec::WeightCode::ternary) return "";
  std::vector<std::string> own;
  for (std::size_t p = 0; p < spec::projection_count; ++p) {
    if (!spec::has_projection(m, static_cast<spec::Projection>(p))) continue;
    if (m.weights.zero_share_of[p].empty()) return "";
    own.emplace_back(spec::zero_share_paths[p]);
  }
  return fmt::format(
      "weights.zero_share as it is has no effect: {} come before it; set or varied, "
      "it takes their place",
      fmt::join(own, ", "));
}

std::string no_effect(const Specs& specs, const std::string& path, const std::string& metric) {
  return ranges::contains(reach(specs, path).metrics, metric)
             ? ""
             : idle_text(specs, path, metric + " does not hang");
}

}  // namespace tomestimate::study
