// SPDX-License-Identifier: Apache-2.0
#include "sink.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <zlib.h>

#include <tomestimate/spec/file.hpp>

namespace tomestimate::study {
namespace {

// A file that nothing else names: what is written to it changes nothing else.
bool is_own(int descriptor) {
  struct stat about {};
  return fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) && about.st_nlink <= 1;
}

bool same_file(int descriptor, const std::string& path) {
  struct stat a {
  }, b{};
  return fstat(descriptor, &a) == 0 && stat(path.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

// A link's target, so that the link stays a link.
std::string resolved(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  const auto target = std::filesystem::weakly_canonical(path, error);
  return error ? path : target.string();
}

}  // namespace

std::uint32_t checksum(std::string_view bytes, std::uint32_t before) {
  return static_cast<std::uint32_t>(
      crc32_z(before, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

Sink::Sink(const std::string& output, std::string head, bool resume)
    : output_(resolved(output)), head_(std::move(head)) {
  if (!output.empty()) {
    std::error_code ignored;
    const auto kind = std::filesystem::status(output_, ignored).type();
    if (kind == std::filesystem::file_type::directory)
      throw std::runtime_error(output + ": is a directory");
    renames_ = kind == std::filesystem::file_type::not_found ||
               kind == std::filesystem::file_type::regular;
    if (renames_)
      open_part(resume);
    else if ((file_ = std::fopen(output_.c_str(), "wb")) == nullptr)
      fail_errno("cannot be written");
  }
  if (resume) return;
  std::FILE* to = file_ == nullptr ? stdout : file_;
  if (std::fwrite(head_.data(), 1, head_.size(), to) != head_.size())
    fail_errno("cannot be written");
}

Sink::~Sink() {
  if (file_ != nullptr) std::fclose(file_);
}

void Sink::open_part(bool resume) {
  for (;;) {
    const int descriptor =
        open(part().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (resume ? 0 : O_CREAT),
             0666);
    if (descriptor < 0 && resume && errno == ENOENT)
      fail("is gone; nothing to resume: run without --resume");
    if (descriptor < 0 && errno == ELOOP)
      fail("is a link, and no file of a sweep: remove it first");
    if (descriptor < 0) fail_errno("cannot be written");
    if (!is_own(descriptor)) {
      close(descriptor);
      fail("has another name, or is no regular file, so no sweep made it: remove it first");
    }
    if (const auto who = spec::lock_file(descriptor)) {
      close(descriptor);
      fail(fmt::format("{} is writing it; give another -o, or wait for its end", *who));
    }
    // Between opening and locking the other run may have ended, and given the file its name.
    if (same_file(descriptor, part())) {
      file_ = fdopen(descriptor, "r+b");
      break;
    }
    close(descriptor);
  }
  if (resume) return;
  // The state of an earlier run would not be true of the new file.
  std::filesystem::remove(state());
  if (ftruncate(fileno(file_), 0) != 0) fail_errno("cannot be written");
}

void Sink::go_on(std::uint64_t bytes, std::uint32_t sum) {
  std::error_code error;
  if (std::filesystem::file_size(part(), error) < head_.size() + bytes || error)
    fail("is shorter than it was: rows are lost; run without --resume");
  std::uint32_t found = 0;
  std::array<char, 65536> buffer;
  std::fseek(file_, static_cast<long>(head_.size()), SEEK_SET);
  for (auto left = bytes; left > 0;) {
    const auto n =
        std::fread(buffer.data(), 1, std::min<std::uint64_t>(left, buffer.size()), file_);
    if (n == 0) fail_errno("cannot be read");
    found = checksum({buffer.data(), n}, found);
    left -= n;
  }
  if (found != sum)
    fail("is damaged: its rows are not those that were written; run without --resume");
  if (ftruncate(fileno(file_), static_cast<off_t>(head_.size() + bytes)) != 0 ||
      std::fseek(file_, 0, SEEK_SET) != 0 ||
      std::fwrite(head_.data(), 1, head_.size(), file_) != head_.size() ||
      std::fseek(file_, 0, SEEK_END) != 0)
    fail_errno("cannot be written");
  bytes_ = bytes;
  sum_ = sum;
}

void Sink::write(std::string_view text) {
  std::FILE* to = file_ == nullptr ? stdout : file_;
  if (std::fwrite(text.data(), 1, text.size(), to) != text.size()) fail_errno("cannot be written");
  bytes_ += text.size();
  if (renames_) sum_ = checksum(text, sum_);
}

void Sink::flush() {
  std::FILE* to = file_ == nullptr ? stdout : file_;
  if (std::fflush(to) != 0) fail_errno("cannot be written");
  if (renames_ && fdatasync(fileno(file_)) != 0) fail_errno("cannot be written");
}

void Sink::finish(const std::string& head) {
  if (renames_ && head != head_ &&
      (std::fseek(file_, 0, SEEK_SET) != 0 ||
       std::fwrite(head.data(), 1, head.size(), file_) != head.size()))
    fail_errno("cannot be written");
  flush();
  if (!renames_) return;
  if (std::rename(part().c_str(), output_.c_str()) != 0) fail_errno("cannot take its name");
  std::filesystem::remove(state());
}

void Sink::discard() {
  if (renames_) std::filesystem::remove(part());
}

void Sink::fail(const std::string& what) const {
  const auto name = output_.empty() ? "standard output" : renames_ ? part() : output_;
  throw std::runtime_error(fmt::format("{}: {}", name, what));
}

void Sink::fail_errno(const std::string& what) const {
  fail(fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace tomestimate::study
