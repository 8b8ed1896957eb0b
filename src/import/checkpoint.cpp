// SPDX-License-Identifier: Apache-2.0
#include "checkpoint.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <tomestimate/import/json.hpp>
#include <tomestimate/import/safetensors.hpp>
#include <tomestimate/spec/diagnostic.hpp>

namespace tomestimate::importer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 512;  // of a sharded checkpoint; each stays open
constexpr std::uint64_t largest_index = 32 << 20;

[[noreturn]] void fail(const fs::path& path, std::string message, std::string hint) {
  throw spec::SpecError({{{path.string(), 1, 1}, std::move(message), std::move(hint)}});
}

// File names in the index that model.safetensors.index.json of huggingface/transformers has.
std::set<std::string> indexed_files(const fs::path& index) {
  const auto source = Source::open(index.string());
  if (source.size() > largest_index) source.fail(0, "is larger than 32 MiB");
  std::string text(source.size(), '\0');
  source.read(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  const auto root = parse_object(text, source.name(), 0);
  const auto map = root.find("weight_map");
  if (map == root.end() || !map->is_object()) source.fail(0, "has no \"weight_map\"");
  std::set<std::string> out;
  for (const auto& file : *map) {
    const auto* name = file.get_ptr<const std::string*>();
    // Only files beside the index: no way out of its folder.
    if (name == nullptr || !name->ends_with(".safetensors") ||
        name->find('/') != std::string::npos || name->find('\0') != std::string::npos)
      source.fail(0, fmt::format("\"weight_map\" names {}, no .safetensors file of this folder",
                                 name == nullptr ? "no text" : "\"" + printable(*name) + "\""));
    out.insert(*name);
    if (out.size() > most_files)
      source.fail(0, fmt::format("\"weight_map\" names over {} files", most_files));
  }
  return out;
}

// Names of the weight files of a folder: those of the index if there is one, otherwise all.
std::set<std::string> weight_files(const fs::path& folder) {
  const auto index = folder / "model.safetensors.index.json";
  if (fs::exists(index)) return indexed_files(index);
  std::set<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".safetensors") out.insert(entry.path().filename().string());
  if (out.size() > most_files)
    fail(folder, fmt::format("over {} .safetensors files", most_files), "");
  return out;
}

Checkpoint open_safetensors(const std::string& path, const fs::path& folder,
                            const std::set<std::string>& files) {
  const auto config = folder / "config.json";
  if (!fs::exists(config))
    fail(path, fmt::format("needs a config.json, and there is none in {}", folder.string()),
         "the weights alone do not say heads and layers");
  Checkpoint out{path, "safetensors", read_config(Source::open(config.string())), {}};
  for (const auto& file : files) {
    auto source = Source::open((folder / file).string());
    auto tensors = read_safetensors(source);
    out.parts.push_back({std::move(source), std::move(tensors)});
  }
  return out;
}

Checkpoint open_folder(const std::string& path) {
  auto files = weight_files(path);
  if (files.empty())
    fail(path, "the folder has no .safetensors file",
         "give the .gguf file, or config.json for shapes alone");
  return open_safetensors(path, path, files);
}

Checkpoint open_gguf(const std::string& path, Source source) {
  auto gguf = read_gguf(source);
  Checkpoint out{path, fmt::format("GGUF v{}", gguf.version), read_architecture(gguf, source), {}};
  out.parts.push_back({std::move(source), std::move(gguf.tensors)});
  return out;
}

}  // namespace

Checkpoint open_checkpoint(const std::string& path) try {
  if (!fs::exists(path)) fail(path, "no such file or folder", "");
  if (fs::is_directory(path)) return open_folder(path);
  const fs::path file(path);
  if (file.extension() == ".safetensors")
    return open_safetensors(path, file.has_parent_path() ? file.parent_path() : fs::path("."),
                            {file.filename().string()});
  auto source = Source::open(path);
  if (file.extension() == ".json") return {path, "config", read_config(source), {}};
  std::array<std::uint8_t, 4> magic{};
  source.read(0, std::span(magic).first(std::min<std::uint64_t>(4, source.size())));
  if (file.extension() == ".gguf" ||
      std::string_view("GGUF") == std::string_view(reinterpret_cast<char*>(magic.data()), 4))
    return open_gguf(path, std::move(source));
  source.fail(0, "is no checkpoint that can be imported",
              "config.json, .gguf, .safetensors, or a folder with config.json and .safetensors");
} catch (const fs::filesystem_error& e) {
  fail(path, fmt::format("cannot be read: {}", e.code().message()), "");
}

}  // namespace tomestimate::importer
