// SPDX-License-Identifier: Apache-2.0
// A report folder is put in place whole, or what was there stays.
#include <fstream>
#include <iterator>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include <tomestimate/report/folder.hpp>

#include "catch.hpp"
#include "folder.hpp"
#include "text.hpp"

using namespace tomestimate::report;
namespace fs = std::filesystem;

namespace {

const Files one{{"report.md", "one"}, {"figures/a.svg", "a"}, {"tables/t.csv", "t"}};
const Files two{{"report.md", "two"}, {"tables/u.csv", "u"}};

std::size_t count(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::recursive_directory_iterator(folder), fs::recursive_directory_iterator{}));
}

}  // namespace

TEST_CASE("a report takes the place of nothing, of an empty folder, and of a report") {
  const Folder folder;
  const auto target = folder.file("r");
  write_report_folder(target, one);
  CHECK(read(target + "/figures/a.svg") == "a");
  write_report_folder(target + "/", two);
  CHECK(read(target + "/report.md") == "two");
  CHECK(!fs::exists(target + "/figures"));  // of the report before
  CHECK(folder.files() == 1);
  fs::create_directory(folder.path / "empty");
  write_report_folder(folder.file("empty"), one);
  CHECK(count(folder.path / "empty") == 5);
  CHECK(folder.files() == 2);
  const auto mask = umask(0);
  umask(mask);
  CHECK(fs::status(target).permissions() == static_cast<fs::perms>(0777 & ~mask));
}

TEST_CASE("a link to a folder is followed, not replaced") {
  const Folder folder;
  fs::create_directory(folder.path / "real");
  fs::create_symlink(folder.path / "real", folder.path / "link");
  write_report_folder(folder.file("link"), one);
  CHECK(fs::is_symlink(folder.path / "link"));
  CHECK(read(folder.path / "real/report.md") == "one");
}

TEST_CASE("a folder that holds anything else is left alone") {
  const auto refused = [](const fs::path& path) {
    const Folder folder;
    const auto target = folder.path / "r";
    write_report_folder(target.string(), one);
    fs::create_directories((target / path).parent_path());
    std::ofstream(target / path) << "mine";
    const auto before = count(target);
    CHECK_THROWS_AS(check_report_folder(target.string()), std::runtime_error);
    CHECK_THROWS_AS(write_report_folder(target.string(), two), std::runtime_error);
    CHECK(read(target / path) == "mine");
    CHECK(read(target / "report.md") == "one");
    CHECK(count(target) == before);
    CHECK(folder.files() == 1);
  };
  refused("notes.txt");
  refused("figures/photo.png");
  refused("tables/deep/t.csv");
  refused(".git/config");
}

TEST_CASE("what only looks like a report is left alone") {
  const Folder folder;
  fs::create_directories(folder.path / "r/report.md");  // a folder of that name
  CHECK_THROWS_AS(check_report_folder(folder.file("r")), std::runtime_error);
  fs::create_directory(folder.path / "s");
  fs::create_symlink("/", folder.path / "s/figures");
  CHECK_THROWS_AS(check_report_folder(folder.file("s")), std::runtime_error);
  std::ofstream(folder.path / "file") << "x";
  CHECK_THROWS_AS(write_report_folder(folder.file("file"), one), std::runtime_error);
  CHECK(read(folder.path / "file") == "x");
  CHECK(folder.files() == 3);
}

TEST_CASE("a workbook belongs to a report") {
  const Folder folder;
  auto files = one;
  files["workbook.xlsx"] = "bytes";
  write_report_folder(folder.file("r"), files);
  write_report_folder(folder.file("r"), two);
  CHECK(!fs::exists(folder.path / "r/workbook.xlsx"));
}

TEST_CASE("no place to write is an error that names it") {
  const Folder folder;
  const auto nowhere = folder.file("no/r");
  try {
    write_report_folder(nowhere, one);
    FAIL("expected an error");
  } catch (const std::runtime_error& e) {
    CHECK(std::string(e.what()).find(nowhere) != std::string::npos);
  }
  CHECK(folder.files() == 0);
  // A file that cannot be written: its folder's name is taken by a file.
  CHECK_THROWS_AS(write_report_folder(folder.file("r"), {{"a", "x"}, {"a/b", "y"}}),
                  std::runtime_error);
  CHECK(folder.files() == 0);
}
