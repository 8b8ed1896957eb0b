// SPDX-License-Identifier: Apache-2.0
#include "dump_slice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <tomestimate/array/npy.hpp>
#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/spec/file.hpp>

namespace tomestimate::cli {
namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse_dump(const std::string& file, std::string message, std::string hint = "") {
  throw spec::SpecError({{{file, 0, 0}, std::move(message), std::move(hint)}});
}

constexpr std::string_view how_to_dump = "made by tomestimate run --dump-weights --dump DIR";

Json read_manifest(const std::string& file) {
  auto manifest = Json::parse(spec::read_file(file, 1u << 28), nullptr, false);
  if (!manifest.is_object() || manifest.value("kind", Json()) != "tomestimate dump" ||
      manifest.value("version", Json()) != 1 || !manifest.value("arrays", Json()).is_array())
    refuse_dump(file, "is no manifest of a dump", std::string(how_to_dump));
  return manifest;
}

// An array of two dimensions, by what the manifest says of it; the file has to say the same.
array::Array find_array(const Json& manifest, const DumpSlice& wanted, const std::string& op,
                        const std::string& role, const std::string& name, const std::string& hint) {
  const auto file = wanted.folder + "/manifest.json";
  for (const auto& a : manifest["arrays"]) {
    if (!a.is_object() || a.value("pass", Json()) != 0 ||
        a.value("layer", Json()) != wanted.layer || a.value("op", Json()) != op ||
        a.value("role", Json()) != role || a.value("name", Json()) != name)
      continue;
    const auto path = a.value("file", Json());
    if (!path.is_string()) refuse_dump(file, fmt::format("{} of {} has no file", name, op));
    const auto array_file = wanted.folder + "/" + path.get<std::string>();
    auto out = array::parse_npy(spec::read_file(array_file, 1u << 30), array_file);
    if (out.dtype != a.value("dtype", Json()) || Json(out.shape) != a.value("shape", Json()))
      refuse_dump(array_file, fmt::format("is of {} and {}, and the manifest says else", out.dtype,
                                          fmt::join(out.shape, " x ")));
    if (out.shape.size() != 2) refuse_dump(array_file, "is no matrix");
    return out;
  }
  refuse_dump(file, fmt::format("has no {} of {} in layer {}", name, op, wanted.layer), hint);
}

void check_slice(const DumpSlice& w, const array::Array& codes, const array::Array& weights,
                 const array::Array& sums) {
  const auto file = w.folder + "/manifest.json";
  if (codes.dtype != "uint8" && codes.dtype != "int8")
    refuse_dump(file, fmt::format("its activations are {}, and units take E4M3 (uint8) or int8",
                                  codes.dtype));
  if (weights.dtype != "int8" || sums.dtype != "int64" || weights.shape[1] != codes.shape[1] ||
      sums.shape[0] != codes.shape[0] || sums.shape[1] != weights.shape[0] || codes.shape[0] == 0 ||
      codes.shape[1] == 0)
    refuse_dump(file, fmt::format("arrays of {} do not fit each other", w.projection));
  if (weights.shape[1] % w.lanes != 0)
    refuse_dump("--lanes", fmt::format("{} lanes do not divide the {} inputs of {}", w.lanes,
                                       weights.shape[1], w.projection));
  if (w.first_row >= weights.shape[0] || w.rows > weights.shape[0] - w.first_row)
    refuse_dump("--first-row", fmt::format("{} has {} rows, and {} from {} are beyond them",
                                           w.projection, weights.shape[0], w.rows, w.first_row));
  if (w.rows > rtl::largest_tile / weights.shape[1])
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
  out.chunks = weights.shape[1] / w.lanes;
  out.tokens = codes.shape[0];
  out.tile.shape = {w.rows * out.chunks, 1, w.lanes};
  const auto all_weights = weights.elements<std::int8_t>();
  for (std::size_t i = 0; i < w.rows * weights.shape[1]; ++i) {
    const auto x = all_weights[w.first_row * weights.shape[1] + i];
    if (x < -1 || x > 1)
      refuse_dump(w.folder, fmt::format("a weight of {} is {}", w.projection, int(x)));
    out.tile.weights.push_back(x);
  }
  out.int8 = codes.dtype == "int8";
  out.codes = codes.elements<std::uint8_t>();
  const auto all_sums = sums.elements<std::int64_t>();
  for (std::size_t t = 0; t < out.tokens; ++t)
    for (std::size_t r = 0; r < w.rows; ++r)
      out.sums.push_back(all_sums[t * sums.shape[1] + w.first_row + r]);
  return out;
}

}  // namespace tomestimate::cli
