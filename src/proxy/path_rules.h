#pragma once

#include "http/header_map.h"

namespace moe::proxy {

// What a connection manager makes of the path before anything reads it.
struct PathRules {
  // path_with_escaped_slashes_action
  enum class EscapedSlashes { Keep, Reject, Redirect, Forward };
  EscapedSlashes escapedSlashes = EscapedSlashes::Keep;
  bool normalize = false;
  bool mergeSlashes = false;

  bool any() const { return escapedSlashes != EscapedSlashes::Keep || normalize || mergeSlashes; }
  enum class Outcome { Forward, Reject, Redirect };
  // In Envoy's order: escaped slashes, normalisation, slashes merged. Redirect: the path is the new
  // one, and the client is to come back with it.
  Outcome apply(http::HeaderMap& headers) const;
};

// The Location for a redirect to the request's path: where that is no path to a client ("//host"
// and "/\host" name another server), the whole URL.
std::string locationOfPath(const http::HeaderMap& headers);

} // namespace moe::proxy
