// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/cells.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/toml.hpp>

namespace tomestimate::rtl {
namespace {

// Recursive descent: or of xors of ands of factors, as Liberty ranks them.
class FunctionParser {
 public:
  FunctionParser(std::string_view text, const std::vector<std::string>& inputs)
      : text_(text), inputs_(inputs) {}

  std::vector<std::int16_t> all() {
    disjunction();
    if (at_ != text_.size()) fail();
    return out_;
  }

 private:
  [[noreturn]] void fail() const {
    throw std::invalid_argument(fmt::format("\"{}\" is no function of its inputs", text_));
  }
  void blank() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(std::string_view marks) {
    blank();
    if (at_ == text_.size() || marks.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }
  void disjunction() {
    conjunction();
    while (take("|+")) {
      conjunction();
      out_.push_back(Function::disjunction);
    }
  }
  void conjunction() {
    difference();
    while (true) {
      blank();
      const bool joined = take("&*");
      if (!joined && (at_ == text_.size() ||
                      std::string_view(")|+^").find(text_[at_]) != std::string_view::npos))
        return;
      difference();
      out_.push_back(Function::conjunction);
    }
  }
  void difference() {
    factor();
    while (take("^")) {
      factor();
      out_.push_back(Function::difference);
    }
  }
  void factor() {
    if (++depth_ > 32) fail();
    if (take("!")) {
      factor();
      out_.push_back(Function::negation);
    } else if (take("(")) {
      disjunction();
      if (!take(")")) fail();
    } else {
      name();
    }
    while (take("'")) out_.push_back(Function::negation);
    --depth_;
  }
  void name() {
    blank();
    auto end = at_;
    while (end < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[end])) != 0 || text_[end] == '_'))
      ++end;
    const auto word = text_.substr(at_, end - at_);
    const auto found = std::find(inputs_.begin(), inputs_.end(), word);
    if (found != inputs_.end())
      out_.push_back(static_cast<std::int16_t>(found - inputs_.begin()));
    else if (word == "0" || word == "1")
      out_.push_back(word == "0" ? Function::low : Function::high);
    else
      fail();
    at_ = end;
  }

  std::string_view text_;
  const std::vector<std::string>& inputs_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::vector<std::int16_t> out_;
};

// The most values on the stack at once.
std::size_t depth(const std::vector<std::int16_t>& operations) {
  std::size_t now = 0, most = 0;
  for (const auto op : operations) {
    if (op >= 0 || op == Function::low || op == Function::high)
      most = std::max(most, ++now);
    else if (op != Function::negation)
      --now;
  }
  return most;
}

// Reads a file of cells, or says where it is not one.
class CellsReader {
 public:
  CellsReader(std::string_view text, const std::string& file)
      : file_(file), root_(spec::parse_toml(text, file)) {}

  CellLibrary read(const std::string& variant) {
    const auto number = variant_number(variant);
    CellLibrary out;
    out.name = fmt::format("{} {}", string(root_, "name"), names_[number]);
    out.voltage = numbers(root_, "voltage", names_.size())[number];
    out.temperature = numbers(root_, "temperature", names_.size())[number];
    const auto* cells = root_["cells"].as_table();
    if (cells == nullptr || cells->empty()) fail(root_, "no cells");
    for (const auto& [name, node] : *cells) {
      const auto* table = node.as_table();
      if (table == nullptr) fail(node, "a cell is a table");
      out.cells.emplace(std::string(name.str()), cell(*table, number));
    }
    return out;
  }

 private:
  [[noreturn]] void fail(const toml::node& node, const std::string& message) const {
    throw spec::SpecError(
        {{spec::place_of(node, file_), message, "a file of cells, such as asap7-cells.toml"}});
  }

  std::size_t variant_number(const std::string& variant) {
    if (string(root_, "kind") != "cells") fail(root_, "kind is not \"cells\"");
    const auto* array = root_["variants"].as_array();
    if (array == nullptr || array->empty()) fail(root_, "no variants");
    for (const auto& node : *array) names_.push_back(node.value_or(std::string()));
    if (variant.empty()) return 0;
    const auto found = std::find(names_.begin(), names_.end(), variant);
    if (found == names_.end())
      fail(*array,
           fmt::format("no variant \"{}\"; there are: {}", variant, fmt::join(names_, ", ")));
    return static_cast<std::size_t>(found - names_.begin());
  }

  std::string string(const toml::table& table, std::string_view key) const {
    const auto value = table[key].value<std::string>();
    if (!value) fail(table, fmt::format("no text \"{}\"", key));
    return *value;
  }

  double number(const toml::node& node) const {
    const auto value = node.value<double>();
    if (!value || !std::isfinite(*value)) fail(node, "expected a number");
    return *value;
  }

  std::vector<double> numbers(const toml::table& table, std::string_view key,
                              std::size_t count) const {
    const auto* array = table[key].as_array();
    if (array == nullptr) fail(table, fmt::format("no list \"{}\"", key));
    return numbers(*array, count);
  }
  std::vector<double> numbers(const toml::array& array, std::size_t count) const {
    if (array.size() != count) fail(array, fmt::format("expected {} numbers", count));
    std::vector<double> out;
    for (const auto& node : array) out.push_back(number(node));
    return out;
  }

  // Of a list with a list of `count` numbers a variant, that of the variant.
  std::vector<double> entry(const toml::node& node, std::size_t variant, std::size_t count) const {
    const auto* array = node.as_array();
    if (array == nullptr || array->size() != names_.size())
      fail(node, "expected a list, one entry a variant");
    const auto* numbers_of = (*array)[variant].as_array();
    if (numbers_of == nullptr) fail(node, "expected lists of numbers");
    return numbers(*numbers_of, count);
  }

  Cell cell(const toml::table& table, std::size_t variant) const {
    Cell out;
    const auto* area = table.get("area");
    const auto* energy = table.get("energy");
    const auto* pins = table["pins"].as_table();
    if (area == nullptr || energy == nullptr || pins == nullptr)
      fail(table, "a cell has area, energy and pins");
    out.area = number(*area);
    out.leakage = numbers(table, "leakage", names_.size())[variant];
    out.output = string(table, "output");
    out.function = string(table, "function");
    const auto edges = entry(*energy, variant, 2);
    out.energy = {edges[0], edges[1]};
    const auto clock = table["clock"].value<std::string>();
    out.flip_flop = clock.has_value();
    for (const auto& [name, node] : *pins) {
      const auto pin = entry(node, variant, 3);
      out.inputs.push_back(
          {std::string(name.str()), pin[0], {pin[1], pin[2]}, clock && *clock == name.str(), {}});
    }
    try {
      Function(out.function, out.input_names());
    } catch (const std::invalid_argument& e) {
      fail(table, e.what());
    }
    return out;
  }

  const std::string& file_;
  toml::table root_;
  std::vector<std::string> names_;
};

// What synthesis needs of a library, as Liberty.
std::string liberty_text(const CellLibrary& library) {
  auto out = fmt::format(
      "library (\"{}\") {{\n  technology (cmos);\n  capacitive_load_unit (1, ff);\n", library.name);
  for (const auto& [name, cell] : library.cells) {
    out += fmt::format("  cell ({}) {{\n    area : {};\n", name, cell.area);
    std::string clock;
    for (const auto& pin : cell.inputs) {
      if (pin.clock) clock = pin.name;
      out += fmt::format("    pin ({}) {{ direction : input; capacitance : {};{} }}\n", pin.name,
                         pin.capacitance, pin.clock ? " clock : true;" : "");
    }
    if (cell.flip_flop)
      out += fmt::format("    ff (IQ, IQN) {{ clocked_on : \"{}\"; next_state : \"{}\"; }}\n",
                         clock, cell.function);
    out += fmt::format("    pin ({}) {{ direction : output; function : \"{}\"; }}\n  }}\n",
                       cell.output, cell.flip_flop ? "IQ" : cell.function);
  }
  return out + "}\n";
}

}  // namespace

Function::Function(std::string_view text, const std::vector<std::string>& inputs)
    : operations_(FunctionParser(text, inputs).all()) {
  if (depth(operations_) > deepest)
    throw std::invalid_argument(fmt::format("\"{}\" is too deep a function", text));
}

std::vector<std::string> Cell::input_names() const {
  std::vector<std::string> out;
  for (const auto& pin : inputs) out.push_back(pin.name);
  return out;
}

Cells parse_cells(std::string_view text, const std::string& file, const std::string& variant) {
  Cells out{CellsReader(text, file).read(variant), ""};
  out.liberty = liberty_text(out.library);
  return out;
}

}  // namespace tomestimate::rtl
