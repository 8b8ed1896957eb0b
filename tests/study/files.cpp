// SPDX-License-Identifier: Apache-2.0
// Files of sweeps: one run at a time, what is damaged is refused and kept, .npy beside CSV.
#include <tomestimate/study/sweep.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>

#include <fmt/format.h>

#include "catch.hpp"
#include "shard.hpp"
#include "sink.hpp"
#include "state.hpp"
#include "studies.hpp"

using namespace tomestimate;
namespace fs = std::filesystem;

namespace {

const std::string three_axes =
    "[[vary]]\npath = \"chip.clock\"\nrange = { from = \"400 MHz\", to = \"1 GHz\", points = 101 "
    "}\n[[vary]]\npath = \"gating.prewake\"\nvalues = [true, false]\n"
    "[[vary]]\npath = \"vector.width\"\nrange = { from = 1, to = 300, step = 1 }\n";
const std::string columns = "columns = [\"throughput\", \"power\"]\n";

struct Kind {
  std::string keys;
  study::RowFormat format;
};
const Kind kinds[]{
    {"", study::RowFormat::csv},
    {"", study::RowFormat::npy},
    {"order = \"power desc\"\nlimit = 500", study::RowFormat::csv},
    {"order = \"power desc\"\nlimit = 500", study::RowFormat::npy},
    {"where = \"power < 6[W]\"\nlimit = 3000", study::RowFormat::csv},
};

std::string all_of(const study::Study& st, const Folder& folder, study::RowFormat format) {
  study::SweepOptions options;
  options.output = folder.file("whole");
  options.format = format;
  CHECK(study::sweep(st, options).complete);
  return read(options.output);
}

// Starts a sweep to `out` and stops it after a chunk.
study::SweepOptions stopped(const study::Study& st, const Folder& folder, study::RowFormat format) {
  std::atomic<bool> stop{false};
  study::SweepOptions options;
  options.output = folder.file("out");
  options.format = format;
  options.stop = &stop;
  options.progress = [&stop](std::uint64_t, std::uint64_t) { stop = true; };
  const auto result = study::sweep(st, options);
  CHECK_FALSE(result.complete);
  CHECK(result.resumable);
  options.stop = nullptr;
  options.progress = nullptr;
  options.resume = true;
  return options;
}

std::vector<std::string> shards_of(const study::Study& st, const Folder& folder,
                                   study::RowFormat format) {
  std::vector<std::string> out;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    study::SweepOptions options;
    options.format = format;
    options.shard = {i, 3};
    options.output = folder.file("shard" + std::to_string(i));
    CHECK(study::sweep(st, options).complete);
    out.push_back(options.output);
  }
  return out;
}

// A file that is locked, as by another run.
class Locked {
 public:
  explicit Locked(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDWR | O_CREAT, 0666)) {
    REQUIRE(flock(descriptor_, LOCK_EX | LOCK_NB) == 0);
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  ~Locked() { close(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace

TEST_CASE("stopped after every chunk, a sweep of any kind ends with the same bytes") {
  const Folder folder;
  for (const auto& kind : kinds) {
    const auto st = study::load_study(study_file(folder, columns + kind.keys, three_axes));
    const auto whole = all_of(st, folder, kind.format);
    std::atomic<bool> stop{false};
    study::SweepOptions options;
    options.output = folder.file("out");
    options.format = kind.format;
    options.threads = 2;
    options.stop = &stop;
    options.progress = [&stop](std::uint64_t, std::uint64_t) { stop = true; };
    int runs = 1;
    for (; !study::sweep(st, options).complete; ++runs) {
      options.resume = true;
      stop = false;
    }
    INFO(kind.keys);
    if (!has(kind.keys, "where")) CHECK(runs > 5);  // whose limit two chunks may meet
    CHECK(read(options.output) == whole);
  }
}

TEST_CASE("shards of any kind merge to the same bytes") {
  const Folder folder;
  for (const auto& kind : kinds) {
    const auto st = study::load_study(study_file(folder, columns + kind.keys, three_axes));
    const auto whole = all_of(st, folder, kind.format);
    auto shards = shards_of(st, folder, kind.format);
    std::swap(shards[0], shards[2]);
    study::merge(shards, folder.file("merged"));
    INFO(kind.keys);
    CHECK(read(folder.file("merged")) == whole);
  }
}

TEST_CASE("a target that another run writes is refused, and says whose it is") {
  const Folder folder;
  const auto st = study::load_study(study_file(folder, columns, three_axes));
  const auto shards = shards_of(st, folder, study::RowFormat::csv);
  study::SweepOptions options;
  options.output = folder.file("out");
  write(options.output + ".part", "rows of another");
  write(options.output + ".state", "its state");
  {
    const Locked other(options.output + ".part");
    const auto who = "process " + std::to_string(getpid()) + " is writing it";
    CHECK(has(failure([&] { study::sweep(st, options); }), who));
    options.resume = true;
    CHECK(has(failure([&] { study::sweep(st, options); }), who));
    options.resume = false;
    CHECK(has(failure([&] { study::merge(shards, options.output); }), who));
  }
  CHECK(read(options.output + ".part") == "rows of another");
  CHECK(read(options.output + ".state") == "its state");
  CHECK_FALSE(fs::exists(options.output));
  CHECK(study::sweep(st, options).complete);  // its end frees it
  fs::create_directory(folder.file("folder"));
  options.output = folder.file("folder");
  CHECK(has(failure([&] { study::sweep(st, options); }), "is a directory"));
  options.output = folder.file("none/out");
  CHECK(has(failure([&] { study::sweep(st, options); }), "No such file or directory"));
}

// Found by fuzz/study-files.cpp, which makes checksums right.
TEST_CASE("merge refuses a last line that is right but for the rows") {
  const Folder folder;
  const auto st = study::load_study(study_file(folder, columns + kinds[0].keys, three_axes));
  const auto shards = shards_of(st, folder, study::RowFormat::csv);
  const auto good = read(shards[1]);
  const auto refused = [&](const std::function<void(study::ShardLine&, std::string&)>& change) {
    auto line = *study::ShardLine::read(good.substr(good.size() - study::ShardLine::length));
    auto rows = good.substr(line.head, line.body);
    change(line, rows);
    const auto head = good.substr(0, line.head);
    line.body = rows.size();
    write(shards[1], head + rows + line.text(study::checksum(head, study::checksum(rows))));
    return failure([&] { study::merge(shards, folder.file("merged")); });
  };
  CHECK(has(refused([](auto& line, auto&) { --line.rows; }), "has other rows than"));
  CHECK(has(refused([](auto& line, auto&) { ++line.rows; }), "has other rows than"));
  CHECK(has(refused([](auto&, auto& rows) { rows += "x"; }), "has other rows than"));
  CHECK(has(refused([](auto& line, auto&) { line.row_bytes = 9; }), "has other rows than"));
  CHECK(has(refused([](auto& line, auto&) { line.key = 100; }), "of different studies"));
  CHECK_FALSE(fs::exists(folder.file("merged")));
}

TEST_CASE("a state whose counts are wrong is none, though its checksum is right") {
  study::State state{15, 0, 100, 40, 14, 7, {}, {}};
  state.result.rows = 2;
  const auto text = study::to_text(state);
  REQUIRE(study::state_of(text));
  CHECK(study::to_text(*study::state_of(text)) == text);
  const auto with_counts = [&](const std::string& counts) {
    auto body = text.substr(0, text.rfind(" 0 0\n")) + counts + "\n";
    return study::state_of(body + fmt::format("{:08x}\n", study::checksum(body)));
  };
  CHECK(with_counts(" 0 0"));
  CHECK_FALSE(with_counts(" 18446744073709551615 0"));  // reasons: no endless reading
  CHECK_FALSE(with_counts(" 0 18446744073709551615"));  // rows
  CHECK_FALSE(with_counts(" 0 x"));
}

TEST_CASE("merge refuses a shard that is not as it was written, and leaves all as it was") {
  const Folder folder;
  std::mt19937_64 random(1);
  for (const auto& kind : {kinds[0], kinds[1], kinds[3]}) {
    const auto st = study::load_study(study_file(folder, columns + kind.keys, three_axes));
    const auto shards = shards_of(st, folder, kind.format);
    const auto good = read(shards[1]);
    const auto refused = [&](const std::string& bytes) {
      write(shards[1], bytes);
      const auto what = failure([&] { study::merge(shards, folder.file("merged")); });
      CHECK(has(what, shards[1]));
      CHECK(read(shards[1]) == bytes);
      CHECK_FALSE(fs::exists(folder.file("merged")));
      CHECK_FALSE(fs::exists(folder.file("merged.part")));
      return what;
    };
    // Its last line is padded: that too is as it was written.
    auto padded = good;
    padded[padded.size() - 10] = 'x';
    refused(padded);
    refused(good.substr(0, good.size() - 50) + std::string(50, '\0'));
    CHECK(has(refused(good.substr(0, good.size() / 2)), "it is cut short"));
    CHECK(has(refused(""), "it is cut short"));
    CHECK(has(refused(good.substr(0, good.size() - 1000) + good.substr(good.size() - 900)),
              "it is not whole"));
    CHECK(has(refused(std::string(good.size(), '\0')), "it is cut short"));
    for (int i = 0; i < 40; ++i) {
      auto flipped = good;
      flipped[random() % (good.size() - 256)] ^= static_cast<char>(1 << random() % 8);
      CHECK(has(refused(flipped), "its bytes are not those that were written"));
    }
    // Two rows changed places, or a block is zeros.
    auto zeroed = good;
    std::fill_n(zeroed.begin() + 1000, 512, '\0');
    CHECK(has(refused(zeroed), "its bytes are not those that were written"));
    // The last line itself: any of its bits that means something.
    for (std::size_t at = good.size() - 256; good[at] != '\n'; ++at) {
      if (good[at] == ' ') continue;
      auto flipped = good;
      flipped[at] ^= 1;
      refused(flipped);
    }
    write(shards[1], good);
    study::merge(shards, folder.file("merged"));
    CHECK(read(folder.file("merged")) == all_of(st, folder, kind.format));
    fs::remove(folder.file("merged"));
  }
}

TEST_CASE("shards of another study, format or count don't merge") {
  const Folder folder;
  const auto st = study::load_study(study_file(folder, columns, three_axes));
  auto shards = shards_of(st, folder, study::RowFormat::csv);
  study::SweepOptions options;
  options.shard = {2, 3};
  options.output = folder.file("other");
  options.format = study::RowFormat::npy;
  study::sweep(st, options);
  shards[1] = options.output;
  CHECK(has(failure([&] { study::merge(shards, folder.file("x")); }), "different studies"));
  options.format = study::RowFormat::csv;
  study::sweep(study::load_study(study_file(folder, columns + "# changed", three_axes)), options);
  CHECK(has(failure([&] { study::merge(shards, folder.file("x")); }), "different studies"));
}

TEST_CASE("resuming refuses what is damaged, and keeps what is good") {
  const Folder folder;
  std::mt19937_64 random(2);
  for (const auto& kind : {kinds[0], kinds[1], kinds[2], kinds[3]}) {
    const auto st = study::load_study(study_file(folder, columns + kind.keys, three_axes));
    const auto whole = all_of(st, folder, kind.format);
    const auto options = stopped(st, folder, kind.format);
    const auto part = read(options.output + ".part");
    const auto state = read(options.output + ".state");
    const auto refused = [&](const std::string& new_part, const std::string& new_state) {
      write(options.output + ".part", new_part);
      write(options.output + ".state", new_state);
      const auto what = failure([&] { study::sweep(st, options); });
      CHECK(has(what, "run without --resume"));
      CHECK(read(options.output + ".part") == new_part);
      CHECK(read(options.output + ".state") == new_state);
      CHECK_FALSE(fs::exists(options.output));
      return what;
    };
    INFO(kind.keys);
    for (int i = 0; i < 60; ++i) {
      CHECK(has(refused(part, state.substr(0, random() % state.size())), "cut short or damaged"));
      auto flipped = state;
      flipped[random() % state.size()] ^= static_cast<char>(1 << random() % 8);
      CHECK(has(refused(part, flipped), "cut short or damaged"));
    }
    CHECK(has(refused(part, std::string(state.size(), '\0')), "cut short or damaged"));
    CHECK(has(refused("", state), "is shorter than it was"));
    if (!st.order) {  // an ordered study has its rows in the state
      CHECK(has(refused(std::string(part.size(), '\0'), state), "is damaged"));
      for (int i = 0; i < 40; ++i) {
        auto flipped = part;
        const auto head = part.find('\n') + 1;
        flipped[head + random() % (part.size() - head)] ^= static_cast<char>(1 << random() % 8);
        CHECK(has(refused(flipped, state), "is damaged"));
      }
    }
    // Rows behind the checkpoint, as a killed run leaves them, do no harm.
    write(options.output + ".part", part + "half a ro");
    write(options.output + ".state", state);
    CHECK(study::sweep(st, options).complete);
    CHECK(read(options.output) == whole);
    fs::remove(options.output);
    CHECK(has(failure([&] { study::sweep(st, options); }), "nothing to resume"));
  }
}

TEST_CASE("a link stays a link, and a device is written to") {
  const Folder folder;
  const auto st = study::load_study(study_file(folder, columns, three_axes));
  study::SweepOptions options;
  options.output = folder.file("link");
  write(folder.file("target"), "old");
  fs::create_symlink("target", options.output);
  CHECK(study::sweep(st, options).complete);
  CHECK(fs::is_symlink(options.output));
  CHECK(read(folder.file("target")).size() > 10000);
  options.output = "/dev/null";
  CHECK(study::sweep(st, options).complete);
  CHECK(fs::is_character_file("/dev/null"));
  options.output = "/dev/full";
  CHECK(has(failure([&] { study::sweep(st, options); }), "/dev/full: cannot be written: No space"));
}

TEST_CASE("numpy reads from .npy what CSV says, in less than half of the size") {
  const std::string python = "/usr/bin/python3";
  if (std::system((python + " -c 'import numpy' 2> /dev/null").c_str()) != 0) {
    WARN("skipped: /usr/bin/python3 has no numpy");
    return;
  }
  const Folder folder;
  for (const std::string keys : {"", "where = \"power < 6[W]\"", "order = \"power asc\""}) {
    const auto st = study::load_study(study_file(
        folder,
        "columns = [\"throughput\", \"power\", \"area\", { name = \"p'\\\\q é\", formula = \"1 "
        "/ (lanes.count - 32)\" }]\n" +
            keys,
        "[[vary]]\npath = \"chip.clock\"\nlog = { from = \"400 MHz\", to = \"1 GHz\", points = 5 "
        "}\n"
        "[[vary]]\npath = \"gating.prewake\"\nvalues = [true, false]\n"
        "[[vary]]\npath = \"vector.width\"\nrange = { from = 1, to = 300, step = 1 }\n"
        "[[vary]]\npath = \"lanes.count\"\nvalues = [16, 24, 32]\n"
        "[[vary]]\npath = \"weights.zero_share\"\nrange = { from = 0.1, to = 0.4, step = "
        "0.1 }\n"));
    study::SweepOptions options;
    options.threads = 2;
    options.output = folder.file("rows.csv");
    study::sweep(st, options);
    options.output = folder.file("rows.npy");
    options.format = study::RowFormat::npy;
    study::sweep(st, options);
    const auto script = std::string(TOMESTIMATE_TESTS) + "/study/compare_npy.py";
    CHECK(std::system((python + " " + script + " " + folder.file("rows.npy") + " " +
                       folder.file("rows.csv"))
                          .c_str()) == 0);
    // Eight bytes a number, where CSV takes up to twenty.
    INFO(fs::file_size(folder.file("rows.npy"))
         << " of " << fs::file_size(folder.file("rows.csv")));
    if (has(keys, "order"))
      CHECK(fs::file_size(folder.file("rows.npy")) * 2 < fs::file_size(folder.file("rows.csv")));
  }
}
