// SPDX-License-Identifier: Apache-2.0
#include "encode.hpp"

#include <bit>
#include <stdexcept>

#include <zlib.h>
#include <boost/archive/iterators/base64_from_binary.hpp>
#include <boost/archive/iterators/transform_width.hpp>

namespace tomestimate::page {
namespace {

using number::Fn;
using number::Symbol;

class Encoder {
 public:
  explicit Encoder(const Recorded& recorded) : recorded_(recorded) {}

  Encoded operator()() && {
    mark();
    append_varint(out_.bytes, out_.nodes);
    append_nodes();
    append_varint(out_.bytes, recorded_.variants.size());
    const auto first = places(recorded_.variants.at(0));
    std::vector<std::uint64_t> none(first.size(), 0);
    for (const auto& v : recorded_.variants) {
      for (const auto pick : v.picks) append_varint(out_.bytes, pick);
      append_changes(&v == &recorded_.variants.front() ? none : first, places(v));
    }
    return std::move(out_);
  }

 private:
  // Which nodes outputs need, and their numbers without the others.
  void mark() {
    const auto& nodes = recorded_.recording.nodes();
    std::vector<bool> used(nodes.size(), false);
    for (const auto& v : recorded_.variants)
      for (const auto* outputs : {&v.quantities, &v.rules})
        for (const auto& [index, symbol] : *outputs)
          if (!symbol.is_constant()) used[symbol.node()] = true;
    for (std::size_t i = nodes.size(); i-- > 0;) {
      // Every input is there, so that they keep their order.
      if (nodes[i].fn == Fn::input) used[i] = true;
      if (!used[i] || nodes[i].fn <= Fn::input) continue;
      used[nodes[i].a] = used[nodes[i].b] = true;
    }
    number_.resize(nodes.size(), 0);
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (used[i]) {
        number_[i] = out_.nodes++;
        kept_.push_back(i);
      }
  }

  void append_nodes() {
    const auto& nodes = recorded_.recording.nodes();
    for (const auto i : kept_) append_varint(out_.bytes, static_cast<std::uint64_t>(nodes[i].fn));
    for (const auto i : kept_) {
      const auto& node = nodes[i];
      if (node.fn == Fn::constant) {
        append_varint(out_.bytes, constant(node.value));
      } else if (node.fn == Fn::input) {
        append_varint(out_.bytes, node.a);
      } else {
        append_varint(out_.bytes, number_[i] - number_[node.a]);
        if (!is_unary(node.fn)) append_varint(out_.bytes, number_[i] - number_[node.b]);
      }
    }
  }

  std::uint64_t constant(double value) {
    const auto [at, fresh] =
        constants_.try_emplace(std::bit_cast<std::uint64_t>(value), out_.constants.size());
    if (fresh) out_.constants.push_back(value);
    return at->second;
  }

  std::uint64_t place(const Symbol& s) {
    return 1 + (s.is_constant() ? out_.nodes + constant(s.value()) : number_[s.node()]);
  }

  std::vector<std::uint64_t> places(const Variant& v) {
    std::vector<std::uint64_t> out(recorded_.quantities.size() + recorded_.rules.size(), 0);
    for (const auto& [index, symbol] : v.quantities) out[index] = place(symbol);
    for (const auto& [index, symbol] : v.rules)
      out[recorded_.quantities.size() + index] = place(symbol);
    return out;
  }

  void append_changes(const std::vector<std::uint64_t>& from,
                      const std::vector<std::uint64_t>& to) {
    std::string changes;
    std::size_t count = 0, last = 0;
    for (std::size_t i = 0; i < to.size(); ++i) {
      if (from[i] == to[i]) continue;
      append_varint(changes, i - last);
      append_varint(changes, to[i]);
      last = i;
      ++count;
    }
    append_varint(out_.bytes, count);
    out_.bytes += changes;
  }

  const Recorded& recorded_;
  Encoded out_;
  std::vector<std::size_t> kept_;
  std::vector<std::uint64_t> number_;
  std::map<std::uint64_t, std::size_t> constants_;
};

std::string deflated(const std::string& bytes) {
  std::string out(compressBound(bytes.size()), '\0');
  uLongf size = out.size();
  if (compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), 9) != Z_OK)
    throw std::runtime_error("cannot compress the data of the page");
  out.resize(size);
  return out;
}

std::string base64(const std::string& bytes) {
  namespace it = boost::archive::iterators;
  using Characters = it::base64_from_binary<it::transform_width<std::string::const_iterator, 6, 8>>;
  std::string out(Characters(bytes.begin()), Characters(bytes.end()));
  out.append((3 - bytes.size() % 3) % 3, '=');
  return out;
}

}  // namespace

void append_varint(std::string& bytes, std::uint64_t value) {
  while (value >= 128) {
    bytes += static_cast<char>(value % 128 + 128);
    value /= 128;
  }
  bytes += static_cast<char>(value);
}

Encoded encode(const Recorded& recorded) { return Encoder(recorded)(); }

std::string packed(const nlohmann::ordered_json& texts, const std::string& bytes) {
  const auto json = texts.dump();
  std::string all;
  for (int shift = 0; shift < 32; shift += 8) all += static_cast<char>(json.size() >> shift & 0xFF);
  return base64(deflated(all + json + bytes));
}

}  // namespace tomestimate::page
