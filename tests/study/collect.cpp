// SPDX-License-Identifier: Apache-2.0
// Rows in memory are the rows that a sweep writes.
#include <tomestimate/study/collect.hpp>

#include <sstream>

#include <fmt/format.h>

#include "catch.hpp"
#include "studies.hpp"

#include <tomestimate/study/csv.hpp>
#include <tomestimate/study/sweep.hpp>

using namespace tomestimate;

namespace {

const std::string context_and_clock =
    "[[vary]]\npath = \"workload.context\"\nvalues = [100, 5000, 900]\n"
    "[[vary]]\npath = \"chip.clock\"\n"
    "range = { from = \"400 MHz\", to = \"1 GHz\", points = 1501 }\n";

// What a sweep writes of these rows, without the varied values.
std::vector<std::string> written(const study::Collected& rows) {
  std::vector<std::string> out;
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    std::string line;
    for (const auto& column : rows.columns)
      line += rows.status[r] == 0 ? fmt::format("{},", column[r]) : ",";
    out.push_back(line + study::csv_cell(rows.reasons.at(rows.status[r])));
  }
  return out;
}

}  // namespace

TEST_CASE("collected rows are those of a sweep, in its order") {
  for (const auto* keys :
       {"", "order = \"power desc\"\n", "order = \"throughput asc\"\nlimit = 7\n",
        "where = \"power < 3[W]\"\n", "where = \"power < 3[W]\"\nlimit = 2000\n"}) {
    INFO(keys);
    const Folder folder;
    const auto st = study::load_study(study_file(
        folder, std::string("columns = [\"throughput\", \"power\"]\n") + keys, context_and_clock));
    study::SweepOptions options;
    options.output = folder.file("out.csv");
    options.threads = 2;
    study::sweep(st, options);
    auto expected = lines(read(options.output));
    expected.erase(expected.begin());
    for (auto& line : expected) line.erase(0, line.find(',', line.find(',') + 1) + 1);
    for (const unsigned threads : {1u, 3u}) {
      const auto rows = study::collect(st, threads, nullptr);
      CHECK(rows.complete);
      CHECK(written(rows) == expected);
      CHECK(rows.points.size() == expected.size());
    }
  }
}

TEST_CASE("a collection that is told to stop says so") {
  const Folder folder;
  const auto st =
      study::load_study(study_file(folder, "columns = [\"power\"]\n", context_and_clock));
  const std::atomic<bool> stop = true;
  const auto rows = study::collect(st, 2, &stop);
  CHECK_FALSE(rows.complete);
  CHECK(rows.rows() == 0);
}
