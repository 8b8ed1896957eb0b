// SPDX-License-Identifier: Apache-2.0
// What a run must not leave behind when a signal ends it: temporary files, and programs it started.
#pragma once

#include <filesystem>
#include <functional>
#include <list>
#include <mutex>

#include <sys/types.h>

namespace tomestimate::process {

// From now on INT, TERM and HUP end this program only after what is registered below is gone. Those
// that are ignored stay so (nohup). Call it once, before there are threads.
void clean_up_on_signals();

// Has `handler` called by INT, TERM and HUP in place of that; those that are ignored stay so.
void call_on_signals(void (*handler)(int));

// A file or folder that a signal which ends the program first removes, with all that is in it, for
// as long as this lives.
class RemovedOnSignal {
 public:
  // `make` makes it and returns its path; no signal ends the program in between.
  explicit RemovedOnSignal(const std::function<std::filesystem::path()>& make);
  RemovedOnSignal(const RemovedOnSignal&) = delete;
  RemovedOnSignal& operator=(const RemovedOnSignal&) = delete;
  ~RemovedOnSignal();

  const std::filesystem::path& path() const { return *place_; }

 private:
  std::list<std::filesystem::path>::iterator place_;
};

// While it is held, a signal that ends the program waits. For steps that must not be cut in two;
// nothing may be registered meanwhile.
std::unique_lock<std::mutex> hold_signals();

// Programs to kill, by process group, when a signal ends this one. Only under hold_signals.
void add_group(pid_t group);
void drop_group(pid_t group);

}  // namespace tomestimate::process
