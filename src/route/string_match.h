#pragma once

#include "config/string_match.h"

// The matchers of texts, which libraries above this one use, too.
namespace moe::route {

using config::compileRegex;
using config::compileText;
using config::equalNoCase;
using config::startsWithNoCase;
using config::TextMatcher;

} // namespace moe::route
