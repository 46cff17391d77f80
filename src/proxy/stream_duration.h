#pragma once

#include <optional>

#include "base/time.h"
#include "http/grpc.h"
#include "http/header_map.h"
#include "route/stream_limits.h"

namespace moe::proxy {

// The request's grpc-timeout; nothing if it is absent or malformed. Parts of a microsecond, or of a
// millisecond, round up.
std::optional<std::chrono::microseconds> grpcDeadline(const http::HeaderMap& request);
std::optional<base::Milliseconds> grpcTimeout(const http::HeaderMap& request);
// At most eight digits, in the smallest unit that holds the time.
void setGrpcTimeout(http::HeaderMap& request, base::Milliseconds timeout);

// How long a stream may last, from its beginning; nothing: no limit. `limits` are the route's (may
// be null), `common` is the connection manager's max_stream_duration (0: none). What the upstream
// is to know of it goes into the grpc-timeout of a gRPC request.
std::optional<base::Milliseconds> streamDuration(const route::StreamLimits* limits,
                                                 base::Milliseconds common,
                                                 http::HeaderMap& request);

// The router's timeout for the whole response; 0: none. `routeTimeout` is RouteAction.timeout.
base::Milliseconds responseTimeout(const route::StreamLimits& limits,
                                   base::Milliseconds routeTimeout, http::HeaderMap& request);

} // namespace moe::proxy
