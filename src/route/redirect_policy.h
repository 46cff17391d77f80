#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/route/v3/route_components.pb.h"

namespace moe::route {

// RouteAction.internal_redirect_policy: which redirects of an upstream the proxy follows itself.
struct RedirectPolicy {
  uint32_t maxRedirects = 1; // of one request of a client
  std::vector<uint32_t> statuses{302};
  bool crossScheme = false;
  std::vector<std::string> copiedHeaders; // of the response, in lower case

  bool follows(uint32_t status) const;
  static absl::StatusOr<RedirectPolicy>
  compile(const envoy::config::route::v3::InternalRedirectPolicy& proto,
          const config::FieldPath& path);
};

} // namespace moe::route
