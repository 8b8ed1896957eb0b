// SPDX-License-Identifier: Apache-2.0
// Specs that start from another one, as TOML.
#pragma once

#include <string>

#include <tomestimate/spec/load.hpp>

namespace tomestimate::spec {

// A spec based on `base` (a name or path, for its file) with the values that override_value set in
// `after`; their sources say what they are in `before`, the base, unless they were set with one of
// their own. Lists as they were set.
std::string small_toml(const Spec<Hardware<double>>& before, const Spec<Hardware<double>>& after,
                       const std::string& base);
std::string small_toml(const Spec<Model<double>>& before, const Spec<Model<double>>& after,
                       const std::string& base);

// A spec based on `base`, which is `spec`, that changes nothing: every value is there as a comment,
// with what it is, its unit and its range.
std::string template_toml(const Spec<Hardware<double>>& spec, const std::string& base);
std::string template_toml(const Spec<Model<double>>& spec, const std::string& base);

}  // namespace tomestimate::spec
