# Debian builds Abseil as C++14, where absl::string_view is a class of its own that does not convert
# from and to std::string_view. Three of its headers are copied into the build folder with inline
# conversions added: layouts and symbols stay as the library has them. Nothing is done where
# absl::string_view is std::string_view already.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_FLAGS -std=c++20)
check_cxx_source_compiles("
  #include <absl/strings/string_view.h>
  #include <type_traits>
  static_assert(std::is_same_v<absl::string_view, std::string_view>);
  int main() {}" MOE_ABSL_USES_STD_STRING_VIEW)
unset(CMAKE_REQUIRED_FLAGS)

# moe_absl_copy(HEADER ANCHOR TEXT): puts TEXT in front of the line ANCHOR of absl/HEADER.
function(moe_absl_copy header anchor text)
  find_path(MOE_ABSL_INCLUDE absl/strings/string_view.h REQUIRED)
  file(READ ${MOE_ABSL_INCLUDE}/absl/${header} old)
  string(REPLACE "${anchor}" "${text}${anchor}" new "${old}")
  if(new STREQUAL old)
    message(FATAL_ERROR "absl/${header} is not as expected: no line \"${anchor}\"")
  endif()
  string(REPLACE "#include <string>" "#include <string>\n#include <string_view>" new "${new}")
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/absl-include/absl/${header} CONTENT "${new}" @ONLY)
endfunction()

if(NOT MOE_ABSL_USES_STD_STRING_VIEW)
  moe_absl_copy(strings/string_view.h "  // Iterators\n" [[
  constexpr string_view(std::string_view text) noexcept
      : string_view(text.data(), text.size(), SkipCheckLengthTag{}) {}
  constexpr operator std::string_view() const noexcept { return {ptr_, length_}; }
  template <class T>
    requires std::is_same_v<T, std::string_view>
  friend constexpr bool operator==(string_view a, T b) noexcept {
    return std::string_view(a) == b;
  }

]])
  moe_absl_copy(strings/str_cat.h "  AlphaNum(absl::string_view pc)"
                "  AlphaNum(std::string_view pc) : piece_(pc) {}\n")
  moe_absl_copy(strings/internal/str_split_internal.h "  ConvertibleToStringView(absl::string_view s)"
                "  ConvertibleToStringView(std::string_view s) : value_(s) {}\n")
  include_directories(BEFORE SYSTEM ${CMAKE_BINARY_DIR}/absl-include)
endif()
