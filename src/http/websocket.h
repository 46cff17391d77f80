#pragma once

#include <string>
#include <string_view>

#include "base/random.h"

namespace moe::http {

// What WebSocket over HTTP/1 says (RFC 6455 section 4) and over HTTP/2 does not (RFC 8441 section
// 5), for those who translate. All header values.
inline constexpr std::string_view kWebSocketKey = "sec-websocket-key";
inline constexpr std::string_view kWebSocketAccept = "sec-websocket-accept";

// 16 random bytes in base64.
std::string webSocketKey(base::Random& random);
// What a server answers to a key.
std::string webSocketAccept(std::string_view key);

} // namespace moe::http
