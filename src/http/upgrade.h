#pragma once

#include "http/header_map.h"

namespace moe::http {

// Whether a message asks for (or answers with) another protocol: it has Upgrade, and one of its
// Connection headers says so (RFC 9110 section 7.8).
bool isUpgrade(const HeaderMap& headers);

} // namespace moe::http
