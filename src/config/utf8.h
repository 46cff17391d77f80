#pragma once

#include <cstddef>
#include <string_view>

namespace moe::config {

/// True for well-formed UTF-8 (RFC 3629): no surrogates, no overlong forms. proto3 strings must be.
bool isUtf8(std::string_view text);

/// Characters in well-formed UTF-8.
size_t utf8Length(std::string_view text);

} // namespace moe::config
