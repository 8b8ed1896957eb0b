// SPDX-License-Identifier: Apache-2.0
// Chunks of a space on threads, used in order.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <tomestimate/study/space.hpp>

namespace tomestimate::study {

inline constexpr std::size_t chunk_points = 4096;

// Runs make(worker, first, count, made) on all threads and use(first, made) in order of `first`, on
// the thread that made it: at most one chunk a thread is in memory. Returns the first point that
// was not used.
template <class Made, class Make, class Use>
std::uint64_t in_order(const Space& space, std::uint64_t first, std::uint64_t last,
                       unsigned threads, Isa isa, const std::atomic<bool>* stop, Make make,
                       Use use) {
  std::mutex mutex;
  std::condition_variable turn_came;
  std::uint64_t next = first;  // to be taken
  std::uint64_t turn = first;  // to be used
  bool done = false;
  std::exception_ptr error;
  const auto run = [&] {
    Space::Worker worker(space, isa);
    Made made;
    for (;;) {
      std::uint64_t mine = 0;
      std::size_t count = 0;
      {
        const std::lock_guard lock(mutex);
        if (done || next >= last || (stop != nullptr && *stop)) return;
        mine = next;
        count = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_points, last - mine));
        next += count;
      }
      try {
        make(worker, mine, count, made);
        std::unique_lock lock(mutex);
        turn_came.wait(lock, [&] { return turn == mine || error; });
        if (error) return;
        if (!done) done = !use(mine, made);
        turn = mine + count;
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        done = true;
      }
      turn_came.notify_all();
    }
  };
  std::vector<std::jthread> pool;
  for (unsigned t = 1; t < threads; ++t) pool.emplace_back(run);
  run();
  pool.clear();
  if (error) std::rethrow_exception(error);
  return turn;
}

}  // namespace tomestimate::study
