// SPDX-License-Identifier: Apache-2.0
// Where rows go: standard output, a device, or a .part file that takes the name of the output at
// the end, and that one run at a time may have.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace tomestimate::study {

// CRC-32 of bytes that follow those of `before`.
std::uint32_t checksum(std::string_view bytes, std::uint32_t before = 0);

class Sink {
 public:
  // Begins a file with `head`; "" is standard output. With `resume` the .part file of an earlier
  // run is left as it is for now. Throws std::runtime_error with the reason: another run that
  // writes it, say.
  Sink(const std::string& output, std::string head, bool resume);
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  ~Sink();

  bool keeps_state() const { return renames_; }
  std::string part() const { return output_ + ".part"; }
  std::string state() const { return output_ + ".state"; }
  const std::string& head() const { return head_; }
  std::uint64_t bytes() const { return bytes_; }  // after the head
  std::uint32_t sum() const { return sum_; }      // of them

  // Goes on after the first `bytes`, whose checksum was `sum`. Throws std::runtime_error, with all
  // files as they were, if they are not there any more.
  void go_on(std::uint64_t bytes, std::uint32_t sum);

  void write(std::string_view text);
  void flush();                          // to the disk
  void finish(const std::string& head);  // replaces the head by one of the same length
  void discard();

 private:
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void fail_errno(const std::string& what) const;
  void open_part(bool resume);

  std::string output_;
  std::string head_;
  bool renames_ = false;
  std::FILE* file_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::uint32_t sum_ = 0;
};

}  // namespace tomestimate::study
