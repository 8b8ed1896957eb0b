// SPDX-License-Identifier: Apache-2.0
// A live page in Chromium: what a person types, chooses and drags, and what is shown then.
#pragma once

#include <sys/wait.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <tomestimate/page/live.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/spec/write.hpp>
#include <tomestimate/study/equations.hpp>

#include "catch.hpp"
#include "folder.hpp"

using namespace tomestimate;
using Json = nlohmann::json;
using Texts = std::map<std::string, std::string>;

inline const std::string folder_of_specs = std::string(TOMESTIMATE_SPECS) + "/";

inline study::Specs shipped(const std::string& hardware, const std::string& model) {
  return {spec::load_hardware(folder_of_specs + hardware),
          spec::load_model(folder_of_specs + model)};
}

inline study::Specs tom() { return shipped("tom.toml", "bitnet-2b.toml"); }

inline std::string page_of(const study::Specs& specs) {
  return page::live_page(specs, "tomestimate live a b (version 0)");
}

// What a person does on a page, and the design that should make.
struct Session {
  study::Specs specs;
  Texts typed;   // by input, in display units
  Texts chosen;  // by path, the option's label
  Json more = Json::object();
};

inline study::Specs changed(const Session& s) {
  auto specs = s.specs;
  const auto set = [&specs](const std::string& path, const std::string& text) {
    spec::override_value(specs.hardware, specs.model, path, text, {path, 1, 1});
  };
  for (const auto& [path, label] : s.chosen) {
    const Texts other{{"on", "true"}, {"off", "false"}, {"none", "[]"}};
    set(path, other.contains(label) ? other.at(label) : label);
  }
  for (const auto& [path, text] : s.typed) {
    const auto unit = study::find_parameter(specs, path, {}).unit;
    set(path, unit.empty() ? text : text + " " + unit);
  }
  return specs;
}

// What the pages show; nullopt if there is no browser.
inline std::optional<std::vector<Json>> shown(const std::vector<Session>& sessions) {
  const Folder folder;
  Json jobs = Json::array();
  Texts pages;  // file by specs: several sessions share one
  for (const auto& s : sessions) {
    const auto key = spec::to_toml(s.specs.hardware, "") + spec::to_toml(s.specs.model, "");
    const auto [page, fresh] =
        pages.try_emplace(key, folder.file(fmt::format("{}.html", pages.size())));
    if (fresh) spec::write_file(page->second, page_of(s.specs));
    Json job = s.more;
    job["page"] = page->second;
    job["type"] = s.typed;
    job["choose"] = s.chosen;
    jobs.push_back(job);
  }
  spec::write_file(folder.file("jobs.json"), jobs.dump());
  const auto command = fmt::format("'{}/page/browser.py' '{}' '{}'", TOMESTIMATE_TESTS,
                                   folder.file("jobs.json"), folder.file("results.json"));
  const int code = WEXITSTATUS(std::system(command.c_str()));
  if (code == 77) {
    WARN("SKIPPED: no chromium or no chromium-driver");
    return std::nullopt;
  }
  REQUIRE(code == 0);
  std::ifstream in(folder.file("results.json"));
  return Json::parse(in).get<std::vector<Json>>();
}

// Every number on the page within 1e-9 of the engine's.
inline void check_equal(const Json& page, const study::Specs& specs) {
  const study::Equations expected(specs);
  std::size_t metrics = 0;
  for (const auto& [name, value] : page["metrics"].items()) {
    const auto* n = expected.look_up(name);
    INFO(name);
    if (n == nullptr) {  // 0 whatever the inputs are, or none in this design
      CHECK((value.is_null() || value.get<double>() == 0));
      continue;
    }
    REQUIRE(value.is_number());
    CHECK(std::abs(value.get<double>() - n->value) <= 1e-9 * std::abs(n->value));
    metrics += n->role == study::Role::metric ? 1 : 0;
  }
  CHECK(metrics > 20);
  CHECK(page["log"].empty());
}
