// SPDX-License-Identifier: Apache-2.0
// Tensors of a checkpoint, and the ways their weights are stored.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tomestimate/import/source.hpp>

namespace tomestimate::importer {

// Storages whose zero weights can be counted; count.hpp says how each is laid out.
enum class Storage {
  f32,
  f16,
  bf16,
  i8,         // -1, 0, +1 as they are
  packed_u8,  // four 2-bit codes a byte (Hugging Face BitNet)
  tq1_0,      // GGUF type 34
  tq2_0,      // GGUF type 35
  q2_0,       // GGUF type 42, blocks of 64
  q2_0_128,   // GGUF type 42 of another fork, blocks of 128
  i2_s,       // GGUF types 36, 38 and 39 of Microsoft's fork
  tl1,
  tl2,
  other,    // known, but no storage of weights that may be zero
  unknown,  // its size neither
};

// A tensor is read in parts of this size: they stay in the second-level cache.
inline constexpr std::size_t chunk_bytes = 1 << 18;

// Columns of a TL2 matrix that are stored three at a time; the others are stored two at a time.
constexpr std::uint64_t tl2_threes(std::uint64_t columns) { return columns / 96 * 96; }

constexpr bool is_float(Storage s) {
  return s == Storage::f32 || s == Storage::f16 || s == Storage::bf16;
}

// Of types that have ternary weights and no others.
constexpr bool is_ternary_type(Storage s) {
  return s == Storage::tq1_0 || s == Storage::tq2_0 || s == Storage::q2_0 ||
         s == Storage::q2_0_128 || s == Storage::i2_s || s == Storage::tl1 || s == Storage::tl2;
}

struct Tensor {
  std::string name;
  std::string type;  // as the format calls it: "TQ1_0", "BF16"
  Storage storage = Storage::other;
  std::optional<int> integer_bits;   // of one weight, where the type stores whole numbers
  std::vector<std::uint64_t> shape;  // outermost first: outputs, inputs
  std::uint64_t offset = 0;          // of its first byte in the file
  std::uint64_t bytes = 0;
};

// a * b, or nothing if that is beyond 64 bits.
std::optional<std::uint64_t> product(std::uint64_t a, std::uint64_t b);
// Number of elements of a shape, or nothing if that is beyond 64 bits.
std::optional<std::uint64_t> elements(std::span<const std::uint64_t> shape);

// "2560 x 6912"
std::string shape_text(std::span<const std::uint64_t> shape);

// Throws spec::SpecError if two tensors share a byte, or two have one name.
void check_apart(const Source& source, const std::vector<Tensor>& tensors);

}  // namespace tomestimate::importer
