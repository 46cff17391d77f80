#pragma once

#include "http/format_commands.h"

namespace moe::http {

// The commands that speak of TLS: DOWNSTREAM_TLS_VERSION, UPSTREAM_PEER_URI_SAN and the like; false
// if `name` is none of them. `argument` is what stands between its parentheses.
bool tlsCommand(std::string_view name, std::string_view argument, FormatPiece& piece);

// All but unreserved characters (RFC 3986) as %XX, as Envoy does with certificates.
void urlEncode(std::string_view text, std::string& out);

} // namespace moe::http
