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
