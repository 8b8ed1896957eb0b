// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace tomestimate::reference {

// Calls run(from, to) for pieces of 0 .. count - 1, one a thread. `work` is in operations: where
// there is little, one thread does it all. The first exception of a thread is thrown here.
template <class Run>
void parallel(unsigned threads, std::size_t count, double work, Run run) {
  constexpr double least_work = 2e6;  // some tens of microseconds, what a thread takes to start
  const auto pieces = std::min<std::size_t>(
      {threads, count, static_cast<std::size_t>(std::max(1.0, work / least_work))});
  if (pieces <= 1) return run(std::size_t{0}, count);
  std::vector<std::exception_ptr> errors(pieces);
  const auto piece = [&](std::size_t i) {
    try {
      run(count * i / pieces, count * (i + 1) / pieces);
    } catch (...) {
      errors[i] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < pieces; ++i) others.emplace_back(piece, i);
  piece(0);
  for (auto& thread : others) thread.join();
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace tomestimate::reference
