// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/file.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <tuple>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <tomestimate/spec/diagnostic.hpp>

namespace tomestimate::spec {
namespace {

namespace fs = std::filesystem;

// Where a TOML string that begins at `at` is over; the end of its line, or of all, if it never is.
std::size_t end_of_text(std::string_view toml, std::size_t at) {
  const char quote = toml[at];
  const std::size_t quotes = toml.substr(at, 3) == std::string(3, quote) ? 3 : 1;
  const auto end = toml.substr(at, quotes);
  auto i = at + quotes;
  for (; i < toml.size() && toml.substr(i, quotes) != end; ++i) {
    if (toml[i] == '\n' && quotes == 1) return i;
    if (quote == '"' && toml[i] == '\\') ++i;
  }
  i += quotes;
  // One or two quotes may stand before the three that end it.
  for (int more = 0; quotes == 3 && more < 2 && i < toml.size() && toml[i] == quote; ++more) ++i;
  return i;
}

[[noreturn]] void fail(std::string_view what, int error) {
  throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(error)));
}

// Runs `work` on a path, and names the path in what it throws.
template <class Work>
auto naming(const std::string& path, Work work) try {
  return work();
} catch (const std::runtime_error& e) {
  throw std::runtime_error(fmt::format("{}: {}", path, e.what()));
}

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(descriptor, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot write", errno);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

// ---- what a path leads to ----

// The N of /dev/fd/N and of its other names.
std::optional<int> own_descriptor(const std::string& path) {
  if (path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!path.starts_with(folder)) continue;
    int number = -1;
    const auto* end = path.data() + path.size();
    const auto [last, error] = std::from_chars(path.data() + folder.size(), end, number);
    if (error == std::errc{} && last == end && number >= 0) return number;
  }
  return std::nullopt;
}

// The path behind a chain of links; its last part need not exist.
fs::path behind_links(fs::path path) {
  std::error_code error;
  for (int links = 0; fs::is_symlink(fs::symlink_status(path, error)); ++links) {
    if (links == 40) fail("cannot be written", ELOOP);
    const auto to = fs::read_symlink(path, error);
    if (error) fail("cannot be written", error.value());
    path = path.parent_path() / to;  // an absolute one replaces it all
  }
  return path;
}

fs::path folder_of(const fs::path& path) {
  return path.parent_path().empty() ? "." : path.parent_path();
}

// Throws std::runtime_error with the reason if this user can't rename a file to `path`.
void refuse_replacement(const fs::path& path) {
  const auto folder = folder_of(path);
  struct stat about {
  }, old{};
  if (stat(folder.c_str(), &about) != 0)
    fail(errno == ENOENT ? fmt::format("there is no folder {}", folder.string())
                         : fmt::format("no file can be made in {}", folder.string()),
         errno);
  if (!S_ISDIR(about.st_mode))
    fail(fmt::format("no file can be made in {}", folder.string()), ENOTDIR);
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    fail(fmt::format("no file can be made in {}", folder.string()), errno);
  // In a sticky folder, such as /tmp, only its owner and that of what is there may replace it.
  const auto user = geteuid();
  if ((about.st_mode & S_ISVTX) != 0 && lstat(path.c_str(), &old) == 0 && user != 0 &&
      user != about.st_uid && user != old.st_uid)
    fail("cannot be replaced: the folder is sticky, and what is there another user's", EPERM);
}

struct Target {
  fs::path path;               // links followed
  bool through = false;        // written to as it is
  std::optional<int> own;      // a descriptor of this program
  std::optional<mode_t> mode;  // of the regular file that it is now
};

// Throws std::runtime_error if nothing can be written there.
Target target_of(const std::string& path) {
  if (path.empty()) throw std::runtime_error("no file is named");
  if (const auto own = own_descriptor(path)) {
    if (const int flags = fcntl(*own, F_GETFL); flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
      fail("cannot be written", EBADF);
    return {path, true, own, std::nullopt};
  }
  Target target{behind_links(path), false, std::nullopt, std::nullopt};
  struct stat status {};
  if (stat(target.path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) throw std::runtime_error("is a folder, not a file");
    if (access(target.path.c_str(), W_OK) != 0) fail("cannot be written", errno);
    target.through = !S_ISREG(status.st_mode);
    if (target.through) return target;
    target.mode = status.st_mode & 07777;
  } else if (errno != ENOENT) {
    fail("cannot be written", errno);
  } else if (!target.path.has_filename()) {
    throw std::runtime_error("names a folder, not a file");
  }
  refuse_replacement(target.path);
  return target;
}

// ---- writing ----

// A temporary file that is gone unless it was renamed to its place.
class Temporary {
 public:
  explicit Temporary(const Target& target) : target_(target), file_([this] { return made(); }) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    close(descriptor_);
    if (!renamed_) unlink(file_.path().c_str());
  }

  void fill(std::string_view text) {
    write_all(descriptor_, text);
    // mkostemp makes the file private.
    const auto mask = umask(0);
    umask(mask);
    if (fchmod(descriptor_, target_.mode.value_or(0666 & ~mask)) != 0)
      fail("cannot set its mode", errno);
    if (fsync(descriptor_) != 0) fail("cannot write", errno);
  }

  void put_in_place() {
    if (std::rename(file_.path().c_str(), target_.path.c_str()) != 0)
      fail("cannot be replaced", errno);
    renamed_ = true;
  }

 private:
  fs::path made() {
    auto name = target_.path.string() + ".XXXXXX";
    descriptor_ = mkostemp(name.data(), O_CLOEXEC);
    if (descriptor_ < 0) fail("cannot make a file beside it", errno);
    return name;
  }

  const Target& target_;
  int descriptor_ = -1;
  process::RemovedOnSignal file_;
  bool renamed_ = false;
};

void write_through(const Target& target, std::string_view text) {
  if (target.own) return write_all(*target.own, text);
  const int descriptor = open(target.path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) fail("cannot be written", errno);
  const auto closed = [descriptor] { return close(descriptor) == 0 ? 0 : errno; };
  try {
    write_all(descriptor, text);
  } catch (...) {
    closed();
    throw;
  }
  if (const int error = closed(); error != 0) fail("cannot write", error);
}

// Who has a lock on a file, as far as this machine's kernel says: "process 1234".
std::string holder(int descriptor) {
  struct stat about {};
  if (fstat(descriptor, &about) == 0) {
    // 1: FLOCK ADVISORY WRITE 1234 08:01:5678 0 EOF
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
      std::istringstream words(line);
      std::string id, kind, mode, access, process, file;
      words >> id >> kind >> mode >> access >> process >> file;
      if (kind == "FLOCK" && file.ends_with(fmt::format(":{}", about.st_ino)) && process != "-1" &&
          process != "0")
        return "process " + process;
    }
  }
  return "another run";
}

// ---- temporary folders ----

constexpr std::string_view own_prefix = "tomestimate-run-";

fs::path temporary_root() {
  const char* set = std::getenv("TMPDIR");
  return set == nullptr || *set == '\0' ? "/tmp" : set;
}

fs::path made_folder() {
  const auto root = temporary_root();
  auto name = (root / fmt::format("{}XXXXXX", own_prefix)).string();
  if (mkdtemp(name.data()) == nullptr)
    throw std::runtime_error(fmt::format("no temporary folder can be made in {} (TMPDIR): {}",
                                         root.string(), std::strerror(errno)));
  return name;
}

// The folder, locked; -1 if somebody else has the lock, or it is no folder of this user.
int lock_folder(const fs::path& path) {
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat status {};
  if (folder >= 0 && fstat(folder, &status) == 0 && status.st_uid == geteuid() &&
      flock(folder, LOCK_EX | LOCK_NB) == 0)
    return folder;
  if (folder >= 0) close(folder);
  return -1;
}

// An empty folder may be so new that it isn't locked yet.
bool may_be_new(const fs::path& folder) {
  std::error_code ignored;
  const auto age = fs::file_time_type::clock::now() - fs::last_write_time(folder, ignored);
  return fs::is_empty(folder, ignored) && age < std::chrono::minutes(1);
}

// Removes the folders of programs that were killed: theirs is the lock no more.
void sweep_leftovers() {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(temporary_root(), ignored)) {
    if (!entry.path().filename().string().starts_with(own_prefix)) continue;
    const int lock = lock_folder(entry.path());
    if (lock < 0) continue;
    if (!may_be_new(entry.path())) fs::remove_all(entry.path(), ignored);
    close(lock);
  }
}

}  // namespace

std::string read_file(const std::string& path, std::uintmax_t largest) {
  const auto refuse = [&path](std::string message) -> SpecError {
    return SpecError({{{path, 0, 0}, std::move(message), ""}});
  };
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status) && !may_be_there(path)) throw refuse("no such file");
  if (fs::is_directory(status)) throw refuse("is a folder, not a file");
  std::ifstream in(path, std::ios::binary);
  if (!in) throw refuse(fmt::format("cannot be read: {}", std::strerror(errno)));
  std::string text;
  for (char c; text.size() <= largest && in.get(c);) text += c;
  if (in.bad()) throw refuse("cannot be read to its end");
  if (text.size() > largest) throw refuse(fmt::format("is larger than {} MiB", largest >> 20));
  return text;
}

void bound_nesting(std::string_view toml, const std::string& file) {
  constexpr int most_dots = 32;  // of one key
  int dots = 0;
  for (std::size_t i = 0; i < toml.size();) {
    const char c = toml[i];
    if (c == '"' || c == '\'') {
      i = end_of_text(toml, i);
      continue;
    }
    if (c == '#') {
      i = std::min(toml.find('\n', i), toml.size());
      continue;
    }
    if (std::string_view("=,[]{}\n").find(c) != std::string_view::npos) dots = 0;
    if (c == '.' && ++dots > most_dots) {
      const auto before = toml.substr(0, i);
      const auto line = std::count(before.begin(), before.end(), '\n') + 1;
      const auto column = i - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
      throw SpecError({{{file, static_cast<unsigned>(line), static_cast<unsigned>(column)},
                        "key of too many parts",
                        fmt::format("{} dots at most", most_dots)}});
    }
    ++i;
  }
}

bool may_be_there(const fs::path& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

void check_can_be_replaced(const std::string& named, const fs::path& path) {
  naming(named, [&] { refuse_replacement(path); });
}

void write_file(const std::string& path, std::string_view text) {
  naming(path, [&] {
    const auto target = target_of(path);
    if (target.through) return write_through(target, text);
    Temporary file(target);
    file.fill(text);
    file.put_in_place();
  });
}

void check_writable(const std::string& path) {
  naming(path, [&] { target_of(path); });
}

Destination destination(const std::string& path) {
  return naming(path, [&] {
    const auto target = target_of(path);
    return Destination{target.path.string(), target.through, target.own};
  });
}

bool same_file(const std::string& a, const std::string& b) {
  // A file that is there by device and number, one that is not by its folder and name.
  using Identity = std::tuple<dev_t, ino_t, std::string>;
  const auto identity = [](const std::string& text) -> std::optional<Identity> {
    if (text.empty() || own_descriptor(text)) return std::nullopt;
    const auto path = behind_links(text);
    struct stat status {};
    if (stat(path.c_str(), &status) == 0)
      return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)
                 ? std::optional(Identity{status.st_dev, status.st_ino, ""})
                 : std::nullopt;
    if (stat(folder_of(path).c_str(), &status) != 0) return std::nullopt;
    return Identity{status.st_dev, status.st_ino, path.filename().string()};
  };
  const auto first = identity(a);
  return first && first == identity(b);
}

std::optional<std::string> lock_file(int descriptor) {
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return std::nullopt;
  return holder(descriptor);
}

TemporaryFolder::TemporaryFolder()
    : folder_((sweep_leftovers(), made_folder)), lock_(lock_folder(path())) {}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path(), ignored);
  if (lock_ >= 0) close(lock_);
}

}  // namespace tomestimate::spec
