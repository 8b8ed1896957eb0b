// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/page/live.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/study/parts.hpp>
#include <tomestimate/study/sensitivity.hpp>

#include "assets.hpp"
#include "encode.hpp"
#include "glossary.hpp"
#include "record.hpp"

namespace tomestimate::page {
namespace {

using Json = nlohmann::ordered_json;
using study::Specs;

// What an architect reads first; a metric that a design does not have is left out.
constexpr std::array<std::string_view, 6> lead_names{"throughput", "power", "energy_per_token",
                                                     "area",       "ttft",  "max_context"};

std::vector<std::string> leads(const Recorded& recorded) {
  std::vector<std::string> out;
  for (const auto name : lead_names)
    if (ranges::find(recorded.quantities, name, &Quantity::name) != recorded.quantities.end())
      out.emplace_back(name);
  return out;
}

// How much each path moves the leading metrics: the sum of its elasticities, each taken as 1 at
// most, so that no single metric decides what is on top.
std::map<std::string, double> weights_of_inputs(const Specs& specs,
                                                const std::vector<std::string>& metrics) {
  std::map<std::string, double> out;
  for (const auto& s : study::slopes(specs, metrics))
    for (const auto& slope : s.by_metric)
      if (slope.elasticity && std::isfinite(*slope.elasticity))
        out[s.parameter.path] += std::min(1.0, std::abs(*slope.elasticity));
  return out;
}

// Whether the value belongs to the hardware spec: its table in an export.
bool in_hardware(const Specs& specs, const std::string& path) {
  bool found = false;
  spec::visit_hardware(specs.hardware.values, [&](const spec::Field& f, const auto&, auto&&...) {
    found = found || f.path == path;
  });
  return found;
}

void add_source(const Specs& specs, const std::string& path, const std::string& unit, Json& to) {
  const auto* s = study::find_sourced(specs, path);
  if (s == nullptr) return;
  to["grade"] = spec::name(s->grade);
  to["source"] = s->source;
  // The file's name is enough to find it; where it lay is nobody's business.
  to["place"] = std::filesystem::path(s->place.file).filename().string() + ":" +
                std::to_string(s->place.line);
  if (!s->fits.empty()) to["fits"] = s->fits;
  if (s->range) {
    const double factor = study::unit_factor(unit);
    to["range"] = {(*s->range)[0] / factor, (*s->range)[1] / factor};
  }
}

Json input_json(const Specs& specs, const Input& in, const study::Parameter& p, double weight) {
  const double factor = study::unit_factor(p.unit);
  Json j{{"name", in.name},  {"path", in.path},
         {"unit", p.unit},   {"doc", p.doc},
         {"factor", factor}, {"value", in.value / factor},
         {"base", in.value}, {"min", p.min},
         {"max", p.max},     {"whole", p.whole},
         {"weight", weight}, {"of", in_hardware(specs, in.path) ? "hardware" : "model"}};
  if (in.entries) j["entries"] = {in.entries->first, in.entries->second};
  add_source(specs, in.path, p.unit, j);
  return j;
}

Json choice_json(const Specs& specs, const Choice& c) {
  Json j{{"path", c.path},
         {"doc", c.doc},
         {"now", c.now},
         {"count", c.count},
         {"of", in_hardware(specs, c.path) ? "hardware" : "model"},
         {"options", Json::array()}};
  for (const auto& option : c.options)
    j["options"].push_back({{"label", option.label}, {"text", option.text}});
  add_source(specs, c.path, "", j);
  return j;
}

std::string_view role_name(study::Role role) {
  switch (role) {
    case study::Role::metric:
      return "metric";
    case study::Role::part:
      return "part";
    default:
      return "step";
  }
}

// Terms and what they mean: the rows of the Markdown table that the glossary is.
Json words() {
  Json out = Json::array();
  std::istringstream lines(glossary_text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| ") || line.starts_with("| term ")) continue;
    const auto bar = line.find(" | "), end = line.rfind(" |");
    const auto plain = [](std::string text) {
      std::erase(text, '`');
      return text;
    };
    out.push_back({plain(line.substr(2, bar - 2)), plain(line.substr(bar + 3, end - bar - 3))});
  }
  return out;
}

Json texts(const Specs& specs, const Recorded& recorded, const Encoded& encoded,
           const std::string& made_by) {
  const auto lead = leads(recorded);
  const auto weights = weights_of_inputs(specs, lead);
  const auto parameters = study::parameters(specs);
  Json j{{"hardware", specs.hardware.name},
         {"model", specs.model.name},
         {"description", specs.hardware.description},
         {"madeBy", made_by},
         {"leads", lead},
         {"changesAtOnce", recorded.changes},
         {"constants", encoded.constants},
         {"rules", recorded.rules}};
  for (const auto& in : recorded.inputs) {
    const auto weight = weights.find(in.path);
    j["inputs"].push_back(input_json(specs, in,
                                     *ranges::find(parameters, in.path, &study::Parameter::path),
                                     weight == weights.end() ? 0 : weight->second));
  }
  j["choices"] = Json::array();
  for (const auto& c : recorded.choices) j["choices"].push_back(choice_json(specs, c));
  for (const auto& p : parameters)  // what this page cannot change
    if (!p.number &&
        ranges::find(recorded.choices, p.path, &Choice::path) == recorded.choices.end())
      j["fixed"].push_back({{"path", p.path}, {"doc", p.doc}});
  // What figures add up, by quantity and in words.
  for (const auto& part : study::area_parts)
    j["areas"].push_back({fmt::format("area.{}", part.id), part.words});
  for (const auto& part : study::energy_parts) j["energies"].push_back({part.id, part.words});
  for (const auto& part : study::resources) j["resources"].push_back({part.id, part.words});
  j["words"] = words();
  for (const auto& q : recorded.quantities)
    j["quantities"].push_back({q.name, q.unit, q.factor, role_name(q.role), q.doc});
  return j;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else
      out += c;
  }
  return out;
}

// `page` with every {{NAME}} replaced, once and in order: what is put in is not looked at again.
std::string filled(std::string_view page,
                   const std::vector<std::pair<std::string_view, std::string_view>>& parts) {
  std::string out;
  for (const auto& [name, text] : parts) {
    const auto at = page.find(name);
    out += page.substr(0, at);
    out += text;
    page.remove_prefix(at + name.size());
  }
  return out + std::string(page);
}

}  // namespace

std::string live_page(const Specs& specs, const std::string& made_by) {
  Recorded recorded;
  record(specs, recorded);
  const auto encoded = encode(recorded);
  const auto data = packed(texts(specs, recorded, encoded, made_by), encoded.bytes);
  const auto title = escaped(specs.hardware.name + " running " + specs.model.name);
  return filled(live_html, {{"{{title}}", title},
                            {"{{css}}", live_css},
                            {"{{data}}", data},
                            {"{{d3}}", d3_js},
                            {"{{engine}}", engine_js},
                            {"{{model}}", model_js},
                            {"{{figures}}", figures_js},
                            {"{{live}}", live_js}});
}

}  // namespace tomestimate::page
