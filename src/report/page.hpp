// SPDX-License-Identifier: Apache-2.0
// The report as one document of sections, in Markdown and HTML.
#pragma once

#include <string>
#include <vector>

#include <tomestimate/report/document.hpp>
#include <tomestimate/report/figures.hpp>

namespace tomestimate::report {

struct Picture {
  Figure figure;
  std::string svg;
};

struct Section {
  std::string id;
  std::string title;
  std::vector<const Picture*> pictures;
  std::vector<const Table*> tables;
};

struct Page {
  std::string title;
  std::vector<std::string> lead;
  std::vector<Section> sections;
  std::string made_by;
};

std::string markdown(const Page& page);  // links figures/ID.svg and tables/ID.csv
std::string html(const Page& page);      // stands alone

}  // namespace tomestimate::report
