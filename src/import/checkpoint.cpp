// SPDX-License-Identifier: Apache-2.0
#include "checkpoint.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <range/v3/algorithm/copy.hpp>

#include <tomestimate/import/gguf.hpp>
#include <tomestimate/import/json.hpp>
#include <tomestimate/import/safetensors.hpp>
#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/file.hpp>

#include "linear.hpp"

namespace tomestimate::importer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 512;  // of a sharded checkpoint; each stays open
constexpr std::uint64_t largest_index = 32 << 20;

[[noreturn]] void fail(const fs::path& path, std::string message, std::string hint) {
  throw spec::SpecError({{{path.string(), 1, 1}, std::move(message), std::move(hint)}});
}

// What model.safetensors.index.json of huggingface/transformers says: the file of each tensor.
using Index = std::map<std::string, std::string>;

Index read_index(const fs::path& index) {
  const auto source = Source::open(index.string());
  const auto root = parse_object(source.text(largest_index), source.name(), 0);
  const auto map = root.find("weight_map");
  if (map == root.end() || !map->is_object()) source.fail(0, "has no \"weight_map\"");
  Index out;
  std::set<std::string> files;
  for (const auto& [tensor, file] : map->items()) {
    const auto* name = file.get_ptr<const std::string*>();
    // Only files beside the index: no way out of its folder.
    if (name == nullptr || !name->ends_with(".safetensors") ||
        name->find('/') != std::string::npos || name->find('\0') != std::string::npos)
      source.fail(0, fmt::format("\"weight_map\" names {}, no .safetensors file of this folder",
                                 name == nullptr ? "no text" : "\"" + printable(*name) + "\""));
    out.emplace(tensor, *name);
    files.insert(*name);
    if (files.size() > most_files)
      source.fail(0, fmt::format("\"weight_map\" names over {} files", most_files));
  }
  return out;
}

fs::path index_of(const fs::path& folder) { return folder / "model.safetensors.index.json"; }

// Names of the weight files of a folder: those of the index if there is one, otherwise all.
std::set<std::string> weight_files(const fs::path& folder) {
  std::set<std::string> out;
  if (fs::exists(fs::symlink_status(index_of(folder)))) {
    for (const auto& [tensor, file] : read_index(index_of(folder))) out.insert(file);
    return out;
  }
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".safetensors") out.insert(entry.path().filename().string());
  if (out.size() > most_files)
    fail(folder, fmt::format("over {} .safetensors files", most_files), "");
  return out;
}

// Each tensor is in one file, and in the one that the index says.
void check_index(const fs::path& folder, const Checkpoint& checkpoint,
                 const std::vector<std::string>& files) {
  Index found;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& [source, tensors] = checkpoint.parts[i];
    for (const auto& tensor : tensors)
      if (const auto [other, is_new] = found.emplace(tensor.name, files[i]); !is_new)
        source.fail(tensor.offset,
                    fmt::format("{} is also in {}", tensor.name, printable(other->second)));
  }
  const auto path = index_of(folder);
  if (!spec::may_be_there(path)) return;
  for (const auto& [tensor, file] : read_index(path)) {
    const auto at = found.find(tensor);
    if (at == found.end())
      fail(path,
           fmt::format("says that {} is in {}, which has no such tensor", printable(tensor),
                       printable(file)),
           "is the folder whole?");
    if (at->second != file)
      fail(path,
           fmt::format("says that {} is in {}, but it is in {}", printable(tensor), printable(file),
                       printable(at->second)),
           "are the files of one checkpoint?");
  }
}

// Norms before o and down are in all layers or in none, whatever the config says.
void read_sub_norms(Checkpoint& checkpoint) {
  auto& a = checkpoint.architecture;
  std::set<std::uint64_t> attn, ffn;
  std::string first;
  bool has_norms = false;
  for (const auto& part : checkpoint.parts)
    for (const auto& tensor : part.tensors) {
      has_norms = has_norms || is_layer_norm(tensor.name);
      const auto norm = sub_norm_name(tensor.name);
      if (!norm) continue;
      (norm->norm == SubNorm::attn ? attn : ffn).insert(norm->layer);
      if (first.empty()) first = tensor.name;
    }
  // Tensors without the norms that every layer has are no whole model: the config alone knows.
  if (!has_norms || (first.empty() && a.sub_norms.value == 0)) return;
  const auto why = first.empty() ? a.sub_norms.source : fmt::format("there is a tensor {}", first);
  for (std::uint64_t layer = 0; layer < a.layers.value; ++layer)
    for (const auto& [name, layers] : {std::pair{"attn_sub_norm", &attn}, {"ffn_sub_norm", &ffn}})
      if (!layers->contains(layer))
        checkpoint.parts[0].source.fail(
            0, fmt::format("layer {} has no tensor for {}", layer, name), why);
  if (a.sub_norms.value == 0) a.sub_norms = {1, spec::Grade::secondary, why};
}

// What a config.json doesn't say of the LM head, the tensors do.
void read_tied(Checkpoint& checkpoint, bool is_whole) {
  auto& a = checkpoint.architecture;
  if (!a.tied_by_default) return;
  bool embedding = false;
  for (const auto& part : checkpoint.parts)
    for (const auto& tensor : part.tensors) {
      if (tensor.name.starts_with("lm_head.") ||
          tensor.name.find(".lm_head.") != std::string::npos) {
        a.tied = {0, spec::Grade::secondary, "there is a tensor " + printable(tensor.name)};
        return;
      }
      embedding = embedding || tensor.name.ends_with("embed_tokens.weight");
    }
  if (is_whole && embedding) a.tied = {1, spec::Grade::secondary, "no tensor of an LM head"};
}

Checkpoint open_safetensors(const std::string& path, const fs::path& folder,
                            const std::set<std::string>& files, bool is_whole) {
  const auto config = folder / "config.json";
  if (!spec::may_be_there(config))
    fail(path, fmt::format("needs a config.json, and there is none in {}", folder.string()),
         "the weights alone do not say heads and layers");
  Checkpoint out{path, "safetensors", read_config(Source::open(config.string())), {}};
  for (const auto& file : files) {
    auto source = Source::open((folder / file).string());
    auto tensors = read_safetensors(source);
    out.parts.push_back({std::move(source), std::move(tensors)});
  }
  if (is_whole) {
    check_index(folder, out, {files.begin(), files.end()});
    read_sub_norms(out);
  }
  read_tied(out, is_whole);
  return out;
}

// What a folder without safetensors has instead, as a hint.
std::string other_weights(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = printable(entry.path().filename().string());
    const auto kind = entry.path().extension();
    if (kind == ".gguf") return fmt::format("give the file {}", name);
    if (kind == ".bin" || kind == ".pt" || kind == ".pth" || kind == ".ckpt")
      return fmt::format("{} is a Python pickle: convert it to safetensors", name);
  }
  return "give the .gguf file, or config.json for shapes alone";
}

Checkpoint open_folder(const std::string& path) {
  auto files = weight_files(path);
  if (files.empty()) fail(path, "the folder has no .safetensors file", other_weights(path));
  return open_safetensors(path, path, files, true);
}

// ---- GGUF, in one file or several ----

constexpr std::size_t split_digits = 5;

// The name of part `no` (from 1) of `count`, as llama-gguf-split has it: NAME-00001-of-00003.gguf.
std::string split_name(const std::string& prefix, std::uint64_t no, std::uint64_t count) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, no, count);
}

std::uint64_t split_number(const Gguf& gguf, const Source& source, const char* key) {
  const auto* entry = gguf.find(key);
  if (entry == nullptr) return 0;
  const auto* value = std::get_if<std::uint64_t>(&entry->value);
  const auto* number = std::get_if<std::int64_t>(&entry->value);
  if (entry->twice || (value == nullptr && (number == nullptr || *number < 0)))
    source.fail(entry->at, fmt::format("{} is not one whole number", key));
  return value != nullptr ? *value : static_cast<std::uint64_t>(*number);
}

// NAME of a part's path; nothing if it is not called as a part is.
std::optional<std::string> split_prefix(const std::string& path, std::uint64_t count) {
  const auto end = split_name("", 1, count).substr(1 + split_digits);  // "-of-00003.gguf"
  if (path.size() < end.size() + split_digits + 1 || !path.ends_with(end)) return std::nullopt;
  const auto at = path.size() - end.size() - split_digits - 1;
  const auto no = path.substr(at + 1, split_digits);
  if (path[at] != '-' || no.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return path.substr(0, at);
}

struct GgufPart {
  Source source;
  Gguf gguf;
};

GgufPart read_part(Source source) {
  auto gguf = read_gguf(source);
  return {std::move(source), std::move(gguf)};
}

// The first part has the metadata; all have tensors.
std::vector<GgufPart> read_parts(GgufPart given, const std::string& path) {
  const auto count = split_number(given.gguf, given.source, "split.count");
  std::vector<GgufPart> out;
  if (count <= 1) {
    out.push_back(std::move(given));
    return out;
  }
  if (count > most_files) given.source.fail(0, fmt::format("is one of over {} parts", most_files));
  const auto prefix = split_prefix(path, count);
  if (!prefix)
    given.source.fail(0, fmt::format("is one of {} parts of a model", count),
                      fmt::format("their names must end as in {}", split_name("NAME", 1, count)));
  std::uint64_t tensors = 0;
  for (std::uint64_t no = 1; no <= count; ++no) {
    const auto name = split_name(*prefix, no, count);
    if (!spec::may_be_there(name))
      fail(path, fmt::format("is one of {} parts of a model, but there is no {}", count, name), "");
    out.push_back(read_part(Source::open(name)));
    const auto& [source, gguf] = out.back();
    if (split_number(gguf, source, "split.count") != count ||
        split_number(gguf, source, "split.no") != no - 1)
      source.fail(0, fmt::format("does not say that it is part {} of {}", no, count));
    tensors += gguf.tensors.size();
  }
  const auto all = split_number(out[0].gguf, out[0].source, "split.tensors.count");
  if (all != 0 && all != tensors)
    out[0].source.fail(0,
                       fmt::format("its parts have {} tensors, but should have {}", tensors, all));
  return out;
}

Checkpoint open_gguf(const std::string& path, Source source) {
  auto parts = read_parts(read_part(std::move(source)), path);
  auto& first = parts[0].gguf;
  const auto own = first.tensors.size();
  for (std::size_t i = 1; i < parts.size(); ++i)
    ranges::copy(parts[i].gguf.tensors, std::back_inserter(first.tensors));
  Checkpoint out{
      path, fmt::format("GGUF v{}", first.version), read_architecture(first, parts[0].source), {}};
  first.tensors.resize(own);
  if (parts.size() > 1) out.format += fmt::format(" in {} parts", parts.size());
  for (auto& part : parts)
    out.parts.push_back({std::move(part.source), std::move(part.gguf.tensors)});
  read_sub_norms(out);
  return out;
}

}  // namespace

Checkpoint open_checkpoint(const std::string& path) try {
  if (!spec::may_be_there(path)) fail(path, "no such file or folder", "");
  if (fs::is_directory(path)) return open_folder(path);
  const fs::path file(path);
  if (file.extension() == ".safetensors")
    return open_safetensors(path, file.has_parent_path() ? file.parent_path() : fs::path("."),
                            {file.filename().string()}, false);
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
