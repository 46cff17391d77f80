#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}
namespace validate {
class StringRules;
class BytesRules;
} // namespace validate

namespace moe::config {

/// Patterns compiled once for each Validator.
class PatternCache {
public:
  PatternCache();
  ~PatternCache();
  /// True where any part of `text` matches; a pattern that does not compile matches nothing.
  bool matches(const std::string& pattern, std::string_view text);

private:
  std::map<std::string, std::unique_ptr<re2::RE2>, std::less<>> compiled_;
};

/// What `value` breaks, as the text of what was expected, or "".
std::string brokenRule(const validate::StringRules& rules, std::string_view value,
                       PatternCache& patterns);
std::string brokenRule(const validate::BytesRules& rules, std::string_view value,
                       PatternCache& patterns);

bool isIpv4(std::string_view text);
bool isIpv6(std::string_view text);
/// RFC 1034 section 3.5, with digits first allowed (RFC 1123 section 2.1); at most 253 bytes.
bool isHostname(std::string_view text);
/// RFC 3986: only characters of a URI, whole percent escapes, and for an absolute URI a scheme.
bool isUriReference(std::string_view text);
bool isAbsoluteUri(std::string_view text);

} // namespace moe::config
