// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/installed.hpp>

#include <algorithm>
#include <filesystem>

namespace tomestimate::spec {
namespace {

namespace fs = std::filesystem;

// share/tomestimate/specs of the prefix that the program is installed in.
fs::path folder() {
  std::error_code ignored;
  const auto program = fs::read_symlink("/proc/self/exe", ignored);
  return (program.parent_path() / TOMESTIMATE_SPECS_FROM_PROGRAM).lexically_normal();
}

}  // namespace

std::optional<std::string> installed_spec(const std::string& name) {
  for (const auto* ending : {"", ".toml"}) {
    const auto path = folder() / (name + ending);
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored)) return path.string();
  }
  return std::nullopt;
}

std::vector<std::string> installed_names() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder(), ignored))
    if (entry.path().extension() == ".toml" && entry.path().stem() != "published")
      names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace tomestimate::spec
