// SPDX-License-Identifier: Apache-2.0
#include "files.hpp"

#include <filesystem>

#include <fmt/format.h>

#include <tomestimate/evidence/published.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/load.hpp>

namespace tomestimate::cli {
namespace {

namespace fs = std::filesystem;

bool is_within(const fs::path& file, const fs::path& folder) {
  std::error_code ignored;
  const auto relative =
      fs::weakly_canonical(file, ignored).lexically_relative(fs::weakly_canonical(folder, ignored));
  return !relative.empty() && *relative.begin() != "..";
}

void check_named(const NamedFile& output) {
  if (output.path.empty()) throw CLI::ValidationError(output.what, "names no file");
}

}  // namespace

void check_files(const NamedFiles& inputs, const NamedFiles& outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& out = outputs[i];
    check_named(out);
    for (const auto& in : inputs)
      if (spec::same_file(out.path, in.path))
        throw CLI::ValidationError(
            out.what, fmt::format("{} would overwrite {}, which this run reads as {}", out.path,
                                  in.path, in.what));
    for (std::size_t j = 0; j < i; ++j)
      if (spec::same_file(out.path, outputs[j].path))
        throw CLI::ValidationError(
            out.what, fmt::format("{} would overwrite {}, which this run writes as {}", out.path,
                                  outputs[j].path, outputs[j].what));
  }
  for (const auto& out : outputs) spec::check_writable(out.path);
}

void check_folder(const NamedFiles& inputs, const NamedFile& folder) {
  check_named(folder);
  for (const auto& in : inputs)
    if (is_within(in.path, folder.path))
      throw CLI::ValidationError(
          folder.what, fmt::format("{} would replace {}, which this run reads as {}", folder.path,
                                   in.path, in.what));
}

NamedFiles inputs_of_spec(const std::string& what, const std::string& name) {
  NamedFiles out;
  const auto spec = spec::find_spec(name);
  for (auto& file : spec::files_of(spec))
    out.push_back({file == spec ? what : "part of " + what, std::move(file)});
  return out;
}

NamedFiles inputs_of(const Design& design) {
  auto out = inputs_of_spec("HARDWARE", design.hardware);
  for (auto& file : inputs_of_spec("MODEL", design.model)) out.push_back(std::move(file));
  return out;
}

NamedFiles inputs_of_source(const std::string& what, const std::string& source) {
  NamedFiles out{{what, source}};
  std::error_code ignored;
  const auto add = [&](const fs::directory_entry& entry) {
    for (const auto* ending : {".json", ".gguf", ".safetensors", ".bin", ".model", ".npy"})
      if (entry.path().extension() == ending)
        out.push_back({"a part of " + what, entry.path().string()});
  };
  if (fs::is_directory(source, ignored))
    for (const auto& entry : fs::recursive_directory_iterator(source, ignored)) add(entry);
  else
    for (const auto& entry : fs::directory_iterator(fs::absolute(source).parent_path(), ignored))
      add(entry);
  return out;
}

NamedFiles inputs_of_published(const std::string& figures) {
  NamedFiles out;
  for (auto& file : evidence::files_of_published(figures))
    out.push_back({file == figures ? "FIGURES" : "a spec of FIGURES", std::move(file)});
  return out;
}

NamedFiles outputs_of(const Output& output) {
  NamedFiles out;
  if (output.file) out.push_back({"-o", *output.file});
  if (output.plot) out.push_back({"--plot", *output.plot});
  return out;
}

}  // namespace tomestimate::cli
