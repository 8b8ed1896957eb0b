// SPDX-License-Identifier: Apache-2.0
// What is known, and how well, as a user of the program is told.
#include "binary.hpp"

TEST_CASE("every command that prints a result says what it does not hang on or was carried") {
  const std::string set = " --set 'tech.node=5 nm' ";
  for (const std::string& command :
       {"estimate " + design, "estimate --all " + design, "what-if " + design,
        "sensitivity " + design, "uncertainty --samples 50 " + design, "explain power " + design,
        "quantities " + design, "solve --vary chip.clock --target 'power=3 W' " + design,
        "sweep --vary chip.clock=400MHz,500MHz " + design,
        "pareto --vary chip.clock=400MHz,500MHz --max throughput --min power " + design,
        "compare " + specs + "/tom.toml," + specs + "/bitnet-2b.toml"}) {
    const auto r = run(command + set);
    INFO(command << r.out);
    CHECK(r.code == 0);
    CHECK(has(r.out, "CAUTION"));
    CHECK(has(r.out, "tech.node is said to be 5 nm"));
    CHECK(!has(run(command).out, "CAUTION"));
  }
}

TEST_CASE("a value outside its range is named, and solve stays inside unless told") {
  const auto set = run("estimate " + design + " --set 'chip.voltage=0.9 V'");
  CHECK(has(set.out,
            "CAUTION: chip.voltage = 0.9 V is outside the range that its spec states, "
            "0.65 V to 0.8 V"));
  CHECK(has(set.out,
            "chip.voltage is 0.9 V, the technology is told at 0.7 V: carried by the "
            "square of the supply; 99 % of power hangs on that"));
  const std::string solve = "solve " + design + " --vary chip.voltage --target 'power=9 W' ";
  CHECK(run(solve).code == 1);
  CHECK(has(run(solve).out, "from 0.65 V to 0.8 V"));
  const auto beyond = run(solve + "--beyond-range");
  CHECK(beyond.code == 0);
  CHECK(has(beyond.out, "CAUTION: outside the range that the spec of chip.voltage states"));
  CHECK(run("solve " + design + " --vary chip.clock=1,2GHz --min power --beyond-range").code == 2);
  const auto idle = run("solve " + design + " --vary host.latency --target 'area=9 mm^2'");
  CHECK(has(idle.out, "CAUTION: area does not hang on host.latency: end_to_end.throughput"));
}

TEST_CASE("sweeps name what no column hangs on, on standard error") {
  const auto r = run_command("( " TOMESTIMATE_BINARY " sweep " + design +
                             " --vary host.latency=1us,2us --columns throughput 2>/dev/null )");
  CHECK(!has(r.out, "CAUTION"));
  const auto all = run("sweep " + design + " --vary host.latency=1us,2us --columns throughput");
  CHECK(has(all.out, "CAUTION: no column hangs on host.latency: end_to_end.throughput"));
}

TEST_CASE("uncertainty: choices, shares, figures that are given") {
  const std::string base = "uncertainty --samples 2000 --metric power " + design;
  CHECK(has(run(base).out, "only unknowns are drawn; choices stay"));
  CHECK(!has(run(base + " --choices").out, "choices stay"));
  const auto given = run(base + " --given tom.power");
  CHECK(given.code == 0);
  CHECK(has(given.out, "given tom.power (power=5.33 W)"));
  CHECK(has(given.out, "effective sample size"));
  const auto no = run(base + " --given power=900");
  CHECK(no.code == 2);
  CHECK(has(no.out, "nothing fits"));
  CHECK(has(no.out, "power goes from"));
  CHECK(run(base + " --given tom.powre").code == 2);
}

TEST_CASE("a node that is set by either name is no longer a label that says nothing") {
  const auto by = [](const std::string& name) {
    return run("estimate " + design + " --set '" + name + "=5 nm'");
  };
  CHECK(by("chip.node").code == 0);
  CHECK(has(by("chip.node").out, "CAUTION: tech.node is said to be 5 nm (set for this run)"));
  CHECK(by("chip.node").out == by("tech.node").out);
}

TEST_CASE("published: choices and figures that are left out") {
  const auto figures = specs + "/published.toml";
  const auto out = run("published --leave-one-out " + figures);
  CHECK(out.code == 0);
  CHECK(has(out.out, "there is nothing to leave out"));
  const auto choices = run("published --table choices --format csv " + figures);
  CHECK(choices.code == 0);
  CHECK(has(choices.out, "tom.throughput"));
  CHECK(has(choices.out, "roma.decode-1k"));
}

TEST_CASE("estimate says what the chip draws in its worst layer and over a whole token") {
  const auto r = run("estimate " + design);
  CHECK(
      has(r.out, "power of the chip: 2.16 W while decoding, 2.16 W in the layer that draws most"));
  CHECK(has(r.out, "W over a token end to end, where it waits 96 % of the time"));
}
