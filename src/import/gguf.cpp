// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/import/gguf.hpp>

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>
#include <range/v3/algorithm/find_if.hpp>

namespace tomestimate::importer {
namespace {

// Far above any real file; they bound memory and time on a hostile one.
constexpr std::uint64_t most_metadata = 16384;         // keys; real files have about 40
constexpr std::uint64_t most_tensors = 65536;          // of BitNet-2B: 332
constexpr std::uint64_t longest_key = 65535;           // bytes, as the specification says
constexpr std::uint64_t longest_name = 256;            // ggml itself takes 63
constexpr std::uint64_t longest_kept_text = 1024;      // longer values (chat templates) are passed
constexpr std::uint64_t longest_text_array = 1 << 24;  // tokens of a vocabulary
constexpr std::uint64_t largest_header = 1 << 28;      // 256 MiB; vocabularies take some MiB
constexpr std::uint64_t largest_alignment = 1 << 20;
constexpr std::uint64_t most_dimensions = 4;     // GGML_MAX_DIMS
constexpr std::uint64_t most_elements = 4096;    // of an array that is kept: one a layer
constexpr std::uint64_t all_elements = 1 << 20;  // of all of them

struct Type {
  std::uint32_t id;
  std::string_view name;
  std::uint64_t block;  // weights in one block
  std::uint64_t bytes;  // of one block
  Storage storage = Storage::other;
  std::optional<int> integer_bits = std::nullopt;
};

// 36 to 38 were repacked IQ4_NL in old llama.cpp, and were never written to files; Microsoft's fork
// has I2_S, TL1 and TL2 at 36, 38 and 39. Where an id stands for two layouts, the room that a
// tensor has tells which it is.
constexpr std::array types{
    Type{0, "F32", 1, 4, Storage::f32},
    Type{1, "F16", 1, 2, Storage::f16},
    Type{2, "Q4_0", 32, 18, Storage::other, 4},
    Type{3, "Q4_1", 32, 20, Storage::other, 4},
    Type{6, "Q5_0", 32, 22, Storage::other, 5},
    Type{7, "Q5_1", 32, 24, Storage::other, 5},
    Type{8, "Q8_0", 32, 34, Storage::other, 8},
    Type{9, "Q8_1", 32, 36, Storage::other, 8},
    Type{10, "Q2_K", 256, 84, Storage::other, 2},
    Type{11, "Q3_K", 256, 110, Storage::other, 3},
    Type{12, "Q4_K", 256, 144, Storage::other, 4},
    Type{13, "Q5_K", 256, 176, Storage::other, 5},
    Type{14, "Q6_K", 256, 210, Storage::other, 6},
    Type{15, "Q8_K", 256, 292, Storage::other, 8},
    Type{16, "IQ2_XXS", 256, 66},
    Type{17, "IQ2_XS", 256, 74},
    Type{18, "IQ3_XXS", 256, 98},
    Type{19, "IQ1_S", 256, 50},
    Type{20, "IQ4_NL", 32, 18},
    Type{21, "IQ3_S", 256, 110},
    Type{22, "IQ2_S", 256, 82},
    Type{23, "IQ4_XS", 256, 136},
    Type{24, "I8", 1, 1, Storage::i8},
    Type{25, "I16", 1, 2},
    Type{26, "I32", 1, 4},
    Type{27, "I64", 1, 8},
    Type{28, "F64", 1, 8},
    Type{29, "IQ1_M", 256, 56},
    Type{30, "BF16", 1, 2, Storage::bf16},
    Type{34, "TQ1_0", 256, 54, Storage::tq1_0},
    Type{35, "TQ2_0", 256, 66, Storage::tq2_0},
    Type{36, "I2_S", 128, 32, Storage::i2_s},
    Type{38, "TL1", 4, 1, Storage::tl1},
    Type{39, "MXFP4", 32, 17},
    Type{39, "TL2", 32, 0, Storage::tl2},
    Type{40, "NVFP4", 64, 36},
    Type{41, "Q1_0", 128, 18},
    Type{42, "Q2_0", 64, 18, Storage::q2_0},
    Type{42, "Q2_0", 128, 34, Storage::q2_0_128},
};

constexpr std::uint64_t i2_s_tail = 32;  // the scale, padded

// Weights that are packed in one run: whole rows by themselves, but for I2_S and TL1.
std::optional<std::uint64_t> run(const Type& type, const Tensor& tensor) {
  const bool is_whole = type.storage == Storage::i2_s || type.storage == Storage::tl1;
  return is_whole               ? elements(tensor.shape)
         : tensor.shape.empty() ? std::uint64_t{1}
                                : tensor.shape.back();
}

// Bytes of a tensor whose runs are whole blocks; nothing if 64 bits can't count them.
std::optional<std::uint64_t> bytes_of(const Type& type, const Tensor& tensor) {
  const auto weights = elements(tensor.shape);
  if (!weights) return std::nullopt;
  if (type.storage == Storage::tl2) {  // 4 + 1 bits for three weights, 4 for two
    const auto columns = tensor.shape.back();
    const auto rows = *weights / columns;
    const auto threes = tl2_threes(columns);
    return rows * (threes / 24) * 5 + rows * (columns - threes) / 4;
  }
  auto bytes = product(*weights / type.block, type.bytes);
  if (bytes && type.storage == Storage::i2_s) *bytes += i2_s_tail;
  return bytes;
}

// Value types of the metadata.
enum ValueType : std::uint32_t {
  u8,
  s8,
  u16,
  s16,
  u32,
  s32,
  f32,
  boolean,
  text,
  array,
  u64,
  s64,
  f64,
  value_types
};

std::uint64_t size_of(std::uint32_t type) {
  constexpr std::array<std::uint64_t, value_types> sizes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return sizes[type];
}

bool is_whole(std::uint32_t type) { return type != f32 && type != f64; }

// A tensor whose type is yet to be looked up.
struct Entry {
  Tensor tensor;
  std::uint32_t type;
  std::uint64_t type_at;  // byte of the file
};

class HeaderReader {
 public:
  explicit HeaderReader(const Source& source)
      : source_(source), in_(source, std::min(source.size(), largest_header)) {}

  Gguf read() {
    Gguf out{};
    out.version = read_version();
    const auto tensors = read_count("tensor count", most_tensors, 8 + 4 + 8 + 4 + 8);
    const auto entries = read_count("metadata count", most_metadata, 8 + 1 + 4 + 1);
    for (std::uint64_t i = 0; i < entries; ++i) read_entry(out);
    const auto alignment = read_alignment(out);
    std::vector<Entry> all;
    for (std::uint64_t i = 0; i < tensors; ++i) all.push_back(read_tensor());
    out.tensors = place(std::move(all), alignment);
    return out;
  }

 private:
  [[noreturn]] void fail(std::uint64_t at, std::string message, std::string hint = "") const {
    source_.fail(at, std::move(message), std::move(hint));
  }

  std::uint32_t read_version() {
    if (in_.text(4, "the magic number") != "GGUF")
      fail(0, "does not begin with \"GGUF\"", "is this a GGUF file?");
    const auto version = static_cast<std::uint32_t>(in_.number(4, "the version"));
    if (version != 0 && (version & 0xFFFF) == 0)
      fail(4, "is big-endian", "only little-endian files are read");
    if (version != 2 && version != 3)
      fail(4, fmt::format("GGUF version {} is not known", version),
           "versions 2 and 3 are; convert the model again with a current llama.cpp");
    return version;
  }

  // A count of things that take at least `least` bytes each.
  std::uint64_t read_count(std::string_view what, std::uint64_t most, std::uint64_t least) {
    const auto at = in_.at();
    const auto count = in_.number(8, what);
    if (count > most)
      fail(at, fmt::format("{} of {} is too large", what, count), fmt::format("{} at most", most));
    if (count > in_.left() / least)
      fail(at, fmt::format("{} of {}, but only {} bytes follow", what, count, in_.left()),
           "is the file truncated?");
    return count;
  }

  std::string read_text(std::string_view what, std::uint64_t longest) {
    const auto at = in_.at();
    const auto length = in_.number(8, what);
    if (length > longest)
      fail(at, fmt::format("{} of {} bytes is too long", what, length),
           fmt::format("{} at most", longest));
    return in_.text(length, what);
  }

  std::string read_name(std::string_view what, std::uint64_t longest) {
    const auto at = in_.at();
    auto name = read_text(what, longest);
    if (name.empty() || !is_printable(name))
      fail(at, fmt::format("{} \"{}\" is no plain text", what, printable(name)));
    return name;
  }

  void read_entry(Gguf& out) {
    const auto at = in_.at();
    auto key = read_name("a metadata key", longest_key);
    const auto type = read_type(key);
    auto value = read_value(type, key);
    const auto [entry, is_new] =
        out.metadata.emplace(std::move(key), Metadata{std::move(value), at});
    if (!is_new) entry->second.twice = true;
  }

  std::uint32_t read_type(const std::string& key) {
    const auto at = in_.at();
    const auto type = static_cast<std::uint32_t>(in_.number(4, key));
    if (type >= value_types) fail(at, fmt::format("{} has unknown value type {}", key, type));
    return type;
  }

  decltype(Metadata::value) read_value(std::uint32_t type, const std::string& key) {
    const auto at = in_.at();
    switch (type) {
      case u8:
      case u16:
      case u32:
      case u64:
        return in_.number(size_of(type), key);
      case s8:
        return std::int64_t{static_cast<std::int8_t>(in_.number(1, key))};
      case s16:
        return std::int64_t{static_cast<std::int16_t>(in_.number(2, key))};
      case s32:
        return std::int64_t{static_cast<std::int32_t>(in_.number(4, key))};
      case s64:
        return static_cast<std::int64_t>(in_.number(8, key));
      case f32:
        return double{std::bit_cast<float>(static_cast<std::uint32_t>(in_.number(4, key)))};
      case f64:
        return std::bit_cast<double>(in_.number(8, key));
      case boolean:
        break;
      case text:
        return read_value_text(key);
      default:
        return read_array(key);
    }
    const auto flag = in_.number(1, key);
    if (flag > 1) fail(at, fmt::format("{} is a boolean of {}", key, flag), "0 or 1");
    return flag == 1;
  }

  std::string read_value_text(const std::string& key) {
    const auto length = in_.number(8, key);
    if (length <= longest_kept_text) return in_.text(length, key);
    in_.skip(length, key);
    return "";
  }

  Array read_array(const std::string& key) {
    const auto at = in_.at();
    const auto type = read_type(key);
    const auto length = in_.number(8, key);
    if (type == array) fail(at, fmt::format("{} is an array of arrays", key), "no model has one");
    if (type == text) {
      if (length > longest_text_array)
        fail(at, fmt::format("{} has {} texts", key, length),
             fmt::format("{} at most", longest_text_array));
      for (std::uint64_t i = 0; i < length; ++i) in_.skip(in_.number(8, key), key);
      return {length, {}};
    }
    const auto bytes = product(length, size_of(type));
    if (!bytes) fail(at, fmt::format("{} has {} values", key, length));
    if (is_whole(type) && length <= most_elements && kept_ + length <= all_elements)
      return read_elements(key, type, length);
    in_.skip(*bytes, key);
    return {length, {}};
  }

  Array read_elements(const std::string& key, std::uint32_t type, std::uint64_t length) {
    const auto size = size_of(type);
    const bool is_signed = type == s8 || type == s16 || type == s32 || type == s64;
    bool is_negative = false;
    Array out{length, {}};
    for (std::uint64_t i = 0; i < length; ++i) {
      out.elements.push_back(in_.number(size, key));
      is_negative |= is_signed && out.elements.back() >> (8 * size - 1) != 0;
    }
    if (is_negative) out.elements.clear();
    kept_ += out.elements.size();
    return out;
  }

  std::uint64_t read_alignment(const Gguf& gguf) const {
    const auto* entry = gguf.find("general.alignment");
    if (entry == nullptr) return 32;
    const auto* value = std::get_if<std::uint64_t>(&entry->value);
    if (entry->twice) fail(entry->at, "general.alignment is there twice");
    if (value == nullptr || !std::has_single_bit(*value) || *value > largest_alignment)
      fail(entry->at, "general.alignment is not a power of two",
           fmt::format("1 to {}", largest_alignment));
    return *value;
  }

  Entry read_tensor() {
    Entry out{};
    auto& tensor = out.tensor;
    tensor.name = read_name("a tensor name", longest_name);
    const auto at = in_.at();
    const auto dimensions = in_.number(4, tensor.name);
    if (dimensions > most_dimensions)
      fail(at, fmt::format("{} has {} dimensions", tensor.name, dimensions),
           fmt::format("{} at most", most_dimensions));
    for (std::uint64_t i = 0; i < dimensions; ++i)
      tensor.shape.push_back(in_.number(8, tensor.name));
    std::ranges::reverse(tensor.shape);  // GGUF has the innermost first
    out.type_at = in_.at();
    out.type = static_cast<std::uint32_t>(in_.number(4, tensor.name));
    const auto offset_at = in_.at();
    tensor.offset = in_.number(8, tensor.name);
    if (tensor.offset > source_.size())
      fail(offset_at,
           fmt::format("{} is said to be at {} of the data, beyond the file's {} bytes",
                       tensor.name, tensor.offset, source_.size()),
           "is the file truncated?");
    return out;
  }

  // The layouts of the tensor's type that its shape allows.
  std::vector<const Type*> layouts(const Entry& entry) const {
    const auto& tensor = entry.tensor;
    const auto weights = elements(tensor.shape);
    if (!weights || *weights == 0)
      fail(entry.type_at,
           fmt::format("{} has no possible shape: {}", tensor.name, shape_text(tensor.shape)));
    std::vector<const Type*> out;
    const Type* first = nullptr;
    for (const auto& type : types) {
      if (type.id != entry.type) continue;
      if (first == nullptr) first = &type;
      const bool has_rows =
          type.storage != Storage::tl2 || (tensor.shape.size() == 2 && tensor.shape[0] % 32 == 0);
      if (has_rows && *run(type, tensor) % type.block == 0) out.push_back(&type);
    }
    if (out.empty() && first != nullptr)
      fail(
          entry.type_at,
          fmt::format("{} of {} weights{}, not a multiple of {}", tensor.name, *run(*first, tensor),
                      *run(*first, tensor) == *weights ? "" : " a row", first->block),
          fmt::format("{} packs blocks of {}", first->name, first->block));
    return out;
  }

  // Of the layouts of a type the first is the largest: the first one that fits in `room` bytes,
  // which reach to the next tensor, is the tensor's.
  void read_layout(Entry& entry, std::uint64_t room) const {
    auto& tensor = entry.tensor;
    const auto all = layouts(entry);
    if (all.empty()) {
      tensor.type = fmt::format("type {}", entry.type);
      tensor.storage = Storage::unknown;
      return;
    }
    const auto fits = ranges::find_if(
        all, [&](const Type* type) { return bytes_of(*type, tensor).value_or(room + 1) <= room; });
    const auto* best = fits == all.end() ? all.front() : *fits;
    const auto bytes = bytes_of(*best, tensor);
    if (!bytes || *bytes > source_.size())
      fail(entry.type_at,
           fmt::format("{} ({} {}) is larger than the file", tensor.name, shape_text(tensor.shape),
                       best->name),
           "is the file truncated?");
    tensor.type = best->name;
    tensor.storage = best->storage;
    tensor.integer_bits = best->integer_bits;
    tensor.bytes = *bytes;
  }

  // From offsets into the data, which begins at the next aligned byte, to offsets into the file;
  // and types to layouts.
  std::vector<Tensor> place(std::vector<Entry> all, std::uint64_t alignment) const {
    const auto data = (in_.at() + alignment - 1) / alignment * alignment;
    const auto end = std::max(data, source_.size());
    std::vector<std::uint64_t> starts{end};
    for (auto& [tensor, type, at] : all) {
      if (tensor.offset % alignment != 0)
        fail(data, fmt::format("{} is at {} of the data, not aligned to {}", tensor.name,
                               tensor.offset, alignment));
      tensor.offset += data;
      starts.push_back(tensor.offset);
    }
    std::ranges::sort(starts);
    std::vector<Tensor> out;
    for (auto& entry : all) {
      const auto next = std::ranges::upper_bound(starts, entry.tensor.offset);
      read_layout(entry, next == starts.end() ? 0 : *next - entry.tensor.offset);
      const auto& tensor = entry.tensor;
      if (tensor.offset > source_.size() || tensor.bytes > source_.size() - tensor.offset)
        fail(source_.size(),
             fmt::format("the file ends, but {} takes {} bytes from byte {}", tensor.name,
                         tensor.bytes, tensor.offset),
             "is it truncated?");
      out.push_back(std::move(entry.tensor));
    }
    check_apart(source_, out);
    return out;
  }

  const Source& source_;
  Cursor in_;
  std::uint64_t kept_ = 0;  // elements of arrays
};

}  // namespace

const Metadata* Gguf::find(std::string_view key) const {
  const auto found = metadata.find(key);
  return found == metadata.end() ? nullptr : &found->second;
}

Gguf read_gguf(const Source& source) { return HeaderReader(source).read(); }

}  // namespace tomestimate::importer
