// SPDX-License-Identifier: Apache-2.0
// validate --data: what closed forms take as averages, beside what a run counts.
#include <array>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <tomestimate/engine/estimate.hpp>
#include <tomestimate/reference/run.hpp>
#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/graph.hpp>
#include <tomestimate/units/unit_text.hpp>

#include "files.hpp"
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

// As specs/machine.md deals a matrix whose outputs go over lanes; a word is what a unit multiplies
// in a step.
reference::WordStream word_stream(const spec::Hardware<double>& hw,
                                  const spec::Model<double>& model) {
  const auto whole = [](double x) { return static_cast<std::size_t>(x); };
  return {whole(hw.base.lanes), whole(hw.base.per_lane),
          whole(hw.datapath.width * model.weights.bits.value()), whole(hw.rom.bank_height)};
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
  Counter counter(word_stream(specs.hardware.values, model), model.layers, fp8);
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
  reference::Runner(ran, run, std::move(hooks)).pass(tokens);
  return counter;
}

double ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }
double ratio(std::uint64_t part, std::uint64_t whole) {
  return ratio(static_cast<double>(part), static_cast<double>(whole));
}

// What a closed form takes, of the zero share that a spec gives; and the same of data.
struct Average {
  std::string_view name;
  std::function<double(double)> closed;
  std::function<double(const DataCounts&)> counted;
};

std::uint64_t adds(const DataCounts& n) { return n.adds_positive + n.adds_negative; }

const std::vector<Average>& averages() {
  static const std::vector<Average> all{
      {"zero weights, of weights", [](double z) { return z; },
       [](const DataCounts& n) { return ratio(n.zero_weights_used, n.weights_used); }},
      {"1-bits, of bits read", [](double z) { return (1 - z) / 2; },
       [](const DataCounts& n) { return ratio(n.one_bits_read, n.bits_read); }},
      {"zero activations, of activations", [](double) { return 0.0; },
       [](const DataCounts& n) { return ratio(n.zero_activations, n.activations); }},
      {"adds, of weights", [](double z) { return 1 - z; },
       [](const DataCounts& n) { return ratio(adds(n), n.weights_used); }},
      {"positive adds, of adds", [](double) { return 0.5; },
       [](const DataCounts& n) { return ratio(n.adds_positive, adds(n)); }},
      {"data toggles, of bits read", [](double z) { return 2 * ((1 - z) / 2) * (1 - (1 - z) / 2); },
       [](const DataCounts& n) {
         return ratio(static_cast<double>(n.data_toggles),
                      static_cast<double>(n.word_pairs) * ratio(n.bits_read, n.words_read));
       }},
      {"address bits that change, of address changes", [](double) { return 2.0; },
       [](const DataCounts& n) { return ratio(n.address_toggles, n.word_pairs); }},
  };
  return all;
}

// What is named, by the average and by the data, with the difference, also in percent.
report::Row compared(report::Row row, double average, double data) {
  for (const double x : {average, data, data - average}) row.emplace_back(x);
  if (average == 0)
    row.emplace_back(std::monostate{});
  else
    row.emplace_back(100 * (data - average) / average);
  return row;
}

report::Row average_row(const Average& average, std::string_view projection, double zero_share,
                        const DataCounts& counts) {
  return compared({std::string(average.name), std::string(projection)}, average.closed(zero_share),
                  average.counted(counts));
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
       "closed form: zero weights as MODEL says; a non-zero weight has one 1-bit and is one add, "
       "of either sign alike, whatever the activation; bits of a word are independent of those "
       "of the word before it; addresses count up, which changes 2 bits a time in a large bank"}};
  for (const auto& average : averages()) {
    for (std::size_t p = 0; p < projection_count; ++p)
      if (sums[p].weights_used > 0)
        table.rows.push_back(average_row(average, spec::projection_names[p], zeros[p], sums[p]));
    table.rows.push_back(average_row(average, "all", ratio(all_zeros, all_weights), total));
  }
  return table;
}

// The design with the zero shares that were counted.
study::Specs with_data(study::Specs specs, const Counter& counter) {
  for (std::size_t p = 0; p < projection_count; ++p) {
    if (!spec::has_projection(specs.model.values, static_cast<Projection>(p))) continue;
    std::vector<double> shares;
    for (std::size_t l = 0; l < specs.model.values.layers; ++l)
      shares.push_back(ratio(counter.of(l, p).zero_weights_used, counter.of(l, p).weights_used));
    spec::override_value(specs.hardware, specs.model, std::string(spec::zero_share_paths[p]),
                         fmt::format("[{}]", fmt::join(shares, ", ")), {"--data", 0, 0});
  }
  spec::check_pair(specs.hardware.values, specs.model.values);
  return specs;
}

report::Table data_energy_table(const study::Specs& average, const study::Specs& data) {
  report::Table table{
      "data-energy",
      "Energy of a decode step, by the averages and by the data",
      {{"component", ""},
       {"average", "uJ"},
       {"data", "uJ"},
       {"difference", "uJ"},
       {"relative", "%"}},
      {},
      {"data: the zero shares of each layer and projection as counted, which is what energies "
       "take of the averages; a lane is charged alike for a zero, and a ROM bank for an address "
       "change, whatever toggles"}};
  const auto of = [](const study::Specs& specs) {
    return engine::estimate(specs.hardware.values, specs.model.values).decode.energy;
  };
  const auto by_average = of(average), by_data = of(data);
  const auto add = [&](std::string_view name, double before, double after) {
    table.rows.push_back(compared({std::string(name)}, before, after));
  };
  const auto micro = [](const auto& energy) { return units::from_base(energy.value(), "uJ"); };
  std::vector<double> after;
  engine::visit_energy(by_data,
                       [&](std::string_view, const auto& e) { after.push_back(micro(e)); });
  auto next = after.begin();
  engine::visit_energy(by_average,
                       [&](std::string_view name, const auto& e) { add(name, micro(e), *next++); });
  add("total", micro(total(by_average)), micro(total(by_data)));
  return table;
}

}  // namespace

int run_data(const Design& design, const DataArguments& a, unsigned threads, const Output& output) {
  auto inputs = inputs_of(design);
  for (auto& file : inputs_of_model("--data", a.source)) inputs.push_back(std::move(file));
  auto outputs = outputs_of(output);
  for (const auto& file : a.save) outputs.push_back({"--save", file});
  check_files(inputs, outputs);
  const auto specs = load(design, output);
  const auto counter = count_run(a, specs, threads);
  const auto counted = with_data(specs, counter);
  if (!a.save.empty()) save_changes(design, specs, counted, a.save);
  report::Document document{
      fmt::format("{}, averages and data of {}", report::design_title(specs.hardware, specs.model),
                  a.source),
      {fmt::format("tokens: {}; arithmetic: {}", a.tokens, a.arithmetic)},
      {average_table(specs.model.values, counter), data_energy_table(specs, counted)}};
  print(std::move(document), output);
  return 0;
}

}  // namespace tomestimate::cli
