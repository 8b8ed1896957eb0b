// SPDX-License-Identifier: Apache-2.0
// What the ROM holds: stored bits and their 1-bits, banks, and the banks that a read disturbs.
// Equations: specs/machine.md, "Base projections" and "Gating".
#pragma once

#include <cstddef>

#include <tomestimate/engine/setting.hpp>

namespace tomestimate::engine {

template <class T>
struct StoredBits {
  Bits<T> all{};
  Bits<T> ones{};  // of weights; scales and zero points of groups are not looked at
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

// Bits of a matrix of `weights` weights with what its groups add.
template <class T>
Bits<T> matrix_bits(const spec::Model<T>& m, T weights) {
  const Bits<T> codes = weights * m.weights.bits;
  const T group = m.weights.group;
  return codes + min(group, T(1)) * ceil_div(weights, max(group, T(1))) * m.weights.group_bits;
}

// 1-bits of projection p in layer l: those of the whole matrix, as rows left out hold none.
template <class T>
Bits<T> stored_ones(const spec::Model<T>& m, std::size_t layer, spec::Projection p) {
  const auto [outputs, inputs] = spec::shape(m, p);
  const T weights = outputs * inputs;
  if (m.weights.code == spec::WeightCode::ternary)
    return bits(nonzero_weights(weights, spec::zero_share(m.weights, layer, p)));
  return integer_ones(Bits<T>(weights * m.weights.bits), m.weights.zero_bit_ratio[layer]);
}

// Bits of projection p in layer l, which `s` has entered.
template <class T>
StoredBits<T> stored_bits(const Setting<T>& s, std::size_t layer, spec::Projection p) {
  const auto [outputs, inputs] = layer_shape(s, p);
  return {matrix_bits(s.model, T(outputs * inputs)), stored_ones(s.model, layer, p)};
}

// Bits of all projections of layer l, which `s` has entered.
template <class T>
StoredBits<T> layer_stored_bits(const Setting<T>& s, std::size_t layer) {
  StoredBits<T> sum;
  for (std::size_t p = 0; p < spec::projection_count; ++p)
    sum = sum + stored_bits(s, layer, static_cast<spec::Projection>(p));
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
  if (hw.map.head != spec::HeadPlace::rom) return {};
  const auto table = table_bits(m);
  return m.embedding.tied == spec::Switch::on ? table : table + table;
}

// Norm gains of a layer that are kept in ROM.
template <class T>
Bits<T> norm_bits(const spec::Model<T>& m) {
  T gains = T(2) * m.hidden;
  if (m.sub_norms == spec::Switch::on) gains += m.heads * m.head_dim + m.intermediate;
  return gains * m.norm_bits;
}

// Banks of a matrix of `stored` bits.
template <class T>
T matrix_banks(const spec::Hardware<T>& hw, Bits<T> stored) {
  const auto bank = hw.rom.bank_width * hw.rom.bank_height;
  return ceil(T((stored / bank).value()));
}

// Banks that `units` units read at once, of a matrix of `banks`.
template <class T>
T banks_at_once(const spec::Hardware<T>& hw, T banks, T units, T width, Bits<T> weight_bits) {
  const Bits<T> together = units * hw.base.rows * width * weight_bits;
  return min(banks, ceil(T((together / hw.rom.bank_width).value())));
}

// ROM banks of each projection of the layer at hand, of the whole chip, and of the LM head.
template <class T>
struct Banks {
  std::array<T, spec::projection_count> projection{};
  T layer{};
  T head{};
  T chip{};
};

template <class T>
void count_layer_banks(const Setting<T>& s, Banks<T>& banks) {
  banks.layer = T(0);
  for (std::size_t i = 0; i < spec::projection_count; ++i) {
    const auto [outputs, inputs] = layer_shape(s, static_cast<spec::Projection>(i));
    banks.projection[i] = matrix_banks(s.hw, matrix_bits(s.model, T(outputs * inputs)));
    banks.layer += banks.projection[i];
  }
}

// Leaves the banks of the last layer in `projection` and `layer`.
template <class T>
Banks<T> count_banks(Setting<T> s) {
  Banks<T> banks;
  if (!uses_rom(s.hw)) return banks;
  if (s.hw.map.head == spec::HeadPlace::rom)
    banks.head = matrix_banks(s.hw, table_bits(s.model).all);
  banks.chip = banks.head;
  if (s.hw.map.weights != spec::WeightPlace::rom) return banks;
  if (s.hw.map.skip_dead == spec::Switch::off || s.model.weights.dead_share.empty()) {
    count_layer_banks(s, banks);
    banks.chip += T(static_cast<double>(s.model.layers)) * banks.layer;
    return banks;
  }
  for (std::size_t layer = 0; layer < s.model.layers; ++layer) {
    enter_layer(s, layer);
    count_layer_banks(s, banks);
    banks.chip += banks.layer;
  }
  return banks;
}

// Banks that see an address change while projection p of a layer with these banks is read.
template <class T>
T disturbed_banks(const spec::Hardware<T>& hw, const Banks<T>& banks, T own, T own_at_once) {
  if (hw.gating.mode == spec::GatingMode::none) return banks.chip;
  switch (hw.gating.domain) {
    case spec::GatingDomain::bank:
      return own_at_once;
    case spec::GatingDomain::matrix:
      return own;
    case spec::GatingDomain::layer:
      break;
  }
  return banks.layer;
}

}  // namespace tomestimate::engine
