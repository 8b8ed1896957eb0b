// SPDX-License-Identifier: Apache-2.0
// ROM: stored bits and their 1-bits, the area law with its two alternatives, and read traffic.
// Equations: specs/machine.md, "Base projections"; area per bit of an array from ROMA
// (arXiv 2503.12988): bit cell / array efficiency.
#pragma once

#include <cstddef>

#include <tomestimate/engine/op.hpp>

namespace tomestimate::engine {

template <class T>
struct StoredBits {
  Bits<T> all{};
  Bits<T> ones{};
};

template <class T>
StoredBits<T> operator+(const StoredBits<T>& a, const StoredBits<T>& b) {
  return {a.all + b.all, a.ones + b.ones};
}

// Non-zero weights of a ternary matrix of `weights` weights. A matrix has a whole number of zeros.
template <class T>
T nonzero_weights(T weights, T zero_share) {
  return weights - round_half_up(zero_share * weights);
}

// 1-bits among `all` bits of an integer code.
template <class T>
Bits<T> integer_ones(Bits<T> all, T zero_bit_ratio) {
  return all - bits(T(round_half_up(zero_bit_ratio * all.value())));
}

// Bits of projection p in layer l.
template <class T>
StoredBits<T> stored_bits(const spec::Model<T>& m, std::size_t layer, spec::Projection p) {
  const auto [outputs, inputs] = shape(m, p);
  const Bits<T> all = outputs * inputs * m.weights.bits;
  if (m.weights.code == spec::WeightCode::ternary)
    return {all, bits(nonzero_weights(T(outputs * inputs), m.weights.zero_share[layer]))};
  return {all, integer_ones(all, m.weights.zero_bit_ratio[layer])};
}

// Bits of all projections of layer l.
template <class T>
StoredBits<T> layer_stored_bits(const spec::Model<T>& m, std::size_t layer) {
  StoredBits<T> sum;
  for (std::size_t p = 0; p < spec::projection_count; ++p)
    sum = sum + stored_bits(m, layer, static_cast<spec::Projection>(p));
  return sum;
}

// Bits of one vocabulary table: the LM head, or the token embedding.
template <class T>
StoredBits<T> table_bits(const spec::Model<T>& m) {
  const Bits<T> all = m.embedding.vocabulary * m.hidden * m.embedding.bits;
  return {all, integer_ones(all, m.embedding.zero_bit_ratio)};
}

// Bits of LM head and embedding in ROM; an untied embedding is a second table.
template <class T>
StoredBits<T> head_stored_bits(const spec::Hardware<T>& hw, const spec::Model<T>& m) {
  if (hw.mapping.lm_head != spec::Placement::rom) return {};
  const auto table = table_bits(m);
  return m.embedding.tied == spec::Switch::on ? table : table + table;
}

template <class T>
AreaPerBit<T> array_area_per_bit(const spec::Array<T>& array) {
  return array.cell / array.efficiency;
}

// ROM area by the hardware's law.
template <class T>
Area<T> rom_area(const spec::Hardware<T>& hw, const StoredBits<T>& stored) {
  if (hw.rom.law == spec::RomLaw::macro) return stored.all * array_area_per_bit(hw.rom_macro);
  return stored.ones * hw.rom.area_per_one_bit + stored.all * hw.rom.area_per_bit;
}

template <class T>
BitDensity<T> density(const StoredBits<T>& stored, Area<T> area) {
  return stored.all / area;
}

// ROM reads of a matrix with `words` words in all lanes, read once per token group. 1-bits differ
// from layer to layer and are added by the caller.
template <class T>
void add_rom_reads(const Setting<T>& s, T outputs, T inputs, T width, Bits<T> weight_bits, T steps,
                   T groups, OpEstimate<T>& op) {
  const Bits<T> word = s.hw.pe.rows * width * weight_bits;
  op.rom = steps * groups * port_cycles(word, s.hw.rom.read_width);
  op.rom_words = groups * ceil_div(outputs, s.hw.pe.rows) * ceil_div(inputs, width);
  op.rom_bits = groups * outputs * inputs * weight_bits;
}

}  // namespace tomestimate::engine
