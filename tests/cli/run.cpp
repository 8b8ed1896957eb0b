// SPDX-License-Identifier: Apache-2.0
// The run command on the real binary.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "binary.hpp"
#include "folder.hpp"

namespace fs = std::filesystem;

namespace {

const std::string data = std::string(TOMESTIMATE_TESTS) + "/reference/data/";
const std::string scripts = std::string(TOMESTIMATE_TESTS) + "/reference/";
const std::string packed = "run " + data + "packed --tokens 5,17,3,42,8,91,60,2 ";

// Debian's python3, which has numpy as the package python3-numpy.
bool has_numpy() { return run_command("/usr/bin/python3 -c 'import numpy'").code == 0; }

}  // namespace

TEST_CASE("run: tokens of a checkpoint, the same for any threads and instructions") {
  const auto first = run(packed + "--generate 8 --format csv");
  CHECK(first.code == 0);
  CHECK(has(first.out, "position,token,logit,margin\n8,83,"));
  CHECK(has(run(packed + "--generate 8").out,
            "tokens: 5,17,3,42,8,91,60,2 -> 83,16,16,16,16,59,16,16"));
  CHECK(run(packed + "--generate 8 --format csv --threads 3 --isa baseline").out == first.out);
  const auto drawn = run(packed + "--generate 8 --temperature 2 --seed 3");
  CHECK(drawn.out == run(packed + "--generate 8 --temperature 2 --seed 3").out);
  CHECK(drawn.out != run(packed + "--generate 8 --temperature 2 --seed 4").out);
  CHECK(has(run(packed + "--arithmetic fp8").out, "arithmetic: fp8"));
}

TEST_CASE("run: every operation of a dump agrees with an independent numpy BitNet") {
  if (!has_numpy()) {
    WARN("no numpy (Debian: python3-numpy): not compared");
    return;
  }
  const Folder folder;
  const auto dump = folder.file("dump");
  CHECK(run(packed + "--generate 64 --dump " + dump).code == 0);
  const auto compared =
      run_command("/usr/bin/python3 -B " + scripts + "compare.py " + data + "packed " + dump);
  INFO(compared.out);
  CHECK(compared.code == 0);
  CHECK(has(compared.out, "64 greedy tokens equal; 0 of "));

  CHECK(run(packed + "--generate 16 --arithmetic fp8 --dump " + dump).code == 0);
  const auto fp8 =
      run_command("/usr/bin/python3 -B " + scripts + "compare.py " + data + "packed " + dump);
  INFO(fp8.out);
  CHECK(fp8.code == 0);
  CHECK(!has(fp8.out, "BEYOND"));
}

TEST_CASE("run: a dump of one layer goes in again as --input") {
  const Folder folder;
  const auto dump = folder.file("dump");
  const auto again = folder.file("again");
  CHECK(run(packed + "--layers 1 --dump-weights --dump " + dump).code == 0);
  CHECK(fs::exists(dump + "/manifest.json"));
  CHECK(fs::exists(dump + "/pass000/layer01/q.weight.weights.npy"));
  CHECK(!fs::exists(dump + "/pass000/layer00"));
  CHECK(!fs::exists(dump + "/pass000/tail"));
  const auto input = dump + "/pass000/layer01/attn_norm.input.x.npy";
  CHECK(run("run " + data + "packed --input " + input + " --layers 1..2 --dump " + again).code ==
        0);
  for (const std::string array : {"q.output.sums", "down.output.y", "ffn_residual.output.x"})
    CHECK(read(dump + "/pass000/layer01/" + array + ".npy") ==
          read(again + "/pass000/layer01/" + array + ".npy"));
  // The whole of the layers left gives the token that the whole model gives.
  const auto rest =
      run("run " + data + "packed --input " + input + " --layers 1..2 --format csv --table tokens");
  CHECK(has(rest.out, ",83,"));
}

TEST_CASE("run: counts from data") {
  const auto table =
      run(packed + "--counts --word 32 --lanes 4 --units 2 --format csv --table counts");
  CHECK(table.code == 0);
  CHECK(has(table.out, "\ntotal,"));
  const auto json = run(packed + "--counts --layers 1..1 --format json");
  CHECK(has(json.out, "counts-layers"));
}

TEST_CASE("validate --data: averages beside counts, and the energy with either") {
  const Folder folder;
  const auto model = folder.file("model.toml"), saved = folder.file("counted.toml");
  REQUIRE(run("import " + data + "packed -o " + model).code == 0);
  const std::string tom = std::string(TOMESTIMATE_SPECS) + "/tom.toml ";
  const auto validate = "validate " + tom + model + " --data " + data +
                        "packed --tokens 5,17,3,42,8,91,60,2 --format csv --set "
                        "weights.zero_share=0.45 ";
  const auto table = run(validate + "--table averages");
  INFO(table.out);
  CHECK(table.code == 0);
  // 54,201 of 129,024 weights are zero, as the script that made them counted; 0.4200846...
  CHECK(has(table.out, "\"zero weights, of weights\",all,0.45,0.42008"));
  // (1 - 0.42008...) / 2 = 0.28995...; 0.275 by the average.
  CHECK(has(table.out, "\"1-bits, of bits read\",all,0.275,0.28995"));
  CHECK(has(table.out, "\"positive adds, of adds\",all,0.5,"));
  // relu2 makes most inputs of down zero.
  CHECK(has(table.out, "\"zero activations, of those of non-zero weights\",down,0,0.6"));

  const auto energy = run(validate + "--table data-energy --save " + saved);
  CHECK(energy.code == 0);
  // What was saved gives the energy of the data column.
  const auto cell = [](const std::string& text, const std::string& row, int column) {
    auto at = text.find("\n" + row + ",");
    for (int i = 0; i < column && at != std::string::npos; ++i) at = text.find(',', at + 1);
    return text.substr(at + 1, text.find_first_of(",\n", at + 1) - at - 1);
  };
  const auto again = run("estimate " + tom + saved + " --format csv --table energy").out;
  const auto average =
      run("estimate " + tom + model + " --set weights.zero_share=0.45 --format csv --table energy")
          .out;
  for (const std::string row : {"rom", "rom_leakage", "base_units", "total"}) {
    CHECK(cell(energy.out, row, 1) == cell(average, row, 1));
    CHECK(cell(energy.out, row, 2) == cell(again, row, 1));
  }
  // Counted values say so, each with its source; they take the place of every average.
  const auto spec = read(saved);
  for (const std::string path : {"zero_adds", "positive_adds", "activation_toggles", "rom_toggles",
                                 "address_toggles", "zero_share_down"}) {
    const auto at = spec.find("\n" + path + " = ");
    INFO(path);
    REQUIRE(at != std::string::npos);
    const auto line = spec.substr(at + 1, spec.find('\n', at + 1) - at - 1);
    CHECK(has(line, "grade = \"derived\", source = \"counted in a run of " + data +
                        "packed, tokens 5,17,3,42,8,91,60,2, int8 arithmetic\""));
  }
  // Each of [data] moves the energy by itself.
  for (const std::string set : {"zero_adds=0.3", "positive_adds=0.7", "activation_toggles=0.2",
                                "rom_toggles=0.8", "address_toggles=3"}) {
    const auto moved =
        run("estimate " + tom + saved + " --set data." + set + " --format csv --table energy").out;
    CHECK(cell(moved, "total", 1) != cell(again, "total", 1));
  }

  const auto refused = [&](const std::string& flags, const std::string& why) {
    const auto result = run("validate " + tom + flags);
    INFO(result.out);
    CHECK(result.code == 2);
    CHECK(has(result.out, why));
  };
  refused(model + " --data " + data + "packed", "--data requires --tokens");
  refused(model + " --tokens 1", "requires --data");
  refused(model + " --data " + data + "packed --tokens 96", "beyond the vocabulary");
  refused(model + " --data " + data + "packed --tokens 1 --small", "excludes");
  const auto before = read(model);
  refused(model + " --data " + data + "packed --tokens 1 --save " + model, "--save");
  CHECK(read(model) == before);
  refused(std::string(TOMESTIMATE_SPECS) + "/bitnet-2b.toml --data " + data + "packed --tokens 1",
          "has 3 layers, and MODEL says 30");
  refused(model + " --set model.intermediate=128 --data " + data + "packed --tokens 1",
          "gate has 160 x 64 weights, and MODEL says 128 x 64");
  const auto integers =
      run("validate " + std::string(TOMESTIMATE_SPECS) + "/roma.toml " + TOMESTIMATE_SPECS +
          "/llama-3.2-3b-int4.toml --data " + data + "packed --tokens 1");
  CHECK(integers.code == 2);
  CHECK(has(integers.out, "MODEL is not ternary"));
}

TEST_CASE("run: synthetic weights of a spec") {
  const std::string spec = std::string(TOMESTIMATE_TESTS) + "/import/data/golden-packed.toml";
  const auto first = run("run " + spec + " --tokens 1,2,3 --generate 4");
  CHECK(first.code == 0);
  CHECK(has(first.out, "synthetic weights, seed 1"));
  CHECK(has(run("run " + spec + " --tokens 1,2,3 --arithmetic fp8").out,
            "ternary adapters drawn, rank 16"));
}

TEST_CASE("run: bad input is one error, exit code 2, and nothing is written") {
  const Folder folder;
  const auto dump = folder.file("dump");
  const std::string model = "run " + data + "packed ";
  for (const std::string bad :
       {"", "--tokens 1,x", "--tokens ,", "--tokens 96", "--tokens -1", "--tokens 1 --layers 3",
        "--tokens 1 --layers 2..1", "--tokens 1 --layers a..b", "--tokens 1 --arithmetic int4",
        "--tokens 1 --input x.npy", "--input /no/such.npy", "--tokens 1 --temperature 0",
        "--tokens 1 --word 256", "--tokens 1 --generate 99999"}) {
    const auto result = run(model + bad + " --dump " + dump);
    INFO(bad << ": " << result.out);
    CHECK(result.code == 2);
  }
  CHECK(run("run /no/such.gguf --tokens 1").code == 2);
  const auto shapes = run("run " + data + "packed/config.json --tokens 1");
  CHECK(shapes.code == 2);
  CHECK(has(shapes.out, "has no weights"));
  const auto cut = folder.file("cut.gguf");
  fs::copy_file(data + "llama_cpp_silu.gguf", cut);
  fs::resize_file(cut, 100000);
  CHECK(run("run " + cut + " --tokens 1").code == 2);
  CHECK(folder.files() == 1);

  fs::create_directory(dump);
  std::ofstream(dump + "/mine.txt") << "mine";
  const auto kept = run(model + "--tokens 1 --dump " + dump);
  CHECK(kept.code == 1);
  CHECK(has(kept.out, "holds files that no dump makes"));
  CHECK(read(dump + "/mine.txt") == "mine");
  CHECK(folder.files() == 2);
  CHECK(run(model + "--tokens 1 > /dev/full").code == 1);
}

TEST_CASE("no output of run, validate --data and rtl --dump may be a part of what it reads") {
  const Folder folder;
  const auto checkpoint = folder.file("checkpoint"), dump = folder.file("dump");
  fs::copy(data + "packed", checkpoint);
  const auto config = checkpoint + "/config.json", spec = folder.file("model.toml");
  REQUIRE(run("import " + checkpoint + " -o " + spec).code == 0);
  REQUIRE(run("run " + checkpoint + " --tokens 1 --arithmetic fp8 --dump-weights --dump " + dump)
              .code == 0);
  const auto sums = dump + "/pass000/layer00/q.output.sums.npy";
  const std::string validate =
      "validate " TOMESTIMATE_SPECS "/tom.toml " + spec + " --tokens 1 --data ";
  const auto refused = [](const std::string& command, const std::string& file) {
    const auto before = read(file);
    const auto result = run(command);
    INFO(command << ": " << result.out);
    CHECK(result.code == 2);
    CHECK(has(result.out, "would"));
    CHECK(has(result.out, file));
    CHECK(read(file) == before);
  };
  refused("run " + checkpoint + " --tokens 1 -o " + config, config);
  refused("run " + spec + " --tokens 1 -o " + spec, spec);
  refused("run " + spec + " --input " + sums + " -o " + sums, sums);
  refused("run " + spec + " --input " + sums + " --dump " + dump, sums);
  refused(validate + checkpoint + " --save " + config, config);
  refused(validate + checkpoint + " -o " + config, config);
  refused("rtl --dump " + dump + " -o " + sums, sums);
  refused("rtl --dump " + dump + " -o rom.v --testbench " + sums, sums);
}

TEST_CASE("more positions than the model says it has: run, with a caution") {
  const std::string gguf = "run " + std::string(TOMESTIMATE_TESTS) +
                           "/reference/data/llama_cpp_silu.gguf --activation silu ";
  std::string tokens = "--tokens 1";
  for (int i = 1; i < 256; ++i) tokens += "," + std::to_string(i % 32);
  CHECK(!has(run(gguf + tokens + " --generate 1").out, "CAUTION"));
  const auto r = run(gguf + tokens + " --generate 2");
  CHECK(r.code == 0);
  CHECK(has(r.out, "CAUTION: 257 positions are run, and the model says it has 256"));
}
