// SPDX-License-Identifier: Apache-2.0
// validate --data: what closed forms take as averages, beside what a run counts.
#include <algorithm>
#include <array>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <tomestimate/reference/run.hpp>
#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/graph.hpp>

#include "files.hpp"
#include "progress_line.hpp"
#include "run_model.hpp"
#include "small.hpp"

namespace tomestimate::cli {
namespace {

using reference::Counter;
using reference::DataCounts;
using spec::Projection;
using spec::projection_count;

[[noreturn]] void refuse_data(const DataArguments& a, std::string message, std::string hint) {
  throw spec::SpecError({{{a.source, 0, 0}, std::move(message), std::move(hint)}});
}

// As specs/machine.md deals a matrix: rows to the parts that split outputs, words of a row to those
// that split inputs. A word is what a unit multiplies in a step, of one of its rows. In space,
// where no unit takes a second word, what follows what is taken to be as if lanes and units were
// few.
reference::WordStream word_stream(const spec::Hardware<double>& hw,
                                  const spec::Model<double>& model) {
  const auto whole = [](double x) { return static_cast<std::size_t>(x); };
  const auto lanes = whole(hw.base.lanes), units = whole(hw.base.per_lane);
  const auto word = whole(hw.datapath.width * model.weights.bits.value()),
             height = std::max<std::size_t>(1, whole(hw.rom.bank_height));
  switch (hw.base.outputs) {
    case spec::Outputs::lanes:
      break;
    case spec::Outputs::units:
      return {units, lanes, word, height};
    case spec::Outputs::all:
      return {lanes * units, 1, word, height};
    case spec::Outputs::none:
      return {1, lanes * units, word, height};
  }
  return {lanes, units, word, height};
}

void check_matrix(const DataArguments& a, const spec::Model<double>& model, std::size_t layer,
                  Projection p, const reference::Matrix& matrix) {
  const auto name = spec::projection_names[static_cast<std::size_t>(p)];
  if (!std::holds_alternative<reference::Ternary>(matrix))
    refuse_data(a, fmt::format("{} of layer {} is not ternary", name, layer),
                "averages of ternary weights only");
  const auto wanted = spec::shape(model, p);
  const auto outputs = reference::rows(matrix), inputs = reference::columns(matrix);
  if (static_cast<double>(outputs) != wanted.outputs ||
      static_cast<double>(inputs) != wanted.inputs)
    refuse_data(a,
                fmt::format("{} has {} x {} weights, and MODEL says {} x {}", name, outputs, inputs,
                            wanted.outputs, wanted.inputs),
                "tomestimate import makes MODEL from the checkpoint");
}

Counter count_run(const DataArguments& a, const study::Specs& specs, unsigned threads) {
  const auto& model = specs.model.values;
  if (model.weights.code != spec::WeightCode::ternary)
    refuse_data(a, "MODEL is not ternary", "averages of ternary weights only");
  reference::ModelOptions options;
  options.adapter_rank = 0;
  const auto ran = open_model(a.source, options);
  if (ran.config.layers != model.layers)
    refuse_data(a, fmt::format("has {} layers, and MODEL says {}", ran.config.layers, model.layers),
                "tomestimate import makes MODEL from the checkpoint");
  const auto tokens = parse_tokens(a.tokens, ran.config.vocabulary);
  const bool fp8 = a.arithmetic == "fp8";
  Counter counter(word_stream(specs.hardware.values, model), model.layers, fp8, threads);
  reference::RunOptions run;
  run.arithmetic = fp8 ? reference::Arithmetic::fp8 : reference::Arithmetic::int8;
  run.threads = threads;
  run.record_first = model.layers + 1;  // none
  reference::Hooks hooks;
  hooks.linear = [&](std::size_t l, Projection p, const reference::Matrix& m,
                     const reference::Quantized& x) {
    check_matrix(a, model, l, p, m);
    counter.add(l, p, m, x.codes, x.tokens);
  };
  ProgressLine line;
  hooks.progress = [&](const reference::Progress& p) {
    line.show(fmt::format("layer {} of {}", p.layer + 1, model.layers));
  };
  reference::Runner(ran, run, std::move(hooks)).pass(tokens);
  return counter;
}

// A long list of tokens by its ends.
std::string shortened_tokens(const std::string& tokens) {
  constexpr std::size_t most = 60;
  if (tokens.size() <= most) return tokens;
  return fmt::format("{} ... {} ({} tokens)", tokens.substr(0, tokens.find(',', 20)),
                     tokens.substr(tokens.rfind(',') + 1),
                     std::count(tokens.begin(), tokens.end(), ',') + 1);
}

double ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }
double ratio(std::uint64_t part, std::uint64_t whole) {
  return ratio(static_cast<double>(part), static_cast<double>(whole));
}

std::uint64_t adds(const DataCounts& n) { return n.adds_positive + n.adds_negative; }
std::uint64_t nonzero_uses(const DataCounts& n) { return n.weights_used - n.zero_weights_used; }
// Bits of the words that follow another one.
double paired_bits(const DataCounts& n) {
  return static_cast<double>(n.word_pairs) * ratio(n.bits_read, n.words_read);
}
// Bits that toggle if each is 1 by itself with share p.
double independent_toggles(double p) { return 2 * p * (1 - p); }

// What a closed form takes, of the share of zero weights and the data that a spec gives; and the
// same of a run.
struct Average {
  std::string_view name;
  std::function<double(double, const spec::Data<double>&)> closed;
  std::function<double(const DataCounts&)> counted;
};

const std::vector<Average>& averages() {
  using Data = spec::Data<double>;
  static const std::vector<Average> all{
      {"zero weights, of weights", [](double z, const Data&) { return z; },
       [](const DataCounts& n) { return ratio(n.zero_weights_used, n.weights_used); }},
      {"1-bits, of bits read", [](double z, const Data&) { return (1 - z) / 2; },
       [](const DataCounts& n) { return ratio(n.one_bits_read, n.bits_read); }},
      {"zero activations, of those of non-zero weights",
       [](double, const Data& d) { return d.zero_adds; },
       [](const DataCounts& n) { return 1 - ratio(adds(n), nonzero_uses(n)); }},
      {"adds, of weights", [](double z, const Data& d) { return (1 - z) * (1 - d.zero_adds); },
       [](const DataCounts& n) { return ratio(adds(n), n.weights_used); }},
      {"positive adds, of adds", [](double, const Data& d) { return d.positive_adds; },
       [](const DataCounts& n) { return ratio(n.adds_positive, adds(n)); }},
      {"activation toggles, of bits of each step",
       [](double, const Data& d) { return d.activation_toggles; },
       [](const DataCounts& n) { return ratio(n.activation_toggles, 8 * n.weights_used); }},
      {"data toggles, of bits read",
       [](double z, const Data& d) { return d.rom_toggles * independent_toggles((1 - z) / 2); },
       [](const DataCounts& n) {
         return ratio(static_cast<double>(n.data_toggles), paired_bits(n));
       }},
      {"address bits that change, of address changes",
       [](double, const Data& d) { return d.address_toggles; },
       [](const DataCounts& n) { return ratio(n.address_toggles, n.word_pairs); }},
  };
  return all;
}

report::Row average_row(const Average& average, std::string_view projection, double zero_share,
                        const spec::Data<double>& data, const DataCounts& counts) {
  return report::compared({std::string(average.name), std::string(projection)},
                          average.closed(zero_share, data), average.counted(counts));
}

report::Table average_table(const spec::Model<double>& model, const Counter& counter) {
  std::array<DataCounts, projection_count> sums;
  std::array<double, projection_count> zeros{};  // weights that the closed form takes as zero
  DataCounts total;
  double all_zeros = 0, all_weights = 0;
  for (std::size_t p = 0; p < projection_count; ++p) {
    const auto projection = static_cast<Projection>(p);
    const auto s = spec::shape(model, projection);
    const double weights = s.outputs * s.inputs;
    for (std::size_t l = 0; l < model.layers; ++l) {
      sums[p] += counter.of(l, p);
      zeros[p] += weights * spec::zero_share(model.weights, l, projection);
    }
    total += sums[p];
    all_zeros += zeros[p];
    all_weights += weights * static_cast<double>(model.layers);
    zeros[p] = ratio(zeros[p], weights * static_cast<double>(model.layers));
  }
  const auto& s = counter.stream();
  report::Table table{
      "averages",
      "Averages of closed forms beside the data",
      {{"quantity", ""},
       {"projection", ""},
       {"closed form", ""},
       {"data", ""},
       {"difference", ""},
       {"relative", "%"}},
      {},
      {fmt::format("words of {} bits; rows dealt to {} lanes, words of a row to {} units, banks of "
                   "{} words",
                   s.word_bits, s.lanes, s.units, s.bank_words),
       "closed form: zero weights and [data] as MODEL says; if it does not say, a non-zero weight "
       "is one add, of either sign alike, whatever the activation; bits of a word are independent "
       "of those of the word before it; addresses count up, which changes 2 bits a time"}};
  for (const auto& average : averages()) {
    for (std::size_t p = 0; p < projection_count; ++p)
      if (sums[p].weights_used > 0)
        table.rows.push_back(
            average_row(average, spec::projection_names[p], zeros[p], model.data, sums[p]));
    table.rows.push_back(
        average_row(average, "all", ratio(all_zeros, all_weights), model.data, total));
  }
  return table;
}

// What was counted of [data], by path.
std::vector<std::pair<std::string, double>> counted_data(const spec::Model<double>& model,
                                                         const Counter& counter) {
  DataCounts total;
  double independent = 0;
  for (std::size_t l = 0; l < model.layers; ++l)
    for (std::size_t p = 0; p < projection_count; ++p) {
      const auto& n = counter.of(l, p);
      total += n;
      independent += paired_bits(n) * independent_toggles(ratio(n.one_bits_read, n.bits_read));
    }
  std::vector<std::pair<std::string, double>> out{
      {"data.zero_adds", 1 - ratio(adds(total), nonzero_uses(total))},
      {"data.positive_adds", ratio(total.adds_positive, adds(total))},
      {"data.activation_toggles", ratio(total.activation_toggles, 8 * total.weights_used)}};
  // Without a second word nothing follows, and the defaults stay.
  if (total.word_pairs > 0) {
    out.emplace_back("data.rom_toggles",
                     ratio(static_cast<double>(total.data_toggles), independent));
    out.emplace_back("data.address_toggles", ratio(total.address_toggles, total.word_pairs));
  }
  return out;
}

// The design with what was counted in place of averages.
study::Specs with_data(const DataArguments& a, study::Specs specs, const Counter& counter) {
  const spec::Said said{spec::Grade::derived,
                        fmt::format("counted in a run of {}, tokens {}, {} arithmetic", a.source,
                                    shortened_tokens(a.tokens), a.arithmetic)};
  const auto set = [&](const std::string& path, const std::string& text) {
    spec::override_value(specs.hardware, specs.model, path, text, {"--data", 0, 0}, said);
  };
  for (std::size_t p = 0; p < projection_count; ++p) {
    if (!spec::has_projection(specs.model.values, static_cast<Projection>(p))) continue;
    std::vector<double> shares;
    for (std::size_t l = 0; l < specs.model.values.layers; ++l)
      shares.push_back(ratio(counter.of(l, p).zero_weights_used, counter.of(l, p).weights_used));
    set(std::string(spec::zero_share_paths[p]), fmt::format("[{}]", fmt::join(shares, ", ")));
  }
  for (const auto& [path, value] : counted_data(specs.model.values, counter))
    set(path, fmt::format("{}", value));
  spec::check_pair(specs.hardware.values, specs.model.values);
  return specs;
}

}  // namespace

int run_data(const Design& design, const DataArguments& a, unsigned threads, const Output& output) {
  auto inputs = inputs_of(design);
  for (auto& file : inputs_of_model("--data", a.source)) inputs.push_back(std::move(file));
  auto outputs = outputs_of(output);
  for (const auto& file : a.save) outputs.push_back({"--save", file});
  check_files(inputs, outputs);
  const auto specs = load(design, {});
  const auto counter = count_run(a, specs, threads);
  const auto counted = with_data(a, specs, counter);
  if (!a.save.empty()) save_changes(design, specs, counted, a.save);
  report::Document document{
      fmt::format("{}, averages and data of {}", report::design_title(specs.hardware, specs.model),
                  a.source),
      {fmt::format("tokens: {}; arithmetic: {}", a.tokens, a.arithmetic)},
      {average_table(specs.model.values, counter), report::data_energy_table(specs, counted)}};
  print(std::move(document), output);
  return 0;
}

}  // namespace tomestimate::cli
