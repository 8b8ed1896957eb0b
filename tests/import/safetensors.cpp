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

Architecture parsed_config(const std::string& text) {
  const Bytes bytes(text.begin(), text.end());
  return read_config(Source::of(bytes, "m/config.json"));
}

std::string config_error(const std::string& text) {
  return error_of([&] { parsed_config(text); });
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
  CHECK(has(error("{" + a + "," + a + "}"), "two tensors are called a"));
  CHECK(has(error("[1]"), "does not begin with \"{\""));
  CHECK(has(error("{\"a\":"), "the JSON ends or breaks off here"));
  CHECK(has(error("{\"a\":3}"), "a is not described by an object"));
  CHECK(has(error("{\"a\":{}}"), "a has no \"shape\""));
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
  CHECK(
      has(error("{" + entry("a\xFF", "F32", "[1]", "[0,4]") + "}", 4), "the JSON ends or breaks"));
  CHECK(has(error("{" + entry("a\\u0001", "F32", "[1]", "[0,4]") + "}", 4), "is no plain text"));
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
  const auto a = parsed_config("{" + llama + "}");
  CHECK(a.hidden.value == 64);
  CHECK(a.hidden.source == "hidden_size in config.json");
  CHECK(a.kv_heads.value == 4);
  CHECK(a.head_dim.value == 16);
  CHECK(a.head_dim.grade == tomestimate::spec::Grade::derived);
  CHECK(a.tied.value == 0);
  CHECK(a.sub_norms.value == 0);
  CHECK(!a.ternary);
  CHECK(!a.integer_bits);
  const auto more = parsed_config(
      "{" + llama + R"(,"num_key_value_heads":2,"head_dim":32,"tie_word_embeddings":true})");
  CHECK(more.kv_heads.value == 2);
  CHECK(more.head_dim.value == 32);
  CHECK(more.tied.value == 1);
}

TEST_CASE("config.json: how weights are coded") {
  const auto with = [](const std::string& quantization) {
    return parsed_config("{" + llama + ",\"quantization_config\":" + quantization + "}");
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
  CHECK(parsed_config("{" + bitnet + "}").ternary);
  CHECK(parsed_config("{" + bitnet + "}").sub_norms.value == 1);
  CHECK(has(config_error("{" + llama + R"(,"quantization_config":4})"), "is not an object"));
}

TEST_CASE("config.json: bad ones are one error") {
  const std::string good = "{" + llama + "}";
  for (std::size_t size = 0; size < good.size(); ++size)
    if (config_error(good.substr(0, size)).empty()) FAIL("no error when cut to " << size);
  CHECK(has(config_error("{}"), "m/config.json:byte 0: error: has no \"model_type\""));
  CHECK(has(config_error(R"({"model_type":"llama"})"), "byte 0: error: has no \"hidden_size\""));
  CHECK(has(config_error(R"({"model_type":"llama","hidden_size":"64"})"),
            "\"hidden_size\" is not a whole number"));
  CHECK(has(config_error(R"({"text_config":{}})"), "has no \"text_config.model_type\""));
  CHECK(has(config_error("{" + llama + R"(,"num_local_experts":8})"), "a mixture of experts"));
  CHECK(has(config_error("{" + llama + R"(,"tie_word_embeddings":1})"), "not true or false"));
  CHECK(has(config_error("{" + llama + R"(,"hidden_size":64})"), "\"hidden_size\" is there twice"));
  CHECK(has(config_error("{" + llama + R"(,"x":"\q"})"), "the JSON ends or breaks off here"));
  auto heads = good;
  heads.replace(heads.find("\"num_attention_heads\":4"), 23, "\"num_attention_heads\":5");
  CHECK(has(config_error(heads), "num_attention_heads = 5 does not divide hidden_size = 64"));
  heads.replace(heads.find("\"num_attention_heads\":5"), 23, "\"num_attention_heads\":0");
  CHECK(has(config_error(heads), "does not divide"));
  CHECK(has(config_error(std::string(2 << 20, ' ')), "larger than 1 MiB"));
}

TEST_CASE("safetensors: dtypes that aren't known, names beyond ASCII, and a large header") {
  const auto read = [](const std::string& header, std::size_t data) {
    const auto bytes = safetensors_file(header, Bytes(data));
    return read_safetensors(Source::of(bytes, "x"));
  };
  const auto one = read("{" + entry("\xC3\xA9 a", "F4", "[3]", "[0,2]") + "}", 2);
  REQUIRE(one.size() == 1);
  CHECK(one[0].storage == Storage::unknown);
  CHECK(one[0].type == "F4");
  CHECK(one[0].bytes == 2);
  CHECK(one[0].name == "\xC3\xA9 a");
  // 8 values a tensor, 400,000 in all.
  std::string many = "{";
  for (int i = 0; i < 50'000; ++i)
    many += entry("model.layers." + std::to_string(i) + ".mlp.experts.1.weight", "I8", "[0,4]",
                  "[0,0]") +
            ",";
  CHECK(read(many + entry("a", "F32", "[1]", "[0,4]") + "}", 4).size() == 50'001);
  const std::string padding(16 << 20, ' ');
  CHECK(read("{" + entry("a", "F32", "[1]", "[0,4]") + padding + "}", 4).size() == 1);
  // Doubled keys of the metadata are nobody's business.
  CHECK(read(R"({"__metadata__":{"a":"1","a":{"b":1,"b":2}},)" + entry("a", "F32", "[]", "[0,4]") +
                 "}",
             4)
            .size() == 1);
}

TEST_CASE("config.json: NaN, Infinity and doubled keys are errors only where they are used") {
  CHECK(parsed_config("{" + llama + R"(,"a":[NaN,-Infinity,Infinity],"b":"NaN \" Infinity"})")
            .hidden.value == 64);
  CHECK(parsed_config("{" + llama + R"(,"a":1,"a":{"c":1,"c":[2,{"d":1,"d":2}]},"b":2})")
            .hidden.value == 64);
  CHECK(has(config_error("{" + llama + R"(,"head_dim":Infinity})"),
            "\"head_dim\" is not a whole number"));
  CHECK(has(config_error("{" + llama + R"(,"head_dim":NaN,"x":})"), "breaks off here"));
}

TEST_CASE("config.json: other architectures and other graphs are refused with the reason") {
  const auto as = [](const std::string& type, const std::string& more = "") {
    auto text = "{" + llama + more + "}";
    text.replace(text.find("llama"), 5, type);
    return config_error(text);
  };
  for (const std::string type : {"t5", "deepseek_v3", "nemotron-nas", "gemma3n_text", "rwkv"})
    CHECK(has(as(type), "architecture \"" + type + "\" is not known"));
  CHECK(has(as("llama", R"(,"architectures":["DeciLMForCausalLM"])"), "is not known"));
  CHECK(has(as("llama", R"(,"architectures":["PhiForCausalLM"])"), "is no PhiForCausalLM"));
  for (const std::string key : {"kv_lora_rank",
                                "q_lora_rank",
                                "num_experts",
                                "n_routed_experts",
                                "num_local_experts",
                                "moe_intermediate_size",
                                "moe_num_experts",
                                "NumExpertsPerTok",
                                "mamba_d_state",
                                "ssm_cfg",
                                "linear_num_key_heads",
                                "full_attention_interval",
                                "attn_layer_period",
                                "conv_L_cache",
                                "cross_attention_layers",
                                "num_kv_shared_layers",
                                "hidden_size_per_layer_input",
                                "attention_chunk_size",
                                "encoder_layers",
                                "qk_rope_head_dim"}) {
    CHECK(has(as("llama", ",\"" + key + "\":8"), "\"" + key + "\" is 8: "));
    CHECK(has(as("llama", ",\"ffn_config\":{\"x\":{\"" + key + "\":8}}"), "\"" + key + "\" is 8"));
    CHECK(as("llama", ",\"" + key + "\":null").empty());
    CHECK(as("llama", ",\"" + key + "\":0").empty());
    CHECK(as("llama", ",\"vision_config\":{\"" + key + "\":8}").empty());
  }
  CHECK(has(as("llama", R"(,"hybrid_override_pattern":"M-M*")"), "layers of several kinds"));
  CHECK(has(as("llama", R"(,"layers_block_type":["attention","mamba"])"), "several kinds"));
  CHECK(has(as("llama", R"(,"layer_types":["full_attention","linear_attention"])"),
            "\"linear_attention\": layers of several kinds"));
  CHECK(has(as("llama", R"(,"is_encoder_decoder":true)"), "encoders and cross-attention"));
  CHECK(as("llama", R"(,"is_encoder_decoder":false,"num_experts":1,"moe_impl":"eager")").empty());
  CHECK(has(as("llama", R"(,"v_head_dim":8,"head_dim":16)"), "16 keys and 8 values"));
  CHECK(has(as("llama", R"(,"blocks":[{"ffn":[{"num_experts":8}]}])"), "a mixture of experts"));
  CHECK(has(as("opt", R"(,"word_embed_proj_dim":32)"), "embeddings have 32 values, and layers 64"));
  CHECK(as("opt", R"(,"word_embed_proj_dim":64)").empty());
  CHECK(has(as("foo"), "starcoder2"));  // the list has those without a gate too
  CHECK(has(config_error(R"({"error":"Invalid token"})"), "an error message of a server"));
}

TEST_CASE("config.json: gates and windows") {
  const auto as = [](const std::string& type, const std::string& more = "") {
    auto text = "{" + llama + more + "}";
    text.replace(text.find("llama"), 5, type);
    return parsed_config(text);
  };
  CHECK(as("llama").gate.value == 1);
  for (const std::string type : {"phi", "starcoder2", "nemotron", "gpt_neox", "falcon"})
    CHECK(as(type).gate.value == 0);
  CHECK(as("qwen").intermediate.value == 48);  // half of 96

  CHECK(as("llama").window.value == 0);
  CHECK(as("mistral").window.value == 4096);  // the default of its configuration class
  CHECK(as("mistral", R"(,"sliding_window":null)").window.value == 0);
  CHECK(as("mistral", R"(,"sliding_window":512)").window.value == 512);
  CHECK(as("mistral", R"(,"sliding_window":512)").full_every.value == 0);
  CHECK(as("phi3", R"(,"sliding_window":512,"max_position_embeddings":512)").window.value == 0);
  CHECK(as("phi3", R"(,"sliding_window":512,"max_position_embeddings":513)").window.value == 512);
  CHECK(as("llama", R"(,"window_size":128)").window.value == 128);
  CHECK(as("qwen2").window.value == 0);
  CHECK(as("qwen2", R"(,"sliding_window":512,"max_window_layers":0)").window.value == 0);
  const std::string on = R"(,"use_sliding_window":true,"sliding_window":512)";
  CHECK(as("qwen2", on).window.value == 512);
  CHECK(as("qwen2", on + R"(,"max_window_layers":2)").window.value == 0);
  CHECK(has(error_of([&] { as("qwen2", on + R"(,"max_window_layers":1)"); }), "follow no period"));
  CHECK(as("gemma2").full_every.value == 2);
  CHECK(as("gemma3_text").full_every.value == 6);
  CHECK(as("gemma3_text", R"(,"sliding_window_pattern":4)").full_every.value == 4);
  const std::string types = R"(,"sliding_window":512,"layer_types":)";
  CHECK(as("qwen3", types + R"(["full_attention","full_attention"])").window.value == 0);
  CHECK(as("qwen3", types + R"(["sliding_attention","full_attention"])").full_every.value == 2);
  CHECK(as("qwen3", types + R"(["sliding_attention","sliding_attention"])").full_every.value == 0);
  CHECK(has(error_of([&] { as("qwen3", types + R"(["full_attention","sliding_attention"])"); }),
            "follow no period"));
  CHECK(
      has(error_of([&] { as("qwen3", types + R"(["full_attention"])"); }), "no list of 2 layers"));
}

TEST_CASE("config.json: defaults are those of the family, and keys have other names") {
  const auto as = [](const std::string& type, const std::string& more = "") {
    auto text = "{" + llama + more + "}";
    text.replace(text.find("llama"), 5, type);
    return parsed_config(text);
  };
  for (const std::string type : {"gemma", "gemma2", "gemma3_text", "cohere", "smollm3"}) {
    CHECK(as(type).tied.value == 1);
    CHECK(as(type).tied_by_default);
    CHECK(as(type, R"(,"tie_word_embeddings":false)").tied.value == 0);
  }
  for (const std::string type : {"llama", "qwen2", "mistral", "bitnet"})
    CHECK(as(type).tied.value == 0);
  CHECK(as("gemma").head_dim.value == 256);
  CHECK(as("qwen3").head_dim.value == 128);
  CHECK(as("qwen3").head_dim.source == "config.json has no head_dim: the default of qwen3");
  CHECK(as("qwen3", R"(,"head_dim":null)").head_dim.value == 16);
  CHECK(as("llama", R"(,"kv_channels":32)").head_dim.value == 32);
  CHECK(as("gemma2").kv_heads.value == 4);
  CHECK(as("mistral").kv_heads.value == 8);
  CHECK(as("mistral", R"(,"num_key_value_heads":null)").kv_heads.value == 4);
  for (const std::string key :
       {"num_kv_heads", "n_head_kv", "n_kv_heads", "num_query_groups", "multi_query_group_num"}) {
    CHECK(as("llama", ",\"" + key + "\":2").kv_heads.value == 2);
    CHECK(as("llama", ",\"" + key + "\":2").kv_heads.source == key + " in config.json");
  }
  CHECK(as("llama", R"(,"num_kv_heads":[2,2])").kv_heads.value == 2);
  CHECK(has(error_of([&] { as("llama", R"(,"num_kv_heads":[2,1])"); }), "differs by layer"));
  CHECK(has(error_of([&] { as("llama", R"(,"num_kv_heads":2,"num_key_value_heads":4)"); }),
            "\"num_key_value_heads\" is 4, but \"num_kv_heads\" is 2"));
  // One key and value head, whatever num_kv_heads says beside it; Falcon-40B and later say so.
  CHECK(as("falcon", R"(,"multi_query":true,"new_decoder_architecture":false,"num_kv_heads":4)")
            .kv_heads.value == 1);
  CHECK(as("falcon", R"(,"multi_query":true,"new_decoder_architecture":true,"num_kv_heads":2)")
            .kv_heads.value == 2);
  CHECK(as("falcon").kv_heads.value == 1);
  CHECK(as("gpt_bigcode").kv_heads.source ==
        "config.json has no multi_query: the default of gptbigcode");
  CHECK(as("gpt_bigcode", R"(,"multi_query":false)").kv_heads.value == 4);
  CHECK(as("llama", R"(,"_name_or_path":"/home/someone/run")").name.empty());
}

TEST_CASE("config.json: a text_config is read where its model is known") {
  const auto nested = [](const std::string& part, const std::string& more = "") {
    return R"({"model_type":"some_vlm","architectures":["SomeVlm"],"vision_config":{"num_experts":8},)"
           "\"" +
           part + "\":{" + llama + more + R"(},"tie_word_embeddings":true})";
  };
  for (const std::string part : {"text_config", "llm_config", "language_config"}) {
    const auto a = parsed_config(nested(part));
    CHECK(a.hidden.value == 64);
    CHECK(a.hidden.source == part + ".hidden_size in config.json");
    CHECK(a.type == "llama");
    CHECK(a.tied.value == 1);
  }
  CHECK(has(config_error(nested("text_config", R"(,"num_experts":8)")), "a mixture of experts"));
  auto other = nested("text_config");
  other.replace(other.find("llama"), 5, "llama4_text");
  CHECK(has(config_error(other), "architecture \"llama4_text\" is not known"));
}

TEST_CASE("config.json: formats of floats have no bits of whole numbers") {
  const auto with = [](const std::string& quantization) {
    return parsed_config("{" + llama + ",\"quantization_config\":" + quantization + "}");
  };
  for (const std::string quantization :
       {R"({"quant_method":"auto-round","bits":4,"data_type":"mx_fp"})",
        R"({"quant_method":"mxfp4","bits":4})", R"({"quant_method":"fp8","bits":8})",
        R"({"quant_method":"modelopt","quant_algo":"NVFP4","bits":4})",
        R"({"quant_method":"bitsandbytes","load_in_4bit":true,"bnb_4bit_quant_type":"nf4"})",
        R"({"quant_method":"quanto","weights":"float8","bits":8})"}) {
    CHECK(!with(quantization).integer_bits);
    CHECK(!with(quantization).float_format.empty());
  }
  const auto round = with(R"({"quant_method":"auto-round","bits":4,"data_type":"int"})");
  CHECK(round.integer_bits == 4u);
  CHECK(round.float_format.empty());
}
