// SPDX-License-Identifier: Apache-2.0
// The best design of a region as a document.
#pragma once

#include <string>
#include <vector>

#include <tomestimate/report/document.hpp>
#include <tomestimate/study/optimize.hpp>
#include <tomestimate/study/study.hpp>

namespace tomestimate::report {

// What was found, how well it was looked for, what binds, and the design's metrics (the study's
// columns) beside those of the study's specs. `command` shows a changed design when `--set`s
// follow.
Document optimum_document(const study::Study& study, const std::vector<study::Searched>& searched,
                          const study::Wanted& wanted, const study::Optimum& optimum,
                          const std::string& command);

}  // namespace tomestimate::report
