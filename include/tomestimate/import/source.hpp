// SPDX-License-Identifier: Apache-2.0
// The bytes of a file to import, read at an offset; and the errors that name one.
// (The namespace is `importer`: `import` is a keyword of modules.)
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace tomestimate::importer {

class Source {
 public:
  // Opens a regular file. Throws spec::SpecError, also if its first bytes say that it is something
  // else than a checkpoint: a Git LFS pointer, an HTML page, an archive, a pickle.
  static Source open(const std::string& path);
  // Bytes that outlive the source; `name` is for messages.
  static Source of(std::span<const std::uint8_t> bytes, std::string name);

  const std::string& name() const { return name_; }
  std::uint64_t size() const { return size_; }

  // Fills `out` from `offset`. Throws spec::SpecError if the file has no such bytes.
  void read(std::uint64_t offset, std::span<std::uint8_t> out) const;

  // All bytes. Throws spec::SpecError with `hint` if there are more than `largest`.
  std::string text(std::uint64_t largest, std::string_view hint = "") const;

  // Throws spec::SpecError with this file and byte.
  [[noreturn]] void fail(std::uint64_t byte, std::string message, std::string hint = "") const;

 private:
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

  std::string name_;
  std::uint64_t size_ = 0;
  std::variant<std::span<const std::uint8_t>, File> bytes_;
};

// Little-endian unsigned number of bytes.size() <= 8 bytes.
std::uint64_t little_endian(std::span<const std::uint8_t> bytes);

// Reads a source from front to back through a buffer. Every reader checks the file's end first and
// throws spec::SpecError with the place if it is passed.
class Cursor {
 public:
  // Reads no byte at or after `limit`, which is within the file.
  Cursor(const Source& source, std::uint64_t limit) : source_(source), limit_(limit) {}

  std::uint64_t at() const { return at_; }
  std::uint64_t left() const { return limit_ - at_; }

  // `what` is for messages: "tensor count".
  std::uint64_t number(std::size_t bytes, std::string_view what);
  std::string text(std::uint64_t bytes, std::string_view what);
  void skip(std::uint64_t bytes, std::string_view what);

 private:
  void need(std::uint64_t bytes, std::string_view what) const;
  void copy(std::span<std::uint8_t> out);

  const Source& source_;
  std::uint64_t limit_;
  std::uint64_t at_ = 0;
  std::array<std::uint8_t, 1 << 16> buffer_{};
  std::uint64_t buffer_from_ = 0;
  std::uint64_t buffer_size_ = 0;
};

// Whether text is UTF-8 without control characters.
bool is_printable(std::string_view text);

// Text from a file, safe to print and to write: control characters, and bytes that are not UTF-8,
// become '?'; at most 200 bytes.
std::string printable(std::string_view text);

}  // namespace tomestimate::importer
