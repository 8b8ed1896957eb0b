// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/array/npy.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/text.hpp>

namespace tomestimate::array {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are kept as they are");

constexpr std::string_view magic = "\x93NUMPY";

struct Type {
  std::string_view numpy;
  std::string_view name;
  std::size_t size;
};
// Those of Elements first, in its order.
constexpr std::array<Type, 6> types{Type{"<f4", "float32", 4}, Type{"|i1", "int8", 1},
                                    Type{"|u1", "uint8", 1},   Type{"<i4", "int32", 4},
                                    Type{"<i8", "int64", 8},   Type{"<f8", "float64", 8}};

std::string header(const Elements& elements, std::span<const std::size_t> shape) {
  auto text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                          types[elements.index()].numpy, fmt::join(shape, ", "),
                          shape.size() == 1 ? "," : "");
  // Magic, version and length take 10 bytes; the data begins at a multiple of 64.
  text.append(63 - (10 + text.size()) % 64, ' ');
  text += '\n';
  std::string out(magic);
  out += '\x01';
  out += '\0';
  out += static_cast<char>(text.size() & 0xFF);
  out += static_cast<char>(text.size() >> 8);
  return out + text;
}

[[noreturn]] void fail(const std::string& file, std::size_t byte, std::string message,
                       std::string hint = "") {
  throw spec::SpecError({{{file, 1, 1, byte}, std::move(message), std::move(hint)}});
}

// The header: a dict of Python with the keys descr, fortran_order and shape, and nothing else.
class HeaderReader {
 public:
  // `begin` is where `text` is in the file.
  HeaderReader(std::string_view text, std::size_t begin, const std::string& file)
      : text_(text), begin_(begin), file_(file) {}

  void read() {
    expect('{');
    while (!next_is('}')) {
      const auto key = string();
      expect(':');
      if (key == "descr" && !descr)
        descr = type();
      else if (key == "fortran_order" && !fortran)
        fortran = boolean();
      else if (key == "shape" && !shape)
        shape = tuple();
      else
        refuse(
            fmt::format("has the key '{}' that is not known there, or twice", spec::visible(key)));
      if (!next_is(',') && at_ < text_.size() && text_[at_] != '}') refuse("has no comma here");
    }
    skip();
    if (at_ != text_.size()) refuse("goes on after its end");
    if (!descr || !fortran || !shape) refuse("has no descr, fortran_order or shape");
  }

  std::optional<std::string> descr;
  std::optional<bool> fortran;
  std::optional<std::vector<std::size_t>> shape;

 private:
  [[noreturn]] void refuse(const std::string& message) const {
    fail(file_, begin_ + at_, "the array's header " + message, "numpy.save writes one");
  }

  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }

  // Whether that comes, which is then read.
  bool next_is(char c) {
    skip();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!next_is(c)) refuse(fmt::format("has no {} here", c));
  }

  std::string string() {
    const char quote = next_is('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const auto end = text_.find(quote, at_);
    if (end == std::string_view::npos) refuse("has a string without an end");
    std::string out(text_.substr(at_, end - at_));
    at_ = end + 1;
    return out;
  }

  std::string type() {
    if (next_is('[')) refuse("says records, not numbers,");
    return string();
  }

  bool boolean() {
    skip();
    for (const std::string_view word : {"True", "False"})
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    refuse("has neither True nor False here");
  }

  std::vector<std::size_t> tuple() {
    std::vector<std::size_t> out;
    expect('(');
    while (!next_is(')')) {
      std::size_t value = 0;
      const auto [end, error] =
          std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
      if (error != std::errc()) refuse("has a shape that is not of whole numbers, or too large,");
      at_ = static_cast<std::size_t>(end - text_.data());
      out.push_back(value);
      if (!next_is(',') && at_ < text_.size() && text_[at_] != ')') refuse("has no comma here");
    }
    return out;
  }

  std::string_view text_;
  std::size_t begin_;
  const std::string& file_;
  std::size_t at_ = 0;
};

const Type& type_of(const std::string& descr, std::size_t byte, const std::string& file) {
  // Of single bytes any order is the same.
  auto wanted = descr;
  if (wanted.ends_with("1") && (wanted[0] == '<' || wanted[0] == '>')) wanted[0] = '|';
  const auto* found =
      std::find_if(types.begin(), types.end(), [&](const Type& t) { return t.numpy == wanted; });
  if (found != types.end()) return *found;
  if (descr.starts_with(">"))
    fail(file, byte, fmt::format("has big-endian elements, of type '{}'", spec::visible(descr)),
         fmt::format("x.astype('<{}') turns them", spec::visible(descr.substr(1))));
  std::vector<std::string_view> names;
  for (const auto& t : types) names.push_back(t.name);
  fail(file, byte, fmt::format("has elements of type '{}'", spec::visible(descr)),
       fmt::format("there are {}", fmt::join(names, ", ")));
}

}  // namespace

std::size_t size(const Elements& elements) {
  return std::visit([](const auto& e) { return e.size(); }, elements);
}

std::string dtype(const Elements& elements) { return std::string(types[elements.index()].name); }

void write_npy(const std::string& path, const Elements& elements,
               std::span<const std::size_t> shape) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"),
                                                             std::fclose);
  const auto put = [&file](const void* data, std::size_t bytes) {
    return bytes == 0 || std::fwrite(data, 1, bytes, file.get()) == bytes;
  };
  const auto head = header(elements, shape);
  const bool good =
      file && put(head.data(), head.size()) &&
      std::visit([&](const auto& e) { return put(e.data(), e.size_bytes()); }, elements) &&
      std::fflush(file.get()) == 0;
  if (!good) throw std::runtime_error(fmt::format("{}: {}", path, std::strerror(errno)));
}

bool is_npy(std::string_view bytes) { return bytes.starts_with(magic); }

Array parse_npy(std::string_view bytes, const std::string& file) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (!is_npy(bytes)) fail(file, 0, "is no .npy file", "numpy.save writes them");
  if (bytes.size() < 12) fail(file, bytes.size(), "the array has no header", "is it truncated?");
  if (byte(6) < 1 || byte(6) > 3)
    fail(file, 6, fmt::format("is of version {} of NumPy's format", byte(6)), "there are 1 to 3");
  const std::size_t start = byte(6) == 1 ? 10 : 12;
  std::size_t length = 0;
  for (std::size_t i = start; i > 8; --i) length = length * 256 + byte(i - 1);
  if (length > bytes.size() - start)
    fail(file, bytes.size(), "the array's header ends too early", "is it truncated?");
  HeaderReader head(bytes.substr(start, length), start, file);
  head.read();
  const auto& type = type_of(*head.descr, start, file);
  if (*head.fortran)
    fail(file, start, "is in Fortran's order, column by column",
         "numpy.ascontiguousarray turns it");
  const auto data = bytes.substr(start + length);
  std::size_t wanted = type.size;
  for (const auto n : *head.shape)
    if (__builtin_mul_overflow(wanted, n, &wanted)) wanted = ~std::size_t{0};
  if (std::find(head.shape->begin(), head.shape->end(), 0) != head.shape->end()) wanted = 0;
  if (data.size() < wanted)
    fail(file, bytes.size(),
         fmt::format("ends before its array of {}", fmt::join(*head.shape, " x ")),
         "is it truncated?");
  if (data.size() > wanted)
    fail(file, start + length + wanted,
         fmt::format("goes on after its array of {}", fmt::join(*head.shape, " x ")));
  return {std::string(type.name), std::move(*head.shape), std::string(data)};
}

FloatArray read_floats(const std::string& path) {
  const auto bytes = spec::read_file(path, std::uintmax_t{1} << 30);
  auto array = parse_npy(bytes, path);
  const bool single = array.dtype == "float32";
  if (!single && array.dtype != "float64")
    fail(path, 0, fmt::format("has elements of type {}", array.dtype),
         "float32 or float64 is needed");
  FloatArray out{std::move(array.shape), {}};
  if (single) {
    out.values = array.elements<float>();
  } else {
    const auto wide = array.elements<double>();
    out.values.resize(wide.size());
    std::transform(wide.begin(), wide.end(), out.values.begin(),
                   [](double x) { return static_cast<float>(x); });
  }
  const auto bad =
      std::find_if(out.values.begin(), out.values.end(), [](float x) { return !std::isfinite(x); });
  if (bad != out.values.end())
    fail(path,
         bytes.size() - array.bytes.size() +
             static_cast<std::size_t>(bad - out.values.begin()) * (single ? 4 : 8),
         "is infinite or no number here");
  return out;
}

}  // namespace tomestimate::array
