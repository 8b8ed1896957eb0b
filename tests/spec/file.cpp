// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/file.hpp>

#include <fstream>
#include <stdexcept>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catch.hpp"
#include "folder.hpp"

using namespace tomestimate;
namespace fs = std::filesystem;

namespace {

std::string text(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class Do>
std::string failure(Do what) {
  try {
    what();
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

bool has(const std::string& whole, const std::string& part) {
  return whole.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a file is replaced, a link followed, and its mode kept") {
  const Folder folder;
  spec::write_file(folder.file("a"), "1");
  fs::permissions(folder.file("a"), fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("a", folder.file("link"));
  spec::write_file(folder.file("link"), "2");
  CHECK(fs::is_symlink(folder.file("link")));
  CHECK(text(folder.file("a")) == "2");
  CHECK(fs::status(folder.file("a")).permissions() ==
        (fs::perms::owner_read | fs::perms::owner_write));
  // A link to what is not there yet makes it.
  fs::create_symlink(folder.file("new"), folder.file("dangling"));
  spec::write_file(folder.file("dangling"), "3");
  CHECK(text(folder.file("new")) == "3");
  CHECK(folder.files() == 4);
}

TEST_CASE("devices and pipes are written to and stay what they are") {
  const Folder folder;
  spec::write_file("/dev/null", "x");
  CHECK(fs::is_character_file("/dev/null"));
  const auto fifo = folder.file("fifo");
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  spec::write_file(fifo, "through");
  char buffer[16] = {};
  CHECK(read(reader, buffer, sizeof buffer) == 7);
  CHECK(std::string(buffer) == "through");
  close(reader);
  CHECK(fs::is_fifo(fifo));
  CHECK(has(failure([] { spec::write_file("/dev/full", "x"); }),
            "/dev/full: cannot write: No space left on device"));
}

TEST_CASE("what cannot be written is refused with the reason, before and when it is tried") {
  const Folder folder;
  std::ofstream(folder.file("file")) << "x";
  fs::create_symlink("loop", folder.file("loop"));
  for (const auto& [path, why] :
       {std::pair{folder.path.string(), std::string("is a folder, not a file")},
        {folder.file("new/"), "names a folder, not a file"},
        {folder.file("no/such/file"), "No such file or directory"},
        {folder.file("file/below"), "Not a directory"},
        {folder.file("loop"), "Too many levels of symbolic links"},
        {std::string(), "no file is named"},
        {std::string("/dev/fd/987"), "Bad file descriptor"}}) {
    CAPTURE(path, why);
    CHECK(has(failure([&, p = path] { spec::check_writable(p); }), why));
    CHECK(has(failure([&, p = path] { spec::write_file(p, "y"); }), why));
  }
  CHECK(folder.files() == 2);
}

TEST_CASE("one file by many paths") {
  const Folder folder;
  std::ofstream(folder.file("a")) << "x";
  std::ofstream(folder.file("b")) << "x";
  fs::create_directory(folder.file("d"));
  fs::create_symlink("a", folder.file("link"));
  fs::create_hard_link(folder.file("a"), folder.file("hard"));
  fs::create_directory_symlink(folder.path, folder.file("d/up"));
  for (const std::string name : {"a", "./a", "d/../a", "d/up/a", "link", "hard"}) {
    CAPTURE(name);
    CHECK(spec::same_file(folder.file("a"), folder.file(name)));
  }
  CHECK_FALSE(spec::same_file(folder.file("a"), folder.file("b")));
  CHECK(spec::same_file(folder.file("new"), folder.file("d/up/new")));
  CHECK_FALSE(spec::same_file(folder.file("new"), folder.file("newer")));
  CHECK_FALSE(spec::same_file("/dev/null", "/dev/null"));
}

TEST_CASE("temporary folders: TMPDIR is named, leftovers go, those in use stay") {
  const Folder folder;
  const std::string before = getenv("TMPDIR") == nullptr ? "" : getenv("TMPDIR");
  setenv("TMPDIR", folder.path.c_str(), 1);
  const auto leftover = folder.path / "tomestimate-run-abcdef";
  fs::create_directory(leftover);
  std::ofstream(leftover / "file") << "x";
  fs::create_directory(folder.path / "tomestimate-theirs");
  {
    const spec::TemporaryFolder a;
    std::ofstream(a.path() / "file") << "x";
    CHECK_FALSE(fs::exists(leftover));
    const spec::TemporaryFolder b;
    CHECK(fs::exists(a.path() / "file"));
    CHECK(folder.files() == 3);
  }
  CHECK(folder.files() == 1);
  setenv("TMPDIR", folder.file("no").c_str(), 1);
  CHECK(has(failure([] { const spec::TemporaryFolder none; }),
            "no temporary folder can be made in " + folder.file("no") +
                " (TMPDIR): No such file or directory"));
  if (before.empty())
    unsetenv("TMPDIR");
  else
    setenv("TMPDIR", before.c_str(), 1);
}
