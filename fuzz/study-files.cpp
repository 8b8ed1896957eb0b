// SPDX-License-Identifier: Apache-2.0
// Files that sweeps leave and read back, with checksums that are right, so that what is behind them
// is reached. | stands for the end of a line, so that a seed is one.
//
// m and shards, apart by ^: merge loses no byte of their rows, or says why it can't. A shard is
//     INDEX COUNT KEY DESCENDING LIMIT ROWS HEAD ROW_BYTES TAIL|BYTES
// with the sizes of its parts in bytes; the body is what is left.
//
// r, a state, # and rows: a resumed sweep has its rows, or says why it can't. A state is
//     FIRST LAST NEXT BYTES ROWS REASONS RANKED|...
// as to_text in src/study/state.cpp makes it, without what comes before and with no last line.
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <tomestimate/study/sweep.hpp>

#include "require.hpp"
#include "shard.hpp"
#include "sink.hpp"
#include "state.hpp"

using namespace tomestimate;

namespace {

std::string in_folder(const std::string& name) {
  static const auto folder = [] {
    auto path =
        std::filesystem::temp_directory_path() / ("tomestimate-fuzz-" + std::to_string(getpid()));
    std::filesystem::create_directories(path);
    return path;
  }();
  return (folder / name).string();
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string read(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

// ---- merge ----

study::ShardLine line_of(const std::string& text, std::size_t bytes) {
  study::ShardLine line;
  std::istringstream(text) >> line.index >> line.count >> line.key >> line.descending >>
      line.limit >> line.rows >> line.head >> line.row_bytes >> line.tail;
  line.body = bytes - line.head - line.tail;
  return line;
}

// The bytes of a shard with its last line, if its parts are in them.
std::string shard_file(const study::ShardLine& line, const std::string& bytes) {
  const auto head = std::min<std::uint64_t>(line.head, bytes.size());
  const auto sum = study::checksum(bytes.substr(0, head), study::checksum(bytes.substr(head)));
  return bytes + line.text(sum);
}

void merge(const std::string& text) {
  std::istringstream parts(text);
  std::vector<std::string> paths;
  std::uint64_t kept = 0, limit = 0;
  for (std::string part; paths.size() < 4 && std::getline(parts, part, '^');) {
    const auto end = std::min(part.find('\n'), part.size());
    const auto bytes = part.substr(std::min(end + 1, part.size()));
    const auto line = line_of(part.substr(0, end), bytes.size());
    paths.push_back(in_folder("shard" + std::to_string(paths.size())));
    write(paths.back(), shard_file(line, bytes));
    if (line.index == 1) kept += line.head + line.tail;
    kept += line.body;
    limit |= line.limit;
  }
  const auto output = in_folder("merged");
  try {
    if (paths.empty()) return;
    study::merge(paths, output);
  } catch (const std::runtime_error&) {
    return;
  }
  fuzz::require(limit != 0 || std::filesystem::file_size(output) == kept, "merge keeps all rows");
}

// ---- resume ----

void resume(const std::string& text) {
  constexpr std::uint64_t fingerprint = 0xF, last = 100;
  const std::string head = "a,b,status\n";
  const auto cut = std::min(text.find('#'), text.size());
  const auto rows = text.substr(std::min(cut + 1, text.size()));
  std::istringstream fields(text.substr(0, cut));
  std::uint64_t first = 0, end = 0, next = 0, bytes = 0;
  fields >> first >> end >> next >> bytes;
  std::ostringstream state;
  state << "tomestimate-sweep-2 f " << first << ' ' << end << ' ' << next << ' ' << bytes << ' '
        << std::hex << study::checksum(rows.substr(0, bytes)) << std::dec << fields.rdbuf();
  char sum[10];
  std::snprintf(sum, sizeof sum, "%08x\n", study::checksum(state.str()));
  const auto output = in_folder("rows.csv");
  write(output + ".part", head + rows);
  write(output + ".state", state.str() + sum);
  try {
    study::Sink sink(output, head, true);
    const auto read_back = study::read_state(sink.state(), fingerprint, 0, last);
    const auto again = study::to_text(read_back);
    fuzz::require(study::to_text(*study::state_of(again)) == again, "a state reads back", again);
    sink.go_on(read_back.bytes, read_back.sum);
    sink.finish(head);
  } catch (const std::runtime_error&) {
    return;
  }
  fuzz::require(read(output) == head + rows.substr(0, bytes), "resume keeps the rows", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::replace(text.begin(), text.end(), '|', '\n');
  if (data[0] == 'm') merge(text);
  if (data[0] == 'r') resume(text);
  return 0;
}
