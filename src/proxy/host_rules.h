#pragma once

#include <optional>

#include "http/header_map.h"

namespace moe::proxy {

// What a connection manager makes of the host before anything reads it.
struct HostRules {
  enum class StripPort { Never, Matching, Any };
  StripPort stripPort = StripPort::Never;
  bool stripTrailingDot = false;

  bool any() const { return stripPort != StripPort::Never || stripTrailingDot; }
  // The port that was taken off, if one was. `listenerPort`: where the connection came in.
  std::optional<uint16_t> apply(http::HeaderMap& headers, uint16_t listenerPort) const;
};

// Gives the :authority of a CONNECT its port back, unless it has one.
void restorePort(http::HeaderMap& headers, uint16_t port);

} // namespace moe::proxy
