# External libraries, each under one target name whatever the distribution calls it.
# The installed package includes this file too, so it only looks things up.
include(CMakeFindDependencyMacro)

find_dependency(fmt 9)
find_dependency(Eigen3)
find_dependency(nlohmann_json)
find_dependency(simdjson)

# None of these ships a CMake package on every supported system.
function(perfmodel_find_library target header library)
  if(TARGET ${target})
    return()
  endif()
  find_path(${target}_INCLUDE_DIR ${header} REQUIRED)
  find_library(${target}_LIBRARY ${library} REQUIRED)
  mark_as_advanced(${target}_INCLUDE_DIR ${target}_LIBRARY)
  add_library(${target} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION ${${target}_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${${target}_INCLUDE_DIR})
endfunction()
perfmodel_find_library(perfmodel_yaml yaml.h yaml)
perfmodel_find_library(perfmodel_csv csv.h csv)
perfmodel_find_library(perfmodel_muparser muParser.h muparser)
