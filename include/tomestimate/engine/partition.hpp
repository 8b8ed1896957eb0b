// SPDX-License-Identifier: Apache-2.0
// Dealing work to parallel parts, and sums of it over the tokens of a pass. Plain numbers only.
// Equations: specs/machine.md, "Symbols", "Base projections" and "Attention".
#pragma once

#include <tomestimate/spec/graph.hpp>
#include <tomestimate/units/math.hpp>

namespace tomestimate::engine {

using namespace units;  // the quantities, and the functions on them

// Items of the part that gets most when n items are dealt to `parts` in chunks of `chunk`.
template <class T>
T busiest(T n, T parts, T chunk) {
  const T full_rounds = floor(n / (parts * chunk));
  return full_rounds * chunk + min(chunk, n - full_rounds * parts * chunk);
}

// 1 if the whole number a is above the whole number b, else 0.
template <class T>
T is_above(T a, T b) {
  return min(T(1), max(T(0), T(a - b)));
}

// Sum of ceil(n / step) for n = 1 .. last.
template <class T>
T sum_of_ceils(T last, T step) {
  const T full = floor(last / step);
  return step * full * (full + T(1)) / T(2) + (full + T(1)) * (last - full * step);
}

// Sum of 1 .. last.
template <class T>
T sum_to(T last) {
  return last * (last + T(1)) / T(2);
}

// Sum of min(n, top) for n = 1 .. last.
template <class T>
T sum_of_mins(T last, T top) {
  return sum_to(min(last, top)) + top * max(T(0), T(last - top));
}

// Non-empty (part, chunk) pairs, summed over n = 1 .. last, when positions 0 .. n-1 are interleaved
// over `parts` and each part takes its positions in chunks of `chunk`. For one n that is
// parts * floor(n / D) + min(parts, n mod D) with D = parts * chunk: a new chunk of every part
// opens at the start of each block of D positions.
template <class T>
T sum_of_busy_chunks(T last, T parts, T chunk) {
  const T block = parts * chunk;
  const T blocks = floor(last / block);
  const T rest = last - blocks * block;
  // Sum of min(parts, j) for j = 0 .. count - 1.
  const auto opening = [parts](T count) {
    const T rising = min(parts + T(1), count);
    return rising * (rising - T(1)) / T(2) + parts * (count - rising);
  };
  const T full_blocks = block * parts * blocks * (blocks - T(1)) / T(2) + blocks * opening(block);
  return full_blocks + (rest + T(1)) * parts * blocks + opening(rest + T(1));
}

}  // namespace tomestimate::engine
