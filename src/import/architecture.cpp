// SPDX-License-Identifier: Apache-2.0
// The architecture that a GGUF file describes.
#include <tomestimate/import/architecture.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <limits>

#include <fmt/format.h>
#include <range/v3/algorithm/adjacent_find.hpp>
#include <range/v3/algorithm/find.hpp>

#include "family.hpp"
#include "graph.hpp"
#include "window.hpp"

namespace tomestimate::importer {
namespace {

using spec::Grade;

// A path says where a model once was, not what it is called.
bool is_path(std::string_view name) {
  return name.starts_with('/') || name.starts_with('.') || name.starts_with('~') ||
         name.find('\\') != std::string_view::npos;
}

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>  // clang 14 doesn't deduce it
Overloaded(Functions...)->Overloaded<Functions...>;

Amount amount(const Metadata& entry) {
  constexpr auto all = std::numeric_limits<double>::infinity();
  if (entry.twice) return {all, false};  // whatever the first one says
  return std::visit(Overloaded{[](bool on) {
                                 return Amount{on ? all : 0, false};
                               },
                               [](const std::string& text) { return amount_of(text); },
                               [](const Array& array) {
                                 const bool none =
                                     array.length == array.elements.size() &&
                                     std::ranges::all_of(array.elements, std::logical_not<>());
                                 return Amount{none ? 0 : all, false};
                               },
                               [](auto number) {
                                 return Amount{static_cast<double>(number), false};
                               }},
                    entry.value);
}

// The metadata of one GGUF file.
class GgufFacts {
 public:
  GgufFacts(const Gguf& gguf, const Source& source)
      : gguf_(gguf),
        source_(source),
        file_(printable(std::filesystem::path(source.name()).filename().string())) {}

  Architecture read() const {
    const auto type = text("general.architecture");
    if (type.empty()) fail("has no general.architecture");
    refuse_others(type);
    const auto* family = find_family(type);
    if (family == nullptr)
      fail(fmt::format("architecture \"{}\" is not known", printable(type)),
           "known are " + known_families());
    const auto key = [&type](const char* rest) { return type + "." + rest; };
    Architecture out;
    out.type = printable(type);
    if (const auto name = printable(text("general.name")); !is_path(name)) out.name = name;
    out.hidden = number(key("embedding_length"));
    out.layers = number(key("block_count"));
    out.heads = number(key("attention.head_count"));
    const auto kv_heads = key("attention.head_count_kv");
    out.kv_heads =
        has(kv_heads) ? number(kv_heads)
                      : Fact{out.heads.value, Grade::secondary,
                             fmt::format("{} has no {}: one for each query head", file_, kv_heads)};
    out.head_dim = head_dim(key("attention.key_length"), out);
    check_values(key("attention.value_length"), out.head_dim.value);
    out.intermediate = number(key("feed_forward_length"));
    if (family->halved)
      out.intermediate = {out.intermediate.value / 2, Grade::derived,
                          out.intermediate.source + " / 2"};
    if (has(key("context_length"))) out.positions = number(key("context_length"));
    out.gate = {
        family->gate, Grade::secondary,
        fmt::format("{} has an MLP {} a gate", out.type, family->gate ? "with" : "without")};
    read_window(*family, key("attention.sliding_window"), out);
    out.vocabulary = vocabulary(key("vocab_size"));
    const bool tied = !has_tensor("output.weight");
    out.tied = {tied, Grade::secondary,
                fmt::format("{} {} tensor output.weight", file_, tied ? "has no" : "has a")};
    const bool norms = has_tensor("blk.0.attn_sub_norm.weight");
    out.sub_norms = {
        norms, Grade::secondary,
        fmt::format("{} {} tensor blk.0.attn_sub_norm.weight", file_, norms ? "has a" : "has no")};
    if (type.starts_with("bitnet")) {
      out.ternary = true;
      out.ternary_why = fmt::format("architecture {} in {}", out.type, file_);
    }
    return out;
  }

 private:
  [[noreturn]] void fail(std::string message, std::string hint = "") const {
    source_.fail(0, std::move(message), std::move(hint));
  }

  const Metadata* find(std::string_view key) const {
    const auto* found = gguf_.find(key);
    if (found != nullptr && found->twice)
      source_.fail(found->at, fmt::format("{} is there twice", printable(key)));
    return found;
  }

  bool has(std::string_view key) const { return find(key) != nullptr; }

  bool has_tensor(std::string_view name) const {
    return ranges::find(gguf_.tensors, name, &Tensor::name) != gguf_.tensors.end();
  }

  std::string text(std::string_view key) const {
    const auto* found = find(key);
    const auto* value = found == nullptr ? nullptr : std::get_if<std::string>(&found->value);
    return value == nullptr ? "" : *value;
  }

  Fact number(const std::string& key) const {
    const auto* found = find(key);
    if (found == nullptr) fail(fmt::format("has no {}", printable(key)));
    const auto said = fmt::format("{} in {}", printable(key), file_);
    const auto value = whole(*found, key);
    if (value > largest_number)
      source_.fail(found->at, fmt::format("{} is {}, which no model has", printable(key), value));
    return {value, Grade::secondary, said};
  }

  // Of a number, or of an array with one value a layer that are all the same.
  std::uint64_t whole(const Metadata& entry, const std::string& key) const {
    if (const auto* value = std::get_if<std::uint64_t>(&entry.value)) return *value;
    if (const auto* value = std::get_if<std::int64_t>(&entry.value); value && *value >= 0)
      return static_cast<std::uint64_t>(*value);
    const auto* array = std::get_if<Array>(&entry.value);
    if (array == nullptr || array->elements.empty())
      source_.fail(entry.at, fmt::format("{} is not one whole number", printable(key)));
    if (ranges::adjacent_find(array->elements, std::not_equal_to<>()) != array->elements.end())
      source_.fail(entry.at, fmt::format("{} differs by layer", printable(key)),
                   "one value for all layers is needed");
    check_by_layer(entry, *array, key);
    return array->elements[0];
  }

  void check_by_layer(const Metadata& entry, const Array& array, const std::string& key) const {
    const auto layers = text("general.architecture") + ".block_count";
    if (key == layers || array.length != number(layers).value)
      source_.fail(entry.at,
                   fmt::format("{} has {} values, not one a layer", printable(key), array.length));
  }

  Fact head_dim(const std::string& key, const Architecture& a) const {
    if (has(key)) return number(key);
    if (a.heads.value == 0 || a.hidden.value % a.heads.value != 0)
      fail(fmt::format("{} query heads do not divide the embedding length {}", a.heads.value,
                       a.hidden.value),
           fmt::format("and there is no {}", printable(key)));
    return {a.hidden.value / a.heads.value, Grade::derived,
            fmt::format("embedding_length / head_count in {}", file_)};
  }

  void check_values(const std::string& key, std::uint64_t keys) const {
    if (has(key) && number(key).value != keys)
      fail(fmt::format("heads have {} keys and {} values", keys, number(key).value),
           "a model spec has one head size");
  }

  Window window(const Family& family, const std::string& key) const {
    const auto positions = has(key)                 ? number(key).value
                           : family.full_every != 0 ? family.window
                                                    : 0;
    if (positions == 0) return {};
    const auto pattern = key + "_pattern";
    const auto* found = find(pattern);
    if (found == nullptr) return {positions, family.full_every};
    const auto* array = std::get_if<Array>(&found->value);
    if (array == nullptr) {
      const auto every = number(pattern).value;
      if (every == 0) source_.fail(found->at, fmt::format("{} is 0", printable(pattern)));
      return {positions, every};
    }
    check_by_layer(*found, *array, pattern);
    if (array->elements.size() != array->length)
      source_.fail(found->at, fmt::format("{} has no numbers", printable(pattern)));
    const auto every = full_every({array->elements.begin(), array->elements.end()});
    if (!every)
      source_.fail(found->at, fmt::format("{}: layers with and without a window follow no period",
                                          printable(pattern)));
    return *every == 1 ? Window{} : Window{positions, *every};
  }

  void read_window(const Family& family, const std::string& key, Architecture& out) const {
    auto found = window(family, key);
    if (out.positions && found.positions >= out.positions->value) found = {};
    const auto why = found.positions == 0 ? fmt::format("{} has no window", file_)
                                          : fmt::format("{} in {}", printable(key), file_);
    out.window = {found.positions, Grade::secondary, why};
    out.full_every = {found.full_every, Grade::secondary, why};
  }

  Fact vocabulary(const std::string& key) const {
    const auto embedding = ranges::find(gguf_.tensors, "token_embd.weight", &Tensor::name);
    if (has(key)) return number(key);
    if (embedding != gguf_.tensors.end() && embedding->shape.size() == 2)
      return {embedding->shape[0], Grade::secondary,
              fmt::format("rows of token_embd.weight in {}", file_)};
    const auto* tokens = find("tokenizer.ggml.tokens");
    const auto* length = tokens == nullptr ? nullptr : std::get_if<Array>(&tokens->value);
    if (length == nullptr)
      fail("does not say its vocabulary",
           fmt::format("no {}, token_embd.weight or token list", printable(key)));
    return {length->length, Grade::secondary, fmt::format("tokenizer.ggml.tokens in {}", file_)};
  }

  void refuse_others(const std::string& type) const {
    for (const auto& [key, entry] : gguf_.metadata) {
      if (!key.starts_with(type + ".")) continue;
      const auto why = graph_change(std::string_view(key).substr(type.size() + 1), amount(entry));
      if (!why) continue;
      const auto* number = std::get_if<std::uint64_t>(&entry.value);
      source_.fail(entry.at, fmt::format("{} is {}: {}", printable(key),
                                         entry.twice         ? "there twice"
                                         : number == nullptr ? "there"
                                                             : fmt::format("{}", *number),
                                         *why));
    }
  }

  const Gguf& gguf_;
  const Source& source_;
  std::string file_;
};

}  // namespace

Architecture read_architecture(const Gguf& gguf, const Source& source) {
  return GgufFacts(gguf, source).read();
}

}  // namespace tomestimate::importer
