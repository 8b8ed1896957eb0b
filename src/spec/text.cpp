// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/text.hpp>

#include <array>
#include <cstdint>

#include <fmt/format.h>

namespace tomestimate::spec {
namespace {

// A character of UTF-8, or one byte that is none.
struct Character {
  std::uint32_t code;
  std::size_t bytes;
  bool good;
};

Character first_character(std::string_view text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const Character bad{byte(0), 1, false};
  if (byte(0) < 0x80) return {byte(0), 1, true};
  const std::size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length) return bad;
  std::uint32_t code = byte(0) & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return bad;
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < least[length] || code > 0x10FFFF || surrogate) return bad;
  return {code, length, true};
}

struct Group {
  std::uint32_t first, last;
  const char* name;
};

// Unicode's Cc, and of Cf those that order or hide text; joiners of letters stay.
constexpr std::array groups{
    Group{0x0000, 0x001F, "a control character"},
    Group{0x007F, 0x009F, "a control character"},
    Group{0x00AD, 0x00AD, "a character without a shape"},
    Group{0x061C, 0x061C, "a character that turns the direction of writing"},
    Group{0x180E, 0x180E, "a character without a shape"},
    Group{0x200B, 0x200B, "a character without a shape"},
    Group{0x200E, 0x200F, "a character that turns the direction of writing"},
    Group{0x2028, 0x2029, "a line break"},
    Group{0x202A, 0x202E, "a character that turns the direction of writing"},
    Group{0x2060, 0x2065, "a character without a shape"},
    Group{0x2066, 0x2069, "a character that turns the direction of writing"},
    Group{0x206A, 0x206F, "a character without a shape"},
    Group{0xFEFF, 0xFEFF, "a character without a shape"},
    Group{0xFFF9, 0xFFFB, "a character without a shape"},
    Group{0xFFFE, 0xFFFF, "no character"},
    Group{0xE0000, 0xE007F, "a character without a shape"},
};

// What a character is, if it doesn't print.
const char* kind_of(const Character& c) {
  if (!c.good) return "no UTF-8";
  for (const auto& g : groups)
    if (c.code >= g.first && c.code <= g.last) return g.name;
  return nullptr;
}

}  // namespace

std::optional<Unprintable> first_unprintable(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto c = first_character(text.substr(at));
    if (const auto* kind = kind_of(c))
      return Unprintable{at, c.good ? fmt::format("{} (U+{:04X})", kind, c.code)
                                    : fmt::format("{} (byte {:02X})", kind, c.code)};
    at += c.bytes;
  }
  return std::nullopt;
}

std::string visible(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = first_character(text.substr(at));
    if (kind_of(c) == nullptr)
      out += text.substr(at, c.bytes);
    else if (c.code < 0x80 || !c.good)
      out += fmt::format("\\x{:02x}", c.code);
    else
      out += fmt::format("\\u{{{:04x}}}", c.code);
    at += c.bytes;
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t most_bytes) {
  if (text.size() <= most_bytes) return visible(text);
  auto end = most_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return visible(text.substr(0, end)) + "...";
}

}  // namespace tomestimate::spec
