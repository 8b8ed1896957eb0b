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
  unsigned line = 1;
  std::size_t line_start = 0;
  int dots = 0;
  for (std::size_t i = 0; i < toml.size(); ++i) {
    const char c = toml[i];
    if (c == '"' || c == '\'') {  // to the end of the text, or of the file if there is none
      const auto quotes = toml.substr(i, 3) == std::string(3, c) ? 3u : 1u;
      const auto quote = toml.substr(i, quotes);
      for (i += quotes; i < toml.size() && toml.substr(i, quotes) != quote; ++i) {
        if (toml[i] == '\n' && quotes == 1) break;
        if (toml[i] == '\n') ++line, line_start = i + 1;
        if (toml[i] == '\\' && c == '"') ++i;
      }
      if (i < toml.size() && toml[i] != '\n') i += quotes - 1;
    } else if (c == '#') {
      i = std::min(toml.find('\n', i), toml.size()) - 1;
    } else if (c == '.') {
      if (++dots > most_dots)
        throw SpecError({{{file, line, static_cast<unsigned>(i - line_start) + 1},
                          "key of too many parts",
                          fmt::format("{} dots at most", most_dots)}});
    } else if (std::string_view("=,[]{}\n").find(c) != std::string_view::npos) {
      dots = 0;
      if (c == '\n') ++line, line_start = i + 1;
    }
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
