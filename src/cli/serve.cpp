// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common.hpp"

#include <tomestimate/import/json.hpp>
#include <tomestimate/study/cautions.hpp>
#include <tomestimate/study/study.hpp>

namespace tomestimate::cli {
namespace {

using Json = nlohmann::json;
using Answer = nlohmann::ordered_json;

constexpr std::size_t longest_line = 1 << 20;  // bytes
constexpr auto metrics_key = "metrics";        // no path: those have a dot
constexpr auto cautions_key = "cautions";

struct Line {
  std::string text;
  bool too_long = false;
};

// The next line of standard input, of which no more is kept than is read; nullopt at the end.
std::optional<Line> read_line() {
  Line line;
  int c = 0;
  bool any = false;
  while ((c = getc_unlocked(stdin)) != EOF) {
    any = true;
    if (c == '\n') break;
    if (line.text.size() < longest_line)
      line.text += static_cast<char>(c);
    else
      line.too_long = true;
  }
  return any ? std::optional(std::move(line)) : std::nullopt;
}

spec::SpecError error(const spec::Place& place, std::string message, std::string hint) {
  return spec::SpecError({{place, std::move(message), std::move(hint)}});
}

// A value of JSON as --set takes it.
std::string override_text(const std::string& path, const Json& value, const spec::Place& place) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null() || value.is_object())
    throw error(place, fmt::format("{} has no value", path),
                "a number, a text with its unit, true, false, or a list");
  return value.dump();
}

// Names of the metrics asked for; none for all.
std::vector<std::string> wanted_metrics(const Json& value, const spec::Place& place) {
  std::vector<std::string> names;
  for (const auto& name : value.is_array() ? value : Json::array({nullptr})) {
    if (!name.is_string())
      throw error(place, "\"metrics\" is no list of names", R"("metrics": ["throughput", "area"])");
    names.push_back(name.get<std::string>());
    study::require_metric(names.back(), place);
  }
  return names;
}

// Whether a line wants cautions.
bool wants_cautions(const Json& value, const spec::Place& place) {
  if (!value.is_boolean()) throw error(place, "\"cautions\" is true or false", "");
  return value.get<bool>();
}

// Answers designs by their difference from one that was loaded.
class Server {
 public:
  explicit Server(const study::Specs& base)
      : base_(base), now_(base), cautions_(study::cautions(base)) {
    // What specs say of their values goes into no metric, and takes longest to copy.
    for (const auto& value : base.hardware.sourced) given_.emplace_back().path = value.path;
  }

  // Metrics of the design that a line asks for, and its cautions if there are any. Throws
  // spec::SpecError if it is bad, and std::domain_error if it does not fit the SRAM.
  Answer answer(const Line& line, const spec::Place& place) {
    if (line.too_long) throw error(place, fmt::format("more than {} bytes", longest_line), "");
    const auto asked =
        importer::parse_object(line.text, fmt::format("{}:{}", place.file, place.line), 0);
    now_.hardware.values = base_.hardware.values;
    now_.model.values = base_.model.values;
    now_.model.sourced.clear();
    if (now_.hardware.sourced.size() != given_.size()) now_.hardware.sourced = given_;
    std::vector<std::string> wanted;
    bool careful = true;
    Overrides set;
    for (const auto& [key, value] : asked.items()) {
      if (value.is_discarded()) throw error(place, fmt::format("{} is there twice", key), "");
      if (key == metrics_key)
        wanted = wanted_metrics(value, place);
      else if (key == cautions_key)
        careful = wants_cautions(value, place);
      else
        set.push_back({key, override_text(key, value, place), place});
    }
    spec::override_values(now_.hardware, now_.model, set);
    auto out = metrics(wanted);
    if (!careful) return out;
    const auto cautions = set.empty() ? cautions_ : cautions_of(std::move(set));
    if (!cautions.empty()) out[cautions_key] = cautions;
    return out;
  }

 private:
  using Overrides = std::vector<spec::Override>;

  std::vector<std::string> cautions_of(Overrides set) {
    auto specs = base_;
    spec::override_values(specs.hardware, specs.model, std::move(set));
    return study::cautions(specs, {"throughput", "power", "area"}, &known_);
  }

  Answer metrics(const std::vector<std::string>& wanted) const {
    Answer answer = Answer::object();
    for (const auto& metric : report::metric_values(now_.hardware, now_.model))
      if (wanted.empty() || std::find(wanted.begin(), wanted.end(), metric.name) != wanted.end())
        answer[std::string(metric.name)] = metric.value;
    return answer;
  }

  study::Specs base_;
  study::Specs now_;
  std::vector<spec::Sourced> given_;   // the paths of the hardware spec's values
  std::vector<std::string> cautions_;  // of the base
  study::KnownIdle known_;
};

std::string every_error(const spec::SpecError& e) {
  constexpr std::size_t most = 50;
  const auto& all = e.diagnostics();
  std::string text;
  for (std::size_t i = 0; i < std::min(most, all.size()); ++i)
    text += (i == 0 ? "" : "\n") + spec::format(all[i]);
  return all.size() <= most ? text : text + fmt::format("\nand {} more", all.size() - most);
}

int run_serve(const Design& design) {
  Server server(load(design, {}));
  int code = 0;
  const auto failed = [&code](const std::string& what, int with) {
    code = std::max(code, with);
    return Answer{{"error", what}};
  };
  unsigned number = 0;
  while (const auto line = read_line()) {
    const spec::Place place{"standard input", ++number, 1};
    Answer answer;
    try {
      answer = server.answer(*line, place);
    } catch (const spec::SpecError& e) {
      answer = failed(every_error(e), bad_input);
    } catch (const std::domain_error& e) {
      answer = failed(spec::format({place, e.what(), ""}), no);
    }
    deliver(answer.dump(-1, ' ', false, Answer::error_handler_t::replace) + "\n", std::nullopt);
  }
  return code;
}

}  // namespace

std::vector<Command> add_serve_commands(CLI::App& app) {
  const auto design = std::make_shared<Design>();
  auto* serve = app.add_subcommand(
      "serve", "JSON lines: spec values in on standard input, the metrics of that design out");
  add_design_options(*serve, *design);
  return {{serve, [=] { return run_serve(*design); }}};
}

}  // namespace tomestimate::cli
