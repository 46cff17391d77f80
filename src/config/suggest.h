#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moe::config {

/// `did you mean "a" or "b"?` with the candidates (at most three) that differ least from `word`, or
/// "" where none is near.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

} // namespace moe::config
