// SPDX-License-Identifier: Apache-2.0
// Some thousand goal seeks, as a user of the program sees them.
#include "binary.hpp"

TEST_CASE("published --implies says what figures make of values") {
  const auto out = run("published --implies " + specs + "/published.toml").out;
  CHECK(has(out, "Values with a range, and what figures make of them"));
  CHECK(has(out, "Figure by figure"));
  const auto csv =
      run("published --implies --table implied --format csv " + specs + "/published.toml").out;
  CHECK(has(csv, "tom.area,56.9,"));
  CHECK(has(csv, ",tech.utilization,unknown,"));
  CHECK(has(csv, ",in range,"));
  CHECK(has(csv, ",beyond its range,"));
  CHECK(has(csv, ",no legal value,"));
  CHECK(run("published --implies --leave-one-out").code == 2);
}
