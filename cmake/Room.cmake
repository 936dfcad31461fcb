# perfmodel_room(NAME [LINKS room...] [USES external-target...] [EXPOSES external-target...])
#
# USES is for the sources alone, EXPOSES for what the room's headers include.
# Declares the static library perfmodel_NAME from every .cpp of the calling directory.
# A room without sources becomes an interface library, so that it may fill up later.
# perfmodel_options holds what every target of the tree compiles with.

add_library(perfmodel_options INTERFACE)
target_compile_options(perfmodel_options INTERFACE -Wall -Wextra -Wconversion)
if(PERFMODEL_WERROR)
  target_compile_options(perfmodel_options INTERFACE -Werror)
endif()
if(PERFMODEL_SANITIZE)
  # The checks left out are at every pointer access: they double the time of a build and find little that the
  # address sanitizer does not.
  set(sanitizers -fsanitize=address,undefined -fno-sanitize=null,alignment,vptr -fno-sanitize-recover=all
                 -fno-omit-frame-pointer)
  target_compile_options(perfmodel_options INTERFACE ${sanitizers})
  target_link_options(perfmodel_options INTERFACE ${sanitizers})
  # Under the address sanitizer Eigen would lay out its blocks otherwise than the Eigen inside pagmo, which frees ours.
  set_property(TARGET Eigen3::Eigen APPEND PROPERTY INTERFACE_COMPILE_DEFINITIONS EIGEN_MALLOC_ALREADY_ALIGNED=1)
endif()
if(PERFMODEL_FUZZ)
  set(sanitizers -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -g)
  target_compile_options(perfmodel_options INTERFACE ${sanitizers})
  target_link_options(perfmodel_options INTERFACE -fsanitize=address,undefined)
endif()
if(PERFMODEL_TIDY)
  find_program(CLANG_TIDY NAMES clang-tidy REQUIRED)
  set(CMAKE_CXX_CLANG_TIDY ${CLANG_TIDY} --warnings-as-errors=*)
endif()

function(perfmodel_room name)
  cmake_parse_arguments(PARSE_ARGV 1 room "" "" "LINKS;USES;EXPOSES")
  list(TRANSFORM room_LINKS PREPEND perfmodel_)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(sources)
    add_library(perfmodel_${name} STATIC ${sources})
    target_link_libraries(perfmodel_${name} PUBLIC ${room_LINKS} ${room_EXPOSES}
      PRIVATE ${room_USES} $<BUILD_INTERFACE:perfmodel_options>)
    set(scope PUBLIC)
  else()
    add_library(perfmodel_${name} INTERFACE)
    target_link_libraries(perfmodel_${name} INTERFACE ${room_LINKS} ${room_EXPOSES})
    set(scope INTERFACE)
  endif()
  target_compile_features(perfmodel_${name} ${scope} cxx_std_20)
  target_include_directories(perfmodel_${name} ${scope}
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/perfmodel>)
  set_target_properties(perfmodel_${name} PROPERTIES EXPORT_NAME ${name})
  set_property(GLOBAL APPEND PROPERTY PERFMODEL_ROOMS ${name})
endfunction()
