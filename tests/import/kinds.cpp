// SPDX-License-Identifier: Apache-2.0
// Kinds of checkpoints that once were misread: a small model of each, and what is right for it.
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>

#include <sys/stat.h>

#include <tomestimate/import/import.hpp>
#include <tomestimate/spec/load.hpp>

#include "small_models.hpp"

using namespace tomestimate;
using namespace tomestimate::importer;

namespace {

namespace fs = std::filesystem;
using namespace small_models;

}  // namespace

TEST_CASE("kinds: GGUF with Q2_0 counts its zeros") {
  const Case c;
  const auto imported = import_model(c.write(ternary_gguf()), {});
  CHECK(imported.linears.size() == 14);
  CHECK(zeros_of(imported) == third_zeros());
  CHECK(imported.cautions.empty());
}

TEST_CASE("kinds: an unknown type is an error in a linear layer only") {
  auto file = ternary_gguf();
  file.tensors.push_back({"token_embd.weight", {hidden, 8}, 77, Bytes(100)});
  file.tensors.push_back({"output.scale", {}, 0, Bytes(4)});
  CHECK(gguf_error(file).empty());
  file = ternary_gguf();
  file.tensors[3].type = 77;
  CHECK(has(gguf_error(file), "blk.0.attn_output.weight is type 77, neither ternary nor"));
}

TEST_CASE("kinds: GGUF of whole numbers is compared with its tensors") {
  CHECK(gguf_error(integer_gguf()).empty());
  auto file = integer_gguf();
  file.tensors.erase(file.tensors.begin() + 4);
  CHECK(has(gguf_error(file), "layer 0 has no tensor for gate"));
  file = integer_gguf();
  file.tensors[9].shape = {128, 256};
  CHECK(has(gguf_error(file),
            "blk.1.attn_v.weight is 256 x 128, but hidden size, heads and FFN "
            "size make it 128 x 256"));
  file = integer_gguf();
  file.tensors.push_back({"blk.2.attn_q.weight", {256, 256}, 2, Bytes(256 * 256 / 32 * 18)});
  CHECK(has(gguf_error(file), "blk.2.attn_q.weight is of layer 2, but there are 2 layers"));
  file = integer_gguf();
  file.tensors.push_back({"blk.1.ffn_gate_exps.weight", {32, 32, 2}, 2, Bytes(2 * 32 * 18)});
  CHECK(has(gguf_error(file), "blk.1.ffn_gate_exps.weight (2 x 32 x 32) is a linear layer that"));
  file = integer_gguf();
  file.tensors.push_back({"blk.1.attn_q_norm.weight", {64}, 0, Bytes(256)});
  file.tensors.push_back({"v.blk.0.attn_qkv.weight", {32, 32}, 0, Bytes(32 * 32 * 4)});
  CHECK(has(gguf_error(file), "v.blk.0.attn_qkv.weight"));
  file.tensors.back().name = "vision.blk.0.attn_qkv.weight";
  CHECK(gguf_error(file).empty());
  file.tensors.push_back({"token_embd.weight", {hidden, 9}, 0, Bytes(9 * hidden * 4)});
  CHECK(has(gguf_error(file), "token_embd.weight is 9 x 256, but vocabulary"));
}

TEST_CASE(
    "kinds: an MLP without a gate and windows are read from a config, tensors without one not") {
  CHECK(has(gguf_error(integer_gguf("starcoder2")), "starcoder2 has an MLP without a gate (its"));
  auto file = integer_gguf("starcoder2");
  std::erase_if(file.tensors, [](const auto& t) { return has(t.name, "ffn_gate"); });
  CHECK(has(gguf_error(file), "an MLP without a gate: layer 0 has no tensor for gate"));
  const Case c;
  Options ternary;
  ternary.ternary = true;
  const auto error = [&](const std::string& text) {
    return import_error(c.write("config.json", text), ternary);
  };
  const auto spec_of = [&](const std::string& type) {
    return spec::parse_model(import_model(c.write("config.json", config(type)), ternary).spec, "m")
        .values;
  };
  CHECK(spec_of("phi").gated == spec::Switch::off);
  CHECK(spec_of("mistral").window == 4096);
  CHECK(spec_of("mistral").full_every == 0);
  CHECK(spec_of("gemma2").full_every == 2);
  CHECK(spec_of("llama").full_every == 1);
  CHECK(error(config("mistral", R"(,"sliding_window":null)")).empty());
  CHECK(error(config("qwen")).empty());
}

TEST_CASE("kinds: a split GGUF is read from any of its parts") {
  const Case c;
  const auto whole = ternary_gguf();
  const auto part = [&](std::uint64_t no, std::uint64_t count = 3, std::uint64_t tensors = 14) {
    auto file = no == 0 ? gguf_header() : GgufFile();
    file.number("split.no", no);
    file.number("split.count", count);
    file.number("split.tensors.count", tensors);
    for (std::size_t i = 0; i < whole.tensors.size(); ++i)
      if (i % 3 == no) file.tensors.push_back(whole.tensors[i]);
    return file.bytes();
  };
  const auto name = [](int no) { return "x-0000" + std::to_string(no) + "-of-00003.gguf"; };
  std::string path;
  for (int no = 1; no <= 3; ++no) {
    if (no == 3) CHECK(has(import_error(path), "is one of 3 parts of a model, but there is no"));
    path = c.write(name(no), part(static_cast<std::uint64_t>(no) - 1));
  }
  for (int no = 1; no <= 3; ++no) {
    const auto imported = import_model(c.folder.file(name(no)), {});
    CHECK(zeros_of(imported) == third_zeros());
    CHECK(imported.name == "x");
    CHECK(has(imported.source, "(GGUF v3 in 3 parts, Q2_0)"));
  }
  const auto other = c.write("other.gguf", part(0));
  CHECK(has(import_error(other),
            "is one of 3 parts of a model (their names must end as in "
            "NAME-00001-of-00003.gguf)"));
  c.write(name(2), part(2));
  CHECK(has(import_error(path), "does not say that it is part 2 of 3"));
  c.write(name(2), part(1, 3, 15));
  c.write(name(1), part(0, 3, 15));
  CHECK(has(import_error(path), "have 14 tensors, but should have 15"));
}

TEST_CASE("kinds: tensors of a text model behind other prefixes") {
  for (const std::string prefix :
       {"model.language_model.layers.", "language_model.model.layers.", "layers.",
        "model.text_model.layers.", "thinker.model.layers."}) {
    const Case c;
    auto tensors = each(i8, prefix);
    // Towers beside it are no part of the text model.
    tensors.push_back(
        {"vision_tower.encoder.layers.0.self_attn.q_proj.weight", "I8", {2, 3}, Bytes(6)});
    tensors.push_back({"model.visual.layers.9.mlp.fc1.weight", "F4", {2, 2}, Bytes(2)});
    const auto imported = import_model(write_folder(c, config("bitnet"), tensors), {});
    CHECK(imported.linears.size() == 14);
    CHECK(zeros_of(imported) == third_zeros());
  }
}

TEST_CASE("kinds: extra linear layers in safetensors are named") {
  const Case c;
  auto tensors = each(i8);
  tensors.push_back({"model.layers.1.mlp.experts.0.up_proj.weight", "I8", {2, 3}, Bytes(6)});
  CHECK(has(import_error(write_folder(c, config("bitnet"), tensors)),
            "model.layers.1.mlp.experts.0.up_proj.weight (2 x 3) is a linear layer that"));
  tensors.back() = {"model.layers.1.self_attn.q_norm.weight", "I8", {2, 3}, Bytes(6)};
  CHECK(import_error(write_folder(c, config("bitnet"), tensors)).empty());
  tensors = each(i8);
  tensors[0].name = "model.layers.0.self_attn.qkv_proj.weight";
  CHECK(has(import_error(write_folder(c, config("bitnet"), tensors)),
            "layer 0 has no tensor for q (there is model.layers.0.self_attn.qkv_proj.weight"));
}

TEST_CASE("kinds: GPTQ, AWQ and compressed-tensors are compared with their tensors") {
  const auto words = [](const std::string& name, std::uint64_t rows, std::uint64_t columns) {
    return SafeTensor{name, "I32", {rows, columns}, Bytes(4 * rows * columns)};
  };
  const auto gptq = [&](const std::string& module, const Matrix& m) {
    return words(module + ".qweight", m.columns * 4 / 32, m.rows);
  };
  const auto awq = [&](const std::string& module, const Matrix& m) {
    return words(module + ".qweight", m.columns, m.rows * 4 / 32);
  };
  const auto packed = [&](const std::string& module, const Matrix& m) {
    return words(module + ".weight_packed", m.rows, m.columns * 4 / 32);
  };
  const auto text = config("llama", R"(,"quantization_config":{"quant_method":"gptq","bits":4})");
  const std::vector<std::function<SafeTensor(const std::string&, const Matrix&)>> packings{
      gptq, awq, packed};
  for (const auto& make : packings) {
    const Case c;
    auto tensors = each(make);
    const auto imported = import_model(write_folder(c, text, tensors), {});
    CHECK(spec::parse_model(imported.spec, "made").values.weights.bits.value() == 4);
    tensors[5].shape = {1, 2};
    tensors[5].data.resize(8);
    CHECK(has(import_error(write_folder(c, text, tensors)), "is 1 x 2, but hidden size"));
    tensors = each(make);
    tensors.pop_back();
    CHECK(has(import_error(write_folder(c, text, tensors)), "layer 1 has no tensor for down"));
    tensors = each(make);
    tensors[5] = {"model.layers.0.mlp.up_proj.weight", "BF16", {512, 256}, Bytes(2 * 512 * 256)};
    CHECK(has(import_error(write_folder(c, text, tensors)),
              "model.layers.0.mlp.up_proj.weight is BF16, but the other linear layers are 4-bit"));
    Options bits;
    bits.bits = 4;
    CHECK(import_error(c.folder.path.string(), bits).empty());
    Options ternary;
    ternary.ternary = true;
    CHECK(has(import_error(c.folder.path.string(), ternary), "is packed as whole numbers"));
  }
}

TEST_CASE("kinds: layers that a quantization left as they were have another code") {
  const Case c;
  const auto with = [&](const std::string& method, const std::string& more) {
    return import_error(
        c.write("config.json", config("llama", R"(,"quantization_config":{"bits":4,)"
                                               R"("quant_method":")" +
                                                   method + "\"," + more + "}")));
  };
  CHECK(
      has(with("bitnet", R"("modules_to_not_convert":["lm_head","model.layers.1.mlp.down_proj"])"),
          "model.layers.1.mlp.down_proj is not ternary: the quantization_config leaves"));
  CHECK(has(with("bitnet", R"("modules_to_not_convert":["o_proj"])"), "layers.0.self_attn.o_proj"));
  CHECK(has(with("gptq", R"("ignore":["re:.*self_attn.v_proj$"])"),
            "v_proj is not in whole numbers"));
  CHECK(has(with("gptq", R"("exclude_modules":["*.1.mlp*"])"),
            "model.layers.1.mlp.gate_proj is not"));
  CHECK(with("gptq", R"("modules_to_not_convert":["lm_head","re:.*norm","model.layers.7.mlp"])")
            .empty());
  Options ternary;
  ternary.ternary = true;
  with("bitnet", R"("modules_to_not_convert":["o_proj"])");
  CHECK(import_error(c.folder.file("config.json"), ternary).empty());
}

TEST_CASE("kinds: floats beside ternary layers must be ternary themselves") {
  const Case c;
  const auto bf16 = [](float value) { return std::bit_cast<std::uint32_t>(value) >> 16; };
  auto tensors = each(i8);
  auto& o = tensors[3];
  o.dtype = "BF16";
  o.data.clear();
  for (int i = 0; i < 256 * 256; ++i)  // a scale a row
    append(o.data, bf16(static_cast<float>((i + 1) % 3 - 1) * static_cast<float>(1 + i / 256)), 2);
  const auto path = write_folder(c, config("bitnet"), tensors);
  CHECK(zeros_of(import_model(path, {})) == third_zeros());
  o.data[0] ^= 1;
  write_folder(c, config("bitnet"), tensors);
  CHECK(
      has(import_error(path), "o_proj.weight is BF16 and not ternary, beside linear layers that"));
  Options ternary;
  ternary.ternary = true;
  CHECK(import_error(path, ternary).empty());
}

TEST_CASE("kinds: floats that are ternary by row or group count their exact zeros") {
  std::mt19937 random(3);
  for (const std::uint64_t group : {256u, 128u, 32u}) {
    const Case c;
    std::uint64_t wanted = 0;
    const auto tensors = each([&](const std::string& module, const Matrix& m) {
      SafeTensor out{module + ".weight", "BF16", {m.rows, m.columns}, {}};
      for (std::uint64_t i = 0; i < m.rows * m.columns; ++i) {
        const int w = static_cast<int>(random() % 3) - 1;
        const float scale = i / group % 2 == 0 ? 0.02f : 0.5f;
        append(out.data, std::bit_cast<std::uint32_t>(scale * static_cast<float>(w)) >> 16, 2);
        wanted += w == 0;
      }
      return out;
    });
    const auto imported = import_model(write_folder(c, config("bitnet"), tensors), {});
    CHECK(zeros_of(imported) == wanted);
    CHECK(!has(imported.spec, "absmean"));
  }
}

TEST_CASE("kinds: tensors say whether the LM head is a table of its own") {
  const auto tied = [](const std::string& type, const std::string& more,
                       const std::vector<std::string>& names) {
    const Case c;
    auto tensors = each(i8);
    for (const auto& name : names) tensors.push_back({name, "I8", {8, 256}, Bytes(8 * 256)});
    Options ternary;
    ternary.ternary = true;
    const auto path = write_folder(c, config(type, more), tensors);
    return spec::parse_model(import_model(path, ternary).spec, "made").values.embedding.tied ==
           spec::Switch::on;
  };
  const std::string table = "model.embed_tokens.weight";
  CHECK(tied("llama", "", {table}));
  CHECK(!tied("llama", "", {table, "lm_head.weight"}));
  CHECK(!tied("llama", "", {}));
  CHECK(!tied("gemma", "", {table, "lm_head.weight"}));
  CHECK(tied("gemma", "", {table}));
  CHECK(tied("llama", R"(,"tie_word_embeddings":true)", {table, "lm_head.weight"}));
  CHECK(!tied("llama", R"(,"tie_word_embeddings":false)", {table}));
}

TEST_CASE("kinds: zero rows, and what they make idle") {
  const Case c;
  auto tensors = each(i8);
  const auto clear_row = [&](std::size_t tensor, std::uint64_t row) {
    const auto columns = tensors[tensor].shape[1];
    std::fill_n(tensors[tensor].data.begin() + static_cast<std::ptrdiff_t>(row * columns), columns,
                std::uint8_t{0});
  };
  clear_row(2, 5);    // v: one of 128 rows; two query heads share it
  clear_row(4, 100);  // gate
  clear_row(4, 101);
  clear_row(5, 101);  // up
  clear_row(5, 102);
  clear_row(6, 0);        // down
  clear_row(7 + 4, 511);  // gate of layer 1
  auto imported = import_model(write_folder(c, config("bitnet"), tensors), {});
  const auto& l = imported.linears;
  CHECK(l[2].zero_rows == 1u);
  CHECK(l[3].idle_columns == 2);
  CHECK(l[4].zero_rows == 2u);
  CHECK(l[4].idle_rows == 3);
  CHECK(l[5].zero_rows == 2u);
  CHECK(l[5].idle_rows == 3);
  CHECK(l[6].zero_rows == 1u);
  CHECK(l[6].idle_columns == 3);
  CHECK(l[6].busy_weights() == 255 * 509);
  CHECK(l[7 + 6].idle_columns == 1);
  CHECK(l[7].zero_rows == 0u);
  // A bias makes a zero row's result a constant.
  tensors.push_back({"model.layers.0.self_attn.v_proj.bias", "I8", {128}, Bytes(128)});
  tensors.push_back({"model.layers.0.mlp.gate_proj.bias", "I8", {512}, Bytes(512)});
  imported = import_model(write_folder(c, config("bitnet"), tensors), {});
  CHECK(imported.linears[2].zero_rows == 1u);
  CHECK(imported.linears[3].idle_columns == 0);
  CHECK(imported.linears[4].idle_rows == 0);
  CHECK(imported.linears[6].idle_columns == 2);
}

TEST_CASE("kinds: files that are something else have one message each") {
  const Case c;
  const std::vector<std::pair<std::string, std::string>> files{
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
       "is a Git LFS pointer: fetch the file (git lfs pull)"},
      {"<!DOCTYPE html><html>", "is an HTML page (download"},
      {"\n  <html lang=en>", "is an HTML page"},
      {"Entry not found", "is an error message of a server"},
      {"\x1F\x8B\x08 and more", "is compressed by gzip (gunzip it first)"},
      {"\x28\xB5\x2F\xFD and more", "is compressed by zstd"},
      {"PK\x03\x04 and more", "is a zip archive, as PyTorch writes its pickles"},
      {"\x80\x02\x8A\x0A and more", "is a Python pickle, as PyTorch writes"},
      {"\x80\x04\x95 and more", "is a Python pickle"},
      {"lmgg", "is GGML, older than GGUF"}};
  for (const auto& [content, message] : files) {
    for (const std::string name : {"m.gguf", "config.json", "pytorch_model.bin"})
      CHECK(has(import_error(c.write(name, content)), "byte 0: error: " + message));
    fs::remove(c.folder.file("m.gguf"));
    c.write("config.json", config("bitnet"));
    c.write("model.safetensors", content);
    CHECK(has(import_error(c.folder.path.string()), "model.safetensors:byte 0: error: " + message));
    fs::remove(c.folder.file("model.safetensors"));
    fs::remove(c.folder.file("pytorch_model.bin"));
  }
  // A header of 35,615 bytes begins as gzip does.
  auto tensors = each(i8);
  auto bytes = safetensors(tensors);
  const auto length = little_endian(std::span(bytes).first(8));
  const Bytes padding(0x8B1F - length, ' ');
  bytes.insert(bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length), padding.begin(),
               padding.end());
  bytes[0] = 0x1F, bytes[1] = 0x8B;
  c.write("model.safetensors", bytes);
  CHECK(zeros_of(import_model(c.folder.path.string(), {})) == third_zeros());

  const auto pipe = c.folder.file("pipe.gguf");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(has(import_error(pipe), "is not a regular file but a pipe (write its data to a file"));
  fs::remove(c.folder.file("model.safetensors"));
  c.write("pytorch_model.bin", "x");
  fs::remove(pipe);
  CHECK(has(import_error(c.folder.path.string()),
            "has no .safetensors file (pytorch_model.bin is a Python pickle"));
}

TEST_CASE("kinds: the name is no path of somebody's machine") {
  const Case c;
  const auto text = config("bitnet", R"(,"_name_or_path":"/home/someone/run/checkpoint-1000")");
  CHECK(import_model(c.write("some-model.json", text), {}).name == "some-model");
  CHECK(import_model(c.write("config.json", text), {}).name == c.folder.path.filename());
}

TEST_CASE("kinds: a config says how many positions there are") {
  const Case c;
  const auto text = config("bitnet", R"(,"max_position_embeddings":100)");
  const auto imported = import_model(c.write("config.json", text), {});
  CHECK(spec::parse_model(imported.spec, "made").values.workload.context == 100);
  CHECK(has(imported.spec, "the model has 100 positions (max_position_embeddings in config.json)"));
}

TEST_CASE("kinds: large files are counted by several threads, with one error") {
  const Case c;
  c.write("config.json", R"({"model_type":"bitnet","hidden_size":2048,"num_hidden_layers":2,)"
                         R"("num_attention_heads":16,"num_key_value_heads":16,"vocab_size":8,)"
                         R"("intermediate_size":2048})");
  std::string header = "{";
  const std::uint64_t bytes = 2048 * 2048 * 2;  // of one matrix; 14 are 112 MiB, not on the disk
  for (std::uint64_t i = 0; i < 14; ++i)
    header += (i == 0 ? "\"" : ",\"") + ("model.layers." + std::to_string(i / 7)) + "." +
              matrices[i % 7].module + R"(.weight":{"dtype":"F16","shape":[2048,2048],)" +
              "\"data_offsets\":[" + std::to_string(i * bytes) + "," +
              std::to_string((i + 1) * bytes) + "]}";
  const auto file = c.write("model.safetensors", safetensors_file(header + "}", {}));
  const auto data = fs::file_size(file);
  fs::resize_file(file, data + 14 * bytes);
  const auto path = c.folder.path.string();
  const auto imported = import_model(path, {});
  CHECK(zeros_of(imported) == 14 * 2048 * 2048);
  CHECK(imported.linears[13].zero_rows == 2048u);
  std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out);
  for (const std::uint64_t tensor : {12u, 3u}) {
    out.seekp(static_cast<std::streamoff>(data + tensor * bytes + bytes / 2));
    out.write("\x01\x7C", 2);
  }
  out.close();
  CHECK(has(import_error(path), "byte " + std::to_string(data + 3 * bytes + bytes / 2)));
}
