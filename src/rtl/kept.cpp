// SPDX-License-Identifier: Apache-2.0
#include "kept.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/file.hpp>

#include "hash.hpp"

namespace tomestimate::rtl {
namespace {

constexpr std::string_view first_line = "tomestimate characterize " TOMESTIMATE_VERSION " 2\n";
constexpr std::uintmax_t largest = 1u << 26;

std::string line_of(const std::string& key, const Kept::Numbers& numbers) {
  auto line = fmt::format("{}\t{}", key, fmt::join(numbers, " "));
  return fmt::format("{}\t{:016x}\n", line, hash(line));
}

std::optional<Kept::Numbers> parse_numbers(std::string_view text) {
  Kept::Numbers out;
  const char* next = text.data();
  const char* const last = next + text.size();
  while (next < last) {
    double x = 0;
    const auto [stop, error] = std::from_chars(next, last, x);
    if (error != std::errc{} || (stop < last && *stop != ' ')) return std::nullopt;
    out.push_back(x);
    next = stop < last ? stop + 1 : stop;
  }
  return out.empty() ? std::nullopt : std::optional(std::move(out));
}

// Key and numbers of a line, if it is as it was written.
std::optional<std::pair<std::string, Kept::Numbers>> parse_line(std::string_view line) {
  const auto end = line.rfind('\t');
  const auto tab = line.find('\t');
  if (tab == std::string_view::npos || tab == end) return std::nullopt;
  auto numbers = parse_numbers(line.substr(tab + 1, end - tab - 1));
  if (!numbers || line.substr(end + 1) != fmt::format("{:016x}", hash(line.substr(0, end))))
    return std::nullopt;
  return std::pair(std::string(line.substr(0, tab)), *std::move(numbers));
}

}  // namespace

Kept::Kept(const std::string& file) : file_(file) {
  if (file.empty()) return;
  try {
    open();
    read(spec::read_file(file, largest));
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

Kept::~Kept() {
  if (descriptor_ >= 0) close(descriptor_);
}

void Kept::open() {
  descriptor_ = ::open(file_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666);
  if (descriptor_ < 0)
    throw std::runtime_error(fmt::format("{}: cannot be written: {}", file_, std::strerror(errno)));
  struct stat about {};
  if (fstat(descriptor_, &about) != 0 || !S_ISREG(about.st_mode))
    throw std::runtime_error(file_ + ": is no regular file, and nothing is kept in others");
  if (const auto who = spec::lock_file(descriptor_))
    throw std::runtime_error(
        fmt::format("{}: {} is writing it; give another file, or wait for its end", file_, *who));
}

void Kept::read(std::string_view text) {
  const auto fail = [this](std::uint32_t line, std::string message) {
    throw spec::SpecError(
        {{{file_, line, 1}, std::move(message), "give another file, or none, to start over"}});
  };
  const bool cut = text.size() < first_line.size() && first_line.starts_with(text);
  if (!cut && !text.starts_with(first_line.substr(0, first_line.find(' '))))
    fail(1, "is no file that characterize wrote");
  if (!cut && !text.starts_with(first_line))
    fail(1, "was written by another version of tomestimate");
  std::uint32_t number = 1;
  std::size_t whole = cut ? 0 : first_line.size();  // bytes of whole lines
  while (!cut && whole < text.size()) {
    ++number;
    const auto end = text.find('\n', whole);
    if (end == std::string_view::npos) break;
    auto line = parse_line(text.substr(whole, end - whole));
    if (!line) fail(number, "is damaged: this line is not as it was written");
    known_[line->first] = std::move(line->second);
    whole = end + 1;
  }
  if (whole < text.size() && ftruncate(descriptor_, static_cast<off_t>(whole)) != 0)
    throw std::runtime_error(fmt::format("{}: cannot be written: {}", file_, std::strerror(errno)));
  if (cut) append(first_line);
}

const Kept::Numbers* Kept::find(const std::string& key, std::size_t count) const {
  const auto found = known_.find(key);
  return found == known_.end() || found->second.size() != count ? nullptr : &found->second;
}

void Kept::add(const std::string& key, const Numbers& numbers) {
  if (!file_.empty()) append(line_of(key, numbers));
}

void Kept::append(std::string_view text) const {
  while (!text.empty()) {
    const auto n = write(descriptor_, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      throw std::runtime_error(
          fmt::format("{}: cannot be written: {}", file_, std::strerror(errno)));
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace tomestimate::rtl
