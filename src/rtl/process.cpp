// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

namespace tomestimate::rtl {
namespace {

// What a child does before the program starts.
class Setup {
 public:
  Setup(const std::filesystem::path& folder, const std::filesystem::path& log) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    posix_spawnattr_init(&attributes);
    sigset_t interrupts;
    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);  // ignored here, not there
    posix_spawnattr_setsigdefault(&attributes, &interrupts);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  }
  Setup(const Setup&) = delete;
  Setup& operator=(const Setup&) = delete;
  ~Setup() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

}  // namespace

int run_program(const std::vector<std::string>& arguments, const std::string& package,
                const std::filesystem::path& folder, const std::filesystem::path& log) {
  const auto& name = arguments.at(0);
  std::vector<char*> argv;
  for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  const Setup setup(folder, log);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, name.c_str(), &setup.actions, &setup.attributes, argv.data(), environ);
  if (error == ENOENT)
    throw std::runtime_error(
        fmt::format("there is no {0} on PATH (apt-get install {1})", name, package));
  if (error != 0)
    throw std::runtime_error(fmt::format("{} cannot be started: {}", name, std::strerror(error)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      throw std::runtime_error(fmt::format("{} was lost: {}", name, std::strerror(errno)));
  if (WIFSIGNALED(status))
    throw std::runtime_error(fmt::format("{} was ended by signal {}", name, WTERMSIG(status)));
  return WEXITSTATUS(status);
}

}  // namespace tomestimate::rtl
