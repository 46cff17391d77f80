#include "route/path_match.h"

#include "route/string_match.h"

namespace moe::route {

absl::StatusOr<PathMatch> PathMatch::compile(const envoy::config::route::v3::RouteMatch& match,
                                             const config::FieldPath& path) {
  using Match = envoy::config::route::v3::RouteMatch;
  PathMatch out;
  out.fold_ = match.has_case_sensitive() && !match.case_sensitive().value();
  switch (match.path_specifier_case()) {
  case Match::kPrefix:
    out.text_ = match.prefix();
    return out;
  case Match::kPath:
    out.kind_ = Kind::Path;
    out.text_ = match.path();
    return out;
  case Match::kPathSeparatedPrefix:
    out.kind_ = Kind::SeparatedPrefix;
    out.text_ = match.path_separated_prefix();
    if (out.text_.size() < 2 || out.text_.front() != '/' || out.text_.back() == '/') {
      return config::fieldError(path.field("path_separated_prefix"), config::inQuotes(out.text_),
                                "a path that begins with / and does not end with it");
    }
    return out;
  case Match::kSafeRegex: {
    auto regex = compileRegex(match.safe_regex(), path.field("safe_regex"));
    if (!regex.ok()) {
      return regex.status();
    }
    out.kind_ = Kind::Regex;
    out.regex_ = std::move(*regex);
    return out;
  }
  case Match::kConnectMatcher:
    out.kind_ = Kind::Connect;
    return out;
  default:
    return config::fieldError(path, "no path",
                              "prefix, path, path_separated_prefix, safe_regex or connect_matcher");
  }
}

bool PathMatch::fits(std::string_view path, bool connect) const {
  if (connect || kind_ == Kind::Connect) {
    return connect && kind_ == Kind::Connect;
  }
  switch (kind_) {
  case Kind::Prefix:
    return fold_ ? startsWithNoCase(path, text_) : path.starts_with(text_);
  case Kind::Path:
    return fold_ ? equalNoCase(path, text_) : path == text_;
  case Kind::SeparatedPrefix:
    return (fold_ ? startsWithNoCase(path, text_) : path.starts_with(text_)) &&
           (path.size() == text_.size() || path[text_.size()] == '/');
  case Kind::Regex:
    return RE2::FullMatch(re2::StringPiece(path.data(), path.size()), *regex_);
  case Kind::Connect:
    break;
  }
  return false;
}

} // namespace moe::route
