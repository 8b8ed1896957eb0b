// SPDX-License-Identifier: Apache-2.0
// Whole runs beside programs that nobody here wrote, and what must not change a bit.
#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <sstream>

#include <tomestimate/import/count.hpp>
#include <tomestimate/import/weights.hpp>
#include <tomestimate/reference/counts.hpp>
#include <tomestimate/reference/dump.hpp>
#include <tomestimate/reference/fp8.hpp>
#include <tomestimate/reference/run.hpp>
#include <tomestimate/spec/load.hpp>

#include "catch.hpp"
#include "folder.hpp"

using namespace tomestimate;
using namespace tomestimate::reference;

namespace {

const std::string data = std::string(TOMESTIMATE_TESTS) + "/reference/data/";
const std::vector<std::size_t> numpy_prompt{5, 17, 3, 42, 8, 91, 60, 2};
const std::vector<std::size_t> llama_cpp_prompt{5, 17, 3, 12, 8, 31, 20, 2};

std::vector<std::size_t> read_tokens(const std::string& file) {
  std::ifstream in(file);
  return {std::istream_iterator<std::size_t>(in), {}};
}

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const spec::SpecError& e) {
    return e.what();
  }
  return "";
}

struct Greedy {
  std::vector<std::size_t> tokens;
  std::vector<std::vector<float>> logits;
};

Greedy run_greedy(const Model& model, const std::vector<std::size_t>& prompt, std::size_t steps,
                  const RunOptions& options = {}, Hooks hooks = {}) {
  Runner runner(model, options, std::move(hooks));
  Greedy out;
  out.logits.push_back(runner.pass(prompt));
  while (out.tokens.size() < steps) {
    out.tokens.push_back(greedy(out.logits.back()));
    if (out.tokens.size() < steps) out.logits.push_back(runner.pass({&out.tokens.back(), 1}));
  }
  return out;
}

// The largest difference of our logits to those of a file, steps x vocabulary.
double largest_difference(const Greedy& ours, const std::string& file) {
  const auto theirs = array::read_floats(file);
  REQUIRE(theirs.shape == std::vector<std::size_t>{ours.logits.size(), ours.logits[0].size()});
  double most = 0;
  for (std::size_t s = 0; s < ours.logits.size(); ++s)
    for (std::size_t i = 0; i < ours.logits[s].size(); ++i)
      most = std::max(most, std::abs(static_cast<double>(ours.logits[s][i]) -
                                     static_cast<double>(theirs.values[s * theirs.shape[1] + i])));
  return most;
}

// A spec of a size that takes milliseconds.
Model small_synthetic(const std::string& name, const ModelOptions& options) {
  auto model = spec::load_model(std::string(TOMESTIMATE_SPECS) + "/" + name + ".toml");
  auto& m = model.values;
  m.hidden = 256;
  m.heads = 4;
  m.kv_heads = 2;
  m.head_dim = 64;
  m.intermediate = 384;
  m.layers = 2;
  m.embedding.vocabulary = 100;
  return synthetic_model(model, options);
}

// Everything that a run records, as bytes.
std::vector<std::string> recorded(const Model& model, const RunOptions& options) {
  std::vector<std::string> out;
  Hooks hooks;
  hooks.record = [&out](const Record& record) {
    for (const auto& array : record.arrays)
      out.push_back(std::string(spec::name(record.op)) + array.name + array.role +
                    std::visit(
                        [](const auto& e) {
                          return std::string(reinterpret_cast<const char*>(e.data()),
                                             e.size_bytes());
                        },
                        array.elements));
  };
  run_greedy(model, {1, 2, 3, 4, 5, 6, 7}, 3, options, std::move(hooks));
  return out;
}

}  // namespace

TEST_CASE("an independent numpy BitNet: integers equal, logits close, 64 tokens equal") {
  const auto model = open_checkpoint_model(data + "packed", {});
  CHECK(model.config.activation == Activation::relu2);
  CHECK(model.config.rope_theta == 500000);
  std::vector<float> integers;
  Hooks hooks;
  std::map<std::string, bool> seen;
  hooks.record = [&](const Record& record) {
    if (record.pass != 0 || spec::info(record.op).kind != spec::OpKind::linear) return;
    if (record.op == spec::Op::lm_head) return;
    for (const auto& array : record.arrays)
      std::visit(
          [&](const auto& e) {
            if (array.name == "codes" || array.name == "sums")
              for (const auto v : e) integers.push_back(static_cast<float>(v));
          },
          array.elements);
  };
  const auto ours = run_greedy(model, numpy_prompt, 64, {}, std::move(hooks));
  CHECK(integers == array::read_floats(data + "numpy_integers.npy").values);
  CHECK(ours.tokens == read_tokens(data + "numpy_tokens.txt"));
  CHECK(largest_difference(ours, data + "numpy_logits.npy") < 1e-5);
}

TEST_CASE("llama.cpp: 64 tokens equal, logits as close as its half-precision LM head") {
  const auto model = open_checkpoint_model(data + "llama_cpp_silu.gguf", {});
  CHECK(model.config.activation == Activation::silu);
  const auto ours = run_greedy(model, llama_cpp_prompt, 64);
  CHECK(ours.tokens == read_tokens(data + "llama_cpp_silu_tokens.txt"));
  // It rounds the input of the LM head to half precision: 2^-11 of logits up to 5.4.
  CHECK(largest_difference(ours, data + "llama_cpp_silu_logits.npy") < 5.4 * 0x1p-11);
}

TEST_CASE("the same bits for threads, instruction sets, and weights kept or read again") {
  for (const auto arithmetic : {Arithmetic::int8, Arithmetic::fp8})
    for (const std::string spec : {"bitnet-2b", "llama-3.2-3b-int4"}) {
      const auto model = small_synthetic(spec, {});
      RunOptions options;
      options.arithmetic = arithmetic;
      const auto first = recorded(model, options);
      CHECK(first.size() > 100);
      options.threads = 3;
      options.kept_bytes = 0;
      CHECK(recorded(model, options) == first);
      for (auto isa = Isa::baseline; isa < best_isa();
           isa = static_cast<Isa>(static_cast<int>(isa) + 1)) {
        options.isa = isa;
        CHECK(recorded(model, options) == first);
      }
    }
}

TEST_CASE("tokens one by one give the bits of tokens together") {
  for (const auto arithmetic : {Arithmetic::int8, Arithmetic::fp8}) {
    const auto model = small_synthetic("bitnet-2b", {});
    RunOptions options;
    options.arithmetic = arithmetic;
    Runner together(model, options, {});
    const auto whole = together.pass(std::vector<std::size_t>{9, 8, 7, 6});
    Runner apart(model, options, {});
    std::vector<float> last;
    for (const std::size_t token : {9, 8, 7, 6}) last = apart.pass({&token, 1});
    CHECK(last == whole);
  }
}

TEST_CASE("attention keeps its mass at long contexts") {
  // Equal keys: every position has the same score, and the mean of equal values is the value.
  const auto model = small_synthetic("bitnet-2b", {});
  for (const auto arithmetic : {Arithmetic::int8, Arithmetic::fp8}) {
    RunOptions options;
    options.arithmetic = arithmetic;
    double most = 0;
    Hooks hooks;
    hooks.record = [&](const Record& record) {
      if (record.op != spec::Op::softmax || record.layer != 0) return;
      const auto e = std::get<std::span<const float>>(record.arrays[0].elements);
      const auto sums = std::get<std::span<const float>>(record.arrays[1].elements);
      const auto all = record.arrays[0].shape[2];
      for (std::size_t row = 0; row < sums.size(); ++row) {
        double sum = 0;
        for (std::size_t j = 0; j < all; ++j) sum += static_cast<double>(e[row * all + j]);
        most = std::max(most, std::abs(sum / static_cast<double>(sums[row]) - 1));
        REQUIRE(sums[row] > 0);
      }
    };
    Runner runner(model, options, std::move(hooks));
    std::vector<std::size_t> tokens(600, 7);
    runner.pass(tokens);
    CHECK(most < 1e-6);
  }
}

TEST_CASE("fp8: linear sums are those of exact fixed point, from codes and weights alone") {
  ModelOptions model_options;
  model_options.adapter_rank = 8;
  const auto model = small_synthetic("bitnet-2b", model_options);
  RunOptions options;
  options.arithmetic = Arithmetic::fp8;
  options.record_weights = true;
  std::size_t checked = 0;
  std::size_t adapters = 0;
  Hooks hooks;
  hooks.record = [&](const Record& record) {
    std::map<std::string, const Array*> by_name;
    for (const auto& array : record.arrays) by_name[array.name] = &array;
    if (!by_name.contains("weights")) return;
    adapters += spec::info(record.op).kind != spec::OpKind::linear;
    const auto codes = std::get<std::span<const std::uint8_t>>(by_name["codes"]->elements);
    const auto weights = std::get<std::span<const std::int8_t>>(by_name["weights"]->elements);
    const auto sums = std::get<std::span<const std::int64_t>>(by_name["sums"]->elements);
    const auto y = std::get<std::span<const float>>(by_name["y"]->elements);
    const auto scales = std::get<std::span<const float>>(by_name["scales"]->elements);
    const auto scale = std::get<std::span<const float>>(by_name["weight_scale"]->elements)[0];
    const auto inputs = by_name["codes"]->shape[1];
    const auto outputs = by_name["sums"]->shape[1];
    for (std::size_t i = 0; i < sums.size(); ++i) {
      // In double, from the values that the codes stand for: exact as well, and another way.
      double sum = 0;
      for (std::size_t c = 0; c < inputs; ++c)
        sum += weights[i % outputs * inputs + c] *
               static_cast<double>(from_e4m3(codes[i / outputs * inputs + c]));
      REQUIRE(static_cast<double>(sums[i]) * e4m3_unit == sum);
      REQUIRE(y[i] ==
              Approx(sum * static_cast<double>(scale) / static_cast<double>(scales[i / outputs]))
                  .epsilon(1e-6)
                  .margin(1e-12));
      ++checked;
    }
  };
  run_greedy(model, {1, 2, 3}, 1, options, std::move(hooks));
  CHECK(checked > 1000);
  CHECK(adapters == 2 * 7 * 2);
}

TEST_CASE("synthetic weights have the distribution that is stated") {
  const auto model = small_synthetic("bitnet-2b", {});
  const auto wanted = std::get<Synthetic>(model.weights).zero_share[0][4];
  const auto layer = model.layer(0);
  const auto counts = count_matrix(layer.projections[4], {}, 1);  // gate: 98,304 weights
  const auto n = static_cast<double>(384 * 256);
  CHECK(static_cast<double>(counts.zeros) / n == Approx(wanted).margin(0.01));
  std::uint64_t plus = 0;
  for (const auto p : counts.plus) plus += p;
  CHECK(static_cast<double>(plus) / (n - static_cast<double>(counts.zeros)) ==
        Approx(0.5).margin(0.01));
  CHECK(count_matrix(model.layer(0).projections[4], {}, 1).data_toggles == counts.data_toggles);
  ModelOptions other;
  other.seed = 2;
  CHECK(count_matrix(small_synthetic("bitnet-2b", other).layer(0).projections[4], {}, 1)
            .data_toggles != counts.data_toggles);
}

TEST_CASE("synthetic models have the activation of their spec") {
  // BitNet's 3B of 2024 has sub-norms and SiLU.
  CHECK(small_synthetic("bitnet-2b", {}).config.activation == Activation::relu2);
  CHECK(small_synthetic("bitnet-3b", {}).config.activation == Activation::silu);
  auto gelu = spec::load_model(std::string(TOMESTIMATE_SPECS) + "/bitnet-2b.toml");
  gelu.values.activation = spec::Activation::gelu;
  CHECK_THROWS_AS(synthetic_model(gelu, {}), spec::SpecError);
}

TEST_CASE("counts of a run are those of its codes and weights") {
  const auto model = open_checkpoint_model(data + "packed", {});
  Counter counter({4, 2, 32, 64}, model.config.layers, false, 1);
  std::uint64_t zeros = 0;
  Hooks hooks;
  hooks.linear = [&](std::size_t l, Projection p, const Matrix& m, const Quantized& x) {
    counter.add(l, p, m, x.codes, x.tokens);
    if (l == 0 && p == Projection::q)
      zeros += static_cast<std::uint64_t>(std::count(x.codes.begin(), x.codes.end(), 0));
  };
  run_greedy(model, numpy_prompt, 3, {}, std::move(hooks));
  const auto& q = counter.of(0, 0);
  CHECK(q.tokens == numpy_prompt.size() + 2);
  CHECK(q.zero_activations == zeros);
  CHECK(q.weights_used == q.tokens * 64 * 64);
  CHECK(q.bits_read == 2 * q.weights_used);
  CHECK(q.one_bits_read == q.weights_used - q.zero_weights_used);
  CHECK(q.words_read == q.tokens * 64 * 4);
  CHECK(q.adds_positive + q.adds_negative <= q.one_bits_read);
  CHECK(toggles_if_independent(q, 32) == Approx(static_cast<double>(q.data_toggles)).epsilon(0.1));
}

TEST_CASE("activation toggles are those of each input of a unit, step by step") {
  // 5 rows over 2 lanes, 22 columns in words of 4 over 2 units: words 0, 2, 4 and 1, 3, 5 (2 full).
  constexpr std::size_t rows = 5, columns = 22, tokens = 3, width = 4;
  Ternary matrix(rows, columns);
  std::vector<std::uint8_t> codes;
  for (std::size_t i = 0; i < tokens * columns; ++i)
    codes.push_back(static_cast<std::uint8_t>(i * i * 37 + 11));
  std::uint64_t wanted = 0;
  for (std::size_t lane = 0; lane < 2; ++lane)
    for (std::size_t unit = 0; unit < 2; ++unit) {
      std::vector<std::uint8_t> held;  // of the step before
      for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t r = lane; r < rows; r += 2)
          for (std::size_t word = unit; word * width < columns; word += 2) {
            std::vector<std::uint8_t> now;
            for (std::size_t c = word * width; c < (word + 1) * width; ++c)
              now.push_back(c < columns ? codes[t * columns + c] : std::uint8_t{0});
            for (std::size_t i = 0; i < held.size(); ++i)
              wanted += static_cast<unsigned>(std::popcount(unsigned(held[i] ^ now[i])));
            held = now;
          }
    }
  const auto counts = count_matrix(matrix, {2, 2, 2 * width, 64}, 1);
  CHECK(count_data(counts, codes, tokens, false).activation_toggles == wanted);
  CHECK(wanted > 0);
}

TEST_CASE("drawing follows the probabilities, and seeds repeat") {
  const std::vector<float> logits{0, std::log(2.0f), std::log(5.0f)};
  CHECK(greedy(logits) == 2);
  CHECK(draw(logits, 1, 0.0) == 0);
  CHECK(draw(logits, 1, 0.124) == 0);
  CHECK(draw(logits, 1, 0.126) == 1);
  CHECK(draw(logits, 1, 0.374) == 1);
  CHECK(draw(logits, 1, 0.376) == 2);
  CHECK(draw(logits, 1, 0.9999999) == 2);
  const auto model = open_checkpoint_model(data + "packed", {});
  const auto run = [&](std::uint64_t seed) {
    Runner runner(model, {}, {});
    std::vector<std::size_t> out;
    for (const auto& step : generate(runner, numpy_prompt, 12, 1.5, seed))
      out.push_back(step.token);
    return out;
  };
  CHECK(run(1) == run(1));
  CHECK(run(1) != run(2));
}

TEST_CASE("weights by value have the counts that import counts, for all storages") {
  const auto imported = std::string(TOMESTIMATE_TESTS) + "/import/data/";
  std::size_t tensors = 0;
  for (const std::string file : {"llama-cpp-tq.gguf", "i2_s.gguf", "packed", "i8", "floats"}) {
    const auto checkpoint = importer::open_weights(imported + file);
    for (const auto& part : checkpoint.files)
      for (const auto& tensor : part.tensors) {
        if (tensor.shape.size() != 2 || tensor.name.find("embd") != std::string::npos ||
            tensor.name.find("embed") != std::string::npos)
          continue;
        importer::Counts counts;
        importer::read_ternary(part.source, tensor,
                               [&](std::uint64_t, std::span<const std::int8_t> weights) {
                                 for (const auto w : weights)
                                   ++(w < 0 ? counts.minus : w > 0 ? counts.plus : counts.zeros);
                               });
        const auto wanted = importer::count(part.source, tensor).counts;
        CHECK(counts.minus == wanted.minus);
        CHECK(counts.zeros == wanted.zeros);
        CHECK(counts.plus == wanted.plus);
        ++tensors;
      }
  }
  CHECK(tensors == 7 + 4 * 14);
}

TEST_CASE(
    "what a run does not do is refused, and no default stands for what a config says wrongly") {
  const Folder folder;
  std::filesystem::copy(data + "packed", folder.path / "m");
  std::ifstream in(data + "packed/config.json");
  const std::string config{std::istreambuf_iterator<char>(in), {}};
  const auto error = [&](const std::string& more) -> std::string {
    std::ofstream(folder.path / "m/config.json")
        << config.substr(0, config.rfind('}')) + "," + more + "}";
    return error_of([&] { open_checkpoint_model((folder.path / "m").string(), {}); });
  };
  const auto has = [](const std::string& text, const std::string& part) {
    CAPTURE(text, part);
    return text.find(part) != std::string::npos;
  };
  CHECK(error(R"("unused":1)").empty());
  CHECK(error(R"("rope_scaling":null,"partial_rotary_factor":1.0)").empty());
  for (const auto& [more, message] : std::map<std::string, std::string>{
           {R"("rope_theta":"500000")", "\"rope_theta\" is there twice"},
           {R"("rms_norm_eps":1e-5)", "\"rms_norm_eps\" is there twice"},
           {R"("partial_rotary_factor":"0.5")", "\"partial_rotary_factor\" is no number"},
           {R"("partial_rotary_factor":0.5)", "RoPE turns 0.5 of a head"},
           {R"("rope_scaling":[1])", "\"rope_scaling\" is no object"},
           {R"("rope_scaling":{"factor":4})", "\"rope_scaling\" has a factor, but no type"},
           {R"("rope_scaling":{"rope_type":3})", "\"rope_type\" is no text"},
           {R"("rope_scaling":{"type":"yarn","factor":4})", "RoPE of type yarn"},
           {R"("rope_parameters":{"full_attention":{}})", "\"rope_parameters\" differs by layer"},
           {R"("rope_parameters":{"rope_theta":true})", "\"rope_theta\" is no number"},
           {R"("sliding_window":5)", "tokens attend to a window of 5"}})
    CHECK(has(error(more), message));
  auto other = config;
  for (const auto& [from, to] :
       {std::pair<std::string, std::string>{"BitNetForCausalLM", "Qwen3ForCausalLM"},
        {"\"bitnet\"", "\"qwen3\""}})
    for (auto at = other.find(from); at != std::string::npos; at = other.find(from, at + 1))
      other.replace(at, from.size(), to);
  std::ofstream(folder.path / "m/config.json") << other;
  CHECK(has(error_of([&] { open_checkpoint_model((folder.path / "m").string(), {}); }),
            "architecture Qwen3ForCausalLM is not run (BitNet and Llama are)"));

  auto spec = spec::load_model(std::string(TOMESTIMATE_SPECS) + "/bitnet-2b.toml");
  spec.values.gated = spec::Switch::off;
  CHECK(has(error_of([&] { synthetic_model(spec, {}); }), "an MLP without a gate"));
  spec.values.gated = spec::Switch::on;
  spec.values.full_every = 0;
  spec.values.window = 4096;
  CHECK(has(error_of([&] { synthetic_model(spec, {}); }), "a window of 4096 (model.window)"));
}

TEST_CASE("logits that are not finite are an error, not tokens") {
  auto spec = spec::load_model(std::string(TOMESTIMATE_SPECS) + "/bitnet-2b.toml");
  auto& m = spec.values;
  m.hidden = m.intermediate = 64;
  m.layers = 1;
  m.heads = m.kv_heads = 2;
  m.head_dim = 32;
  m.embedding.vocabulary = 8;
  const auto model = synthetic_model(spec, {});
  Runner runner(model, {}, {});
  const std::vector<float> x(64, std::numeric_limits<float>::infinity());
  CHECK_THROWS_WITH(runner.tail(x), "a logit is not finite");
}

namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The packed checkpoint with another text in its config.json, or in the names of its tensors.
std::string said_of_changed(const std::string& from, const std::string& to) {
  const Folder folder;
  for (const std::string name : {"config.json", "model.safetensors"}) {
    auto bytes = bytes_of(data + "packed/" + name);
    for (auto at = bytes.find(from); at != std::string::npos; at = bytes.find(from, at + to.size()))
      bytes.replace(at, from.size(), to);
    std::ofstream(folder.file(name), std::ios::binary) << bytes;
  }
  try {
    const auto model = open_checkpoint_model(folder.path.string(), {});
    for (std::size_t l = 0; l < model.config.layers; ++l) model.layer(l);
  } catch (const spec::SpecError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("checkpoints of other arithmetic are refused, not run wrong") {
  const auto refused = [](const std::string& from, const std::string& to, const std::string& why) {
    const auto said = said_of_changed(from, to);
    CAPTURE(from, to, said);
    CHECK(said.find(why) != std::string::npos);
  };
  CHECK(said_of_changed("no such text", "").empty());
  CHECK(said_of_changed("\"relu2\"", "\"silu\"").empty());
  refused("\"relu2\"", "\"gelu\"", "activation \"gelu\"");
  refused("BitNetForCausalLM", "Qwen3ForCausalLM", "Qwen3");
  refused("\"rms_norm_eps\"", "\"sliding_window\": 8, \"rms_norm_eps\"",
          "tokens attend to a window of 8");
  refused("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false",
          "has no tensor lm_head.weight");
  refused("mlp.up_proj.weight_scale", "mlp.up_proj.weight_other",
          "model.layers.0.mlp.up_proj.weight_other is not run");
  refused("self_attn.attn_sub_norm.weight", "self_attn.attn_new_norm.weight",
          "layer 0 has no tensor for attn_sub_norm");
}

TEST_CASE("a dump replaces a dump, and nothing else") {
  const Folder folder;
  const auto target = folder.file("dump");
  const auto make = [&] {
    const std::vector<float> x{1, 2};
    Dump dump(target);
    dump.add({0, 1, spec::Op::q, {{"output", "y", std::span<const float>(x), {1, 2}}}}, 4);
    dump.finish({{"model", "m"}});
  };
  make();
  CHECK(array::read_floats(target + "/pass000/layer01/q.output.y.npy").values ==
        std::vector<float>{1, 2});
  make();
  CHECK(folder.files() == 1);
  { const Dump left(target); }  // not finished
  CHECK(folder.files() == 1);
  CHECK(array::read_floats(target + "/pass000/layer01/q.output.y.npy").values.size() == 2);
  std::ofstream(target + "/notes.txt") << "mine";
  CHECK_THROWS_AS(Dump(target), std::runtime_error);
  std::filesystem::remove(target + "/notes.txt");
  std::ofstream(target + "/pass000/notes.txt") << "mine";
  CHECK_THROWS_AS(Dump(target), std::runtime_error);
  CHECK(folder.files() == 1);
}
