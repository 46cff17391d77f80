#include "config/string_rules.h"

#include <re2/re2.h>
#include <validate/validate.pb.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "config/field_path.h"
#include "config/number_rules.h"
#include "config/utf8.h"

namespace moe::config {
namespace {

/// RFC 9110 token, or a pseudo-header.
bool isHeaderName(std::string_view text) {
  if (absl::StartsWith(text, ":"))
    text.remove_prefix(1);
  if (text.empty())
    return false;
  for (char c : text) {
    if (!absl::ascii_isalnum(c) &&
        std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

/// No control characters but the tab.
bool isHeaderValue(std::string_view text) {
  for (char c : text) {
    if (c != '\t' && absl::ascii_iscntrl(static_cast<unsigned char>(c)))
      return false;
  }
  return true;
}

/// What a rule with `strict: false` still forbids.
bool isLooseHeader(std::string_view text) {
  return text.find_first_of(std::string_view("\0\n\r", 3)) == text.npos;
}

bool isUuid(std::string_view text) {
  if (text.size() != 36)
    return false;
  for (size_t i = 0; i < text.size(); ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !absl::ascii_isxdigit(text[i]))
      return false;
  }
  return true;
}

bool isEmail(std::string_view text) {
  size_t at = text.rfind('@');
  return at != text.npos && at > 0 && at <= 64 && text.size() <= 254 &&
         text.find_first_of(" \t\r\n<>") == text.npos && isHostname(text.substr(at + 1));
}

std::string brokenFormat(const validate::StringRules& rules, std::string_view value) {
  using validate::StringRules;
  auto unless = [](bool ok, const char* expected) { return ok ? std::string() : expected; };
  switch (rules.well_known_case()) {
  case StringRules::kEmail:
    return unless(!rules.email() || isEmail(value), "an email address");
  case StringRules::kHostname:
    return unless(!rules.hostname() || isHostname(value), "a host name");
  case StringRules::kIp:
    return unless(!rules.ip() || isIpv4(value) || isIpv6(value), "an IP address");
  case StringRules::kIpv4:
    return unless(!rules.ipv4() || isIpv4(value), "an IPv4 address");
  case StringRules::kIpv6:
    return unless(!rules.ipv6() || isIpv6(value), "an IPv6 address");
  case StringRules::kUri:
    return unless(!rules.uri() || isAbsoluteUri(value), "a URI with a scheme");
  case StringRules::kUriRef:
    return unless(!rules.uri_ref() || isUriReference(value), "a URI");
  case StringRules::kAddress:
    return unless(!rules.address() || isIpv4(value) || isIpv6(value) || isHostname(value),
                  "an IP address or host name");
  case StringRules::kUuid:
    return unless(!rules.uuid() || isUuid(value), "a UUID");
  case StringRules::kWellKnownRegex: {
    bool isName = rules.well_known_regex() == validate::HTTP_HEADER_NAME;
    bool isStrict = !rules.has_strict() || rules.strict();
    bool ok = !isStrict ? isLooseHeader(value)
              : isName  ? isHeaderName(value)
                        : isHeaderValue(value);
    if (ok)
      return "";
    return isName ? "an HTTP header name" : "an HTTP header value without control characters";
  }
  default:
    return "";
  }
}

/// Rules that texts and bytes share.
template <class Rules> std::string brokenAffix(const Rules& rules, std::string_view value) {
  auto show = [](std::string_view text) { return inQuotes(text); };
  if (rules.has_const_() && value != rules.const_())
    return show(rules.const_());
  if (rules.has_prefix() && !absl::StartsWith(value, rules.prefix())) {
    return absl::StrCat("a value that starts with ", show(rules.prefix()));
  }
  if (rules.has_suffix() && !absl::EndsWith(value, rules.suffix())) {
    return absl::StrCat("a value that ends with ", show(rules.suffix()));
  }
  if (rules.has_contains() && !absl::StrContains(value, rules.contains())) {
    return absl::StrCat("a value that contains ", show(rules.contains()));
  }
  return brokenSet(rules, value, show);
}

std::string atLeast(uint64_t least, std::string_view unit) {
  return absl::StrCat("at least ", least, " ", unit, least == 1 ? "" : "s");
}
std::string atMost(uint64_t most, std::string_view unit) {
  return absl::StrCat("at most ", most, " ", unit, most == 1 ? "" : "s");
}

} // namespace

PatternCache::PatternCache() = default;
PatternCache::~PatternCache() = default;

bool PatternCache::matches(const std::string& pattern, std::string_view text) {
  auto& regex = compiled_[pattern];
  if (regex == nullptr)
    regex = std::make_unique<re2::RE2>(pattern, re2::RE2::Quiet);
  return regex->ok() && re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *regex);
}

std::string brokenRule(const validate::StringRules& rules, std::string_view value,
                       PatternCache& patterns) {
  if (rules.ignore_empty() && value.empty())
    return "";
  const size_t characters = utf8Length(value);
  if (rules.has_len() && characters != rules.len()) {
    return absl::StrCat(rules.len(), " characters");
  }
  if (rules.has_min_len() && characters < rules.min_len()) {
    return atLeast(rules.min_len(), "character");
  }
  if (rules.has_max_len() && characters > rules.max_len()) {
    return atMost(rules.max_len(), "character");
  }
  if (rules.has_len_bytes() && value.size() != rules.len_bytes()) {
    return absl::StrCat(rules.len_bytes(), " bytes");
  }
  if (rules.has_min_bytes() && value.size() < rules.min_bytes()) {
    return atLeast(rules.min_bytes(), "byte");
  }
  if (rules.has_max_bytes() && value.size() > rules.max_bytes()) {
    return atMost(rules.max_bytes(), "byte");
  }
  if (std::string broken = brokenAffix(rules, value); !broken.empty())
    return broken;
  if (rules.has_not_contains() && absl::StrContains(value, rules.not_contains())) {
    return absl::StrCat("a value without ", inQuotes(rules.not_contains()));
  }
  if (std::string broken = brokenFormat(rules, value); !broken.empty())
    return broken;
  if (rules.has_pattern() && !patterns.matches(rules.pattern(), value)) {
    return absl::StrCat("a match of the pattern ", inQuotes(rules.pattern()));
  }
  return "";
}

std::string brokenRule(const validate::BytesRules& rules, std::string_view value,
                       PatternCache& patterns) {
  if (rules.ignore_empty() && value.empty())
    return "";
  if (rules.has_len() && value.size() != rules.len())
    return absl::StrCat(rules.len(), " bytes");
  if (rules.has_min_len() && value.size() < rules.min_len())
    return atLeast(rules.min_len(), "byte");
  if (rules.has_max_len() && value.size() > rules.max_len())
    return atMost(rules.max_len(), "byte");
  if (std::string broken = brokenAffix(rules, value); !broken.empty())
    return broken;
  if (rules.ip() && value.size() != 4 && value.size() != 16)
    return "an address of 4 or 16 bytes";
  if (rules.ipv4() && value.size() != 4)
    return "an address of 4 bytes";
  if (rules.ipv6() && value.size() != 16)
    return "an address of 16 bytes";
  if (rules.has_pattern() && !patterns.matches(rules.pattern(), value)) {
    return absl::StrCat("a match of the pattern ", inQuotes(rules.pattern()));
  }
  return "";
}

} // namespace moe::config
