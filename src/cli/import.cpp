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
                       {"zero share", ""}},
                      {},
                      {}};
  for (const auto& l : imported.linears)
    table.rows.push_back(
        {l.name, number(l.layer),
         std::string(spec::projection_names[static_cast<std::size_t>(l.projection)]),
         number(l.outputs), number(l.inputs), l.type, number(l.counts.weights()),
         number(l.counts.minus), number(l.counts.zeros), number(l.counts.plus),
         number(l.counts.invalid), l.counts.zero_share()});
  return table;
}

// Counts of several tensors together, and the lowest and highest zero share among them.
struct Summary {
  std::uint64_t tensors = 0;
  Counts counts;
  double lowest = 1;
  double highest = 0;

  void add(const Counts& more) {
    ++tensors;
    counts += more;
    lowest = std::min(lowest, more.zero_share());
    highest = std::max(highest, more.zero_share());
  }
  report::Row row(std::string name) const {
    return {std::move(name),
            number(tensors),
            number(counts.weights()),
            number(counts.zeros),
            counts.zero_share(),
            lowest,
            highest};
  }
};

const std::vector<report::Column> summary_columns{{"tensors", ""}, {"weights", ""},
                                                  {"zeros", ""},   {"zero share", ""},
                                                  {"lowest", ""},  {"highest", ""}};

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
    projections[static_cast<std::size_t>(l.projection)].add(l.counts);
    total.add(l.counts);
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
    layers[l.layer].add(l.counts);
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

report::Document import_document(const Imported& imported, const std::optional<std::string>& spec) {
  report::Document document{fmt::format("Import of {}", imported.source), {}, {}};
  document.lead.push_back("model: " + imported.name);
  if (imported.linears.empty())
    document.lead.push_back(
        imported.ternary
            ? "no weights, so no zeros were counted: weights.zero_share is an assumption"
            : "weights are whole numbers: no zeros were counted, weights.zero_bit_ratio "
              "is an assumption");
  for (const auto& caution : imported.cautions) document.lead.push_back("CAUTION: " + caution);
  document.lead.push_back(spec ? "spec: " + *spec : "no spec is written: give -o FILE");
  if (!imported.linears.empty())
    document.tables = {projection_table(imported), layer_table(imported), tensor_table(imported)};
  document.tables.push_back(value_table(imported));
  return document;
}

// The source, and what of a checkpoint may lie beside or in it.
NamedFiles inputs_of(const std::string& source) {
  namespace fs = std::filesystem;
  NamedFiles out{{"SOURCE", source}};
  std::error_code ignored;
  const auto folder =
      fs::is_directory(source, ignored) ? fs::path(source) : fs::absolute(source).parent_path();
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    for (const auto* ending : {".json", ".gguf", ".safetensors", ".bin", ".model"})
      if (entry.path().extension() == ending)
        out.push_back({"a part of SOURCE", entry.path().string()});
  return out;
}

// The spec first: a reader of the tables that leaves early ends this program.
int run_import(const ImportCommand& command) {
  if (command.spec) check_files(inputs_of(command.source), {{"-o", *command.spec}});
  const auto imported = importer::import_model(command.source, command.options);
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
      ->add_option("SOURCE", command->source,
                   "config.json, .gguf, .safetensors beside its config.json, or a folder of these")
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
