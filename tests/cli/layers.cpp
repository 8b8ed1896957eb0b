// SPDX-License-Identifier: Apache-2.0
// Every command takes time in proportion to the layers of the model.
#include <sys/resource.h>

#include <algorithm>

#include "binary.hpp"
#include "folder.hpp"

namespace {

double cpu_of_children() {
  rusage u{};
  getrusage(RUSAGE_CHILDREN, &u);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(u.ru_utime) + seconds(u.ru_stime);
}

// CPU seconds of a command on a model of `layers` layers.
double cost(const std::string& command, int layers, const std::string& file) {
  const auto before = cpu_of_children();
  const std::string specs = TOMESTIMATE_SPECS;
  const auto r = run(command + " " + specs + "/tom.toml " + specs + "/bitnet-2b.toml" +
                     " --set 'sram.capacity=8 GB' --set model.layers=" + std::to_string(layers) +
                     " -o " + file);
  INFO(command << ": " << r.out.substr(0, 1000));
  REQUIRE(r.code == 0);
  return cpu_of_children() - before;
}

}  // namespace

TEST_CASE("time is linear in layers") {
  const Folder folder;
  const auto out = (folder.path / "out").string();
  for (const std::string command :
       {"estimate", "quantities", "explain power", "workbook", "sensitivity --metric power"}) {
    const auto few = std::min(cost(command, 100, out), cost(command, 100, out));
    const auto many = cost(command, 400, out);
    INFO(command << ": " << few << " s at 100 layers, " << many << " s at 400");
    // 4 if it is linear; 16 if it is quadratic.
    CHECK(many < 8 * few);
  }
}
