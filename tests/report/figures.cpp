// SPDX-License-Identifier: Apache-2.0
// What the figures show, worked out by hand from specs/tom.toml and specs/bitnet-2b.toml or taken
// from the engine; and captions that follow the numbers.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <tomestimate/report/figures.hpp>
#include <tomestimate/report/folder.hpp>

#include "catch.hpp"
#include "folder.hpp"

using namespace tomestimate;
using namespace tomestimate::report;

namespace {

const std::string specs = TOMESTIMATE_SPECS;

struct Pair {
  HardwareSpec hardware;
  ModelSpec model;

  explicit Pair(const std::string& hw = "tom", const std::string& m = "bitnet-2b")
      : hardware(spec::load_hardware(specs + "/" + hw + ".toml")),
        model(spec::load_model(specs + "/" + m + ".toml")) {}

  Pair& set(const std::string& path, const std::string& value) {
    spec::override_value(hardware, model, path, value, {"test", 1, 1});
    return *this;
  }
  const spec::Hardware<double>& hw() const { return hardware.values; }
  const spec::Model<double>& m() const { return model.values; }
  engine::Estimate<double> estimate() const { return engine::estimate(hw(), m()); }
};

Pair roma() { return Pair("roma", "llama-3.2-3b-int4"); }

// Three layers that differ in zeros; a model with 20 sequences that spill.
Pair three_layers() {
  Pair d;
  d.model.values.layers = 3;
  d.model.values.weights.zero_share = {0.25, 0.35, 0.5};
  return d;
}
Pair spilling() {
  auto d = three_layers();
  d.set("workload.batch", "20").set("sram.spill", "host").set("workload.context", "3000");
  return d;
}

const RooflinePoint& point(const Roofline& data, std::string_view name, Work work) {
  for (const auto& p : data.ops)
    if (p.name == name && p.work == work) return p;
  FAIL("no point " << name);
  return data.layer;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string caption(const Figure& figure) {
  std::string all;
  for (const auto& line : figure.caption) all += line + "\n";
  return all;
}

}  // namespace

TEST_CASE("roofline of TOM, by hand") {
  const Pair d;
  const auto data = roofline(d.hw(), d.m(), d.estimate().decode);
  // 2 op x 16 lanes x 32 rows x 32 weights x 500 MHz; half of it with 16 8-bit operands.
  CHECK(data.peak == Approx(16.384));
  CHECK(data.peak_8bit == Approx(8.192));
  // 16 lanes x 2048 bit x 500 MHz / 8; SRAM: 8 banks x 256 bit are 2048 bit too.
  CHECK(data.rom == Approx(2.048));
  CHECK(data.sram == Approx(2.048));
  // q: 2560 x 2560 weights of 2 bit are 1,638,400 B, 13,107,200 op, in 80 x 5 cycles + 10 of
  // latency.
  const auto& q = point(data, "q", Work::base);
  CHECK(q.intensity == Approx(8));
  CHECK(q.rate == Approx(13'107'200 / 410.0 * 500e6 / 1e12));
  CHECK(q.roof == Approx(16.384));
  // Its adapter: A 10 cycles of 2560 / (16 x 16) and 10 of latency, B 10 cycles at the SRAM port
  // (160 outputs x 16 B in the fullest lane at 256 B) and 6 + 4 + 2 + 1 of latency; 2 x 2 x 16 x
  // 2560 op.
  const auto& adapter = point(data, "q", Work::adapter);
  CHECK(adapter.intensity == Approx(2));
  CHECK(adapter.rate == Approx(163'840 / 43.0 * 500e6 / 1e12));
  CHECK(adapter.roof == Approx(2 * 2.048));
  // Scores: 256 positions x 20 heads x 128 MACs, rows of 5 heads x 128 B read once; 20 x 1 x 8
  // cycles.
  const auto& scores = point(data, "scores", Work::attention);
  CHECK(scores.intensity == Approx(8));
  CHECK(scores.rate == Approx(2 * 256 * 20 * 128 / 170.0 * 500e6 / 1e12));
  CHECK(data.ops.size() == 16);
}

TEST_CASE("no point is above its roof, and shares add up to the matrix work") {
  for (const auto& d : {Pair(), roma(), three_layers(), spilling(),
                        Pair().set("pe.width", "24").set("rom.read_width", "1000 bit/cycle")}) {
    const auto e = d.estimate();
    for (const auto* pass : {&e.decode, &e.prefill}) {
      const auto data = roofline(d.hw(), d.m(), *pass);
      double share = 0;
      for (const auto& p : data.ops) {
        CAPTURE(p.name, p.rate, p.roof);
        CHECK(p.rate <= p.roof * (1 + 1e-12));
        CHECK(p.rate > 0);
        share += p.share;
      }
      const auto& plan = pass->schedule;
      CHECK(share == Approx((plan.matrix / (plan.matrix + plan.vector)).value()));
      CHECK(data.layer.rate <= data.layer.roof * (1 + 1e-12));
    }
  }
}

TEST_CASE("no adapters, no points of them") {
  auto d = Pair().set("adapter.rank", "0");
  const auto data = roofline(d.hw(), d.m(), d.estimate().decode);
  CHECK(data.ops.size() == 9);
  CHECK(!has(caption(roofline_figure(d.hw(), d.m(), d.estimate())), "Adapters reach"));
}

TEST_CASE("a doubling is what the engine says of the changed spec") {
  const Pair d;
  const auto all = doublings(d.hw(), d.m(), {1, 1, 255});
  const auto gain = [&](const std::string& what) {
    for (const auto& one : all)
      if (one.what == what) return one.gain;
    FAIL("no doubling " << what);
    return 0.0;
  };
  const double before = d.estimate().tpot.value();
  const double rows =
      Pair().set("pe.rows", "64").set("rom.read_width", "4096 bit/cycle").estimate().tpot.value();
  CHECK(gain("pe.rows with rom.read_width") == Approx(before / rows - 1));
  CHECK(gain("rom.read_width") == 0);  // the PEs bind at the same point
  CHECK(gain("buffer.read_width") == 0);
  CHECK(gain("pe.width") < 0);  // 2560 inputs fill 16 x 64 worse than 16 x 32
  CHECK(std::is_sorted(all.begin(), all.end(),
                       [](const auto& a, const auto& b) { return a.gain > b.gain; }));
}

TEST_CASE("the roofline's caption says which side of the ridge decode is on") {
  const auto text = [](Pair d) { return caption(roofline_figure(d.hw(), d.m(), d.estimate())); };
  CHECK(has(text(Pair()), "just where the ROM's roof meets the PEs' peak (8 op/byte)"));
  CHECK(has(text(Pair()), "sram.port_width, rom.read_width, buffer.read_width.\n"));
  const auto narrow = text(Pair().set("rom.read_width", "1024 bit/cycle"));
  CHECK(has(narrow, "Decode: base projections do 8 op per byte of ROM, left of the ridge at 16"));
  CHECK(has(narrow, "Most of decode is bound by ROM read"));
  CHECK(has(narrow, "rom.read_width +"));
  CHECK(has(text(Pair().set("rom.read_width", "4096 bit/cycle")), "right of the ridge at 4 op"));
}

TEST_CASE("timeline adds up to the step, and its lanes to the engine's idle cycles") {
  for (const auto& d :
       {Pair(), roma(), three_layers(), spilling(), Pair().set("gating.wake_latency", "40 us"),
        Pair().set("mapping.lm_head", "rom").set("gating.domain", "matrix")}) {
    const auto e = d.estimate();
    const auto t = timeline(d.hw(), d.m(), e.decode);
    const double layers = static_cast<double>(t.layers);
    const double cycles =
        layers * t.layer + t.exposed_first + (layers - 1) * t.exposed + t.final_norm + t.head;
    CHECK(cycles * t.cycle_us + t.link_us == Approx(t.step_us));
    double active = 0, end = 0;
    for (const auto& op : t.ops) {
      active += op.active_lanes * op.busy[0];
      CHECK(op.active_lanes <= t.lanes);
      end =
          std::max(end, op.start + *std::max_element(op.busy.begin(), op.busy.end()) + op.latency);
    }
    CHECK(end == Approx(t.layer));
    const auto layer = engine::estimate_layer(d.hw(), d.m(), e.decode, 0);
    CHECK(t.lanes * (t.layer + t.exposed_first) - active == Approx(layer.lane_idle.value()));
  }
}

TEST_CASE("ops of a timeline do not overlap, unless token groups do") {
  const Pair d;
  const auto t = timeline(d.hw(), d.m(), d.estimate().decode);
  CHECK(!t.overlapped);
  double end = 0;
  for (const auto& op : t.ops) {
    CHECK(op.start == end);
    end += *std::max_element(op.busy.begin(), op.busy.end()) + op.latency;
  }
  CHECK(t.ops.front().name == "attn_norm");
  CHECK(t.ops[1].start == 40);  // 4 passes over 2560 elements, 256 a cycle
  const auto s = spilling();
  const auto busy = timeline(s.hw(), s.m(), s.estimate().decode);
  CHECK(busy.overlapped);  // 20 sequences are 3 groups of 8
  CHECK(has(caption(timeline_figure(busy)), "Token groups overlap"));
  CHECK(!has(caption(timeline_figure(t)), "Token groups overlap"));
}

TEST_CASE("the timeline's caption counts wakes") {
  const auto text = [](Pair d) {
    return caption(timeline_figure(timeline(d.hw(), d.m(), d.estimate().decode)));
  };
  CHECK(has(text(Pair()), "(10 cycles in layer 0, 0 in each other)"));
  CHECK(has(text(Pair().set("gating.enabled", "false")), "no exposed wakes"));
  CHECK(!has(text(Pair()), "drawn together"));
  CHECK(has(text(Pair().set("gating.domain", "matrix").set("gating.prewake", "false")),
            "drawn together at the layer's start"));
  // 40 us are 20,000 cycles; a layer hides its own 5,330.
  CHECK(has(text(Pair().set("gating.wake_latency", "40 us")),
            "(20000 cycles in layer 0, 14670 in each other)"));
}

TEST_CASE("area bars: the design's own is the engine's area, the others change the ROM alone") {
  const Pair tom;
  const auto e = tom.estimate();
  const auto bars = area_bars(tom.hw(), e);
  REQUIRE(bars.bars.size() == 4);
  CHECK(bars.bars[0].total() == Approx(e.area.total().value() * 1e6));
  // 521,011,200 B x 8 bit: x 0.0238095 um^2, x 0.009 / 0.424, x 0.027 / 0.637
  CHECK(bars.bars[1].parts[0] == Approx(521.0112 * 8 * 0.0238095));
  CHECK(bars.bars[2].parts[0] == Approx(521.0112 * 8 * 0.009 / 0.424));
  CHECK(bars.bars[3].parts[0] == Approx(521.0112 * 8 * 0.027 / 0.637));
  for (const auto& bar : bars.bars)
    for (std::size_t i = 1; i < bar.parts.size(); ++i) CHECK(bar.parts[i] == bars.bars[0].parts[i]);
  const auto r = roma();
  CHECK(area_bars(r.hw(), r.estimate()).bars[2].total() ==
        Approx(r.estimate().area.total().value() * 1e6));
}

TEST_CASE("the area's caption follows the ROM's law and its zero bits") {
  const auto text = [](Pair d) {
    return caption(area_figure(area_bars(d.hw(), d.estimate()), d.hw().rom.law));
  };
  CHECK(has(text(Pair()), "a compiled macro would take 2.55 times"));
  CHECK(has(text(Pair()), "zero bits save 65 %"));
  CHECK(has(text(Pair()), "would lose to a macro"));
  CHECK(has(text(Pair().set("rom.area_per_one_bit", "0.02 um^2/bit")), "still beat a macro"));
  CHECK(has(text(roma()), "stores base weights in a compiled macro"));
}

TEST_CASE("energy bars add up to the engine's energy, small parts in one") {
  const Pair d;
  const auto all = study::evaluate(d.hw(), d.m());
  const auto bars = energy_bars(all);
  CHECK(bars.bars[0].total() == Approx(total(all.base.decode.energy).value() * 1e6));
  CHECK(bars.bars[1].total() == Approx(total(all.ungated.decode.energy).value() * 1e6));
  CHECK(bars.parts.front() == "ROM read");
  CHECK(bars.parts.back() == "others");
  CHECK(bars.parts.size() == 8);
  // tree, broadcast, wake, SRAM leakage, vector, host link
  CHECK(bars.bars[0].parts.back() ==
        Approx(0.343656 + 2.148864 + 0.1736702263296 + 10.28928 + 4.37424 + 0.2048));
  const auto text = [](Pair x) {
    return caption(
        energy_figure(energy_bars(study::evaluate(x.hw(), x.m())), x.hw().gating.enabled));
  };
  CHECK(has(text(d), "Gating takes a step from 8308 to 1710 µJ, 79 % less"));
  CHECK(has(text(Pair().set("gating.enabled", "false")), "Power gating is off in this spec"));
  CHECK(has(text(Pair().set("gating.rush", "1 mJ/mm^2")), "MORE"));
  CHECK(has(text(Pair().set("weights.zero_share", "1")), "about the same"));
}

TEST_CASE(
    "context curve is the engine's, ends where the SRAM does, and goes on where KV may spill") {
  const Pair d;
  const auto curve = context_curve(d.hw(), d.m());
  CHECK(curve.largest == 464);
  CHECK(curve.points.front().context == 1);
  CHECK(curve.points.back().context == 464);
  CHECK(curve.present.throughput == Approx(d.estimate().throughput.value()));
  auto last = Pair().set("workload.context", "464");
  CHECK(curve.points.back().throughput == Approx(last.estimate().throughput.value()));
  CHECK(has(caption(context_figure(curve)), "From context 1 to 464"));
  CHECK(has(caption(context_figure(curve)), "capacity ends the context, not speed"));

  const auto s = spilling();
  const auto spilled = context_curve(s.hw(), s.m());
  CHECK(spilled.spills);
  CHECK(spilled.points.back().context == 6000);
  CHECK(std::any_of(spilled.points.begin(), spilled.points.end(),
                    [&](const auto& p) { return p.context == spilled.largest; }));
  CHECK(std::is_sorted(spilled.points.begin(), spilled.points.end(),
                       [](const auto& a, const auto& b) { return a.context < b.context; }));
  CHECK(has(caption(context_figure(spilled)), "Beyond, KV spills to the host link"));
  CHECK(curve.points.size() < 500);
}

TEST_CASE("density: the law, its alternatives, and published points with what they prove") {
  const Pair d;
  const auto published = evidence::compare_published(specs + "/published.toml");
  const auto curve = density_curve(d.hardware, d.m(), published);
  CHECK(curve.design.zero_bit_ratio == Approx(0.65));
  CHECK(curve.design.density == Approx(15).epsilon(1e-5));
  CHECK(curve.sparse.at(65).density == Approx(curve.design.density));
  CHECK(curve.macro == Approx(0.424 / 0.009 / 8));
  CHECK(curve.sram == Approx(0.637 / 0.027 / 8));
  REQUIRE(curve.published.size() == 1);
  CHECK(curve.published[0].name == "tom.rom-density");
  CHECK(curve.published[0].zero_bit_ratio == Approx(0.65));
  CHECK(curve.published[0].density == Approx(15));
  CHECK(curve.published[0].calibrated);
  CHECK(curve.layers.empty());
  const auto text = caption(density_figure(curve));
  CHECK(has(text, "calibrated to: it lies on the curve by construction and proves nothing"));
  // Dense as a macro where 1 - z = (0.009 / 0.424) / 0.0238095 = 0.8915.
  CHECK(has(text, "beats a compiled ROM from 10.8 % zero bits and SRAM at any ratio"));

  const auto r = roma();
  const auto macro = density_curve(r.hardware, r.m(), published);
  CHECK(macro.design.density == Approx(macro.macro));
  CHECK(!macro.published.at(0).calibrated);
  CHECK(has(caption(density_figure(macro)), "was not used for this curve"));
  CHECK(has(caption(density_figure(macro)), "A macro gains nothing from zero bits"));

  const auto three = three_layers();
  const auto layers = density_curve(three.hardware, three.m(), {});
  CHECK(layers.layers.size() == 3);
  CHECK(
      has(caption(density_figure(layers)), "from 62.5 % (layer 0) to 75.0 % zero bits (layer 2)"));
}

TEST_CASE("pictures are the same bytes each time, say what they show, and share no id") {
  const auto d = spilling();
  std::set<std::string> titles;
  for (const auto& figure : design_figures(d.hardware, d.model, {})) {
    const auto svg = draw(figure);
    CHECK(svg == draw(figure));
    CHECK(!has(svg, "GNUPLOT"));
    CHECK(has(svg, "<title id=\"" + figure.id + "-title\">"));
    for (auto at = svg.find(" id="); at != std::string::npos; at = svg.find(" id=", at + 1))
      CHECK(svg.compare(at + 5, figure.id.size() + 1, figure.id + "-") == 0);
    CHECK(!has(svg, "url(#gp"));
    CHECK(!has(svg, "href='#gp"));
    CHECK(!has(svg, "<pattern"));
    CHECK(!has(svg, "<title>gnuplot_plot"));  // as a tooltip it says nothing
    titles.insert(figure.title);
  }
  CHECK(titles.size() == 6);
}

TEST_CASE("a pointer on a figure is told values, and hatching is lines within its box") {
  const Pair d;
  for (const auto& figure : design_figures(d.hardware, d.model, {})) {
    CAPTURE(figure.id);
    CHECK(!figure.hovers.empty());
    const auto svg = draw(figure);
    for (const auto& h : figure.hovers) {
      CHECK(h.width > 0);
      CHECK(h.height > 0);
    }
    if (figure.id != "area") continue;
    CHECK(has(svg, "<title>ROM: 34.73 mm²"));
    // SRAM is hatched in black. Its box in the first bar is the second hover, PE's the third.
    const auto& sram = figure.hovers.at(1);
    const auto at = svg.find("stroke='rgb(0,0,0)' d='M");
    REQUIRE(at != std::string::npos);
    const auto start = at + std::string("stroke='rgb(0,0,0)' d='").size();
    std::istringstream path(svg.substr(start, svg.find('\'', start) - start));
    std::size_t points = 0;
    char letter = 0, comma = 0;
    for (double x = 0, y = 0; path >> letter >> x >> comma >> y; ++points) {
      CHECK(x >= sram.left - 1);
      CHECK(x <= sram.left + sram.width + 1);
      CHECK(y >= sram.top - 1);
      CHECK(y <= sram.top + sram.height + 1);
    }
    CHECK(points > 10);
  }
}

TEST_CASE("text of a figure is text, whatever it holds") {
  const Folder folder;
  const Pair d;
  auto curve = density_curve(d.hardware, d.m(), {});
  const auto file = folder.file("touched");
  curve.published.push_back({"a'b`touch " + file + "` <&>\n@x {/Symbol b}\"", 0.5, 10, false});
  const auto svg = draw(density_figure(curve));
  CHECK(has(svg, "a'b`touch"));
  CHECK(has(svg, "&lt;&amp;>"));
  CHECK(folder.files() == 0);
}

TEST_CASE("an empty script is an error, not an empty picture") {
  CHECK_THROWS_AS(draw({"x", "X", "x", {"x"}, "", {}}), std::runtime_error);
  CHECK_THROWS_AS(draw({"x", "X", "x", {"x"}, "set terminal svg\nplot nonsense\n", {}}),
                  std::runtime_error);
}

TEST_CASE("the page is well-formed, stands alone, and has what the document has") {
  const Folder folder;
  auto d = three_layers();
  d.model.name = "<b> & \"co\"";
  const auto files = design_report(d.hardware, d.model, {}, "test <made> & so");
  for (const auto& [name, text] : files) {
    if (!name.ends_with(".svg") && !name.ends_with(".html")) continue;
    const auto path = folder.file(std::filesystem::path(name).filename().string());
    std::ofstream(path) << text;
    CAPTURE(name);
    CHECK(std::system(("xmllint --noout --nonet " + path).c_str()) == 0);
  }
  const auto& html = files.at("report.html");
  std::set<std::string> ids;
  for (auto at = html.find(" id="); at != std::string::npos; at = html.find(" id=", at + 1)) {
    const auto end = html.find(html[at + 4], at + 5);
    CHECK(ids.insert(html.substr(at + 5, end - at - 5)).second);
  }
  // Every link goes to a place on the page; nothing is loaded or run.
  for (auto at = html.find("href="); at != std::string::npos; at = html.find("href=", at + 1)) {
    REQUIRE(html[at + 6] == '#');
    const auto end = html.find(html[at + 5], at + 7);
    CHECK(ids.contains(html.substr(at + 7, end - at - 7)));
  }
  for (const std::string bad : {"<script", "<link", "<img", "src=", "@import", "url(http", "url('"})
    CHECK(!has(html, bad));
  CHECK(has(html, "&lt;b&gt; &amp; &quot;co&quot;"));
  CHECK(!has(html, "<b> &"));
  const auto document = estimate_document(d.hardware, d.model);
  for (const auto& table : document.tables) {
    CHECK(has(html, "id=\"table-" + table.id + "\""));
    CHECK(files.contains("tables/" + table.id + ".csv"));
  }
  for (const std::string id : {"roofline", "timeline", "area", "density", "energy", "context"}) {
    CHECK(ids.contains("figure-" + id));
    CHECK(has(files.at("report.md"), "](figures/" + id + ".svg)"));
    CHECK(files.contains("figures/" + id + ".svg"));
  }
  CHECK(html.find("CAUTION:") < html.find("<nav"));
}
