// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/cells.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <tomestimate/spec/diagnostic.hpp>

namespace tomestimate::rtl {
namespace {

// name (arguments) { ... }, name (arguments); or name : argument;
struct Statement {
  std::string name;
  std::vector<std::string> arguments;
  std::vector<Statement> body;
  std::size_t at = 0;  // byte of the file

  const Statement* find(std::string_view wanted) const {
    const auto found = std::find_if(body.begin(), body.end(),
                                    [&](const Statement& s) { return s.name == wanted; });
    return found == body.end() ? nullptr : &*found;
  }
  std::string text(std::string_view wanted, std::string_view otherwise = "") const {
    const auto* found = find(wanted);
    return std::string(found == nullptr || found->arguments.empty() ? otherwise
                                                                    : found->arguments[0]);
  }
};

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Statement library() {
    blank();
    auto out = statement(0);
    if (out.name != "library" || out.body.empty()) fail(0, "no library of cells");
    return out;
  }

  [[noreturn]] void fail(std::size_t at, const std::string& message) const {
    const auto before = text_.substr(0, std::min(at, text_.size()));
    const auto line = std::count(before.begin(), before.end(), '\n');
    const auto start = before.rfind('\n');
    throw spec::SpecError(
        {{{file_, static_cast<std::uint32_t>(line + 1),
           static_cast<std::uint32_t>(at - (start == std::string_view::npos ? 0 : start + 1) + 1)},
          message,
          "is it a Liberty file of standard cells?"}});
  }

 private:
  static constexpr int deepest = 16;

  Statement statement(int depth) {
    if (depth > deepest) fail(at_, "groups nested too deeply");
    Statement out;
    out.at = at_;
    out.name = word();
    if (take(':')) {
      out.arguments.push_back(value());
      take(';');
      return out;
    }
    if (!take('(')) fail(at_, "expected \":\" or \"(\" after \"" + out.name + "\"");
    while (!take(')')) {
      out.arguments.push_back(word());
      take(',');
    }
    if (take('{'))
      while (!take('}')) out.body.push_back(statement(depth + 1));
    take(';');
    return out;
  }

  // A quoted text, or all up to one of Liberty's marks.
  std::string word() {
    if (at_ < text_.size() && text_[at_] == '"') return quoted();
    const auto end = std::min(text_.find_first_of(" \t\r\n,:;(){}\"\\", at_), text_.size());
    if (end == at_) fail(at_, "expected a name or a number");
    const std::string out(text_.substr(at_, end - at_));
    at_ = end;
    blank();
    return out;
  }

  // As a word, but an unquoted one may be an expression.
  std::string value() {
    if (at_ < text_.size() && text_[at_] == '"') return quoted();
    const auto end = std::min(text_.find_first_of(";\n}", at_), text_.size());
    std::string out(text_.substr(at_, end - at_));
    out.resize(out.find_last_not_of(" \t\r") + 1);
    at_ = end;
    blank();
    return out;
  }

  std::string quoted() {
    const auto end = text_.find('"', at_ + 1);
    if (end == std::string_view::npos) fail(at_, "a text has no end");
    std::string out(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    blank();
    return out;
  }

  bool take(char mark) {
    if (at_ >= text_.size()) {
      if (mark == ';' || mark == ',') return false;
      fail(at_, "the file ends too early");
    }
    if (text_[at_] != mark) return false;
    ++at_;
    blank();
    return true;
  }

  // Past blanks, line ends that a backslash continues, and comments.
  void blank() {
    while (at_ < text_.size()) {
      if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '\\') {
        ++at_;
      } else if (text_.substr(at_, 2) == "/*") {
        const auto end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) fail(at_, "a comment has no end");
        at_ = end + 2;
      } else if (text_.substr(at_, 2) == "//") {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        break;
      }
    }
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
};

std::vector<double> numbers(std::string_view text) {
  std::vector<double> out;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    double x = 0;
    const auto [next, error] = std::from_chars(at, end, x);
    if (error == std::errc{}) out.push_back(x);
    at = error == std::errc{} ? next : at + 1;
  }
  return out;
}

double mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double number(const Statement& s, std::string_view name, double otherwise = 0) {
  const auto all = numbers(s.text(name));
  return all.empty() ? otherwise : all[0];
}

// Library units in pW, fF, V and ps.
struct Units {
  double leakage;
  double capacitance;
  double voltage;
  double time;

  double energy() const { return capacitance * voltage * voltage; }  // in fJ
};

double prefix(const std::string& unit) {
  static const std::map<char, double> factors{
      {'f', 1e-15}, {'p', 1e-12}, {'n', 1e-9}, {'u', 1e-6}, {'m', 1e-3}};
  const auto first = unit.find_first_not_of("0123456789. ");
  if (first == std::string::npos || first + 1 >= unit.size()) return 1;
  const auto found = factors.find(unit[first]);
  return found == factors.end() ? 1 : found->second;
}

double scale(const std::string& unit) {
  const auto n = numbers(unit);
  return (n.empty() ? 1 : n[0]) * prefix(unit);
}

Units units_of(const Statement& library) {
  double farad = 1e-12;
  if (const auto* unit = library.find("capacitive_load_unit");
      unit != nullptr && unit->arguments.size() == 2)
    farad =
        scale(unit->arguments[0]) * (std::tolower(unit->arguments[1][0]) == 'f' ? 1e-15 : 1e-12);
  return {scale(library.text("leakage_power_unit", "1nW")) / 1e-12, farad / 1e-15,
          scale(library.text("voltage_unit", "1V")),
          scale(library.text("time_unit", "1ns")) / 1e-12};
}

// ---- delays ----

// Of the variables of tables of delays, slews and setups: whether one is LookupTable's second.
// nullopt for others.
std::optional<bool> is_second(const std::string& variable) {
  if (variable == "input_net_transition" || variable == "input_transition_time" ||
      variable == "related_pin_transition")
    return false;
  if (variable == "total_output_net_capacitance" || variable == "constrained_pin_transition")
    return true;
  return std::nullopt;
}

std::vector<double> all_numbers(const Statement& group, std::string_view name) {
  std::vector<double> out;
  if (const auto* list = group.find(name))
    for (const auto& row : list->arguments)
      for (const double x : numbers(row)) out.push_back(x);
  return out;
}

// Reads tables by the templates of a library.
class TableReader {
 public:
  TableReader(const Parser& parser, const Statement& library, const Units& units)
      : parser_(parser), units_(units) {
    for (const auto& s : library.body)
      if (s.name == "lu_table_template" && !s.arguments.empty()) templates_[s.arguments[0]] = &s;
  }

  // The table of that name in a timing group; none if there is none, or one over other quantities
  // than LookupTable's.
  LookupTable read(const Statement& timing, std::string_view name) const {
    const auto* group = timing.find(name);
    if (group == nullptr) return {};
    LookupTable out;
    out.values = all_numbers(*group, "values");
    for (double& x : out.values) x *= units_.time;
    const auto shape =
        group->arguments.empty() ? templates_.end() : templates_.find(group->arguments[0]);
    if (shape == templates_.end()) {  // "scalar"
      if (out.values.size() != 1) parser_.fail(group->at, "a table without its template");
      return out;
    }
    if (shape->second->find("variable_3") != nullptr) return {};
    bool transposed = false;
    for (const auto* n : {"1", "2"}) {
      const auto variable = shape->second->text(std::string("variable_") + n);
      if (variable.empty()) continue;
      const auto second = is_second(variable);
      if (!second) return {};
      transposed = transposed || (*second && *n == '1');
      (*second ? out.second : out.first) =
          axis(*group, *shape->second, std::string("index_") + n, variable);
    }
    const auto size = [](const auto& axis) { return std::max<std::size_t>(1, axis.size()); };
    if (out.values.size() != size(out.first) * size(out.second))
      parser_.fail(group->at, fmt::format("expected {} x {} values, got {}", size(out.first),
                                          size(out.second), out.values.size()));
    if (transposed && !out.first.empty()) transpose(out);
    return out;
  }

 private:
  std::vector<double> axis(const Statement& group, const Statement& shape, const std::string& index,
                           const std::string& variable) const {
    auto out = all_numbers(group, index);
    if (out.empty()) out = all_numbers(shape, index);
    if (std::adjacent_find(out.begin(), out.end(), std::greater_equal()) != out.end())
      parser_.fail(group.at, index + " does not ascend");
    const bool load = variable == "total_output_net_capacitance";
    for (double& x : out) x *= load ? units_.capacitance : units_.time;
    return out;
  }

  static void transpose(LookupTable& table) {
    const auto before = table.values;
    const auto rows = table.first.size(), columns = table.second.size();
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j)
        table.values[i * columns + j] = before[j * rows + i];
  }

  const Parser& parser_;
  const Units& units_;
  std::map<std::string, const Statement*> templates_;
};

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = text.find_first_not_of(' '); at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(' ', end);
  }
  return out;
}

// Delays from inputs to the output, and of a flip-flop from its clock; not those of set, reset and
// tristate.
void add_arcs(Cell& cell, const Statement& output, const TableReader& tables) {
  for (const auto& timing : output.body) {
    if (timing.name != "timing") continue;
    const auto type = timing.text("timing_type", "combinational");
    const bool clocked = type == "rising_edge" || type == "falling_edge";
    if (cell.flip_flop ? !clocked : !type.starts_with("combinational")) continue;
    const auto sense = timing.text("timing_sense");
    TimingArc arc{0,
                  sense == "positive_unate"   ? Sense::positive
                  : sense == "negative_unate" ? Sense::negative
                                              : Sense::any,
                  {tables.read(timing, "cell_rise"), tables.read(timing, "rise_transition")},
                  {tables.read(timing, "cell_fall"), tables.read(timing, "fall_transition")}};
    if (arc.rise.delay.values.empty() && arc.fall.delay.values.empty()) continue;
    if (clocked) arc.sense = Sense::any;
    for (const auto& name : words_of(timing.text("related_pin"))) {
      const auto input = std::find_if(cell.inputs.begin(), cell.inputs.end(),
                                      [&](const InputPin& p) { return p.name == name; });
      if (input == cell.inputs.end()) continue;
      arc.input = static_cast<std::size_t>(input - cell.inputs.begin());
      cell.arcs.push_back(arc);
    }
  }
}

std::vector<Setup> setups_of(const Statement& pin, const TableReader& tables) {
  std::vector<Setup> out;
  for (const auto& timing : pin.body)
    if (timing.name == "timing" && timing.text("timing_type").starts_with("setup_"))
      out.push_back(
          {tables.read(timing, "rise_constraint"), tables.read(timing, "fall_constraint")});
  return out;
}

// The mean of all numbers in the tables of this name in the internal_power groups of a pin.
double mean_energy(const Statement& pin, std::string_view edge) {
  std::vector<double> means;
  for (const auto& power : pin.body) {
    if (power.name != "internal_power") continue;
    for (const auto& table : power.body) {
      if (table.name != edge && table.name != "power") continue;
      std::vector<double> all;
      if (const auto* values = table.find("values"))
        for (const auto& row : values->arguments)
          for (const double x : numbers(row)) all.push_back(x);
      if (!all.empty()) means.push_back(mean(all));
    }
  }
  return mean(means);
}

EdgeEnergy energy(const Statement& pin, const Units& units) {
  return {units.energy() * mean_energy(pin, "rise_power"),
          units.energy() * mean_energy(pin, "fall_power")};
}

double leakage(const Statement& cell) {
  if (cell.find("cell_leakage_power") != nullptr) return number(cell, "cell_leakage_power");
  std::vector<double> states;
  for (const auto& s : cell.body)
    if (s.name == "leakage_power") states.push_back(number(s, "value"));
  return mean(states);
}

double capacitance(const Statement& pin) {
  if (pin.find("capacitance") != nullptr) return number(pin, "capacitance");
  return (number(pin, "rise_capacitance") + number(pin, "fall_capacitance")) / 2;
}

// What a flip-flop's output is after an edge: its state variable, put for by the next state.
std::string next_output(const Statement& ff, const std::string& output) {
  const auto next = "(" + ff.text("next_state") + ")";
  std::string state = output;
  const auto erase = [&](char c) { std::erase(state, c); };
  erase('(');
  erase(')');
  erase(' ');
  if (ff.arguments.size() == 2 && state == ff.arguments[0]) return next;
  if (ff.arguments.size() == 2 && state == ff.arguments[1]) return "!" + next;
  return "";
}

std::optional<Cell> cell_of(const Statement& group, const Units& units, const TableReader& tables) {
  Cell cell;
  cell.area = number(group, "area");
  cell.leakage = units.leakage * leakage(group);
  const auto* ff = group.find("ff");
  cell.flip_flop = ff != nullptr;
  for (const auto* other : {"latch", "statetable", "ff_bank", "latch_bank", "bundle", "bus"})
    if (group.find(other) != nullptr) return std::nullopt;
  if (ff != nullptr && (ff->find("clear") != nullptr || ff->find("preset") != nullptr))
    return std::nullopt;
  for (const auto& pin : group.body) {
    if (pin.name != "pin" || pin.arguments.empty()) continue;
    const auto direction = pin.text("direction");
    if (direction == "input") {
      cell.inputs.push_back({pin.arguments[0], units.capacitance * capacitance(pin),
                             energy(pin, units), pin.text("clock") == "true",
                             setups_of(pin, tables)});
    } else if (direction == "output") {
      if (!cell.output.empty() || pin.find("three_state") != nullptr) return std::nullopt;
      cell.output = pin.arguments[0];
      cell.function = pin.text("function");
      if (ff != nullptr) cell.function = next_output(*ff, cell.function);
      cell.energy = energy(pin, units);
    }
  }
  if (cell.output.empty() || cell.function.empty()) return std::nullopt;
  for (const auto& pin : group.body)
    if (pin.name == "pin" && pin.text("direction") == "output") add_arcs(cell, pin, tables);
  return cell;
}

}  // namespace

Cells parse_liberty(std::string text, const std::string& file) {
  Parser parser(text, file);
  const auto library = parser.library();
  const auto units = units_of(library);
  const TableReader tables(parser, library, units);
  CellLibrary out;
  out.name = library.arguments.empty() ? "" : library.arguments[0];
  out.voltage = units.voltage * number(library, "nom_voltage");
  out.temperature = number(library, "nom_temperature");
  for (const auto& group : library.body) {
    if (group.name != "cell" || group.arguments.empty()) continue;
    auto cell = cell_of(group, units, tables);
    if (!cell) continue;
    try {
      Function(cell->function, cell->input_names());
    } catch (const std::invalid_argument& e) {
      parser.fail(group.at, fmt::format("cell {}: {}", group.arguments[0], e.what()));
    }
    out.cells.emplace(group.arguments[0], std::move(*cell));
  }
  if (out.cells.empty()) parser.fail(0, "no cell that is a gate of one output");
  return {std::move(out), std::move(text)};
}

}  // namespace tomestimate::rtl
