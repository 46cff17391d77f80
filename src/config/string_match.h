#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/type/matcher/v3/regex.pb.h"
#include "envoy/type/matcher/v3/string.pb.h"
#include "re2/re2.h"

namespace moe::config {

// Tells whether a text fits. Immutable; any thread.
using TextMatcher = std::function<bool(std::string_view)>;

// RE2 in full-match mode; never backtracks.
absl::StatusOr<std::shared_ptr<const RE2>> compileRegex(std::string_view pattern,
                                                        const FieldPath& path);
absl::StatusOr<std::shared_ptr<const RE2>>
compileRegex(const envoy::type::matcher::v3::RegexMatcher& matcher, const FieldPath& path);
absl::StatusOr<TextMatcher> compileText(const envoy::type::matcher::v3::StringMatcher& matcher,
                                        const FieldPath& path);

bool equalNoCase(std::string_view a, std::string_view b);
bool startsWithNoCase(std::string_view text, std::string_view prefix);

} // namespace moe::config
