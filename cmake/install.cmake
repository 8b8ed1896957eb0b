# What `cmake --install` and the Debian package hold beside the rooms (add_room installs those).

install(TARGETS tomestimate)
install(DIRECTORY specs DESTINATION ${CMAKE_INSTALL_DATADIR}/tomestimate)

# Man page and completions, written by the program from its own options.
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
