# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` and the Debian package hold beside the rooms (add_room installs those, as
# component "development").
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME program)

install(TARGETS tomestimate)
if(TOMESTIMATE_PYTHON)
  install(TARGETS tomestimate_python DESTINATION ${TOMESTIMATE_PYTHON_DIR} COMPONENT python)
endif()
install(DIRECTORY specs DESTINATION ${CMAKE_INSTALL_DATADIR}/tomestimate)

# Man pages and completions, written by the program from its own options, and the formats of specs
# from what reads them.
set(documents ${PROJECT_BINARY_DIR}/documents)
set(generated)
function(add_document kind file folder)
  set(write ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 $<TARGET_FILE:tomestimate>)
  if(file MATCHES "\\.gz$")
    set(pack | gzip -9n)
  endif()
  add_custom_command(
    OUTPUT ${documents}/${file}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${documents}
    COMMAND ${write} --generate ${kind} ${pack} > ${documents}/${file}
    DEPENDS tomestimate)
  list(APPEND generated ${documents}/${file})
  set(generated ${generated} PARENT_SCOPE)
  install(FILES ${documents}/${file} DESTINATION ${folder})
endfunction()
add_document(man tomestimate.1.gz ${CMAKE_INSTALL_MANDIR}/man1)
add_document(spec-man tomestimate-spec.5.gz ${CMAKE_INSTALL_MANDIR}/man5)
add_document(spec-markdown tomestimate-spec.md ${CMAKE_INSTALL_DATADIR}/doc/tomestimate)
add_document(bash tomestimate ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
add_document(zsh _tomestimate ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
add_document(fish tomestimate.fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
add_custom_target(documents ALL DEPENDS ${generated})

# find_package(tomestimate), from an install prefix or from the build folder.
set(config ${CMAKE_INSTALL_LIBDIR}/cmake/tomestimate)
configure_package_config_file(cmake/tomestimateConfig.cmake.in tomestimateConfig.cmake
                              INSTALL_DESTINATION ${config})
# Before version 1 a minor version may change the interface.
write_basic_package_version_file(tomestimateConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/tomestimateConfig.cmake
              ${PROJECT_BINARY_DIR}/tomestimateConfigVersion.cmake
        DESTINATION ${config} COMPONENT development)
install(EXPORT tomestimate NAMESPACE tomestimate:: FILE tomestimateTargets.cmake
        DESTINATION ${config} COMPONENT development)
export(EXPORT tomestimate NAMESPACE tomestimate:: FILE tomestimateTargets.cmake)

# The Debian packages, the program and the Python module. Who builds on the rooms installs them from
# source.
set(documentation ${CMAKE_INSTALL_DATADIR}/doc/tomestimate)
# RFC 2822, as changelogs have it, in English and UTC.
execute_process(COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C date -u -R -d ${TOMESTIMATE_DATE}
                OUTPUT_VARIABLE CHANGELOG_DATE OUTPUT_STRIP_TRAILING_WHITESPACE)
configure_file(cmake/changelog.in ${documents}/changelog)
add_custom_command(OUTPUT ${documents}/changelog.gz COMMAND gzip -9nkf ${documents}/changelog
                   DEPENDS ${documents}/changelog)
add_custom_target(changelog ALL DEPENDS ${documents}/changelog.gz)
install(FILES cmake/copyright NOTICE README.md CHANGELOG.md ${documents}/changelog.gz DESTINATION ${documentation}
        COMPONENT package EXCLUDE_FROM_ALL)
install(FILES cmake/copyright NOTICE ${documents}/changelog.gz
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/python3-tomestimate
        COMPONENT python_package EXCLUDE_FROM_ALL)

# The package has Debian's own copy of the license, so its text goes with installs from source.
install(FILES LICENSE NOTICE DESTINATION ${documentation} COMPONENT development)

set(CPACK_GENERATOR DEB)
# Two components make a package.
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENTS_ALL program package)
set(CPACK_COMPONENT_PROGRAM_GROUP main)
set(CPACK_COMPONENT_PACKAGE_GROUP main)
if(TOMESTIMATE_PYTHON)
  list(APPEND CPACK_COMPONENTS_ALL python python_package)
  set(CPACK_COMPONENT_PYTHON_GROUP python)
  set(CPACK_COMPONENT_PYTHON_PACKAGE_GROUP python)
endif()
set(CPACK_PACKAGE_NAME tomestimate)
set(CPACK_DEBIAN_MAIN_PACKAGE_NAME tomestimate)
set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME python3-tomestimate)
set(CPACK_PACKAGE_VENDOR tomestimate)
set(CPACK_PACKAGE_CONTACT "tomestimate authors <authors@tomestimate.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "performance, power and area of ROM-based LLM chips")
set(CPACK_PACKAGE_DESCRIPTION
    "An analytical model of chips that hold ternary language models in ROM: it reads
a hardware and a model specification and tells time, power and area per layer,
what binds, and which assumptions the answer rests on. A bit-exact kernel
checks every closed-form count. Design spaces can be swept, searched and
compared.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_MAIN_DESCRIPTION ${CPACK_PACKAGE_DESCRIPTION})
set(CPACK_DEBIAN_PYTHON_DESCRIPTION
    "The Python module of tomestimate, an analytical model of chips that hold
ternary language models in ROM: estimates, sweeps into NumPy arrays, and the
equations behind a number. It uses the specifications of package tomestimate.")
set(CPACK_DEBIAN_MAIN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# A module is of one minor version of Python.
math(EXPR next_python "${Python_VERSION_MINOR} + 1")
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS
    "python3 (>= 3.${Python_VERSION_MINOR}), python3 (<< 3.${next_python}), python3-numpy, tomestimate (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_MAIN_PACKAGE_RECOMMENDS gnuplot-nox)
set(CPACK_DEBIAN_MAIN_PACKAGE_SUGGESTS "yosys, libreoffice-calc")
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
include(CPack)
