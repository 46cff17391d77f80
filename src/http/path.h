#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace moe::http {

// RFC 3986 section 5.2.4 and 6.2.2: removes dot segments (also as %2e), decodes percent-encoded
// unreserved characters, makes backslashes slashes, keeps the query. Nothing if the path climbs
// above its root or holds a bad escape.
std::optional<std::string> normalizePath(std::string_view path);

// "//a///b?c//d" -> "/a/b?c//d".
std::string mergeSlashes(std::string_view path);

// "%2F" becomes "/" and "%5C" a backslash, in either case, before the query; nothing if there is
// none of them.
std::optional<std::string> unescapeSlashes(std::string_view path);

// The part of a :path before '?' and '#'.
inline std::string_view pathOnly(std::string_view path) {
  return path.substr(0, path.find_first_of("?#"));
}
// The part after '?', up to '#'; empty if none.
std::string_view queryOf(std::string_view path);
// The value of a query parameter, as written; nothing if absent. "a" and "a=" give "".
std::optional<std::string_view> queryParameter(std::string_view path, std::string_view name);

} // namespace moe::http
