// SPDX-License-Identifier: Apache-2.0
// The live page: one HTML file in which a design answers to its inputs, without program or network.
#pragma once

#include <string>

#include <tomestimate/study/space.hpp>

namespace tomestimate::page {

// The page of a design that keeps the rules between its values (spec::check_pair). The engine in it
// is the one recorded here, on symbols; `made_by` is the command, for the foot of the page. The
// same design gives the same bytes. Throws std::runtime_error if the page's data cannot be
// compressed.
std::string live_page(const study::Specs& specs, const std::string& made_by);

}  // namespace tomestimate::page
