// SPDX-License-Identifier: Apache-2.0
#include "npy.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>

namespace tomestimate::study::npy {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

// As a string of Python.
std::string python_string(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\'' || c == '\\')
      out += fmt::format("\\{}", c);
    else if (byte < 0x20 || byte == 0x7F)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out + "'";
}

std::string dictionary(const std::string& type, std::uint64_t size) {
  return fmt::format("{{'descr': {}, 'fortran_order': False, 'shape': ({},), }}", type, size);
}

// Version 3.0: a header of UTF-8 with its length in four bytes. Data begin at a multiple of 64.
std::string header(const std::string& type, std::uint64_t size) {
  const auto longest = dictionary(type, std::numeric_limits<std::uint64_t>::max()).size() + 1;
  const auto fixed = magic.size() + 2 + 4;
  const auto length = (fixed + longest + 63) / 64 * 64 - fixed;
  auto text = dictionary(type, size);
  text.resize(length - 1, ' ');
  char count[4];
  put(count, std::uint64_t{length}, sizeof count);
  return fmt::format("{}{}{}{}\n", magic, std::string_view("\x03\x00", 2),
                     std::string_view(count, sizeof count), text);
}

// The code points of UTF-8 text, which TOML has checked.
std::u32string code_points(std::string_view text) {
  std::u32string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const int more = byte < 0x80 ? 0 : byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    char32_t point = more == 0 ? byte : byte & (0x3Fu >> more);
    for (++i; i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0u) == 0x80; ++i)
      point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
    out += point;
  }
  return out;
}

}  // namespace

std::string records(const std::vector<Field>& fields, std::uint64_t rows) {
  std::set<std::string> seen;
  std::string type;
  for (const auto& field : fields) {
    auto name = field.name;
    while (!seen.insert(name).second) name += "_";
    type += fmt::format("{}({}, '{}')", type.empty() ? "[" : ", ", python_string(name), field.type);
  }
  return header(type + "]", rows);
}

std::string array(std::string_view type, std::uint64_t size) {
  return header(fmt::format("'{}'", type), size);
}

std::string texts(const std::vector<std::string>& list) {
  std::vector<std::u32string> points;
  std::size_t width = 1;
  for (const auto& text : list) {
    points.push_back(code_points(text));
    width = std::max(width, points.back().size());
  }
  auto out = array(fmt::format("<U{}", width), list.size());
  const auto head = out.size();
  out.resize(head + 4 * width * list.size());
  char* to = out.data() + head;
  for (auto& text : points) {
    text.resize(width);
    for (const auto c : text) to = put(to, std::uint64_t{c}, 4);
  }
  return out;
}

bool is_npy(std::string_view head) { return head.starts_with(magic); }

}  // namespace tomestimate::study::npy
