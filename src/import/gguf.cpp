// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/import/gguf.hpp>

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

namespace tomestimate::importer {
namespace {

// Far above any real file; they bound memory and time on a hostile one.
constexpr std::uint64_t most_metadata = 16384;         // keys; real files have about 40
constexpr std::uint64_t most_tensors = 65536;          // of BitNet-2B: 332
constexpr std::uint64_t longest_key = 256;             // bytes
constexpr std::uint64_t longest_name = 256;            // ggml itself takes 63
constexpr std::uint64_t longest_kept_text = 1024;      // longer values (chat templates) are passed
constexpr std::uint64_t longest_text_array = 1 << 24;  // tokens of a vocabulary
constexpr std::uint64_t largest_header = 1 << 28;      // 256 MiB; vocabularies take some MiB
constexpr std::uint64_t largest_alignment = 1 << 20;
constexpr std::uint64_t most_dimensions = 4;  // GGML_MAX_DIMS

struct Type {
  std::uint32_t id;
  std::string_view name;
  std::uint64_t block;  // weights in one block
  std::uint64_t bytes;  // of one block
  Storage storage = Storage::other;
  std::optional<int> integer_bits = std::nullopt;
};

constexpr std::uint32_t i2_s = 36;

// 36 to 38 were repacked IQ4_NL in old llama.cpp, and were never written to files; Microsoft's fork
// has I2_S at 36.
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
    Type{i2_s, "I2_S", 128, 32, Storage::i2_s},
    Type{39, "MXFP4", 32, 17},
};

constexpr std::uint64_t i2_s_tail = 32;  // the scale, padded

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

bool is_printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

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
    for (std::uint64_t i = 0; i < tensors; ++i) out.tensors.push_back(read_tensor());
    place(out.tensors, alignment);
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
    if (name.empty() || !is_printable_ascii(name))
      fail(at, fmt::format("{} \"{}\" is not plain ASCII", what, printable(name)));
    return name;
  }

  void read_entry(Gguf& out) {
    const auto at = in_.at();
    auto key = read_name("a metadata key", longest_key);
    const auto type = read_type(key);
    auto value = read_value(type, key);
    if (!out.metadata.emplace(std::move(key), Metadata{std::move(value), at}).second)
      fail(at, "this metadata key is there twice");
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

  ArrayLength read_array(const std::string& key) {
    const auto at = in_.at();
    const auto type = read_type(key);
    const auto length = in_.number(8, key);
    if (type == array) fail(at, fmt::format("{} is an array of arrays", key), "no model has one");
    if (type == text) {
      if (length > longest_text_array)
        fail(at, fmt::format("{} has {} texts", key, length),
             fmt::format("{} at most", longest_text_array));
      for (std::uint64_t i = 0; i < length; ++i) in_.skip(in_.number(8, key), key);
    } else {
      const auto bytes = product(length, size_of(type));
      if (!bytes) fail(at, fmt::format("{} has {} values", key, length));
      in_.skip(*bytes, key);
    }
    return {length};
  }

  std::uint64_t read_alignment(const Gguf& gguf) const {
    const auto* entry = gguf.find("general.alignment");
    if (entry == nullptr) return 32;
    const auto* value = std::get_if<std::uint64_t>(&entry->value);
    if (value == nullptr || !std::has_single_bit(*value) || *value > largest_alignment)
      fail(entry->at, "general.alignment is not a power of two",
           fmt::format("1 to {}", largest_alignment));
    return *value;
  }

  Tensor read_tensor() {
    Tensor out;
    out.name = read_name("a tensor name", longest_name);
    const auto at = in_.at();
    const auto dimensions = in_.number(4, out.name);
    if (dimensions == 0 || dimensions > most_dimensions)
      fail(at, fmt::format("{} has {} dimensions", out.name, dimensions),
           fmt::format("1 to {}", most_dimensions));
    for (std::uint64_t i = 0; i < dimensions; ++i) out.shape.push_back(in_.number(8, out.name));
    std::ranges::reverse(out.shape);  // GGUF has the innermost first
    const auto type_at = in_.at();
    read_layout(static_cast<std::uint32_t>(in_.number(4, out.name)), type_at, out);
    const auto offset_at = in_.at();
    out.offset = in_.number(8, out.name);
    if (out.offset > source_.size())
      fail(offset_at,
           fmt::format("{} is said to be at {} of the data, beyond the file's {} bytes", out.name,
                       out.offset, source_.size()),
           "is the file truncated?");
    return out;
  }

  void read_layout(std::uint32_t id, std::uint64_t at, Tensor& out) const {
    const auto type = std::ranges::find(types, id, &Type::id);
    if (type == types.end())
      fail(at, fmt::format("{} has unknown type {}", out.name, id),
           "known are the types of llama.cpp, and I2_S (36) of Microsoft's bitnet.cpp");
    out.type = type->name;
    out.storage = type->storage;
    out.integer_bits = type->integer_bits;
    const auto weights = elements(out.shape);
    // I2_S packs the weights of all rows in one run; the others each row by itself.
    const auto run = id == i2_s ? weights : std::optional(out.shape.back());
    if (!weights || *weights == 0)
      fail(at, fmt::format("{} has no possible shape: {}", out.name, shape_text(out.shape)));
    if (*run % type->block != 0)
      fail(at,
           fmt::format("{} of {} {}, not a multiple of {}", out.name, *run,
                       id == i2_s ? "weights" : "weights a row", type->block),
           fmt::format("{} packs blocks of {}", type->name, type->block));
    const auto bytes = product(*weights / type->block, type->bytes);
    if (!bytes || *bytes > source_.size())
      fail(at,
           fmt::format("{} ({} {}) is larger than the file", out.name, shape_text(out.shape),
                       type->name),
           "is the file truncated?");
    out.bytes = *bytes + (id == i2_s ? i2_s_tail : 0);
  }

  // From offsets into the data, which begins at the next aligned byte, to offsets into the file.
  void place(std::vector<Tensor>& tensors, std::uint64_t alignment) const {
    const auto data = (in_.at() + alignment - 1) / alignment * alignment;
    for (auto& tensor : tensors) {
      if (tensor.offset % alignment != 0)
        fail(data, fmt::format("{} is at {} of the data, not aligned to {}", tensor.name,
                               tensor.offset, alignment));
      tensor.offset += data;
      if (tensor.offset > source_.size() || tensor.bytes > source_.size() - tensor.offset)
        fail(source_.size(),
             fmt::format("the file ends, but {} takes {} bytes from byte {}", tensor.name,
                         tensor.bytes, tensor.offset),
             "is it truncated?");
    }
    check_apart(source_, tensors);
  }

  const Source& source_;
  Cursor in_;
};

}  // namespace

const Metadata* Gguf::find(std::string_view key) const {
  const auto found = metadata.find(key);
  return found == metadata.end() ? nullptr : &found->second;
}

Gguf read_gguf(const Source& source) { return HeaderReader(source).read(); }

}  // namespace tomestimate::importer
