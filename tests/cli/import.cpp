// SPDX-License-Identifier: Apache-2.0
// The import command on the real binary: specs that other commands take, and bad input.
#include <algorithm>

#include "binary.hpp"
#include "folder.hpp"

namespace fs = std::filesystem;

namespace {

const std::string checkpoints = std::string(TOMESTIMATE_TESTS) + "/import/data/";

}  // namespace

TEST_CASE("an imported model loads and runs") {
  const Folder folder;
  const auto spec = folder.file("model.toml");
  for (const std::string source : {"llama-cpp-tq.gguf", "i2_s.gguf", "packed", "i8", "floats",
                                   "packed/model.safetensors", "packed/config.json"}) {
    const auto made = run("import " + checkpoints + source + " -o " + spec);
    CHECK(made.code == 0);
    CHECK(has(made.out, "spec: " + spec));
    CHECK(run("check " + spec).code == 0);
    CHECK(run("estimate " + specs + "/tom.toml " + spec).code == 0);
    CHECK(run("validate --small " + specs + "/tom.toml " + spec).code == 0);
    CHECK(folder.files() == 1);
  }
}

TEST_CASE("a whole-number model runs on ROMA") {
  const Folder folder;
  const auto spec = folder.file("model.toml");
  const auto made =
      run("import " + checkpoints + "packed/config.json --bits 4 --name Four -o " + spec);
  CHECK(made.code == 0);
  CHECK(has(made.out, "weights.zero_bit_ratio is an assumption"));
  const auto estimate = run("estimate " + specs + "/roma.toml " + spec);
  CHECK(estimate.code == 0);
  CHECK(has(estimate.out, "ROMA running Four"));
}

TEST_CASE("import prints counts by tensor, projection and layer") {
  const auto tensors =
      run("import " + checkpoints + "llama-cpp-tq.gguf --format csv --table tensors");
  CHECK(tensors.code == 0);
  CHECK(
      has(tensors.out, "blk.0.attn_q.weight,0,q,256,256,TQ1_0,65536,22764,19786,22986,0,0.30191"));
  const auto projections =
      run("import " + checkpoints + "llama-cpp-tq.gguf --format csv --table projections");
  CHECK(has(projections.out, "total,7,360448,125373,"));
  CHECK(has(run("import " + checkpoints + "packed --table layers").out,
            "weights.zero_share of the spec"));
  const auto spec = run("import " + checkpoints + "packed/config.json --format csv --table spec");
  CHECK(has(spec.out,
            "weights.zero_share,0.4,assumption,\"not counted; 29 measured ternary checkpoints have "
            "29 to 52 % zeros"));
  CHECK(has(run("import " + checkpoints + "packed").out, "no spec is written: give -o FILE"));
  CHECK(has(run("import " + checkpoints + "floats").out,
            "CAUTION: 2 of 14 tensors have a zero share"));
  for (const std::string format : {"text", "csv", "markdown", "json"}) {
    const auto command = "import " + checkpoints + "packed --format " + format;
    CHECK(run(command).out == run(command).out);
  }
}

TEST_CASE("bad checkpoints: one error with the byte, exit code 2, nothing written") {
  const Folder folder;
  const auto spec = folder.file("model.toml");
  const auto cut = folder.file("cut.gguf");
  fs::copy_file(checkpoints + "i2_s.gguf", cut);
  fs::resize_file(cut, 7000);
  const auto truncated = run("import " + cut + " -o " + spec);
  CHECK(truncated.code == 2);
  CHECK(has(truncated.out, "cut.gguf:byte 7000: error: the file ends, but blk.1.ffn_"));
  CHECK(has(truncated.out, "(is it truncated?)"));
  CHECK(std::count(truncated.out.begin(), truncated.out.end(), '\n') == 1);
  CHECK(run("import /no/such -o " + spec).code == 2);
  CHECK(run("import -o " + spec).code == 2);
  CHECK(run("import " + checkpoints + "packed --bits 9 -o " + spec).code == 2);
  CHECK(run("import " + checkpoints + "packed --bits 4 --ternary -o " + spec).code == 2);
  CHECK(run("import " + checkpoints + "packed --table nope -o " + spec).code == 2);
  CHECK(folder.files() == 1);
  CHECK(run("import " + checkpoints + "packed -o " + folder.file("no/model.toml")).code == 1);
  CHECK(run("import " + checkpoints + "packed -o " + spec + " > /dev/full").code == 1);
  CHECK(folder.files() == 2);  // the spec is there all the same: counting can take minutes
}
