// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "common.hpp"

#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/study/metric.hpp>

namespace tomestimate::cli {
namespace {

struct Arguments {
  Design design;
  Output output;
  report::Explain what;
  std::optional<long> layer;  // from 0
  std::string phase = "decode";
  std::optional<int> depth;
};

// The quantity that is a metric of one layer.
std::string layer_quantity(const study::Specs& specs, const Arguments& a) {
  const auto layers = specs.model.values.layers;
  if (*a.layer < 0 || static_cast<std::size_t>(*a.layer) >= layers)
    throw CLI::ValidationError(
        "--layer", fmt::format("the model has layers 0 to {}, not {}", layers - 1, *a.layer));
  const auto names = study::layer_metric_names(specs.hardware.values);
  if (std::find(names.begin(), names.end(), a.what.quantity) == names.end())
    throw CLI::ValidationError(
        "METRIC", fmt::format("no metric \"{}\" of a layer; there are: {}",
                              spec::shortened(a.what.quantity), fmt::join(names, ", ")));
  return fmt::format("{}.{}", study::layer_name(a.phase, static_cast<std::size_t>(*a.layer)),
                     a.what.quantity);
}

// Numbers of a design that does not fit are shown all the same, but the answer is no.
int fits(const study::Specs& specs) {
  return report::does_not_fit(specs.hardware, specs.model) ? no : 0;
}

int run_workbook(const Arguments& a) {
  const auto specs = load(a.design, a.output);
  spec::write_file(*a.output.file, report::workbook(specs));
  complain_cautions(specs);
  const auto misfit = report::does_not_fit(specs.hardware, specs.model);
  if (misfit)
    complain(fmt::format("CAUTION: as made, {} shows no design that works: {}", *a.output.file,
                         *misfit));
  return misfit ? no : 0;
}

int run_quantities(const Arguments& a) {
  const auto specs = load(a.design, a.output);
  print(report::quantities_document(specs), a.output);
  return fits(specs);
}

int run_explain(Arguments a) {
  const auto specs = load(a.design, a.output);
  if (a.layer) a.what.quantity = layer_quantity(specs, a);
  a.what.brief = a.output.brief();
  a.what.depth = a.depth.value_or(a.what.brief ? 1 : a.what.depth);
  print(report::explain_document(specs, a.what), a.output);
  return fits(specs);
}

}  // namespace

std::vector<Command> add_explain_commands(CLI::App& app) {
  const auto a = std::make_shared<Arguments>();
  auto* explain = app.add_subcommand("explain", "The equation of a metric, its values and sources");
  explain->add_option("METRIC", a->what.quantity, "a metric, or another quantity")->required();
  add_design_options(*explain, a->design);
  explain
      ->add_option_function<long>(
          "--layer", [a](long layer) { a->layer = layer; }, "a metric of layer N instead, from 0")
      ->type_name("N");
  explain->add_option("--phase", a->phase, "of which pass, with --layer")
      ->check(one_of({"decode", "prefill"}))
      ->capture_default_str()
      ->type_name("decode|prefill");
  explain
      ->add_option_function<int>(
          "--depth", [a](int depth) { a->depth = depth; },
          "how far down to print equations; default: 1, with --all 3")
      ->check(CLI::Range(0, 1000).description(""))
      ->type_name("N");
  explain->add_option("--top", a->what.top, "contributors and spec values to print")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000).description(""))
      ->type_name("N");
  add_output_options(*explain, a->output);
  add_all_option(*explain, a->output);

  auto* quantities =
      app.add_subcommand("quantities", "Every quantity that explain knows, with its value");
  add_design_options(*quantities, a->design);
  add_output_options(*quantities, a->output);

  auto* workbook =
      app.add_subcommand("workbook", "A live spreadsheet: change inputs, results follow");
  add_design_options(*workbook, a->design);
  add_optional(*workbook, "-o,--output", a->output.file,
               "write to FILE (XLSX), replaced in one step")
      ->type_name("FILE")
      ->required();
  return {{explain, [a] { return run_explain(*a); }},
          {quantities, [a] { return run_quantities(*a); }},
          {workbook, [a] { return run_workbook(*a); }}};
}

}  // namespace tomestimate::cli
