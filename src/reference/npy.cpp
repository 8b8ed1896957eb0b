// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/reference/npy.hpp>

#include <array>
#include <bit>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <tomestimate/import/source.hpp>

namespace tomestimate::reference {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are written as they are");

struct Type {
  const char* numpy;
  const char* name;
};
constexpr std::array<Type, 5> types{Type{"<f4", "float32"}, Type{"|i1", "int8"},
                                    Type{"|u1", "uint8"}, Type{"<i4", "int32"},
                                    Type{"<i8", "int64"}};

std::string header(const Elements& elements, std::span<const std::size_t> shape) {
  auto text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                          types[elements.index()].numpy, fmt::join(shape, ", "),
                          shape.size() == 1 ? "," : "");
  // Magic, version and length take 10 bytes; the data begins at a multiple of 64.
  text.append(63 - (10 + text.size()) % 64, ' ');
  text += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(text.size() & 0xFF);
  out += static_cast<char>(text.size() >> 8);
  return out + text;
}

// The text after 'key': in the header, up to `end`.
std::string field(const importer::Source& source, const std::string& text, const std::string& key,
                  char end) {
  const auto at = text.find("'" + key + "':");
  const auto stop = at == std::string::npos ? at : text.find(end, at + key.size() + 3);
  if (stop == std::string::npos) source.fail(10, fmt::format("the header has no '{}'", key));
  return text.substr(at + key.size() + 3, stop - at - key.size() - 3);
}

std::vector<std::size_t> parse_shape(const importer::Source& source, const std::string& text) {
  std::vector<std::size_t> out;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at != end) {
    if (std::isdigit(static_cast<unsigned char>(*at)) == 0) {
      if (std::strchr(" ,(", *at) == nullptr) source.fail(10, "the header's shape is not read");
      ++at;
      continue;
    }
    std::size_t value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc()) source.fail(10, "the header's shape is too large");
    out.push_back(value);
    at = next;
  }
  return out;
}

}  // namespace

std::size_t size(const Elements& elements) {
  return std::visit([](const auto& e) { return e.size(); }, elements);
}

std::string dtype(const Elements& elements) { return types[elements.index()].name; }

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

FloatArray read_npy(const std::string& path) {
  const auto source = importer::Source::open(path);
  std::array<std::uint8_t, 10> start{};
  if (source.size() < start.size()) source.fail(0, "is no .npy file");
  source.read(0, start);
  if (std::memcmp(start.data(), "\x93NUMPY\x01", 7) != 0)
    source.fail(0, "is no .npy file of version 1", "numpy.save writes them");
  std::string text(static_cast<std::size_t>(start[8] | start[9] << 8), '\0');
  source.read(10, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  const auto type = field(source, text, "descr", ',');
  const bool single = type.find("<f4") != std::string::npos;
  if (!single && type.find("<f8") == std::string::npos)
    source.fail(10, fmt::format("has elements of type{}", type), "float32 and float64 are read");
  if (field(source, text, "fortran_order", ',').find("False") == std::string::npos)
    source.fail(10, "is in Fortran order", "numpy.ascontiguousarray turns it");
  FloatArray out{parse_shape(source, field(source, text, "shape", ')')), {}};
  const auto data = 10 + text.size();
  const std::size_t bytes = single ? 4 : 8;
  const auto count = (source.size() - data) / bytes;
  std::uint64_t wanted = 1;
  for (const auto n : out.shape)
    if (__builtin_mul_overflow(wanted, n, &wanted) || wanted > count)
      source.fail(source.size(), "the file ends before its array does", "is it truncated?");
  if (count != wanted || (source.size() - data) % bytes != 0)
    source.fail(data + wanted * bytes, "has bytes after its array");
  std::vector<std::uint8_t> raw(count * bytes);
  source.read(data, raw);
  out.values.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    double wide = 0;
    if (single)
      std::memcpy(&out.values[i], raw.data() + 4 * i, 4);
    else
      std::memcpy(&wide, raw.data() + 8 * i, 8), out.values[i] = static_cast<float>(wide);
    if (!std::isfinite(out.values[i]))
      source.fail(data + i * bytes, "is infinite or no number here");
  }
  return out;
}

}  // namespace tomestimate::reference
