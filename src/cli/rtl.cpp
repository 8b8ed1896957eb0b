// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include <tomestimate/array/npy.hpp>
#include <tomestimate/rtl/characterization.hpp>
#include <tomestimate/rtl/verilog.hpp>
#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/model.hpp>
#include <tomestimate/spec/text.hpp>

#include "common.hpp"
#include "dump_slice.hpp"
#include "files.hpp"

namespace tomestimate::cli {
namespace {

using Strings = std::vector<std::string>;

// A whole number or a decimal that is all of `text`.
template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

double parse_share(const std::string& flag, const std::string& text) {
  double share = 0;
  if (!parse(text, share) || !(share >= 0 && share <= 1))
    throw CLI::ValidationError(flag, "expected a share from 0 to 1, got \"" + text + "\"");
  return share;
}

rtl::RomForm parse_form(const std::string& text) {
  return text == name(rtl::RomForm::lookup) ? rtl::RomForm::lookup : rtl::RomForm::minterms;
}

void check_tile(const std::string& flag, std::size_t words, std::size_t weights) {
  if (words == 0 || weights == 0 || words > rtl::largest_tile / weights)
    throw CLI::ValidationError(
        flag, fmt::format("expected from 1 to {} weights in a tile", rtl::largest_tile));
}

void add_form_option(CLI::App& command, std::string& form) {
  command.add_option("--form", form, "how the ROM is described")
      ->capture_default_str()
      ->check(one_of({"case", "minterms"}))
      ->type_name("case|minterms");
}

// ---- rtl ----

struct RtlArguments {
  std::size_t words = 16;
  std::size_t rows = 4;
  std::size_t width = 4;
  std::string zero_share = "0.35";
  std::uint64_t seed = 1;
  std::optional<std::string> weights;
  bool shaped = false;  // --rows or --width was given
  std::string unit;     // "": a ROM
  std::size_t lanes = 16;
  std::size_t vectors = 64;
  std::string form = "case";
  std::string module = "rom";
  std::optional<std::string> output;
  std::optional<std::string> testbench;
  std::optional<std::string> dump;
  DumpSlice slice;
};

rtl::Tile read_tile(const std::string& file) {
  const auto bytes = spec::read_file(file, 1u << 26);
  return array::is_npy(bytes) ? rtl::parse_tile_array(bytes, file) : rtl::parse_tile(bytes, file);
}

rtl::Tile tile_from_file(const RtlArguments& a) {
  auto tile = read_tile(*a.weights);
  if (!a.shaped) return tile;
  if (tile.shape.width % (a.rows * a.width) != 0)
    throw CLI::ValidationError(
        "--rows", fmt::format("{} x {} weights do not divide the {} of a row of {}", a.rows,
                              a.width, tile.shape.width, *a.weights));
  return rtl::split_words(std::move(tile), a.rows, a.width);
}

rtl::Tile make_tile(const RtlArguments& a) {
  if (a.weights) return tile_from_file(a);
  check_tile("--words", a.words, a.rows * a.width);
  return rtl::random_tile({a.words, a.rows, a.width}, parse_share("--zero-share", a.zero_share),
                          a.seed);
}

// What made the tile, and what is in it.
std::string tile_comment(const RtlArguments& a, const rtl::Tile& tile) {
  const auto counts = rtl::count(tile);
  const auto& s = tile.shape;
  const auto percent = [&](std::size_t n) {
    return 100 * static_cast<double>(n) / static_cast<double>(s.weights());
  };
  const auto from = !a.weights
                        ? fmt::format("--words {} --rows {} --width {} --zero-share {} --seed {}",
                                      s.words, s.rows, s.width, a.zero_share, a.seed)
                        : fmt::format("--weights {} --rows {} --width {}",
                                      spec::visible(*a.weights), s.rows, s.width);
  return fmt::format(
      "Made by: tomestimate rtl {} --form {} --module {}\n"
      "{} words of {} x {} ternary weights, 2 bit each: 0 is 00, +1 is 01, -1 is 10.\n"
      "Weight (row r, column c) of a word is in bits 2*({}*r + c) + 1 and 2*({}*r + c).\n"
      "{} weights: {} zero ({:.2f} %), {} plus ({:.2f} %), {} minus ({:.2f} %).\n"
      "{} bits: {} are 1, {} are 0 ({:.2f} %).",
      from, a.form, a.module, s.words, s.rows, s.width, s.width, s.width, s.weights(), counts.zero,
      percent(counts.zero), counts.plus, percent(counts.plus), counts.minus, percent(counts.minus),
      counts.bits(), counts.ones(), counts.bits() - counts.ones(),
      50 * (1 + percent(counts.zero) / 100));
}

rtl::Unit parse_unit(const std::string& flag, const std::string& text) {
  const auto found = std::find(rtl::unit_names.begin(), rtl::unit_names.end(), text);
  if (found == rtl::unit_names.end())
    throw CLI::ValidationError(
        flag, fmt::format("no unit \"{}\"; there are: {}", text, fmt::join(rtl::unit_names, ", ")));
  return static_cast<rtl::Unit>(found - rtl::unit_names.begin());
}

void check_lanes(std::size_t lanes) {
  if (!rtl::is_lane_count(lanes))
    throw CLI::ValidationError("--lanes", "expected a power of two from 2 to 1024");
}

int run_unit(const RtlArguments& a) {
  const auto unit = parse_unit("--unit", a.unit);
  check_lanes(a.lanes);
  const auto lanes = rtl::has_lanes(unit) ? fmt::format(" --lanes {}", a.lanes) : std::string();
  const auto comment =
      fmt::format("Made by: tomestimate rtl --unit {}{} --module {}", a.unit, lanes, a.module);
  if (a.testbench) {
    const auto vectors = rtl::random_vectors(unit, a.lanes, a.vectors, a.seed);
    spec::write_file(*a.testbench, rtl::unit_testbench(unit, a.lanes, vectors, a.module,
                                                       fmt::format("{} --vectors {} --seed {}",
                                                                   comment, a.vectors, a.seed)));
  }
  deliver(rtl::unit_verilog(unit, a.lanes, a.module, comment), a.output);
  return 0;
}

int run_layer(const RtlArguments& a) {
  auto wanted = a.slice;
  wanted.folder = *a.dump;
  wanted.rows = a.rows;
  wanted.lanes = a.lanes;
  check_lanes(a.lanes);
  const auto slice = read_dump_slice(wanted);
  const auto comment = fmt::format(
      "Made by: tomestimate rtl --dump {} --layer {} --projection {} --first-row {} --rows {} "
      "--lanes {} --form {} --module {}\n"
      "{} rows of {} words of {} ternary weights; {} tokens.",
      spec::visible(*a.dump), wanted.layer, wanted.projection, wanted.first_row, a.rows, a.lanes,
      a.form, a.module, slice.rows, slice.chunks, a.lanes, slice.tokens);
  if (a.testbench) spec::write_file(*a.testbench, rtl::layer_testbench(slice, a.module, comment));
  deliver(rtl::layer_verilog(slice, a.module, parse_form(a.form), comment), a.output);
  return 0;
}

int run_rtl(const RtlArguments& a) {
  if (!rtl::is_module_name(a.module))
    throw CLI::ValidationError("--module", "\"" + a.module + "\" cannot name a Verilog module");
  NamedFiles inputs, outputs;
  if (a.weights) inputs.push_back({"--weights", *a.weights});
  if (a.dump)
    for (auto& file : inputs_of_source("--dump", *a.dump)) inputs.push_back(std::move(file));
  if (a.output) outputs.push_back({"-o", *a.output});
  if (a.testbench) outputs.push_back({"--testbench", *a.testbench});
  check_files(inputs, outputs);
  if (!a.unit.empty()) return run_unit(a);
  if (a.dump) return run_layer(a);
  const auto tile = make_tile(a);
  const auto comment = tile_comment(a, tile);
  if (a.testbench) spec::write_file(*a.testbench, rtl::testbench_verilog(tile, a.module, comment));
  deliver(rtl::rom_verilog(tile, a.module, parse_form(a.form), comment), a.output);
  return 0;
}

// ---- characterize ----

struct CharacterizeArguments {
  std::string cells = "asap7";
  std::string variant;
  std::string liberty;
  std::optional<std::string> toml;
  std::optional<std::string> weights;
  std::optional<std::string> kept;
  Strings heights{"64", "256", "1024", "4096"};
  Strings zero_shares{"0.3", "0.5", "0.7", "0.9"};
  Strings held_out_heights{"128", "512", "2048"};
  Strings held_out_zero_shares{"0.42", "0.6", "0.8"};
  Strings units{"all"};
  std::size_t width = 64;
  std::size_t lanes = 128;
  std::string zero_blocks = "0";
  double wire = 0.3;
  double slew = 20;
  std::uint64_t seed = 1;
  std::string form = "case";
  unsigned threads = std::min(2u, all_threads());
};

// The items of a list; "none" is an empty one.
template <class Parse>
auto parse_list(const std::string& flag, const Strings& texts, Parse parse_item) {
  std::vector<decltype(parse_item(flag, texts[0]))> out;
  if (texts == Strings{"none"}) return out;
  for (const auto& text : texts) out.push_back(parse_item(flag, text));
  return out;
}

std::size_t parse_height(const std::string& flag, const std::string& text) {
  std::size_t words = 0;
  if (!parse(text, words) || words < 2 || words > 65536)
    throw CLI::ValidationError(flag, "expected words from 2 to 65536, got \"" + text + "\"");
  return words;
}

rtl::BankGrid parse_grid(const CharacterizeArguments& a) {
  rtl::BankGrid grid{parse_list("--heights", a.heights, parse_height),
                     parse_list("--zero-shares", a.zero_shares, parse_share),
                     parse_list("--held-out-heights", a.held_out_heights, parse_height),
                     parse_list("--held-out-zero-shares", a.held_out_zero_shares, parse_share),
                     a.width,
                     parse_share("--zero-blocks", a.zero_blocks),
                     a.seed,
                     parse_form(a.form)};
  for (const auto* shares : {&grid.zero_shares, &grid.held_out_zero_shares})
    for (const double z : *shares)
      if (z < grid.zero_blocks)
        throw CLI::ValidationError(
            "--zero-blocks", fmt::format("blocks of zeros are more than {:g} zero weights", z));
  const auto in = [](const auto& list, const auto& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
  };
  for (const auto words : grid.held_out_heights)
    for (const double z : grid.held_out_zero_shares)
      if (in(grid.heights, words) && in(grid.zero_shares, z))
        throw CLI::ValidationError(
            "--held-out-zero-shares",
            fmt::format("{} words at {} are in the fit, not held out", words, z));
  for (const auto* heights : {&grid.heights, &grid.held_out_heights})
    for (const auto words : *heights) check_tile("--heights", words, grid.weights);
  return grid;
}

// The matrix of --weights, its rows cut into words of --width where they are that many times as
// long.
rtl::Tile given_bank(const CharacterizeArguments& a) {
  auto tile = read_tile(*a.weights);
  return tile.shape.width % a.width == 0 ? rtl::split_words(std::move(tile), 1, a.width) : tile;
}

rtl::Plan parse_plan(const CharacterizeArguments& a) {
  check_lanes(a.lanes);
  rtl::Plan plan{parse_grid(a), {}, {}, a.lanes, a.slew, a.kept.value_or("")};
  if (a.weights) plan.given.push_back(given_bank(a));
  if (a.units == Strings{"all"})
    for (std::size_t i = 0; i < rtl::unit_names.size(); ++i)
      plan.units.push_back(static_cast<rtl::Unit>(i));
  else
    plan.units = parse_list("--units", a.units, parse_unit);
  return plan;
}

// The file of cells that a name means: a file, an installed one, or that of a source tree.
std::string find_cells(const std::string& name) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(name, ignored)) return name;
  const auto file = fmt::format("technology/{}-cells.toml", name);
  if (auto path = spec::installed_spec(file)) return *path;
  if (std::filesystem::is_regular_file("specs/" + file, ignored)) return "specs/" + file;
  throw spec::SpecError({{{name, 0, 0},
                          "no such file of cells, and none installed by that name",
                          "asap7, or a file such as specs/technology/asap7-cells.toml"}});
}

void show_progress(std::size_t done, std::size_t all) {
  std::fputs(fmt::format("\r{} of {} measured{}", done, all, done == all ? "\n" : "").c_str(),
             stderr);
}

int run_characterize(const CharacterizeArguments& a, const Output& output) {
  const auto plan = parse_plan(a);
  if (!(std::isfinite(a.wire) && a.wire >= 0))
    throw CLI::ValidationError("--wire", "expected a capacitance in fF, 0 or more");
  if (!(std::isfinite(a.slew) && a.slew >= 0))
    throw CLI::ValidationError("--slew", "expected a time in ps, 0 or more");
  const auto file = a.liberty.empty() ? find_cells(a.cells) : a.liberty;
  NamedFiles inputs{{a.liberty.empty() ? "--cells" : "--liberty", file}}, outputs;
  if (a.weights) inputs.push_back({"--weights", *a.weights});
  if (a.toml) outputs.push_back({"-o", *a.toml});
  if (a.kept) outputs.push_back({"--resume", *a.kept});
  check_files(inputs, outputs);
  auto text = spec::read_file(file, 1u << 30);
  const auto cells = a.liberty.empty() ? rtl::parse_cells(text, file, a.variant)
                                       : rtl::parse_liberty(std::move(text), file);
  const auto progress =
      isatty(STDERR_FILENO) != 0 ? rtl::Progress(show_progress) : [](std::size_t, std::size_t) {};
  const auto measured = rtl::characterize(cells, file, plan, a.wire, a.threads, progress);
  if (a.toml) spec::write_file(*a.toml, rtl::technology_toml(measured));
  print(report::characterization_document(measured), output);
  return 0;
}

CLI::Option* add_list(CLI::App& command, const std::string& flag, Strings& list,
                      const std::string& what) {
  return command.add_option(flag, list, what)
      ->delimiter(',')
      ->capture_default_str()
      ->type_name("LIST")
      ->allow_extra_args(false);
}

}  // namespace

std::vector<Command> add_rtl_commands(CLI::App& app) {
  std::vector<Command> commands;

  const auto a = std::make_shared<RtlArguments>();
  auto* rtl = app.add_subcommand(
      "rtl", "Verilog of the ROM of a tile of weights, or of an arithmetic unit");
  auto* words = rtl->add_option("--words", a->words, "ROM words")
                    ->capture_default_str()
                    ->check(CLI::Range(std::size_t{1}, rtl::largest_tile).description(""))
                    ->type_name("N");
  auto* rows = rtl->add_option("--rows", a->rows, "rows of a word")
                   ->capture_default_str()
                   ->check(CLI::Range(1, 65536).description(""))
                   ->type_name("N");
  auto* width = rtl->add_option("--width", a->width, "weights of a row")
                    ->capture_default_str()
                    ->check(CLI::Range(1, 65536).description(""))
                    ->type_name("N");
  auto* zeros = rtl->add_option("--zero-share", a->zero_share, "share of weights that are zero")
                    ->capture_default_str()
                    ->type_name("SHARE");
  auto* seed = rtl->add_option("--seed", a->seed, "seed")
                   ->capture_default_str()
                   ->check(whole_number())
                   ->type_name("N");
  auto* unit = rtl->add_option("--unit", a->unit,
                               "an arithmetic unit instead: " +
                                   fmt::format("{}", fmt::join(rtl::unit_names, ", ")))
                   ->type_name("UNIT");
  for (auto* option : {words, rows, width, zeros}) unit->excludes(option);
  auto* lanes =
      rtl->add_option("--lanes", a->lanes, "lanes of mvu, mvu-int8 and l-unit, and with --dump")
          ->capture_default_str()
          ->type_name("N");
  rtl->add_option("--vectors", a->vectors, "operands that the unit's testbench tries")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000).description(""))
      ->type_name("N")
      ->needs(unit);
  add_optional(*rtl, "--weights", a->weights,
               "weights from a matrix of -1, 0 and 1: text or .npy, a word a row")
      ->type_name("FILE")
      ->excludes(words)
      ->excludes(zeros)
      ->excludes(seed)
      ->excludes(unit);
  auto* dump =
      add_optional(*rtl, "--dump", a->dump,
                   "bank and mvu (or mvu-int8) of --rows rows of a layer that run --dump-weights "
                   "dumped; the testbench has the run's activations and sums")
          ->type_name("DIR");
  for (auto* option : {words, width, zeros, seed, unit, rtl->get_option("--weights")})
    dump->excludes(option);
  rtl->add_option("--layer", a->slice.layer, "layer of --dump")
      ->capture_default_str()
      ->type_name("N")
      ->needs(dump);
  rtl->add_option("--projection", a->slice.projection, "its matrix")
      ->capture_default_str()
      ->check(one_of({spec::projection_names.begin(), spec::projection_names.end()}))
      ->type_name("q|k|v|o|gate|up|down")
      ->needs(dump);
  rtl->add_option("--first-row", a->slice.first_row, "the first of its rows")
      ->capture_default_str()
      ->type_name("N")
      ->needs(dump);
  add_form_option(*rtl, a->form);
  rtl->add_option("--module", a->module, "name of the module")
      ->capture_default_str()
      ->type_name("NAME");
  add_optional(*rtl, "-o,--output", a->output, "write to FILE, replaced in one step")
      ->type_name("FILE");
  add_optional(*rtl, "--testbench", a->testbench, "write a testbench: all words, or the vectors")
      ->type_name("FILE");
  commands.push_back({rtl, [=] {
                        a->shaped = *rows || *width;
                        if (*lanes && !*unit && !*dump)
                          throw CLI::ValidationError("--lanes", "goes with --unit or --dump");
                        return run_rtl(*a);
                      }});

  const auto c = std::make_shared<CharacterizeArguments>();
  const auto output = std::make_shared<Output>();
  auto* characterize = app.add_subcommand(
      "characterize", "Measure ROM banks and arithmetic units in a cell library, with yosys");
  auto* cells =
      characterize->add_option("--cells", c->cells, "cells by name or file")->capture_default_str();
  cells->type_name("NAME");
  auto* variant =
      characterize->add_option("--variant", c->variant, "threshold and corner, such as slvt-ss")
          ->type_name("NAME");
  characterize->add_option("--liberty", c->liberty, "cells of a Liberty file instead")
      ->type_name("FILE")
      ->excludes(cells)
      ->excludes(variant);
  add_list(*characterize, "--heights", c->heights, "words of banks in the fit, or none");
  add_list(*characterize, "--zero-shares", c->zero_shares, "their zero weights");
  add_list(*characterize, "--held-out-heights", c->held_out_heights,
           "words of banks to judge by, or none");
  add_list(*characterize, "--held-out-zero-shares", c->held_out_zero_shares, "their zero weights");
  characterize->add_option("--width", c->width, "weights of a word")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{65536}).description(""))
      ->type_name("N");
  characterize
      ->add_option("--zero-blocks", c->zero_blocks,
                   "share of blocks of 16 weights that are zero throughout")
      ->capture_default_str()
      ->type_name("SHARE");
  characterize
      ->add_option("--weights", c->weights,
                   "one more bank to judge by: a matrix as for rtl, cut into words")
      ->type_name("FILE");
  add_list(*characterize, "--units", c->units, "arithmetic units, all or none");
  characterize->add_option("--lanes", c->lanes, "lanes of mvu, mvu-int8 and l-unit")
      ->capture_default_str()
      ->type_name("N");
  characterize->add_option("--wire", c->wire, "capacitance of the wire to a sink, fF")
      ->capture_default_str()
      ->type_name("FF");
  characterize
      ->add_option("--slew", c->slew,
                   "slew of the clock in ps, for longest paths where the library has delays")
      ->capture_default_str()
      ->type_name("PS");
  characterize->add_option("--seed", c->seed, "seed")
      ->capture_default_str()
      ->check(whole_number())
      ->type_name("N");
  add_form_option(*characterize, c->form);
  add_optional(*characterize, "--resume", c->kept,
               "keep what is measured in FILE, and do not measure what is in it")
      ->type_name("FILE");
  add_threads_option(*characterize, c->threads, "syntheses at a time");
  add_optional(*characterize, "-o,--output", c->toml, "write values for a technology spec to FILE")
      ->type_name("TOML");
  add_format_options(*characterize, *output);
  // Not after minutes of synthesis.
  characterize->get_option("--table")->check(one_of({"laws", "banks", "units", "paths"}));
  commands.push_back({characterize, [=] { return run_characterize(*c, *output); }});
  return commands;
}

}  // namespace tomestimate::cli
