// SPDX-License-Identifier: Apache-2.0
#include "page.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include <tomestimate/spec/text.hpp>

#include "cells.hpp"
#include "html.hpp"

namespace tomestimate::report {
namespace {

// Readable on screen and on paper, light, no script and nothing from outside.
constexpr std::string_view page_style = R"css(
:root { --paper: #fff; --ink: #1a1a1a; --soft: #555; --line: #ddd; --strong: #888; --accent: #0072b2; --link: #00558a;
        --lead: #f1f6fa; --warn: #d55e00; --warn-paper: #fdf0e8; --stripe: #f7f7f7; }
@media screen and (prefers-color-scheme: dark) {
  :root { color-scheme: dark; --paper: #14171a; --ink: #ececec; --soft: #a9afb5; --line: #363c42; --strong: #7d858c;
          --accent: #4aa3dc; --link: #7cc0f0; --lead: #1b242b; --warn: #e6884d; --warn-paper: #3a2113; --stripe: #1b1f23; }
  /* Black on white becomes white on black, and colours keep their hue. */
  figure svg { filter: invert(.92) hue-rotate(180deg); }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 1040px; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.7rem; margin: 0 0 .8rem; }
h2 { font-size: 1.3rem; margin: 2.2rem 0 .6rem; padding-bottom: .2rem; border-bottom: 2px solid var(--accent); }
h3 { font-size: 1.05rem; margin: 0 0 .1rem; }
.lead { border-left: 5px solid var(--accent); background: var(--lead); padding: .6rem 1rem; }
.lead p { margin: .3rem 0; }
.lead .caution { border-left: 5px solid var(--warn); background: var(--warn-paper); padding: .4rem .7rem;
                 margin: .5rem 0; font-weight: 600; }
nav { margin: 1.2rem 0; }
nav ol { columns: 2; margin: 0; padding-left: 1.4rem; }
nav ol ol { columns: 1; list-style: none; padding-left: .6rem; font-size: .88rem; }
nav > ol > li { break-inside: avoid; margin-bottom: .3rem; }
a { color: var(--link); }
figure { margin: 1.4rem 0; break-inside: avoid; }
figure .what { margin: 0 0 .5rem; color: var(--soft); font-size: .88rem; }
figure svg { width: 100%; height: auto; display: block; border: 1px solid var(--line); }
figcaption { font-size: .94rem; margin-top: .5rem; }
figcaption p, figcaption ul { margin: .2rem 0; }
.scroll { overflow-x: auto; margin: 1.4rem 0; }
table { border-collapse: collapse; font-size: .84rem; line-height: 1.35; }
caption { text-align: left; font-weight: 600; font-size: .98rem; padding: .2rem 0 .4rem; }
caption span { position: sticky; left: 0; }
caption small { font-weight: 400; color: var(--soft); }
th, td { padding: .22rem .55rem; vertical-align: top; text-align: left; border-bottom: 1px solid var(--line); }
thead th { border-bottom: 2px solid var(--strong); vertical-align: bottom; }
thead small { display: block; font-weight: 400; color: var(--soft); white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.s { white-space: nowrap; }
.t { min-width: 17em; max-width: 34em; }
tbody tr:nth-child(even) td { background: var(--stripe); }
td { background: var(--paper); }
th:first-child, td:first-child { position: sticky; left: 0; z-index: 1; }
th:first-child { background: var(--paper); }
.wide { font-size: .74rem; }
.wide th, .wide td { padding: .2rem .36rem; }
.notes { font-size: .86rem; color: var(--soft); margin: .4rem 0 0; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: .6rem; font-size: .84rem; color: var(--soft); }
@media screen and (max-width: 640px) {
  body { padding: .8rem; }
  nav ol { columns: 1; }
  figure { overflow-x: auto; }
  figure svg { min-width: 620px; }
  figcaption, h3, figure .what { position: sticky; left: 0; max-width: calc(100vw - 1.6rem); }
}
@page { size: A4; margin: 13mm; }
@page wide { size: A4 landscape; margin: 11mm; }
@media print {
  body { font-size: 10pt; max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  a { color: inherit; text-decoration: none; }
  .scroll { overflow: visible; }
  .landscape, footer { page: wide; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  table, .notes { font-size: 8pt; }
  caption { font-size: 9.5pt; }
  th:first-child, td:first-child { position: static; }
  .s { white-space: normal; }
  .n { white-space: nowrap; }
  .t { min-width: 13em; max-width: none; }
  .wide { font-size: 6.5pt; }
  .wide th, .wide td { padding: .12rem .22rem; }
  .lead, .lead .caution, tbody tr:nth-child(even) td { print-color-adjust: exact; }
}
)css";

constexpr std::size_t many_columns = 10;
constexpr std::size_t long_text = 40;  // of a cell, which then gets a column wide enough to read

// How a column is laid out: numbers, short texts, or long ones.
enum class Layout { number, name, text };

// "CAUTION: ...", "SPILL: ...": a line of the lead that warns.
bool is_caution(const std::string& line) {
  return line.starts_with("CAUTION:") || line.starts_with("SPILL:");
}

// Without the XML prolog, which has no place within a page.
std::string_view element(std::string_view svg) { return svg.substr(svg.find("<svg")); }

bool is_wide(const Table& table) { return table.columns.size() > many_columns; }

std::vector<Layout> layouts(const Table& table, const std::vector<Strings>& rows) {
  std::vector<Layout> out;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const bool is_long = std::any_of(rows.begin(), rows.end(),
                                     [c](const Strings& row) { return row[c].size() > long_text; });
    out.push_back(is_numeric(table, c) ? Layout::number : is_long ? Layout::text : Layout::name);
  }
  return out;
}

// Whether paper has to be turned for it.
bool needs_landscape(const Table& table) {
  const auto all = layouts(table, readable_rows(table));
  const auto texts = std::count(all.begin(), all.end(), Layout::text);
  return is_wide(table) || (texts > 0 && table.columns.size() + 3 * texts > many_columns);
}

std::string_view class_of(Layout layout) {
  switch (layout) {
    case Layout::number:
      return " class=\"n\"";
    case Layout::text:
      return " class=\"t\"";
    case Layout::name:
      break;
  }
  return " class=\"s\"";
}

std::string html_table(const Table& table) {
  const auto rows = readable_rows(table);
  const auto columns = layouts(table, rows);
  std::string head;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const auto& column = table.columns[c];
    head += fmt::format(
        "<th scope=\"col\"{}>{}{}</th>", class_of(columns[c]), escaped(column.name),
        column.unit.empty() ? "" : fmt::format("<small>{}</small>", escaped(column.unit)));
  }
  auto out = fmt::format(
      "<div class=\"scroll\" id=\"table-{}\">\n<table{}>\n<caption>{} <small>tables/{}.csv</small>"
      "</caption>\n<thead><tr>{}</tr></thead>\n<tbody>\n",
      escaped(table.id), is_wide(table) ? " class=\"wide\"" : "", escaped(table.title),
      escaped(table.id), head);
  for (const auto& row : rows) {
    out += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c)
      out += fmt::format("<td{}>{}</td>", class_of(columns[c]), escaped(row[c]));
    out += "</tr>\n";
  }
  out += "</tbody>\n</table>\n";
  if (!table.notes.empty()) out += "<ul class=\"notes\">\n";
  for (const auto& note : table.notes) out += fmt::format("<li>{}</li>\n", escaped(note));
  if (!table.notes.empty()) out += "</ul>\n";
  return out + "</div>\n";
}

std::string html_figure(const Picture& picture) {
  const auto& figure = picture.figure;
  const auto [heading, rest] = finding(figure);
  auto out = fmt::format(
      "<figure id=\"figure-{}\">\n<h3>{}</h3>\n<p class=\"what\">{}</p>\n{}<figcaption>", figure.id,
      escaped(heading), escaped(figure.title), element(picture.svg));
  if (!rest.empty()) out += fmt::format("<p>{}</p>\n", escaped(rest));
  if (figure.caption.size() > 1) out += "<ul>\n";
  for (std::size_t i = 1; i < figure.caption.size(); ++i)
    out += fmt::format("<li>{}</li>\n", escaped(figure.caption[i]));
  if (figure.caption.size() > 1) out += "</ul>\n";
  return out + "</figcaption>\n</figure>\n";
}

std::string contents(const Page& page) {
  std::string out = "<nav aria-label=\"Contents\">\n<ol>\n";
  for (const auto& section : page.sections) {
    out += fmt::format("<li><a href=\"#{}\">{}</a>\n<ol>\n", section.id, escaped(section.title));
    for (const auto* p : section.pictures)
      out += fmt::format("<li><a href=\"#figure-{}\">Figure: {}</a></li>\n", p->figure.id,
                         escaped(p->figure.title));
    for (const auto* t : section.tables)
      out +=
          fmt::format("<li><a href=\"#table-{}\">{}</a></li>\n", escaped(t->id), escaped(t->title));
    out += "</ol></li>\n";
  }
  return out + "</ol>\n</nav>\n";
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : spec::visible(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string html(const Page& page) {
  auto out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
      "<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n"
      "<div class=\"lead\">\n",
      escaped(page.title), page_style);
  for (const auto& line : page.lead)
    out +=
        fmt::format("<p{}>{}</p>\n", is_caution(line) ? " class=\"caution\"" : "", escaped(line));
  out += "</div>\n" + contents(page) + "<main>\n";
  for (const auto& section : page.sections) {
    const bool wide = std::any_of(section.tables.begin(), section.tables.end(),
                                  [](const Table* t) { return needs_landscape(*t); });
    out += fmt::format("<section{}>\n<h2 id=\"{}\">{}</h2>\n", wide ? " class=\"landscape\"" : "",
                       section.id, escaped(section.title));
    for (const auto* p : section.pictures) out += html_figure(*p);
    for (const auto* t : section.tables) out += html_table(*t);
    out += "</section>\n";
  }
  return out + fmt::format(
                   "</main>\n<footer><p>Made by <code>{}</code>. Numbers are rounded to read; "
                   "tables/*.csv beside this page have them in full.</p></footer>\n"
                   "</body>\n</html>\n",
                   escaped(page.made_by));
}

namespace {

// Text in a code span of Markdown, within more backticks than it has in a row.
std::string code(const std::string& given) {
  const auto text = spec::visible(given);
  std::string ticks = "`";
  while (text.find(ticks) != std::string::npos) ticks += '`';
  const bool touching = text.starts_with('`') || text.ends_with('`');
  return touching ? ticks + " " + text + " " + ticks : ticks + text + ticks;
}

}  // namespace

std::string markdown(const Page& page) {
  std::string out = fmt::format("# {}\n", markdown_text(page.title));
  for (const auto& line : page.lead)
    out += is_caution(line) ? fmt::format("\n**{}**\n", markdown_text(line))
                            : fmt::format("\n{}\n", markdown_text(line));
  for (const auto& section : page.sections) {
    out += fmt::format("\n## {}\n", markdown_text(section.title));
    for (const auto* p : section.pictures) {
      const auto [heading, rest] = finding(p->figure);
      out +=
          fmt::format("\n### {}\n\n{}\n\n![{}](figures/{}.svg)\n", markdown_text(heading),
                      markdown_text(p->figure.title), markdown_text(p->figure.alt), p->figure.id);
      if (!rest.empty()) out += fmt::format("\n{}\n", markdown_text(rest));
      for (std::size_t i = 1; i < p->figure.caption.size(); ++i)
        out += fmt::format("{}- {}\n", i == 1 ? "\n" : "", markdown_text(p->figure.caption[i]));
    }
    for (const auto* t : section.tables)
      out +=
          fmt::format("\n### {}\n\n{}\nIn full: [tables/{}.csv](tables/{}.csv)\n",
                      markdown_text(t->title), markdown_table(*t, readable_rows(*t)), t->id, t->id);
  }
  return out + fmt::format("\nMade by {}. Numbers are rounded to read.\n", code(page.made_by));
}

}  // namespace tomestimate::report
