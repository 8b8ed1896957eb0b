// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/process/cleanup.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace tomestimate::process {
namespace {

constexpr std::array<int, 3> ending_signals{SIGINT, SIGTERM, SIGHUP};

struct Registered {
  std::mutex mutex;
  std::list<std::filesystem::path> paths;
  std::set<pid_t> groups;
};

// Never destroyed: a signal may come while the program exits.
Registered& registered() {
  static auto* all = new Registered;
  return *all;
}

// A handler may do next to nothing, so it hands the signal to a thread, which may do anything.
int to_thread = -1;

void hand_over(int signal) {
  const int before = errno;
  const auto byte = static_cast<unsigned char>(signal);
  [[maybe_unused]] const auto written = write(to_thread, &byte, 1);
  errno = before;
}

// Other threads still run, and may be making files in there.
void remove_for_good(const std::filesystem::path& path) {
  for (int attempt = 0; attempt < 200; ++attempt) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (!error) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void clean_up_and_end(int from_handler) {
  unsigned char signal = 0;
  while (read(from_handler, &signal, 1) != 1)
    if (errno != EINTR) return;
  auto& all = registered();
  all.mutex.lock();  // for good: nothing is registered any more
  for (const pid_t group : all.groups) kill(-group, SIGKILL);
  for (const auto& path : all.paths) remove_for_good(path);
  std::signal(signal, SIG_DFL);
  kill(getpid(), signal);  // so that a shell sees what ended it
}

}  // namespace

void clean_up_on_signals() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw std::runtime_error(std::string("cannot make a pipe: ") + std::strerror(errno));
  to_thread = ends[1];
  registered();
  std::thread(clean_up_and_end, ends[0]).detach();
  call_on_signals(hand_over);
}

void call_on_signals(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  for (const int signal : ending_signals) {
    struct sigaction before {};
    sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
}

RemovedOnSignal::RemovedOnSignal(const std::function<std::filesystem::path()>& make) {
  auto& all = registered();
  const std::lock_guard lock(all.mutex);
  place_ = all.paths.insert(all.paths.end(), make());
}

RemovedOnSignal::~RemovedOnSignal() {
  auto& all = registered();
  const std::lock_guard lock(all.mutex);
  all.paths.erase(place_);
}

std::unique_lock<std::mutex> hold_signals() { return std::unique_lock(registered().mutex); }

void add_group(pid_t group) { registered().groups.insert(group); }
void drop_group(pid_t group) { registered().groups.erase(group); }

}  // namespace tomestimate::process
