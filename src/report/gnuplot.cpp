// SPDX-License-Identifier: Apache-2.0
// Runs gnuplot as a process of its own, without a shell: commands on its standard input, the
// picture from its standard output, both through files that have no name.
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <regex>
#include <stdexcept>

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tomestimate/report/figures.hpp>

#include "hatch.hpp"
#include "html.hpp"

namespace tomestimate::report {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File nameless_file() {
  File file(std::tmpfile(), &std::fclose);
  if (!file)
    throw std::runtime_error(
        fmt::format("cannot make a temporary file for gnuplot: {}", std::strerror(errno)));
  return file;
}

std::string contents(const File& file) {
  std::rewind(file.get());
  std::string text;
  char buffer[65536];
  while (const auto n = std::fread(buffer, 1, sizeof buffer, file.get())) text.append(buffer, n);
  return text;
}

[[noreturn]] void fail(const std::string& why) {
  throw std::runtime_error(
      fmt::format("cannot draw the figures: gnuplot {} (hint: apt-get install gnuplot-nox)", why));
}

struct Actions {
  posix_spawn_file_actions_t value;
  Actions() { posix_spawn_file_actions_init(&value); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() { posix_spawn_file_actions_destroy(&value); }
};

// The first line that says something.
std::string first_words(const std::string& text) {
  std::size_t begin = 0;
  while (begin < text.size() && std::isspace(static_cast<unsigned char>(text[begin])) != 0) ++begin;
  return text.substr(begin, text.find('\n', begin) - begin);
}

std::string run_gnuplot(const std::string& script) {
  const auto in = nameless_file(), out = nameless_file(), err = nameless_file();
  if (std::fwrite(script.data(), 1, script.size(), in.get()) != script.size() ||
      std::fflush(in.get()) != 0)
    throw std::runtime_error(fmt::format("cannot write for gnuplot: {}", std::strerror(errno)));
  std::rewind(in.get());
  Actions actions;
  posix_spawn_file_actions_adddup2(&actions.value, fileno(in.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, fileno(out.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, fileno(err.get()), STDERR_FILENO);
  // -d: no gnuplotrc.
  char name[] = "gnuplot", defaults[] = "-d";
  char* arguments[] = {name, defaults, nullptr};
  pid_t child = 0;
  if (const int error = posix_spawnp(&child, name, &actions.value, nullptr, arguments, environ))
    fail(fmt::format("did not start: {}", std::strerror(error)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail(fmt::format("was lost: {}", std::strerror(errno)));
  const auto complaint = first_words(contents(err));
  if (WIFSIGNALED(status)) fail(fmt::format("was stopped by signal {}", WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0)
    fail(fmt::format("failed with exit code {}{}{}", WEXITSTATUS(status),
                     complaint.empty() ? "" : ": ", complaint));
  auto svg = contents(out);
  if (svg.find("</svg>") == std::string::npos)
    fail(complaint.empty() ? "made no picture" : "made no picture: " + complaint);
  return svg;
}

// Places that nobody sees, with texts that browsers show where a pointer rests.
std::string overlay(const std::vector<Hover>& hovers) {
  if (hovers.empty()) return "";
  std::string out = "<g fill=\"none\" pointer-events=\"all\">\n";
  for (const auto& h : hovers)
    out += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
        "height=\"{:.1f}\"><title>{}</title></rect>"
        "\n",
        h.left, h.top, h.width, h.height, escaped(h.text));
  return out + "</g>\n";
}

}  // namespace

std::string draw(const Figure& figure) {
  auto svg = run_gnuplot(figure.script);
  // gnuplot names what it plots, for nobody.
  static const std::regex names("<title>gnuplot_plot_[^<]*</title>");
  svg = lines_for_patterns(std::regex_replace(svg, names, ""));
  // Several pictures share one page: their ids must differ.
  static const std::regex ids(R"re((id=['"]|href=['"]#|url\(#))re");
  svg = std::regex_replace(svg, ids, "$1" + figure.id + "-");
  // gnuplot tells its version where the alt text belongs.
  const auto alt =
      fmt::format("<title id=\"{0}-title\">{1}</title>\n<desc id=\"{0}-desc\">{2}</desc>",
                  figure.id, escaped(figure.title), escaped(figure.alt));
  constexpr std::string_view close = "</desc>";
  const auto from = svg.find("<title>"), to = svg.find(close);
  if (from > to || to == std::string::npos) fail("made a picture of an unknown form");
  svg.replace(from, to + close.size() - from, alt);
  const auto open = svg.find("<svg") + 4;
  svg.insert(svg.rfind("</svg>"), overlay(figure.hovers));
  svg.insert(open, fmt::format(" role=\"img\" aria-labelledby=\"{0}-title {0}-desc\"", figure.id));
  return svg;
}

}  // namespace tomestimate::report
