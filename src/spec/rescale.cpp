// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/rescale.hpp>

#include <cmath>
#include <optional>
#include <set>

#include <fmt/format.h>

#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/rules.hpp>
#include <tomestimate/spec/toml.hpp>
#include <tomestimate/spec/write.hpp>
#include <tomestimate/units/unit_text.hpp>

namespace tomestimate::spec {
namespace {

// What one node is, relative to the reference of the file.
struct Factor {
  double value = 1, low = 1, high = 1;
  std::string confidence;
};

struct Node {
  std::string name;
  double length = 0;  // m
  double supply = 0;  // V
  Factor area, energy, delay, leakage, sram_cell;
};

[[noreturn]] void fail(const std::string& file, const toml::node& at, std::string message,
                       std::string hint = "") {
  const auto begin = at.source().begin;
  throw SpecError({{{file, std::max(1u, static_cast<unsigned>(begin.line)),
                     std::max(1u, static_cast<unsigned>(begin.column))},
                    std::move(message),
                    std::move(hint)}});
}

double quantity(const std::string& file, const toml::node& node) {
  const auto text = node.value<std::string>();
  if (text) {
    const auto parsed = units::parse_quantity(*text);
    if (const auto* good = std::get_if<units::ParsedQuantity>(&parsed)) return good->value;
  }
  fail(file, node, "expected a quantity, such as \"12 nm\"");
}

// { value = 2.8, range = [2.5, 3.3], source = "...", confidence = "low" }
Factor factor(const std::string& file, const toml::table& node, std::string_view key) {
  const auto* table = node.get_as<toml::table>(key);
  if (table == nullptr) fail(file, node, fmt::format("a node has no \"{}\"", key));
  const auto* value = table->get("value");
  if (value == nullptr) fail(file, *table, fmt::format("\"{}\" has no \"value\"", key));
  Factor f;
  f.value = value->is_string() ? quantity(file, *value) : value->value<double>().value_or(0);
  if (!(f.value > 0)) fail(file, *value, fmt::format("\"{}\" is not above 0", key));
  f.low = f.high = f.value;
  if (const auto* range = table->get_as<toml::array>("range"); range != nullptr) {
    f.low = range->get(0) == nullptr ? 0 : range->get(0)->value<double>().value_or(0);
    f.high = range->size() == 2 ? range->get(1)->value<double>().value_or(0) : 0;
    if (!(f.low > 0 && f.low <= f.value && f.value <= f.high))
      fail(file, *range, "\"range\" is not [low, high] around the value");
  }
  f.confidence = (*table)["confidence"].value_or(std::string("low"));
  return f;
}

Node read_node(const std::string& file, const toml::table& table) {
  Node n;
  n.name = table["name"].value_or(std::string{});
  if (table.get("name") == nullptr || table.get("supply") == nullptr)
    fail(file, table, "a node has no \"name\" or no \"supply\"");
  n.length = quantity(file, *table.get("name"));
  n.supply = quantity(file, *table.get("supply"));
  n.area = factor(file, table, "area");
  n.energy = factor(file, table, "energy");
  n.delay = factor(file, table, "delay");
  n.leakage = factor(file, table, "leakage");
  n.sram_cell = factor(file, table, "sram_cell");
  return n;
}

std::vector<Node> read_nodes(const std::string& file) {
  const auto root = parse_toml(read_file(file), file);
  const auto* list = root.get_as<toml::array>("node");
  if (root["kind"].value_or(std::string{}) != "node-factors" || list == nullptr)
    fail(file, root, "expected kind = \"node-factors\" and a list of [[node]]");
  std::vector<Node> nodes;
  for (const auto& item : *list) {
    if (!item.is_table()) fail(file, item, "expected [[node]]");
    nodes.push_back(read_node(file, *item.as_table()));
  }
  return nodes;
}

const Node& find_node(const std::vector<Node>& nodes, double length, const std::string& what) {
  std::vector<std::string_view> known;
  for (const auto& n : nodes) {
    if (std::abs(n.length - length) < 1e-3 * length) return n;
    known.push_back(n.name);
  }
  throw SpecError({{{what, 1, 1},
                    fmt::format("no factors for the node \"{}\"", what),
                    fmt::format("there are: {}", fmt::join(known, ", "))}});
}

// From one node to another.
Factor ratio(const Factor& to, const Factor& from) {
  return {to.value / from.value, to.low / from.high, to.high / from.low,
          to.confidence == "high" && from.confidence == "high" ? "high" : to.confidence};
}

// Which factor a value of the technology goes by; none if it stays.
std::optional<Factor> factor_of(std::string_view path, const Node& to, const Node& from) {
  const auto ends = [path](std::string_view end) { return path.ends_with(end); };
  const auto times = [](Factor a, const Factor& b) {
    return Factor{a.value * b.value, a.low * b.low, a.high * b.high, a.confidence};
  };
  const auto over = [](const Factor& a, const Factor& b) {
    return Factor{a.value / b.value, a.low / b.high, a.high / b.low, a.confidence};
  };
  const auto area = ratio(to.area, from.area), energy = ratio(to.energy, from.energy),
             leakage = ratio(to.leakage, from.leakage), cell = ratio(to.sram_cell, from.sram_cell);
  const double v = to.supply / from.supply;
  const Factor supply{v, v, v, "high"}, supply2{v * v, v * v, v * v, "medium"};
  if (path == "tech.voltage" || path == "tech.threshold" || path == "chip.voltage") return supply;
  if (path == "tech.node") return Factor{to.length / from.length, 0, 0, "high"};
  if (path == "tech.max_clock") return over({1, 1, 1, "medium"}, ratio(to.delay, from.delay));
  if (path == "tech.rom_cell" || path == "tech.sram_cell") return cell;
  if (path == "tech.sram_leakage") return times(leakage, cell);
  if (path == "tech.logic_leakage") return leakage;
  if (path == "tech.wire_energy" || path == "tech.wake_energy") return supply2;
  if (path == "tech.wire_pitch") {
    return Factor{std::sqrt(area.value), std::sqrt(area.low), std::sqrt(area.high),
                  area.confidence};
  }
  if (path.starts_with("tech.rom_toggle")) return over(energy, area);
  if (path.starts_with("tech.rom_area") || path == "tech.flip_flop_area" ||
      path == "tech.port_area")
    return area;
  if (path.starts_with("tech.") && ends("_area") && path != "tech.link_area" &&
      path != "tech.switch_area")
    return area;
  if (path.starts_with("tech.") && ends("_energy")) return energy;
  return std::nullopt;
}

// A value as text, times a factor: "48.1 um^2" by 2.8 is "134.68 um^2".
std::string scaled(const std::string& text, double by) {
  std::size_t end = 0;
  const double number = std::stod(text, &end);
  return fmt::format("{:.6g}{}", number * by, text.substr(end));
}

void carry(Sourced& value, const Factor& f, const Node& to, const Node& from) {
  const std::string moved =
      fmt::format("carried from {} to {} (x {:.3g}, {} confidence); there: ", from.name, to.name,
                  f.value, f.confidence);
  const auto before = value.range;
  value.text = scaled(value.text, f.value);
  value.source = moved + value.source;
  value.grade = Grade::assumption;
  value.fits.clear();
  if (f.low == 0) {
    value.range.reset();
    return;
  }
  const auto parsed = units::parse_quantity(value.text);
  const auto* now = std::get_if<units::ParsedQuantity>(&parsed);
  if (now == nullptr) return;
  const double here = now->value / f.value;
  const double low = before ? (*before)[0] : here, high = before ? (*before)[1] : here;
  const double ends[] = {low * f.low, low * f.high, high * f.low, high * f.high};
  value.range = {*std::min_element(ends, ends + 4), *std::max_element(ends, ends + 4)};
}

}  // namespace

Rescaled rescale(const Spec<Hardware<double>>& hardware, const std::string& node,
                 const std::string& factors_file) {
  const auto nodes = read_nodes(factors_file);
  const auto parsed = units::parse_quantity(node);
  const auto* length = std::get_if<units::ParsedQuantity>(&parsed);
  if (length == nullptr || length->dimension != units::dimension_of<units::length_unit>())
    throw SpecError(
        {{{"--node", 1, 1}, fmt::format("\"{}\" is no node", node), "such as \"12 nm\""}});
  const auto& to = find_node(nodes, length->value, node);
  const auto now = hardware.values.tech.node.value();
  const auto& from = find_node(nodes, now, fmt::format("{:.3g} nm", now * 1e9));

  auto moved = hardware;
  std::set<std::string> low;
  for (auto& value : moved.sourced) {
    const auto f = factor_of(value.path, to, from);
    if (!f || f->value == 1) continue;
    carry(value, *f, to, from);
    if (f->confidence == "low") low.insert(value.path);
  }
  moved.name = fmt::format("{} at {}", hardware.name, to.name);
  Rescaled out{parse_hardware(to_toml(moved, ""), "the rescaled spec"), {}};
  out.cautions.push_back(
      fmt::format("every energy, area and leakage was carried from {} to {}: a factor of two in "
                  "any of them would "
                  "be no surprise",
                  from.name, to.name));
  if (!low.empty()) out.cautions.push_back(fmt::format("low confidence: {}", fmt::join(low, ", ")));
  out.cautions.push_back(
      "links, passes, pipelines and the clock stay as they were; macro efficiencies are those of 7 "
      "nm");
  return out;
}

}  // namespace tomestimate::spec
