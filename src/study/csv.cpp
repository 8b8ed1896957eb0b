// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/csv.hpp>

#include <algorithm>
#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include <tomestimate/spec/text.hpp>

namespace tomestimate::study {
namespace {

bool is_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

// What a spreadsheet would compute, as text to it: with an apostrophe in front.
std::string disarmed(const std::string& text) {
  const bool formula = !text.empty() && std::string_view("=+-@").find(text[0]) != text.npos;
  return formula && !is_number(text) ? "'" + text : text;
}

}  // namespace

std::string csv_cell(const std::string& text) {
  const auto safe = disarmed(spec::visible(text));
  if (safe.find_first_of(",\"") == std::string::npos) return safe;
  std::string quoted = "\"";
  for (const char c : safe) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_comment(const std::string& text) {
  std::string out = "#";
  const auto safe = spec::visible(text);
  // A spreadsheet splits this line too.
  for (std::size_t at = 0; at <= safe.size();) {
    const auto end = std::min(safe.find(',', at), safe.size());
    const auto start = std::min(safe.find_first_not_of(' ', at), end);
    out += (at == 0 ? " " : ",") + safe.substr(at, start - at) +
           (at == 0 ? safe.substr(start, end - start) : disarmed(safe.substr(start, end - start)));
    at = end + 1;
  }
  return out;
}

std::string heading(const std::string& name, const std::string& unit) {
  return unit.empty() ? name : fmt::format("{} [{}]", name, unit);
}

}  // namespace tomestimate::study
