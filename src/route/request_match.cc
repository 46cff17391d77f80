#include "route/request_match.h"

#include <charconv>

#include "http/path.h"
#include "route/string_match.h"

namespace moe::route {
namespace {

using envoy::config::route::v3::HeaderMatcher;
using envoy::config::route::v3::QueryParameterMatcher;

absl::StatusOr<TextMatcher> valueMatcher(const HeaderMatcher& matcher,
                                         const config::FieldPath& path) {
  switch (matcher.header_match_specifier_case()) {
  case HeaderMatcher::kStringMatch:
    return compileText(matcher.string_match(), path.field("string_match"));
  case HeaderMatcher::kExactMatch:
    return [text = matcher.exact_match()](std::string_view v) { return v == text; };
  case HeaderMatcher::kPrefixMatch:
    return [text = matcher.prefix_match()](std::string_view v) { return v.starts_with(text); };
  case HeaderMatcher::kSuffixMatch:
    return [text = matcher.suffix_match()](std::string_view v) { return v.ends_with(text); };
  case HeaderMatcher::kContainsMatch:
    return [text = matcher.contains_match()](std::string_view v) {
      return v.find(text) != std::string_view::npos;
    };
  case HeaderMatcher::kSafeRegexMatch: {
    auto regex = compileRegex(matcher.safe_regex_match(), path.field("safe_regex_match"));
    if (!regex.ok()) {
      return regex.status();
    }
    return [regex = std::move(*regex)](std::string_view v) {
      return RE2::FullMatch(re2::StringPiece(v.data(), v.size()), *regex);
    };
  }
  case HeaderMatcher::kRangeMatch:
    return [range = matcher.range_match()](std::string_view v) {
      int64_t number = 0;
      const auto end = std::from_chars(v.data(), v.data() + v.size(), number);
      return !v.empty() && end.ptr == v.data() + v.size() && end.ec == std::errc() &&
             number >= range.start() && number < range.end();
    };
  default:
    return TextMatcher(); // present_match, or nothing: presence
  }
}

uint32_t denominator(const envoy::type::v3::FractionalPercent& percent) {
  switch (percent.denominator()) {
  case envoy::type::v3::FractionalPercent::TEN_THOUSAND:
    return 10'000;
  case envoy::type::v3::FractionalPercent::MILLION:
    return 1'000'000;
  default:
    return 100;
  }
}

} // namespace

absl::StatusOr<RequestMatcher> compileHeaderMatcher(const HeaderMatcher& matcher,
                                                    const config::FieldPath& path) {
  auto fits = valueMatcher(matcher, path);
  if (!fits.ok()) {
    return fits.status();
  }
  std::string name = matcher.name();
  for (char& c : name) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  const bool invert = matcher.invert_match();
  const bool missingIsEmpty = matcher.treat_missing_header_as_empty();
  const bool wantPresent = matcher.header_match_specifier_case() != HeaderMatcher::kPresentMatch ||
                           matcher.present_match();
  return [name = std::move(name), fits = std::move(*fits), invert, missingIsEmpty,
          wantPresent](const http::HeaderMap& headers, uint64_t) {
    std::string storage; // used only for repeated headers
    auto value = headers.joined(name, storage);
    if (!fits) {
      return ((value.has_value() || missingIsEmpty) == wantPresent) != invert;
    }
    if (!value.has_value()) {
      if (!missingIsEmpty) {
        return false; // as Envoy: what is absent does not fit, inverted or not
      }
      value = std::string_view();
    }
    return fits(*value) != invert;
  };
}

absl::StatusOr<std::vector<RequestMatcher>>
compileRequestMatchers(const envoy::config::route::v3::RouteMatch& match,
                       const config::FieldPath& path, config::Runtime* runtime) {
  std::vector<RequestMatcher> out;
  for (int i = 0; i < match.headers_size(); ++i) {
    auto matcher =
        compileHeaderMatcher(match.headers(i), path.field("headers").index(static_cast<size_t>(i)));
    if (!matcher.ok()) {
      return matcher.status();
    }
    out.push_back(std::move(*matcher));
  }
  for (int i = 0; i < match.query_parameters_size(); ++i) {
    const QueryParameterMatcher& query = match.query_parameters(i);
    TextMatcher fits;
    if (query.has_string_match()) {
      auto text = compileText(
          query.string_match(),
          path.field("query_parameters").index(static_cast<size_t>(i)).field("string_match"));
      if (!text.ok()) {
        return text.status();
      }
      fits = std::move(*text);
    }
    const bool wantPresent = !query.has_present_match() || query.present_match();
    out.push_back([name = query.name(), fits = std::move(fits),
                   wantPresent](const http::HeaderMap& headers, uint64_t) {
      const auto value = http::queryParameter(headers.path(), name);
      return fits ? value.has_value() && fits(*value) : value.has_value() == wantPresent;
    });
  }
  if (match.has_runtime_fraction()) {
    const auto& fraction = match.runtime_fraction().default_value();
    const std::string& key = match.runtime_fraction().runtime_key();
    const config::Ratio absent{fraction.numerator(), denominator(fraction)};
    auto ratio = runtime == nullptr || key.empty() ? config::RuntimeRatio(absent)
                                                   : runtime->ratio(key, absent);
    if (!ratio.ok()) {
      return ratio.status();
    }
    out.push_back([ratio = std::move(*ratio)](const http::HeaderMap&, uint64_t random) {
      return ratio.covers(random);
    });
  }
  if (match.has_grpc()) {
    out.push_back([](const http::HeaderMap& headers, uint64_t) {
      const std::string_view type = headers.value(http::HeaderId::ContentType);
      constexpr std::string_view grpc = "application/grpc";
      return type.starts_with(grpc) && (type.size() == grpc.size() || type[grpc.size()] == '+');
    });
  }
  return out;
}

} // namespace moe::route
