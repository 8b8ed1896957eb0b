// SPDX-License-Identifier: Apache-2.0
// The import command: a model spec from a checkpoint.
#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include <tomestimate/import/import.hpp>
#include <tomestimate/spec/file.hpp>

#include "common.hpp"
#include "files.hpp"
#include "progress_line.hpp"

namespace tomestimate::cli {
namespace {

using importer::Counts;
using importer::Imported;

struct ImportCommand {
  std::string source;
  std::optional<std::string> spec;
  importer::Options options;
  Output output;
};

report::Cell number(std::uint64_t value) { return static_cast<double>(value); }

report::Cell rows(const std::optional<std::uint64_t>& value) {
  return value ? number(*value) : report::Cell("");
}

report::Table tensor_table(const Imported& imported) {
  report::Table table{"tensors",
                      "Linear layers",
                      {{"tensor", ""},
                       {"layer", ""},
                       {"projection", ""},
                       {"outputs", ""},
                       {"inputs", ""},
                       {"type", ""},
                       {"weights", ""},
                       {"-1", ""},
                       {"0", ""},
                       {"+1", ""},
                       {"other", ""},
                       {"zero share", ""},
                       {"zero rows", ""},
                       {"idle rows", ""},
                       {"idle columns", ""}},
                      {},
                      {}};
  for (const auto& l : imported.linears)
    table.rows.push_back(
        {l.name, number(l.layer),
         std::string(spec::projection_names[static_cast<std::size_t>(l.projection)]),
         number(l.outputs), number(l.inputs), l.type, number(l.counts.weights()),
         number(l.counts.minus), number(l.counts.zeros), number(l.counts.plus),
         number(l.counts.invalid), l.counts.zero_share(), rows(l.zero_rows), number(l.idle_rows),
         number(l.idle_columns)});
  return table;
}

// Counts of several tensors together, and the lowest and highest zero share among them.
struct Summary {
  std::uint64_t tensors = 0;
  Counts counts;
  std::uint64_t zero_rows = 0;
  std::uint64_t busy_weights = 0;
  double lowest = 1;
  double highest = 0;

  void add(const importer::Linear& more) {
    ++tensors;
    counts += more.counts;
    zero_rows += more.zero_rows.value_or(0);
    busy_weights += more.busy_weights();
    lowest = std::min(lowest, more.counts.zero_share());
    highest = std::max(highest, more.counts.zero_share());
  }
  std::uint64_t idle_weights() const { return counts.weights() - busy_weights; }
  report::Row row(std::string name) const {
    return {std::move(name),
            number(tensors),
            number(counts.weights()),
            number(counts.zeros),
            counts.zero_share(),
            lowest,
            highest,
            number(zero_rows),
            number(idle_weights())};
  }
};

const std::vector<report::Column> summary_columns{
    {"tensors", ""}, {"weights", ""}, {"zeros", ""},     {"zero share", ""},
    {"lowest", ""},  {"highest", ""}, {"zero rows", ""}, {"idle weights", ""}};

report::Table summary_table(std::string id, std::string title, std::string first) {
  report::Table table{std::move(id), std::move(title), {{std::move(first), ""}}, {}, {}};
  table.columns.insert(table.columns.end(), summary_columns.begin(), summary_columns.end());
  return table;
}

report::Table projection_table(const Imported& imported) {
  auto table = summary_table("projections", "Zeros by projection", "projection");
  std::array<Summary, spec::projection_count> projections;
  Summary total;
  for (const auto& l : imported.linears) {
    projections[static_cast<std::size_t>(l.projection)].add(l);
    total.add(l);
  }
  for (std::size_t p = 0; p < projections.size(); ++p)
    table.rows.push_back(projections[p].row(std::string(spec::projection_names[p])));
  table.rows.push_back(total.row("total"));
  return table;
}

report::Table layer_table(const Imported& imported) {
  auto table = summary_table("layers", "Zeros by layer: weights.zero_share of the spec", "layer");
  std::vector<Summary> layers;
  for (const auto& l : imported.linears) {
    layers.resize(std::max<std::size_t>(layers.size(), l.layer + 1));
    layers[l.layer].add(l);
  }
  for (std::size_t i = 0; i < layers.size(); ++i)
    table.rows.push_back(layers[i].row(fmt::format("{}", i)));
  return table;
}

report::Table value_table(const Imported& imported) {
  report::Table table{"spec",
                      "Values of the spec",
                      {{"value", ""}, {"is", ""}, {"grade", ""}, {"source", ""}},
                      {},
                      {}};
  for (const auto& v : imported.values)
    table.rows.push_back({v.path, v.text, std::string(spec::name(v.grade)), v.source});
  return table;
}

// What zero rows would save; "" if there are none.
std::string idle_text(const Imported& imported) {
  Summary total;
  for (const auto& l : imported.linears) total.add(l);
  if (total.zero_rows == 0) return "";
  return fmt::format(
      "{} rows are zero throughout: without them and the columns that they feed, {} of {} weights "
      "({:.2f} %) need not be held",
      total.zero_rows, total.idle_weights(), total.counts.weights(),
      100 * static_cast<double>(total.idle_weights()) /
          static_cast<double>(total.counts.weights()));
}

report::Document import_document(const Imported& imported, const std::optional<std::string>& spec) {
  report::Document document{fmt::format("Import of {}", imported.source), {}, {}};
  document.lead.push_back("model: " + imported.name);
  if (imported.linears.empty())
    document.lead.push_back(
        imported.ternary
            ? "no weights, so no zeros were counted: weights.zero_share is an assumption"
            : "weights are whole numbers: no zeros were counted, weights.zero_bit_ratio "
              "is an assumption");
  if (auto idle = idle_text(imported); !idle.empty()) document.lead.push_back(std::move(idle));
  for (const auto& caution : imported.cautions) document.lead.push_back("CAUTION: " + caution);
  document.lead.push_back(spec ? "spec: " + *spec : "no spec is written: give -o FILE");
  if (!imported.linears.empty())
    document.tables = {projection_table(imported), layer_table(imported), tensor_table(imported)};
  document.tables.push_back(value_table(imported));
  return document;
}

// The spec first: a reader of the tables that leaves early ends this program.
int run_import(const ImportCommand& command) {
  if (command.spec)
    check_files(inputs_of_source("SOURCE", command.source), {{"-o", *command.spec}});
  const auto imported = [&] {
    ProgressLine line;
    auto options = command.options;
    options.progress = [&line](std::size_t done, std::size_t tensors) {
      line.show(fmt::format("tensor {} of {}", done, tensors));
    };
    return importer::import_model(command.source, options);
  }();
  if (command.spec) spec::write_file(*command.spec, imported.spec);
  print(import_document(imported, command.spec), command.output);
  return 0;
}

}  // namespace

std::vector<Command> add_import_commands(CLI::App& app) {
  auto command = std::make_shared<ImportCommand>();
  auto* import = app.add_subcommand(
      "import",
      "Make a model spec from a config.json, GGUF or safetensors checkpoint, counting zeros");
  import
      ->add_option(
          "SOURCE", command->source,
          "config.json, .gguf (or one of its parts), .safetensors beside its config.json, or a "
          "folder of these")
      ->required();
  add_optional(*import, "-o,--output", command->spec,
               "write the spec to FILE, replaced in one step")
      ->type_name("FILE");
  import->add_option("--name", command->options.name, "name of the model")->type_name("NAME");
  auto* bits = import
                   ->add_option("--bits", command->options.bits,
                                "whole-number weights of N bits, whatever the source says")
                   ->check(CLI::Range(1, 8))
                   ->type_name("N");
  import
      ->add_flag("--ternary", command->options.ternary,
                 "ternary weights, whatever the source says; floats are ternarized by absmean")
      ->excludes(bits);
  add_format_options(*import, command->output);
  import->get_option("--table")->check(one_of({"projections", "layers", "tensors", "spec"}));
  return {{import, [command] { return run_import(*command); }}};
}

}  // namespace tomestimate::cli
