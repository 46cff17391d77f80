# moe_library(FOLDER [DEPS folder...] [LIBS target...]): src/FOLDER as library moe_FOLDER.
#
# Layering is enforced by what the compiler can see: every library gets its include path from views,
# folders that hold nothing but a link named FOLDER to src/FOLDER, of itself and of what it depends
# on. An include of a folder further down does not compile.
set(MOE_LAYERS base stats event net config tls http upstream route proxy filter golang xds discovery admin server)

function(moe_library folder)
  cmake_parse_arguments(arg "" "" "DEPS;LIBS" ${ARGN})
  list(FIND MOE_LAYERS ${folder} mine)
  if(mine EQUAL -1)
    message(FATAL_ERROR "src/${folder} is not in MOE_LAYERS")
  endif()
  foreach(dep IN LISTS arg_DEPS)
    list(FIND MOE_LAYERS ${dep} its)
    if(its EQUAL -1 OR NOT its LESS mine)
      message(FATAL_ERROR "src/${folder} may not use src/${dep}: it is not above it")
    endif()
  endforeach()

  set(view ${CMAKE_BINARY_DIR}/inc/${folder})
  file(MAKE_DIRECTORY ${view})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${folder} ${view}/${folder} SYMBOLIC)

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/server/main\\.cc$")
  list(TRANSFORM arg_DEPS PREPEND moe_lib_ OUTPUT_VARIABLE deps)
  set(target moe_lib_${folder})
  if(sources)
    add_library(${target} STATIC ${sources})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME moe_${folder})
    target_include_directories(${target} PUBLIC ${view} ${CMAKE_SOURCE_DIR}/include)
    target_link_libraries(${target} PUBLIC ${deps} ${arg_LIBS} PRIVATE moe_options)
    moe_precompile(${target})
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${view} ${CMAKE_SOURCE_DIR}/include)
    target_link_libraries(${target} INTERFACE ${deps} ${arg_LIBS})
  endif()
endfunction()

# One precompiled header for all: what nearly every file includes, no protobuf.
function(moe_precompile target)
  if(NOT TARGET moe_pch)
    file(WRITE ${CMAKE_BINARY_DIR}/pch.cc "")
    add_library(moe_pch OBJECT ${CMAKE_BINARY_DIR}/pch.cc)
    target_link_libraries(moe_pch PRIVATE moe_options absl::status absl::statusor absl::strings absl::flat_hash_map
                          spdlog::spdlog)
    target_precompile_headers(moe_pch PRIVATE <algorithm> <array> <atomic> <chrono> <functional> <map> <memory> <mutex>
                              <optional> <span> <string> <string_view> <utility> <vector> <absl/status/statusor.h>
                              <absl/strings/str_cat.h> <absl/container/flat_hash_map.h> <spdlog/logger.h>)
  endif()
  target_link_libraries(${target} PRIVATE spdlog::spdlog absl::statusor absl::strings absl::flat_hash_map)
  target_precompile_headers(${target} REUSE_FROM moe_pch)
endfunction()

# Unit tests of a folder: tests/unit/FOLDER/**_test.cc as one program test_FOLDER.
function(moe_unit_tests folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${folder}/*.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(test_${folder} ${sources})
  target_include_directories(test_${folder} PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit)
  target_link_libraries(test_${folder} PRIVATE moe_lib_${folder} moe_options GTest::gtest GTest::gmock GTest::gtest_main)
  moe_precompile(test_${folder})
  add_test(NAME ${folder} COMMAND test_${folder} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endfunction()
