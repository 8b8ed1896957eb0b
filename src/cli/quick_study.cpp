// SPDX-License-Identifier: Apache-2.0
#include "quick_study.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/text.hpp>

namespace tomestimate::cli {
namespace {

namespace fs = std::filesystem;

// ---- TOML ----

std::string trimmed(std::string text) {
  const auto space = [](unsigned char c) { return std::isspace(c) != 0; };
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), space));
  text.erase(std::find_if_not(text.rbegin(), text.rend(), space).base(), text.end());
  return text;
}

// Where a number at the start of text ends; 0 if there is none.
std::size_t number_end(const std::string& text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const auto from = at;
    while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at]))) ++at;
    return at - from;
  };
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  auto count = digits();
  if (at + 1 < text.size() && text[at] == '.' && text[at + 1] != '.') {
    ++at;
    count += digits();
  }
  if (count == 0) return 0;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    const auto mark = at++;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (digits() == 0) at = mark;
  }
  return at;
}

// A value as a study has it: plain numbers, switches and lists bare, all else text.
std::string study_value(const std::string& text) {
  const bool digit = !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) != 0;
  const bool octal = text.size() > 1 && text[0] == '0' && text[1] != '.';
  if (digit && !octal && number_end(text) == text.size() && text.back() != '.') return text;
  if (text == "true" || text == "false") return text;
  return study_string(text);
}

// ---- --vary ----

[[noreturn]] void bad_vary(const std::string& vary) {
  throw spec::SpecError(
      {{{"--vary", 0, 0},
        fmt::format("expected PATH=A,B,C or PATH=A..B/N (N values; /Nlog by equal factors) or "
                    "PATH=A..B:STEP, got \"{}\"",
                    spec::shortened(vary)),
        ""}});
}

// Items between commas that are not in brackets.
std::vector<std::string> items_of(const std::string& text) {
  std::vector<std::string> items(1);
  int depth = 0;
  for (const char c : text) {
    depth += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (c == ',' && depth == 0)
      items.emplace_back();
    else
      items.back() += c;
  }
  for (auto& item : items) item = trimmed(item);
  return items;
}

// Gives items that are bare numbers the unit of the last one.
void share_unit(std::vector<std::string>& items) {
  const auto& last = items.back();
  const auto end = number_end(last);
  if (end == 0 || end == last.size()) return;
  const auto unit = trimmed(last.substr(end));
  for (auto& item : items)
    if (number_end(item) == item.size() && !item.empty()) item += " " + unit;
}

// What follows a range: "/20", "/20log", ":50 MHz".
std::string range_toml(const std::string& text, std::size_t dots, const std::string& vary) {
  // A unit may have a slash of its own: the count is after the last one.
  const auto colon = text.find(':', dots);
  const bool by_step = colon != std::string::npos;
  const bool region = is_region(vary);
  const auto cut = region ? text.size() : by_step ? colon : text.rfind('/');
  if (cut == std::string::npos || cut < dots) bad_vary(vary);
  std::vector<std::string> ends{trimmed(text.substr(0, dots)),
                                trimmed(text.substr(dots + 2, cut - dots - 2))};
  auto rest = region ? "" : trimmed(text.substr(cut + 1));
  if (ends[0].empty() || ends[1].empty() || rest.empty() != region) bad_vary(vary);
  share_unit(ends);
  const auto range = fmt::format("from = {}, to = {}", study_value(ends[0]), study_value(ends[1]));
  if (region) return fmt::format("range = {{ {} }}", range);
  if (by_step) {
    std::vector<std::string> step{rest, ends[1]};
    share_unit(step);
    return fmt::format("range = {{ {}, step = {} }}", range, study_value(step[0]));
  }
  const bool log = rest.ends_with("log");
  if (log) rest = trimmed(rest.substr(0, rest.size() - 3));
  if (rest.empty() || rest.size() > 9 || rest[0] == '0' ||
      !std::all_of(rest.begin(), rest.end(), [](unsigned char c) { return std::isdigit(c) != 0; }))
    bad_vary(vary);
  return fmt::format("{} = {{ {}, points = {} }}", log ? "log" : "range", range, rest);
}

// ---- the study ----

// Lines of a study, the flag each is made of, and what is wrong with flags that no line can be
// made of.
struct Lines {
  std::string text;
  std::vector<std::string> flags;
  std::vector<spec::Diagnostic> errors;

  void add(const std::string& flag, const std::string& line) {
    text += line + "\n";
    flags.insert(flags.end(),
                 1 + static_cast<std::size_t>(std::count(line.begin(), line.end(), '\n')), flag);
  }
};

std::string list_toml(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ", ") + study_string(item);
  return "[" + out + "]";
}

// The columns asked for, with those that the objectives need.
std::vector<std::string> columns_of(const QuickStudy& q) {
  std::vector<std::string> out;
  const auto add = [&out](const std::string& name) {
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
  };
  for (const auto& given : q.columns)
    for (const auto& name : items_of(given)) add(name);
  if (out.empty()) out = study::usual_metrics;
  for (const auto* list : {&q.maximize, &q.minimize})
    for (const auto& name : *list) add(name);
  return out;
}

void add_set(Lines& lines, const std::string& flag, const std::string& path,
             const std::string& value) {
  lines.add(flag, fmt::format("set.{} = {}", study_string(path), study_value(value)));
}

// A line each, so that an error is at its flag.
void add_sets(Lines& lines, const QuickStudy& q) {
  for (const auto& [name, value] :
       {std::pair{"batch", &q.batch}, {"prompt", &q.prompt}, {"context", &q.context}})
    if (*value)
      add_set(lines, fmt::format("--{} {}", name, **value), fmt::format("workload.{}", name),
              **value);
  auto sets = parse_sets(q.sets);
  lines.errors = std::move(sets.errors);
  for (const auto& set : sets.values) add_set(lines, set.place.file, set.path, trimmed(set.text));
}

Lines lines_of(const QuickStudy& q, const std::string& hardware, const std::string& model,
               study::Regions regions) {
  Lines out;
  std::string name;
  for (const auto& vary : q.vary)
    name += (name.empty() ? "" : " and ") + vary.substr(0, vary.find('='));
  out.add("study", "kind = \"study\"");
  out.add("study", "name = " + study_string(name + " of " + fs::path(q.places[0]).stem().string()));
  out.add("HARDWARE", "hardware = " + study_string(hardware));
  out.add("MODEL", "model = " + study_string(model));
  add_sets(out, q);
  out.add(q.columns.empty() ? "--min, --max" : "--columns",
          "columns = " + list_toml(columns_of(q)));
  if (q.where) out.add("--where \"" + *q.where + "\"", "where = " + study_string(*q.where));
  std::vector<std::string> goals;
  for (const auto& metric : q.maximize) goals.push_back("max " + metric);
  for (const auto& metric : q.minimize) goals.push_back("min " + metric);
  if (!goals.empty()) out.add("--min, --max", "objectives = " + list_toml(goals));
  if (!q.targets.empty()) {
    out.add("--target", "targets = [");  // a line each, so that an error is at its flag
    for (const auto& t : q.targets) out.add("--target " + t, study_string(t) + ",");
    out.add("--target", "]");
  }
  for (const auto& vary : q.vary) try {
      if (regions == study::Regions::refused && is_region(vary)) bad_vary(vary);
      out.add("--vary " + vary, "\n[[vary]]\n" + axis_toml(vary));
    } catch (const spec::SpecError& e) {
      out.errors.insert(out.errors.end(), e.diagnostics().begin(), e.diagnostics().end());
    }
  return out;
}

// A spec for a study in `folder`: absolute, or from there if both are below a common folder.
std::string spec_from(const std::string& name, const fs::path& folder) {
  const auto file = fs::absolute(spec::find_spec(name)).lexically_normal();
  return folder.empty() ? file.string() : file.lexically_relative(fs::absolute(folder)).string();
}

// Errors of the study that was made, at the flags it was made of. Where a flag gave no line, one at
// the study as a whole says nothing more.
spec::SpecError at_flags(const spec::SpecError& e, const std::string& file, const Lines& lines) {
  auto all = lines.errors;
  for (auto d : e.diagnostics()) {
    if (d.place.file == file && d.place.line == 1 && !lines.errors.empty()) continue;
    if (d.place.file == file && d.place.line >= 1 && d.place.line <= lines.flags.size())
      d.place = {lines.flags[d.place.line - 1], 0, 0};
    all.push_back(std::move(d));
  }
  return spec::SpecError(std::move(all));
}

bool has_flags(const QuickStudy& q) {
  return !q.vary.empty() || !q.columns.empty() || !q.sets.empty() || !q.maximize.empty() ||
         !q.minimize.empty() || !q.targets.empty() || q.where || q.save || q.batch || q.prompt ||
         q.context;
}

}  // namespace

std::string study_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
  }
  return out + "\"";
}

bool is_region(const std::string& vary) {
  const auto equals = vary.find('=');
  if (equals == std::string::npos) return true;
  const auto dots = vary.find("..", equals);
  if (dots == std::string::npos || vary.find(':', dots) != std::string::npos) return false;
  // A unit may have a slash of its own, but no digits after it.
  const auto slash = vary.rfind('/');
  return slash == std::string::npos || slash < dots ||
         std::none_of(vary.begin() + static_cast<std::ptrdiff_t>(slash), vary.end(),
                      [](unsigned char c) { return std::isdigit(c) != 0; }) ||
         std::any_of(vary.begin() + static_cast<std::ptrdiff_t>(slash), vary.end(),
                     [](char c) { return c == '^' || c == '*'; });
}

std::string axis_toml(const std::string& vary) {
  const auto equals = vary.find('=');
  if (equals == std::string::npos || equals == 0) bad_vary(vary);
  const auto path = trimmed(vary.substr(0, equals));
  const auto text = trimmed(vary.substr(equals + 1));
  const auto head = "path = " + study_string(path) + "\n";
  if (const auto dots = text.find(".."); dots != std::string::npos)
    return head + range_toml(text, dots, vary);
  auto items = items_of(text);
  if (std::any_of(items.begin(), items.end(), [](const auto& item) { return item.empty(); }))
    bad_vary(vary);
  share_unit(items);
  for (auto& item : items) item = study_value(item);
  return head + fmt::format("values = [{}]", fmt::join(items, ", "));
}

void add_search_options(CLI::App& command, QuickStudy& q) {
  add_optional(command, "--where", q.where, "keep only designs such as \"power < 4[W]\"")
      ->type_name("FORMULA");
  command.add_option("--max", q.maximize, "a metric to have much of; repeatable")
      ->type_name("METRIC")
      ->allow_extra_args(false);
  command.add_option("--min", q.minimize, "a metric to have little of; repeatable")
      ->type_name("METRIC")
      ->allow_extra_args(false);
  command.add_option("--columns", q.columns, "metrics to show, such as throughput,power")
      ->type_name("METRIC")
      ->allow_extra_args(false);
  add_optional(command, "--save", q.save, "keep the study as FILE")->type_name("FILE");
}

void add_study_places(CLI::App& command, QuickStudy& q, const std::string& what) {
  command.add_option("STUDY", q.places, what)->required()->expected(1, 2);
  command.add_option("--set", q.sets, "override a spec value for all points; repeatable")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  add_optional(command, "--batch", q.batch, "sequences decoded together")->type_name("N");
  add_optional(command, "--prompt", q.prompt, "tokens of the prompt, for TTFT")->type_name("N");
  add_optional(command, "--context", q.context, "positions a decoded token attends to")
      ->type_name("N");
}

void add_study_options(CLI::App& command, QuickStudy& q) {
  add_study_places(command, q, "study (TOML), or HARDWARE MODEL with --vary");
  command
      .add_option("--vary", q.vary,
                  "values of a spec value: A,B,C or A..B/N or A..B/Nlog or A..B:STEP; repeatable")
      ->type_name("PATH=VALUES")
      ->allow_extra_args(false);
  add_search_options(command, q);
}

Design design_of(const QuickStudy& q) {
  return {q.places[0], q.places[1], q.sets, q.batch, q.prompt, q.context};
}

NamedFiles inputs_of(const QuickStudy& quick, const study::Study& study) {
  NamedFiles out;
  const auto gives = [](const auto& spec, const std::string& file) {
    return std::any_of(spec.sourced.begin(), spec.sourced.end(),
                       [&file](const auto& value) { return value.place.file == file; });
  };
  for (const auto& file : study.files)
    out.push_back({gives(study.specs.hardware, file) ? "HARDWARE"
                   : gives(study.specs.model, file)  ? "MODEL"
                                                     : "a base of a spec",
                   file});
  if (quick.places.size() == 1) out.push_back({"STUDY", spec::find_spec(quick.places[0])});
  return out;
}

study::Study load_study(const QuickStudy& q, const NamedFiles& outputs, study::Regions regions) {
  if (q.places.size() == 1) {
    if (has_flags(q))
      throw CLI::ValidationError("STUDY",
                                 "a study says itself what varies: flags such as --vary go with "
                                 "HARDWARE MODEL");
    auto loaded = study::load_study(spec::find_spec(q.places[0]), regions);
    check_files(inputs_of(q, loaded), outputs);
    return loaded;
  }
  if (q.vary.empty())
    throw CLI::ValidationError("--vary",
                               "two specs need one: --vary PATH=VALUES, such as "
                               "--vary chip.clock=0.2..1GHz/5");
  const spec::TemporaryFolder folder;
  const auto file = (folder.path() / "study.toml").string();
  const auto lines = lines_of(q, spec_from(q.places[0], {}), spec_from(q.places[1], {}), regions);
  spec::write_file(file, lines.text);
  const auto load = [&] {
    try {
      return study::load_study(file, regions);
    } catch (const spec::SpecError& e) {
      throw at_flags(e, file, lines);
    }
  };
  auto loaded = load();
  if (!lines.errors.empty()) throw spec::SpecError(lines.errors);
  auto written = outputs;
  if (q.save) written.push_back({"--save", *q.save});
  check_files(inputs_of(q, loaded), written);
  if (q.save) {
    const auto beside = fs::absolute(*q.save).parent_path();
    spec::write_file(
        *q.save,
        lines_of(q, spec_from(q.places[0], beside), spec_from(q.places[1], beside), regions).text);
  }
  return loaded;
}

}  // namespace tomestimate::cli
