// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/file.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <tomestimate/spec/diagnostic.hpp>

namespace tomestimate::spec {
namespace {

// A temporary file that is gone unless it was renamed to its place.
class Temporary {
 public:
  explicit Temporary(const std::string& target) : path_(target + ".XXXXXX") {
    descriptor_ = mkstemp(path_.data());
    if (descriptor_ < 0) fail("cannot create a file beside it");
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!renamed_) unlink(path_.c_str());
  }

  void write(std::string_view text) {
    while (!text.empty()) {
      const auto n = ::write(descriptor_, text.data(), text.size());
      if (n < 0) fail("cannot write");
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  void rename_to(const std::string& target) {
    // mkstemp makes the file private; a report gets the mode any other new file would.
    const auto mask = umask(0);
    umask(mask);
    if (fchmod(descriptor_, 0666 & ~mask) != 0) fail("cannot set its mode");
    if (fsync(descriptor_) != 0) fail("cannot write");
    if (std::rename(path_.c_str(), target.c_str()) != 0) fail("cannot rename to it");
    renamed_ = true;
  }

 private:
  [[noreturn]] static void fail(const char* what) {
    throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
  }

  std::string path_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

// Where a TOML string that begins at `at` is over; the end of its line, or of all, if it never is.
std::size_t end_of_text(std::string_view toml, std::size_t at) {
  const char quote = toml[at];
  const std::size_t quotes = toml.substr(at, 3) == std::string(3, quote) ? 3 : 1;
  const auto end = toml.substr(at, quotes);
  auto i = at + quotes;
  for (; i < toml.size() && toml.substr(i, quotes) != end; ++i) {
    if (toml[i] == '\n' && quotes == 1) return i;
    if (quote == '"' && toml[i] == '\\') ++i;
  }
  i += quotes;
  // One or two quotes may stand before the three that end it.
  for (int more = 0; quotes == 3 && more < 2 && i < toml.size() && toml[i] == quote; ++more) ++i;
  return i;
}

}  // namespace

std::string read_file(const std::string& path, std::uintmax_t largest) {
  const auto fail = [&path](std::string message) -> SpecError {
    return SpecError({{{path, 1, 1}, std::move(message), ""}});
  };
  std::error_code error;
  if (!std::filesystem::exists(path, error)) throw fail("no such file");
  if (std::filesystem::is_directory(path, error)) throw fail("is a directory");
  std::ifstream in(path, std::ios::binary);
  if (!in) throw fail("cannot be read");
  std::string text;
  std::array<char, 65536> part;
  while (text.size() <= largest && (in.read(part.data(), part.size()), in.gcount() > 0))
    text.append(part.data(), static_cast<std::size_t>(in.gcount()));
  if (text.size() > largest) throw fail(fmt::format("is larger than {} MiB", largest >> 20));
  return text;
}

void bound_nesting(std::string_view toml, const std::string& file) {
  constexpr int most_dots = 32;  // of one key
  int dots = 0;
  for (std::size_t i = 0; i < toml.size();) {
    const char c = toml[i];
    if (c == '"' || c == '\'') {
      i = end_of_text(toml, i);
      continue;
    }
    if (c == '#') {
      i = std::min(toml.find('\n', i), toml.size());
      continue;
    }
    if (std::string_view("=,[]{}\n").find(c) != std::string_view::npos) dots = 0;
    if (c == '.' && ++dots > most_dots) {
      const auto before = toml.substr(0, i);
      const auto line = std::count(before.begin(), before.end(), '\n') + 1;
      const auto column = i - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
      throw SpecError({{{file, static_cast<unsigned>(line), static_cast<unsigned>(column)},
                        "key of too many parts",
                        fmt::format("{} dots at most", most_dots)}});
    }
    ++i;
  }
}

void write_file(const std::string& path, std::string_view text) try {
  Temporary file(path);
  file.write(text);
  file.rename_to(path);
} catch (const std::runtime_error& e) {
  throw std::runtime_error(fmt::format("{}: {}", path, e.what()));
}

TemporaryFolder::TemporaryFolder() {
  auto name = (std::filesystem::temp_directory_path() / "tomestimate-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw std::runtime_error("cannot make a temporary folder " + name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tomestimate::spec
