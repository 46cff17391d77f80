# Compiler settings of all of moe's own code.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_COMPILE_OPTIONS_PIE -fPIC) # programs use the precompiled header of the libraries

set(MOE_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")
option(MOE_LTO "Link-time optimisation of release builds" ON)
option(MOE_FUZZ "Build the fuzz targets" OFF)

find_program(MOE_CCACHE ccache)
if(MOE_CCACHE)
  set(launcher ${CMAKE_SOURCE_DIR}/tools/lib/compile ${CMAKE_SOURCE_DIR})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")

add_library(moe_options INTERFACE)
target_compile_options(moe_options INTERFACE -pthread -Wall -Wextra -Wpedantic -Werror -Wno-unused-parameter
                       -Wno-gnu-zero-variadic-macro-arguments -Wno-missing-field-initializers -Wno-deprecated-declarations
                       -Xclang -fno-pch-timestamp)
if(MOE_SANITIZE)
  target_compile_options(moe_options INTERFACE -fsanitize=${MOE_SANITIZE} -fno-sanitize-recover=undefined)
  target_link_options(moe_options INTERFACE -fsanitize=${MOE_SANITIZE})
  if(MOE_FUZZ)
    target_compile_options(moe_options INTERFACE -fsanitize=fuzzer-no-link)
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release" AND MOE_LTO)
  target_compile_options(moe_options INTERFACE -flto=thin)
  target_link_options(moe_options INTERFACE -flto=thin -Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/lto-cache)
endif()
target_link_options(moe_options INTERFACE -fuse-ld=lld-19 -Wl,--gc-sections)
