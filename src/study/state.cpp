// SPDX-License-Identifier: Apache-2.0
#include "state.hpp"

#include <algorithm>
#include <bit>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include <tomestimate/spec/file.hpp>

#include "sink.hpp"

namespace tomestimate::study {
namespace {

constexpr std::string_view state_word = "tomestimate-sweep-2";

}  // namespace

std::string to_text(const State& s) {
  auto out = fmt::format("{} {:x} {} {} {} {} {:x} {} {} {}\n", state_word, s.fingerprint, s.first,
                         s.last, s.next, s.bytes, s.sum, s.result.rows, s.result.no_design.size(),
                         s.ranked.size());
  for (const auto& [reason, count] : s.result.no_design)
    out += fmt::format("{} {}\n", count, reason);
  for (const auto& r : s.ranked)
    out += fmt::format("{:x} {} {} {}\n", std::bit_cast<std::uint64_t>(r.key), r.point,
                       r.row.size(), r.row);
  return out + fmt::format("{:08x}\n", checksum(out));
}

std::optional<State> state_of(const std::string& text) {
  constexpr std::size_t last_line = 9;
  if (text.size() < last_line) return std::nullopt;
  const auto body = text.substr(0, text.size() - last_line);
  if (text.substr(body.size()) != fmt::format("{:08x}\n", checksum(body))) return std::nullopt;
  std::istringstream in(body);
  State s{};
  std::string word;
  std::size_t reasons = 0, ranked = 0;
  in >> word >> std::hex >> s.fingerprint >> std::dec >> s.first >> s.last >> s.next >> s.bytes >>
      std::hex >> s.sum >> std::dec >> s.result.rows >> reasons >> ranked;
  if (!in || word != state_word) return std::nullopt;
  std::uint64_t count = 0;
  for (std::string reason; reasons > 0 && in; --reasons) {
    in >> count;
    in.get();
    std::getline(in, reason);
    s.result.no_design[reason] = count;
  }
  for (; ranked > 0 && in; --ranked) {
    std::uint64_t key = 0;
    std::size_t size = 0;
    Ranked r{};
    in >> std::hex >> key >> std::dec >> r.point >> size;
    in.get();
    r.key = std::bit_cast<double>(key);
    r.row.resize(std::min(size, body.size()));
    in.read(r.row.data(), static_cast<std::streamsize>(r.row.size()));
    s.ranked.push_back(std::move(r));
  }
  if (!in) return std::nullopt;
  return s;
}

State read_state(const std::string& path, std::uint64_t fingerprint, std::uint64_t first,
                 std::uint64_t last) {
  constexpr std::uintmax_t largest = std::uintmax_t{1} << 30;
  if (!spec::may_be_there(path))
    throw std::runtime_error(path + ": nothing to resume; run without --resume");
  auto s = state_of(spec::read_file(path, largest));
  if (!s) throw std::runtime_error(path + ": is cut short or damaged; run without --resume");
  if (s->fingerprint != fingerprint || s->first != first || s->last != last || s->next < first ||
      s->next > last)
    throw std::runtime_error(
        path +
        ": is of another study, shard, format or version of tomestimate, or its specs have "
        "changed; run without --resume");
  return *std::move(s);
}

}  // namespace tomestimate::study
