#include "proxy/path_rules.h"

#include "base/strings.h"
#include "http/path.h"

namespace moe::proxy {

using http::HeaderId;

PathRules::Outcome PathRules::apply(http::HeaderMap& headers) const {
  if (!headers.has(HeaderId::Path)) {
    return Outcome::Forward; // CONNECT
  }
  Outcome outcome = Outcome::Forward;
  if (escapedSlashes != EscapedSlashes::Keep) {
    if (const auto path = http::unescapeSlashes(headers.path())) {
      if (escapedSlashes == EscapedSlashes::Reject) {
        return Outcome::Reject;
      }
      if (escapedSlashes == EscapedSlashes::Redirect) {
        outcome = Outcome::Redirect;
      }
      headers.set(HeaderId::Path, *path);
    }
  }
  if (normalize) {
    const auto path = http::normalizePath(headers.path());
    if (!path.has_value()) {
      return Outcome::Reject;
    }
    if (*path != headers.path()) {
      headers.set(HeaderId::Path, *path);
    }
  }
  if (mergeSlashes && headers.path().find("//") != std::string_view::npos) {
    headers.set(HeaderId::Path, http::mergeSlashes(headers.path()));
  }
  return outcome;
}

std::string locationOfPath(const http::HeaderMap& headers) {
  const std::string_view path = headers.path();
  if (path.size() > 1 && path[0] == '/' && path[1] != '/' && path[1] != '\\') {
    return std::string(path);
  }
  return path == "/" ? "/" : base::cat(headers.scheme(), "://", headers.authority(), path);
}

} // namespace moe::proxy
