#include "config/string_match.h"

#include <algorithm>

#include "base/strings.h"

namespace moe::config {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool containsNoCase(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != text.end() ||
         part.empty();
}

} // namespace

bool equalNoCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

bool startsWithNoCase(std::string_view text, std::string_view prefix) {
  return equalNoCase(text.substr(0, prefix.size()), prefix);
}

absl::StatusOr<std::shared_ptr<const RE2>> compileRegex(std::string_view pattern,
                                                        const FieldPath& path) {
  RE2::Options options;
  options.set_log_errors(false);
  auto regex =
      std::make_shared<const RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!regex->ok()) {
    return fieldError(path, inQuotes(pattern),
                      base::cat("a regular expression (RE2): ", regex->error()));
  }
  return regex;
}

absl::StatusOr<std::shared_ptr<const RE2>>
compileRegex(const envoy::type::matcher::v3::RegexMatcher& matcher, const FieldPath& path) {
  return compileRegex(matcher.regex(), path.field("regex"));
}

absl::StatusOr<TextMatcher> compileText(const envoy::type::matcher::v3::StringMatcher& matcher,
                                        const FieldPath& path) {
  using Matcher = envoy::type::matcher::v3::StringMatcher;
  const bool fold = matcher.ignore_case();
  switch (matcher.match_pattern_case()) {
  case Matcher::kExact:
    return [text = matcher.exact(), fold](std::string_view value) {
      return fold ? equalNoCase(value, text) : value == text;
    };
  case Matcher::kPrefix:
    return [text = matcher.prefix(), fold](std::string_view value) {
      return fold ? startsWithNoCase(value, text) : value.starts_with(text);
    };
  case Matcher::kSuffix:
    return [text = matcher.suffix(), fold](std::string_view value) {
      return value.size() >= text.size() &&
             (fold ? equalNoCase(value.substr(value.size() - text.size()), text)
                   : value.ends_with(text));
    };
  case Matcher::kContains:
    return [text = matcher.contains(), fold](std::string_view value) {
      return fold ? containsNoCase(value, text) : value.find(text) != std::string_view::npos;
    };
  case Matcher::kSafeRegex: {
    auto regex = compileRegex(matcher.safe_regex(), path.field("safe_regex"));
    if (!regex.ok()) {
      return regex.status();
    }
    return [regex = std::move(*regex)](std::string_view value) {
      return RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex);
    };
  }
  default:
    return fieldError(path, "none of them", "exact, prefix, suffix, contains or safe_regex");
  }
}

} // namespace moe::config
