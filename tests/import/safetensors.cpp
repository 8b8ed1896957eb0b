// SPDX-License-Identifier: Apache-2.0
// safetensors headers and config.json: good ones, and every way to break one.
#include <tomestimate/import/safetensors.hpp>

#include <tomestimate/import/architecture.hpp>

#include "bytes.hpp"

using namespace tomestimate::importer;

namespace {

std::string error(const std::string& header, std::size_t data = 12) {
  const auto bytes = safetensors_file(header, Bytes(data));
  return error_of([&] { read_safetensors(Source::of(bytes, "x.safetensors")); });
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + "}";
}

Architecture config(const std::string& text) {
  const Bytes bytes(text.begin(), text.end());
  return read_config(Source::of(bytes, "m/config.json"));
}

std::string config_error(const std::string& text) {
  return error_of([&] { config(text); });
}

const std::string llama =
    R"("model_type":"llama","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,)"
    R"("intermediate_size":96,"vocab_size":10)";

}  // namespace

TEST_CASE("a good safetensors header says where tensors are") {
  const auto bytes = safetensors_file("{\"__metadata__\":{\"format\":\"pt\"}," +
                                          entry("b", "U8", "[2,4]", "[4,12]") + "," +
                                          entry("a", "F32", "[1]", "[0,4]") + "}  ",
                                      Bytes(12));
  const auto tensors = read_safetensors(Source::of(bytes, "x"));
  REQUIRE(tensors.size() == 2);
  CHECK(tensors[0].name == "a");
  CHECK(tensors[1].shape == std::vector<std::uint64_t>{2, 4});
  CHECK(tensors[1].offset == bytes.size() - 8);
}

TEST_CASE("a safetensors file cut or grown at any byte is an error") {
  const auto whole = read_bytes(data_folder + "packed/model.safetensors");
  const auto read = [](const Bytes& bytes) { read_safetensors(Source::of(bytes, "x")); };
  read(whole);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    if (error_of([&] { read(cut); }).empty()) FAIL("no error when cut to " << size << " bytes");
  }
  auto longer = whole;
  longer.push_back(0);
  CHECK(has(error_of([&] { read(longer); }), "1 bytes at the end belong to no tensor"));
}

TEST_CASE("hostile safetensors headers: one error each") {
  const auto a = entry("a", "F32", "[1]", "[0,4]");
  CHECK(error("{" + a + "}", 4).empty());
  CHECK(has(error("{" + a + "," + a + "}"), "the key \"a\" twice"));
  CHECK(has(error("[1]"), "does not begin with \"{\""));
  CHECK(has(error("{\"a\":"), "the JSON ends or breaks off here"));
  CHECK(has(error("{\"a\":3}"), "a is not described by an object"));
  CHECK(has(error("{\"a\":{}}"), "a has no \"shape\""));
  CHECK(has(error("{" + entry("a", "Q3", "[1]", "[0,4]") + "}", 4), "unknown dtype \"Q3\""));
  CHECK(has(error("{" + entry("a", "F32", "[-1]", "[0,4]") + "}", 4), "not a whole number"));
  CHECK(has(error("{" + entry("a", "F32", "[1.5]", "[0,4]") + "}", 4), "not a whole number"));
  CHECK(has(error("{" + entry("a", "F32", "[2]", "[0,4]") + "}", 4),
            "a has 4 bytes, but 2 of F32 take 8"));
  CHECK(has(error("{" + entry("a", "F32", "[4294967296,4294967296]", "[0,4]") + "}", 4),
            "more than 64 bits can count"));
  CHECK(has(error("{" + entry("a", "F32", "[1]", "[4,0]") + "}", 4), "is at [4, 0)"));
  CHECK(
      has(error("{" + entry("a", "F32", "[1]", "[0,18446744073709551615]") + "}", 4), "is at [0,"));
  CHECK(has(error("{" + a + "," + entry("b", "F32", "[1]", "[0,4]") + "}", 4), "overlap"));
  CHECK(has(error("{" + entry("b", "F32", "[1]", "[4,8]") + "}", 8), "4 bytes before b belong"));
  CHECK(has(error("{" + entry("a b", "F32", "[1]", "[0,4]") + "}", 4), "is not plain ASCII"));
  CHECK(has(error(std::string(R"({"a":)") + std::string(100000, '[') + "}"),
            "nested deeper than 32"));
  std::string zeros;
  for (int i = 0; i < 1'000'000; ++i) zeros += "0,";
  CHECK(has(error("{\"a\":[" + zeros + "0]}"), "has more than 1000000 values"));
  Bytes huge;
  append(huge, std::uint64_t{1} << 60, 8);
  CHECK(has(error_of([&] { read_safetensors(Source::of(huge, "x")); }), "is too large"));
  Bytes past;
  append(past, 1000, 8);
  CHECK(has(error_of([&] { read_safetensors(Source::of(past, "x")); }), "only 0 are left"));
}

TEST_CASE("config.json: keys, defaults and where they come from") {
  const auto a = config("{" + llama + "}");
  CHECK(a.hidden.value == 64);
  CHECK(a.hidden.source == "hidden_size in config.json");
  CHECK(a.kv_heads.value == 4);
  CHECK(a.head_dim.value == 16);
  CHECK(a.head_dim.grade == tomestimate::spec::Grade::derived);
  CHECK(a.tied.value == 0);
  CHECK(a.sub_norms.value == 0);
  CHECK(!a.ternary);
  CHECK(!a.integer_bits);
  const auto more =
      config("{" + llama + R"(,"num_key_value_heads":2,"head_dim":32,"tie_word_embeddings":true})");
  CHECK(more.kv_heads.value == 2);
  CHECK(more.head_dim.value == 32);
  CHECK(more.tied.value == 1);
}

TEST_CASE("config.json: how weights are coded") {
  const auto with = [](const std::string& quantization) {
    return config("{" + llama + ",\"quantization_config\":" + quantization + "}");
  };
  CHECK(with(R"({"quant_method":"bitnet"})").ternary);
  CHECK(with(R"({"quant_method":"gptq","bits":4})").integer_bits == 4u);
  CHECK(with(R"({"quant_method":"bitsandbytes","load_in_8bit":true})").integer_bits == 8u);
  CHECK(with(R"({"config_groups":{"g":{"weights":{"num_bits":4,"type":"int"}}}})").integer_bits ==
        4u);
  CHECK(!with(R"({"config_groups":{"g":{"weights":{"num_bits":8,"type":"float"}}}})").integer_bits);
  CHECK(!with(R"({"quant_method":"fp8"})").integer_bits);
  auto bitnet = llama;
  bitnet.replace(bitnet.find("llama"), 5, "bitnet");
  CHECK(config("{" + bitnet + "}").ternary);
  CHECK(config("{" + bitnet + "}").sub_norms.value == 1);
  CHECK(has(config_error("{" + llama + R"(,"quantization_config":4})"), "is not an object"));
}

TEST_CASE("config.json: bad ones are one error") {
  const std::string good = "{" + llama + "}";
  for (std::size_t size = 0; size < good.size(); ++size)
    if (config_error(good.substr(0, size)).empty()) FAIL("no error when cut to " << size);
  CHECK(has(config_error("{}"), "m/config.json:byte 0: error: has no \"hidden_size\""));
  CHECK(has(config_error(R"({"hidden_size":"64"})"), "\"hidden_size\" is not a whole number"));
  CHECK(has(config_error(R"({"text_config":{}})"), "give the text_config as a file"));
  CHECK(has(config_error("{" + llama + R"(,"num_local_experts":8})"), "a mixture of experts"));
  CHECK(has(config_error("{" + llama + R"(,"tie_word_embeddings":1})"), "not true or false"));
  CHECK(has(config_error("{" + llama + R"(,"hidden_size":2})"), "twice in one object"));
  CHECK(has(config_error("{" + llama + R"(,"x":"\q"})"), "the JSON ends or breaks off here"));
  auto heads = good;
  heads.replace(heads.find("\"num_attention_heads\":4"), 23, "\"num_attention_heads\":5");
  CHECK(has(config_error(heads), "num_attention_heads = 5 does not divide hidden_size = 64"));
  heads.replace(heads.find("\"num_attention_heads\":5"), 23, "\"num_attention_heads\":0");
  CHECK(has(config_error(heads), "does not divide"));
  CHECK(has(config_error(std::string(2 << 20, ' ')), "larger than 1 MiB"));
}
