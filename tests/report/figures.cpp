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
#include <tomestimate/study/evaluation.hpp>

#include "catch.hpp"
#include "folder.hpp"
#include "text.hpp"

using namespace tomestimate;
using namespace tomestimate::report;

namespace {

struct Pair {
  HardwareSpec hardware;
  ModelSpec model;

  explicit Pair(const std::string& hw = "tom", const std::string& m = "bitnet-2b")
      : hardware(spec::load_hardware(TOMESTIMATE_SPECS "/" + hw + ".toml")),
        model(spec::load_model(TOMESTIMATE_SPECS "/" + m + ".toml")) {}

  Pair& set(const std::string& path, const std::string& value) {
    spec::override_value(hardware, model, path, value, {"test", 1, 1});
    return *this;
  }
  const spec::Hardware<double>& hw() const { return hardware.values; }
  const spec::Model<double>& m() const { return model.values; }
  Timeline decode() const { return timeline(hardware, m(), estimate().decode); }
  engine::Estimate<double> estimate() const { return engine::estimate(hw(), m()); }
};

Pair roma() { return Pair("roma", "llama-3.2-3b-int4"); }

// Three layers that differ in zeros; a model with 20 sequences that spill.
Pair three_layers() {
  return Pair().set("model.layers", "3").set("weights.zero_share", "[0.25, 0.35, 0.5]");
}
Pair spilling() {
  auto d = three_layers();
  d.set("workload.batch", "20").set("sram.spill", "host").set("workload.context", "3000");
  return d.set("workspace.capacity", "32 MiB");
}

const RooflinePoint& point(const Roofline& data, std::string_view name, Work work) {
  for (const auto& p : data.ops)
    if (p.name == name && p.work == work) return p;
  FAIL("no point " << name);
  return data.layer;
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
  // 2 op x 160 units x 128 weights x 500 MHz; adapters and attention are as wide.
  CHECK(data.peak == Approx(20.48));
  CHECK(data.peak_adapter == Approx(20.48));
  CHECK(data.peak_attention == Approx(20.48));
  // 160 units x 256 bit x 500 MHz / 8, of ROM and of SRAM.
  CHECK(data.weights == Approx(2.56));
  CHECK(data.sram == Approx(2.56));
  // q: 2560 x 2560 weights of 2 bit are 1,638,400 B, 13,107,200 op. 160 rows a lane x 2 words a
  // unit are 320 cycles, and 6 + 4 of latency.
  const auto& q = point(data, "q", Work::base);
  CHECK(q.intensity == Approx(8));
  CHECK(q.rate == Approx(13'107'200 / 330.0 * 500e6 / 1e12));
  CHECK(q.roof == Approx(20.48));
  // Its adapter: A 2 cycles (a row a lane, 2 words) and 10 of latency; B 20 cycles of the tree
  // (2560 over 16 lanes x 8) and 6 + 8 + 2 + 1 of latency; 2 x 2 x 16 x 2560 op on weights of 2
  // bit.
  const auto& adapter = point(data, "q", Work::adapter);
  CHECK(adapter.intensity == Approx(8));
  CHECK(adapter.rate == Approx(163'840 / 49.0 * 500e6 / 1e12));
  CHECK(adapter.roof == Approx(20.48));
  // Scores: 256 positions x 20 heads x 128 MACs. Two units read each of the 5 rows of 128 B. The
  // port takes 16 positions x 4 cycles, and 6 + 4 are latency.
  const auto& scores = point(data, "scores", Work::attention);
  CHECK(scores.intensity == Approx(4));
  CHECK(scores.rate == Approx(2 * 256 * 20 * 128 / 74.0 * 500e6 / 1e12));
  CHECK(scores.roof == Approx(4 * 2.56));
  CHECK(data.ops.size() == 16);
}

TEST_CASE("no point is above its roof, and shares add up to the matrix work") {
  for (const auto& d : {Pair(), roma(), three_layers(), spilling(),
                        Pair().set("base.width", "24").set("rom.read_width", "100 bit/cycle")}) {
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
      const auto& load = pass->layer.load;
      double work = 0;  // of ops that multiply
      for (std::size_t i = 0; i < pass->layer.ops.size(); ++i)
        if (spec::info(static_cast<spec::Op>(i)).kind != spec::OpKind::vector)
          work += total_cycles(pass->layer.ops[i]).value();
      CHECK(share == Approx(work / (load[0] + load[1] + load[2]).value()));
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
  const double before = d.estimate().chip.tpot.value();
  const auto engines = [&](Pair changed) {
    return Approx(before / changed.estimate().chip.tpot.value() - 1);
  };
  CHECK(gain("base.lanes") == engines(Pair().set("base.lanes", "32")));
  CHECK(gain("base widths with rom.read_width and base.buffer_width") ==
        engines(Pair()
                    .set("base.width", "256")
                    .set("base.width_adapter", "256")
                    .set("base.width_attention", "256")
                    .set("rom.read_width", "512 bit/cycle")
                    .set("base.buffer_width", "2048 bit/cycle")));
  CHECK(gain("base widths") < 0.01);  // the ROM's port binds at the same point
  CHECK(gain("base.lanes") > 0.5);
  CHECK(std::is_sorted(all.begin(), all.end(),
                       [](const auto& a, const auto& b) { return a.gain > b.gain; }));
}

TEST_CASE("the roofline's caption says which side of the ridge decode is on") {
  const auto text = [](Pair d) { return caption(roofline_figure(d.hw(), d.m(), d.estimate())); };
  CHECK(has(text(Pair()), "just where the weight memory's roof meets the units' peak (8 op/byte)"));
  CHECK(has(text(Pair()), "Decode speed, if doubled: base.lanes +"));
  const auto narrow = text(Pair().set("rom.read_width", "128 bit/cycle"));
  CHECK(
      has(narrow, "Decode: base projections do 8 op per byte of weights, left of the ridge at 16"));
  CHECK(has(narrow, "Most of decode is bound by weight memory"));
  CHECK(has(text(Pair().set("rom.read_width", "512 bit/cycle")), "right of the ridge at 4 op"));
}

TEST_CASE("timeline adds up to the step, and its rows to the engine's loads") {
  for (const auto& d :
       {Pair(), roma(), three_layers(), spilling(), Pair().set("gating.wake_latency", "40 us"),
        Pair().set("map.head", "rom").set("gating.domain", "matrix")}) {
    const auto t = d.decode();
    const double layers = static_cast<double>(t.layers);
    const double cycles =
        layers * t.layer + t.exposed_first + (layers - 1) * t.exposed + t.final_norm + t.head;
    CHECK(cycles * t.cycle_us == Approx(t.step_us));
    std::vector<double> load(t.classes.size());
    for (const auto& op : t.ops) {
      load[op.row] += op.busy + op.latency;
      CHECK(op.active <= 1 + 1e-12);
    }
    for (std::size_t c = 0; c < load.size(); ++c) CHECK(load[c] == Approx(t.loads[c]));
  }
}

TEST_CASE("ops of a class do not overlap; token groups do") {
  for (const auto& d : {Pair(), roma()}) {
    const auto t = d.decode();
    std::vector<double> end(t.classes.size());
    for (const auto& op : t.ops) {
      CHECK(op.start >= end[op.row]);
      end[op.row] = op.start + op.busy + op.latency;
    }
    CHECK(*std::max_element(end.begin(), end.end()) == t.layer);
  }
  const auto t = Pair().decode();
  CHECK(t.classes == std::vector<std::string>{"MVU", "vector unit"});
  CHECK(t.ops.front().name == "attn_norm");
  CHECK(t.ops[1].start == 84);  // 4 passes over 2560 elements, 128 a cycle, and 4 to fill
  CHECK(roma().decode().classes == std::vector<std::string>{"L-Unit", "H-Unit", "vector unit"});
  // Of 20 tokens in flight the busiest class is never idle but for one path through the layer.
  const auto busy = spilling().decode();
  const double most = *std::max_element(busy.loads.begin(), busy.loads.end());
  CHECK(busy.layer >= most);
  CHECK(busy.layer < busy.loads[0] + busy.loads[1]);
}

TEST_CASE("the timeline's caption counts wakes") {
  const auto text = [](Pair d) { return caption(timeline_figure(d.decode())); };
  CHECK(has(text(Pair()), ", 0.02 µs of exposed wakes"));
  CHECK(has(text(Pair().set("gating.mode", "none")), "no exposed wakes"));
  CHECK(!has(text(Pair()), "drawn together"));
  CHECK(has(text(Pair().set("gating.domain", "matrix").set("gating.prewake", "false")),
            "drawn together at the layer's start"));
  // 40 us are 20,000 cycles, 40 us in layer 0; a layer hides its own 4,922 cycles, 9.844 us, of the
  // 29 others.
  CHECK(has(text(Pair().set("gating.wake_latency", "40 us")), ", 914.5 µs of exposed wakes"));
}

TEST_CASE("area bars: the design's own is the engine's area, the others change the ROM alone") {
  const Pair tom;
  const auto e = tom.estimate();
  const auto bars = area_bars(tom.hw(), e);
  REQUIRE(bars.bars.size() == 4);
  CHECK(bars.bars[0].total() == Approx(e.common.area.total().value() * 1e6));
  // 521,011,200 B x 8 bit. Half of the bits 1: entropy 1, and a height of 1,024 ten doublings.
  const double megabits = 521.0112 * 8;
  const auto um2 = [](auto per_bit) { return per_bit.value() * 1e12; };
  const auto& t = tom.hw().tech;
  CHECK(bars.bars[1].parts[0] ==
        Approx(megabits * (um2(t.rom_area) + 10 * um2(t.rom_area_height) + um2(t.rom_area_bit)) /
               0.8));
  CHECK(bars.bars[2].parts[0] == Approx(megabits * 0.009 / 0.424));
  CHECK(bars.bars[3].parts[0] == Approx(megabits * um2(t.sram_cell) / t.sram_efficiency[2]));
  for (const auto& bar : bars.bars)
    for (std::size_t i = 1; i < bar.parts.size(); ++i) CHECK(bar.parts[i] == bars.bars[0].parts[i]);
  // ROMA's macro takes 0.6 of a compiled ROM.
  const auto r = roma();
  CHECK(area_bars(r.hw(), r.estimate()).bars[2].total() ==
        Approx(r.estimate().common.area.total().value() * 1e6));
}

TEST_CASE("the area's caption follows the ROM's law and its zero bits") {
  const auto text = [](Pair d) {
    return caption(area_figure(area_bars(d.hw(), d.estimate()), d.hw().rom.law));
  };
  CHECK(has(text(Pair()), "a compiled ROM would take 2.6"));
  CHECK(has(text(Pair()), "the chip takes 55.42"));
  CHECK(has(text(Pair()), "would still beat a compiled ROM"));
  CHECK(has(text(Pair().set("tech.rom_area", "0.1 um^2/bit")), "would lose to a compiled ROM"));
  CHECK(has(text(roma()), "stores base weights in a compiled macro"));
}

TEST_CASE("energy bars add up to the engine's energy, small parts in one") {
  const Pair d;
  const auto all = study::evaluate(d.hw(), d.m());
  const auto bars = energy_bars(all);
  CHECK(bars.bars[0].total() == Approx(total(all.base.decode.energy).value() * 1e6));
  CHECK(bars.bars[1].total() == Approx(total(all.ungated.decode.energy).value() * 1e6));
  CHECK(bars.parts.front() == "ROM switching");
  CHECK(bars.parts.back() == "others");
  for (std::size_t i = 0; i + 1 < bars.parts.size(); ++i) {
    CAPTURE(bars.parts[i]);
    CHECK((bars.bars[0].parts[i] >= 0.02 * bars.bars[0].total() ||
           bars.bars[1].parts[i] >= 0.02 * bars.bars[1].total()));
  }
  const auto text = [](Pair x) {
    return caption(energy_figure(energy_bars(study::evaluate(x.hw(), x.m())), x.hw().gating.mode));
  };
  CHECK(has(text(d), "Gating takes a step from 5436 to 637 µJ, 88 % less"));
  CHECK(has(text(Pair().set("gating.mode", "none")), "Power gating is off in this spec"));
  CHECK(has(text(Pair().set("tech.wake_energy", "1000000 nJ/mm^2")), "MORE"));
}

TEST_CASE(
    "context curve is the engine's, ends where the SRAM does, and goes on where KV may spill") {
  const Pair d;
  const auto curve = context_curve(d.hw(), d.m());
  // 39,321,600 B less 5,406,720 B of adapters, 38,400 B a position, in steps of 16.
  CHECK(curve.largest == 880);
  CHECK(curve.points.front().context == 1);
  CHECK(curve.points.back().context == 880);
  CHECK(curve.present.throughput == Approx(d.estimate().chip.throughput.value()));
  auto last = Pair().set("workload.context", "880");
  CHECK(curve.points.back().throughput == Approx(last.estimate().chip.throughput.value()));
  CHECK(has(caption(context_figure(curve)), "From context 1 to 880"));
  CHECK(has(caption(context_figure(curve)), "capacity ends the context, not speed"));

  const auto s = spilling();
  const auto spilled = context_curve(s.hw(), s.m());
  CHECK(spilled.spills);
  CHECK(spilled.points.back().context == 6000);
  CHECK(std::any_of(spilled.points.begin(), spilled.points.end(),
                    [&](const auto& p) { return p.context == spilled.largest; }));
  CHECK(std::is_sorted(spilled.points.begin(), spilled.points.end(),
                       [](const auto& a, const auto& b) { return a.context < b.context; }));
  CHECK(has(caption(context_figure(spilled)), "Beyond, KV spills off the chip"));
  CHECK(curve.points.size() < 500);
}

TEST_CASE("density: the law, its alternatives, and published points with what they prove") {
  const Pair d;
  evidence::Comparison density, ratio;
  density.id = "tom.rom-density";
  density.metric = "rom.density";
  density.unit = "MiB/mm^2";
  density.published = 15;
  ratio.id = "tom.zero-bits";
  ratio.metric = "rom.zero_bit_ratio";
  ratio.unit = "%";
  ratio.published = 70;
  for (auto* c : {&density, &ratio}) {
    c->hardware = "tom";
    c->model = "bitnet-2b";
  }
  const std::vector published{density, ratio};
  const auto curve = density_curve(d.hardware, d.m(), published);
  const auto stored = d.estimate().rom.stored;
  CHECK(curve.design.zero_bit_ratio == Approx(1 - (stored.ones / stored.all).value()));
  // The same law, that far along the curve.
  CHECK(curve.design.density < curve.sparse.at(72).density);
  CHECK(curve.design.density > curve.sparse.at(71).density);
  CHECK(curve.macro == Approx(0.424 / 0.009 * 1e6 / (8 << 20)));
  CHECK(curve.sram == Approx(d.hw().tech.sram_efficiency[2] /
                             (d.hw().tech.sram_cell.value() * 1e12) * 1e6 / (8 << 20)));
  REQUIRE(curve.published.size() == 1);
  CHECK(curve.published[0].name == "tom.rom-density");
  CHECK(curve.published[0].zero_bit_ratio == Approx(0.7));
  CHECK(curve.published[0].density == Approx(15));
  CHECK(!curve.published[0].calibrated);
  CHECK(curve.layers.size() == 30);
  CHECK(has(caption(density_figure(curve)), "was not used for this curve"));
  // A law that was fitted to the figure proves nothing by meeting it.
  auto fitted = d;
  fitted.hardware.sourced[0].fits = {"tom.rom-density"};
  CHECK(has(caption(density_figure(density_curve(fitted.hardware, d.m(), published))),
            "was used to fit the curve and proves nothing"));
  // Half of the bits 1 is the worst of the curve. With a tenth more of area than a compiled ROM
  // there, logic wins only further on; 0 % zero bits, as dense as 100 %, do not count.
  CHECK(has(caption(density_figure(curve)), "beats a compiled ROM at any ratio"));
  const auto dear = Pair().set("tech.rom_area", "0.05 um^2/bit");
  CHECK(has(caption(density_figure(density_curve(dear.hardware, dear.m(), {}))),
            "beats a compiled ROM from "));

  const auto r = roma();
  const auto macro = density_curve(r.hardware, r.m(), published);
  CHECK(macro.design.density == Approx(macro.macro / 0.6));
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
  CHECK(titles.size() == 9);
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
    CHECK(has(svg, "<title>ROM: 34.03 mm²"));
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
  auto d = spilling();
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
  for (const std::string id : {"roofline", "timeline", "shares", "area", "density", "height",
                               "energy", "waterfall", "context"}) {
    CHECK(ids.contains("figure-" + id));
    CHECK(has(files.at("report.md"), "](figures/" + id + ".svg)"));
    CHECK(files.contains("figures/" + id + ".svg"));
  }
  CHECK(html.find("SPILL:") < html.find("<nav"));
}
