// SPDX-License-Identifier: Apache-2.0
// What characterize has measured, in a file, so that the next run need not measure it again.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tomestimate::rtl {

// A first line that says what the file is, and of which version; then lines "key<tab>number
// number ...<tab>checksum", appended as they are measured. One run at a time has the file; a line
// that was cut short by the end of the program is measured again.
class Kept {
 public:
  using Numbers = std::vector<double>;

  // "" for none. Throws spec::SpecError if the file is none of characterize's, or damaged, and
  // std::runtime_error if another run has it or it can't be written; then it is left as it is.
  explicit Kept(const std::string& file);
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  ~Kept();

  // The numbers of a key, null if there are none, or not `count` of them.
  const Numbers* find(const std::string& key, std::size_t count) const;
  // Throws std::runtime_error with path and reason.
  void add(const std::string& key, const Numbers& numbers);

 private:
  void open();
  void read(std::string_view text);
  void append(std::string_view text) const;

  std::string file_;
  int descriptor_ = -1;
  std::map<std::string, Numbers> known_;
};

}  // namespace tomestimate::rtl
