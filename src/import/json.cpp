// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/import/json.hpp>

#include <cctype>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <tomestimate/import/source.hpp>
#include <tomestimate/spec/diagnostic.hpp>

namespace tomestimate::importer {
namespace {

using Json = nlohmann::json;

constexpr std::size_t deepest = 32;  // a config with text and quantization parts has 4
constexpr std::uint64_t most_values =
    1'000'000;  // of a document, or of one member that is handed on

// Builds the document as the parser goes (nlohmann's SAX interface), and stops at what is wrong.
// A callback to the library's own builder would do, but that one takes quadratic time in the
// members of an object.
class Builder {
 public:
  // Hands each member of the root on as soon as it is whole, and forgets it, unless `visit` is
  // null.
  explicit Builder(const VisitMember* visit) : visit_(visit) {}

  Json& root() { return root_; }
  const std::string& error() const { return error_; }
  std::size_t error_byte() const { return error_byte_; }

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(Json::number_integer_t value) { return add(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return add(value); }
  bool number_float(Json::number_float_t value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t&) { return fail("has binary data"); }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  // A key that is there twice has no value: whoever uses it refuses it.
  bool key(std::string& name) {
    if (open_.size() == 1) name_ = name;
    const auto [member, is_new] = open_.back()->emplace(name, nullptr);
    member_ = &*member;
    if (is_new) return true;
    *member = Json(Json::value_t::discarded);
    member_ = &second_.emplace_back();
    return true;
  }

  bool parse_error(std::size_t byte, const std::string&, const Json::exception& e) {
    constexpr int number_overflow = 406;
    error_byte_ = byte == 0 ? 0 : byte - 1;
    return fail(e.id == number_overflow ? "has a number that is too large, which ends here"
                                        : "ends or breaks off here");
  }

 private:
  bool fail(std::string message) {
    error_ = std::move(message);
    return false;
  }

  bool add(Json value) { return place(std::move(value)) && end(); }

  // Puts the next value where it goes: the root, the member of the last key, or the end of an
  // array.
  bool place(Json value) {
    if (++values_ > most_values) return fail(fmt::format("has more than {} values", most_values));
    if (open_.empty())
      last_ = &(root_ = std::move(value));
    else if (open_.back()->is_object())
      last_ = &(*member_ = std::move(value));
    else
      last_ = &open_.back()->emplace_back(std::move(value));
    return true;
  }

  bool open(Json value) {
    if (open_.size() == deepest) return fail(fmt::format("is nested deeper than {}", deepest));
    if (!place(std::move(value))) return false;
    open_.push_back(last_);
    return true;
  }

  bool close() {
    last_ = open_.back();
    open_.pop_back();
    return end();
  }

  // The last value is whole.
  bool end() {
    if (visit_ == nullptr || open_.size() != 1 || !root_.is_object()) return true;
    (*visit_)(name_, *last_);
    root_.clear();
    second_.clear();
    values_ = 0;
    return true;
  }

  const VisitMember* visit_;
  std::string name_;  // of the root's last member
  Json root_;
  std::vector<Json*> open_;  // objects and arrays that have not ended; they don't move meanwhile
  Json* member_ = nullptr;
  std::deque<Json> second_;  // values of keys that were there already; they don't move
  Json* last_ = nullptr;
  std::uint64_t values_ = 0;
  std::string error_;
  std::size_t error_byte_ = 0;
};

// Python writes NaN, Infinity and -Infinity, which are no JSON. They become texts of the same
// length, so that bytes keep their places and nobody takes them for numbers.
std::string without_infinities(std::string text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (!quoted && (text[i] == 'N' || text[i] == 'I' || text[i] == '-'))
      for (const std::string_view word : {"NaN", "Infinity", "-Infinity"})
        if (text.compare(i, word.size(), word) == 0) {
          text.replace(i, word.size(), "\"\"" + std::string(word.size() - 2, ' '));
          ++i;  // the second quotation mark
          break;
        }
  }
  return text;
}

Json parse(std::string text, const std::string& file, std::uint64_t from,
           const VisitMember* visit) {
  const auto fail = [&](std::size_t byte, std::string message) -> spec::SpecError {
    return spec::SpecError({{{file, 1, 1, from + byte}, std::move(message), ""}});
  };
  // The parser takes it for the end.
  if (const auto nul = text.find('\0'); nul != std::string::npos)
    throw fail(nul, "the JSON has a zero byte");
  Builder builder(visit);
  if (!Json::sax_parse(without_infinities(std::move(text)), &builder))
    throw fail(builder.error_byte(), "the JSON " + builder.error());
  if (!builder.root().is_object()) throw fail(0, "is JSON, but no object");
  return std::move(builder.root());
}

}  // namespace

Json parse_object(std::string text, const std::string& file, std::uint64_t from) {
  return parse(std::move(text), file, from, nullptr);
}

void visit_members(std::string text, const std::string& file, std::uint64_t from,
                   const VisitMember& visit) {
  parse(std::move(text), file, from, &visit);
}

}  // namespace tomestimate::importer
