// SPDX-License-Identifier: Apache-2.0
// Weights drawn from a seed; model.hpp says how they are distributed.
#pragma once

#include <cstdint>
#include <span>

#include <tomestimate/reference/matrix.hpp>

namespace tomestimate::reference {

// splitmix64 of x.
std::uint64_t mix(std::uint64_t x);
std::uint64_t mix(std::uint64_t seed, std::uint64_t layer, std::uint64_t matrix);

Ternary random_ternary(std::size_t rows, std::size_t columns, double zero_share, std::uint64_t key);
Grouped random_grouped(std::size_t rows, std::size_t columns, int bits, std::size_t group,
                       std::uint64_t key);

// Values first, first + 1, ... of an endless row of numbers, uniform in [-most, most) in steps of
// most x 2^-15.
void random_uniform(std::uint64_t key, std::uint64_t first, float most, std::span<float> out);

}  // namespace tomestimate::reference
