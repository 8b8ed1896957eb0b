// SPDX-License-Identifier: Apache-2.0
// What a live page is made of. Without chromium and chromium-driver these tests say SKIPPED.
#include <tomestimate/page/live.hpp>

#include "session.hpp"

TEST_CASE("texts of a spec are texts on the page, and a page takes nothing from elsewhere") {
  auto specs = tom();
  const std::string evil = "</script><img src=x onerror=alert(1)>{{d3}}${1}";
  specs.hardware.name = evil;
  specs.hardware.sourced.at(1).source = evil;
  const auto page = page_of(specs);
  CHECK(page == page_of(specs));
  CHECK(page.size() < 1'000'000);
  CHECK(page.find("<img") == std::string::npos);
  CHECK(page.find("default-src 'none'") != std::string::npos);
  for (const auto* outside : {" src=\"", "href=\"http", "@import", "url("})
    CHECK(page.find(outside) == std::string::npos);
  const auto results =
      shown({{specs,
              {},
              {},
              {{"script", "return [document.title, document.querySelectorAll('img').length]"}}}});
  if (!results) return;
  CHECK((*results)[0]["script"] == Json::array({evil + " running " + specs.model.name, 0}));
  check_equal((*results)[0], tom());
}

TEST_CASE("a model whose layers differ keeps a number for each run of them") {
  auto specs = tom();
  std::string list;
  for (int layer = 0; layer < 30; ++layer) list += layer < 4 ? "0.5, " : "0.3, ";
  spec::override_value(specs.hardware, specs.model, "weights.zero_share", "[" + list + "]",
                       {"x", 1, 1});
  Session s{specs, {}, {}, {{"hash", "weights.zero_share.layer0to3=0.75"}}};
  s.more["script"] = "return document.getElementById('toml').value";
  const auto results = shown({s});
  if (!results) return;
  auto expected = specs;
  std::string typed;
  for (int layer = 0; layer < 30; ++layer) typed += layer < 4 ? "0.75, " : "0.3, ";
  spec::override_value(expected.hardware, expected.model, "weights.zero_share", "[" + typed + "]",
                       {"x", 1, 1});
  check_equal((*results)[0], expected);
  CHECK((*results)[0]["script"].get<std::string>().find(
            "zero_share = { value = [0.75, 0.75, 0.75, 0.75, 0.3,") != std::string::npos);
}
