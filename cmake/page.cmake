# SPDX-License-Identifier: Apache-2.0
# What the live page is made of, built into its room: a page needs no network, nor the program a file.
# d3: Debian's package node-d3, under the BSD license (cmake/copyright has it).
find_file(TOMESTIMATE_D3 d3.min.js
          PATHS /usr/share/nodejs/d3 /usr/share/nodejs/d3/dist NO_DEFAULT_PATH REQUIRED
          DOC "d3, version 5 or later, minified (Debian: node-d3)")
file(READ ${TOMESTIMATE_D3} d3_head LIMIT 60)
if(NOT d3_head MATCHES "v([0-9]+)\\." OR CMAKE_MATCH_1 LESS 5)
  message(FATAL_ERROR "${TOMESTIMATE_D3} is no d3 of version 5 or later")
endif()
set(assets ${PROJECT_SOURCE_DIR}/src/page/assets)
set(page_files ${assets}/live.css ${assets}/live.html ${assets}/engine.js ${assets}/model.js
               ${assets}/figures.js ${assets}/live.js ${TOMESTIMATE_D3})
set(page_assets ${PROJECT_BINARY_DIR}/page_assets.cpp)
add_custom_command(
  OUTPUT ${page_assets}
  COMMAND ${CMAKE_COMMAND} "-DFILES=${page_files}" -DOUTPUT=${page_assets} -P
          ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${page_files} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
  VERBATIM)
target_sources(tomestimate_page PRIVATE ${page_assets})
target_include_directories(tomestimate_page PRIVATE ${PROJECT_SOURCE_DIR}/src/page)
