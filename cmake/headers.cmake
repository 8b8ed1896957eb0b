# SPDX-License-Identifier: Apache-2.0
# precompile_headers(FIRST TARGET... [HEADERS HEADER...]): what nearly every file includes is compiled
# once with FIRST and used by all, which must have its options. A file includes what it uses all the
# same: tests/run-lint compiles without.
function(precompile_headers first)
  cmake_parse_arguments(PARSE_ARGV 1 given "" "" HEADERS)
  target_precompile_headers(
    ${first} PRIVATE <algorithm> <array> <cmath> <filesystem> <fstream> <functional> <map> <memory>
    <optional> <sstream> <string> <string_view> <utility> <variant> <vector> <fmt/format.h>
    <tomestimate/spec/hardware.hpp> <tomestimate/spec/model.hpp> <tomestimate/spec/technology.hpp>
    ${given_HEADERS})
  foreach(target ${given_UNPARSED_ARGUMENTS})
    target_precompile_headers(${target} REUSE_FROM ${first})
  endforeach()
endfunction()
