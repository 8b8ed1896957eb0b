// SPDX-License-Identifier: Apache-2.0
#include "dump_slice.hpp"

#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/file.hpp>

namespace tomestimate::cli {
namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse_dump(const std::string& file, std::string message, std::string hint = "") {
  throw spec::SpecError({{{file, 0, 0}, std::move(message), std::move(hint)}});
}

constexpr std::string_view how_to_dump = "made by tomestimate run --dump-weights --dump DIR";

struct DumpArray {
  std::string dtype;
  std::size_t rows;
  std::size_t columns;
  std::string bytes;  // of the elements
};

// The data of a .npy file whose type and shape the manifest says.
std::string array_bytes(const std::string& file, std::size_t wanted) {
  auto bytes = spec::read_file(file, 1u << 30);
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() < 10 || bytes.compare(0, 7, "\x93NUMPY\x01") != 0)
    refuse_dump(file, "is no .npy file of version 1");
  const std::size_t start = 10 + byte(8) + 256 * byte(9);
  if (bytes.size() < start || bytes.size() - start != wanted)
    refuse_dump(file, fmt::format("does not have the {} bytes that the manifest says", wanted));
  return bytes.substr(start);
}

std::size_t element_size(const std::string& dtype) {
  return dtype == "int8" || dtype == "uint8" ? 1 : dtype == "int64" ? 8 : 4;
}

Json read_manifest(const std::string& file) {
  auto manifest = Json::parse(spec::read_file(file, 1u << 28), nullptr, false);
  if (!manifest.is_object() || manifest.value("kind", Json()) != "tomestimate dump" ||
      manifest.value("version", Json()) != 1 || !manifest.value("arrays", Json()).is_array())
    refuse_dump(file, "is no manifest of a dump", std::string(how_to_dump));
  return manifest;
}

DumpArray find_array(const Json& manifest, const DumpSlice& wanted, const std::string& op,
                     const std::string& role, const std::string& name, const std::string& hint) {
  const auto file = wanted.folder + "/manifest.json";
  for (const auto& a : manifest["arrays"]) {
    if (!a.is_object() || a.value("pass", Json()) != 0 ||
        a.value("layer", Json()) != wanted.layer || a.value("op", Json()) != op ||
        a.value("role", Json()) != role || a.value("name", Json()) != name)
      continue;
    const auto path = a.value("file", Json()), shape = a.value("shape", Json()),
               dtype = a.value("dtype", Json());
    const auto is_size = [](const Json& n) {
      return n.is_number_unsigned() && n.get<std::uint64_t>() <= 1u << 24;
    };
    if (!path.is_string() || !dtype.is_string() || !shape.is_array() || shape.size() != 2 ||
        !is_size(shape[0]) || !is_size(shape[1]))
      refuse_dump(file, fmt::format("{} of {} has no file, dtype or shape of two", name, op));
    DumpArray out{dtype.get<std::string>(), shape[0].get<std::size_t>(),
                  shape[1].get<std::size_t>(), ""};
    out.bytes = array_bytes(wanted.folder + "/" + path.get<std::string>(),
                            out.rows * out.columns * element_size(out.dtype));
    return out;
  }
  refuse_dump(file, fmt::format("has no {} of {} in layer {}", name, op, wanted.layer), hint);
}

void check_slice(const DumpSlice& w, const DumpArray& codes, const DumpArray& weights,
                 const DumpArray& sums) {
  const auto file = w.folder + "/manifest.json";
  if (codes.dtype != "uint8" && codes.dtype != "int8")
    refuse_dump(file, fmt::format("its activations are {}, and units take E4M3 (uint8) or int8",
                                  codes.dtype));
  if (weights.dtype != "int8" || sums.dtype != "int64" || weights.columns != codes.columns ||
      sums.rows != codes.rows || sums.columns != weights.rows || codes.rows == 0 ||
      codes.columns == 0)
    refuse_dump(file, fmt::format("arrays of {} do not fit each other", w.projection));
  if (weights.columns % w.lanes != 0)
    refuse_dump("--lanes", fmt::format("{} lanes do not divide the {} inputs of {}", w.lanes,
                                       weights.columns, w.projection));
  if (w.first_row >= weights.rows || w.rows > weights.rows - w.first_row)
    refuse_dump("--first-row", fmt::format("{} has {} rows, and {} from {} are beyond them",
                                           w.projection, weights.rows, w.rows, w.first_row));
  if (w.rows > rtl::largest_tile / weights.columns)
    refuse_dump("--rows", fmt::format("at most {} weights", rtl::largest_tile));
}

}  // namespace

rtl::LayerSlice read_dump_slice(const DumpSlice& w) {
  const auto manifest = read_manifest(w.folder + "/manifest.json");
  const std::string hint(how_to_dump);
  const auto codes =
      find_array(manifest, w, w.projection, "input", "codes", "--layer and --projection say which");
  const auto weights = find_array(manifest, w, w.projection, "weight", "weights", hint);
  const auto sums = find_array(manifest, w, w.projection, "output", "sums", hint);
  check_slice(w, codes, weights, sums);
  rtl::LayerSlice out;
  out.rows = w.rows;
  out.chunks = weights.columns / w.lanes;
  out.tokens = codes.rows;
  out.tile.shape = {w.rows * out.chunks, 1, w.lanes};
  for (std::size_t i = 0; i < w.rows * weights.columns; ++i) {
    const auto x = static_cast<std::int8_t>(weights.bytes[w.first_row * weights.columns + i]);
    if (x < -1 || x > 1)
      refuse_dump(w.folder, fmt::format("a weight of {} is {}", w.projection, int(x)));
    out.tile.weights.push_back(x);
  }
  out.int8 = codes.dtype == "int8";
  out.codes.assign(codes.bytes.begin(), codes.bytes.end());
  for (std::size_t t = 0; t < out.tokens; ++t)
    for (std::size_t r = 0; r < w.rows; ++r) {
      std::int64_t sum = 0;
      std::memcpy(&sum, sums.bytes.data() + 8 * (t * sums.columns + w.first_row + r), 8);
      out.sums.push_back(sum);
    }
  return out;
}

}  // namespace tomestimate::cli
