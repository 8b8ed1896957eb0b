// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/check.hpp>

#include <toml++/toml.h>

#include <tomestimate/evidence/published.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/study/study.hpp>

namespace tomestimate::evidence {

std::vector<spec::Diagnostic> check(const std::string& path) try {
  const auto text = spec::read_file(path);
  spec::bound_nesting(text, path);
  // What is no TOML at all is left to spec::check, which says so.
  const auto parsed = [&text]() -> toml::table {
    try {
      return toml::parse(text);
    } catch (const toml::parse_error&) {
      return {};
    }
  }();
  if (parsed["kind"].value_or(std::string{}) == "study") {
    study::load_study(path);
    return {};
  }
  if (parsed.contains("figure")) {
    compare_published(path);
    return {};
  }
  return spec::check(path);
} catch (const spec::SpecError& e) {
  return e.diagnostics();
}

}  // namespace tomestimate::evidence
