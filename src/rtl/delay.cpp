// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/delay.hpp>

#include <algorithm>

namespace tomestimate::rtl {
namespace {

// The points to go between, or on from, and how far: value = at[i] (1 - t) + at[i + 1] t.
struct Position {
  std::size_t at;
  std::size_t next;
  double t;
};

Position position(const std::vector<double>& axis, double x) {
  if (axis.size() < 2) return {0, 0, 0};
  const auto above = std::upper_bound(axis.begin() + 1, axis.end() - 1, x);
  const auto i = static_cast<std::size_t>(above - axis.begin()) - 1;
  return {i, i + 1, (x - axis[i]) / (axis[i + 1] - axis[i])};
}

}  // namespace

double LookupTable::operator()(double a, double b) const {
  if (values.empty()) return 0;
  const auto row = position(first, a);
  const auto column = position(second, b);
  const auto width = std::max<std::size_t>(1, second.size());
  const auto in_row = [&](std::size_t i) {
    const double* const at = &values[i * width];
    return at[column.at] + column.t * (at[column.next] - at[column.at]);
  };
  return in_row(row.at) + row.t * (in_row(row.next) - in_row(row.at));
}

}  // namespace tomestimate::rtl
