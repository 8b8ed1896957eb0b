// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include <range/v3/algorithm/contains.hpp>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/report/folder.hpp>

#include "cells.hpp"
#include "page.hpp"

namespace tomestimate::report {
namespace {

struct Plan {
  std::string_view id, title;
  std::vector<std::string_view> figures, tables;
};

// Tables that no section names come under "more".
const std::vector<Plan>& plans() {
  static const std::vector<Plan> all{
      {"summary", "Summary", {"shares"}, {"summary"}},
      {"binds", "What binds", {"roofline", "timeline"}, {"binds-decode", "binds-prefill"}},
      {"area-density", "Area and density", {"area", "density", "height"}, {"area"}},
      {"energy-gating", "Energy and power gating", {"energy", "waterfall"}, {"energy"}},
      {"context-capacity", "Context and SRAM capacity", {"context"}, {"capacity"}},
      {"layers-ops",
       "Layers and ops",
       {},
       {"layers-decode", "layers-prefill", "ops-decode", "ops-prefill"}},
      {"published", "Published figures", {}, {"published"}},
      {"more", "More", {}, {}},
      {"assumptions", "Assumptions", {}, {"assumptions"}},
  };
  return all;
}

bool is_planned(const Table& table) {
  return std::any_of(plans().begin(), plans().end(), [&table](const Plan& plan) {
    return ranges::contains(plan.tables, std::string_view(table.id));
  });
}

std::vector<Section> sections(const Document& document, const std::vector<Picture>& pictures) {
  std::vector<Section> out;
  for (const auto& plan : plans()) {
    Section section{std::string(plan.id), std::string(plan.title), {}, {}};
    for (const auto& p : pictures)
      if (ranges::contains(plan.figures, std::string_view(p.figure.id)))
        section.pictures.push_back(&p);
    for (const auto& t : document.tables)
      if (plan.id == "more" ? !is_planned(t)
                            : ranges::contains(plan.tables, std::string_view(t.id)))
        section.tables.push_back(&t);
    if (!section.pictures.empty() || !section.tables.empty()) out.push_back(std::move(section));
  }
  return out;
}

// The published figures of this hardware spec beside its estimates; nullopt if there are none.
std::optional<Table> published_table(const HardwareSpec& hardware,
                                     const std::vector<evidence::Comparison>& all) {
  const auto file = file_name(hardware);
  std::vector<evidence::Comparison> of_this;
  for (const auto& c : all)
    if (c.hardware == file) of_this.push_back(c);
  if (of_this.empty()) return std::nullopt;
  auto document = published_document(of_this);
  auto table = std::move(document.tables.at(0));
  table.title = "Published figures beside the estimate";
  table.notes = std::move(document.lead);
  table.notes.push_back(
      "each is evaluated with the specs and workload that it names as shipped, "
      "whatever --set, --batch, --prompt or --context say here");
  return table;
}

}  // namespace

Files design_report(const HardwareSpec& hardware, const ModelSpec& model,
                    const std::vector<evidence::Comparison>& published,
                    const std::string& made_by) {
  auto document = estimate_document(hardware, model);
  if (auto table = published_table(hardware, published))
    document.tables.push_back(std::move(*table));
  std::vector<Picture> pictures;
  for (auto& figure : design_figures(hardware, model, published)) {
    auto svg = draw(figure);
    pictures.push_back({std::move(figure), std::move(svg)});
  }
  const Page page{document.title, document.lead, sections(document, pictures), made_by};
  Files files{{"report.md", markdown(page)}, {"report.html", html(page)}};
  for (const auto& p : pictures) files["figures/" + p.figure.id + ".svg"] = p.svg;
  for (const auto& t : document.tables)
    files["tables/" + t.id + ".csv"] = render({"", {}, {t}}, Format::csv);
  files["workbook.xlsx"] = workbook({hardware, model});
  return files;
}

}  // namespace tomestimate::report
