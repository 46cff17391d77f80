#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/time.h"
#include "config/field_path.h"
#include "envoy/config/route/v3/route_components.pb.h"
#include "route/request_match.h"

namespace moe::route {

// What makes a request worth another try: bits, each a word of Envoy's x-envoy-retry-on or
// x-envoy-retry-grpc-on.
enum class RetryOn : uint32_t {
  ServerError = 1u << 0, // 5xx
  GatewayError = 1u << 1,
  Reset = 1u << 2,
  ConnectFailure = 1u << 3,
  RateLimited = 1u << 4, // envoy-ratelimited
  Retriable4xx = 1u << 5,
  RefusedStream = 1u << 6,
  StatusCodes = 1u << 7, // retriable-status-codes
  Headers = 1u << 8,     // retriable-headers
  GrpcCancelled = 1u << 9,
  GrpcDeadlineExceeded = 1u << 10,
  GrpcInternal = 1u << 11,
  GrpcResourceExhausted = 1u << 12,
  GrpcUnavailable = 1u << 13,
  ResetBeforeRequest = 1u << 14,
};

// The bits of a list of words; words that are none are skipped, and told to `unknown` if it is set.
uint32_t parseRetryOn(std::string_view words, std::string* unknown = nullptr);

// A RetryPolicy of a route or a virtual host (envoy.config.route.v3.RetryPolicy). Immutable.
struct RetryPolicy {
  uint32_t on = 0; // RetryOn
  uint32_t retries = 1;
  base::Milliseconds perTryTimeout{0}; // 0: none
  base::Milliseconds baseInterval{25}; // of the back-off, before jitter
  base::Milliseconds maxInterval{250};
  std::vector<uint32_t> statusCodes;
  std::vector<RequestMatcher> responseHeaders; // retriable-headers: any of them
  std::vector<RequestMatcher> requestHeaders;  // if there are any, one must fit, or none is retried
  bool otherHosts = false;                     // than those that were tried
  uint32_t hostAttempts = 1;                   // choices of a host in one try

  static absl::StatusOr<RetryPolicy> compile(const envoy::config::route::v3::RetryPolicy& proto,
                                             const config::FieldPath& path);
};

} // namespace moe::route
