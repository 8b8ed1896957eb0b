// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/import/safetensors.hpp>

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <range/v3/algorithm/sort.hpp>

#include <tomestimate/import/json.hpp>

namespace tomestimate::importer {
namespace {

constexpr std::uint64_t header_limit = 100'000'000;  // the format's own limit
constexpr std::size_t dimension_limit = 8;
constexpr std::size_t tensor_limit = 1 << 20;
constexpr std::size_t name_limit = 256;

struct Dtype {
  std::string_view name;
  std::uint64_t bytes;
  Storage storage = Storage::other;
};

constexpr std::array dtypes{
    Dtype{"BOOL", 1},
    Dtype{"U8", 1, Storage::packed_u8},
    Dtype{"I8", 1, Storage::i8},
    Dtype{"F8_E5M2", 1},
    Dtype{"F8_E4M3", 1},
    Dtype{"F8_E8M0", 1},
    Dtype{"I16", 2},
    Dtype{"U16", 2},
    Dtype{"F16", 2, Storage::f16},
    Dtype{"BF16", 2, Storage::bf16},
    Dtype{"I32", 4},
    Dtype{"U32", 4},
    Dtype{"F32", 4, Storage::f32},
    Dtype{"F64", 8},
    Dtype{"I64", 8},
    Dtype{"U64", 8},
    Dtype{"C64", 8},
};

using Json = nlohmann::json;

// Reads the entries of one header; all its errors name the byte where the header begins.
struct EntryReader {
  const Source& source;
  std::uint64_t data;  // byte where the data begins

  [[noreturn]] void fail(std::string message, std::string hint = "") const {
    source.fail(8, std::move(message), std::move(hint));
  }

  std::uint64_t whole(const Json& value, const std::string& name) const {
    if (!value.is_number_unsigned())
      fail(fmt::format("{} has a shape or offset that is not a whole number", name));
    return value.get<std::uint64_t>();
  }

  const Json& member(const Json& entry, const char* key, const std::string& name) const {
    const auto found = entry.find(key);
    if (found == entry.end()) fail(fmt::format("{} has no \"{}\"", name, key));
    if (found->is_discarded()) fail(fmt::format("{} has two \"{}\"", name, key));
    return *found;
  }

  void read_type(const Json& entry, Tensor& out) const {
    const auto& dtype = member(entry, "dtype", out.name);
    const auto* text = dtype.get_ptr<const std::string*>();
    if (text == nullptr) fail(fmt::format("{} has a dtype that is no text", out.name));
    const auto type = std::ranges::find(dtypes, *text, &Dtype::name);
    if (type == dtypes.end()) {
      out.type = printable(*text);
      out.storage = Storage::unknown;
      return;
    }
    out.type = type->name;
    out.storage = type->storage;
    const auto count = elements(out.shape);
    const auto bytes = count ? product(*count, type->bytes) : std::nullopt;
    if (!bytes || *bytes != out.bytes)
      fail(fmt::format("{} has {} bytes, but {} of {} take {}", out.name, out.bytes,
                       shape_text(out.shape), out.type,
                       bytes ? fmt::format("{}", *bytes) : "more than 64 bits can count"));
  }

  Tensor read(const std::string& name, const Json& entry) const {
    Tensor out;
    out.name = name;
    if (!entry.is_object()) fail(fmt::format("{} is not described by an object", name));
    const auto& shape = member(entry, "shape", name);
    if (!shape.is_array() || shape.size() > dimension_limit)
      fail(fmt::format("{} has no shape of at most {} dimensions", name, dimension_limit));
    for (const auto& size : shape) out.shape.push_back(whole(size, name));
    const auto& offsets = member(entry, "data_offsets", name);
    if (!offsets.is_array() || offsets.size() != 2)
      fail(fmt::format("{} has no data_offsets [begin, end]", name));
    const auto begin = whole(offsets[0], name);
    const auto end = whole(offsets[1], name);
    if (begin > end || end > source.size() - data)
      fail(fmt::format("{} is at [{}, {}) of the data, which has {} bytes", name, begin, end,
                       source.size() - data),
           "is the file truncated?");
    out.offset = data + begin;
    out.bytes = end - begin;
    read_type(entry, out);
    return out;
  }
};

// Tensors must cover the data from front to back.
void check_covered(const Source& source, std::uint64_t data, const std::vector<Tensor>& tensors) {
  check_apart(source, tensors);
  std::uint64_t at = data;
  for (const auto& tensor : tensors) {
    if (tensor.offset != at)
      source.fail(at, fmt::format("{} bytes before {} belong to no tensor", tensor.offset - at,
                                  tensor.name));
    at += tensor.bytes;
  }
  if (at != source.size())
    source.fail(at, fmt::format("{} bytes at the end belong to no tensor", source.size() - at));
}

bool is_plain(std::string_view name) {
  return !name.empty() && name.size() <= name_limit && is_printable(name);
}

}  // namespace

std::vector<Tensor> read_safetensors(const Source& source) {
  Cursor in(source, source.size());
  const auto length = in.number(8, "the header's length");
  if (length > header_limit)
    source.fail(0, fmt::format("a header of {} bytes is too large", length),
                fmt::format("{} at most; is this a safetensors file?", header_limit));
  auto text = in.text(length, "the header");
  if (!text.starts_with("{"))
    source.fail(8, "the header does not begin with \"{\"", "is this a safetensors file?");
  const EntryReader reader{source, in.at()};
  std::vector<Tensor> out;
  visit_members(std::move(text), source.name(), 8, [&](const std::string& name, const Json& entry) {
    if (name == "__metadata__") return;
    if (out.size() == tensor_limit) reader.fail(fmt::format("over {} tensors", tensor_limit));
    if (!is_plain(name))
      reader.fail(fmt::format("the tensor name \"{}\" is no plain text of at most {} bytes",
                              printable(name), name_limit));
    out.push_back(reader.read(name, entry));
  });
  ranges::sort(out, {}, [](const Tensor& t) { return std::pair(t.offset, t.bytes); });
  check_covered(source, reader.data, out);
  return out;
}

}  // namespace tomestimate::importer
