// SPDX-License-Identifier: Apache-2.0
#include "help.hpp"

#include <memory>
#include <sstream>
#include <string_view>

#include <fmt/format.h>
#include <range/v3/algorithm/contains.hpp>

#include <tomestimate/spec/text.hpp>
#include <tomestimate/units/unit_text.hpp>

#include "glossary.hpp"

namespace tomestimate::cli {
namespace {

constexpr std::string_view glossary_topic = "glossary", chips_topic = "chips";

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands({}))
    if (!command->get_group().empty()) names.push_back(command->get_name());
  return names;
}

std::string without_marks(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != '`') out += c;
  const auto first = out.find_first_not_of(' ');
  return first == std::string::npos ? "" : out.substr(first, out.find_last_not_of(' ') + 1 - first);
}

// The rows of the Markdown table that the glossary is.
report::Document glossary_document() {
  report::Table table{"glossary", "Terms", {{"term", ""}, {"means", ""}}, {}, {}};
  std::istringstream lines(glossary_text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| ") || line.starts_with("| term ")) continue;
    const auto bar = line.find(" | ");
    const auto end = line.rfind(" |");
    table.rows.push_back({without_marks(std::string_view(line).substr(2, bar - 2)),
                          without_marks(std::string_view(line).substr(bar + 3, end - bar - 3))});
  }
  return {"Glossary", {}, {std::move(table)}};
}

// The pictures of the chips as they stand.
std::string chips_text() {
  std::string out;
  std::istringstream lines(diagrams_text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("    "))
      out += line.substr(4) + "\n";
    else if (line.empty() && !out.empty())
      out += "\n";
  return out.substr(0, out.find_last_not_of('\n') + 1) + "\n";
}

std::string no_command(const std::string& word, std::vector<std::string> known) {
  const auto near = units::nearest(word, known);
  return fmt::format("tomestimate: error: no command \"{}\" ({})", spec::shortened(word),
                     near ? fmt::format("did you mean \"{}\"?", *near)
                          : fmt::format("there are: {}", fmt::join(known, ", ")));
}

int run_help(CLI::App& app, const std::string& topic) {
  if (topic == glossary_topic) {
    print(glossary_document(), {});
    return 0;
  }
  if (topic == chips_topic) {
    deliver(chips_text(), std::nullopt);
    return 0;
  }
  auto known = command_names(app);
  // Both throw CLI::CallForHelp, as the flag does where it is given.
  if (topic.empty()) app.parse("--help");
  if (ranges::contains(known, topic)) app.parse(topic + " --help");
  known.emplace_back(glossary_topic);
  known.emplace_back(chips_topic);
  complain(no_command(topic, std::move(known)));
  return bad_input;
}

}  // namespace

std::vector<Command> add_help_command(CLI::App& app) {
  const auto topic = std::make_shared<std::string>();
  auto* command = app.add_subcommand("help", "Help on a command, or the glossary");
  command->add_option("TOPIC", *topic,
                      "a command, or \"glossary\", or \"chips\" for their block diagrams");
  return {{command, [&app, topic] { return run_help(app, *topic); }}};
}

}  // namespace tomestimate::cli
