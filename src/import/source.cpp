// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/import/source.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/foreign.hpp>

namespace tomestimate::importer {
namespace {

// Length of the UTF-8 sequence at the front of text, 0 if there is none. Overlong forms, surrogates
// and numbers beyond 0x10FFFF are none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
      (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F))
    return 0;
  return length;
}

// Length of the character at the front of text that can be printed, 0 if there is none.
std::size_t printable_length(std::string_view text) {
  const auto length = utf8_length(text);
  const auto first = static_cast<unsigned char>(text[0]);
  // C1 control characters, U+0080 to U+009F, are C2 80 to C2 9F.
  const bool c1 = length == 2 && first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
  return first < 0x20 || first == 0x7F || c1 ? 0 : length;
}

// The header's length of a safetensors file may begin like any of the above.
bool looks_like_safetensors(std::string_view start) {
  return start.size() > 8 && start.substr(4, 4) == std::string_view("\0\0\0\0", 4) &&
         start[8] == '{';
}

void refuse_foreign(const Source& source) {
  std::array<std::uint8_t, 64> bytes{};
  const auto size = std::min<std::uint64_t>(bytes.size(), source.size());
  source.read(0, std::span(bytes).first(size));
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), size);
  if (looks_like_safetensors(start)) return;
  if (const auto other = spec::foreign_file(start))
    source.fail(0, std::string(other->is), std::string(other->hint));
}

}  // namespace

Source Source::open(const std::string& path) {
  Source out;
  out.name_ = path;
  const auto fail = [&path](std::string message, std::string hint = "") -> spec::SpecError {
    return spec::SpecError({{{path, 1, 1}, std::move(message), std::move(hint)}});
  };
  // Without O_NONBLOCK, opening a fifo waits for its writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  File file(descriptor < 0 ? nullptr : fdopen(descriptor, "rb"), std::fclose);
  if (!file) throw fail(fmt::format("cannot be read: {}", std::strerror(errno)));
  struct stat status {};
  if (fstat(descriptor, &status) != 0)
    throw fail(fmt::format("cannot be read: {}", std::strerror(errno)));
  if (S_ISFIFO(status.st_mode))
    throw fail("is not a regular file but a pipe", "write its data to a file first");
  if (!S_ISREG(status.st_mode)) throw fail("is not a regular file");
  out.size_ = static_cast<std::uint64_t>(status.st_size);
  out.bytes_ = std::move(file);
  refuse_foreign(out);
  return out;
}

Source Source::of(std::span<const std::uint8_t> bytes, std::string name) {
  Source out;
  out.name_ = std::move(name);
  out.size_ = bytes.size();
  out.bytes_ = bytes;
  return out;
}

void Source::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  if (offset > size_ || out.size() > size_ - offset)
    fail(size_,
         fmt::format("the file ends, but {} bytes from byte {} are needed", out.size(), offset),
         "is it truncated?");
  if (const auto* bytes = std::get_if<std::span<const std::uint8_t>>(&bytes_)) {
    std::ranges::copy(bytes->subspan(offset, out.size()), out.begin());
    return;
  }
  const int descriptor = fileno(std::get<File>(bytes_).get());
  while (!out.empty()) {
    const auto n = pread(descriptor, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(offset, fmt::format("cannot be read: {}", std::strerror(errno)));
    if (n == 0) fail(offset, "the file became shorter while it was read");
    out = out.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

std::string Source::text(std::uint64_t largest, std::string_view hint) const {
  if (size_ > largest)
    fail(0, fmt::format("is larger than {} MiB", largest >> 20), std::string(hint));
  std::string out(size_, '\0');
  read(0, {reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  return out;
}

void Source::fail(std::uint64_t byte, std::string message, std::string hint) const {
  throw spec::SpecError({{{name_, 1, 1, byte}, std::move(message), std::move(hint)}});
}

std::uint64_t little_endian(std::span<const std::uint8_t> bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) out = out << 8 | bytes[i];
  return out;
}

void Cursor::need(std::uint64_t bytes, std::string_view what) const {
  if (bytes > left())
    source_.fail(at_, fmt::format("{} takes {} bytes, but only {} are left", what, bytes, left()),
                 "is the file truncated?");
}

void Cursor::copy(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    if (at_ < buffer_from_ || at_ >= buffer_from_ + buffer_size_) {
      buffer_from_ = at_;
      buffer_size_ = std::min<std::uint64_t>(buffer_.size(), left());
      source_.read(at_, std::span(buffer_).first(buffer_size_));
    }
    const auto from = at_ - buffer_from_;
    const auto n = std::min<std::uint64_t>(out.size(), buffer_size_ - from);
    std::memcpy(out.data(), buffer_.data() + from, n);
    out = out.subspan(n);
    at_ += n;
  }
}

std::uint64_t Cursor::number(std::size_t bytes, std::string_view what) {
  need(bytes, what);
  std::array<std::uint8_t, 8> out{};
  copy(std::span(out).first(bytes));
  return little_endian(out);
}

std::string Cursor::text(std::uint64_t bytes, std::string_view what) {
  need(bytes, what);
  std::string out(bytes, '\0');
  copy({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  return out;
}

void Cursor::skip(std::uint64_t bytes, std::string_view what) {
  need(bytes, what);
  at_ += bytes;
}

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    const auto length = printable_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty() && out.size() < 200) {
    const auto length = printable_length(text);
    if (length == 0)
      out += '?';
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max({std::size_t{1}, length, utf8_length(text)}));
  }
  return out;
}

}  // namespace tomestimate::importer
