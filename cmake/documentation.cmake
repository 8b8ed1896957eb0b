# SPDX-License-Identifier: Apache-2.0
# API documentation as HTML in documentation/html of the build folder; not built by default.
find_program(DOXYGEN doxygen)
if(DOXYGEN)
  configure_file(docs/Doxyfile.in Doxyfile @ONLY)
  add_custom_target(
    documentation
    COMMAND ${DOXYGEN} ${PROJECT_BINARY_DIR}/Doxyfile
    COMMENT "API documentation in ${PROJECT_BINARY_DIR}/documentation/html")
endif()
