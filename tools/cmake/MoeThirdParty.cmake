# The libraries moe stands on, as targets moe::uv, moe::nghttp2, moe::boringssl, moe::api,
# moe::api_grpc and the packages' own. tools/setup makes build/deps.cmake.
include(${CMAKE_SOURCE_DIR}/build/deps.cmake OPTIONAL RESULT_VARIABLE found)
if(NOT found)
  message(FATAL_ERROR "build/deps.cmake is missing: run tools/setup first")
endif()

find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED) # before gRPC, which wants it found
find_package(gRPC CONFIG REQUIRED)
find_package(absl CONFIG REQUIRED)
include(MoeAbslStringView)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)

function(moe_import name archive)
  add_library(moe_${name} STATIC IMPORTED GLOBAL)
  set_target_properties(moe_${name} PROPERTIES IMPORTED_LOCATION ${archive})
  add_library(moe::${name} ALIAS moe_${name})
endfunction()

moe_import(uv ${MOE_C_PREFIX}/lib/libuv.a)
target_include_directories(moe_uv SYSTEM INTERFACE ${MOE_C_PREFIX}/include)
target_link_libraries(moe_uv INTERFACE Threads::Threads ${CMAKE_DL_LIBS})

moe_import(nghttp2 ${MOE_C_PREFIX}/lib/libnghttp2.a)
target_include_directories(moe_nghttp2 SYSTEM INTERFACE ${MOE_C_PREFIX}/include)
target_compile_definitions(moe_nghttp2 INTERFACE NGHTTP2_STATICLIB)

# gRPC brings OpenSSL into the process: BoringSSL's symbols carry a prefix, and nobody may see its
# headers without it.
moe_import(crypto ${MOE_C_PREFIX}/lib/libcrypto.a)
moe_import(boringssl ${MOE_C_PREFIX}/lib/libssl.a)
target_link_libraries(moe_boringssl INTERFACE moe_crypto Threads::Threads)
target_include_directories(moe_boringssl SYSTEM INTERFACE ${MOE_C_PREFIX}/boringssl/include)
target_compile_definitions(moe_boringssl INTERFACE BORINGSSL_PREFIX=bsslp)

# Whole: messages are also found by name, in typed configuration.
add_library(moe_api INTERFACE)
add_library(moe::api ALIAS moe_api)
target_link_libraries(moe_api INTERFACE -Wl,--whole-archive,${MOE_API_PREFIX}/lib/libmoe_api.a,--no-whole-archive)
target_include_directories(moe_api SYSTEM INTERFACE ${MOE_API_PREFIX}/include)
target_link_libraries(moe_api INTERFACE protobuf::libprotobuf)
moe_import(api_grpc ${MOE_API_PREFIX}/lib/libmoe_api_grpc.a)
target_link_libraries(moe_api_grpc INTERFACE moe_api gRPC::grpc++)
