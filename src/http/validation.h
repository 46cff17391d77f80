#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace moe::http {

// RFC 9110 section 5.6.2: the lower-case form of a token character, 0 for any other byte.
extern const std::array<uint8_t, 256> kTokenLower;

bool isToken(std::string_view text); // not empty

// Field values (RFC 9110 section 5.5): no control characters but TAB, no DEL. Bytes above 0x7f
// pass.
bool isFieldValue(std::string_view text);

// Request targets (RFC 9112 section 3.2): visible ASCII without "#", which begins what no client
// sends.
bool isTargetText(std::string_view text);

// The host and port of :authority: no user information, path or white space; the port in digits.
// Empty is one too.
bool isAuthority(std::string_view text);

// The digits behind the colon; empty if there are none.
std::string_view portOf(std::string_view authority);

// The methods that Envoy's HTTP/1 takes: bytes left over from a body make up no new one.
bool isKnownMethod(std::string_view method);

} // namespace moe::http
