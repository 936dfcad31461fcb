# External libraries, each under one target name whatever the distribution calls it.
# The installed package includes this file too, so it only looks things up.
include(CMakeFindDependencyMacro)

find_dependency(fmt 9)
find_dependency(yaml-cpp)
find_dependency(Eigen3)
find_dependency(nlohmann_json)

# yaml-cpp 0.7 exports the target yaml-cpp, 0.8 exports yaml-cpp::yaml-cpp.
if(NOT TARGET perfmodel_yaml_cpp)
  add_library(perfmodel_yaml_cpp INTERFACE IMPORTED)
  if(TARGET yaml-cpp::yaml-cpp)
    target_link_libraries(perfmodel_yaml_cpp INTERFACE yaml-cpp::yaml-cpp)
  else()
    target_link_libraries(perfmodel_yaml_cpp INTERFACE yaml-cpp)
  endif()
endif()

# Neither library ships a CMake package on every supported system.
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
perfmodel_find_library(perfmodel_csv csv.h csv)
perfmodel_find_library(perfmodel_muparser muParser.h muparser)
