// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <tuple>

#include <fmt/format.h>

#include <tomestimate/study/sweep.hpp>

#include "npy.hpp"
#include "shard.hpp"
#include "sink.hpp"

namespace tomestimate::study {
namespace {

// A shard's file that is as it was written, read row by row.
class ShardFile {
 public:
  explicit ShardFile(const std::string& path) : path_(path) {
    std::error_code ignored;
    const auto status = std::filesystem::status(path, ignored);
    // A pipe can't be read twice, and opening one waits for its writer.
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
      fail("is no regular file");
    in_.open(path, std::ios::binary);
    if (!in_) fail(fmt::format("cannot be read: {}", std::strerror(errno)));
    read_line();
    check();
    in_.clear();
    in_.seekg(0);
    head_.resize(line_.head);
    in_.read(head_.data(), static_cast<std::streamsize>(head_.size()));
    next();
  }

  const std::string& path() const { return path_; }
  const ShardLine& line() const { return line_; }
  const std::string& head() const { return head_; }
  bool has_row() const { return has_row_; }
  const std::string& row() const { return row_; }

  void next() {
    has_row_ = used_ < line_.rows;
    if (!has_row_) return;
    ++used_;
    if (line_.row_bytes == 0) {
      std::getline(in_, row_);
      row_ += '\n';
    } else {
      row_.resize(line_.row_bytes);
      in_.read(row_.data(), static_cast<std::streamsize>(row_.size()));
    }
    if (!in_) fail("cannot be read to its end");
  }

  // The number that rows are ordered by.
  double key() const {
    if (line_.row_bytes != 0) {
      const auto at = row_.size() - 1 - sizeof(double) * line_.key;
      std::uint64_t bits = 0;
      for (std::size_t b = sizeof bits; b-- > 0;)
        bits = bits << 8 | static_cast<unsigned char>(row_[at + b]);
      return std::bit_cast<double>(bits);
    }
    auto end = row_.rfind(',');
    for (std::size_t i = 1; i < line_.key && end != std::string::npos && end > 0; ++i)
      end = row_.rfind(',', end - 1);
    if (end == std::string::npos || end == 0) fail("has a row without the number it is ordered by");
    const auto begin = row_.rfind(',', end - 1) + 1;  // npos + 1 is 0
    double value = 0;
    std::from_chars(row_.data() + begin, row_.data() + end, value);
    return value;
  }

  // What stands behind the rows.
  void copy_tail(Sink& sink) {
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(line_.head + line_.body));
    read_on(line_.tail, [&sink](std::string_view part) { sink.write(part); });
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(fmt::format("{}: {}", path_, what));
  }

  void read_line() {
    const auto size = std::filesystem::file_size(path_);
    std::string text(std::min<std::uint64_t>(size, ShardLine::length), ' ');
    in_.seekg(static_cast<std::streamoff>(size - text.size()));
    in_.read(text.data(), static_cast<std::streamsize>(text.size()));
    const auto read = ShardLine::read(text);
    if (!read)
      fail(
          "does not end with the line of a shard: it is cut short, or sweep --shard did not make "
          "it");
    line_ = *read;
    text_ = std::move(text);
    const auto before = size - text_.size();
    const auto& l = line_;
    if (std::max({l.head, l.body, l.tail}) > before || l.head + l.body + l.tail != before)
      fail(fmt::format("has {} bytes before its last line, which says {}: it is not whole", before,
                       l.head + l.body + l.tail));
    if (l.row_bytes != 0 && (l.rows != l.body / l.row_bytes || l.body % l.row_bytes != 0 ||
                             l.key > (l.row_bytes - 1) / sizeof(double)))
      fail("has other rows than its last line says");
  }

  template <class Use>
  void read_on(std::uint64_t bytes, const Use& use) {
    std::array<char, 65536> buffer;
    while (bytes > 0) {
      in_.read(buffer.data(),
               static_cast<std::streamsize>(std::min<std::uint64_t>(bytes, buffer.size())));
      const auto n = static_cast<std::size_t>(in_.gcount());
      if (n == 0) fail("cannot be read to its end");
      use(std::string_view(buffer.data(), n));
      bytes -= n;
    }
  }

  void check() {
    std::uint32_t sum = 0;
    std::uint64_t lines = 0;
    bool whole = true;  // the last of them
    const auto add = [&sum](std::string_view part) { sum = checksum(part, sum); };
    in_.seekg(static_cast<std::streamoff>(line_.head));
    read_on(line_.body, [&](std::string_view part) {
      add(part);
      lines += static_cast<std::uint64_t>(std::count(part.begin(), part.end(), '\n'));
      whole = part.ends_with('\n');
    });
    read_on(line_.tail, add);
    in_.seekg(0);
    read_on(line_.head, add);
    if (line_.text(sum) != text_) fail("is damaged: its bytes are not those that were written");
    if (line_.row_bytes == 0 && (lines != line_.rows || !whole))
      fail("has other rows than its last line says");
  }

  std::string path_;
  std::ifstream in_;
  ShardLine line_;
  std::string text_;  // of the last line
  std::string head_;
  std::uint64_t used_ = 0;  // rows
  std::string row_;         // the next one
  bool has_row_ = false;
};

// Of .npy heads all but the number of rows.
std::string without_rows(std::string head) {
  return npy::is_npy(head) ? head.substr(0, head.rfind("'shape'")) : head;
}

void check_shards(const std::vector<ShardFile>& shards) {
  const auto& a = shards.at(0);
  const auto of_study = [](const ShardFile& s) {
    const auto& l = s.line();
    return std::tuple(l.fingerprint, l.count, l.key, l.descending, l.limit, l.row_bytes,
                      without_rows(s.head()));
  };
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const auto& s = shards[i];
    const auto index = s.line().index;
    if (of_study(s) != of_study(a))
      throw std::runtime_error(
          fmt::format("{} and {} are of different studies, or of one that has changed, or made by "
                      "different versions of tomestimate",
                      a.path(), s.path()));
    if (i > 0 && index == shards[i - 1].line().index)
      throw std::runtime_error(fmt::format("{} and {} are both shard {} of {}",
                                           shards[i - 1].path(), s.path(), index, s.line().count));
    if (index != i + 1)
      throw std::runtime_error(fmt::format("shard {} of {} is missing", i + 1, s.line().count));
  }
  if (shards.size() != a.line().count)
    throw std::runtime_error(
        fmt::format("shard {} of {} is missing", shards.size() + 1, a.line().count));
}

// The shard whose row comes next; none if all are used up.
ShardFile* next_shard(std::vector<ShardFile>& shards) {
  ShardFile* best = nullptr;
  for (auto& s : shards) {
    if (!s.has_row()) continue;
    if (s.line().key == 0) return &s;
    if (best == nullptr) {
      best = &s;
      continue;
    }
    const double a = s.key();
    const double b = best->key();
    if (s.line().descending ? a > b : a < b) best = &s;
  }
  return best;
}

// A .npy head with another number of rows.
std::string with_rows(const std::string& head, std::uint64_t rows) {
  if (!npy::is_npy(head)) return head;
  auto out = without_rows(head) + fmt::format("'shape': ({},), }}", rows);
  out.resize(head.size() - 1, ' ');
  return out + "\n";
}

}  // namespace

void merge(const std::vector<std::string>& paths, const std::string& output) {
  std::vector<ShardFile> shards;
  for (const auto& path : paths) shards.emplace_back(path);
  std::sort(shards.begin(), shards.end(),
            [](const ShardFile& a, const ShardFile& b) { return a.line().index < b.line().index; });
  check_shards(shards);
  const auto head = shards[0].head();
  Sink sink(output, head, false);
  try {
    const auto limit = shards[0].line().limit;
    std::uint64_t rows = 0;
    for (auto* s = next_shard(shards); s != nullptr && (limit == 0 || rows < limit);
         s = next_shard(shards), ++rows) {
      sink.write(s->row());
      s->next();
    }
    shards[0].copy_tail(sink);
    sink.finish(with_rows(head, rows));
  } catch (...) {
    sink.discard();
    throw;
  }
}

}  // namespace tomestimate::study
