#pragma once

#include <charconv>
#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"

// The system's Abseil has a string_view of its own, which std::string_view does not convert to: its
// StrCat and its transparent hashes are of no use here. These are their counterparts.
namespace moe::base {

namespace internal {
template <class T> void appendPiece(std::string& out, const T& piece) {
  if constexpr (std::is_same_v<T, char>) {
    out.push_back(piece);
  } else if constexpr (std::is_same_v<T, bool>) {
    out.append(piece ? "true" : "false");
  } else if constexpr (std::is_arithmetic_v<T>) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof(digits), piece);
    out.append(digits, end.ptr);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    out.append(std::string_view(piece));
  } else {
    out.append(piece.data(), piece.size());
  }
}
} // namespace internal

// The pieces (texts, characters, numbers, bools) as one string.
template <class... Pieces> std::string cat(const Pieces&... pieces) {
  std::string out;
  (internal::appendPiece(out, pieces), ...);
  return out;
}

inline std::string_view message(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
struct StringEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};
// A hash map by text; look-ups take any text without making a std::string.
template <class V> using StringMap = absl::flat_hash_map<std::string, V, StringHash, StringEqual>;
template <class V>
using ViewMap = absl::flat_hash_map<std::string_view, V, StringHash, StringEqual>;

} // namespace moe::base
