#pragma once

#include "route/path_match.h"
#include "route/route_entry.h"

namespace moe::route {

// A route of a virtual host with what it matches.
struct CompiledRoute {
  PathMatch path;
  std::vector<RequestMatcher> matchers;
  std::vector<std::unique_ptr<RouteEntry>> entries; // one, or one a weighted cluster
  std::vector<uint64_t> bounds;                     // cumulative weights of the entries
  uint64_t totalWeight = 0;

  bool fits(std::string_view path, bool connect, const http::HeaderMap& headers,
            uint64_t random) const;
  const RouteEntry& choose(uint64_t random) const;
};

// `host` outlives the result.
absl::StatusOr<CompiledRoute> compileRoute(const envoy::config::route::v3::Route& proto,
                                           const HostLevel& host, bool validateClusters,
                                           uint32_t maxDirectBody, const RouteTableContext& context,
                                           const config::FieldPath& path);

} // namespace moe::route
