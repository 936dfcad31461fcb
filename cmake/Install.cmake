# Installs the binary, the data it reads, the documents, the headers and the CMake package.
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY PERFMODEL_ROOMS)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/perfmodel)
set(data_dir ${CMAKE_INSTALL_DATADIR}/perfmodel)

list(TRANSFORM rooms PREPEND perfmodel_ OUTPUT_VARIABLE room_targets)
install(TARGETS ${room_targets} perfmodel_all EXPORT perfmodel_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT perfmodel_targets NAMESPACE perfmodel:: FILE perfmodel-targets.cmake DESTINATION ${package_dir})
if(TARGET perfmodel)
  install(TARGETS perfmodel RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

foreach(room IN LISTS rooms)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${room}/*.hpp)
  install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/perfmodel/${room})
endforeach()

foreach(folder arch workloads validate/data search/knowledge)
  get_filename_component(parent ${folder} DIRECTORY)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION ${data_dir}/${parent} OPTIONAL
    FILES_MATCHING PATTERN "*.yaml" PATTERN "*.csv" PATTERN "*.md")
endforeach()

# README.md and its links below it.
set(documents README.md CHANGELOG.md ARCHITECTURE.md docs calibrate/FINDINGS.md validate/README.md validate/fit)
foreach(document IN LISTS documents)
  get_filename_component(parent ${document} DIRECTORY)
  if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/${document})
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/${document} DESTINATION ${CMAKE_INSTALL_DOCDIR}/${parent}
      FILES_MATCHING PATTERN "*.md" PATTERN "*.json" PATTERN "*.txt")
  else()
    install(FILES ${PROJECT_SOURCE_DIR}/${document} DESTINATION ${CMAKE_INSTALL_DOCDIR}/${parent})
  endif()
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/perfmodel-config.cmake.in
  ${PROJECT_BINARY_DIR}/perfmodel-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/perfmodel-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/perfmodel-config.cmake ${PROJECT_BINARY_DIR}/perfmodel-config-version.cmake
  DESTINATION ${package_dir})
install(FILES ${CMAKE_CURRENT_LIST_DIR}/Dependencies.cmake DESTINATION ${package_dir})
