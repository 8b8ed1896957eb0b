// SPDX-License-Identifier: Apache-2.0
// JSON of a checkpoint: config.json, safetensors headers and indexes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace tomestimate::importer {

// Parses the object in `text`, which begins at byte `from` of `file`. Nesting and the number of
// values are capped. A key that is there twice in one object has a discarded value
// (is_discarded()), and NaN and Infinity, which Python writes, are texts: both are errors only
// where they are used. Throws spec::SpecError.
nlohmann::json parse_object(std::string text, const std::string& file, std::uint64_t from);

// The same for an object whose members are read one by one: memory is bounded by the largest. All
// members are visited, also those whose key was there already.
using VisitMember = std::function<void(const std::string& name, const nlohmann::json& value)>;
void visit_members(std::string text, const std::string& file, std::uint64_t from,
                   const VisitMember& visit);

}  // namespace tomestimate::importer
