// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/array/npy.hpp>

#include <fstream>
#include <iterator>
#include <limits>
#include <string>

#include <tomestimate/spec/diagnostic.hpp>

#include "catch.hpp"
#include "folder.hpp"

using namespace tomestimate;
using Shape = std::vector<std::size_t>;

namespace {

// A file as NumPy writes it, with this header and these bytes.
std::string npy(const std::string& header, const std::string& data, char version = 1) {
  std::string out = "\x93NUMPY";
  out += version;
  out += '\0';
  out += static_cast<char>(header.size() & 0xff);
  out += static_cast<char>(header.size() >> 8);
  if (version > 1) out.append(2, '\0');
  return out + header + data;
}

std::string dict(const std::string& descr, const std::string& fortran, const std::string& shape) {
  return "{'descr': " + descr + ", 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class T>
void there_and_back(const std::string& file, const std::string& dtype) {
  const std::vector<T> values{
      1, std::numeric_limits<T>::lowest(), 3, std::numeric_limits<T>::max(), 0, 7};
  for (const auto& shape : {Shape{2, 3}, Shape{6}, Shape{1, 3, 2}}) {
    array::write_npy(file, std::span<const T>(values), shape);
    const auto bytes = bytes_of(file);
    CHECK((bytes.size() - values.size() * sizeof(T)) % 64 == 0);
    const auto read = array::parse_npy(bytes, file);
    CHECK(read.dtype == dtype);
    CHECK(read.shape == shape);
    CHECK(read.elements<T>() == values);
  }
}

void refused(const std::string& bytes, const std::string& why) {
  std::string said;
  try {
    array::parse_npy(bytes, "x.npy");
  } catch (const spec::SpecError& e) {
    said = e.what();
  }
  CAPTURE(why, said);
  CHECK(said.starts_with("x.npy:byte "));
  CHECK(said.find(why) != std::string::npos);
}

}  // namespace

TEST_CASE("arrays of every type: there and back") {
  const Folder folder;
  const auto file = folder.file("x.npy");
  there_and_back<float>(file, "float32");
  there_and_back<std::int8_t>(file, "int8");
  there_and_back<std::uint8_t>(file, "uint8");
  there_and_back<std::int32_t>(file, "int32");
  there_and_back<std::int64_t>(file, "int64");
}

TEST_CASE("headers that NumPy and others write") {
  const std::string two("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8);  // 1, -2
  for (const char version : {1, 2, 3})
    CHECK(array::parse_npy(npy(dict("'<f4'", "False", "(2,)"), two, version), "x")
              .elements<float>() == std::vector<float>{1, -2});
  CHECK(
      array::parse_npy(npy("{\"shape\":(1,2),\"fortran_order\":False,\"descr\":\"<f4\"}", two), "x")
          .shape == Shape{1, 2});
  CHECK(array::parse_npy(npy(dict("'<f8'", "False", "()"), two), "x").shape.empty());
  CHECK(array::parse_npy(npy(dict("'<i1'", "False", "(8,)"), two), "x").dtype == "int8");
  CHECK(array::parse_npy(npy(dict("'|u1'", "False", "(0, 9)"), ""), "x").bytes.empty());
}

TEST_CASE("files that are no such array say why and where") {
  const std::string eight(8, '\0');
  refused("", "is no .npy file");
  refused("1,0,-1\n", "is no .npy file");
  refused("\x93NUMPY", "no header");
  refused(npy(dict("'<f4'", "False", "(2,)"), eight, 4), "version 4");
  refused(npy(dict("'<f4'", "False", "(2,)"), eight).substr(0, 30), "ends too early");
  refused(npy(dict("'<f4'", "False", "(2,)"), eight.substr(1)), "ends before its array of 2");
  refused(npy(dict("'<f4'", "False", "(2,)"), eight + "x"), "goes on after its array of 2");
  refused(npy(dict("'>f4'", "False", "(2,)"), eight), "x.astype('<f4') turns them");
  refused(npy(dict("'<f2'", "False", "(4,)"), eight), "elements of type '<f2' (there are float32");
  refused(npy(dict("'|O'", "False", "(1,)"), eight), "elements of type '|O'");
  refused(npy(dict("[('a', '<f4')]", "False", "(2,)"), eight), "records");
  refused(npy(dict("'<f4'", "True", "(1, 2)"), eight), "Fortran's order");
  refused(npy(dict("'<f4'", "0", "(2,)"), eight), "neither True nor False");
  refused(npy(dict("'<f4'", "False", "2"), eight), "has no ( here");
  refused(npy(dict("'<f4'", "False", "(-2,)"), eight), "whole numbers");
  refused(npy(dict("'<f4'", "False", "(2.0,)"), eight), "no comma");
  refused(npy(dict("'<f4'", "False", "(99999999999999999999,)"), eight), "too large");
  refused(npy(dict("'<f4'", "False", "(4294967296, 4294967296, 4)"), eight), "ends before");
  refused(npy("{}", eight), "has no descr");
  refused(npy("{'descr': '<f4', 'descr': '<f4'}", eight), "or twice");
  refused(npy("{'rows': 3}", eight), "'rows'");
  refused(npy("{'descr", eight), "string without an end");
  refused(npy("{'descr' '<f4'}", eight), "has no : here");
  refused(npy(dict("'<f4'", "False", "(2,)") + "; import os", eight), "goes on after its end");
  refused(npy("", eight), "has no { here");
  // What is beside a zero cannot overflow.
  CHECK(array::parse_npy(npy(dict("'<f4'", "False", "(9999999999999999999, 0)"), ""), "x")
            .bytes.empty());
}

TEST_CASE("floats of two widths, all finite") {
  const Folder folder;
  const auto file = folder.file("x.npy");
  const auto put = [&](const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
  };
  const auto said = [&] {
    try {
      array::read_floats(file);
    } catch (const spec::SpecError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  put(npy(dict("'<f8'", "False", "(1,)"), std::string("\x00\x00\x00\x00\x00\x00\xf8\xbf", 8)));
  CHECK(array::read_floats(file).values == std::vector<float>{-1.5f});
  const auto head = dict("'<f4'", "False", "(2,)");
  for (const auto* bad : {"\x00\x00\xc0\x7f", "\x00\x00\x80\xff"}) {
    put(npy(head, std::string(4, '\0') + std::string(bad, 4)));
    CHECK(said().find("byte " + std::to_string(10 + head.size() + 4) + ": error: is infinite") !=
          std::string::npos);
  }
  // Finite as a double only.
  put(npy(dict("'<f8'", "False", "(1,)"), std::string("\x00\x00\x00\x00\x00\x00\xe8\x7f", 8)));
  CHECK(said().find("is infinite") != std::string::npos);
  put(npy(dict("'<i4'", "False", "(1,)"), std::string(4, '\0')));
  CHECK(said().find("float32 or float64 is needed") != std::string::npos);
}
