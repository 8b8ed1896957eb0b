// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/process/run.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <tomestimate/process/cleanup.hpp>

namespace tomestimate::process {
namespace {

// Text for a child, which may not allocate.
struct Prepared {
  std::vector<char*> arguments;  // ends with nullptr
  const char *folder, *input, *output, *errors;
  bool one_file;  // output and errors are the same
};

Prepared prepare(const Run& run) {
  Prepared p{{},
             run.folder.c_str(),
             run.input.empty() ? "/dev/null" : run.input.c_str(),
             run.output.c_str(),
             run.errors.c_str(),
             run.output == run.errors};
  for (const auto& a : run.arguments) p.arguments.push_back(const_cast<char*>(a.c_str()));
  p.arguments.push_back(nullptr);
  return p;
}

// Puts an open file in the place of a standard one. In a child.
bool become(int file, int standard) {
  if (file < 0) return false;
  if (file == standard) return fcntl(file, F_SETFD, 0) == 0;
  return dup2(file, standard) >= 0 && close(file) == 0;
}

bool redirect(const Prepared& p) {
  constexpr int fresh = O_WRONLY | O_CREAT | O_TRUNC;
  return become(open(p.input, O_RDONLY), STDIN_FILENO) &&
         become(open(p.output, fresh, 0600), STDOUT_FILENO) &&
         (p.one_file ? dup2(STDOUT_FILENO, STDERR_FILENO) >= 0
                     : become(open(p.errors, fresh, 0600), STDERR_FILENO));
}

// Only async-signal-safe calls: other threads may have held any lock when this one forked.
[[noreturn]] void start(const Prepared& p, pid_t parent, int report) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // for a parent that is killed outright
  if (getppid() != parent) _exit(127);
  for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(s, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (redirect(p) && chdir(p.folder) == 0) execvp(p.arguments[0], p.arguments.data());
  const int error = errno;
  [[maybe_unused]] const auto written = write(report, &error, sizeof error);
  _exit(127);
}

// Waits for the child to end, and leaves it to be reaped. False if that takes too long.
bool ends_within(pid_t child, std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  auto pause = std::chrono::milliseconds(1);
  for (;;) {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 &&
        errno != EINTR)
      return true;  // lost: waitpid says why
    if (info.si_pid == child) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::milliseconds(20));
  }
}

// Ends what is left of the group, then lets go of it: until then its number is nobody else's.
int reap(pid_t child, const std::string& name) {
  {
    const auto held = hold_signals();
    kill(-child, SIGKILL);
    drop_group(child);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      throw std::runtime_error(fmt::format("{} was lost: {}", name, std::strerror(errno)));
  return status;
}

pid_t start_child(const Prepared& prepared, int report) {
  const auto parent = getpid();
  const auto held = hold_signals();
  const pid_t child = fork();
  if (child == 0) start(prepared, parent, report);
  if (child < 0) return child;
  setpgid(child, child);  // here too: whoever comes first
  add_group(child);
  return child;
}

}  // namespace

int run_program(const Run& run) {
  const auto& name = run.arguments.at(0);
  const auto prepared = prepare(run);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0)
    throw std::runtime_error(fmt::format("{} cannot be started: {}", name, std::strerror(errno)));
  const pid_t child = start_child(prepared, report[1]);
  int error = child < 0 ? errno : 0;
  close(report[1]);
  ssize_t told = 0;  // nothing once the program runs
  while (child > 0 && (told = read(report[0], &error, sizeof error)) < 0 && errno == EINTR) {
  }
  close(report[0]);
  if (child > 0 && told == sizeof error) reap(child, name);
  if (error == ENOENT)
    throw std::runtime_error(
        fmt::format("there is no {0} on PATH (apt-get install {1})", name, run.package));
  if (error != 0)
    throw std::runtime_error(fmt::format("{} cannot be started: {}", name, std::strerror(error)));
  const bool ended = ends_within(child, run.limit);
  const int status = reap(child, name);
  if (!ended)
    throw std::runtime_error(
        fmt::format("{} took more than {} s and was ended (TOMESTIMATE_TIMEOUT sets the seconds)",
                    name, run.limit.count()));
  if (WIFSIGNALED(status))
    throw std::runtime_error(fmt::format("{} was ended by signal {}", name, WTERMSIG(status)));
  return WEXITSTATUS(status);
}

std::chrono::seconds time_limit(std::chrono::seconds usual) {
  const char* set = std::getenv("TOMESTIMATE_TIMEOUT");
  if (set == nullptr) return usual;
  const std::string_view text(set);
  std::chrono::seconds::rep seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size() || seconds < 1 ||
      seconds > 10'000'000)
    throw std::runtime_error(
        fmt::format("TOMESTIMATE_TIMEOUT: expected seconds from 1 to 10000000, got \"{}\"", text));
  return std::chrono::seconds(seconds);
}

}  // namespace tomestimate::process
