// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/find.hpp>

#include <algorithm>
#include <vector>

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/units/unit_text.hpp>

namespace tomestimate::spec {
namespace {

namespace fs = std::filesystem;

// The file that this code runs from: the program, or a shared object such as the Python module.
fs::path own_file() {
  static const char here = 0;
  Dl_info info{};
  link_map* object = nullptr;
  dladdr1(&here, &info, reinterpret_cast<void**>(&object), RTLD_DL_LINKMAP);
  std::error_code ignored;
  // The program itself has no name there.
  if (object == nullptr || *object->l_name == 0) return fs::read_symlink("/proc/self/exe", ignored);
  return fs::absolute(object->l_name, ignored);
}

// share/tomestimate/specs of the prefix that the program or module is installed in; of one that is
// not installed, the specs of the source tree that its build folder is in.
fs::path shipped_specs() {
  std::error_code ignored;
  const auto beside = own_file().parent_path();
  for (const auto* from : {TOMESTIMATE_SPECS_FROM_PROGRAM, TOMESTIMATE_SPECS_FROM_MODULE,
                           "../specs", "../../specs", "../../../specs"}) {
    const auto folder = (beside / from).lexically_normal();
    if (fs::is_regular_file(folder / "technology/n7.toml", ignored)) return folder;
  }
  return (beside / TOMESTIMATE_SPECS_FROM_PROGRAM).lexically_normal();
}

// Names of the installed hardware and model specs, sorted.
std::vector<std::string> installed_names() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(shipped_specs(), ignored))
    if (entry.path().extension() == ".toml" && entry.path().stem() != "published")
      names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::optional<std::string> installed_spec(const std::string& name) {
  for (const auto* ending : {"", ".toml"}) {
    const auto path = shipped_specs() / (name + ending);
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored)) return path.string();
  }
  return std::nullopt;
}

std::string find_spec(const std::string& name, const fs::path& folder) {
  std::error_code ignored;
  if (name.empty()) throw SpecError({{{"\"\"", 0, 0}, "names no file", ""}});
  const auto path = folder / name;
  const auto status = fs::status(path, ignored);
  const bool is_name = name.find('/') == std::string::npos;
  if (!is_name || (fs::exists(status) && !fs::is_directory(status))) return path.string();
  if (auto installed = installed_spec(name)) return *installed;
  const auto known = installed_names();
  if (known.empty() || fs::exists(status)) return path.string();
  const auto near = units::nearest(fs::path(name).stem().string(), known);
  throw SpecError({{{path.string(), 0, 0},
                    "no such file, and no installed spec of that name",
                    near ? fmt::format("did you mean \"{}\"?", *near)
                         : fmt::format("installed: {}", fmt::join(known, ", "))}});
}

}  // namespace tomestimate::spec
