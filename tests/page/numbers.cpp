// SPDX-License-Identifier: Apache-2.0
// Every number that a live page shows must be what the engine says of that design. Without chromium
// and chromium-driver these tests say SKIPPED.
#include <tomestimate/page/live.hpp>
#include <tomestimate/study/sensitivity.hpp>

#include <array>
#include <cmath>

#include "session.hpp"

TEST_CASE("the page's numbers are the engine's, whatever is typed or chosen") {
  const auto roma = shipped("roma.toml", "llama-3.2-3b-int4.toml");
  const std::vector<Session> sessions{
      {tom(), {}, {}},
      {tom(),
       {{"chip.clock", "612.5"}, {"tech.rom_toggle", "1.371"}, {"workload.context", "333"}},
       {}},
      {tom(), {{"chip.temperature", "61.5"}, {"adapter.rank", "5"}}, {{"map.head", "rom"}}},
      {tom(), {{"workload.prompt", "97"}}, {{"model.layers", "31"}}},
      {roma, {{"chip.clock", "433"}}, {{"sram.spill", "host"}}},
  };
  const auto results = shown(sessions);
  if (!results) return;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    INFO(i);
    check_equal((*results)[i], changed(sessions[i]));
    CHECK((*results)[i]["state"] == "");
  }
}

TEST_CASE("a page says what makes numbers no design, and its address brings a design back") {
  Json address{
      {"hash", "chip.clock=600&gating.mode=isolation!pin:fast%20one:chip.clock=900!ref:fast%20one"},
      {"script",
       "return {toml: document.getElementById('toml').value, "
       "pins: window.live.pins.map(p => p.name), before: window.live.before.get('throughput')}"}};
  const auto results =
      shown({{tom(), {{"workload.context", "4000"}}, {}, Json::object()},
             {tom(), {{"chip.clock", "90000"}}, {}, Json::object()},
             {tom(), {{"base.rows", "3.5"}}, {}, Json::object()},
             {tom(), {}, {}, address},
             {tom(), {}, {}, {{"hash", "%E0%A4%A&chip.clock=__proto__!pin!sweep:x"}}}});
  if (!results) return;
  const auto state = [&](std::size_t i) { return (*results)[i]["state"].get<std::string>(); };
  CHECK(state(0).find("NO DESIGN: does not fit the SRAM") == 0);
  CHECK(state(1).find("chip.clock is out of 1 to 20,000 MHz") != std::string::npos);
  CHECK(state(2).find("base.rows takes whole numbers") != std::string::npos);
  const auto& back = (*results)[3];
  check_equal(back, changed({tom(), {{"chip.clock", "600"}}, {{"gating.mode", "isolation"}}}));
  CHECK(back["script"]["pins"] == Json::array({"fast one"}));
  const auto fast = study::Equations(changed({tom(), {{"chip.clock", "900"}}, {}}));
  CHECK(back["script"]["before"].get<double>() == Approx(fast.look_up("throughput")->value));
  const auto toml = back["script"]["toml"].get<std::string>();
  CHECK(toml.find("clock = { value = \"600 MHz\", grade = \"assumption\"") != std::string::npos);
  CHECK(toml.find("[gating]\nmode = { value = \"isolation\",") != std::string::npos);
  CHECK(toml.find("--set 'chip.clock=600 MHz' --set 'gating.mode=isolation'") != std::string::npos);
  check_equal((*results)[4], tom());  // nonsense is left out
}

// What a figure shows must be there by the names that it looks for: sums of parts are the metrics,
// ops take what binds them and their latency, and bytes pass the memories they come from.
TEST_CASE("figures add up to the metrics, and none of them says NaN") {
  const std::string look = R"(
const {live} = window, {model, now} = live, sum = list => list.reduce((s, p) => s + p.value, 0);
for (const f of live.figures) {
  for (const option of f.select ? [...f.select.options] : [null]) {
    if (option) f.select.value = option.value;
    live.draw(f);
  }
}
const ops = opsOf(model, now, 'decode');
return {
  area: [sum(areasOf(model, now)), now.get('area')],
  power: [sum(powerOf(model, now, 'decode')), now.get('power')],
  ungated: [sum(powerOf(model, now, 'ungated')), now.get('power_ungated')],
  cycles: [ops.reduce((s, o) => s + o.most + now.get(`decode.${o.op}.latency_cycles`), 0), ops.reduce((s, o) => s + o.cycles, 0)],
  roofs: [...rooflineOf(model, now).ports.keys()].sort(),
  drawn: live.figures.filter(f => !f.node.classList.contains('empty')).map(f => f.figure.id),
  text: document.getElementById('figures').textContent,
  words: document.querySelectorAll('#glossary dt').length,
  spoken: document.querySelector('#figure-power-shares svg').getAttribute('aria-label'),
})";
  const Json script{{"script", look}};
  const std::vector<Session> sessions{
      {tom(), {}, {}, script},
      {tom(), {}, {{"gating.mode", "none"}}, script},
      {shipped("roma.toml", "llama-3.2-3b-int4.toml"), {}, {}, script},
      {shipped("ankhdjet.toml", "bitnet-2b.toml"), {}, {}, script},
      {shipped("a100.toml", "bitnet-2b.toml"), {}, {}, script}};
  const auto results = shown(sessions);
  if (!results) return;
  const std::vector<std::vector<std::string>> roofs{
      {"ROM", "SRAM"}, {"ROM", "SRAM"}, {"ROM", "SRAM"}, {"ROM", "SRAM"}, {"DRAM", "SRAM"}};
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    INFO(i);
    const auto& r = (*results)[i];
    const auto& found = r["script"];
    for (const auto* pair : {"area", "power", "ungated", "cycles"}) {
      INFO(pair);
      CHECK(found[pair][0].get<double>() ==
            Approx(found[pair][1].get<double>()).epsilon(1e-9).margin(1e-12));
    }
    CHECK(found["roofs"] == Json(roofs[i]));
    CHECK(found["drawn"].size() >= 9);
    CHECK(found["words"].get<int>() > 10);
    CHECK(found["spoken"].get<std::string>().find("clock: ") != std::string::npos);
    const auto text = found["text"].get<std::string>();
    for (const auto* wrong : {"NaN", "undefined", "null", "Infinity"})
      CHECK(text.find(wrong) == std::string::npos);
    CHECK(r["log"].empty());
  }
}

TEST_CASE("the page's tornado is the program's") {
  const std::vector<Session> sessions{{tom(), {{"base.lanes", "32"}}, {}, {{"script", R"(
const {model, design} = window.live;
return model.swings(design, 'throughput').map(s => [model.inputs[s.input].name, s.swing, ...s.ends.map(e => e.value)]))"}}}};
  const auto results = shown(sessions);
  if (!results) return;
  const auto specs = changed(sessions[0]);
  const double here = study::metric_value(specs, "throughput");
  std::vector<study::Sensitivity> expected;
  for (auto& s : study::sensitivity(specs, "throughput"))
    if (s.swing(here) > 0) expected.push_back(std::move(s));
  const auto& found = (*results)[0]["script"];
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO(found[i].dump());
    CHECK(found[i][1].get<double>() == Approx(expected[i].swing(here)).epsilon(1e-9));
    const std::array<std::optional<double>, 2> ends{expected[i].at_low, expected[i].at_high};
    for (std::size_t e = 0; e < 2; ++e) {
      REQUIRE(found[i][2 + e].is_null() != ends[e].has_value());
      if (ends[e]) CHECK(found[i][2 + e].get<double>() == Approx(*ends[e]).epsilon(1e-9));
    }
  }
}

// How long it takes is for a benchmark to say, not for a test: machines differ.
TEST_CASE("dragging redraws figures and a sweep, and leaves no error") {
  const auto results = shown(
      {{tom(), {}, {}, {{"drag", "chip.clock"}}},
       {tom(),
        {},
        {},
        {{"drag", "chip.clock"}, {"hash", "!sweep:power,base.lanes,4,64,vector.width,64,1024"}}}});
  if (!results) return;
  for (const auto& r : *results) {
    CHECK(r["cpu"]["ScriptDuration"].get<double>() > 0);
    CHECK(r["log"].empty());
  }
}
