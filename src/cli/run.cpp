// SPDX-License-Identifier: Apache-2.0
// The run command: a model's own numbers.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <tomestimate/array/npy.hpp>
#include <tomestimate/process/cleanup.hpp>
#include <tomestimate/reference/dump.hpp>
#include <tomestimate/reference/run.hpp>
#include <tomestimate/spec/find.hpp>

#include "files.hpp"
#include "progress_line.hpp"
#include "run_model.hpp"

namespace tomestimate::cli {
namespace {

namespace fs = std::filesystem;
using namespace tomestimate::reference;

constexpr std::size_t most_tokens = 1 << 16;

struct RunCommand {
  std::string model;
  std::string tokens;
  std::string input;
  std::size_t generate = 1;
  std::optional<double> temperature;
  std::string arithmetic = "int8";
  std::string layers;
  std::string dump;
  bool dump_weights = false;
  bool counts = false;
  WordStream stream;
  std::string activation;
  std::string isa;
  unsigned threads = all_threads();
  ModelOptions options;
  Output output;
};

std::size_t parse_whole(const std::string& flag, std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    throw CLI::ValidationError(flag, fmt::format("expected a whole number, got \"{}\"", text));
  return value;
}

struct LayerRange {
  std::size_t first;
  std::size_t last;
};

// "A..B" or "A"; all layers if it is empty.
LayerRange parse_layers(const std::string& text, std::size_t layers) {
  if (text.empty()) return {0, layers - 1};
  const auto dots = text.find("..");
  const auto first = parse_whole("--layers", std::string_view(text).substr(0, dots));
  const auto last = dots == std::string::npos
                        ? first
                        : parse_whole("--layers", std::string_view(text).substr(dots + 2));
  if (first > last || last >= layers)
    throw CLI::ValidationError(
        "--layers", fmt::format("expected A..B from 0 to {}, got \"{}\"", layers - 1, text));
  return {first, last};
}

Isa parse_run_isa(const std::string& text) {
  if (text.empty()) return best_isa();
  const auto wanted = text == "baseline" ? Isa::baseline : text == "avx2" ? Isa::avx2 : Isa::avx512;
  if (wanted > best_isa())
    throw CLI::ValidationError("--isa", "this machine does not have " + text);
  return wanted;
}

bool names_checkpoint(const fs::path& path) {
  const auto extension = path.extension();
  return extension == ".gguf" || extension == ".safetensors" || extension == ".json";
}

// A folder without any part of a checkpoint does not stand in the way of an installed spec.
bool is_checkpoint(const std::string& path) {
  std::error_code none;
  if (names_checkpoint(path)) return true;
  if (!fs::is_directory(path, none)) return false;
  const auto is_part = [](const auto& entry) { return names_checkpoint(entry.path()); };
  return !spec::installed_spec(path) ||
         std::any_of(fs::directory_iterator(path, none), fs::directory_iterator(), is_part);
}

// ---- what is printed ----

report::Table token_table(const std::vector<Step>& steps, std::size_t prompt) {
  report::Table table{"tokens",
                      "Generated tokens",
                      {{"position", ""}, {"token", ""}, {"logit", ""}, {"margin", ""}},
                      {},
                      {"margin: the logit less the highest of the others"}};
  for (std::size_t i = 0; i < steps.size(); ++i)
    table.rows.push_back({static_cast<double>(prompt + i), static_cast<double>(steps[i].token),
                          static_cast<double>(steps[i].logit),
                          static_cast<double>(steps[i].margin)});
  return table;
}

report::Table stream_table(std::span<const float> x, std::size_t hidden) {
  report::Table table{"residual",
                      "Residual stream after the last layer that ran",
                      {{"token", ""}, {"root of mean square", ""}, {"largest size", ""}},
                      {},
                      {}};
  for (std::size_t t = 0; t < x.size() / hidden; ++t) {
    const auto row = x.subspan(t * hidden, hidden);
    float most = 0;
    for (const float v : row) most = std::max(most, std::abs(v));
    table.rows.push_back({static_cast<double>(t),
                          std::sqrt(dot(row, row) / static_cast<double>(hidden)),
                          static_cast<double>(most)});
  }
  return table;
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

const std::vector<report::Column>& count_columns() {
  static const std::vector<report::Column> columns{{"weights used", ""},
                                                   {"zero weights", "share"},
                                                   {"bits read", "bit"},
                                                   {"1-bits read", "bit"},
                                                   {"activations", ""},
                                                   {"zero activations", "share"},
                                                   {"adds > 0", ""},
                                                   {"adds < 0", ""},
                                                   {"words read", ""},
                                                   {"data toggles", "bit"},
                                                   {"if bits were independent", "bit"},
                                                   {"address toggles", "bit"},
                                                   {"activation toggles", "bit"}};
  return columns;
}

void add_counts(const DataCounts& n, const WordStream& stream, report::Row& row) {
  const auto number = [&row](std::uint64_t v) { row.push_back(static_cast<double>(v)); };
  number(n.weights_used);
  row.push_back(share(n.zero_weights_used, n.weights_used));
  number(n.bits_read);
  number(n.one_bits_read);
  number(n.activations);
  row.push_back(share(n.zero_activations, n.activations));
  number(n.adds_positive);
  number(n.adds_negative);
  number(n.words_read);
  number(n.data_toggles);
  row.push_back(toggles_if_independent(n, stream.word_bits));
  number(n.address_toggles);
  number(n.activation_toggles);
}

std::vector<report::Column> with_keys(std::vector<report::Column> keys) {
  keys.insert(keys.end(), count_columns().begin(), count_columns().end());
  return keys;
}

std::vector<report::Table> count_tables(const Counter& counter, const LayerRange& layers) {
  const auto& s = counter.stream();
  const auto how = fmt::format(
      "words of {} bits; rows dealt to {} lanes, words of a row to {} units, banks of {} words",
      s.word_bits, s.lanes, s.units, s.bank_words);
  report::Table sums{
      "counts", "Counts from data by projection", with_keys({{"projection", ""}}), {}, {how}};
  report::Table each{"counts-layers",
                     "Counts from data by layer and projection",
                     with_keys({{"layer", ""}, {"projection", ""}}),
                     {},
                     {how}};
  DataCounts total;
  for (std::size_t p = 0; p < spec::projection_count; ++p) {
    DataCounts sum;
    for (auto l = layers.first; l <= layers.last; ++l) sum += counter.of(l, p);
    total += sum;
    sums.rows.push_back({std::string(spec::projection_names[p])});
    add_counts(sum, s, sums.rows.back());
  }
  sums.rows.push_back({std::string("total")});
  add_counts(total, s, sums.rows.back());
  for (auto l = layers.first; l <= layers.last; ++l)
    for (std::size_t p = 0; p < spec::projection_count; ++p) {
      each.rows.push_back({static_cast<double>(l), std::string(spec::projection_names[p])});
      add_counts(counter.of(l, p), s, each.rows.back());
    }
  return {sums, each};
}

// ---- the run ----

struct Ran {
  std::vector<std::size_t> tokens;  // of the prompt
  std::vector<Step> steps;
  std::vector<float> residual;  // with --input
};

Ran run_tokens(const RunCommand& c, Runner& runner, std::vector<std::size_t> tokens) {
  auto steps = generate(runner, tokens, c.generate, c.temperature, c.options.seed);
  return {std::move(tokens), std::move(steps), {}};
}

Ran run_input(const RunCommand& c, Runner& runner, const Config& config, const LayerRange& layers,
              array::FloatArray input) {
  runner.layers(layers.first, layers.last, input.values);
  Ran out{{}, {}, std::move(input.values)};
  if (layers.last + 1 == config.layers && c.generate > 0) {
    const auto logits = runner.tail(out.residual);
    const auto token = greedy(logits);
    auto others = logits;
    others[token] = -INFINITY;
    out.steps.push_back({token, logits[token], logits[token] - others[greedy(others)]});
  }
  return out;
}

array::FloatArray read_input(const std::string& path, const Config& config) {
  auto input = array::read_floats(path);
  if (input.shape.size() == 1) input.shape.insert(input.shape.begin(), 1);
  if (input.shape.size() != 2 || input.shape[1] != config.hidden || input.shape[0] == 0 ||
      input.shape[0] > most_tokens)
    throw spec::SpecError(
        {{{path, 1, 1},
          fmt::format("has the shape {}", fmt::join(input.shape, " x ")),
          fmt::format("tokens x {}, the hidden size, is needed", config.hidden)}});
  return input;
}

report::Document run_document(const RunCommand& c, const Config& config, const Ran& ran) {
  report::Document document{fmt::format("Run of {}", config.name), {}, {}};
  document.lead.push_back(fmt::format(
      "weights: {}; arithmetic: {}; activation: {}; RoPE theta {}; epsilon {}{}", config.source,
      c.arithmetic, config.activation == Activation::relu2 ? "relu2" : "silu", config.rope_theta,
      config.norm_epsilon,
      config.adapter_rank == 0
          ? ""
          : fmt::format("; ternary adapters drawn, rank {}", config.adapter_rank)));
  if (!config.activation_said)
    document.lead.push_back(
        "CAUTION: the file does not say its activation; give --activation silu or relu2 to be "
        "sure");
  // What the last step generates is in no position yet.
  const auto positions = ran.tokens.size() + std::max<std::size_t>(1, ran.steps.size()) - 1;
  if (config.positions != 0 && positions > config.positions)
    document.lead.push_back(
        fmt::format("CAUTION: {} positions are run, and the model says it has {}", positions,
                    config.positions));
  if (!ran.tokens.empty()) {
    std::vector<std::size_t> generated;
    for (const auto& step : ran.steps) generated.push_back(step.token);
    document.lead.push_back(
        fmt::format("tokens: {} -> {}", fmt::join(ran.tokens, ","), fmt::join(generated, ",")));
  }
  if (!ran.steps.empty()) document.tables.push_back(token_table(ran.steps, ran.tokens.size()));
  if (!ran.residual.empty()) document.tables.push_back(stream_table(ran.residual, config.hidden));
  return document;
}

nlohmann::ordered_json run_json(const RunCommand& c, const Config& config, const LayerRange& layers,
                                const Ran& ran) {
  const auto arithmetic = c.arithmetic == "int8" ? Arithmetic::int8 : Arithmetic::fp8;
  auto json = describe(config, arithmetic);
  json["seed"] = c.options.seed;
  json["dumped_layers"] = {layers.first, layers.last};
  json["tokens"] = ran.tokens;
  auto generated = nlohmann::ordered_json::array();
  for (const auto& step : ran.steps) generated.push_back(step.token);
  json["generated"] = generated;
  return json;
}

ModelOptions model_options(const RunCommand& c) {
  auto options = c.options;
  if (!c.activation.empty())
    options.activation = c.activation == "relu2" ? Activation::relu2 : Activation::silu;
  // BitNet as published has no adapters; TOM has.
  if (!options.adapter_rank && c.arithmetic == "int8") options.adapter_rank = 0;
  return options;
}

// Nothing that is read may be replaced.
void check_outputs(const RunCommand& c) {
  auto inputs = inputs_of_model("MODEL", c.model);
  if (!c.input.empty()) inputs.push_back({"--input", c.input});
  check_files(inputs, outputs_of(c.output));
  if (c.dump.empty()) return;
  check_folder(inputs, {"--dump", c.dump});
  check_dump_folder(c.dump);
}

int run_run(RunCommand c) {
  check_outputs(c);
  c.options = model_options(c);
  const auto model = open_model(c.model, c.options);
  const auto& config = model.config;
  const auto layers = parse_layers(c.layers, config.layers);
  auto tokens =
      c.input.empty() ? parse_tokens(c.tokens, config.vocabulary) : std::vector<std::size_t>{};
  auto input = c.input.empty() ? array::FloatArray{} : read_input(c.input, config);
  if (c.generate > most_tokens - std::min(tokens.size(), most_tokens))
    throw CLI::ValidationError("--generate", fmt::format("at most {} tokens", most_tokens));

  RunOptions options;
  options.arithmetic = c.arithmetic == "int8" ? Arithmetic::int8 : Arithmetic::fp8;
  options.threads = c.threads;
  options.isa = parse_run_isa(c.isa);
  options.record_first = layers.first;
  options.record_last = layers.last;
  options.record_weights = c.dump_weights;

  std::optional<Dump> dump;
  if (!c.dump.empty()) dump.emplace(c.dump);
  Counter counter(c.stream, config.layers, options.arithmetic == Arithmetic::fp8, c.threads);
  Ran ran;
  {
    ProgressLine line;
    Hooks hooks;
    const auto passes = c.input.empty() ? std::max<std::size_t>(1, c.generate) : 1;
    hooks.progress = [&](const Progress& p) {
      line.show(fmt::format("pass {} of {}, layer {} of {}", p.pass + 1, passes, p.layer + 1,
                            config.layers));
    };
    if (dump) hooks.record = [&](const Record& r) { dump->add(r, config.layers); };
    if (c.counts)
      hooks.linear = [&](std::size_t l, Projection p, const Matrix& m, const Quantized& x) {
        if (l >= layers.first && l <= layers.last) counter.add(l, p, m, x.codes, x.tokens);
      };
    Runner runner(model, options, std::move(hooks));
    ran = c.input.empty() ? run_tokens(c, runner, std::move(tokens))
                          : run_input(c, runner, config, layers, std::move(input));
  }
  auto document = run_document(c, config, ran);
  if (c.counts)
    for (auto& table : count_tables(counter, layers)) document.tables.push_back(std::move(table));
  if (dump)
    document.lead.push_back(fmt::format("dump: {} ({} arrays, {:.1f} MB)", c.dump, dump->arrays(),
                                        static_cast<double>(dump->bytes()) / 1e6));
  if (dump) dump->finish(run_json(c, config, layers, ran));
  print(std::move(document), c.output);
  return 0;
}

}  // namespace

std::vector<std::size_t> parse_tokens(const std::string& text, std::size_t vocabulary) {
  std::vector<std::size_t> out;
  for (std::size_t from = 0; from <= text.size();) {
    const auto comma = std::min(text.find(',', from), text.size());
    out.push_back(parse_whole("--tokens", std::string_view(text).substr(from, comma - from)));
    if (out.back() >= vocabulary)
      throw CLI::ValidationError("--tokens", fmt::format("token {} is beyond the vocabulary of {}",
                                                         out.back(), vocabulary));
    from = comma + 1;
  }
  if (out.size() > most_tokens)
    throw CLI::ValidationError("--tokens", fmt::format("at most {} tokens", most_tokens));
  return out;
}

Model open_model(const std::string& path, const ModelOptions& options) {
  if (is_checkpoint(path)) return open_checkpoint_model(path, options);
  return synthetic_model(spec::load_model(spec::find_spec(path)), options);
}

NamedFiles inputs_of_model(const std::string& what, const std::string& path) {
  return is_checkpoint(path) ? inputs_of_source(what, path) : inputs_of_spec(what, path);
}

std::vector<Command> add_run_commands(CLI::App& app) {
  auto c = std::make_shared<RunCommand>();
  auto* run = app.add_subcommand(
      "run", "Run a model in its own arithmetic: tokens out, every operation's arrays on request");
  run->add_option(
         "MODEL", c->model,
         "checkpoint (.gguf, .safetensors beside its config.json, or a folder of these), or "
         "a model spec (TOML), whose weights are drawn")
      ->required();
  auto* tokens = run->add_option("--tokens", c->tokens, "the prompt: token numbers, with commas")
                     ->type_name("LIST");
  auto* input = run->add_option("--input", c->input,
                                "residual stream (.npy, tokens x hidden) that enters the first of "
                                "--layers, in place of tokens")
                    ->type_name("FILE")
                    ->excludes(tokens);
  run->add_option("--generate", c->generate, "tokens to generate")
      ->capture_default_str()
      ->check(whole_number())
      ->type_name("N");
  run->add_option("--temperature", c->temperature, "draw tokens; without it the likeliest is taken")
      ->check(number_between(1e-3, 1e3))
      ->type_name("T");
  run->add_option("--seed", c->options.seed, "of drawn tokens, adapters and synthetic weights")
      ->capture_default_str()
      ->check(whole_number())
      ->type_name("N");
  run->add_option("--arithmetic", c->arithmetic,
                  "int8 activations, as BitNet's; or TOM's FP8 activations, KV cache and adapters")
      ->capture_default_str()
      ->check(CLI::IsMember({"int8", "fp8"}).description(""))
      ->type_name("int8|fp8");
  run->add_option("--layers", c->layers,
                  "layers that are dumped and counted; with --input, that run (default: all)")
      ->type_name("A..B");
  auto* dump = run->add_option("--dump", c->dump,
                               "write each operation's inputs and outputs (.npy) and manifest.json")
                   ->type_name("DIR");
  run->add_flag("--dump-weights", c->dump_weights, "and the weights of each linear layer")
      ->needs(dump);
  auto* counts = run->add_flag("--counts", c->counts,
                               "count 1-bits, zero activations, adds and toggles from the data");
  const auto stream_option = [&](const char* name, std::size_t& value, const char* what) {
    run->add_option(name, value, what)
        ->capture_default_str()
        ->check(CLI::Range(&value == &c->stream.word_bits ? 8u : 1u, 1u << 20).description(""))
        ->needs(counts)
        ->type_name("N");
  };
  stream_option("--word", c->stream.word_bits, "bits of a ROM word, for --counts");
  stream_option("--lanes", c->stream.lanes, "lanes that rows are dealt to, for --counts");
  stream_option("--units", c->stream.units,
                "units of a lane that words are dealt to, for --counts");
  stream_option("--bank-words", c->stream.bank_words, "words of a bank, for --counts");
  run->add_option("--activation", c->activation, "of the gate, whatever the model says")
      ->check(CLI::IsMember({"silu", "relu2"}).description(""))
      ->type_name("silu|relu2");
  auto* bits = run->add_option("--bits", c->options.bits,
                               "whole-number weights of N bits in groups of 128, from floats")
                   ->check(CLI::Range(1, 8).description(""))
                   ->type_name("N");
  run->add_flag("--ternary", c->options.ternary, "ternary weights, from floats by absmean")
      ->excludes(bits);
  run->add_option("--adapter-rank", c->options.adapter_rank,
                  "ternary adapters, drawn; default: with fp8 those of a model spec, else none")
      ->check(CLI::Range(0u, 4096u).description(""))
      ->type_name("N");
  run->add_option("--isa", c->isa, "instructions to use; same bits for all")
      ->check(CLI::IsMember({"baseline", "avx2", "avx512"}).description(""))
      ->type_name("baseline|avx2|avx512");
  add_threads_option(*run, c->threads, "threads");
  add_output_options(*run, c->output);
  return {{run, [=] {
             if (tokens->empty() && input->empty())
               throw CLI::ValidationError("run", "needs --tokens or --input");
             return run_run(*c);
           }}};
}

}  // namespace tomestimate::cli
