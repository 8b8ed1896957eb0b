// SPDX-License-Identifier: Apache-2.0
// Dealing work to parallel parts, and sums of it over the tokens of a pass. Plain numbers only.
// Equations: specs/machine.md, "Base projections" and "Attention".
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

// Non-empty (lane, chunk) pairs, summed over n = 1 .. last, when positions 0 .. n-1 are interleaved
// over `lanes` lanes and each lane takes its positions in chunks of `chunk`. For one n that is
// lanes * floor(n / D) + min(lanes, n mod D) with D = lanes * chunk: a new chunk of every lane
// opens at the start of each block of D positions.
template <class T>
T sum_of_busy_chunks(T last, T lanes, T chunk) {
  const T block = lanes * chunk;
  const T blocks = floor(last / block);
  const T rest = last - blocks * block;
  // Sum of min(lanes, j) for j = 0 .. count - 1.
  const auto opening = [lanes](T count) {
    const T rising = min(lanes + T(1), count);
    return rising * (rising - T(1)) / T(2) + lanes * (count - rising);
  };
  const T full_blocks = block * lanes * blocks * (blocks - T(1)) / T(2) + blocks * opening(block);
  return full_blocks + (rest + T(1)) * lanes * blocks + opening(rest + T(1));
}

// Sum of f(n) over the positions n = past + 1 .. past + fresh that the tokens of one sequence
// attend to, where `up_to(x)` is the sum of f for n = 1 .. x.
template <class T, class UpTo>
T over_tokens(const spec::Pass<T>& pass, UpTo up_to) {
  return up_to(pass.past + pass.fresh) - up_to(pass.past);
}

}  // namespace tomestimate::engine
