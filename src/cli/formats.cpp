// SPDX-License-Identifier: Apache-2.0
#include "formats.hpp"

#include <algorithm>
#include <cctype>
#include <span>

#include <fmt/format.h>

#include <tomestimate/evidence/published.hpp>
#include <tomestimate/spec/describe.hpp>
#include <tomestimate/spec/keys.hpp>
#include <tomestimate/study/study.hpp>

#include "generate.hpp"

namespace tomestimate::cli {
namespace {

struct FormatItem {
  std::string term;  // as it is typed
  std::string doc;
};

// A part of the manual: paragraphs, then items, then an example.
struct FormatSection {
  std::string title;
  bool below = false;  // of the section before
  std::vector<std::string> paragraphs;
  std::vector<FormatItem> items;
  std::string example;
};

std::vector<FormatItem> items_of_keys(std::span<const spec::Key> keys) {
  std::vector<FormatItem> out;
  for (const auto& key : keys) out.push_back({std::string(key.name), std::string(key.doc) + "."});
  return out;
}

std::string capital(std::string text) {
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string doc_of(const spec::Description& d) {
  auto kind = legal(d);
  if (d.list)
    kind = d.choices.empty() ? "one number for all layers, or a list of one for each: " + kind
                             : fmt::format("a list of some of {}", fmt::join(d.choices, ", "));
  const auto* left_out =
      d.needed == spec::Needed::if_used       ? " May be left out where it is not used."
      : d.needed == spec::Needed::has_default ? " May be left out: it has a default."
                                              : "";
  return fmt::format("{}. {}.{}", d.doc, capital(kind), left_out);
}

std::string table_of(const spec::Description& d) { return d.path.substr(0, d.path.find('.')); }

// A section for each table, in which the values stand in the order of the reader.
std::vector<FormatSection> tables_of(const std::vector<spec::Description>& all) {
  std::vector<FormatSection> out;
  for (const auto& d : all) {
    const auto title = "[" + table_of(d) + "]";
    auto section = std::find_if(out.begin(), out.end(),
                                [&title](const auto& other) { return other.title == title; });
    if (section == out.end()) section = out.insert(out.end(), {title, true, {}, {}, ""});
    section->items.push_back({d.path.substr(d.path.find('.') + 1), doc_of(d)});
  }
  return out;
}

void append(std::vector<FormatSection>& all, std::vector<FormatSection> more) {
  for (auto& section : more) all.push_back(std::move(section));
}

std::vector<FormatSection> about_specs() {
  return {
      {"DESCRIPTION",
       false,
       {"Hardware specs, technologies, model specs, studies and published figures are TOML files. "
        "tomestimate check "
        "reports every error of one, tomestimate new writes one to start from, and tomestimate "
        "parameters lists the values of two specs."},
       {},
       ""},
      {"SPECS",
       false,
       {"A spec has these keys, and below them the tables of its kind. No value has a default: "
        "each is in the spec, in its technology, or in the spec that it is based on."},
       items_of_keys(spec::spec_keys),
       ""},
      {"Values",
       true,
       {"A value is a table with these keys. A spec with based_on may also have the value alone: "
        "its grade is then assumption, and its source the file.",
        "A number with a unit is a text, such as \"500 MHz\"; any unit of the same dimension is "
        "good. Also good are \"30 %\" for a share, \"4k\" (4,000) and \"4Ki\" (4,096) for a count, "
        "\"on\" and \"off\" for a switch."},
       items_of_keys(spec::value_keys),
       ""},
      {"Grades", true, {}, items_of_keys(spec::grade_keys), ""},
      {"Example",
       true,
       {},
       {},
       "kind = \"hardware\"\n"
       "name = \"Wide TOM\"\n"
       "description = \"TOM with twice the lanes\"\n"
       "based_on = \"tom\"\n"
       "[base]\n"
       "lanes = 32\n"
       "[chip]\n"
       "clock = { value = \"600 MHz\", grade = \"derived\", source = \"our synthesis\", "
       "range = [\"500 MHz\", \"700 MHz\"] }\n"},
  };
}

std::vector<FormatSection> about_studies() {
  return {
      {"STUDIES",
       false,
       {"A study says what varies and what to compute, for sweep and pareto. Formulas take "
        "metrics and spec values, + - * / ( ), comparisons, and, or, not, min, max, ceil, floor, "
        "log2, and numbers with a unit in brackets; they are checked for units."},
       items_of_keys(study::study_keys),
       ""},
      {"[[vary]]", true, {}, items_of_keys(study::vary_keys), ""},
      {"range and log", true, {}, items_of_keys(study::range_keys), ""},
      {"columns that are formulas", true, {}, items_of_keys(study::column_keys), ""},
      {"Example of a study",
       true,
       {},
       {},
       "kind = \"study\"\n"
       "name = \"Lanes and clock\"\n"
       "hardware = \"tom\"\n"
       "model = \"bitnet-2b\"\n"
       "set = { \"workload.context\" = 200 }\n"
       "columns = [\"throughput\", \"power\",\n"
       "  { name = \"per_W\", formula = \"throughput / power\", unit = \"token/s/W\" }]\n"
       "where = \"area < 80[mm^2] and power < 12[W]\"\n"
       "order = \"throughput desc\"\n"
       "objectives = [\"max throughput\", \"min power\"]\n"
       "[[vary]]\n"
       "path = \"base.lanes\"\n"
       "values = [8, 16, 32]\n"
       "[[vary]]\n"
       "path = \"chip.clock\"\n"
       "range = { from = \"400 MHz\", to = \"1 GHz\", step = \"50 MHz\" }\n"},
  };
}

std::vector<FormatSection> about_figures() {
  return {
      {"PUBLISHED FIGURES",
       false,
       {"A file of published figures is what published sets beside the estimate, and what "
        "uncertainty can be given. The shipped one is published.toml. A figure whose id a spec "
        "value lists under fits was used to calibrate; all others are predicted.",
        "A figure has id, what, value, grade and source; and either hardware, model and metric, "
        "or not_compared."},
       items_of_keys(evidence::published_keys),
       ""},
      {"[[figure]]", true, {}, items_of_keys(evidence::figure_keys), ""},
      {"Example of published figures",
       true,
       {},
       {},
       "kind = \"published\"\n"
       "[[figure]]\n"
       "id = \"tom.throughput\"\n"
       "what = \"decode throughput, BitNet-2B\"\n"
       "value = \"3306 token/s\"\n"
       "grade = \"published\"\n"
       "source = \"abstract\"\n"
       "hardware = \"tom\"\n"
       "model = \"bitnet-2b\"\n"
       "metric = \"throughput\"\n"
       "set = { \"workload.context\" = \"256\" }\n"
       "tolerance = \"3 %\"\n"
       "[[figure]]\n"
       "id = \"tom.accuracy\"\n"
       "what = \"accuracy on a task\"\n"
       "value = \"54 %\"\n"
       "grade = \"secondary\"\n"
       "source = \"a summary\"\n"
       "not_compared = \"no metric of a chip\"\n"},
  };
}

std::vector<FormatSection> formats() {
  auto hardware = spec::describe(spec::Hardware<double>{});
  const auto physics = std::stable_partition(hardware.begin(), hardware.end(),
                                             [](const auto& d) { return table_of(d) != "tech"; });
  const std::vector<spec::Description> technology(physics, hardware.end());
  hardware.erase(physics, hardware.end());
  auto out = about_specs();
  out.push_back({"HARDWARE",
                 false,
                 {"What the numbers describe is in machine.md. The tables side, dram, rom and "
                  "gating may be left out where the machine does not use them."},
                 {},
                 ""});
  append(out, tables_of(hardware));
  out.push_back({"TECHNOLOGY",
                 false,
                 {"Energies are at tech.voltage, leakage is at tech.voltage and "
                  "tech.temperature. A hardware spec may have these values too."},
                 {},
                 ""});
  append(out, tables_of(technology));
  out.push_back({"MODEL", false, {"A transformer, and the workload it runs."}, {}, ""});
  append(out, tables_of(spec::describe(spec::Model<double>{})));
  append(out, about_studies());
  append(out, about_figures());
  return out;
}

// ---- as a man page ----

// Lines of an example, of which none may look like a request.
std::string roff_lines(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    out += roff(text.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return out;
}

std::string roff_section(const FormatSection& section) {
  auto out = fmt::format(".{} {}\n", section.below ? "SS" : "SH", roff(section.title));
  for (const auto& paragraph : section.paragraphs)
    out += (&paragraph == section.paragraphs.data() ? "" : ".PP\n") + roff(paragraph) + "\n";
  for (const auto& item : section.items)
    out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(item.term), roff(item.doc));
  if (!section.example.empty()) out += ".nf\n.RS\n" + roff_lines(section.example) + ".RE\n.fi\n";
  return out;
}

// ---- as Markdown ----

std::string markdown_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_<>[]|").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string markdown_section(const FormatSection& section) {
  auto out = fmt::format("\n{} {}\n", section.below ? "###" : "##", markdown_text(section.title));
  for (const auto& paragraph : section.paragraphs) out += "\n" + markdown_text(paragraph) + "\n";
  if (!section.items.empty()) out += "\n";
  for (const auto& item : section.items)
    out += fmt::format("- `{}`: {}\n", item.term, markdown_text(item.doc));
  if (!section.example.empty()) out += "\n```toml\n" + section.example + "```\n";
  return out;
}

}  // namespace

std::string formats_man_page() {
  auto out = fmt::format(".TH TOMESTIMATE\\-SPEC 5 \"{}\" \"tomestimate {}\" \"File Formats\"\n",
                         TOMESTIMATE_DATE, TOMESTIMATE_VERSION);
  out += ".SH NAME\ntomestimate\\-spec \\- specs, studies and published figures of tomestimate\n";
  for (const auto& section : formats()) out += roff_section(section);
  return out + ".SH SEE ALSO\n.BR tomestimate (1)\n";
}

std::string formats_markdown() {
  std::string out = "# Specs, studies and published figures of tomestimate\n";
  for (const auto& section : formats()) out += markdown_section(section);
  return out;
}

}  // namespace tomestimate::cli
