// Any text as a path: normal forms are stable, and never climb.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/path.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view path(reinterpret_cast<const char*>(data), size);
  if (const auto normal = moe::http::normalizePath(path)) {
    if (moe::http::normalizePath(*normal) != normal) {
      __builtin_trap();
    }
    // "*" and an authority are not paths: they come back as they are.
    const std::string_view only = moe::http::pathOnly(*normal);
    if (only.starts_with('/') &&
        (only.find("/../") != only.npos || only.find("/./") != only.npos)) {
      __builtin_trap();
    }
  }
  const std::string merged = moe::http::mergeSlashes(path);
  if (moe::http::mergeSlashes(merged) != merged ||
      moe::http::pathOnly(merged).find("//") != std::string_view::npos) {
    __builtin_trap();
  }
  (void)moe::http::queryParameter(path, "a");
  return 0;
}
