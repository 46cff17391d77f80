#pragma once

#include <cstdint>
#include <string_view>

namespace moe::http {

// The reason phrase of a status (RFC 9110 section 15); "Unknown" if it has none.
std::string_view reasonPhrase(uint32_t status);

} // namespace moe::http
