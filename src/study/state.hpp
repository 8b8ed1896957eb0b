// SPDX-License-Identifier: Apache-2.0
// What a stopped sweep keeps beside its .part file, so that it can go on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tomestimate/study/sweep.hpp>

namespace tomestimate::study {

// An ordered row. Of equal keys the earlier point comes first.
struct Ranked {
  double key;
  std::uint64_t point;
  std::string row;
};

// The .part file is whole up to `bytes` after its head.
struct State {
  std::uint64_t fingerprint, first, last, next, bytes;
  std::uint32_t sum;  // of those bytes
  SweepResult result;
  std::vector<Ranked> ranked;
};

std::string to_text(const State& state);

// Nullopt if the text is not what to_text made.
std::optional<State> state_of(const std::string& text);

// The state in a file. Throws std::runtime_error with the reason if it is none, or is not of the
// points first .. last - 1 of that fingerprint.
State read_state(const std::string& path, std::uint64_t fingerprint, std::uint64_t first,
                 std::uint64_t last);

}  // namespace tomestimate::study
