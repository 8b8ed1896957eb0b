// SPDX-License-Identifier: Apache-2.0
// Whether a process runs; one that waits to be reaped does not.
#pragma once

#include <fstream>
#include <string>

#include <sys/types.h>

inline bool lives(pid_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  if (!std::getline(in, text)) return false;
  return text.substr(text.rfind(')') + 2, 1) != "Z";
}
