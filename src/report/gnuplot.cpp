// SPDX-License-Identifier: Apache-2.0
// Runs gnuplot as a process of its own, without a shell.
#include <cctype>
#include <chrono>
#include <stdexcept>

#include <fmt/format.h>

#include <tomestimate/process/run.hpp>
#include <tomestimate/report/figures.hpp>
#include <tomestimate/spec/file.hpp>

#include "hatch.hpp"
#include "html.hpp"

namespace tomestimate::report {
namespace {

// A figure takes a fraction of a second.
constexpr std::chrono::seconds usual_limit = std::chrono::minutes(1);

[[noreturn]] void fail(const std::string& why) {
  throw std::runtime_error("cannot draw the figures: " + why);
}

// The first line that says something.
std::string first_words(const std::string& text) {
  std::size_t begin = 0;
  while (begin < text.size() && std::isspace(static_cast<unsigned char>(text[begin])) != 0) ++begin;
  return text.substr(begin, text.find('\n', begin) - begin);
}

// Commands from a file on standard input, the picture on standard output.
std::string run_gnuplot(const std::string& script) {
  const spec::TemporaryFolder folder;
  const auto file = [&](const char* name) { return (folder.path() / name).string(); };
  const auto contents = [&](const char* name) { return spec::read_file(file(name), 1u << 30); };
  spec::write_file(file("script"), script);
  int code = 0;
  try {
    // -d: no gnuplotrc.
    code = process::run_program({{"gnuplot", "-d"},
                                 "gnuplot-nox",
                                 folder.path(),
                                 file("script"),
                                 file("picture"),
                                 file("errors"),
                                 process::time_limit(usual_limit)});
  } catch (const std::runtime_error& e) {
    fail(e.what());
  }
  const auto complaint = first_words(contents("errors"));
  if (code != 0)
    fail(fmt::format("gnuplot failed with exit code {}{}{}", code, complaint.empty() ? "" : ": ",
                     complaint));
  auto svg = contents("picture");
  if (svg.find("</svg>") == std::string::npos)
    fail("gnuplot made no picture" + (complaint.empty() ? "" : ": " + complaint));
  return svg;
}

// Inserts `what` after every `before`.
void insert_after(std::string& text, std::string_view before, std::string_view what) {
  for (auto at = text.find(before); at != std::string::npos; at = text.find(before, at)) {
    at += before.size();
    text.insert(at, what);
  }
}

// Several pictures share one page: their ids must differ. Texts may say what ids and references
// look like, and "]]>", which gnuplot leaves as it is and XML refuses.
std::string with_own_ids(std::string_view svg, const std::string& prefix) {
  std::string out;
  while (!svg.empty()) {
    const auto text = svg.substr(0, svg.find('<'));
    const auto tag = svg.substr(text.size(), svg.find('>', text.size()) - text.size());
    svg.remove_prefix(text.size() + tag.size());
    auto shown = std::string(text);
    for (auto at = shown.find("]]>"); at != std::string::npos; at = shown.find("]]>", at))
      shown.replace(at + 2, 1, "&gt;");
    auto named = std::string(tag);
    for (const std::string_view before : {"id='", "id=\"", "href='#", "href=\"#", "url(#"})
      insert_after(named, before, prefix);
    out += shown + named;
  }
  return out;
}

// gnuplot names what it plots, for nobody.
void erase_names(std::string& svg) {
  const std::string_view open = "<title>gnuplot_plot_", close = "</title>";
  for (auto at = svg.find(open); at != std::string::npos; at = svg.find(open, at))
    svg.erase(at, svg.find(close, at) + close.size() - at);
}

// A mark is a label without text, whose empty text takes more room than the mark.
void erase_empty_texts(std::string& svg) {
  constexpr std::string_view open = "\t<g transform=", empty = "<text></text>\n\t</g>\n";
  std::string out;
  std::size_t kept = 0;
  for (auto at = svg.find(empty); at != std::string::npos; at = svg.find(empty, at + 1)) {
    const auto from = svg.rfind(open, at);
    if (from == std::string::npos || from < kept) continue;
    out.append(svg, kept, from - kept);
    kept = at + empty.size();
  }
  svg = out.append(svg, kept, std::string::npos);
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
  erase_names(svg);
  erase_empty_texts(svg);
  svg = lines_for_patterns(svg);
  svg = with_own_ids(svg, figure.id + "-");
  // gnuplot tells its version where the alt text belongs.
  const auto alt =
      fmt::format("<title id=\"{0}-title\">{1}</title>\n<desc id=\"{0}-desc\">{2}</desc>",
                  figure.id, escaped(finding(figure).first), escaped(figure.alt));
  constexpr std::string_view close = "</desc>";
  const auto from = svg.find("<title>"), to = svg.find(close);
  if (from > to || to == std::string::npos) fail("gnuplot made a picture of an unknown form");
  svg.replace(from, to + close.size() - from, alt);
  const auto open = svg.find("<svg") + 4;
  svg.insert(svg.rfind("</svg>"), overlay(figure.hovers));
  svg.insert(open, fmt::format(" role=\"img\" aria-labelledby=\"{0}-title {0}-desc\"", figure.id));
  return svg;
}

std::pair<std::string, std::string> finding(const Figure& figure) {
  if (figure.caption.empty()) return {figure.title, ""};
  const auto& text = figure.caption.front();
  std::size_t end = text.size();
  for (const std::string_view stop : {". ", ": ", "; "}) end = std::min(end, text.find(stop));
  auto first = text.substr(0, end);
  if (first.ends_with('.')) first.pop_back();
  auto rest = end + 2 < text.size() ? text.substr(end + 2) : "";
  const bool is_name = rest.substr(0, rest.find(' ')).find_first_of("._") != std::string::npos;
  if (!rest.empty() && !is_name)
    rest[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(rest[0])));
  return {std::move(first), std::move(rest)};
}

}  // namespace tomestimate::report
