// SPDX-License-Identifier: Apache-2.0
// explain, quantities and workbook on the real binary.
#include <algorithm>
#include "binary.hpp"
#include "folder.hpp"

TEST_CASE("explain prints the equation, its values, and where they come from") {
  const auto r = run("explain throughput " + design);
  CHECK(r.code == 0);
  CHECK(has(r.out, "throughput = workload.batch / tpot"));
  // 1 sequence in 147,670 cycles of 2 ns.
  CHECK(has(r.out, "3385.93 token/s = 1 / [295.34 us]"));
  CHECK(has(r.out, "epoch_cycles / chip.clock"));
  CHECK(has(r.out, "decode.gate.cycles = decode.up.cycles"));
  CHECK(has(r.out, "tom.toml:13"));  // chip.clock
  CHECK(has(r.out, "secondary record of the paper"));
  CHECK_FALSE(has(r.out, "tech.sram_leakage"));  // costs no time
}

TEST_CASE("explain knows metrics of a layer and any quantity") {
  const auto energy = run("explain energy --layer 3 --all " + design);
  CHECK(energy.code == 0);
  CHECK(has(energy.out, "decode.layer3.energy"));
  CHECK(has(energy.out, "tech.switch_residual"));
  const auto prefill = run("explain time --layer 0 --phase prefill " + design);
  CHECK(prefill.code == 0);
  CHECK(has(prefill.out, "prefill.layer0.time"));
  const auto quantity = run("explain decode.gate.cycles --depth 1 " + design);
  CHECK(quantity.code == 0);
  CHECK(has(quantity.out, "max(decode.gate.compute_cycles"));
}

TEST_CASE("explain is brief to read, and has everything with --all") {
  const auto brief = run("explain power " + design), all = run("explain power --all " + design);
  CHECK(brief.code == 0);
  const auto lines = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  };
  CHECK(lines(brief.out) < 100);
  CHECK(lines(all.out) > 1000);
  CHECK(has(brief.out, "decode.energy.base_units"));
  CHECK(has(brief.out, "more go in: --all"));
  CHECK(has(all.out, "with values"));
  // Formats for programs have everything.
  CHECK(run("explain power --format json " + design).out ==
        run("explain power --all --format json " + design).out);
  CHECK(lines(run("explain power --depth 2 " + design).out) > lines(brief.out));
}

TEST_CASE("explain traces an override to its flag") {
  const auto r = run("explain tpot --set 'chip.clock=800 MHz' " + design);
  CHECK(r.code == 0);
  CHECK(has(r.out, "--set chip.clock=800 MHz"));
  CHECK(has(r.out, "[800 MHz]"));
}

TEST_CASE("explain refuses what it does not know") {
  const auto metric = run("explain througput " + design);
  CHECK(metric.code == 2);
  CHECK(has(metric.out, "did you mean \"throughput\"?"));
  const auto input = run("explain chip.clock " + design);
  CHECK(input.code == 2);
  CHECK(has(input.out, "is a spec value, not computed"));
  const auto layer = run("explain time --layer 30 " + design);
  CHECK(layer.code == 2);
  CHECK(has(layer.out, "layers 0 to 29"));
  const auto of_chip = run("explain throughput --layer 3 " + design);
  CHECK(of_chip.code == 2);
  CHECK(has(of_chip.out, "there are: time, exposed_wake"));
}

TEST_CASE("quantities lists what explain knows") {
  const auto r = run("quantities --format csv " + design);
  CHECK(r.code == 0);
  CHECK(has(r.out, "\ndecode.gate.cycles,874,cycle,,"));
  CHECK(has(r.out, "\ndecode.up.cycles,874,cycle,decode.gate.cycles,"));
}

TEST_CASE("a design that does not fit is explained, with exit code 1") {
  const Folder folder;
  const std::string misfit = design + " --context 4096";
  for (const auto& r : {run("explain tpot " + misfit), run("quantities " + misfit),
                        run("workbook " + misfit + " -o " + folder.file("a.xlsx"))}) {
    CHECK(r.code == 1);
    CHECK(has(r.out, "CAUTION"));
    CHECK(has(r.out, "decode context of 4096 tokens does not fit the SRAM"));
  }
  CHECK(folder.files() == 1);
}

TEST_CASE("workbook writes one file, or none") {
  const Folder folder;
  CHECK(run("workbook " + design + " -o " + folder.file("a.xlsx")).code == 0);
  CHECK(read(folder.file("a.xlsx")).starts_with("PK"));
  CHECK(run("workbook " + design + " --set chip.clock=5 -o " + folder.file("b.xlsx")).code == 2);
  CHECK(run("workbook " + design + " -o " + folder.file("no/such/folder.xlsx")).code == 1);
  CHECK(folder.files() == 1);
}

TEST_CASE("estimate puts the assumptions that matter first") {
  const auto r = run("estimate --table assumptions --format csv " + design);
  CHECK(r.code == 0);
  const auto first = r.out.substr(r.out.find('\n') + 1);
  // Power goes with the square of the voltage, which nothing else that is assumed comes near.
  CHECK(first.starts_with("chip.voltage,0.7 V,assumption,0,1.98"));
}
