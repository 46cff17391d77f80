#pragma once

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "config/runtime.h"
#include "envoy/config/route/v3/route_components.pb.h"
#include "http/header_map.h"
#include "http/stream_info.h"

namespace moe::route {

// Tells whether a request fits; made of RouteMatch's parts besides the path.
using RequestMatcher = std::function<bool(const http::HeaderMap&, uint64_t random)>;

absl::StatusOr<RequestMatcher>
compileHeaderMatcher(const envoy::config::route::v3::HeaderMatcher& matcher,
                     const config::FieldPath& path);

// headers, query_parameters, runtime_fraction and grpc of a RouteMatch; all must fit. `runtime` may
// be null: its keys say nothing.
absl::StatusOr<std::vector<RequestMatcher>>
compileRequestMatchers(const envoy::config::route::v3::RouteMatch& match,
                       const config::FieldPath& path, config::Runtime* runtime);

} // namespace moe::route
