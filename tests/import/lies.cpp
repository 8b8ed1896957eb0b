// SPDX-License-Identifier: Apache-2.0
// Checkpoints whose parts do not say the same, or say it with another kind of value than they must:
// none is read as if the key were left out.
#include <string>
#include <utility>
#include <vector>

#include <tomestimate/spec/load.hpp>

#include "small_models.hpp"

using namespace tomestimate;
using namespace tomestimate::importer;
using namespace small_models;

namespace {

std::string config_error(const std::string& type, const std::string& more, bool ternary = true) {
  const Case c;
  Options options;
  options.ternary = ternary;
  return import_error(c.write("config.json", config(type, more)), options);
}

spec::Model<double> model_of(const std::string& type, const std::string& more) {
  const Case c;
  Options options;
  options.ternary = true;
  return spec::parse_model(import_model(c.write("config.json", config(type, more)), options).spec,
                           "made")
      .values;
}

SafeTensor floats(const std::string& name, std::vector<std::uint64_t> shape) {
  std::uint64_t count = 1;
  for (const auto n : shape) count *= n;
  return {name, "F32", std::move(shape), Bytes(4 * count)};
}

// What else a whole layer has.
void add_norms(std::vector<SafeTensor>& tensors, const std::vector<std::string>& names,
               std::uint64_t of_layers = layers) {
  for (std::uint64_t layer = 0; layer < of_layers; ++layer)
    for (const auto& name : names)
      tensors.push_back(floats("model.layers." + std::to_string(layer) + "." + name + ".weight",
                               {name.starts_with("mlp") ? 512u : 256u}));
}

}  // namespace

TEST_CASE("lies: a key of a config that is there with another kind of value is not left out") {
  for (const auto& [more, message] : std::vector<std::pair<std::string, std::string>>{
           {R"(,"hidden_act":3)", "\"hidden_act\" is 3, and no text"},
           {R"(,"hidden_act":"silu","hidden_act":"relu2")", "\"hidden_act\" is there twice"},
           {R"(,"model_type":"gemma")", "\"model_type\" is there twice"},
           {R"(,"architectures":"LlamaForCausalLM")", "no list of names"},
           {R"(,"architectures":[7])", "\"architectures\" is 7, and no text"},
           {R"(,"architectures":["LlamaForCausalLM","MixtralForCausalLM"])", "is not known"},
           {R"(,"architectures":["QWenLMHeadModel"])", "\"llama\" is no QWenLMHeadModel"},
           {R"(,"multi_query":1)", "\"multi_query\" is 1, not true or false"},
           {R"(,"multi_query":true,"new_decoder_architecture":1)",
            "\"new_decoder_architecture\" is 1, not true or false"},
           {R"(,"use_sliding_window":"false")", "is \"false\", not true or false"},
           {R"(,"use_sliding_window":0)", "\"use_sliding_window\" is 0, not true or false"},
           {R"(,"sliding_window":512,"sliding_window_pattern":0)", "pattern\" is 0"},
           {R"(,"tie_word_embeddings":1)", "\"tie_word_embeddings\" is 1, not true or false"},
           {R"(,"text_config":[1])", "\"text_config\" is [1], and no object"},
           {R"(,"text_config":{},"llm_config":{})", "has a \"llm_config\" beside \"text_config\""},
           {R"(,"max_position_embeddings":[128])", "has 1 values, not one a layer"},
           {R"(,"max_position_embeddings":[[128],[128]])", "is not a whole number"},
           {R"(,"max_position_embeddings":18446744073709551615)",
            "\"max_position_embeddings\" is 18446744073709551615, which no model has"}})
    CHECK(has(config_error("llama", more), message));
  CHECK(model_of("llama", R"(,"max_position_embeddings":[128,128])").workload.context == 128);
}

TEST_CASE("lies: a graph that changes is told from a text, a doubled key, or one of any spelling") {
  for (const auto& [more, message] : std::vector<std::pair<std::string, std::string>>{
           {R"(,"num_local_experts":8,"num_local_experts":0)", "is there twice: a mixture"},
           {R"(,"num_local_experts":"8")", "\"num_local_experts\" is \"8\": a mixture"},
           {R"(,"a":{"b":[{"N-Experts":16}]})", "\"N-Experts\" is 16: a mixture"},
           {R"(,"mixer_types":["mamba","attention"])", "layers of several kinds"},
           {R"(,"attn_output_gate":true)", "attention with a gate"}})
    CHECK(has(config_error("llama", more), message));
  CHECK(config_error("llama", R"(,"num_local_experts":"1","q_lora_rank":"0")").empty());
  const auto gguf = [](const std::function<void(GgufFile&)>& change) {
    auto file = ternary_gguf();
    change(file);
    return gguf_error(file);
  };
  CHECK(has(gguf([](auto& f) { f.text("llama.expert_count", "8"); }), "a mixture of experts"));
  CHECK(has(gguf([](auto& f) {
              f.number("llama.expert_count", 0);
              f.number("llama.expert_count", 8);
            }),
            "llama.expert_count is there twice: a mixture"));
  CHECK(gguf([](auto& f) { f.number("llama.expert_count", 0); }).empty());
  CHECK(has(gguf([](auto& f) {
              f.array("llama.context_length", {9, 9, 9});
            }),
            "llama.context_length has 3 values, not one a layer"));
  CHECK(gguf([](auto& f) { f.array("llama.context_length", {9, 9}); }).empty());
  CHECK(has(gguf([](auto& f) {
              f.number("llama.attention.sliding_window", 5);
              f.number("llama.attention.sliding_window_pattern", 0);
            }),
            "sliding_window_pattern is 0"));
  CHECK(has(gguf([](auto& f) {
              f.number("llama.attention.sliding_window", 5);
              f.array("llama.attention.sliding_window_pattern", {1});
            }),
            "sliding_window_pattern has 1 values, not one a layer"));
}

TEST_CASE("lies: an activation has other names, and one that specs don't have is said") {
  CHECK(model_of("gpt2", R"(,"activation_function":"gelu_new")").activation ==
        spec::Activation::gelu);
  const Case c;
  Options ternary;
  ternary.ternary = true;
  const auto imported =
      import_model(c.write("config.json", config("llama", R"(,"hidden_act":"xielu")")), ternary);
  CHECK(has(imported.spec, "the checkpoint says xielu, which a model spec does not have"));
}

TEST_CASE("lies: a quantization of several codes has not the bits of one of them") {
  const auto error = [](const std::string& method, const std::string& more) {
    return config_error("llama",
                        R"(,"quantization_config":{"quant_method":")" + method + "\"," + more + "}",
                        false);
  };
  const std::string group =
      R"("config_groups":{"a":{"weights":{"num_bits":4,"type":"int"}},"b":{"weights":{"num_bits":)";
  CHECK(has(error("compressed-tensors", group + R"(8,"type":"int"}}})"),
            "weights of several codes: int of 4 bit and int of 8 bit"));
  CHECK(has(error("compressed-tensors", group + R"(4,"type":"float"}}})"),
            "float of 4 bit and int of 4 bit"));
  CHECK(error("compressed-tensors", group + R"(4,"type":"int"}}})").empty());
  CHECK(has(error("awq", R"("bits":4,"w_bit":8)"), "int of 4 bit and int of 8 bit"));
  CHECK(has(error("gptq", R"("bits":4,"bits":8)"), "\"bits\" is there twice"));
  CHECK(has(error("gptq", R"("bits":4,"modules_to_not_convert":"o_proj")"), "is no list of names"));
  CHECK(has(error("gptq", R"("bits":4,"dynamic":{"+:.*down.*":{"bits":8}})"),
            "layers.0.mlp.down_proj is not in whole numbers"));
  CHECK(has(error("gptq", R"("bits":4,"dynamic":{"-:.*o_proj.*":{}})"), "o_proj is not"));
  CHECK(error("gptq", R"("bits":4,"dynamic":{"+:.*down.*":{"bits":4},"-:lm_head":{}})").empty());
  CHECK(has(error("auto-round",
                  R"("bits":4,"extra_config":{"model.layers.1.mlp.down_proj":{"bits":16}})"),
            "model.layers.1.mlp.down_proj is not in whole numbers"));
  Options bits;
  bits.bits = 4;
  const Case c;
  CHECK(import_error(c.write("config.json",
                             config("llama", R"(,"quantization_config":{"quant_method":"awq",)"
                                             R"("bits":4,"w_bit":8})")),
                     bits)
            .empty());
}

TEST_CASE("lies: expressions that name modules are read with their alternatives") {
  const auto error = [](const std::string& expression) {
    return config_error("llama",
                        R"(,"quantization_config":{"quant_method":"gptq","bits":4,"ignore":["re:)" +
                            expression + "\"]}",
                        false);
  };
  for (const std::string expression :
       {R"(model\\.layers\\.(0|1)\\..*)", ".*(vision|down)_proj", "lm_head|.*o_proj$",
        R"(.*layers\\.\\d+\\.mlp.*)", "^model.layers.[01].self_attn", ".*(a|(q|x)_proj)", "((",
        ".*)|(", ".{3,}"})
    CHECK(has(error(expression), "is not in whole numbers: the quantization_config leaves"));
  for (const std::string expression : {"lm_head", ".*(vision|audio).*",
                                       R"(model\\.layers\\.(7|8)\\..*)", ".*(norm|(embed|head))$"})
    CHECK(error(expression).empty());
  std::string many = "(a|b)";
  for (int i = 0; i < 6; ++i) many += many;
  CHECK(has(error(many), "is not in whole numbers"));
}

TEST_CASE("lies: a zero byte does not end a file of JSON") {
  const Case c;
  const auto text = config("bitnet");
  CHECK(has(import_error(c.write("config.json", text + std::string(1, '\0') + "more")),
            "byte " + std::to_string(text.size()) + ": error: the JSON has a zero byte"));
}

TEST_CASE("lies: matrices of layers are found whatever they are called") {
  for (const std::string name :
       {"model.layers.1.mlp.experts.gate_up_proj", "model.layers.1.mixer.in_proj",
        "model.layers.1.mamba.A_log", "model.layers.1.mlp.normal_proj.weight",
        "model.layers.1.self_attn.q_proj.lora_A.weight"}) {
    const Case c;
    auto tensors = each(i8);
    tensors.push_back(floats(name, {2, 3, 4}));
    CHECK(has(import_error(write_folder(c, config("bitnet"), tensors)),
              name + " (2 x 3 x 4) is a linear layer that a model spec has no place for"));
  }
  const Case c;
  auto tensors = each(i8);
  for (const std::string name :
       {"model.layers.1.self_attn.q_proj.weight_scale",
        "model.layers.1.self_attn.rotary_emb.cos_cached", "model.layers.1.self_attn.masked_bias",
        "model.layers.1.self_attn.q_norm.weight"})
    tensors.push_back(floats(name, {2, 3, 4}));
  const auto imported = import_model(write_folder(c, config("bitnet"), tensors), {});
  CHECK(zeros_of(imported) == third_zeros());
  REQUIRE(imported.cautions.size() == 1);
  CHECK(has(imported.cautions[0], "1 norms have no place in a model spec"));
  CHECK(has(imported.cautions[0], "model.layers.1.self_attn.q_norm.weight"));
}

TEST_CASE("lies: the LM head has a row a token") {
  auto file = ternary_gguf();
  file.tensors.push_back({"output.weight", {hidden, 9}, 0, Bytes(9 * hidden * 4)});
  CHECK(
      has(gguf_error(file), "output.weight is 9 x 256, but vocabulary and hidden size make it 8"));
  file.tensors.back() = {"output.weight", {hidden, 8}, 0, Bytes(8 * hidden * 4)};
  CHECK(gguf_error(file).empty());
  const Case c;
  auto tensors = each(i8);
  tensors.push_back(floats("lm_head.weight", {8, 255}));
  CHECK(has(import_error(write_folder(c, config("bitnet"), tensors)), "lm_head.weight is 8 x 255"));
}

TEST_CASE("lies: norms before o and down are those of the tensors, in all layers or in none") {
  const std::vector<std::string> norms{"input_layernorm", "post_attention_layernorm"};
  const std::vector<std::string> subs{"self_attn.attn_sub_norm", "mlp.ffn_sub_norm"};
  const auto with = [&](const std::string& type, std::uint64_t of_layers) {
    auto tensors = each(i8);
    add_norms(tensors, norms);
    add_norms(tensors, subs, of_layers);
    const Case c;
    Options ternary;
    ternary.ternary = true;
    const auto path = write_folder(c, config(type), tensors);
    const auto error = import_error(path, ternary);
    if (!error.empty()) return error;
    return std::string(spec::parse_model(import_model(path, ternary).spec, "m").values.sub_norms ==
                               spec::Switch::on
                           ? "on"
                           : "off");
  };
  CHECK(with("bitnet", 2) == "on");
  CHECK(with("llama", 2) == "on");
  CHECK(with("llama", 0) == "off");
  CHECK(has(with("bitnet", 0), "layer 0 has no tensor for attn_sub_norm (bitnet has norms"));
  CHECK(has(with("bitnet", 1), "layer 1 has no tensor for attn_sub_norm"));
  CHECK(has(with("llama", 1), "layer 1 has no tensor for attn_sub_norm (there is a tensor"));
}

TEST_CASE("lies: an index and its files say the same") {
  const auto all = each(i8);
  const std::vector<SafeTensor> first(all.begin(), all.begin() + 7);
  const std::vector<SafeTensor> second(all.begin() + 7, all.end());
  const auto with = [&](const std::vector<SafeTensor>& in_second, const std::string& more,
                        const std::string& file_of_first = "a.safetensors") {
    const Case c;
    c.write("config.json", config("bitnet"));
    c.write("a.safetensors", safetensors(first));
    c.write("b.safetensors", safetensors(in_second));
    std::string map;
    for (const auto& t : first) map += "\"" + t.name + "\":\"" + file_of_first + "\",";
    for (const auto& t : second) map += "\"" + t.name + "\":\"b.safetensors\",";
    map.pop_back();
    c.write("model.safetensors.index.json", R"({"weight_map":{)" + map + more + "}}");
    return import_error(c.folder.path.string());
  };
  CHECK(with(second, "").empty());
  CHECK(has(with(second, R"(,"model.norm.weight":"b.safetensors")"),
            "says that model.norm.weight is in b.safetensors, which has no such tensor (is the"));
  CHECK(has(with(second, R"(,"x":"a.safetensors")", "b.safetensors"),
            "mlp.down_proj.weight is in b.safetensors, but it is in a.safetensors"));
  auto doubled = second;
  doubled.push_back(first[0]);
  CHECK(has(with(doubled, ""), "model.layers.0.self_attn.q_proj.weight is also in a.safetensors"));
  // A link that leads nowhere is no folder without an index.
  const Case c;
  write_folder(c, config("bitnet"), all);
  std::filesystem::create_symlink("nowhere", c.folder.path / "model.safetensors.index.json");
  CHECK(
      has(import_error(c.folder.path.string()), "index.json:1:1: error: cannot be read: No such"));
}
