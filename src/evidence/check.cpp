// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/check.hpp>

#include <tomestimate/evidence/published.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/spec/toml.hpp>
#include <tomestimate/study/study.hpp>

namespace tomestimate::evidence {

std::vector<spec::Diagnostic> check(const std::string& path) try {
  const auto text = spec::read_file(path);
  const auto root = spec::parse_toml(text, path);
  const auto kind = root["kind"].value_or(std::string{});
  if (kind == "study") {
    study::load_study(path, study::Regions::taken);
    return {};
  }
  if (kind == "published" || root.contains("figure")) {
    compare_published(path);
    return {};
  }
  return spec::check(path);
} catch (const spec::SpecError& e) {
  return e.diagnostics();
}

}  // namespace tomestimate::evidence
