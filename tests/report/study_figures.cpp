// SPDX-License-Identifier: Apache-2.0
// What pictures of studies and the parts of a design show, against the engine and by hand.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <regex>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <tomestimate/report/study_figures.hpp>
#include <tomestimate/study/evaluation.hpp>

#include "../study/studies.hpp"
#include "catch.hpp"

using namespace tomestimate;
using namespace tomestimate::report;

namespace {

study::Specs tom_with(const std::string& path, const std::string& value) {
  auto out = shipped();
  spec::override_value(out.hardware, out.model, path, value, {"test", 1, 1});
  return out;
}

study::Study study_of(const std::string& keys, const std::string& axes) {
  const Folder folder;
  return study::load_study(study_file(folder, keys, axes));
}

const std::string clocks =
    "[[vary]]\npath = \"chip.clock\"\nvalues = [\"250 MHz\", \"500 MHz\", \"1 GHz\", \"3 GHz\"]\n";
const std::string lanes = "[[vary]]\npath = \"base.lanes\"\nvalues = [8, 16, 32]\n";

std::vector<study::Found> points_of(const study::Study& st) {
  return study::spread_points(st, most_drawn, 2);
}

std::size_t count(const Figure& figure, std::string_view part) {
  return static_cast<std::size_t>(
      std::count_if(figure.hovers.begin(), figure.hovers.end(),
                    [part](const Hover& h) { return has(h.text, std::string(part)); }));
}

std::string value_text(double value) {
  return value >= 1e4 ? fmt::format("{:.0f}", value) : fmt::format("{:.4g}", value);
}

// The height of a picture, and the lowest text in it.
std::pair<double, double> heights(const std::string& svg) {
  std::smatch box;
  REQUIRE(std::regex_search(svg, box, std::regex(R"(viewBox="0 0 [\d.]+ ([\d.]+)\")")));
  static const std::regex move(R"(translate\(([\d.]+),([\d.]+)\))");
  double lowest = 0;
  for (std::sregex_iterator at(svg.begin(), svg.end(), move), end; at != end; ++at)
    lowest = std::max(lowest, std::stod((*at)[2].str()));
  return {std::stod(box[1].str()), lowest};
}

bool is_readable(const Figure& figure) {
  const auto svg = draw(figure);
  const auto [height, lowest] = heights(svg);
  CAPTURE(figure.id, height, lowest);
  CHECK(height - lowest < 45);
  CHECK(height - lowest > 3);
  CHECK(has(svg, "height=\"" + fmt::format("{:.0f}", height) + "\" fill=\"#ffffff\""));
  return has(svg, "<title id=\"" + figure.id + "-title\">");
}

}  // namespace

TEST_CASE("spread points are the points of the study, or every n-th of them") {
  const auto st = study_of("columns = [\"throughput\"]\nwhere = \"throughput > 2000[token/s]\"",
                           lanes + clocks);
  const auto all = points_of(st);
  // 3 GHz is beyond the clock limit: no design.
  for (const auto& p : all) {
    CHECK(p.point % 4 != 3);
    CHECK(p.values[0] > 2000);
  }
  const auto direct = study::metric_value(tom_with("base.lanes", "32"), "throughput");
  const auto at = std::find_if(all.begin(), all.end(), [](const auto& p) { return p.point == 9; });
  REQUIRE(at != all.end());
  CHECK(at->values[0] == Approx(direct / study::unit_factor("token/s")).epsilon(1e-12));
  for (const auto& p : study::spread_points(st, 5, 2)) CHECK(p.point % 3 == 0);
}

TEST_CASE("a sweep over one axis is lines: a panel for each unit, a shade where no design is") {
  const auto st = study_of("columns = [\"power\", \"power_ungated\", \"throughput\"]", clocks);
  const auto points = points_of(st);
  REQUIRE(points.size() == 3);
  const auto figure = sweep_figure(st, points);
  CHECK(figure.hovers.size() == 9);
  CHECK(count(figure, "throughput at 500 MHz: " + value_text(points[1].values[2])) == 1);
  CHECK(figure.title == fmt::format("power goes from {} to {} W as chip.clock goes from 250 to "
                                    "1000 MHz",
                                    value_text(points[0].values[0]),
                                    value_text(points[2].values[0])));
  const auto svg = draw(figure);
  CHECK(has(svg, "no design"));
  CHECK(has(svg, "the spec&apos;s 500 MHz") + has(svg, "the spec's 500 MHz") == 1);
  CHECK(has(svg, "chip.clock [MHz]"));
  CHECK(has(svg, "throughput [token/s]"));
  CHECK(is_readable(figure));
}

TEST_CASE("a sweep over names is marks with their values") {
  const auto st = study_of("columns = [\"power\"]",
                           "[[vary]]\npath = \"gating.mode\"\nvalues = [\"none\", \"switches\"]\n");
  const auto points = points_of(st);
  const auto figure = sweep_figure(st, points);
  CHECK(has(figure.title,
            "least, " + value_text(points[1].values[0]) + " W, at gating.mode = switches"));
  const auto svg = draw(figure);
  CHECK(has(svg, ">" + value_text(points[0].values[0]) + "<"));
  CHECK(has(svg, ">switches<"));
  CHECK(is_readable(figure));
}

TEST_CASE("a sweep over two axes is a heat map that says where most and least are") {
  const auto st = study_of("columns = [\"throughput\"]", lanes + clocks);
  const auto points = points_of(st);
  const auto figure = sweep_figure(st, points);
  CHECK(figure.hovers.size() == 9);  // of 12, 3 are no design
  CHECK(has(figure.title, "most at base.lanes = 32, chip.clock = 1000 MHz"));
  CHECK(has(figure.title, "least at base.lanes = 8, chip.clock = 250 MHz"));
  // Lanes along x: all clocks of 8 lanes are in the first column.
  for (const auto& h : figure.hovers) CHECK((h.left < 200) == has(h.text, " at 8, "));
  const auto svg = draw(figure);
  for (const auto& p : points) CHECK(has(svg, ">" + value_text(p.values[0]) + "<"));
  CHECK(is_readable(figure));
}

namespace {

// How far each mark of a line is on its way from the first to the last, across and up.
std::pair<std::vector<double>, std::vector<double>> ways(const std::vector<std::string>& clocks_mhz,
                                                         const std::vector<double>& values) {
  const auto st = study_of("columns = [\"throughput\"]",
                           fmt::format("[[vary]]\npath = \"chip.clock\"\nvalues = [\"{} MHz\"]\n",
                                       fmt::join(clocks_mhz, " MHz\", \"")));
  std::vector<study::Found> points;
  for (std::size_t i = 0; i < values.size(); ++i) points.push_back({i, {values[i]}});
  const auto marks = sweep_figure(st, points).hovers;
  REQUIRE(marks.size() == values.size());
  const auto part = [](double from, double at, double to) { return (at - from) / (to - from); };
  std::pair<std::vector<double>, std::vector<double>> out;
  for (const auto& m : marks) {
    out.first.push_back(part(marks.front().left, m.left, marks.back().left));
    out.second.push_back(part(marks.front().top, m.top, marks.back().top));
  }
  return out;
}

// Fills of a heat map's cells for these values at 8, 16 and 32 lanes.
std::vector<std::string> fills(const std::vector<double>& values) {
  const auto st = study_of("columns = [\"throughput\"]",
                           lanes + "[[vary]]\npath = \"chip.clock\"\nvalues = [\"1 GHz\"]\n");
  std::vector<study::Found> points;
  for (std::size_t i = 0; i < values.size(); ++i) points.push_back({i, {values[i]}});
  const auto script = sweep_figure(st, points).script;
  static const std::regex fill(R"(to first \S+ front fc rgb '(#\w+)' fs solid border)");
  std::vector<std::string> out;
  for (std::sregex_iterator at(script.begin(), script.end(), fill), end; at != end; ++at)
    out.push_back((*at)[1].str());
  return out;
}

}  // namespace

TEST_CASE("values that go up by factors, or span two decades, are on log axes") {
  const auto half = Approx(0.5).margin(1e-3);
  SECTION("across") {
    const std::vector<double> some{5, 6, 7};
    CHECK(ways({"1", "10", "100"}, some).first[1] == half);
    CHECK(ways({"100", "400", "1600"}, some).first[1] == half);
    CHECK(ways({"100", "200", "500", "1000"}, {5, 6, 7, 8}).first[1] ==
          Approx(std::log10(2)).margin(1e-3));
    CHECK(ways({"2", "20", "2000"}, some).first[1] == Approx(1.0 / 3).margin(1e-3));
    // Factors, but four in all; even steps from 1 to 10; no even factors, and under two decades.
    CHECK(ways({"250", "500", "1000"}, some).first[1] == Approx(1.0 / 3).margin(1e-3));
    CHECK(ways({"100", "550", "1000"}, some).first[1] == half);
    CHECK(ways({"10", "20", "510"}, some).first[1] == Approx(0.02).margin(1e-3));
  }
  SECTION("up") {
    const std::vector<std::string> some{"250", "500", "1000"};
    CHECK(ways(some, {1, 10, 100}).second[1] == half);
    CHECK(ways(some, {3e-7, 3e-4, 0.3}).second[1] == half);
    CHECK(ways(some, {1, 50, 99}).second[1] == half);
    CHECK(ways(some, {0, 500, 1000}).second[1] == half);
    CHECK(ways(some, {-10, 495, 1000}).second[1] == half);
  }
  SECTION("shades of a heat map") {
    CHECK(fills({1, 10, 100}).size() == 3);
    CHECK(fills({1, 10, 100}) == fills({11, 55.5, 100}));
    CHECK(fills({2, 51, 100}) == fills({11, 55.5, 100}));
  }
}

TEST_CASE("what has no picture says why") {
  const auto axis = [](const std::string& path, int points) {
    return fmt::format("[[vary]]\npath = \"{}\"\nrange = {{ from = 1, to = 1000, points = {} }}\n",
                       path, points);
  };
  const auto three = study_of("columns = [\"area\"]", lanes + clocks + axis("workload.batch", 3));
  CHECK(has(no_sweep_figure(three).value(), "this study has 3"));
  const auto many =
      study_of("columns = [\"area\"]", axis("workload.batch", 101) + axis("workload.prompt", 100));
  CHECK(has(no_sweep_figure(many).value(), "10000 points"));
  const auto none = study_of("columns = [\"power\"]\nwhere = \"power < 0.001[W]\"", lanes);
  CHECK(!no_sweep_figure(none));
  CHECK(has(failure([&] { sweep_figure(none, points_of(none)); }), "nothing to draw"));
}

TEST_CASE("a front is marked among the others, with a step for two objectives") {
  const auto st = study_of(
      "columns = [\"throughput\", \"power\"]\nobjectives = [\"max throughput\", \"min power\"]",
      lanes + clocks);
  study::SweepResult result;
  const auto front = study::pareto(st, {st.specs, st.axes, st.formulas()}, 1, result);
  const auto figure = pareto_figure(st, front, points_of(st));
  CHECK(figure.hovers.size() == front.size());
  CHECK(has(figure.title, fmt::format("{} designs are on the front", front.size())));
  CHECK(count(figure, "base.lanes = 32, chip.clock = 1000 MHz") == 1);
  const auto svg = draw(figure);
  CHECK(has(svg, "throughput [token/s]"));
  CHECK(has(svg, "base.lanes = 32, chip.clock = 1000 MHz</text>") +
            has(svg, "base.lanes = 32, chip.clock = 1000 MHz<") >=
        1);
  CHECK(is_readable(figure));
}

TEST_CASE("a tornado's bars are what the engine gives at the ends") {
  const auto specs_ = shipped();
  const auto all = study::sensitivity(specs_, "power");
  const auto figure = tornado_figure(specs_, "power", all, 5);
  const auto low = study::metric_value(tom_with("base.lanes", "8"), "power");
  CHECK(count(figure, "base.lanes = 8: " + value_text(low / study::unit_factor("W"))) == 1);
  CHECK(figure.hovers.size() <= 10);
  CHECK(has(figure.title, "power is " + value_text(study::metric_value(specs_, "power") /
                                                   study::unit_factor("W"))));
  CHECK(is_readable(figure));
  CHECK(has(failure([&] { tornado_figure(specs_, "power", {}, 5); }), "no value moves power"));
}

TEST_CASE("bands are the quantiles") {
  const auto specs_ = shipped();
  study::UncertaintyOptions options;
  options.samples = 200;
  const auto u = study::uncertainty(specs_, {"throughput", "area"}, options);
  const auto figure = uncertainty_figure(specs_, u);
  const auto& q = u.metrics[1].quantiles;
  const double mm2 = study::unit_factor("mm^2");
  CHECK(count(figure, fmt::format("90 % of the draws: {} to {} mm^2", value_text(q[0] / mm2),
                                  value_text(q[4] / mm2))) == 1);
  CHECK(count(figure, "with the specs' values: 55.42 mm^2") == 1);
  CHECK(figure.hovers.size() == 6);
  CHECK(is_readable(figure));
}

TEST_CASE("bars of designs have values and ratios to the first") {
  const std::vector<Design> designs{
      {"tom,bitnet-2b", shipped()},
      {"x/tom.toml,y/bitnet-2b.toml,base.lanes=32", tom_with("base.lanes", "32")}};
  const auto figure = compare_figure(designs, {"throughput", "area", "power"});
  CHECK(figure.hovers.size() == 6);
  CHECK(count(figure, "B: tom, bitnet-2b, base.lanes=32: ") == 3);
  const auto a = study::metric_value(designs[0].specs, "throughput");
  const auto b = study::metric_value(designs[1].specs, "throughput");
  CHECK(has(draw(figure), fmt::format("({:.3g} x)", b / a)));
  CHECK(has(figure.title, "of B and least"));
  // The density of no ROM is no number.
  const std::vector<Design> with_gpu{
      designs[0],
      {"a100,bitnet-2b",
       {spec::load_hardware(TOMESTIMATE_SPECS "/a100.toml"), designs[0].specs.model}}};
  const auto density = compare_figure(with_gpu, {"rom.density"});
  CHECK(density.hovers.size() == 1);
  CHECK(has(draw(density), ">none<"));
  CHECK(is_readable(figure));
}

TEST_CASE("a design's label stands where its letter would") {
  const std::vector<Design> designs{
      {"tom,bitnet-2b", shipped(), "base"},
      {"tom,bitnet-2b,base.lanes=32", tom_with("base.lanes", "32"), "wide & fast"},
      {"tom,bitnet-2b", shipped()}};
  const auto document = compare_document(designs);
  std::vector<std::string> headings;
  for (const auto& column : document.tables[0].columns) headings.push_back(column.name);
  CHECK(headings == std::vector<std::string>{"metric", "unit", "base", "wide & fast",
                                             "wide & fast/base", "C", "C/base"});
  const auto figure = compare_figure(designs, {"throughput", "area"});
  CHECK(count(figure, "wide & fast: tom, bitnet-2b, base.lanes=32: ") == 2);
  CHECK(has(figure.title, "of wide & fast and least"));
  const auto svg = draw(figure);
  CHECK(has(svg, ">wide &amp; fast<"));
  CHECK(has(svg, "in brackets: times base"));
  // The name is left of its bars, within the picture.
  const auto right_of = [](const Figure& f) { return f.hovers[0].left; };
  CHECK(right_of(figure) > 0.5 * 15 * 11);
  CHECK(right_of(compare_figure({designs[2]}, {"area"})) == Approx(50));
  CHECK(is_readable(figure));
  DesignCurve curve{"tom,bitnet-2b", study_of("columns = [\"throughput\"]", lanes), {}, "base"};
  curve.points = points_of(curve.study);
  CHECK(curves_document({curve}).tables[0].columns[1].name == "base");
  CHECK(has(curves_figure({curve}, {}).title, ": base "));
}

TEST_CASE("designs over an axis, beside the published figures of their specs") {
  const std::string contexts =
      "[[vary]]\npath = \"workload.context\"\nvalues = [64, 256, 512, 2048]\n";
  DesignCurve curve{"tom,bitnet-2b", study_of("columns = [\"throughput\"]", contexts), {}};
  curve.points = points_of(curve.study);
  const auto published = evidence::compare_published(TOMESTIMATE_SPECS "/published.toml");
  const auto figure = curves_figure({curve}, published);
  // The published one is told for the model's own context, 256.
  const auto mark = std::find_if(figure.hovers.begin(), figure.hovers.end(), [](const Hover& h) {
    return h.text == "tom.throughput: 3306 token/s";
  });
  REQUIRE(mark != figure.hovers.end());
  const auto at_256 = std::find_if(figure.hovers.begin(), figure.hovers.end(),
                                   [](const Hover& h) { return has(h.text, " at 256: 3386"); });
  REQUIRE(at_256 != figure.hovers.end());
  CHECK(mark->left + mark->width / 2 == Approx(at_256->left + at_256->width / 2));
  CHECK(count(figure, "roma.") == 0);
  CHECK(count(figure, "tom.flat") == 0);
  CHECK(is_readable(figure));
  const auto document = curves_document({curve, curve});
  REQUIRE(document.tables.size() == 1);
  CHECK(document.tables[0].rows.size() == 4);
  CHECK(std::get<double>(document.tables[0].rows[1][2]) == Approx(3385.928).epsilon(1e-6));
  CHECK(std::holds_alternative<std::monostate>(document.tables[0].rows[3][1]));  // does not fit
}

TEST_CASE("treemap: the paper's example, and areas that are the values") {
  // 6 6 4 3 2 2 1 in 6 x 4: the first two fill a column of 3 x 4.
  const auto tiles = treemap({6, 6, 4, 3, 2, 2, 1}, 6, 4);
  REQUIRE(tiles.size() == 7);
  CHECK(tiles[0].width == Approx(3));
  CHECK(tiles[0].height == Approx(2));
  CHECK(tiles[1].y == Approx(2));
  CHECK(tiles[2].x == Approx(3));
  const std::vector<double> values{0.3, 100, 7, 0, 7, 25};
  double sum = 0;
  for (const auto& t : treemap(values, 300, 200)) {
    CHECK(t.width * t.height == Approx(values[t.part] / 139.3 * 300 * 200));
    CHECK(t.x >= -1e-9);
    CHECK(t.y >= -1e-9);
    CHECK(t.x + t.width <= 300 + 1e-9);
    CHECK(t.y + t.height <= 200 + 1e-9);
    sum += t.width * t.height;
  }
  CHECK(sum == Approx(300 * 200));  // within the whole and as large: none overlaps
  CHECK(treemap({0, 0}, 3, 2).empty());
}

TEST_CASE("shares and waterfall add up to the metrics") {
  const auto s = shipped();
  const auto all = study::evaluate(s.hardware.values, s.model.values);
  const auto area = area_parts(all.base);
  CHECK(area.bars[0].total() ==
        Approx(study::metric_value(s, "area") / study::unit_factor("mm^2")).epsilon(1e-12));
  const auto power = power_bars(all);
  const double watt = study::unit_factor("W");
  CHECK(power.bars[0].total() == Approx(study::metric_value(s, "power") / watt).epsilon(1e-9));
  CHECK(power.bars[1].total() ==
        Approx(study::metric_value(s, "power_ungated") / watt).epsilon(1e-9));
  // In lockstep many tokens share the chip at a time.
  const auto many =
      study::Specs{spec::load_hardware(std::string(TOMESTIMATE_SPECS) + "/ankhdjet.toml"), s.model};
  const auto lockstep = power_bars(study::evaluate(many.hardware.values, many.model.values));
  CHECK(lockstep.bars[0].total() ==
        Approx(study::metric_value(many, "power") / watt).epsilon(1e-9));
  const auto steps = falls(power);
  const double fallen = std::accumulate(steps.begin(), steps.end(), 0.0,
                                        [](double sum, const Fall& f) { return sum + f.change; });
  CHECK(fallen == Approx(power.bars[0].total() - power.bars[1].total()));
  CHECK(steps[0].name == "ROM switching");
  const auto shares = shares_figure(area, power);
  CHECK(shares.hovers.size() == 8 + 6 - 1);  // no side units; of power six components
  CHECK(is_readable(shares));
  const auto fall = waterfall_figure(power, s.hardware.values.gating.mode);
  CHECK(count(fall, "ROM switching: −16.23 W") == 1);
  CHECK(is_readable(fall));
  auto open = tom_with("gating.mode", "none");
  const auto same = study::evaluate(open.hardware.values, open.model.values);
  CHECK(has(waterfall_figure(power_bars(same), spec::GatingMode::none).caption[0], "off"));
}

TEST_CASE("density over height is the metric at the design's height, and at others") {
  const auto s = shipped();
  const auto curve = height_curve(s.hardware, s.model.values, {});
  const double unit = study::unit_factor("MiB/mm^2");
  CHECK(curve.design.sparse == Approx(study::metric_value(s, "rom.density") / unit).epsilon(1e-12));
  const auto tall = tom_with("rom.bank_height", "4096");
  const auto at = std::find_if(curve.points.begin(), curve.points.end(),
                               [](const auto& p) { return std::abs(p.height - 4096) < 0.5; });
  REQUIRE(at != curve.points.end());
  CHECK(at->sparse == Approx(study::metric_value(tall, "rom.density") / unit).epsilon(1e-9));
  const auto macro = tom_with("rom.law", "macro");
  CHECK(curve.design.macro ==
        Approx(study::metric_value(macro, "rom.density") / unit).epsilon(1e-12));
  CHECK(is_readable(height_figure(curve)));
}

TEST_CASE("pictures of a design end where what they show ends") {
  const auto s = shipped();
  for (const auto& figure : design_figures(s.hardware, s.model, {})) CHECK(is_readable(figure));
  // Weights in DRAM: no picture of a ROM.
  const auto gpu = design_figures(spec::load_hardware(TOMESTIMATE_SPECS "/a100.toml"), s.model, {});
  CHECK(gpu.size() == 6);
  for (const auto& figure : gpu) CHECK(is_readable(figure));
}
