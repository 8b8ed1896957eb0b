#include <tomestimate/import/json.hpp>

#include <set>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <tomestimate/import/source.hpp>
#include <tomestimate/spec/diagnostic.hpp>

namespace tomestimate::importer {
namespace {

constexpr int deepest = 32;               // a config with text and quantization parts has 4
constexpr std::uint64_t most_values = 2'000'000;  // a safetensors header has 7 a tensor

// Watches a parse; throws what is wrong.
class Guard {
 public:
  using Event = nlohmann::json::parse_event_t;

  bool operator()(int depth, Event event, nlohmann::json& parsed) {
    if (depth > deepest) throw fmt::format("is nested deeper than {}", deepest);
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key) {
      const auto& name = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(name).second)
        throw fmt::format("has the key \"{}\" twice in one object", printable(name));
    }
    if (++values_ > most_values) throw fmt::format("has more than {} values", most_values);
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;
  std::uint64_t values_ = 0;
};

}  // namespace

nlohmann::json parse_object(const std::string& text, const std::string& file, std::uint64_t from) {
  const auto fail = [&file](std::uint64_t byte, std::string message) -> spec::SpecError {
    return spec::SpecError({{{file, 1, 1, byte}, std::move(message), ""}});
  };
  nlohmann::json out;
  try {
    Guard guard;
    out = nlohmann::json::parse(text, std::ref(guard));
  } catch (const nlohmann::json::parse_error& e) {
    throw fail(from + (e.byte == 0 ? 0 : e.byte - 1), "is not JSON from here on");
  } catch (const nlohmann::json::exception& e) {
    throw fail(from, fmt::format("is not JSON: {}", e.what()));
  } catch (const std::string& message) {
    throw fail(from, "the JSON " + message);
  }
  if (!out.is_object()) throw fail(from, "is JSON, but no object");
  return out;
}

}  // namespace tomestimate::importer
