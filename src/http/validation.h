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

// Request targets: visible ASCII and bytes above 0x7f; no space, control character or DEL.
bool isTargetText(std::string_view text);

// The host and port of :authority: no user information, path or white space.
bool isAuthority(std::string_view text);

} // namespace moe::http
