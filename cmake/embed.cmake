# SPDX-License-Identifier: Apache-2.0
# Run as a script: writes OUTPUT, a C++ file that holds each of FILES as a std::string_view of
# tomestimate::page, named after the file: live.css is live_css.
set(text "// Written by cmake/embed.cmake.\n#include \"assets.hpp\"\n\nnamespace tomestimate::page {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  string(REPLACE ".min." "." name "${name}")
  string(REPLACE "." "_" name "${name}")
  file(READ "${file}" bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND text "namespace {\nconstexpr unsigned char ${name}_bytes[] = {${bytes}};\n}\n"
                     "const std::string_view ${name}(reinterpret_cast<const char*>(${name}_bytes), "
                     "sizeof ${name}_bytes);\n")
endforeach()
file(WRITE "${OUTPUT}" "${text}\n}  // namespace tomestimate::page\n")
