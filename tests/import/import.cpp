// SPDX-License-Identifier: Apache-2.0
// Whole checkpoints: the counts of the programs that wrote them, the specs that come out, and
// checkpoints that are no model.
#include <tomestimate/import/import.hpp>

#include <cstdlib>
#include <map>

#include <tomestimate/spec/load.hpp>

#include "bytes.hpp"
#include "folder.hpp"

using namespace tomestimate;
using namespace tomestimate::importer;

namespace {

namespace fs = std::filesystem;

// Counts by file and tensor, as data/*-counts.csv have them.
std::map<std::string, std::map<std::string, std::vector<std::string>>> counts_in(
    const std::string& csv) {
  std::map<std::string, std::map<std::string, std::vector<std::string>>> out;
  std::ifstream in(data_folder + csv);
  std::string line;
  REQUIRE(std::getline(in, line));
  while (std::getline(in, line)) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
    REQUIRE(cells.size() == 7);
    out[cells[0]][cells[1]] = {cells.begin() + 2, cells.end()};
  }
  return out;
}

void check_counts(const std::string& file,
                  const std::map<std::string, std::vector<std::string>>& wanted) {
  const auto imported = import_model(data_folder + file, {});
  CHECK(imported.linears.size() == wanted.size());
  for (const auto& l : imported.linears) {
    const auto& c = l.counts;
    CHECK(wanted.at(l.name) == std::vector{l.type, std::to_string(c.weights()),
                                           std::to_string(c.minus), std::to_string(c.zeros),
                                           std::to_string(c.plus)});
    CHECK(c.invalid == 0);
    CHECK(c.odd_bytes == 0);
    CHECK(c.odd_scales == 0);
  }
}

// A copy of a folder of data/ to break.
std::string copied(const Folder& folder, const std::string& name) {
  fs::copy(data_folder + name, folder.path / name, fs::copy_options::recursive);
  return folder.file(name);
}

void replace_in(const std::string& path, const std::string& from, const std::string& to) {
  auto bytes = read_bytes(path);
  const auto at = std::search(bytes.begin(), bytes.end(), from.begin(), from.end());
  REQUIRE(at != bytes.end());
  REQUIRE((from.size() == to.size() || path.ends_with(".json")));
  const Bytes tail(at + static_cast<std::ptrdiff_t>(from.size()), bytes.end());
  bytes.erase(at, bytes.end());
  bytes.insert(bytes.end(), to.begin(), to.end());
  append(bytes, tail);
  write_bytes(path, bytes);
}

}  // namespace

TEST_CASE("counts equal those of llama.cpp's own dequantizers") {
  const auto all = counts_in("llama-cpp-counts.csv");
  REQUIRE(all.size() == 1);
  for (const auto& [file, counts] : all) check_counts(file, counts);
}

TEST_CASE("counts equal those taken before packing") {
  const auto all = counts_in("written-counts.csv");
  REQUIRE(all.size() == 4);
  for (const auto& [file, counts] : all) check_counts(file, counts);
}

TEST_CASE("the zero share of a layer is weighted over its projections") {
  const auto imported = import_model(data_folder + "packed", {});
  const auto spec = spec::parse_model(imported.spec, "made.toml");
  REQUIRE(spec.values.weights.zero_share.size() == 2);
  for (std::uint64_t layer = 0; layer < 2; ++layer) {
    double zeros = 0;
    double weights = 0;
    for (const auto& l : imported.linears)
      if (l.layer == layer) {
        zeros += static_cast<double>(l.counts.zeros);
        weights += static_cast<double>(l.counts.weights());
      }
    // q, o 32 x 32; k, v 16 x 32; gate, up 64 x 32; down 32 x 64
    CHECK(weights == 2 * 1024 + 2 * 512 + 3 * 2048);
    CHECK(spec.values.weights.zero_share[layer] == Approx(zeros / weights).epsilon(1e-8));
  }
  for (const auto& l : imported.linears)
    CHECK(spec::zero_share(spec.values.weights, l.layer, l.projection) ==
          Approx(l.counts.zero_share()).epsilon(1e-8));
}

TEST_CASE("what a layer is made of") {
  const auto model =
      spec::parse_model(import_model(data_folder + "packed", {}).spec, "made").values;
  CHECK(model.gated == spec::Switch::on);
  CHECK(model.activation == spec::Activation::relu2);  // hidden_act
  CHECK(model.full_every == 1);
  CHECK(model.window == 0);
  CHECK(model.weights.group == 0);
  // A GGUF file does not say.
  const auto gguf = spec::parse_model(import_model(data_folder + "i2_s.gguf", {}).spec, "made");
  for (const auto& s : gguf.sourced)
    if (s.path == "model.activation") CHECK(s.grade == spec::Grade::assumption);
}

TEST_CASE("a model without a name is called after its file or folder") {
  CHECK(import_model(data_folder + "i2_s.gguf", {}).name == "i2_s");
  for (const std::string source : {"packed", "packed/", "packed/.", "packed/config.json",
                                   "packed/model.safetensors", "i8/../packed"})
    CHECK(import_model(data_folder + source, {}).name == "packed");
}

TEST_CASE("golden specs") {
  for (const std::string name : {"packed", "llama-cpp-tq.gguf"}) {
    const auto golden =
        read_bytes(data_folder + "golden-" + fs::path(name).stem().string() + ".toml");
    CHECK(import_model(data_folder + name, {}).spec == std::string(golden.begin(), golden.end()));
  }
}

TEST_CASE("a config alone gives an assumed share, or whole-number weights") {
  const auto config = data_folder + "packed/config.json";
  const auto ternary = spec::parse_model(import_model(config, {}).spec, "made");
  CHECK(ternary.values.weights.zero_share == std::vector<double>(2, 0.4));
  for (const auto& s : ternary.sourced)
    if (s.path == "weights.zero_share") {
      CHECK(s.grade == spec::Grade::assumption);
      CHECK(s.range == std::array{0.29, 0.52});
    }
  Options bits;
  bits.bits = 4;
  bits.name = "Four";
  const auto integer = spec::parse_model(import_model(config, bits).spec, "made");
  CHECK(integer.name == "Four");
  CHECK(integer.values.weights.code == spec::WeightCode::integer);
  CHECK(integer.values.weights.bits.value() == 4);
  CHECK(integer.values.weights.zero_bit_ratio == std::vector<double>(2, 0.5));
}

TEST_CASE("weights that are not said to be ternary are refused with a hint") {
  const Folder folder;
  const auto path = copied(folder, "floats");
  replace_in(path + "/config.json", "BitNetForCausalLM", "LlamaForCausalLM");
  replace_in(path + "/config.json", "\"model_type\": \"bitnet\"", "\"model_type\": \"llama\"");
  replace_in(path + "/config.json", "\"quant_method\": \"bitnet\"", "\"quant_method\": \"fp8\"");
  CHECK(has(import_error(path), "--bits N makes a spec"));
  Options ternary;
  ternary.ternary = true;
  CHECK(import_model(path, ternary).linears.size() == 14);
}

TEST_CASE("GGUF types of whole numbers give whole-number specs") {
  GgufFile file;
  file.text("general.architecture", "llama");
  file.number("llama.block_count", 1);
  file.number("llama.embedding_length", 32);
  file.number("llama.feed_forward_length", 32);
  file.number("llama.attention.head_count", 1);
  file.number("llama.vocab_size", 4);
  for (const std::string name : {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up"})
    file.tensors.push_back({"blk.0." + name + ".weight", {32, 32}, 2, Bytes(32 * 18)});
  file.tensors.push_back({"blk.0.ffn_down.weight", {32, 32}, 8, Bytes(32 * 34)});
  const Folder folder;
  const auto path = folder.file("q4.gguf");
  write_bytes(path, file.bytes());
  const auto imported = import_model(path, {});
  CHECK(imported.linears.empty());
  const auto spec = spec::parse_model(imported.spec, "made");
  CHECK(spec.values.weights.bits.value() == 4);
  CHECK(has(imported.spec, "Q4_0 (most weights; the linear layers have Q4_0, Q8_0)"));
  Options ternary;
  ternary.ternary = true;
  CHECK(has(import_error(path, ternary),
            "blk.0.attn_q.weight is Q4_0, neither ternary nor floating"));
}

TEST_CASE("odd weights are cautions") {
  const Folder folder;
  const auto path = copied(folder, "i8");
  CHECK(import_model(path, {}).cautions.empty());
  auto bytes = read_bytes(path + "/model.safetensors");
  bytes.back() = 5;
  write_bytes(path + "/model.safetensors", bytes);
  const auto cautions = import_model(path, {}).cautions;
  REQUIRE(cautions.size() == 1);
  CHECK(has(cautions[0], "1 of 14 tensors have values that are not -1, 0 or +1"));
  CHECK(has(cautions[0], "model.layers.1.mlp.down_proj.weight"));
  // The last tensor, down of layer 1, is 32 x 64.
  std::fill(bytes.end() - 2048, bytes.end(), std::uint8_t{0});
  write_bytes(path + "/model.safetensors", bytes);
  const auto zeros = import_model(path, {}).cautions;
  REQUIRE(zeros.size() == 1);
  CHECK(has(zeros[0], "1 of 14 tensors have a zero share outside the 29 to 52 %"));
}

TEST_CASE("shapes that contradict the config, missing and doubled layers") {
  const Folder folder;
  const auto path = copied(folder, "packed");
  const auto config = path + "/config.json";
  const auto with = [&](const std::string& from, const std::string& to) {
    fs::copy_file(data_folder + "packed/config.json", config, fs::copy_options::overwrite_existing);
    replace_in(config, from, to);
    return import_error(path);
  };
  CHECK(
      has(with("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 1"),
          "self_attn.k_proj.weight is 4 x 32, but hidden size, heads and FFN size make it 2 x 32"));
  CHECK(has(with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1"),
            "is of layer 1, but there are 1"));
  CHECK(has(with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
            "layer 2 has no tensor for q"));
  CHECK(has(with("\"vocab_size\": 16", "\"vocab_size\": 17"), "embed_tokens.weight is 16 x 32"));
  CHECK(has(with("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3"),
            "describes no model of a spec: model.kv_heads does not divide model.heads"));
  CHECK(has(with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 99999999"), "out of range"));
  CHECK(has(with("\"hidden_size\": 32", "\"hidden_size\": 36"), "RoPE rotates pairs"));
  fs::copy_file(data_folder + "packed/config.json", config, fs::copy_options::overwrite_existing);
  replace_in(path + "/model.safetensors", "layers.1.self_attn.q_proj.weight_scale",
             "layers.1.self_attn.q_proj.weight_sca1e");
  CHECK(has(import_error(path), "q_proj.weight is U8, but there is no"));
  fs::remove(config);
  CHECK(has(import_error(path), "needs a config.json"));
}

TEST_CASE("sharded folders: the index must name files of the folder") {
  const Folder folder;
  const auto path = copied(folder, "floats");
  const auto first = path + "/model-00001-of-00002.safetensors";
  CHECK(has(import_error(first), "layer 1 has no tensor for q (is this one file of several?"));
  const auto index = path + "/model.safetensors.index.json";
  replace_in(index, "model-00002-of-00002.safetensors", "../other.safetensors");
  CHECK(has(import_error(path), "no .safetensors file of this folder"));
  write_bytes(index, Bytes{'{', '}'});
  CHECK(has(import_error(path), "has no \"weight_map\""));
  fs::remove(index);
  CHECK(import_model(path, {}).linears.size() == 14);
  fs::remove(first);
  CHECK(has(import_error(path), "layer 0 has no tensor for q"));
}

TEST_CASE("files that are no checkpoint") {
  const Folder folder;
  CHECK(has(import_error("/no/such"), "no such file or folder"));
  CHECK(has(import_error(folder.path.string()), "has no .safetensors file"));
  CHECK(has(import_error("/dev/zero"), "is not a regular file"));
  const auto file = folder.file("x.bin");
  write_bytes(file, Bytes(100));
  CHECK(has(import_error(file), "is no checkpoint that can be imported"));
  write_bytes(file, {});
  CHECK(has(import_error(file), "is no checkpoint that can be imported"));
  const auto gguf = folder.file("e.gguf");
  write_bytes(gguf, {});
  CHECK(
      has(import_error(gguf), "e.gguf:byte 0: error: the magic number takes 4 bytes, but only 0"));
}
