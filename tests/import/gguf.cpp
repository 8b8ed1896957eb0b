// SPDX-License-Identifier: Apache-2.0
// GGUF headers: good ones, and every way to break one.
#include <tomestimate/import/gguf.hpp>

#include <tomestimate/import/architecture.hpp>

#include "bytes.hpp"

using namespace tomestimate::importer;

namespace {

GgufFile small() {
  GgufFile file;
  file.text("general.architecture", "llama");
  file.number("llama.block_count", 2);
  file.tensors = {{"a", {256, 2}, 35, Bytes(132)}, {"b", {3}, 0, Bytes(12)}};
  return file;
}

std::string error(const Bytes& bytes) {
  return error_of([&] { read_gguf(Source::of(bytes, "x.gguf")); });
}

// The file with 8 bytes replaced where `what` ends.
Bytes after(Bytes bytes, const std::string& what, std::uint64_t value, std::size_t size = 8,
            std::size_t skip = 0) {
  const auto at = std::search(bytes.begin(), bytes.end(), what.begin(), what.end());
  REQUIRE(at != bytes.end());
  Bytes number;
  append(number, value, size);
  std::copy(number.begin(), number.end(), at + static_cast<std::ptrdiff_t>(what.size() + skip));
  return bytes;
}

}  // namespace

TEST_CASE("a good header says where tensors are") {
  for (const std::uint32_t version : {2u, 3u}) {
    auto file = small();
    file.version = version;
    const auto bytes = file.bytes();
    const auto gguf = read_gguf(Source::of(bytes, "x.gguf"));
    CHECK(gguf.version == version);
    REQUIRE(gguf.tensors.size() == 2);
    CHECK(gguf.tensors[0].type == "TQ2_0");
    CHECK(gguf.tensors[0].shape == std::vector<std::uint64_t>{2, 256});
    CHECK(gguf.tensors[0].bytes == 132);
    CHECK(gguf.tensors[1].offset == gguf.tensors[0].offset + 160);  // 132 up to a multiple of 32
    CHECK(gguf.tensors[1].offset + gguf.tensors[1].bytes == bytes.size());
    CHECK(std::get<std::uint64_t>(gguf.find("llama.block_count")->value) == 2);
  }
}

TEST_CASE("a GGUF file cut at any byte is an error") {
  const auto whole = read_bytes(data_folder + "i2_s.gguf");
  read_gguf(Source::of(whole, "whole"));
  for (std::size_t size = 0; size < whole.size(); ++size)
    if (error(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))).empty())
      FAIL("no error when cut to " << size << " bytes");
}

TEST_CASE("any byte of a header changed: an error or a good read, never a crash") {
  const auto whole = small().bytes();
  std::size_t errors = 0;
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const int change : {0x01, 0x80, 0xFF, 0x7F}) {
      auto bytes = whole;
      bytes[i] ^= static_cast<std::uint8_t>(change);
      errors += !error(bytes).empty();
    }
  CHECK(errors > whole.size());
}

TEST_CASE("hostile GGUF headers: one error each") {
  const auto good = small().bytes();
  const auto huge = std::uint64_t{1} << 62;
  CHECK(
      has(error({'G', 'G', 'M', 'L', 0, 0, 0, 0}), "byte 0: error: does not begin with \"GGUF\""));
  CHECK(has(error(after(good, "GGUF", 1, 4)), "byte 4: error: GGUF version 1 is not known"));
  CHECK(has(error(after(good, "GGUF", 0x03000000, 4)), "is big-endian"));
  CHECK(has(error(after(good, "GGUF", huge, 8, 4)), "byte 8: error: tensor count of"));
  CHECK(has(error(after(good, "GGUF", 60000, 8, 4)), "bytes follow"));
  CHECK(has(error(after(good, "GGUF", huge, 8, 12)), "byte 16: error: metadata count of"));
  CHECK(has(error(after(good, "GGUF", ~std::uint64_t{0}, 8, 20)), "a metadata key of"));
  CHECK(has(error(after(good, "general.architecture", 77, 4)), "unknown value type 77"));
  CHECK(has(error(after(good, "general.architecture", ~std::uint64_t{0}, 8, 4)), "are left"));
  // Tensor "a": name, 4 bytes of dimensions, two sizes, type, offset.
  const std::string a{1, 0, 0, 0, 0, 0, 0, 0, 'a'};
  const std::string name(a.begin(), a.end());
  CHECK(has(error(after(good, name, 5, 4)), "a has 5 dimensions"));
  CHECK(has(error(after(good, name, 100, 8, 4)), "not a multiple of 256"));
  CHECK(has(error(after(good, name, huge, 8, 4)), "larger than the file"));
  CHECK(has(error(after(good, name, huge, 8, 12)), "no possible shape"));  // 2^62 x 256
  CHECK(has(error(after(good, name, 0, 8, 12)), "no possible shape"));
  CHECK(has(error(after(good, name, 8, 8, 24)), "not aligned to 32"));
  CHECK(has(error(after(good, name, ~std::uint64_t{31}, 8, 24)), "beyond the file"));
  CHECK(has(error(after(good, name, 160, 8, 24)), "takes 132 bytes"));
  auto overlap = small();
  overlap.tensors[1].data = Bytes(200);
  CHECK(has(error(after(overlap.bytes(), name, 160, 8, 24)), "overlap"));
}

TEST_CASE("duplicate names, odd alignment, I2_S of odd size, nested arrays") {
  auto file = small();
  file.tensors[1].name = "a";
  CHECK(has(error(file.bytes()), "two tensors are called a"));
  for (const std::uint64_t alignment : {0u, 24u, 1u << 30}) {
    file = small();
    file.number("general.alignment", alignment);
    CHECK(has(error(file.bytes()), "general.alignment is not a power of two"));
  }
  file = small();
  file.alignment = 64;
  file.number("general.alignment", 64);
  CHECK(error(file.bytes()).empty());
  file = small();
  file.tensors[1] = {"b", {64, 3}, 36, Bytes(48 + 32)};
  CHECK(has(error(file.bytes()), "192 weights, not a multiple of 128"));
  file.tensors[1] = {"b", {64, 4}, 36, Bytes(64 + 32)};
  CHECK(error(file.bytes()).empty());
  file.tensors[1].data.pop_back();  // the scale's 32 bytes belong to the tensor
  CHECK(has(error(file.bytes()), "the file ends, but b takes 96 bytes"));

  const auto array = [](std::uint32_t type, std::uint64_t length, const Bytes& data) {
    auto f = small();
    Bytes entry;
    append_text(entry, "x");
    append(entry, 9, 4);
    append(entry, type, 4);
    append(entry, length, 8);
    append(entry, data);
    f.entries.push_back(entry);
    return f.bytes();
  };
  CHECK(error(array(4, 2, Bytes(8))).empty());
  CHECK(has(error(array(9, 1, Bytes(12))), "an array of arrays"));
  CHECK(has(error(array(8, std::uint64_t{1} << 40, {})), "texts"));
  CHECK(has(error(array(10, std::uint64_t{1} << 61, {})), "values"));
  CHECK(has(error(array(0, std::uint64_t{1} << 40, {})), "are left"));
}

TEST_CASE("GGUF: what isn't needed may be odd: types, scalars, names, doubled keys") {
  auto file = small();
  file.tensors[0] = {"a", {5, 3}, 99, Bytes(7)};
  file.tensors[1] = {"\xC3\xA9", {}, 0, Bytes(4)};
  file.text("tokenizer.\xE2\x82\xAC", "one");
  file.text("tokenizer.\xE2\x82\xAC", "two");
  const auto bytes = file.bytes();
  const auto gguf = read_gguf(Source::of(bytes, "x.gguf"));
  CHECK(gguf.tensors[0].storage == Storage::unknown);
  CHECK(gguf.tensors[0].type == "type 99");
  CHECK(gguf.tensors[0].bytes == 0);
  CHECK(gguf.tensors[1].name == "\xC3\xA9");
  CHECK(gguf.tensors[1].shape.empty());
  CHECK(gguf.tensors[1].bytes == 4);
  CHECK(gguf.find("tokenizer.\xE2\x82\xAC")->twice);
  file.tensors[1].name = "a\nb";
  CHECK(has(error(file.bytes()), "a tensor name \"a?b\" is no plain text"));
  file.tensors[1].name = "a\xFF";
  CHECK(has(error(file.bytes()), "is no plain text"));
  file = small();
  file.number("general.alignment", 32);
  file.number("general.alignment", 32);
  CHECK(has(error(file.bytes()), "general.alignment is there twice"));
}

TEST_CASE("GGUF: one number for two types: the room of a tensor tells which it is") {
  const auto first = [](std::uint32_t type, std::vector<std::uint64_t> shape, std::size_t size) {
    GgufFile file;
    file.tensors = {{"a", std::move(shape), type, Bytes(size)}, {"b", {8}, 0, Bytes(32)}};
    const auto bytes = file.bytes();
    return read_gguf(Source::of(bytes, "x.gguf")).tensors[0];
  };
  // 256 x 32 weights: 128 blocks of 64 with 18 bytes, or 64 blocks of 128 with 34.
  CHECK(first(42, {256, 32}, 128 * 18).storage == Storage::q2_0);
  CHECK(first(42, {256, 32}, 128 * 18).bytes == 2304);
  CHECK(first(42, {256, 32}, 64 * 34).storage == Storage::q2_0_128);
  CHECK(first(42, {256, 32}, 64 * 34).bytes == 2176);
  // MXFP4 is 17 bytes for 32. TL2: 192 of 256 columns at 5 bits for 3, 64 at 4 bits for 2.
  CHECK(first(39, {256, 32}, 256 * 17).type == "MXFP4");
  CHECK(first(39, {256, 32}, 32 * (192 / 24 * 5 + 64 / 4)).type == "TL2");
  CHECK(first(39, {256, 32}, 32 * (192 / 24 * 5 + 64 / 4)).bytes == 1792);
  CHECK(first(38, {256, 32}, 2048).type == "TL1");
  CHECK(first(38, {256, 32}, 2048).bytes == 2048);
}

namespace {

GgufFile described(const std::string& type = "llama") {
  GgufFile file;
  file.text("general.architecture", type);
  file.number(type + ".block_count", 4);
  file.number(type + ".embedding_length", 64);
  file.number(type + ".feed_forward_length", 96);
  file.number(type + ".attention.head_count", 4);
  file.number(type + ".vocab_size", 7);
  return file;
}

Architecture read(const GgufFile& file) {
  const auto bytes = file.bytes();
  const auto source = Source::of(bytes, "a/x.gguf");
  return read_architecture(read_gguf(source), source);
}

std::string read_error(const GgufFile& file) {
  return error_of([&] { read(file); });
}

}  // namespace

TEST_CASE("GGUF: arrays that are the same for all layers are one value") {
  auto file = described();
  file.array("llama.attention.head_count_kv", {2, 2, 2, 2});
  CHECK(read(file).kv_heads.value == 2);
  file.entries.pop_back();
  file.array("llama.attention.head_count_kv", {2, 2, 0, 2});
  CHECK(has(read_error(file), "llama.attention.head_count_kv differs by layer"));
}

TEST_CASE("GGUF: keys that are there twice are errors where they are used") {
  auto file = described();
  file.number("llama.rope.dimension_count", 8);
  file.number("llama.rope.dimension_count", 8);
  CHECK(read(file).hidden.value == 64);
  file.number("llama.embedding_length", 64);
  CHECK(has(read_error(file), "llama.embedding_length is there twice"));
}

TEST_CASE("GGUF: architectures that are not known and keys that change the graph are refused") {
  CHECK(has(read_error(described("t5")), "architecture \"t5\" is not known"));
  CHECK(has(read_error(described("mamba2")), "architecture \"mamba2\" is not known"));
  CHECK(read(described("bitnet-b1.58")).ternary);
  for (const std::string key :
       {"attention.kv_lora_rank", "ssm.inner_size", "expert_used_count", "wkv.head_size",
        "shortconv.l_cache", "attention.key_length_mla", "decoder_block_count",
        "attention.recurrent_layers", "moe_every_n_layers"}) {
    auto file = described();
    file.number("llama." + key, 2);
    CHECK(has(read_error(file), "llama." + key + " is 2: "));
    file = described();
    file.number("llama." + key, 0);
    CHECK(read_error(file).empty());
  }
  auto file = described();
  file.number("llama.attention.key_length", 16);
  file.number("llama.attention.value_length", 8);
  CHECK(has(read_error(file), "heads have 16 keys and 8 values"));
}

TEST_CASE("GGUF: gates, windows and names") {
  CHECK(read(described("starcoder2")).gate.value == 0);
  CHECK(read(described("qwen2")).gate.value == 1);
  auto file = described("qwen");  // its FFN size counts gate and up
  CHECK(read(file).intermediate.value == 48);
  file = described("gemma2");
  CHECK(read(file).window.value == 4096);
  CHECK(read(file).full_every.value == 2);
  file.number("gemma2.attention.sliding_window", 512);
  CHECK(read(file).window.value == 512);
  file.number("gemma2.context_length", 512);  // the window holds all positions
  CHECK(read(file).window.value == 0);
  file = described("gemma3");
  file.number("gemma3.attention.sliding_window", 512);
  CHECK(read(file).full_every.value == 6);
  file.array("gemma3.attention.sliding_window_pattern", {1, 0, 1, 0});
  CHECK(read(file).full_every.value == 2);
  file.entries.pop_back();
  file.array("gemma3.attention.sliding_window_pattern", {1, 0, 0, 0});
  CHECK(has(read_error(file), "follow no period"));
  for (const std::string path : {"/home/me/m", "./m", "C:\\m"}) {
    file = described();
    file.text("general.name", path);
    CHECK(read(file).name.empty());
  }
}

TEST_CASE("the architecture comes from metadata and tensors, and says from where") {
  GgufFile file;
  file.text("general.architecture", "llama");
  file.text("general.name", "Tiny\x1B[2J \xC3\xA9 \xFF");
  file.number("llama.block_count", 3);
  file.number("llama.embedding_length", 64);
  file.number("llama.feed_forward_length", 96);
  file.number("llama.attention.head_count", 4);
  file.tensors = {{"token_embd.weight", {64, 5}, 0, Bytes(64 * 5 * 4)}};
  const auto read = [&] {
    const auto bytes = file.bytes();
    const auto source = Source::of(bytes, "a/x.gguf");
    return read_architecture(read_gguf(source), source);
  };
  const auto a = read();
  CHECK(a.name == "Tiny?[2J \xC3\xA9 ?");
  CHECK(a.head_dim.value == 16);
  CHECK(a.kv_heads.value == 4);
  CHECK(a.kv_heads.source ==
        "x.gguf has no llama.attention.head_count_kv: one for each query head");
  CHECK(a.vocabulary.value == 5);
  CHECK(a.tied.value == 1);
  CHECK(!a.ternary);
  file.number("llama.attention.head_count_kv", 2);
  file.number("llama.attention.key_length", 32);
  file.number("llama.vocab_size", 7);
  CHECK(read().kv_heads.value == 2);
  CHECK(read().head_dim.value == 32);
  CHECK(read().vocabulary.source == "llama.vocab_size in x.gguf");
  file.number("llama.expert_count", 8);
  CHECK(has(error_of(read), "llama.expert_count is 8: a mixture of experts"));
  file.entries.clear();
  CHECK(has(error_of(read), "has no general.architecture"));
}
