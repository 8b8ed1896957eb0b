// SPDX-License-Identifier: Apache-2.0
#include "hatch.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace tomestimate::report {
namespace {

constexpr double period = 8;  // pixels, of gnuplot's patterns

// Lines y = slope x + offset, repeated every `period` in y.
struct Hatch {
  std::string stroke;
  std::set<std::pair<double, double>> lines;  // slope and offset
};

struct Box {
  double left, right, top, bottom;
};

// A path of strokes "Mx,y Lx,y ...".
Hatch read_hatch(const std::string& stroke, const std::string& path) {
  static const std::regex line(R"(M(-?\d+),(-?\d+) L(-?\d+),(-?\d+))");
  Hatch out{stroke, {}};
  for (std::sregex_iterator at(path.begin(), path.end(), line), end; at != end; ++at) {
    const auto number = [&at](int i) { return std::stod((*at)[i].str()); };
    const double slope = (number(4) - number(2)) / (number(3) - number(1));
    const double offset = number(2) - slope * number(1);
    out.lines.emplace(slope, offset - period * std::floor(offset / period));
  }
  return out;
}

// Corners "x,y x,y ..." of a rectangle along the axes.
Box read_box(const std::string& points) {
  static const std::regex corner(R"((-?[\d.]+),(-?[\d.]+))");
  Box box{1e9, -1e9, 1e9, -1e9};
  for (std::sregex_iterator at(points.begin(), points.end(), corner), end; at != end; ++at) {
    const double x = std::stod((*at)[1].str()), y = std::stod((*at)[2].str());
    box = {std::min(box.left, x), std::max(box.right, x), std::min(box.top, y),
           std::max(box.bottom, y)};
  }
  return box;
}

std::string path_of(const Hatch& hatch, const Box& box) {
  std::string path;
  for (const auto& [slope, offset] : hatch.lines) {
    const auto [low, high] = std::minmax({slope * box.left, slope * box.right});
    double c = offset + period * std::ceil((box.top - high - offset) / period);
    for (; c < box.bottom - low; c += period) {
      const auto [first, last] = std::minmax({(box.top - c) / slope, (box.bottom - c) / slope});
      const double from = std::max(box.left, first), to = std::min(box.right, last);
      if (from < to)
        path +=
            fmt::format("M{:.1f},{:.1f}L{:.1f},{:.1f}", from, slope * from + c, to, slope * to + c);
    }
  }
  return path;
}

}  // namespace

std::string lines_for_patterns(const std::string& svg) {
  static const std::regex definition(
      R"re(<defs>\s*<pattern id='([^']*)'[^>]*>\s*<path style='fill:none; stroke:([^']*)' d='([^']*)'/>\s*</pattern>\s*</defs>\s*)re");
  static const std::regex filled(R"re(<polygon\s+fill = 'url\(#([^)]*)\)' points = '([^']*)'/>)re");
  std::map<std::string, Hatch> hatches;
  for (std::sregex_iterator at(svg.begin(), svg.end(), definition), end; at != end; ++at)
    hatches.emplace((*at)[1].str(), read_hatch((*at)[2].str(), (*at)[3].str()));
  if (hatches.empty()) return svg;
  const auto bare = std::regex_replace(svg, definition, "");
  std::string out;
  auto from = bare.begin();
  for (std::sregex_iterator at(bare.begin(), bare.end(), filled), end; at != end; ++at) {
    out.append(from, (*at)[0].first);
    from = (*at)[0].second;
    const auto hatch = hatches.find((*at)[1].str());
    if (hatch == hatches.end())
      out += (*at)[0].str();
    else
      out += fmt::format("<path fill='none' shape-rendering='auto' stroke='{}' d='{}'/>",
                         hatch->second.stroke, path_of(hatch->second, read_box((*at)[2].str())));
  }
  return out.append(from, bare.end());
}

}  // namespace tomestimate::report
