#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/route/v3/route_components.pb.h"
#include "re2/re2.h"

namespace moe::route {

// The path specifier of a RouteMatch. Immutable; any thread.
class PathMatch {
public:
  static absl::StatusOr<PathMatch> compile(const envoy::config::route::v3::RouteMatch& match,
                                           const config::FieldPath& path);
  // `path` is without query and fragment.
  bool fits(std::string_view path, bool connect) const;

  // What prefix_rewrite replaces: this prefix, or the whole path.
  const std::string& prefix() const { return text_; }
  bool whole() const { return kind_ == Kind::Path || kind_ == Kind::Regex; }

private:
  enum class Kind { Prefix, Path, SeparatedPrefix, Regex, Connect };
  Kind kind_ = Kind::Prefix;
  bool fold_ = false;
  std::string text_;
  std::shared_ptr<const RE2> regex_;
};

} // namespace moe::route
