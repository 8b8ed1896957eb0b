// SPDX-License-Identifier: Apache-2.0
#include "compose.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/spec/model.hpp>
#include <tomestimate/spec/toml.hpp>

namespace tomestimate::spec {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view base_key = "based_on";

// A spec of the chain from the one asked for to the last base.
struct Link {
  std::string file;
  toml::table root;
};

[[noreturn]] void fail(const toml::node& node, const std::string& file, std::string message,
                       std::string hint = "") {
  throw SpecError({{place_of(node, file), std::move(message), std::move(hint)}});
}

// The name that key `key` gives; nullptr if there is no such key.
const std::string* name_at(const Link& link, std::string_view key, std::string_view expected) {
  const auto* node = link.root.get(key);
  if (node == nullptr) return nullptr;
  const auto* name = node->as_string();
  if (name == nullptr || name->get().empty())
    fail(*node, link.file, fmt::format("expected {}", expected));
  return &name->get();
}

// ---- bases ----

// The file of a base: NAME or NAME.toml beside the spec (NAME may be a path), or the installed
// spec.
std::string base_file(const Link& link, const std::string& name) {
  const auto folder = fs::path(link.file).parent_path();
  std::error_code ignored;
  for (const auto& candidate : {folder / name, folder / (name + ".toml")})
    if (fs::is_regular_file(candidate, ignored)) return candidate.string();
  std::string hint;
  try {
    auto path = find_spec(name, folder);
    if (fs::is_regular_file(path, ignored)) return path;
  } catch (const SpecError& e) {
    hint = e.diagnostics().at(0).hint;
  }
  fail(*link.root.get(base_key), link.file,
       fmt::format("no spec \"{}\": no such file beside this one, and none installed", name),
       std::move(hint));
}

std::vector<Link> chain_of(std::string_view text, const std::string& file) {
  std::vector<Link> chain;
  chain.push_back({file, parse_toml(text, file)});
  // [base] is a table of hardware specs, so that "base" can't be the key.
  if (const auto* node = chain.front().root.get("base"); node != nullptr && node->is_string())
    fail(*node, file, "\"base\" is the class of base units",
         fmt::format("a spec that starts from another says {} = \"...\"", base_key));
  while (const auto* name =
             name_at(chain.back(), base_key, "the spec it is based on, such as \"tom\"")) {
    const auto& link = chain.back();
    auto path = base_file(link, *name);
    std::string through;
    for (const auto& other : chain) {
      if (!through.empty() || same_file(other.file, path)) through += other.file + " -> ";
    }
    if (!through.empty())
      fail(*link.root.get(base_key), link.file, "specs are based on each other: " + through + path);
    auto root = parse_toml(read_file(path), path);
    const auto own = read_kind(link.root);
    if (const auto kind = read_kind(root); !own.empty() && kind != own && !kind.empty())
      fail(*link.root.get(base_key), link.file,
           fmt::format("\"{}\" is kind = \"{}\", not \"{}\"", *name, kind, own));
    chain.push_back({std::move(path), std::move(root)});
  }
  return chain;
}

// ---- leaves ----

// Calls use(table, key) for every value of a spec's tables.
template <class Use>
void for_each_leaf(toml::table& root, Use use) {
  for (auto&& [name, node] : root) {
    auto* table = node.as_table();
    if (table == nullptr || name.str() == "labels") continue;
    std::vector<std::string> keys;
    for (auto&& [key, leaf] : *table) keys.emplace_back(key.str());
    for (const auto& key : keys) use(*table, key);
  }
}

// A bare value as a table with that value.
void wrap(toml::table& table, const std::string& key) {
  auto* node = table.get(key);
  if (node->is_table()) return;
  toml::table leaf;
  // Moved, which keeps its place.
  node->visit([&leaf](auto& value) { leaf.insert("value", std::move(value)); });
  table.insert_or_assign(key, std::move(leaf));
}

// Grade and source of a spec that only says what differs.
void complete(Link& link) {
  for_each_leaf(link.root, [&link](toml::table& table, const std::string& key) {
    wrap(table, key);
    auto& leaf = *table.get_as<toml::table>(key);
    if (!leaf.contains("grade")) leaf.insert("grade", "assumption");
    if (!leaf.contains("source")) leaf.insert("source", fs::path(link.file).filename().string());
  });
}

// What was fitted for a base holds for that design only.
void release(Link& base) {
  const auto name = base.root["name"].value_or(base.file);
  for_each_leaf(base.root, [&name](toml::table& table, const std::string& key) {
    auto* leaf = table.get_as<toml::table>(key);
    if (leaf == nullptr || (*leaf)["grade"].value_or(std::string{}) != "calibrated") return;
    leaf->insert_or_assign("grade", "assumption");
    leaf->insert_or_assign("source", fmt::format("calibrated for {}, no longer so here: {}", name,
                                                 (*leaf)["source"].value_or(std::string{})));
    leaf->erase("fits");
  });
}

// Adds what `root` does not say itself from `below`, leaf by leaf. Nodes are moved, which keeps
// their places: a copy of toml++'s has none.
void inherit(toml::table& root, toml::table&& below) {
  for (auto&& [key, node] : below) {
    auto* own = root.get_as<toml::table>(key.str());
    auto* theirs = node.as_table();
    if (own != nullptr && theirs != nullptr)
      for (auto&& [leaf_key, leaf] : *theirs) own->insert(leaf_key, std::move(leaf));
    else
      root.insert(key, std::move(node));
  }
}

// A value that is restated without a range of its own keeps that of its base.
void keep_ranges(toml::table& root, toml::table& below) {
  for (auto&& [name, node] : root) {
    auto* own = node.as_table();
    auto* theirs = below.get_as<toml::table>(name.str());
    if (own == nullptr || theirs == nullptr) continue;
    for (auto&& [key, leaf] : *own) {
      auto* restated = leaf.as_table();
      auto* before = theirs->get_as<toml::table>(key.str());
      if (restated == nullptr || before == nullptr) continue;
      // Moved, which keeps its place.
      if (auto* range = before->get_as<toml::array>("range"))
        restated->insert("range", std::move(*range));
    }
  }
}

// A share of zeros that a spec gives for all projections, or the other kind of share, does not go
// with what its base knows of each projection: as when it is set on a command line.
void forget_shares(const toml::table& root, toml::table& below) {
  const auto* own = root.get_as<toml::table>("weights");
  auto* theirs = below.get_as<toml::table>("weights");
  if (own == nullptr || theirs == nullptr) return;
  const bool zeros = own->contains("zero_share"), bits = own->contains("zero_bit_ratio");
  if (zeros || bits)
    for (const auto path : zero_share_paths) theirs->erase(path.substr(path.find('.') + 1));
  if (bits) theirs->erase("zero_share");
  if (zeros) theirs->erase("zero_bit_ratio");
}

// ---- technology ----

// The file of the technology that a hardware spec names: NAME.toml in the folder technology beside
// it, or a path beside it.
std::string technology_file(const std::string& name, const std::string& hardware_file) {
  const auto folder = fs::path(hardware_file).parent_path();
  if (name.ends_with(".toml")) return (folder / name).string();
  return (folder / "technology" / (name + ".toml")).string();
}

// The technology in a file.
Link read_technology(const std::string& path) {
  Link out{path, parse_toml(read_file(path), path)};
  if (read_kind(out.root) != "technology")
    throw SpecError({{{path, 1, 1}, "expected kind = \"technology\"", ""}});
  for (const auto* key : {"kind", "name", "description"}) out.root.erase(key);
  return out;
}

// The technology that a spec names; nothing if it names none. A spec with a base may also mean one
// of those that the base can name; and a spec of one's own, in a folder of its own, those that are
// shipped.
std::optional<Link> technology_of(const std::vector<Link>& chain) {
  const std::string* name = nullptr;
  const Link* by = nullptr;
  for (const auto& link : chain) {
    if (name == nullptr) {
      name = name_at(link, "technology", "the name of a technology, such as \"n7\"");
      by = &link;
    }
    if (name == nullptr) continue;
    const auto path = technology_file(*name, link.file);
    if (may_be_there(path)) return read_technology(path);
  }
  if (name == nullptr) return std::nullopt;
  if (const auto path = installed_spec("technology/" + *name)) return read_technology(*path);
  fail(*by->root.get("technology"), by->file,
       fmt::format("no technology \"{}\": no file {}", *name, technology_file(*name, by->file)));
}

// A spec with a base that has no name of its own is called after its file.
void name_after_file(Link& link) {
  if (!link.root.contains("name")) link.root.insert("name", fs::path(link.file).stem().string());
}

}  // namespace

std::string read_kind(const toml::table& root) { return root["kind"].value_or(std::string{}); }

toml::table compose(std::string_view text, const std::string& file) {
  auto chain = chain_of(text, file);
  auto technology = technology_of(chain);
  if (chain.size() > 1) name_after_file(chain.front());
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (i > 0) release(chain[i]);
    if (i + 1 < chain.size()) complete(chain[i]);
    if (i == 0) continue;
    forget_shares(chain.front().root, chain[i].root);
    keep_ranges(chain.front().root, chain[i].root);
    inherit(chain.front().root, std::move(chain[i].root));
  }
  auto root = std::move(chain.front().root);
  if (technology) inherit(root, std::move(technology->root));
  root.erase(base_key);
  return root;
}

std::vector<std::string> files_of(const std::string& path) {
  std::vector<std::string> files;
  const auto chain = chain_of(read_file(path), path);
  for (const auto& link : chain) files.push_back(link.file);
  if (const auto technology = technology_of(chain)) files.push_back(technology->file);
  return files;
}

}  // namespace tomestimate::spec
