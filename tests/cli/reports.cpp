// SPDX-License-Identifier: Apache-2.0
// Golden reports, to the last digit. Compilers may differ there, in elasticities; reports/ are of
// GCC.
#include "binary.hpp"

TEST_CASE("the outputs under reports/ are what the program writes") {
  const auto root = std::filesystem::path(TOMESTIMATE_TESTS).parent_path();
  const std::string both = " specs/tom.toml specs/bitnet-2b.toml --format markdown";
  const std::pair<std::string, std::string> golden[]{
      {"estimate.md", "estimate" + both},
      {"published.md", "published --format markdown"},
      {"explain-throughput.md", "explain throughput" + both},
      {"explain-layer-energy.md", "explain energy --layer 3" + both},
  };
  for (const auto& [file, arguments] : golden) {
    INFO(file << " (reports/run makes it again)");
    const auto r =
        run_command("cd '" + root.string() + "' && " + TOMESTIMATE_BINARY + " " + arguments);
    CHECK(r.code == 0);
    CHECK((r.out == read(root / "reports/tom-bitnet-2b" / file)));
  }
}
