// SPDX-License-Identifier: Apache-2.0
#include "rows.hpp"

#include <array>
#include <iterator>
#include <limits>

#include <tomestimate/study/csv.hpp>

#include "npy.hpp"

namespace tomestimate::study {
namespace {

std::size_t index_width(std::uint64_t size) {
  if (size <= 1u << 8) return 1;
  if (size <= 1u << 16) return 2;
  return size <= std::uint64_t{1} << 32 ? 4 : 8;
}

std::string cell(const Varied& varied, std::uint64_t i) {
  return varied.is_number() ? fmt::format("{}", varied.number(i)) : csv_cell(varied.text(i));
}

}  // namespace

Rows::Rows(const Study& study, const Space& space, RowFormat format)
    : study_(study), space_(space), format_(format) {
  for (std::size_t a = 0; a < space.axes().size(); ++a)
    for (const auto& v : space.axes()[a].members) {
      Cells cells{a, &v, {}, index_width(v.size())};
      if (format == RowFormat::csv && v.size() <= most_kept)
        for (std::uint64_t i = 0; i < v.size(); ++i) cells.texts.push_back(cell(v, i) + ",");
      cells_.push_back(std::move(cells));
    }
  for (const auto& c : study.columns) factors_.push_back(unit_factor(c.unit));
}

std::vector<std::string> Rows::names() const {
  std::vector<std::string> out;
  for (const auto& c : cells_) {
    const auto& p = c.varied->parameter;
    out.push_back(heading(p.path, c.varied->is_number() ? p.unit : ""));
  }
  for (const auto& c : study_.columns) out.push_back(heading(c.name, c.unit));
  out.emplace_back("status");
  return out;
}

std::string Rows::head(std::uint64_t rows) const {
  const auto all = names();
  if (format_ == RowFormat::npy) {
    std::vector<npy::Field> fields;
    for (std::size_t i = 0; i < all.size(); ++i)
      fields.push_back({all[i], i < cells_.size()    ? fmt::format("<u{}", cells_[i].width)
                                : i + 1 < all.size() ? "<f8"
                                                     : "|u1"});
    return npy::records(fields, rows);
  }
  std::string out;
  for (const auto& name : all) out += (out.empty() ? "" : ",") + csv_cell(name);
  return out + "\n";
}

void Rows::tail(const std::function<void(std::string_view)>& write) const {
  if (format_ == RowFormat::csv) return;
  for (const auto& c : cells_) {
    const auto& v = *c.varied;
    if (!v.is_number()) {
      write(npy::texts(std::get<Varied::Texts>(v.values)));
      continue;
    }
    write(npy::array("<f8", v.size()));
    std::array<char, 4096 * sizeof(double)> part;
    for (std::uint64_t i = 0; i < v.size();) {
      char* to = part.data();
      for (; i < v.size() && to < part.data() + part.size(); ++i) to = npy::put(to, v.number(i));
      write({part.data(), static_cast<std::size_t>(to - part.data())});
    }
  }
  write(npy::texts(space_.reasons()));
}

std::optional<std::size_t> Rows::row_bytes() const {
  if (format_ == RowFormat::csv) return std::nullopt;
  std::size_t bytes = sizeof(double) * factors_.size() + 1;
  for (const auto& c : cells_) bytes += c.width;
  return bytes;
}

bool Rows::wanted(const Space::Chunk& chunk, std::size_t i) const {
  if (study_.where.empty()) return !study_.order || chunk.status[i] == 0;
  return chunk.status[i] == 0 && chunk.values[study_.columns.size()][i] != 0;
}

void Rows::append(std::uint64_t point, const Space::Chunk& chunk, std::size_t i,
                  fmt::memory_buffer& out) const {
  if (format_ == RowFormat::npy)
    append_record(point, chunk, i, out);
  else
    append_line(point, chunk, i, out);
}

void Rows::append_line(std::uint64_t point, const Space::Chunk& chunk, std::size_t i,
                       fmt::memory_buffer& out) const {
  for (const auto& c : cells_) {
    const auto at = space_.index(point, c.axis);
    if (!c.texts.empty()) {
      out.append(c.texts[at]);
    } else {
      out.append(cell(*c.varied, at));
      out.push_back(',');
    }
  }
  const bool good = chunk.status[i] == 0;
  for (std::size_t c = 0; c < factors_.size(); ++c) {
    if (good) fmt::format_to(std::back_inserter(out), "{}", value(chunk, c, i));
    out.push_back(',');
  }
  out.append(csv_cell(space_.reason(chunk.status[i])));
  out.push_back('\n');
}

void Rows::append_record(std::uint64_t point, const Space::Chunk& chunk, std::size_t i,
                         fmt::memory_buffer& out) const {
  const auto before = out.size();
  out.resize(before + *row_bytes());
  char* to = out.data() + before;
  for (const auto& c : cells_) to = npy::put(to, space_.index(point, c.axis), c.width);
  const bool good = chunk.status[i] == 0;
  for (std::size_t c = 0; c < factors_.size(); ++c)
    to = npy::put(to, good ? value(chunk, c, i) : std::numeric_limits<double>::quiet_NaN());
  *to = static_cast<char>(chunk.status[i]);
}

}  // namespace tomestimate::study
