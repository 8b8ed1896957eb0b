// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/reports.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <range/v3/algorithm/find.hpp>
#include <range/v3/view/enumerate.hpp>

#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/study/equations.hpp>
#include <tomestimate/study/parts.hpp>

#include "sheet.hpp"

namespace tomestimate::report {
namespace {

namespace fs = std::filesystem;
using study::Equations;
using study::Expression;
using study::Named;
using study::Specs;
using Kind = Expression::Kind;

constexpr std::size_t longest_formula = 8000;  // Excel takes 8192 characters

// ---- formulas ----

// -INT(-x) is ceil(x) for every x, in every spreadsheet; their CEILING and ROUNDUP differ.
std::string call(Kind kind, const std::vector<std::string>& arguments) {
  const auto all = fmt::format("{}", fmt::join(arguments, ","));
  switch (kind) {
    case Kind::max:
      return fmt::format("MAX({})", all);
    case Kind::min:
      return fmt::format("MIN({})", all);
    case Kind::ceil:
      return fmt::format("(-INT(-({})))", all);
    case Kind::floor:
      return fmt::format("INT({})", all);
    case Kind::log2:
      return fmt::format("LOG({},2)", all);
    case Kind::exp2:
      return fmt::format("(2^({}))", all);
    default:
      return fmt::format("INT({}+0.5)", all);  // round half up
  }
}

// Shortest text that reads back the same. Excel's files want a capital E.
std::string number_text(double x) {
  auto text = fmt::format("{}", x);
  std::replace(text.begin(), text.end(), 'e', 'E');
  return text;
}

// Names stand for cells, which hold display units; equations are in coherent ones.
std::string cell_name(const Named& n) {
  return n.factor == 1 ? n.name : fmt::format("({}*{})", n.name, number_text(n.factor));
}

std::string formula(const Expression& e, const std::vector<Named>& names) {
  static const study::Notation notation{cell_name, number_text, call};
  return study::write(e, names, notation);
}

// A formula in coherent units as one that gives a cell's display unit.
std::string in_display_unit(const std::string& text, double factor) {
  return factor == 1 ? "=" + text : fmt::format("=({})/{}", text, number_text(factor));
}

// Standard error goes nowhere: libxlsxwriter prints its errors there beside those it returns.
class QuietErrors {
 public:
  QuietErrors() : before_(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (before_ >= 0 && nowhere >= 0) dup2(nowhere, STDERR_FILENO);
    if (nowhere >= 0) close(nowhere);
  }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
  ~QuietErrors() {
    if (before_ < 0) return;
    dup2(before_, STDERR_FILENO);
    close(before_);
  }

 private:
  int before_;
};

class Workbook {
 public:
  // The file at `path`, beside which libxlsxwriter puts files of its own.
  Workbook(const Specs& specs, const fs::path& path)
      : specs_(specs),
        all_(specs),
        book_(new_book(path)),
        formats_(make_formats(book_)),
        summary_(book_, formats_, cell_names_, "Summary"),
        inputs_(book_, formats_, cell_names_, "Inputs"),
        breakdown_(book_, formats_, cell_names_, "Breakdown"),
        decode_(book_, formats_, cell_names_, "Decode layers"),
        prefill_(book_, formats_, cell_names_, "Prefill layers"),
        equations_(book_, formats_, cell_names_, "Equations"),
        rules_(book_, formats_, cell_names_, "Rules") {}

  void write() {
    set_properties();
    write_inputs();
    write_equations();
    write_layers(decode_, "decode");
    write_layers(prefill_, "prefill");
    write_rules();
    write_breakdown();
    write_summary();
    for (auto* sheet :
         {&summary_, &inputs_, &breakdown_, &decode_, &prefill_, &equations_, &rules_})
      sheet->protect();
    cell_names_.define_all(book_);
    errno = 0;
    if (const auto error = workbook_close(std::exchange(book_, nullptr)); error != LXW_NO_ERROR) {
      const auto reason = errno == 0 ? "" : fmt::format(": {}", std::strerror(errno));
      throw std::runtime_error(
          fmt::format("cannot write the workbook: {}{}", lxw_strerror(error), reason));
    }
  }

  Workbook(const Workbook&) = delete;
  Workbook& operator=(const Workbook&) = delete;
  ~Workbook() {
    if (book_ != nullptr) lxw_workbook_free(book_);
  }

 private:
  static lxw_workbook* new_book(const fs::path& path) {
    auto folder = path.parent_path().string();
    lxw_workbook_options options{};
    options.tmpdir = folder.data();
    return workbook_new_opt(path.c_str(), &options);
  }

  const std::vector<Named>& names() const { return all_.names(); }

  std::string title() const {
    return fmt::format("{} running {}", specs_.hardware.name, specs_.model.name);
  }

  void set_properties() {
    auto heading = spec::shortened(title(), 240);  // 255 characters at most
    std::string comment = "Made by tomestimate: change cells of Inputs, everything else follows.";
    lxw_doc_properties properties{};
    properties.title = heading.data();
    properties.comments = comment.data();
    properties.created = 946684800;  // fixed, so that equal designs give equal bytes
    workbook_set_properties(book_, &properties);
  }

  // ---- inputs ----

  void write_inputs() {
    auto& s = inputs_;
    s.widths({30, 13, 13, 13, 13, 13, 13, 14, 36, 11, 50, 22});
    s.text(0, "Change the blue numbers; yellow ones are assumptions or calibrated", formats_.title);
    s.next();
    write_key_results(s);
    s.headings({"value", "is", "unit", "least", "most", "range from", "to", "legal?", "what",
                "grade", "source", "place"},
               3, 7);
    s.freeze();
    const auto parameters = study::parameters(specs_);
    std::string section;
    for (const auto& n : names()) {
      if (!n.input) continue;
      const auto table = n.path.substr(0, n.path.find('.'));
      if (table != section) {
        s.next();
        s.text(0, table, formats_.section);
        s.next();
        section = table;
      }
      write_input(n, *ranges::find(parameters, n.path, &study::Parameter::path));
    }
    write_fixed(parameters);
  }

  // What one looks at while changing inputs: above them, where it stays in view.
  void write_key_results(Sheet& s) {
    static constexpr std::array<const char*, 6> key{"throughput", "power", "energy_per_token",
                                                    "area",       "ttft",  "max_context"};
    std::vector<const Named*> found;
    for (const auto* name : key)
      if (const auto* n = all_.look_up(name)) found.push_back(n);
    const auto row = [&](const char* title, const auto& cell) {
      s.text(0, title, formats_.section);
      for (const auto& [i, n] : found | ranges::views::enumerate)
        cell(static_cast<ColumnIndex>(i + 1), *n);
      s.next();
    };
    s.fit({{std::string(20, '-'), 13}});  // names in two lines
    row("", [&](ColumnIndex c, const Named& n) {
      auto words = n.name;  // which break between lines
      std::replace(words.begin(), words.end(), '_', ' ');
      s.text(c, words, formats_.number_heading);
    });
    row("is", [&](ColumnIndex c, const Named& n) {
      s.formula(c, "=" + n.name, n.value, formats_.of(n.value));
    });
    row("change", [&](ColumnIndex c, const Named& n) {
      s.formula(c, fmt::format("=IF({0}=0,0,{1}/({0})-1)", number_text(n.value), n.name), 0,
                formats_.change);
    });
    row("unit", [&](ColumnIndex c, const Named& n) { s.text(c, n.unit, formats_.unit); });
    s.text(0, "state", formats_.section);
    s.formula(1, "=state", std::string(is_broken() ? broken_state : "ok: a design"),
              formats_.state);
    s.next(2);
  }

  static constexpr const char* broken_state = "NO DESIGN: a rule is broken, see Rules";
  bool is_broken() const {
    return std::any_of(all_.rules().begin(), all_.rules().end(),
                       [](const study::NamedRule& rule) { return rule.value > 0; });
  }

  void write_input(const Named& n, const study::Parameter& p) {
    auto& s = inputs_;
    const auto* source = study::find_sourced(specs_, n.path);
    const bool assumed = source != nullptr && (source->grade == spec::Grade::assumption ||
                                               source->grade == spec::Grade::calibrated);
    s.text(0, n.name);
    s.number(1, n.value, assumed ? formats_.assumed : formats_.input);
    s.define(1, n.name);
    s.text(2, n.unit, formats_.unit);
    s.number(3, p.min);
    s.number(4, p.max);
    if (source != nullptr && source->range) {
      const double unit = study::unit_factor(p.unit);
      s.number(5, (*source->range)[0] / unit, formats_.of((*source->range)[0] / unit));
      s.number(6, (*source->range)[1] / unit, formats_.of((*source->range)[1] / unit));
    }
    s.formula(7, "=" + legality(n, p, source != nullptr), std::string());
    s.text(8, p.doc, formats_.wrapped);
    write_source(s, 9, source);
    s.fit({{p.doc, 36}, {source == nullptr ? "" : source->source, 50}});
    add_validation(s.row(), p);
    s.next();
  }

  // What says that a cell is out of range. A value of a table that the spec leaves out is 0.
  static std::string legality(const Named& n, const study::Parameter& p, bool is_given) {
    const auto whole = p.whole ? fmt::format(",{0}=INT({0})", n.name) : "";
    const auto legal = fmt::format("IF(AND({0}>={1},{0}<={2}{3}),\"\",\"OUT OF RANGE\")", n.name,
                                   number_text(p.min), number_text(p.max), whole);
    return is_given ? legal : fmt::format("IF({}=0,\"\",{})", n.name, legal);
  }

  void write_source(Sheet& s, ColumnIndex column, const spec::Sourced* source) {
    if (source == nullptr) return;
    s.text(column, std::string(spec::name(source->grade)));
    s.text(static_cast<ColumnIndex>(column + 1), source->source, formats_.wrapped);
    s.text(static_cast<ColumnIndex>(column + 2),
           fmt::format("{}:{}", source->place.file, source->place.line));
  }

  void add_validation(RowIndex row, const study::Parameter& p) {
    auto title = std::string(p.whole ? "A whole number" : "A number");
    auto message = fmt::format("{}{} to {}{}{}", p.whole ? "whole, " : "", p.min, p.max,
                               p.unit.empty() ? "" : " ", p.unit);
    lxw_data_validation v{};
    v.validate = p.whole ? LXW_VALIDATION_TYPE_INTEGER : LXW_VALIDATION_TYPE_DECIMAL;
    v.criteria = LXW_VALIDATION_CRITERIA_BETWEEN;
    v.minimum_number = p.min;
    v.maximum_number = p.max;
    v.error_title = title.data();
    v.error_message = message.data();
    worksheet_data_validation_cell(inputs_.raw(), row, 1, &v);
  }

  // What the equations are written out for: changing it takes another workbook.
  void write_fixed(const std::vector<study::Parameter>& parameters) {
    auto& s = inputs_;
    s.next();
    s.text(0, "fixed in this workbook (make another with --set)", formats_.section);
    s.next();
    for (const auto& p : parameters) {
      if (p.number) continue;
      const auto* source = study::find_sourced(specs_, p.path);
      s.text(0, p.path);
      if (source != nullptr) s.text(1, source->text);
      s.text(8, p.doc);
      write_source(s, 9, source);
      s.next();
    }
  }

  // ---- computed cells ----

  // The formula of a quantity; what makes it too long goes into rows of its own first.
  std::string formula_of(Sheet& s, const Named& n) {
    int parts = 0;
    return in_display_unit(shortened(s, n, n.equation, parts), n.factor);
  }

  std::string shortened(Sheet& s, const Named& n, const Expression& e, int& parts) {
    auto text = formula(e, names());
    if (text.size() <= longest_formula || e.kind == Kind::name || e.kind == Kind::number)
      return text;
    if (e.kind != Kind::sum)
      throw std::runtime_error("an equation is too long for a spreadsheet: " + n.name);
    // A sum over the layers: cells of its own for stretches of it.
    std::vector<std::string> stretches;
    Expression stretch{Kind::sum, 0, 0, {}, {}};
    const auto close = [&] {
      const auto name = fmt::format("{}.part{}", n.name, ++parts);
      s.text(0, name);
      s.formula(1, "=" + formula(stretch, names()), 0, formats_.number);
      s.define(1, name);
      s.next();
      stretches.push_back(name);
      stretch.arguments.clear();
      stretch.coefficients.clear();
    };
    std::size_t length = 0;
    for (std::size_t i = 0; i < e.arguments.size(); ++i) {
      const auto size = formula(e.arguments[i], names()).size() + 30;  // sign and coefficient
      if (length + size > longest_formula) {
        close();
        length = 0;
      }
      stretch.arguments.push_back(e.arguments[i]);
      stretch.coefficients.push_back(e.coefficients[i]);
      length += size;
    }
    close();
    return fmt::format("{}", fmt::join(stretches, "+"));
  }

  void write_equations() {
    auto& s = equations_;
    s.widths({34, 15, 10, 30, 70});
    s.text(0, "Every quantity between inputs and results", formats_.title);
    s.next(2);
    s.headings({"quantity", "is", "unit", "what", "equation"}, 1, 2);
    s.freeze();
    for (const auto& n : names()) {
      if (n.input || n.role == study::Role::metric || in_layer_sheet(n)) continue;
      const auto text = formula_of(s, n);
      s.text(0, n.name);
      s.formula(1, text, n.value, formats_.of(n.value));
      s.define(1, n.name);
      s.text(2, n.unit, formats_.unit);
      s.text(3, n.doc, formats_.wrapped);
      const auto equation = study::plain_text(n.equation, names()).substr(0, 2000);
      s.text(4, equation, formats_.wrapped);
      s.fit({{n.doc, 30}, {equation, 70}});
      s.next();
    }
  }

  // "decode.layer3.time"; but "decode.layer_cycles" and "decode.layer3.events.rom_words" are not.
  static bool in_layer_sheet(const Named& n) {
    const auto at = n.name.find(".layer");
    return at != std::string::npos &&
           std::isdigit(static_cast<unsigned char>(n.name[at + 6])) != 0 &&
           n.name.find(".events.") == std::string::npos && !n.input;
  }

  void write_layers(Sheet& s, const std::string& pass) {
    s.text(
        0,
        fmt::format("Layers, {}", pass == "decode" ? "one decode step" : "prefill of the prompt"),
        formats_.title);
    s.next(2);
    const auto first = study::layer_name(pass, 0) + ".";
    std::vector<std::string> metrics, headings{"layer"};
    for (const auto& n : names()) {
      if (!n.name.starts_with(first) || !in_layer_sheet(n)) continue;
      metrics.push_back(n.name.substr(first.size()));
      headings.push_back(n.unit.empty() ? metrics.back()
                                        : fmt::format("{} [{}]", metrics.back(), n.unit));
    }
    s.widths(std::vector<double>(headings.size(), 13));
    // As many pages side by side as it takes to be read; each with the number of the layer.
    worksheet_fit_to_pages(s.raw(), static_cast<std::uint16_t>(1 + headings.size() / 14), 0);
    worksheet_repeat_columns(s.raw(), 0, 0);
    s.fit({{std::string(30, '-'), 13}});  // headings in three lines
    s.headings(headings, 1, headings.size());
    s.freeze();
    for (std::size_t layer = 0; layer < specs_.model.values.layers; ++layer) {
      s.number(0, static_cast<double>(layer));
      for (const auto& [i, metric] : metrics | ranges::views::enumerate) {
        const auto name = fmt::format("{}.{}", study::layer_name(pass, layer), metric);
        const auto* found = all_.look_up(name);
        if (found == nullptr) continue;  // 0 whatever the inputs
        const auto column = static_cast<ColumnIndex>(i + 1);
        s.formula(column, formula_of(equations_, *found), found->value, formats_.of(found->value));
        s.define(column, name);
      }
      s.next();
    }
  }

  void write_rules() {
    auto& s = rules_;
    s.widths({70, 20, 12});
    s.text(0, "What makes these numbers a design", formats_.title);
    s.next(2);
    s.headings({"broken if", "excess", "state"}, 1, 2);
    for (const auto& rule : all_.rules()) {
      s.text(0, rule.message);
      s.formula(1, "=" + formula(rule.excess, names()), rule.value, formats_.number);
      s.formula(2, fmt::format("=IF({}>0,\"BROKEN\",\"ok\")", s.place(1)),
                std::string(rule.value > 0 ? "BROKEN" : "ok"));
      s.next();
    }
  }

  // ---- what an architect looks at first ----

  void write_breakdown() {
    auto& s = breakdown_;
    s.widths({38, 18, 10, 10});
    chart_of(s, "Time of a decode step by op of the layers [us]", "time [us]", cycle_parts());
    std::array<RowIndex, 2> breaks{s.row(), 0};  // no chart on two pages
    chart_of(s, "Energy of a decode step by component [uJ]", "energy [uJ]", energy_parts());
    worksheet_set_h_pagebreaks(s.raw(), breaks.data());
    chart_of(s, "Chip area by component [mm^2]", "area [mm^2]", area_parts());
  }

  struct Part {
    std::string label;
    std::string formula;  // without "="
    double now;
  };

  double value_of(const std::string& name) const {
    const auto* found = all_.look_up(name);
    return found == nullptr ? 0 : found->value;
  }

  std::vector<Part> parts_of(const std::string& prefix, std::span<const study::Part> list) const {
    std::vector<Part> out;
    for (const auto& part : list)
      if (const auto* found = all_.look_up(fmt::format("{}{}", prefix, part.id)))
        out.push_back({std::string(part.words), found->name, found->value});
    return out;
  }

  // What the sums are of, less what is 0 whatever the inputs.
  std::vector<Part> energy_parts() const { return parts_of("decode.energy.", study::energy_parts); }
  std::vector<Part> area_parts() const { return parts_of("area.", study::area_parts); }

  std::vector<Part> cycle_parts() const {
    std::vector<Part> out;
    const auto layers = static_cast<double>(specs_.model.values.layers);
    const double clock = value_of("chip.clock");
    for (std::size_t i = 0; i < spec::layer_op_count; ++i) {
      const auto name = fmt::format("decode.{}.cycles", spec::op_names[i]);
      if (all_.look_up(name) == nullptr) continue;
      out.push_back({std::string(spec::op_names[i]), fmt::format("{}*{}/chip.clock", layers, name),
                     layers * value_of(name) / clock});
    }
    return out;
  }

  // A table with shares, largest first, and a bar chart of it to the right.
  void chart_of(Sheet& s, const std::string& title, const std::string& axis,
                std::vector<Part> table) {
    std::stable_sort(table.begin(), table.end(),
                     [](const Part& a, const Part& b) { return a.now > b.now; });
    s.text(0, title, formats_.title);
    s.next();
    s.headings({"part", "is", "share"}, 1, 3);
    const RowIndex first = s.row();
    const RowIndex last = first + static_cast<RowIndex>(table.size()) - 1;
    double sum = 0;
    for (const auto& part : table) sum += part.now;
    std::array<char, LXW_MAX_CELL_RANGE_LENGTH> range{};
    lxw_rowcol_to_range_abs(range.data(), first, 1, last, 1);
    for (const auto& part : table) {
      s.text(0, part.label);
      s.formula(1, "=" + part.formula, part.now, formats_.of(part.now));
      s.formula(2, fmt::format("={}/SUM({})", s.place(1), range.data()), part.now / sum,
                formats_.share);
      s.next();
    }
    auto* chart = workbook_add_chart(book_, LXW_CHART_BAR);
    auto* series = chart_add_series(chart, nullptr, nullptr);
    chart_series_set_categories(series, "Breakdown", first, 0, last, 0);
    chart_series_set_values(series, "Breakdown", first, 1, last, 1);
    chart_series_set_labels(series);
    chart_series_set_labels_num_format(series, "[>=100]#,##0;[>=1]0.0;0.000");
    lxw_chart_font label{};
    label.size = 8;
    chart_series_set_labels_font(series, &label);
    chart_title_set_name(chart, title.c_str());
    lxw_chart_font axis_font{}, title_font{};
    axis_font.size = 8;
    title_font.size = 11;
    title_font.bold = 1;
    chart_title_set_name_font(chart, &title_font);
    for (auto* side : {chart->x_axis, chart->y_axis}) chart_axis_set_num_font(side, &axis_font);
    chart_axis_set_interval_unit(chart->y_axis, 1);  // every label
    chart_axis_set_name(chart->x_axis, axis.c_str());
    chart_axis_set_reverse(chart->y_axis);  // the table's order, from the top
    chart_legend_set_position(chart, LXW_CHART_LEGEND_NONE);
    lxw_chart_options options{};
    options.x_scale = 1.3;
    // So high that LibreOffice leaves out no label.
    constexpr double height = 288, row = 20;  // of a chart and of a row, in pixels
    options.y_scale = std::max(1.0, static_cast<double>(table.size()) / 10);
    worksheet_insert_chart_opt(s.raw(), first - 1, 4, chart, &options);
    const auto high = static_cast<RowIndex>(options.y_scale * height / row);
    s.next(2 + high - std::min(high, static_cast<RowIndex>(table.size())));
  }

  void write_summary() {
    auto& s = summary_;
    s.widths({24, 16, 14, 16, 12, 64});
    s.text(0, title(), formats_.title);
    s.next();
    s.text(0, "Change numbers on the sheet Inputs; all results follow. \"As made\" stays.");
    s.next();
    s.text(0, "state", formats_.section);
    s.formula(
        1,
        "=IF(COUNTIF(Inputs!H:H,\"OUT OF RANGE\")>0,\"NO DESIGN: a number is out of range, see "
        "Inputs\",IF(COUNTIF(Rules!C:C,\"BROKEN\")>0,\"NO DESIGN: a rule is broken, see Rules\","
        "\"ok: a design\"))",
        std::string(is_broken() ? broken_state : "ok: a design"), formats_.state);
    s.define(1, "state");
    s.next();
    s.text(0, "as made: " + binding_sentence(specs_.hardware, specs_.model));
    s.next(2);
    s.headings({"metric", "is", "unit", "as made", "change", "what"}, 1, 1);
    s.freeze();
    for (const auto& n : names()) {
      if (n.role != study::Role::metric) continue;
      s.text(0, n.name);
      s.formula(1, formula_of(equations_, n), n.value, formats_.of(n.value));
      s.define(1, n.name);
      s.text(2, n.unit, formats_.unit);
      s.number(3, n.value, formats_.of(n.value));
      s.formula(4, fmt::format("=IF({0}=0,0,{1}/{0}-1)", s.place(3), s.place(1)), 0,
                formats_.change);
      s.text(5, n.doc, formats_.unit);
      s.next();
    }
    worksheet_activate(s.raw());
  }

  Specs specs_;
  Equations all_;
  lxw_workbook* book_;
  Formats formats_;
  CellNames cell_names_;
  Sheet summary_, inputs_, breakdown_, decode_, prefill_, equations_, rules_;
};

}  // namespace

std::string workbook(const Specs& specs) {
  const spec::TemporaryFolder folder;  // libxlsxwriter only writes files
  const auto path = folder.path() / "workbook.xlsx";
  try {
    const QuietErrors quiet;
    Workbook(specs, path).write();
  } catch (const std::runtime_error& e) {
    throw std::runtime_error(
        fmt::format("{} (in {}, by TMPDIR)", e.what(), folder.path().string()));
  }
  return spec::read_file(path.string(), 1u << 30);
}

}  // namespace tomestimate::report
