// SPDX-License-Identifier: Apache-2.0
// A design report as a folder: Markdown, one HTML page, figures as SVG, tables as CSV.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <tomestimate/report/reports.hpp>

namespace tomestimate::report {

// Contents by path in the folder: "figures/area.svg".
using Files = std::map<std::string, std::string>;

// report.md, report.html, workbook.xlsx, figures/*.svg and tables/*.csv of a design, with those of
// the `published` figures that are of its hardware spec. `made_by` is the command, for the foot of
// the report. Throws std::domain_error if the workload does not fit the SRAM, std::runtime_error if
// gnuplot is not there or fails.
Files design_report(const HardwareSpec& hardware, const ModelSpec& model,
                    const std::vector<evidence::Comparison>& published, const std::string& made_by);

// Throws std::runtime_error if `folder` holds anything but a report, is no folder, or is none that
// this user can make or replace.
void check_report_folder(const std::string& folder);

// Writes a folder beside `folder`, then puts it in place in one step; what a report made there
// before is replaced. Throws std::runtime_error; then `folder` is as it was and nothing is left
// behind.
void write_report_folder(const std::string& folder, const Files& files);

}  // namespace tomestimate::report
