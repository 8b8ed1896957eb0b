// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/describe.hpp>

#include <type_traits>

#include <fmt/format.h>

namespace tomestimate::spec {
namespace {

template <class Member>
constexpr bool is_list = std::is_same_v<Member, std::vector<double>> ||
                         std::is_same_v<Member, std::array<Switch, projection_count>>;

struct Describe {
  std::vector<Description>& out;

  template <class Member>
  void operator()(const Field& f, const Member&) {
    out.push_back({std::string(f.path),
                   std::string(f.doc),
                   std::string(f.unit),
                   f.min,
                   f.max,
                   f.whole == Whole::yes,
                   {},
                   is_list<Member>,
                   f.needed});
  }
  template <class Member, std::size_t N>
  void operator()(const Field& f, const Member& member, const Names<N>& names) {
    (*this)(f, member);
    if constexpr (N == 2)
      if (names == switch_names) {
        out.back().choices = {"false", "true"};
        return;
      }
    out.back().choices.assign(names.begin(), names.end());
  }
};

}  // namespace

std::string legal(const Description& d) {
  if (!d.choices.empty()) return fmt::format("one of {}", fmt::join(d.choices, ", "));
  const auto unit = d.unit.empty() ? "" : " " + d.unit;
  return fmt::format("from {} to {}{}{}", d.min, d.max, unit, d.whole ? ", whole" : "");
}

std::vector<Description> describe(const Hardware<double>& hardware) {
  std::vector<Description> out;
  visit_hardware(hardware, Describe{out});
  return out;
}

std::vector<Description> describe(const Model<double>& model) {
  std::vector<Description> out;
  visit_model(model, Describe{out});
  return out;
}

}  // namespace tomestimate::spec
