// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include <tomestimate/rtl/calibration.hpp>
#include <tomestimate/rtl/verilog.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/spec/write.hpp>

#include "common.hpp"
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
  std::string form = "case";
  std::string module = "rom";
  std::optional<std::string> output;
  std::optional<std::string> testbench;
};

rtl::Tile tile_from_file(const RtlArguments& a) {
  auto tile = rtl::parse_tile(spec::read_file(*a.weights, 1u << 26), *a.weights);
  if (!a.shaped) return tile;
  if (a.rows * a.width != tile.shape.width)
    throw CLI::ValidationError(
        "--rows", fmt::format("{} x {} weights are not the {} of a line of {}", a.rows, a.width,
                              tile.shape.width, *a.weights));
  tile.shape.rows = a.rows;
  tile.shape.width = a.width;
  return tile;
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

int run_rtl(const RtlArguments& a) {
  if (!rtl::is_module_name(a.module))
    throw CLI::ValidationError("--module", "\"" + a.module + "\" cannot name a Verilog module");
  NamedFiles inputs, outputs;
  if (a.weights) inputs.push_back({"--weights", *a.weights});
  if (a.output) outputs.push_back({"-o", *a.output});
  if (a.testbench) outputs.push_back({"--testbench", *a.testbench});
  check_files(inputs, outputs);
  const auto tile = make_tile(a);
  const auto comment = tile_comment(a, tile);
  if (a.testbench) spec::write_file(*a.testbench, rtl::testbench_verilog(tile, a.module, comment));
  deliver(rtl::rom_verilog(tile, a.module, parse_form(a.form), comment), a.output);
  return 0;
}

// ---- calibrate ----

struct CalibrateArguments {
  std::string hardware;
  std::string liberty;
  std::optional<std::string> spec;
  std::string node;
  double scale = 0;
  std::string scale_source;
  Strings sizes{"64x64", "128x64", "256x64"};
  Strings zero_shares{"0.2", "0.35", "0.5", "0.65", "0.8"};
  Strings held_out_sizes{"256x64", "512x64", "128x128"};
  Strings held_out_zero_shares{"0.1", "0.29", "0.42", "0.6", "0.9"};
  std::uint64_t seed = 1;
  std::string form = "case";
  unsigned threads = std::min(2u, all_threads());
};

rtl::Size parse_size(const std::string& flag, const std::string& text) {
  rtl::Size size{};
  const auto x = text.find('x');
  if (x == std::string::npos || !parse(std::string_view(text).substr(0, x), size.words) ||
      !parse(std::string_view(text).substr(x + 1), size.weights))
    throw CLI::ValidationError(flag,
                               "expected WORDSxWEIGHTS, such as 256x64, got \"" + text + "\"");
  check_tile(flag, size.words, size.weights);
  return size;
}

// The items of a list; "none" is an empty one.
template <class Parse>
auto parse_list(const std::string& flag, const Strings& texts, Parse parse_item) {
  std::vector<decltype(parse_item(flag, texts[0]))> out;
  if (texts == Strings{"none"}) return out;
  for (const auto& text : texts) out.push_back(parse_item(flag, text));
  return out;
}

rtl::Grid parse_grid(const CalibrateArguments& a) {
  rtl::Grid grid{parse_list("--sizes", a.sizes, parse_size),
                 parse_list("--zero-shares", a.zero_shares, parse_share),
                 parse_list("--held-out-sizes", a.held_out_sizes, parse_size),
                 parse_list("--held-out-zero-shares", a.held_out_zero_shares, parse_share),
                 a.seed,
                 parse_form(a.form)};
  if (grid.sizes.empty()) throw CLI::ValidationError("--sizes", "the fit needs a size");
  if (std::adjacent_find(grid.zero_shares.begin(), grid.zero_shares.end(), std::not_equal_to{}) ==
      grid.zero_shares.end())
    throw CLI::ValidationError("--zero-shares",
                               "the fit needs two shares, to tell 1-bits from bits");
  const auto in = [](const auto& list, const auto& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
  };
  for (const auto& size : grid.held_out_sizes)
    for (const double z : grid.held_out_zero_shares)
      if (in(grid.sizes, size) && in(grid.zero_shares, z))
        throw CLI::ValidationError(
            "--held-out-zero-shares",
            fmt::format("{} at {} is in the fit, not held out", rtl::to_text(size), z));
  return grid;
}

rtl::NodeChoice parse_node(const CalibrateArguments& a) {
  if (a.scale_source.empty() != (a.scale == 0))
    throw CLI::ValidationError("--scale", "goes with --scale-source: what is the factor's reason?");
  if (a.scale != 0 && !(std::isfinite(a.scale) && a.scale > 0))
    throw CLI::ValidationError("--scale", "expected a factor above 0");
  if (a.spec && a.scale == 0 && a.node.empty())
    throw CLI::ValidationError(
        "-o",
        "the library's areas are of its own node: give --node LENGTH to move the spec there, "
        "or --scale FACTOR and --scale-source TEXT to bring them to the spec's");
  return {a.node, a.scale == 0 ? 1 : a.scale, a.scale_source};
}

void show_progress(std::size_t done, std::size_t all) {
  std::fputs(fmt::format("\r{} of {} tiles{}", done, all, done == all ? "\n" : "").c_str(), stderr);
}

std::string spec_comment(const CalibrateArguments& a, const std::vector<std::string>& cautions) {
  auto text = fmt::format("{} with its ROM area law fitted by tomestimate calibrate.", a.hardware);
  for (const auto& caution : cautions) text += "\nCAUTION: " + caution;
  return text;
}

int run_calibrate(const CalibrateArguments& a, const Output& output) {
  const auto grid = parse_grid(a);
  const auto node = parse_node(a);
  const auto file = spec::find_spec(a.hardware);
  check_files({{"HARDWARE", file}, {"--liberty", a.liberty}},
              a.spec ? NamedFiles{{"-o", *a.spec}} : NamedFiles{});
  const auto hardware = spec::load_hardware(file);
  rtl::calibrated_spec(hardware, {}, node);  // refuses a bad --node before minutes of synthesis
  const auto progress =
      isatty(STDERR_FILENO) != 0 ? rtl::Progress(show_progress) : [](std::size_t, std::size_t) {};
  const auto calibration = rtl::calibrate(a.liberty, grid, a.threads, progress);
  // The spec first: a reader of the tables that leaves early ends this program.
  if (a.spec)
    spec::write_file(*a.spec,
                     spec::to_toml(rtl::calibrated_spec(hardware, calibration, node),
                                   spec_comment(a, rtl::cautions(hardware, calibration, node))));
  print(report::calibration_document(hardware, calibration, node), output);
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
  auto* rtl = app.add_subcommand("rtl", "Verilog of the ROM of a tile of weights");
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
  auto* seed = rtl->add_option("--seed", a->seed, "seed")->capture_default_str()->type_name("N");
  add_optional(*rtl, "--weights", a->weights, "weights from a matrix of -1, 0 and 1, a word a line")
      ->type_name("FILE")
      ->excludes(words)
      ->excludes(zeros)
      ->excludes(seed);
  add_form_option(*rtl, a->form);
  rtl->add_option("--module", a->module, "name of the module")
      ->capture_default_str()
      ->type_name("NAME");
  add_optional(*rtl, "-o,--output", a->output, "write to FILE, replaced in one step")
      ->type_name("FILE");
  add_optional(*rtl, "--testbench", a->testbench, "write a testbench that reads every word back")
      ->type_name("FILE");
  commands.push_back({rtl, [=] {
                        a->shaped = *rows || *width;
                        return run_rtl(*a);
                      }});

  const auto c = std::make_shared<CalibrateArguments>();
  const auto output = std::make_shared<Output>();
  auto* calibrate = app.add_subcommand(
      "calibrate", "Fit the ROM area law to tiles synthesized with yosys and a cell library");
  calibrate->add_option("HARDWARE", c->hardware, "hardware spec (TOML)")->required();
  calibrate->add_option("--liberty", c->liberty, "cell library (Liberty)")
      ->required()
      ->type_name("FILE");
  add_optional(*calibrate, "-o,--output", c->spec, "write the calibrated hardware spec to FILE")
      ->type_name("SPEC");
  auto* node =
      calibrate->add_option("--node", c->node, "the library's node, for -o")->type_name("LENGTH");
  calibrate->add_option("--scale", c->scale, "factor on areas, from the library to the spec's node")
      ->type_name("FACTOR")
      ->excludes(node);
  calibrate->add_option("--scale-source", c->scale_source, "where the factor is from")
      ->type_name("TEXT");
  add_list(*calibrate, "--sizes", c->sizes, "tiles of the fit, WORDSxWEIGHTS");
  add_list(*calibrate, "--zero-shares", c->zero_shares, "zero weights in the fit");
  add_list(*calibrate, "--held-out-sizes", c->held_out_sizes, "tiles to judge by, or none");
  add_list(*calibrate, "--held-out-zero-shares", c->held_out_zero_shares, "their zero weights");
  calibrate->add_option("--seed", c->seed, "seed")->capture_default_str()->type_name("N");
  add_form_option(*calibrate, c->form);
  add_threads_option(*calibrate, c->threads, "syntheses at a time");
  add_format_options(*calibrate, *output);
  // Not after minutes of synthesis.
  calibrate->get_option("--table")->check(one_of({"laws", "sparsity", "sizes", "tiles"}));
  commands.push_back({calibrate, [=] { return run_calibrate(*c, *output); }});
  return commands;
}

}  // namespace tomestimate::cli
